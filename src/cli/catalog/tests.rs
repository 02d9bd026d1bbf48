use super::*;
use clap::Parser;
use serde_json::Value;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: CatalogArgs,
}

fn parse(words: &str) -> Result<CatalogArgs, clap::Error> {
    let words = ["catalog"].into_iter().chain(words.split_whitespace());
    Program::try_parse_from(words).map(|program| program.args)
}

fn text(words: &str) -> String {
    let mut out = Vec::new();
    run(&parse(words).unwrap(), false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(words: &str) -> Value {
    let mut out = Vec::new();
    run(&parse(words).unwrap(), true, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

const EVERYTHING: &[&str] = &[
    "servers",
    "servers --region europe",
    "flows",
    "flows --role desktop",
    "flows --role gateway-dmz",
    "addresses",
    "addresses --service conference",
    "addresses --service cloud-pbx",
    "addresses --region japan",
    "edition",
    "edition --history",
];

#[test]
fn every_text_fits_80_columns_and_ends_each_line_cleanly() {
    for words in EVERYTHING {
        let text = text(words);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{words}: {line}");
            assert_eq!(line, line.trim_end(), "{words}");
        }
        assert!(text.ends_with('\n') && text.starts_with(|c: char| c.is_uppercase()), "{words}");
    }
}

#[test]
fn every_json_names_its_schema_and_edition() {
    for words in EVERYTHING {
        let json = json(words);
        assert_eq!(json["schema"], "raincheck.catalog/1", "{words}");
        assert_eq!(json["edition"], 36, "{words}");
        assert_eq!(json["date"], "2025-05-07", "{words}");
    }
}

#[test]
fn servers_are_listed_with_their_region() {
    let text = text("servers --region france");
    assert!(text.contains("turn-rbx1.openrainbow.com       France         france        europe\n"), "{text}");
    assert!(text.contains("\n4 servers, each reached on UDP/3478, TLS/443 and TCP/80"), "{text}");
    let json = json("servers");
    assert_eq!(json["servers"].as_array().unwrap().len(), 27);
    assert_eq!(json["servers"][26]["urls"][1], "turns:turn-dli2.myopenrainbow.cn.com:443?transport=tcp");
}

#[test]
fn a_flow_shows_both_ends_the_proxy_and_its_notes() {
    let text = text("flows --role desktop");
    let flow = "\
    DTLS-SRTP: Conference
      from   Rainbow client, dynamic ports
      to     conference servers, UDP/49152-65535
      else   TURN servers, UDP/3478, TLS/443, TCP/80
      proxy  yes, CONNECT to TLS/443, TCP/80
      see    4.1 note 1, 4.1 note 2
";
    assert!(text.contains(flow), "{text}");
    assert_eq!(text.matches("    4.1 note 2  ").count(), 1, "a note is told once");
}

#[test]
fn roles_that_share_flows_say_so_in_the_list_and_show_them_alone() {
    let all = text("flows");
    assert!(
        all.contains("4.3  Connectors for Teams and Google [connectors]\n\n  The same flows as desktop.\n")
    );
    assert_eq!(text("flows --role connectors").matches("\n      from   ").count(), 9);
    assert_eq!(all.matches("\n      from   ").count(), 52);
    let json = json("flows --role gateway-dmz");
    assert_eq!(json["roles"][0]["flows"].as_array().unwrap().len(), 17);
    assert_eq!(json["roles"][0]["flows"][2]["proxy_ports"][0]["first"], 80);
}

#[test]
fn addresses_of_one_service_come_with_all_its_names() {
    let turn = text("addresses --service turn");
    assert!(turn.contains("turn-vin3.openrainbow.com"), "{turn}");
    assert!(turn.contains("    Africa / South Africa         13.244.169.230\n"), "{turn}");
    let all = text("addresses");
    assert!(all.contains("    and 26 hosts under the wildcard; see --service turn\n"), "{all}");
    assert!(all.contains("turn-dli2.myopenrainbow.cn.com"), "a host that the wildcard does not cover");
    let networks = |json: &Value| -> usize {
        let rows = json["addresses"].as_array().unwrap();
        rows.iter().map(|row| row["networks"].as_array().unwrap().len()).sum()
    };
    assert_eq!(networks(&json("addresses")), 268);
    assert_eq!(networks(&json("addresses --service turn --region africa")), 1);
}

#[test]
fn the_edition_tells_limits_and_history() {
    let short = text("edition");
    assert!(short.contains("  packet loss      1 %\n"), "{short}");
    assert!(short.contains("  and 29 older ones: --history\n"), "{short}");
    assert!(text("edition --history").contains("   1  2016-10-27  First edition.\n"));
    let json = json("edition");
    assert_eq!(json["voice"]["one_way_ms"], 150);
    assert_eq!(json["voice"]["loss"], 0.01);
    assert_eq!(json["editions"].as_array().unwrap().len(), 34);
    assert_eq!(json["editions"][28]["number"], 8);
    assert_eq!(json["editions"][28]["date"], Value::Null, "it cannot be told");
}

#[test]
fn an_unknown_region_is_one_line_with_near_misses_and_nothing_is_written() {
    for (words, expected) in [
        ("servers --region frence", "unknown region \"frence\": did you mean france?"),
        ("addresses --region Afrika", "unknown region \"Afrika\": did you mean africa?"),
        ("addresses --region x", "unknown region \"x\": `raincheck catalog servers` lists what there is"),
    ] {
        let mut out = Vec::new();
        let failure = run(&parse(words).unwrap(), false, &mut out).unwrap_err();
        assert_eq!(failure.to_string(), expected);
        assert_eq!(out, b"", "{words}");
    }
}

#[test]
fn an_unknown_role_or_service_is_a_usage_error_that_tells_what_there_is() {
    for (words, near) in [("flows --role dekstop", "desktop"), ("addresses --service trun", "turn")] {
        let error = parse(words).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(&format!("'{near}'")), "{error}");
    }
}

#[test]
fn an_output_that_refuses_is_told() {
    let mut full: &mut [u8] = &mut [0; 10];
    let failure = run(&parse("servers").unwrap(), false, &mut full).unwrap_err();
    assert!(matches!(failure, CatalogFailure::Write(_)), "{failure}");
}
