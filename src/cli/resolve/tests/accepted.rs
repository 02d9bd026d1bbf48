//! Command lines that mean something, and what they mean.

use super::*;

fn means(cases: &[(&str, &str)], inputs: &Fake) {
    for (line, expected) in cases {
        let command = check(line, inputs).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(describe(&command), *expected, "{line}");
        let shown = format!("{command:?}");
        assert!(!shown.contains("s3cret"), "{line}: a secret is in {shown}");
    }
}

#[test]
fn defaults_are_those_of_the_contract() {
    means(&[("", "catalog[]")], &Fake::new());
    let settings = check("", &Fake::new()).expect("settings").settings;
    assert_eq!(settings.nearest, Some(2));
    assert_eq!((settings.media.as_secs(), settings.deadline.as_secs()), (5, 20));
    assert!(settings.media_permission);
    let gather = gather("", &Fake::new()).expect("settings").settings;
    assert_eq!((gather.media.as_secs(), gather.deadline.as_secs()), (0, 15));
}

#[test]
fn servers_come_from_where_the_flags_say() {
    let json = "one.json[turn:json.example<j=s3cret-j> stun:json.example]";
    means(
        &[
            ("--ice-servers one.json", &format!("{json} nearest=None")),
            ("--ice-servers=one.json --all", &format!("{json} nearest=None")),
            ("--turn turn:a.example", "--turn[turn:a.example] nearest=None"),
            (
                "--turn=turns:a:443 --turn turn:b?transport=tcp",
                "--turn[turns:a:443 turn:b?transport=tcp] nearest=None",
            ),
            ("--turn stun:a --turn turn:[2001:db8::1]", "--turn[stun:a turn:[2001:db8::1]] nearest=None"),
            ("--turn TURN:a", "--turn[TURN:a] nearest=None"),
            (
                "--turn turn:a --username u --credential-file secret",
                "--turn[turn:a<u=s3cret-f>] nearest=None",
            ),
            (
                "--turn turn:a --turn stun:b --username u --credential-file secret",
                "--turn[turn:a<u=s3cret-f> stun:b] nearest=None",
            ),
            ("--username u --credential-file secret", "catalog[]<u=s3cret-f>"),
            ("--region europe", "catalog[]europe"),
            ("--server turn-rbx1", "catalog[turn-rbx1] nearest=None"),
            (
                "--server rbx1 --server turn-rbx2.openrainbow.com",
                "catalog[rbx1 turn-rbx2.openrainbow.com] nearest=None",
            ),
            ("--all", "catalog[] nearest=None"),
            ("--nearest 1", "catalog[] nearest=Some(1)"),
            ("--nearest=28", "catalog[] nearest=Some(28)"),
            ("--region europe --nearest 3", "catalog[]europe nearest=Some(3)"),
        ],
        &Fake::new(),
    );
}

#[test]
fn standard_input_serves_any_one_file() {
    let stdin = |text| Fake { stdin: text, ..Fake::new() };
    means(
        &[("--ice-servers -", "standard input[turn:in.example] nearest=None")],
        &stdin(r#"{"urls": "turn:in.example"}"#),
    );
    means(
        &[
            ("--turn turn:a --username u --credential-file -", "--turn[turn:a<u=s3cret-in>] nearest=None"),
            ("--rainbow-host h --rainbow-login l --rainbow-password-file -", "rainbow[h l=s3cret-in]"),
        ],
        &stdin("s3cret-in\r\n"),
    );
}

#[test]
fn credentials_come_from_the_environment_and_a_file_wins() {
    let inputs = Fake::new().env("RAINCHECK_CREDENTIAL", "s3cret-env");
    means(
        &[
            ("--turn turn:a --username u", "--turn[turn:a<u=s3cret-env>] nearest=None"),
            (
                "--turn turn:a --username u --credential-file secret",
                "--turn[turn:a<u=s3cret-f>] nearest=None",
            ),
            ("--username u", "catalog[]<u=s3cret-env>"),
            (
                "--ice-servers one.json",
                "one.json[turn:json.example<j=s3cret-j> stun:json.example] nearest=None",
            ),
            ("--lab", "the lab[] nearest=None lab=open"),
        ],
        &inputs,
    );
    let empty = Fake::new().env("RAINCHECK_CREDENTIAL", "");
    means(&[("--turn turn:a", "--turn[turn:a] nearest=None")], &empty);
}

#[test]
fn a_shared_secret_makes_credentials_for_an_hour() {
    // The secret is in the file `secret`; printf NAME | openssl dgst -sha1 -hmac s3cret-f -binary | base64
    means(
        &[
            (
                "--turn turn:a --turn-secret-file secret",
                "--turn[turn:a<1800003600:raincheck=84vv6LDzvkuymOJl5gcMq5C4J1k=>] nearest=None",
            ),
            (
                "--turn turn:a --turn-secret-file secret --username alice",
                "--turn[turn:a<1800003600:alice=HOvwA0hr9oIszl4NAOTO69ohdrM=>] nearest=None",
            ),
            ("--turn-secret-file secret", "catalog[]<1800003600:raincheck=84vv6LDzvkuymOJl5gcMq5C4J1k=>"),
        ],
        &Fake::new(),
    );
}

#[test]
fn the_vendors_password_comes_from_file_environment_or_a_person() {
    let login = "--rainbow-host openrainbow.com --rainbow-login me@x";
    let file = format!("{login} --rainbow-password-file secret");
    let application = format!("{file} --rainbow-app-id id --rainbow-app-secret-file app");
    means(
        &[
            (&file, "rainbow[openrainbow.com me@x=s3cret-f]"),
            (&application, "rainbow[openrainbow.com me@x=s3cret-f id=s3cret-app]"),
            (&format!("{file} --nearest 5"), "rainbow[openrainbow.com me@x=s3cret-f] nearest=Some(5)"),
            (&format!("{file} --all"), "rainbow[openrainbow.com me@x=s3cret-f] nearest=None"),
            (&file.replace("openrainbow.com", "h:8443"), "rainbow[h:8443 me@x=s3cret-f]"),
            (&file.replace("openrainbow.com", "https://h/"), "rainbow[h me@x=s3cret-f]"),
            (&file.replace("openrainbow.com", "[::1]:8443"), "rainbow[[::1]:8443 me@x=s3cret-f]"),
        ],
        &Fake::new(),
    );
    let env = Fake::new().env("RAINCHECK_RAINBOW_PASSWORD", "s3cret-env");
    means(
        &[
            (login, "rainbow[openrainbow.com me@x=s3cret-env]"),
            (&file, "rainbow[openrainbow.com me@x=s3cret-f]"),
        ],
        &env,
    );
    assert!(env.asked.borrow().is_empty());
    let person = Fake { typed: Some("s3cret-typed"), ..Fake::new() };
    means(&[(login, "rainbow[openrainbow.com me@x=s3cret-typed]")], &person);
    assert_eq!(*person.asked.borrow(), ["Password of me@x: "]);
}

#[test]
fn the_client_and_the_run_are_as_asked() {
    means(
        &[
            ("--profile chromium", "catalog[]"),
            ("--profile chromium@145", "catalog[] Chromium@Some(145)"),
            ("--profile chromium@145.0.7632.1", "catalog[] Chromium@Some(145)"),
            ("--profile firefox", "catalog[] Firefox@None"),
            ("--profile mobile", "catalog[] Mobile@None"),
            ("--profile gateway", "catalog[] Gateway@None"),
            ("--profile gateway-tls", "catalog[] GatewayTls@None"),
            ("--profile=rfc8445", "catalog[] Rfc8445@None"),
            ("--policy relay", "catalog[] relay-only"),
            ("--policy all", "catalog[]"),
            ("--media-permission no", "catalog[] no-microphone"),
            ("--media-permission yes", "catalog[]"),
            ("--media 0", "catalog[] media=0ns deadline=15s"),
            ("--media 60", "catalog[] media=60s deadline=75s"),
            ("--media 2.5", "catalog[] media=2.5s deadline=17.5s"),
            ("--media 60 --deadline 30", "catalog[] media=60s deadline=30s"),
            ("--deadline 3", "catalog[] deadline=3s"),
            ("--deadline .5", "catalog[] deadline=500ms"),
            ("--patience client", "catalog[] client-patience deadline=65s"),
            ("--patience prompt", "catalog[]"),
            ("--seed 7", "catalog[] seed=7"),
            ("--seed 18446744073709551615", "catalog[] seed=18446744073709551615"),
            ("--lab", "the lab[] nearest=None lab=open"),
            ("--lab=udp-blocked", "the lab[] nearest=None lab=udp-blocked"),
            ("--lab=proxy-auth --profile gateway", "the lab[] Gateway@None nearest=None lab=proxy-auth"),
            ("--lab --all", "the lab[] nearest=None lab=open"),
        ],
        &Fake::new(),
    );
}

#[test]
fn the_network_is_as_asked() {
    means(
        &[
            ("-4", "catalog[] no-v6"),
            ("--ipv6", "catalog[] no-v4"),
            ("--interface eth0", "catalog[] Some(Name(\"eth0\"))"),
            ("--interface 'Ethernet 2'", "catalog[] Some(Name(\"Ethernet 2\"))"),
            ("--interface 192.0.2.1", "catalog[] Some(Address(192.0.2.1))"),
            ("--interface [2001:db8::1]", "catalog[] Some(Address(2001:db8::1))"),
            ("--resolve turn.example=192.0.2.1", "catalog[] turn.example=192.0.2.1"),
            ("--resolve a=192.0.2.1 --resolve a=[2001:db8::1]", "catalog[] a=192.0.2.1 a=2001:db8::1"),
            ("--ca-file ca.pem", "catalog[] roots=1"),
            ("--proxy none", "catalog[]"),
            ("--proxy http://p:3128", "catalog[] proxy=http://p:3128"),
            ("--proxy p:8080", "catalog[] proxy=http://p:8080"),
            ("--proxy http://p", "catalog[] proxy=http://p:80"),
            ("--proxy https://p", "catalog[] proxy=https://p:443"),
            ("--proxy http://p:1 --proxy https://q:2", "catalog[] proxy=http://p:1 proxy=https://q:2"),
            ("--proxy http://p:1 --proxy http://p:1/", "catalog[] proxy=http://p:1"),
            ("--proxy http://p:1 --proxy auto", "catalog[] proxy=http://p:1"),
            (
                "--proxy p:1 --proxy-credential-file proxyauth",
                "catalog[] proxy=http://p:1 proxy-auth<bob=s3cret:p>",
            ),
            ("--proxy-credential-file proxyauth", "catalog[] proxy-auth<bob=s3cret:p>"),
        ],
        &Fake::new(),
    );
}

#[test]
fn proxies_of_the_environment_come_before_the_systems() {
    let inputs = Fake::new()
        .env("https_proxy", "http://bob:s3cret%40@lower:3128")
        .env("HTTPS_PROXY", "upper:1")
        .env("no_proxy", "localhost, .corp");
    means(
        &[
            ("", "catalog[] proxy=http://lower:3128<bob=s3cret@>!localhost|.corp"),
            ("--proxy auto", "catalog[] proxy=http://lower:3128<bob=s3cret@>!localhost|.corp"),
            ("--proxy http://p:1", "catalog[] proxy=http://p:1"),
            ("--proxy none", "catalog[]"),
            ("--lab", "the lab[] nearest=None lab=open"),
        ],
        &inputs,
    );
    let upper = Fake::new().env("https_proxy", "").env("HTTPS_PROXY", "upper:1").env("ALL_PROXY", "all:1");
    means(&[("", "catalog[] proxy=http://upper:1")], &upper);
    let all = Fake::new().env("ALL_PROXY", "all:1").env("NO_PROXY", "x");
    means(&[("", "catalog[] proxy=http://all:1!x")], &all);
    means(&[("", "catalog[]")], &Fake::new().env("http_proxy", "for-plain-http-only:1"));
}

#[test]
fn the_systems_proxy_is_asked_for_each_server() {
    let mut inputs = Fake::new();
    inputs.system.insert("a.example", "http://system:8080/");
    means(
        &[
            (
                "--turn turn:a.example --turn turn:b.example",
                "--turn[turn:a.example turn:b.example] nearest=None proxy=http://system:8080!b.example",
            ),
            ("--turn turn:b.example", "--turn[turn:b.example] nearest=None"),
            ("--lab", "the lab[] nearest=None lab=open"),
        ],
        &inputs,
    );
    let inputs = inputs.env("all_proxy", "http://env:1");
    means(&[("--turn turn:a.example", "--turn[turn:a.example] nearest=None proxy=http://env:1")], &inputs);
}

#[test]
fn the_output_is_as_asked() {
    means(
        &[
            ("--format json", "catalog[] Json"),
            ("--format nagios", "catalog[] Nagios"),
            ("-v", "catalog[] verbose=1"),
            ("-vv --verbose", "catalog[] verbose=3"),
            ("-q", "catalog[] quiet no-progress"),
            ("--no-progress", "catalog[] no-progress"),
            ("--color never", "catalog[] plain"),
            ("--color always -o out", "catalog[]"),
            ("-o out", "catalog[] plain"),
        ],
        &Fake::new(),
    );
    means(&[("", "catalog[] plain"), ("--color always", "catalog[]")], &Fake::new().env("NO_COLOR", "1"));
    means(&[("", "catalog[] plain")], &Fake::new().env("TERM", "dumb"));
    means(&[("", "catalog[]")], &Fake::new().env("NO_COLOR", ""));
}
