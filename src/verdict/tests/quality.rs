//! Media against its thresholds.

use super::rules::finding;
use super::*;

#[test]
fn media_thresholds_are_those_of_section_6_2() {
    let run = |transit: f64, jitter: f64, received: u64| {
        world(|mut p| {
            let far_end = p.id.clone();
            let transit_ms = vec![transit; 20];
            p.relay_runs =
                vec![RelayRun { far_end, sent: 1000, received, transit_ms, jitter_ms: Some(jitter) }];
            p
        })
    };
    assert_eq!(told(&run(300.0, 30.0, 990)), Vec::<String>::new());
    assert_eq!(told(&run(302.0, 30.0, 990)), ["latency-high"]);
    assert_eq!(told(&run(300.0, 30.1, 990)), ["jitter-high"]);
    assert_eq!(told(&run(300.0, 30.0, 970)), ["loss-high"]);
    assert_eq!(told(&run(300.0, 30.0, 985)), Vec::<String>::new(), "1.5 % of 1000 may be chance");
    assert_eq!(finding(&run(302.0, 1.0, 1000), "latency-high").unwrap().reference, Some("6.2"));
    let mut streams = run(300.0, 30.0, 500);
    streams.paths.retain(|p| p.transport == Transport::Tcp);
    let found = finding(&streams, "loss-high").unwrap();
    assert_eq!(found.title, "TCP/80 to turn1.example.net stalled or was closed while media flowed");
    assert!(!found.advice.concat().contains("wireless"), "{:?}", found.advice);
}
