//! Snapshots of every format, and the contract's keys.

use super::*;
use crate::verdict::sample::*;
use crate::verdict::{Kind, judge};
use raincheck_probes::evidence::{PathEvidence, Route, Stage, Transport};
use raincheck_probes::ice::{CandidateType, GatherError, Protocol, TcpType};
use raincheck_probes::machine::Offset;
use serde_json::Value;
use std::collections::BTreeSet;

fn check(evidence: &Evidence) -> Report {
    let ranks = ranking(evidence);
    Report::check(evidence, &judge(evidence, &ranks), &ranks)
}

fn written(report: &Report, format: Format, style: &Style) -> String {
    let mut out = Vec::new();
    report.write(format, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn verbose() -> Style {
    Style { verbosity: Verbosity::Verbose, ..Style::default() }
}

#[test]
fn text_of_each_named_run() {
    for (name, evidence) in all() {
        insta::assert_snapshot!(name, written(&check(&evidence), Format::Text, &Style::default()));
    }
}

#[test]
fn text_of_runs_with_poor_media_or_cut_short() {
    let poor = world(|mut p| {
        p.relay_runs[0].transit_ms = vec![420.0; 50];
        p.relay_runs[0].jitter_ms = Some(44.4);
        p
    });
    insta::assert_snapshot!("poor-media", written(&check(&poor), Format::Text, &Style::default()));
    let mut cut_short = udp_blocked();
    cut_short.cut_short = Some("interrupted".to_owned());
    for path in cut_short.paths.iter_mut().filter(|p| p.transport != Transport::Udp) {
        *path = unfinished(path.clone());
    }
    insta::assert_snapshot!("cut-short", written(&check(&cut_short), Format::Text, &Style::default()));
}

fn unfinished(mut path: PathEvidence) -> PathEvidence {
    path.steps.retain(|s| s.stage <= Stage::Connect);
    for step in path.steps.iter_mut().filter(|s| s.stage == Stage::Connect) {
        step.outcome = raincheck_probes::evidence::Outcome::Unfinished;
        step.ended = None;
    }
    path.proof = None;
    path.relay_runs.clear();
    path.request_rtt_ms.clear();
    path
}

#[test]
fn verbose_text_tells_stages_candidates_and_facts() {
    insta::assert_snapshot!("verbose", written(&check(&intercepted()), Format::Text, &verbose()));
}

#[test]
fn quiet_text_is_the_verdict_alone() {
    let quiet = Style { verbosity: Verbosity::Quiet, width: 120, ..Style::default() };
    assert_eq!(
        written(&check(&udp_blocked()), Format::Text, &quiet).trim_end(),
        format!(
            "{:<112}degraded",
            "! Calls connect, but not on the path they should: UDP/3478 is blocked here."
        )
    );
}

#[test]
fn no_line_is_wider_than_the_page() {
    for (name, mut evidence) in all() {
        for path in &mut evidence.paths {
            let long = format!("a-long-label-of-{}-datacenter-north.example.net", &path.server[..5]);
            path.server = long;
        }
        for width in [72, 80, 100] {
            let style = Style { width, ..verbose() };
            for report in [check(&evidence), Report::gather(&evidence)] {
                for line in written(&report, Format::Text, &style).lines() {
                    assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                }
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, evidence) in all() {
        let plain = written(&check(&evidence), Format::Text, &verbose());
        let coloured = written(&check(&evidence), Format::Text, &Style { color: true, ..verbose() });
        assert_ne!(plain, coloured, "{name}");
        let stripped: String = coloured
            .split('\x1b')
            .enumerate()
            .map(|(at, part)| if at == 0 { part } else { part.split_once('m').unwrap().1 })
            .collect();
        assert_eq!(stripped, plain, "{name}");
    }
}

#[test]
fn nagios_gives_one_line_and_its_own_exit_status() {
    let line = |evidence: &Evidence| written(&check(evidence), Format::Nagios, &Style::default());
    assert_eq!(
        line(&open()),
        "RAINCHECK OK - Calls work on every path; the client will use UDP/3478 to turn1.example.net \
         (40.5 ms round trip). | rtt=40.5ms;300;;0 jitter=0.4ms;30;;0 loss=0.0%;1;;0;100 paths=6;;;0;6\n"
    );
    assert!(line(&udp_blocked()).starts_with("RAINCHECK WARNING - Calls connect"));
    assert!(line(&nothing_works()).starts_with("RAINCHECK CRITICAL - Calls cannot connect"));
    assert!(line(&nothing_works()).ends_with("answer. | paths=0;;;0;6\n"));
    assert!(line(&evidence(Vec::new())).starts_with("RAINCHECK UNKNOWN - It is not known"));
    let statuses = [Kind::Works, Kind::Reachable, Kind::Degraded, Kind::Fails, Kind::Unknown];
    assert_eq!(statuses.map(nagios::exit_status), [0, 0, 1, 2, 3]);
}

#[test]
fn what_the_client_ignores_is_told_with_the_reason() {
    let mut left_out = evidence(Vec::new());
    let port = "libwebrtc refuses port 1 for TURN: only 53, 80, 443 and 1024 up";
    for transport in ["udp", "tcp"] {
        left_out.ignored.push(raincheck_probes::evidence::IgnoredUrl {
            url: format!("turn:192.0.2.9:1?transport={transport}"),
            server: "192.0.2.9".to_owned(),
            has_credentials: true,
            because: port.to_owned(),
        });
    }
    let wide = Style { width: 200, ..Style::default() };
    let text = written(&check(&left_out), Format::Text, &wide);
    let line = format!("turn:192.0.2.9:1?transport=udp, turn:192.0.2.9:1?transport=tcp: {port}");
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("this client takes no notice of any server that it was given"), "{text}");
    assert_eq!(one_line(&text).matches(&line).count(), 1, "{text}");
    let json: Value = serde_json::from_str(&written(&check(&left_out), Format::Json, &wide)).unwrap();
    assert_eq!(json["servers"][0]["name"], "192.0.2.9");
    assert_eq!(json["servers"][0]["credentials"], true);
    assert_eq!(json["servers"][0]["ignored"][1]["text"], port);
    let gathered = written(&Report::gather(&left_out), Format::Text, &wide);
    assert_eq!(one_line(&gathered).matches(port).count(), 2, "{gathered}");
}

#[test]
fn many_ignored_servers_do_not_drown_the_rest() {
    let mut left_out = open();
    left_out.ignored = (0..20)
        .map(|n| raincheck_probes::evidence::IgnoredUrl {
            url: format!("turn:far{n}.example.net"),
            server: format!("far{n}.example.net"),
            has_credentials: false,
            because: "the client's list of servers is full".to_owned(),
        })
        .collect();
    let lines = |style: &Style| {
        let text = written(&check(&left_out), Format::Text, style);
        text.lines().filter(|line| line.contains("list of servers is full")).count()
    };
    assert_eq!((lines(&Style::default()), lines(&verbose())), (6, 20));
}

#[test]
fn a_format_that_the_command_does_not_have_is_refused() {
    let refused = |report: Report, format| report.write(format, &Style::default(), &mut Vec::new()).is_err();
    assert!(refused(check(&open()), Format::Sdp) && refused(check(&open()), Format::Trickle));
    assert!(refused(Report::gather(&open()), Format::Nagios));
}

/// A gathering with one candidate of each kind, and an error.
fn gathered() -> Evidence {
    let mut run = open();
    let relay = run.candidates.remove(0);
    let mut host = relay.clone();
    host.kind = CandidateType::Host;
    (host.address, host.port, host.priority) = ([10, 10, 0, 2].into(), 40_000, 2_122_260_223);
    (host.related_address, host.related_port) = (None, None);
    (host.url, host.relay_protocol, host.route, host.path) = (None, None, None, None);
    (host.foundation, host.at_ms) = ("4057931102".to_owned(), Offset::from_ms(2));
    host.sdp = "candidate:4057931102 1 udp 2122260223 10.10.0.2 40000 typ host generation 0".to_owned();
    let mut tcp = host.clone();
    (tcp.protocol, tcp.tcp_type, tcp.port) = (Protocol::Tcp, Some(TcpType::Active), 9);
    tcp.address = "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap();
    tcp.priority = 1_518_280_447;
    tcp.sdp = "candidate:1 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active generation 0".to_owned();
    run.candidates = vec![host, tcp, relay];
    run.gather_errors = vec![GatherError {
        url: "turn:turn2.example.net:3478?transport=udp".to_owned(),
        stage: "allocate".to_owned(),
        code: 701,
        stun_code: None,
        text: "TURN allocate request timed out.".to_owned(),
        at_ms: Offset::from_ms(39_750),
    }];
    run
}

#[test]
fn gather_text_is_a_table_and_its_errors() {
    insta::assert_snapshot!("gather", written(&Report::gather(&gathered()), Format::Text, &Style::default()));
    let mut v4 = gathered();
    v4.candidates.remove(1);
    insta::assert_snapshot!("gather-v4", written(&Report::gather(&v4), Format::Text, &Style::default()));
}

#[test]
fn gather_tells_a_cut_and_leaves_no_colon_without_words() {
    let mut run = gathered();
    run.cut_short = Some("interrupted".to_owned());
    run.gather_errors[0].text.clear();
    let text = written(&Report::gather(&run), Format::Text, &Style::default());
    assert!(text.contains("1 error:\nCut short: interrupted.\n"), "{text}");
    assert!(text.ends_with("allocate\n"), "{text}");
}

#[test]
fn the_head_names_the_version_and_the_servers_that_were_chosen() {
    let head = |profile: &str, from: &str| {
        let mut run = open();
        (run.asked.profile, run.asked.servers_from) = (profile.to_owned(), from.to_owned());
        written(&check(&run), Format::Text, &Style::default())
    };
    let catalog = "the shipped catalog (edition 36), the first ones";
    assert!(head("chromium", "--turn").contains("prefers them (chromium 146+)\n"));
    assert!(head("mobile", "--turn").contains("prefers them (mobile, libwebrtc 146+)\n"));
    assert!(head("firefox", "--turn").contains("prefers them (firefox)\n"));
    assert!(head("chromium", catalog).contains(&format!("\n  Servers: {catalog}\n")));
    assert!(!head("chromium", "--turn").contains("Servers:"));
}

#[test]
fn several_proxies_are_told_apart() {
    let mut run = open();
    let urls = ["http://10.0.0.1:3128", "http://10.0.0.1:8080"];
    for (n, url) in urls.iter().enumerate() {
        run.paths.push(path([TURN1, TURN2][n], Transport::Tcp, Route::Proxy((*url).to_owned())));
    }
    let text = |run: &Evidence| written(&check(run), Format::Text, &Style::default());
    run.asked.proxies = urls.map(str::to_owned).to_vec();
    assert!(text(&run).contains("  10.0.0.1:3128  ") && text(&run).contains("  10.0.0.1:8080  "));
    run.asked.proxies = vec![urls[0].to_owned()];
    assert!(text(&run).contains("  proxy   "));
}

#[test]
fn gather_sdp_is_lines_that_a_description_takes() {
    let sdp = written(&Report::gather(&gathered()), Format::Sdp, &Style::default());
    let lines: Vec<&str> = sdp.lines().collect();
    assert_eq!(lines[0], "a=candidate:4057931102 1 udp 2122260223 10.10.0.2 40000 typ host generation 0");
    assert_eq!(lines[3], "a=end-of-candidates");
    assert_eq!(lines.len(), 4);
}

#[test]
fn gather_trickle_is_what_a_browser_signals() {
    let trickle = written(&Report::gather(&gathered()), Format::Trickle, &Style::default());
    let lines: Vec<&str> = trickle.lines().collect();
    assert_eq!(
        lines[0],
        "{\"candidate\":\"candidate:4057931102 1 udp 2122260223 10.10.0.2 40000 typ host generation 0\",\
         \"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":null}"
    );
    assert_eq!(
        lines[3],
        "{\"candidate\":\"\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":null}"
    );
    assert_eq!(lines.len(), 4);
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn set(keys: &'static str) -> BTreeSet<&'static str> {
    keys.split_whitespace().collect()
}

const CANDIDATE: &str = "type protocol tcp_type address port related_address related_port priority foundation \
    component network_id network_cost url relay_protocol route base at_ms sdp";

fn json(report: &Report) -> Value {
    serde_json::from_str(&written(report, Format::Json, &Style::default())).unwrap()
}

#[test]
fn check_json_has_exactly_the_contracts_keys() {
    let mut run = intercepted();
    run.asked.proxies.push(PROXY.to_owned());
    run.paths.push(path(TURN1, Transport::Tcp, Route::Proxy(PROXY.to_owned())));
    let json = json(&check(&run));
    let top = "schema profile started elapsed_ms cut_short verdict summary servers paths candidates ranking capabilities \
        findings network";
    assert_eq!(keys(&json), set(top));
    assert_eq!(json["schema"], "raincheck.check/1");
    for path in json["paths"].as_array().unwrap() {
        let expected =
            "id server url address transport route works proof stages rtt_ms loss jitter_ms mos tls";
        assert_eq!(keys(path), set(expected));
        for stage in path["stages"].as_array().unwrap() {
            assert_eq!(keys(stage), set("stage outcome began_ms ended_ms cause facts"));
        }
    }
    let first = &json["paths"][0];
    assert_eq!(keys(&first["rtt_ms"]), set("min median p95 max samples"));
    let tls = &json["paths"][2]["tls"];
    assert_eq!(keys(tls), set("version cipher alpn chain trusted"));
    assert_eq!(keys(&tls["chain"][0]), set("subject issuer not_after sha256"));
    assert_eq!(keys(&json["candidates"][0]), set(CANDIDATE));
    let rank = &json["ranking"][0];
    assert_eq!(
        keys(rank),
        set("position path candidate pair_priority selected because selected_answering overlooked")
    );
    assert_eq!(keys(&rank["candidate"]), set(CANDIDATE));
    let capabilities = "direct_udp relay_udp relay_tcp relay_tls relay_via_proxy";
    assert_eq!(keys(&json["capabilities"]), set(capabilities));
    let finding = &json["findings"][0];
    let expected = "code severity title explains explained_by evidence advice reference";
    assert_eq!(keys(finding), set(expected));
    assert_eq!(keys(&finding["evidence"][0]), set("path stage text"));
    assert_eq!(keys(&json["servers"][0]), set("name addresses credentials ignored"));
    assert_eq!(keys(&json["network"]), set("interfaces proxies"));
    assert_eq!(keys(&json["network"]["interfaces"][0]), set("name kind addresses default_route"));
}

#[test]
fn a_preferred_path_that_an_answered_call_overlooks_says_so_below_it() {
    let run = open();
    let mut ranks = ranking(&run);
    let why = "a call that this client answers does not look at it: ready after 2.0 s, and the client stops";
    for rank in &mut ranks {
        // UDP to both servers is too late; so is TLS, which is not preferred anyway.
        rank.overlooked = (rank.position != 3).then(|| why.to_owned());
        rank.selected_answering = rank.position == 3;
    }
    let report = Report::check(&run, &judge(&run, &ranks), &ranks);
    let text = written(&report, Format::Text, &Style::default());
    assert_eq!(text.matches("does not look at it").count(), 2, "{text}");
    let json = json(&report);
    assert_eq!(json["ranking"][0]["overlooked"], why);
    assert_eq!(json["ranking"][2]["overlooked"], Value::Null);
    assert_eq!(json["ranking"][2]["selected_answering"], true);
}

#[test]
fn under_the_policy_relay_one_line_says_that_direct_paths_are_none_of_its_matter() {
    let mut run = open();
    let line = "Policy relay: this client looks at no direct path";
    assert!(!written(&check(&run), Format::Text, &Style::default()).contains(line));
    run.asked.policy = raincheck_probes::ice::Policy::Relay;
    let text = written(&check(&run), Format::Text, &Style::default());
    assert_eq!(text.matches(line).count(), 1, "{text}");
    assert_eq!(json(&check(&run))["capabilities"]["direct_udp"], "not-asked");
}

#[test]
fn gather_json_has_exactly_the_contracts_keys() {
    let json = json(&Report::gather(&gathered()));
    assert_eq!(keys(&json), set("schema profile started elapsed_ms cut_short candidates errors ignored"));
    assert_eq!(json["schema"], "raincheck.gather/1");
    assert_eq!(keys(&json["candidates"][0]), set(CANDIDATE));
    assert_eq!(json["candidates"][1]["tcp_type"], "active");
    assert_eq!(keys(&json["errors"][0]), set("url stage code stun_code text at_ms"));
}

#[test]
fn what_is_not_known_is_null_and_causes_carry_their_facts() {
    let saved = json(&check(&udp_blocked()));
    let udp = &saved["paths"][0];
    assert_eq!(udp["works"], false);
    for key in ["proof", "rtt_ms", "loss", "jitter_ms", "mos", "tls"] {
        assert_eq!(udp[key], Value::Null, "{key}");
    }
    let binding = &udp["stages"][1];
    assert_eq!(binding["cause"], "no-answer");
    assert_eq!(binding["facts"]["requests"], 9);
    assert_eq!(binding["facts"]["detail"], "no answer to 9 requests in 2.4 s");
    let skipped = &udp["stages"][2];
    assert_eq!(skipped["outcome"], "skipped");
    assert_eq!(skipped["began_ms"], Value::Null);
    assert_eq!(skipped["facts"]["skipped"], "earlier-stage-failed");
    let tcp = &saved["paths"][1];
    assert_eq!((&tcp["works"], &tcp["proof"]), (&Value::Bool(true), &Value::from("media")));
    assert_eq!(tcp["loss"], 0.0);
    let without = json(&check(&no_credentials()));
    assert_eq!(without["paths"][0]["works"], Value::Null);
    assert_eq!(without["paths"][0]["proof"], "reachable");
    assert_eq!(without["verdict"], "reachable");
}
