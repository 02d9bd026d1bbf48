//! Command lines that cannot be, and the one line that says so.

use super::*;

fn says(cases: &[(&str, &str)], inputs: &Fake) {
    for (line, expected) in cases {
        let error = check(line, inputs).map(|command| describe(&command)).expect_err(line).to_string();
        assert_eq!(error, *expected, "{line}");
        assert!(!error.contains("s3cret") && !error.contains('\n') && error.len() < 300, "{line}: {error}");
    }
}

/// The parser itself refuses these.
fn does_not_parse(lines: &[&str]) {
    for line in lines {
        let parsed = Cli::try_parse_from(words(&format!("raincheck check {line}")));
        assert!(parsed.is_err(), "{line}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_reason() {
    says(
        &[
            ("--ice-servers none", "--ice-servers: cannot read \"none\": entity not found"),
            ("--ice-servers directory", "--ice-servers: cannot read \"directory\": is a directory"),
            ("--ice-servers huge", "--ice-servers: \"huge\" is larger than 1024 KiB"),
            (
                "--ice-servers empty",
                "--ice-servers: \"empty\", it is empty; it should hold an array of RTCIceServer objects",
            ),
            (
                "--ice-servers wrong.json",
                "--ice-servers: \"wrong.json\", line 2, column 12: not JSON (expected ident)",
            ),
            (
                "--ice-servers shape.json",
                "--ice-servers: \"shape.json\", iceServers[0].urls[1]: there is no // after turn:, unlike in a web address; write turn:HOST[:PORT]",
            ),
            (
                "--turn turn:a --username u --credential-file none",
                "--credential-file: cannot read \"none\": entity not found",
            ),
            (
                "--turn turn:a --username u --credential-file empty",
                "--credential-file: \"empty\" is empty; it should hold the secret on one line",
            ),
            (
                "--turn turn:a --username u --credential-file lines",
                "--credential-file: \"lines\" holds more than one line; it should hold the secret on one line",
            ),
            ("--turn-secret-file binary", "--turn-secret-file: \"binary\" is not text in UTF-8"),
            ("--turn-secret-file huge", "--turn-secret-file: \"huge\" is larger than 16 KiB"),
            (
                "--proxy-credential-file nocolon",
                "--proxy-credential-file: \"nocolon\" should hold user:password on one line, and there is no colon in it",
            ),
            ("--ca-file none", "--ca-file: cannot read \"none\": entity not found"),
            (
                "--ca-file notca",
                "--ca-file: \"notca\" holds no certificate; it should hold PEM, with lines BEGIN CERTIFICATE",
            ),
            (
                "--ca-file der",
                "--ca-file: \"der\" is a certificate in binary form; convert it: openssl x509 -inform der -in FILE -out FILE.pem",
            ),
            ("--ca-file cut.pem", "--ca-file: \"cut.pem\" is not whole: certificate 1 cannot be read as PEM"),
        ],
        &Fake::new(),
    );
}

#[test]
fn a_wrong_uri_is_told_with_its_number() {
    says(
        &[
            ("--turn ''", "--turn: it is empty; write turn:HOST[:PORT][?transport=udp|tcp]"),
            ("--turn turn.example", "--turn: the scheme is missing; write turn:turn.example"),
            ("--turn http://a", "--turn: the scheme \"http\" is not stun, stuns, turn or turns"),
            (
                "--turn turn:a --turn turn:b:x",
                "--turn (number 2): the port \"x\" is not a number from 1 to 65535",
            ),
            (
                "--turn turn:u:s3cret@a",
                "--turn: there is a user name before @; credentials are given apart from the URI",
            ),
            // The URI is looked at before the files.
            (
                "--turn turn:a? --username u --credential-file none",
                "--turn: the query \"\" is not transport=udp or transport=tcp",
            ),
        ],
        &Fake::new(),
    );
    let many = "--turn turn:a ".repeat(65);
    says(&[(&many, "--turn: more than 64 servers")], &Fake::new());
}

#[test]
fn half_of_a_pair_names_the_other_half() {
    let no_credential =
        "--username needs --credential-file FILE, RAINCHECK_CREDENTIAL or --turn-secret-file FILE";
    says(
        &[
            ("--turn turn:a --username u", no_credential),
            ("--username u", no_credential),
            ("--turn turn:a --credential-file secret", "--credential-file needs --username NAME beside it"),
            ("--rainbow-host h", "--rainbow-host needs --rainbow-login LOGIN"),
            ("--rainbow-login l", "--rainbow-login needs --rainbow-host HOST"),
            ("--rainbow-app-id i", "signing in needs --rainbow-host HOST and --rainbow-login LOGIN"),
            (
                "--rainbow-host h --rainbow-login l --rainbow-app-id i",
                "--rainbow-app-id needs --rainbow-app-secret-file FILE",
            ),
            (
                "--rainbow-host h --rainbow-login l --rainbow-app-secret-file app",
                "--rainbow-app-secret-file needs --rainbow-app-id ID",
            ),
            (
                "--rainbow-host h --rainbow-login l",
                "--rainbow-login: no password; use --rainbow-password-file FILE or RAINCHECK_RAINBOW_PASSWORD, or run in a terminal",
            ),
        ],
        &Fake::new(),
    );
    let env = Fake::new().env("RAINCHECK_CREDENTIAL", "s3cret");
    says(&[("--turn turn:a", "RAINCHECK_CREDENTIAL needs --username NAME beside it")], &env);
}

#[test]
fn a_secret_on_the_command_line_is_refused_without_repeating_it() {
    let line = |flag: &str, instead: &str| {
        format!("{flag} is not accepted, since other users can read the command line; use {instead}")
    };
    let credential = line("--credential", "--credential-file FILE or RAINCHECK_CREDENTIAL");
    let rainbow = line("--rainbow-password", "--rainbow-password-file FILE or RAINCHECK_RAINBOW_PASSWORD");
    let proxy = line("--proxy-credential", "--proxy-credential-file FILE");
    let url = "--proxy: a password cannot stand in the URL, since other users can read the command line; use --proxy-credential-file";
    says(
        &[
            ("--turn turn:a --username u --credential s3cret", &credential),
            ("--credential=s3cret", &credential),
            ("--credential", &credential),
            ("--credentials=s3cret", &credential),
            ("--password s3cret", &credential),
            ("--turn-secret s3cret", &line("--turn-secret", "--turn-secret-file FILE")),
            ("--rainbow-password s3cret", &rainbow),
            ("--rainbow-app-secret s3cret", &line("--rainbow-app-secret", "--rainbow-app-secret-file FILE")),
            ("--proxy-credential bob:s3cret", &proxy),
            ("--proxy-user bob:s3cret", &proxy),
            ("--proxy http://bob:s3cret@p:3128", url),
            ("--proxy bob:s3cret@p", url),
        ],
        &Fake::new(),
    );
}

#[test]
fn names_and_numbers_that_cannot_be_are_told_with_what_would_do() {
    let profiles = "is not known; try chromium, firefox, mobile, gateway, gateway-tls or rfc8445";
    let scenarios = "is not known; try open, udp-blocked, only-443, proxy-only, proxy-auth, tls-intercepted, http-inspection, dtls-eaten, bad-credentials, one-server-down, stun-dropped-inside, slow-udp or nothing-works";
    let seconds = "is not a number of seconds up to 86400, such as 10 or 2.5";
    let nearest = "is not a number from 1 to 1000; for all servers use --all";
    let resolve = "is not HOST=IP, such as turn.example=192.0.2.1";
    let cases: Vec<(String, String)> = [
        ("--profile", "chrome", profiles),
        ("--profile", "chromium@x", profiles),
        ("--profile", "chromium@", profiles),
        ("--profile", "", profiles),
        ("--lab", "nope", scenarios),
        ("--lab", "", scenarios),
        ("--server", "turn-rbx9", "is not known; try turn-rbx1 or turn-rbx2"),
        ("--server", "refrigerator", "is not known; raincheck catalog servers lists them"),
        ("--region", "atlantis", "is not known; raincheck catalog servers lists them"),
        ("--region", "frnace", "is not known; did you mean france?"),
        ("--media", "x", seconds),
        ("--media", "1e3", seconds),
        ("--media", "inf", seconds),
        ("--media", "NaN", seconds),
        ("--media", "-1", seconds),
        ("--media", "86401", seconds),
        ("--media", "", seconds),
        ("--deadline", "0", seconds),
        ("--deadline", "1.2.3", seconds),
        ("--nearest", "0", nearest),
        ("--nearest", "two", nearest),
        ("--nearest", "-1", nearest),
        ("--nearest", "1001", nearest),
        ("--seed", "x", "is not a whole number of at most 64 bits"),
        ("--seed", "18446744073709551616", "is not a whole number of at most 64 bits"),
        ("--resolve", "a", resolve),
        ("--resolve", "a=b", resolve),
        ("--resolve", "=192.0.2.1", resolve),
        ("--resolve", "a:80=192.0.2.1", resolve),
        ("--resolve", "192.0.2.2=192.0.2.1", resolve),
        ("--resolve", "a=[192.0.2.1]", resolve),
        ("--interface", "", "is not the name of an interface or a local address"),
        ("--interface", "a\tb", "is not the name of an interface or a local address"),
    ]
    .map(|(flag, value, what)| (format!("'{flag}={value}'"), format!("{flag}: {value:?} {what}")))
    .into();
    let cases: Vec<_> = cases.iter().map(|(line, error)| (line.as_str(), error.as_str())).collect();
    says(&cases, &Fake::new());
    let host = "is not a host, such as openrainbow.com or rainbow.example:8443";
    for wrong in ["http://h", "h/path", "h:0", "u:s@h", "a b", "https://h:443/x"] {
        let line = format!("'--rainbow-host={wrong}' --rainbow-login l");
        let error = check(&line, &Fake::new()).map(|_| ()).expect_err(wrong).to_string();
        assert_eq!(error, format!("--rainbow-host: {wrong:?} {host}"));
    }
}

#[test]
fn proxies_that_cannot_be_are_told_with_where_they_came_from() {
    says(
        &[
            (
                "--proxy socks5://p:1080",
                "--proxy: SOCKS proxies are not supported yet; use an HTTP proxy, or --proxy none",
            ),
            ("--proxy ftp://p", "--proxy: the scheme \"ftp\" is not http or https; write http://HOST:PORT"),
            ("--proxy http://p:99999", "--proxy: the port \"99999\" is not a number from 1 to 65535"),
            ("--proxy http://p/x", "--proxy: nothing can follow the host and port; write http://HOST:PORT"),
            (
                "--proxy none --proxy p:1",
                "--proxy none cannot be used with another --proxy: none means no proxy at all",
            ),
            (
                "--proxy none --proxy-credential-file proxyauth",
                "--proxy-credential-file cannot be used with --proxy none: there is no proxy to give them to",
            ),
            (
                "--pac http://pac.example/proxy.pac",
                "--pac is not supported yet; give the proxy that the script chooses with --proxy http://HOST:PORT",
            ),
        ],
        &Fake::new(),
    );
    let socks = Fake::new().env("ALL_PROXY", "socks5h://bob:s3cret@p:1080");
    says(
        &[("", "ALL_PROXY: SOCKS proxies are not supported yet; use an HTTP proxy, or --proxy none")],
        &socks,
    );
    let wrong = Fake::new().env("https_proxy", "http://bob:s3cret@p:x");
    says(&[("", "https_proxy: the port \"x\" is not a number from 1 to 65535")], &wrong);
}

#[test]
fn two_sources_at_once_are_refused() {
    says(
        &[
            (
                "--ice-servers one.json --username u",
                "--username cannot be used with --ice-servers: that file holds the credentials",
            ),
            (
                "--ice-servers one.json --turn-secret-file secret",
                "--turn-secret-file cannot be used with --ice-servers: that file holds the credentials",
            ),
            (
                "--ice-servers one.json --server a",
                "--ice-servers cannot be used with --server: that one chooses from the shipped catalog",
            ),
            (
                "--turn turn:a --region europe",
                "--turn cannot be used with --region: that one chooses from the shipped catalog",
            ),
            (
                "--rainbow-host h --rainbow-login l --region europe",
                "--rainbow-host cannot be used with --region: that one chooses from the shipped catalog",
            ),
            (
                "--rainbow-host h --rainbow-login l --username u",
                "--username cannot be used with --rainbow-host: the platform gives the credentials",
            ),
            (
                "--turn turn:a --rainbow-password-file secret",
                "--turn cannot be used with --rainbow-password-file: give one source of servers",
            ),
            (
                "--turn turn:a --nearest 1",
                "--nearest cannot be used with servers that are named: those are all used",
            ),
            (
                "--ice-servers - --ca-file -",
                "--ice-servers and --ca-file both read standard input; give one of them a file",
            ),
        ],
        &Fake::new(),
    );
    does_not_parse(&[
        "--ice-servers one.json --turn turn:a",
        "--ice-servers one.json --rainbow-host h",
        "--turn turn:a --rainbow-login l",
        "--credential-file secret --turn-secret-file secret",
        "--nearest 1 --all",
        "-4 -6",
        "-v -q",
        "--lab --turn turn:a",
        "--lab --ice-servers one.json",
        "--lab --rainbow-host h",
        "--lab --server a",
        "--lab --region europe",
        "--lab --proxy none",
        "--lab --username u",
        "--lab udp-blocked",
        "--format sdp",
        "--policy none",
        "--media-permission maybe",
        "--patience none",
        "--color maybe",
        "stray",
    ]);
}

#[test]
fn a_clock_that_is_off_is_told_before_credentials_are_made_with_it() {
    let early = Fake { now: 86_400, ..Fake::new() };
    let line = |year| {
        format!(
            "--turn-secret-file: this computer's clock says {year}, so the credentials would be refused; set the clock"
        )
    };
    says(&[("--turn turn:a --turn-secret-file secret", &line(1970))], &early);
    let late = Fake { now: 4_200_000_000, ..Fake::new() };
    says(&[("--turn turn:a --turn-secret-file secret", &line(2103))], &late);
    assert!(check("--turn turn:a", &early).is_ok(), "nothing else needs the wall clock");
}

#[test]
fn gather_has_its_own_formats_and_no_media() {
    use super::super::super::args::GatherFormat;
    for (name, format) in [
        ("text", GatherFormat::Text),
        ("json", GatherFormat::Json),
        ("sdp", GatherFormat::Sdp),
        ("trickle", GatherFormat::Trickle),
    ] {
        let command = gather(&format!("--format {name} --lab"), &Fake::new()).expect(name);
        assert_eq!((command.format, command.lab.as_deref()), (format, Some("open")));
    }
    assert!(Cli::try_parse_from(["raincheck", "gather", "--media", "3"]).is_err());
    assert!(Cli::try_parse_from(["raincheck", "gather", "--format", "nagios"]).is_err());
}
