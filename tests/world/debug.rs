//! temp
use super::call::Call;
use super::scene::*;
use raincheck_lab::net::*;
use raincheck_probes::ice::agent::PairId;
use std::time::Duration;

fn kind(s: &str) -> NatKind {
    NatKind::all().find(|k| k.to_string() == s).unwrap()
}

pub(crate) fn tell(call: &Call) {
    let mut all: Vec<(Duration, usize, String)> = Vec::new();
    for (n, end) in call.ends.iter().enumerate() {
        for event in &end.events {
            let mut text = format!("{:?}", event.kind);
            for (i, _) in end.agent.pairs().iter().enumerate() {
                let id = PairId(i);
                let name = format!(
                    "[{}#{i} {}:{} {:?}>{}:{} {:?}]",
                    n,
                    end.agent.local(id).unwrap().address,
                    end.agent.local(id).unwrap().port,
                    end.agent.local(id).unwrap().kind,
                    end.agent.remote(id).unwrap().address,
                    end.agent.remote(id).unwrap().port,
                    end.agent.remote(id).unwrap().kind
                );
                text = text.replace(&format!("PairId({i})"), &name);
            }
            all.push((event.at.as_duration(), n, text));
        }
    }
    all.sort_by_key(|(at, n, _)| (*at, *n));
    for (at, n, text) in all {
        eprintln!("{at:?} {n} {text}");
    }
    for (n, end) in call.ends.iter().enumerate() {
        eprintln!(
            "end {n}: {:?} {:?} pairs {}",
            end.agent.role(),
            end.agent.state(),
            end.agent.pairs().len()
        );
        for (i, pair) in end.agent.pairs().iter().enumerate().take(40) {
            let id = PairId(i);
            eprintln!(
                "  #{i} {:?} > {}:{} {:?} {:?} nom {} sent {} answered {} received {} prio {} cause {:?}",
                end.agent.local(id).map(|c| (c.address, c.port, c.kind)),
                end.agent.remote(id).unwrap().address,
                end.agent.remote(id).unwrap().port,
                end.agent.remote(id).unwrap().kind,
                pair.state,
                pair.nominated,
                pair.checks_sent,
                pair.checks_answered,
                pair.checks_received,
                end.agent.priority(id),
                pair.cause
            );
        }
    }
}

#[test]
#[ignore]
fn one() {
    let v = |n: &str, d: &str| std::env::var(n).unwrap_or(d.to_owned());
    let leak = |s: String| -> &'static str { Box::leak(s.into_boxed_str()) };
    let servers = if v("SRV", "one") == "stun" { STUN } else { ONE };
    let scene = Scene::new([leak(v("PA", "chromium")), leak(v("PB", "chromium"))], servers)
        .behind(kind(&v("NA", "none/open")), kind(&v("NB", "none/open")));
    let scene =
        if v("SIG", "trickle") == "once" { Scene { signalling: Signalling::AtOnce, ..scene } } else { scene };
    let mut call = Call::new(&scene);
    let t: f64 = v("T", "20").parse().unwrap();
    call.run_until(Duration::from_secs_f64(t));
    tell(&call);
    eprintln!("{} steps {}", call.story(), call.steps);
}

#[test]
#[ignore]
fn seed() {
    let seed: u64 = std::env::var("S").unwrap().parse().unwrap();
    let t: f64 = std::env::var("T").unwrap_or("21".into()).parse().unwrap();
    let scene = super::seeds::draw(seed);
    eprintln!("{scene:?}");
    let mut call = Call::new(&scene);
    call.run_till(Duration::from_secs_f64(t), Call::is_decided);
    eprintln!("decided {:?}", call.now);
    call.run_for(Duration::from_secs_f64(std::env::var("X").unwrap_or("20".into()).parse().unwrap()));
    tell(&call);
    for end in [0, 1] {
        for (pair, seen) in super::truth::carrying(&call, end) {
            eprintln!(
                "carrying {end} {pair:?} {:?} seen {seen} prio {}",
                call.ends[end].agent.route_of(pair),
                super::truth::priority(&call, end, pair, seen)
            );
        }
    }
    eprintln!("{} steps {}", call.story(), call.steps);
}
