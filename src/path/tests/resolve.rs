use super::*;
use crate::path::resolve::{RESOLVE_WITHIN, Resolver};

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn resolver(
    log: &PathLog,
    names: impl Fn(String) -> (u64, Result<Vec<IpAddr>, LookupFailure>) + Send + Sync + 'static,
) -> (Resolver, Arc<FakeDial>) {
    let dial = Arc::new(FakeDial::with_names(log.clock(), names));
    (Resolver::new(Arc::clone(&dial) as Arc<dyn Dial>, log.clock(), RESOLVE_WITHIN), dial)
}

#[tokio::test(start_paused = true)]
async fn a_name_is_asked_once_however_many_want_it() {
    let (first, second) = (open_log(), open_log());
    let (resolver, dial) = resolver(&first, |_| (30, Ok(vec![ADDRESS])));
    let both =
        tokio::join!(resolver.resolve("Turn.Example", &first), resolver.resolve("turn.example.", &second));
    assert_eq!(both, (Some(vec![ADDRESS]), Some(vec![ADDRESS])));
    assert_eq!(resolver.lookup("turn.example").await, Ok(vec![ADDRESS]));
    assert_eq!(*dial.looked_up.lock().unwrap(), ["turn.example"]);
    for log in [first, second] {
        let step = step(&log, Stage::Resolve);
        assert_eq!(step.ended.map(Offset::as_ms), Some(30.0));
        assert_eq!(step.facts.get("addresses"), Some(&serde_json::json!(["192.0.2.1"])));
    }
}

#[tokio::test(start_paused = true)]
async fn each_way_to_fail_has_its_cause() {
    let log = open_log();
    let (resolver, _) = resolver(&log, |name| match name.as_str() {
        "gone" => (1, Err(LookupFailure::NotFound)),
        "broken" => (1, Err(LookupFailure::Failed("temporary failure".into()))),
        _ => (60_000, Ok(vec![])),
    });
    assert_eq!(resolver.lookup("gone").await, Err(Cause::NameNotFound));
    assert_eq!(
        resolver.lookup("broken").await,
        Err(Cause::ResolveFailed { detail: "temporary failure".into() })
    );
    assert_eq!(resolver.resolve("silent", &log).await, None);
    assert_eq!(cause(&log, Stage::Resolve), Cause::ResolveTimeout { waited_ms: 5000 });
    let seen: Vec<_> =
        resolver.resolutions().into_iter().map(|r| (r.name, r.cause.map(|cause| cause.code()))).collect();
    let expected = [("gone", "name-not-found"), ("broken", "resolve-failed"), ("silent", "resolve-timeout")];
    assert_eq!(seen, expected.map(|(name, code)| (name.to_owned(), Some(code))));
}

#[tokio::test(start_paused = true)]
async fn the_question_outlives_whoever_asked_first() {
    let log = open_log();
    let (resolver, dial) = resolver(&log, |_| (100, Ok(vec![ADDRESS])));
    let gone = tokio::time::timeout(Duration::from_millis(10), resolver.resolve("turn.example", &log)).await;
    assert!(gone.is_err());
    assert_eq!(story(&log), ["Resolve unfinished"]);
    assert_eq!(resolver.resolutions()[0].ended, None);
    assert_eq!(resolver.lookup("turn.example").await, Ok(vec![ADDRESS]));
    assert_eq!(log.clock().now().as_ms(), 100.0);
    assert_eq!(dial.looked_up.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn sixteen_addresses_of_a_name_are_enough() {
    let log = open_log();
    let (resolver, _) = resolver(&log, |_| (0, Ok((0..200).map(|n| IpAddr::from([192, 0, 2, n])).collect())));
    assert_eq!(resolver.lookup("many").await.map(|found| found.len()), Ok(16));
}
