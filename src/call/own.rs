//! A call of which both ends are ours: the far one only through its relay, as a user outside would be.

use super::dtls::{DtlsEnd, Setup};
use super::end::{End, EndSetup};
use super::party::{Party, Seen};
use super::record::{CallRecord, CallRole, EndRecord, PairRecord};
use super::run::{CallError, signalled};
use super::secure::{Secured, Side, secure};
use super::up::{Cut, Up};
use crate::run::{Ground, Phase};
use crate::settings::Settings;
use crate::settings::call::CallSettings;
use raincheck_probes::ice::agent::{IceCredentials, IceRole, PairState, Peer};
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::ice::{Candidate, Policy};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What was done while the call was up.
#[derive(Default)]
pub(super) struct Deeds {
    pub(super) connected: bool,
    pub(super) dtls: Option<super::record::DtlsRecord>,
    pub(super) cut: Option<Cut>,
    pub(super) soak: Option<super::record::SoakRecord>,
    /// How the near end stood when everything was done, before anybody left.
    pub(super) near: Option<EndRecord>,
}

/// How an end stood, with what became of its paths since.
pub(super) fn as_it_stood(stood: Option<EndRecord>, closed: EndRecord) -> EndRecord {
    match stood {
        Some(stood) => EndRecord { paths: closed.paths, ..stood },
        None => closed,
    }
}

/// The far end is ours too: what it knows of its candidates is known of the pairs.
fn name_remotes(near: &mut [PairRecord], far: &[Candidate]) {
    for pair in near {
        let remote = &mut pair.remote;
        let same = |known: &&Candidate| {
            (known.address, known.port, known.protocol) == (remote.address, remote.port, remote.protocol)
        };
        if let Some(known) = far.iter().find(same) {
            *remote = Candidate { kind: remote.kind, priority: remote.priority, ..known.clone() };
        }
    }
}

/// Holds the call.
pub(super) async fn own(settings: &CallSettings, ground: &Ground) -> Result<CallRecord, CallError> {
    let dtls = [DtlsEnd::new()?, DtlsEnd::new()?];
    let [mut near, mut far] = ends(settings, ground, false, Policy::Relay);
    // Whoever is called takes seconds to answer. With the run's own patience both have gathered by then, and every path
    // is in the table; what an answered call would not have waited for, `check` tells.
    let gathered = |seen: &Seen| seen.gathered;
    tokio::join!(near.until(gathered), far.until(gathered));
    introduce(settings, &near, &far).await;
    let found = [near.candidates(), far.candidates()];
    let deeds = {
        let [from_near, from_far] = found;
        let spent = async {
            tokio::join!(carry(from_near, &far.end), carry(from_far, &near.end));
            tokio::join!(near.spent(settings.run.patience), far.spent(settings.run.patience));
        };
        tokio::select! {
            deeds = hold(settings, ground, [&near, &far], &dtls) => deeds,
            () = spent => Deeds::default(),
        }
    };
    let (near, far) = tokio::join!(near.close(), far.close());
    let Deeds { connected, dtls, cut, soak, near: stood } = deeds;
    let mut near = as_it_stood(stood, near.ok_or(CallError::EndLost)?);
    name_remotes(&mut near.pairs, far.as_ref().map_or(&[], |far| &far.candidates));
    let matrix = if settings.matrix { matrix(settings, ground).await } else { Vec::new() };
    Ok(CallRecord {
        profile: settings.run.profile.clone(),
        role: CallRole::Own,
        started: ground.started().to_owned(),
        elapsed: ground.clock().now(),
        cut_short: ground.cut_short(),
        connected,
        cut: match (cut, &settings.fail) {
            (Some(cut), Some(selector)) => cut.record(selector, &near),
            _ => None,
        },
        near,
        far,
        dtls,
        soak,
        matrix,
        signalling: None,
        passed_over: Vec::new(),
    })
}

fn ends(settings: &CallSettings, ground: &Ground, survey: bool, far_policy: Policy) -> [Party; 2] {
    let far = Settings { profile: settings.far_profile.clone(), policy: far_policy, ..settings.run.clone() };
    let setup = |settings: Settings, role, label: &str| EndSetup {
        settings,
        role,
        survey,
        credentials: None,
        label: label.to_owned(),
    };
    [
        Party::start(ground, setup(settings.run.clone(), IceRole::Controlling, "near")),
        Party::start(ground, setup(far, IceRole::Controlled, "far")),
    ]
}

/// Tells each end the other's credentials.
async fn introduce(settings: &CallSettings, near: &Party, far: &Party) {
    let peer = |credentials: &IceCredentials, profile: &Profile| Peer {
        credentials: credentials.clone(),
        lite: false,
        ice2: profile.is_ice2(),
    };
    near.end.set_peer(peer(far.end.credentials(), &settings.far_profile)).await;
    far.end.set_peer(peer(near.end.credentials(), &settings.run.profile)).await;
}

/// Carries the candidates of one end to the other as they are found.
async fn carry(mut from: mpsc::Receiver<Candidate>, to: &End) {
    while let Some(candidate) = from.recv().await {
        to.add_remote(signalled(&candidate)).await;
    }
    to.remote_done().await;
}

async fn hold(
    settings: &CallSettings,
    ground: &Ground,
    [near, far]: [&Party; 2],
    dtls: &[DtlsEnd; 2],
) -> Deeds {
    let mut deeds = Deeds::default();
    ground.progress().phase(Phase::Checking);
    let selected = |seen: &Seen| seen.selected().is_some();
    let (near_up, far_up) = tokio::join!(near.until(selected), far.until(selected));
    deeds.connected = near_up && far_up;
    if !deeds.connected {
        return deeds;
    }
    let up = Up { parties: vec![near, far], clock: ground.clock(), stop: ground.stop(), media_returns: true };
    up.settle().await;
    ground.progress().phase(Phase::Handshaking);
    let secured = ground.stop().unless(async {
        let mut secured = handshakes([near, far], dtls).await;
        if let [Some(near), _] = &mut secured {
            near.prove_full_size().await;
        }
        secured
    });
    let secured = secured.await.unwrap_or([None, None]);
    deeds.dtls = secured[0].as_ref().map(|near| near.record.clone());
    if let Some(selector) = &settings.fail {
        ground.progress().phase(Phase::Cut);
        deeds.cut = Some(up.cut(selector).await);
    }
    if let Some(asked) = settings.soak {
        ground.progress().phase(Phase::Soaking { began: Instant::now(), asked });
        deeds.soak = Some(up.soak(asked, std::future::pending()).await);
    }
    deeds.near = near.end.snapshot().await;
    for secured in secured.into_iter().flatten() {
        secured.close().await;
    }
    deeds
}

/// Both handshakes. The answering end opens (RFC 8842 section 5.3: the offer says actpass, the answer active).
async fn handshakes([near, far]: [&Party; 2], dtls: &[DtlsEnd; 2]) -> [Option<Secured>; 2] {
    let [near_dtls, far_dtls] = dtls;
    let (near_rtt, far_rtt) = tokio::join!(rtt(near), rtt(far));
    let side = |party, dtls, setup, other: &DtlsEnd, rtt| Side {
        end: party,
        dtls,
        setup,
        signalled: vec![other.fingerprint().clone()],
        rtt,
    };
    let (near, far) = tokio::join!(
        secure(side(&near.end, near_dtls, Setup::Passive, far_dtls, near_rtt)),
        secure(side(&far.end, far_dtls, Setup::Active, near_dtls, far_rtt)),
    );
    [near, far]
}

/// The round trip of the selected pair.
pub(super) async fn rtt(party: &Party) -> Option<Duration> {
    let record: EndRecord = party.end.snapshot().await?;
    record.pairs.get(record.selected?)?.rtt
}

/// Every candidate of one end against every one of the other, each pair to its end.
async fn matrix(settings: &CallSettings, ground: &Ground) -> Vec<PairRecord> {
    let [mut near, mut far] = ends(settings, ground, true, settings.run.policy);
    introduce(settings, &near, &far).await;
    let (from_near, from_far) = (near.candidates(), far.candidates());
    let all_decided = async {
        tokio::join!(carry(from_near, &far.end), carry(from_far, &near.end));
        decided(&near, ground).await;
    };
    tokio::select! {
        () = all_decided => {}
        _ = ground.stop().wait() => {}
    }
    let (near, far) = tokio::join!(near.close(), far.close());
    let mut pairs = near.map(|record| record.pairs).unwrap_or_default();
    name_remotes(&mut pairs, &far.map(|record| record.candidates).unwrap_or_default());
    pairs
}

/// Waits until every pair has succeeded or failed.
async fn decided(party: &Party, ground: &Ground) {
    let mut seen = party.seen.clone();
    loop {
        let Some(record) = party.end.snapshot().await else { return };
        let open = |pair: &PairRecord| {
            use PairState::{Failed, Pruned, Succeeded};
            // Pruned: the pairs that wait for the other end to connect.
            !matches!(pair.state, Succeeded | Failed | Pruned)
        };
        if !record.pairs.iter().any(open) || ground.stop().is_stopped() {
            return;
        }
        // Pairs end one after the other; each end shows as a change.
        if seen.changed().await.is_err() {
            return;
        }
    }
}
