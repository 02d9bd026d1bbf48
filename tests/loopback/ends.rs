//! Two ends of a call in one process, on real sockets, over the lab.

use crate::call::{
    Call, FLIGHT, HANGS, MEDIA, Side, is_selection, peer, relay_only, selected, without_servers,
};
use crate::world::World;
use raincheck::call::end::{Cut, EndEvent};
use raincheck::call::record::EndRecord;
use raincheck::run::Ground;
use raincheck::settings::Settings;
use raincheck_probes::evidence::{Cause, Stage, Transport};
use raincheck_probes::ice::CandidateType;
use raincheck_probes::ice::agent::{AgentState, EventKind, IceRole, PairState};
use raincheck_probes::ice::stack::Profile;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn two_ends_without_servers_connect_host_to_host_and_carry_data() {
    let world = World::named("open").await;
    let settings = without_servers(&world);
    let mut call = Call::connect(&world, &settings, &settings).await;
    assert!(call.near.end.send(MEDIA.to_vec()));
    assert_eq!(call.far.data().await, MEDIA);
    assert!(call.far.end.send(MEDIA.to_vec()));
    assert_eq!(call.near.data().await, MEDIA);
    let [near, far] = call.close(&world).await;
    for record in [&near, &far] {
        let (local, remote) = selected(record);
        assert_eq!((local.kind, remote.kind), (CandidateType::Host, CandidateType::Host));
        assert!(matches!(record.state, AgentState::Connected | AgentState::Completed));
    }
    assert_eq!(near.role, IceRole::Controlling);
    assert!(near.paths.is_empty());
}

#[tokio::test]
async fn the_goodbye_of_an_end_that_closed_was_lost_before_it_left() {
    let world = World::named("open").await;
    let settings = without_servers(&world);
    let Call { ground, near, mut far } = Call::connect(&world, &settings, &settings).await;
    assert!(near.end.send(MEDIA.to_vec()));
    assert!(near.end.close().await.is_some());
    assert_eq!(far.data().await, MEDIA);
    assert!(far.end.close().await.is_some());
    let mut ground = ground;
    ground.close().await;
}

/// Both ends have nothing but relays over this transport; data goes there and back, and what was allocated is given
/// back in so many words.
async fn relays_over(world: &World, transport: Transport) -> [EndRecord; 2] {
    let settings = relay_only(world, transport);
    let mut call = Call::connect(world, &settings, &settings).await;
    for _ in 0..3 {
        assert!(call.near.end.send(MEDIA.to_vec()));
        assert_eq!(call.far.data().await, MEDIA);
        assert!(call.far.end.send(MEDIA.to_vec()));
        assert_eq!(call.near.data().await, MEDIA);
    }
    let records = call.close(world).await;
    for record in &records {
        let (local, remote) = selected(record);
        assert_eq!(local.relay_protocol, Some(transport));
        assert_eq!((local.kind, remote.kind), (CandidateType::Relay, CandidateType::Relay));
        assert!(record.candidates.iter().all(|candidate| candidate.kind == CandidateType::Relay));
        let used = record.paths.iter().find(|path| Some(&path.id) == local.path.as_ref()).unwrap();
        let release = used.steps.iter().find(|step| step.stage == Stage::Release).unwrap();
        assert!(release.cause().is_none(), "{release:?}");
        assert!(record.gather_errors.is_empty(), "{:?}", record.gather_errors);
    }
    records
}

#[tokio::test]
async fn relays_over_udp_carry_a_call() {
    relays_over(&World::named("open").await, Transport::Udp).await;
}

#[tokio::test]
async fn relays_over_tcp_carry_a_call() {
    relays_over(&World::named("udp-blocked").await, Transport::Tcp).await;
}

#[tokio::test]
async fn relays_over_tls_carry_a_call() {
    relays_over(&World::named("only-443").await, Transport::Tls).await;
}

#[tokio::test]
async fn relays_behind_a_proxy_carry_a_call() {
    let records = relays_over(&World::named("proxy-only").await, Transport::Tls).await;
    for record in &records {
        assert!(selected(record).0.route.as_deref().unwrap().starts_with("http://"));
    }
}

#[tokio::test]
async fn dtls_is_kept_apart_from_media_and_waits_for_its_reader() {
    let world = World::named("open").await;
    let settings = world.settings();
    let mut call = Call::connect(&world, &settings, &settings).await;
    assert!(call.near.end.send(FLIGHT.to_vec()));
    assert!(call.near.end.send(MEDIA.to_vec()));
    assert_eq!(call.far.data().await, MEDIA);
    let mut path = call.far.end.data_path().await.unwrap();
    assert_eq!(path.incoming.recv().await.as_deref(), Some(FLIGHT));
    assert!(call.far.end.data_path().await.is_none(), "it is taken");
    path.outgoing.send(FLIGHT.to_vec()).await.unwrap();
    let mut back = call.near.end.data_path().await.unwrap();
    assert_eq!(back.incoming.recv().await.as_deref(), Some(FLIGHT));
    call.close(&world).await;
}

#[tokio::test]
async fn nothing_passes_a_base_that_was_cut() {
    let world = World::named("open").await;
    let settings = without_servers(&world);
    let mut call = Call::connect(&world, &settings, &settings).await;
    let cut = call.near.end.cut(Cut::Selected).await.unwrap();
    assert_eq!(cut.bases.len(), 1);
    assert_eq!(call.near.end.cut(Cut::Path("udp/nowhere:1".to_owned())).await, None);
    let before = call.near.end.drops().await.cut;
    assert!(call.near.end.send(MEDIA.to_vec()));
    assert!(call.far.end.send(FLIGHT.to_vec()));
    let both = async {
        while call.near.end.drops().await.cut < before + 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(HANGS, both).await.unwrap();
    assert!(call.near.end.data_path().await.unwrap().incoming.try_recv().is_err());
    call.far.seen.clear();
    assert!(
        std::iter::from_fn(|| call.far.events.try_recv().ok())
            .all(|event| !matches!(event, EndEvent::Data { .. }))
    );
    call.close(&world).await;
}

#[tokio::test]
async fn a_path_that_dies_silently_makes_the_client_move_to_another() {
    let world = World::named("open").await;
    let settings = world.settings();
    let mut call = Call::gather_and_connect(&world, &settings).await;
    let before = call.near.record().await;
    assert_eq!(selected(&before).0.kind, CandidateType::Host);
    let cut = call.near.end.cut(Cut::Direct).await.unwrap();
    call.near.seen.clear();
    let moved = call.near.wait("switch", |event| match event {
        EndEvent::Agent { event, .. } => match event.kind {
            EventKind::Selected { before: Some(before), .. } => Some((event.at, before)),
            _ => None,
        },
        _ => None,
    });
    let (at, from) = moved.await;
    assert_eq!(Some(from), cut.selected);
    assert!(at > cut.at);
    let after = call.near.record().await;
    assert_eq!(selected(&after).0.kind, CandidateType::Relay);
    assert!(call.near.end.send(MEDIA.to_vec()));
    assert_eq!(call.far.data().await, MEDIA);
    call.close(&world).await;
}

#[tokio::test]
async fn a_permission_that_the_server_refuses_is_the_cause_of_the_pair() {
    let world = World::inline(
        r#"
[[server]]
name = "turn1.lab.test"
[[server.fault]]
on = "create-permission"
answer = 403
[[server]]
name = "turn2.lab.test"
[[server.fault]]
on = "create-permission"
answer = 403
"#,
    )
    .await;
    let settings = relay_only(&world, Transport::Udp);
    let mut call = Call::start(&world, &settings, &settings).await;
    let forbidden = |event: &EndEvent| match event {
        EndEvent::Agent { event, .. } => match &event.kind {
            EventKind::Failed(pair, Cause::StunError { stun_code: 403, .. }) => Some(*pair),
            _ => None,
        },
        _ => None,
    };
    let one = call.far.wait("candidate", |event| match event {
        EndEvent::Candidate(candidate) => Some(candidate.clone()),
        _ => None,
    });
    let candidate = one.await;
    call.near.end.add_remote(candidate).await;
    let pair = call.near.wait("refusal", forbidden).await;
    let record = call.near.record().await;
    let pair = record.pairs.iter().find(|known| known.id == pair).unwrap();
    assert_eq!(pair.state, PairState::Failed);
    assert!(matches!(pair.cause, Some(Cause::StunError { stun_code: 403, .. })));
    call.close(&world).await;
}

#[tokio::test]
async fn libwebrtc_asks_for_a_channel_at_the_first_packet_of_data_and_gives_the_pair_up_when_it_is_refused() {
    let world = World::inline(
        r#"
[[server]]
name = "turn1.lab.test"
[[server.fault]]
on = "channel-bind"
answer = 403
[[server]]
name = "turn2.lab.test"
[[server.fault]]
on = "channel-bind"
answer = 403
"#,
    )
    .await;
    let settings = relay_only(&world, Transport::Udp);
    let mut call = Call::connect(&world, &settings, &settings).await;
    let channels = |record: &EndRecord| {
        let steps = record.paths.iter().flat_map(|path| &path.steps);
        steps.filter(|step| step.stage == Stage::Channel).count()
    };
    assert_eq!(channels(&call.near.record().await), 0);
    assert!(call.near.end.send(MEDIA.to_vec()));
    assert_eq!(call.far.data().await, MEDIA, "the first packet goes in an indication");
    let failed = call.near.wait("refusal", |event| match event {
        EndEvent::Agent { event, .. } => match &event.kind {
            EventKind::Failed(_, cause) => Some(cause.clone()),
            _ => None,
        },
        _ => None,
    });
    let cause = failed.await;
    assert!(matches!(cause, Cause::StunError { stun_code: 403, .. }), "{cause:?}");
    assert_eq!(channels(&call.near.record().await), 1);
    call.close(&world).await;
}

/// Real sockets of the system: where it tells of ICMP errors, a peer's closed port shows itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[tokio::test]
async fn a_peer_whose_port_is_closed_leaves_the_refusal_at_its_pair() {
    use raincheck::host::Host;
    use raincheck::path::SystemDial;
    use raincheck::run::{Progress, Surroundings};
    let world = World::named("open").await;
    let settings = without_servers(&world);
    let dial = SystemDial { families: settings.families, source_v4: None, source_v6: None, pins: Vec::new() };
    let host = Some(Host::loopback());
    let around = || Surroundings {
        dial: std::sync::Arc::new(dial.clone()),
        host: host.clone(),
        progress: Progress::new().0,
    };
    let ground = Ground::lay(&settings, around()).await.unwrap();
    let mut far = Side::start(&ground, &settings, IceRole::Controlled, "far");
    let candidate = far.wait("candidate", |event| match event {
        EndEvent::Candidate(candidate) => Some(candidate.clone()),
        _ => None,
    });
    let candidate = candidate.await;
    let theirs = peer(&far.end);
    far.end.close().await;
    let near = Side::start(&ground, &settings, IceRole::Controlling, "near");
    near.end.set_peer(theirs).await;
    near.end.add_remote(candidate).await;
    let refused = async {
        loop {
            let record = near.record().await;
            if let Some(pair) = record.pairs.iter().find(|pair| pair.cause == Some(Cause::Refused)) {
                return pair.checks_sent;
            }
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(HANGS, refused).await.unwrap() > 0);
}

#[tokio::test]
async fn a_turn_server_that_is_killed_ends_its_bases() {
    let world = World::named("open").await;
    let settings = relay_only(&world, Transport::Tcp);
    let mut call = Call::connect(&world, &settings, &settings).await;
    world.lab.stop().await;
    let cause = call.near.wait("loss", |event| match event {
        EndEvent::Agent { event, .. } => match &event.kind {
            EventKind::Failed(_, cause) => Some(cause.clone()),
            _ => None,
        },
        _ => None,
    });
    let cause = cause.await;
    assert!(matches!(cause, Cause::Closed { .. } | Cause::Reset { .. }), "{cause:?}");
    tokio::join!(call.near.end.close(), call.far.end.close());
    call.ground.close().await;
}

#[tokio::test]
async fn an_end_that_is_dropped_gives_everything_back() {
    let world = World::named("open").await;
    let settings = world.settings();
    let call = Call::gather_and_connect(&world, &settings).await;
    drop(call);
    assert!(world.shows_nothing_left_behind().await > 0);
}

#[tokio::test]
async fn a_deadline_in_the_middle_of_a_call_gives_everything_back_and_keeps_the_record() {
    let world = World::named("open").await;
    let mut settings = world.settings();
    settings.deadline = Duration::from_secs(3);
    let mut call = Call::connect(&world, &settings, &settings).await;
    call.near.wait("end", |event| (*event == EndEvent::Stopped).then_some(())).await;
    let record = call.near.record().await;
    assert!(record.selected.is_some());
    assert!(call.ground.cut_short().is_some());
    call.close(&world).await;
}

#[tokio::test]
async fn an_active_end_meets_a_passive_one_over_tcp() {
    let world = World::named("open").await;
    let active = without_servers(&world);
    let passive = Settings { profile: Profile::parse("mobile").unwrap(), ..active.clone() };
    let mut call = Call::start(&world, &active, &passive).await;
    let listening = call.far.wait("passive candidate", |event| match event {
        EndEvent::Candidate(candidate) if candidate.tcp_type.is_some() => Some(candidate.clone()),
        _ => None,
    });
    let listening = listening.await;
    call.near.end.add_remote(listening).await;
    for side in [&mut call.near, &mut call.far] {
        side.wait("selection", |event| is_selection(event).then_some(())).await;
    }
    assert!(call.near.end.send(MEDIA.to_vec()));
    assert_eq!(call.far.data().await, MEDIA);
    assert!(call.far.end.send(MEDIA.to_vec()));
    assert_eq!(call.near.data().await, MEDIA);
    call.close(&world).await;
}
