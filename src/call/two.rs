//! A call of which one end is ours: how the two ends find each other, and the call itself.

mod live;
mod whole;

use super::courier::Courier;
use super::dtls::{DtlsEnd, Setup as DtlsSetup};
use super::end::EndSetup;
use super::own::{Deeds, as_it_stood, rtt};
use super::party::{Party, Seen};
use super::record::{CallRecord, CallRole};
use super::run::CallError;
use super::secure::{Secured, Side, secure};
use super::up::Up;
use crate::run::{Ground, Phase};
use crate::settings::call::{CallSettings, Signal};
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::agent::{IceCredentials, IceRole, Peer};
use raincheck_probes::ice::signal::{Added, Description, Fingerprint, Kind, Reach, Refusal, Setup};
use std::time::Instant;

/// Why a candidate with a name is not checked: a peer must not make us ask a resolver.
const A_NAME: &str = "its address is a name, and names from the other end are not resolved";
/// Candidates of the other end that are named in the report beside those that are used.
const MAX_PASSED_OVER: usize = 64;

/// Our end.
#[derive(Clone, Copy)]
pub(super) struct Meeting<'a> {
    settings: &'a CallSettings,
    ground: &'a Ground,
    party: &'a Party,
    dtls: &'a DtlsEnd,
}

/// What may be reached of the other end, and what was passed over.
#[derive(Default)]
pub(super) struct Admission {
    reach: Reach,
    passed_over: Vec<(String, String)>,
    /// Candidates of the other end that wait for one of ours; no more than one end may have.
    put_off: Vec<(Candidate, Refusal)>,
    /// Our candidates so far.
    ours: Vec<Candidate>,
}

/// What the other end said that the call needs.
pub(super) struct Far {
    /// Who opens DTLS.
    setup: DtlsSetup,
    fingerprints: Vec<Fingerprint>,
    /// Whether it is a raincheck, which sends media back and waits for our goodbye.
    raincheck: bool,
}

/// Holds the call.
pub(super) async fn two(
    settings: &CallSettings,
    ground: &Ground,
    mut courier: Courier,
) -> Result<CallRecord, CallError> {
    let dtls = DtlsEnd::new()?;
    let role = match settings.role {
        CallRole::Answer => IceRole::Controlled,
        CallRole::Offer | CallRole::Own => IceRole::Controlling,
    };
    ground.progress().phase(Phase::Meeting);
    let mut party = Party::start(
        ground,
        EndSetup {
            settings: settings.run.clone(),
            role,
            survey: false,
            credentials: None,
            label: "near".to_owned(),
        },
    );
    let found = party.candidates();
    let meeting = Meeting { settings, ground, party: &party, dtls: &dtls };
    let mut admission = Admission::default();
    let held = match &settings.signal {
        Signal::Listen(_) | Signal::Connect { .. } => {
            live::hold(meeting, &mut admission, found, &mut courier).await
        }
        Signal::Paste | Signal::Sdp | Signal::Within => {
            whole::hold(meeting, &mut admission, found, courier).await
        }
    };
    let near = party.close().await;
    let (deeds, signalling) = held?;
    let Deeds { connected, dtls, cut, soak, near: stood } = deeds;
    let near = as_it_stood(stood, near.ok_or(CallError::EndLost)?);
    Ok(CallRecord {
        profile: settings.run.profile.clone(),
        role: settings.role,
        started: ground.started().to_owned(),
        elapsed: ground.clock().now(),
        cut_short: ground.cut_short(),
        connected,
        cut: match (cut, &settings.fail) {
            (Some(cut), Some(selector)) => cut.record(selector, &near),
            _ => None,
        },
        near,
        far: None,
        dtls,
        soak,
        matrix: Vec::new(),
        signalling,
        passed_over: admission.passed_over(),
    })
}

impl Meeting<'_> {
    fn kind(&self) -> Kind {
        if self.settings.role == CallRole::Answer { Kind::Answer } else { Kind::Offer }
    }

    /// What we say of ourselves, with the candidates so far.
    fn description(
        &self,
        setup: Setup,
        candidates: &[Candidate],
        complete: bool,
    ) -> Result<Description, CallError> {
        let IceCredentials { ufrag, pwd } = self.party.end.credentials().clone();
        let mut description = Description::new(ufrag, pwd, setup).map_err(|_| CallError::EndLost)?;
        let fingerprint = Fingerprint::parse(&self.dtls.fingerprint().to_string());
        description.fingerprints = fingerprint.into_iter().collect();
        description.candidates = candidates.to_vec();
        description.end_of_candidates = complete;
        description.options.ice2 = self.settings.run.profile.is_ice2();
        description.raincheck = Some(self.settings.run.profile.clone());
        Ok(description)
    }

    /// Takes what the other end said of itself; its candidates as far as they may be reached.
    async fn meet(&self, theirs: &Description, admission: &mut Admission) -> Far {
        let credentials = IceCredentials { ufrag: theirs.ufrag.clone(), pwd: theirs.pwd.clone() };
        let (lite, ice2) = (theirs.lite, theirs.options.ice2);
        self.party.end.set_peer(Peer { credentials, lite, ice2 }).await;
        for candidate in &theirs.candidates {
            self.admit(candidate, admission).await;
        }
        for hidden in &theirs.hidden {
            admission.pass_over(&hidden.sdp, A_NAME);
        }
        for dropped in &theirs.dropped {
            admission.pass_over(&dropped.line, &dropped.reason.to_string());
        }
        // We say actpass when we offer, and then the other end has chosen; we choose active when we answer.
        let active = match self.kind() {
            Kind::Answer => theirs.setup.answer() == Setup::Active,
            Kind::Offer => Setup::ActPass.is_client(theirs.setup).unwrap_or(false),
        };
        Far {
            setup: if active { DtlsSetup::Active } else { DtlsSetup::Passive },
            fingerprints: theirs.verifiable().cloned().collect(),
            raincheck: theirs.raincheck.is_some(),
        }
    }

    /// A candidate of the other end that came later.
    async fn trickled(&self, theirs: &mut Description, line: &str, admission: &mut Admission) {
        match theirs.add_line(line, self.ground.clock().now()) {
            Added::Candidate => {
                if let Some(candidate) = theirs.candidates.last().cloned() {
                    self.admit(&candidate, admission).await;
                }
            }
            // As they were read: without the password that a line may carry, and fit to be shown.
            Added::Hidden => {
                if let Some(hidden) = theirs.hidden.last() {
                    admission.pass_over(&hidden.sdp, A_NAME);
                }
            }
            Added::Dropped => {
                if let Some(dropped) = theirs.dropped.last() {
                    admission.pass_over(&dropped.line, &dropped.reason.to_string());
                }
            }
        }
    }

    async fn admit(&self, candidate: &Candidate, admission: &mut Admission) {
        match admission.reach.admit(candidate) {
            Ok(()) => self.party.end.add_remote(candidate.clone()).await,
            // Our own candidates decide about these, and not all of them may be known yet.
            Err(refusal @ (Refusal::Loopback | Refusal::LinkLocal)) => {
                admission.put_off.push((candidate.clone(), refusal));
            }
            Err(refusal) => admission.pass_over(&candidate.sdp, &refusal.to_string()),
        }
    }

    /// A candidate of ours was found: what it opens is admitted now.
    async fn found(&self, own: Candidate, admission: &mut Admission) {
        admission.reach.add_own(&own);
        admission.ours.push(own);
        for (candidate, refusal) in std::mem::take(&mut admission.put_off) {
            match admission.reach.admit(&candidate) {
                Ok(()) => self.party.end.add_remote(candidate).await,
                Err(_) => admission.put_off.push((candidate, refusal)),
            }
        }
    }

    /// The call, once both ends know each other.
    async fn call(&self, far: &Far) -> Deeds {
        let mut deeds = Deeds::default();
        self.ground.progress().phase(Phase::Checking);
        if !self.party.until(|seen: &Seen| seen.selected().is_some()).await {
            return deeds;
        }
        deeds.connected = true;
        let up = Up {
            parties: vec![self.party],
            clock: self.ground.clock(),
            stop: self.ground.stop(),
            media_returns: far.raincheck,
        };
        // Two rainchecks wait for the same; a browser begins at once, and waits in vain for an end that does not answer.
        if self.settings.role == CallRole::Offer || far.raincheck {
            up.settle().await;
        }
        self.ground.progress().phase(Phase::Handshaking);
        let mut secured = self.ground.stop().unless(self.secured(far)).await.flatten();
        deeds.dtls = secured.as_ref().map(|secured| secured.record.clone());
        if let Some(selector) = &self.settings.fail {
            self.ground.progress().phase(Phase::Cut);
            deeds.cut = Some(up.cut(selector).await);
        }
        if let Some(asked) = self.settings.soak {
            self.ground.progress().phase(Phase::Soaking { began: Instant::now(), asked });
            let session = secured.as_mut().and_then(|secured| secured.session.as_mut());
            let goodbye = async {
                match session {
                    Some(session) => drop(session.ended().await),
                    None => std::future::pending().await,
                }
            };
            deeds.soak = Some(up.soak(asked, goodbye).await);
        }
        let accompanies = self.settings.role == CallRole::Answer && far.raincheck;
        if !accompanies {
            // The other end may still move the call to a better pair.
            up.settle().await;
        }
        deeds.near = self.party.end.snapshot().await;
        match secured {
            Some(secured) if accompanies => up.accompany(secured).await,
            Some(secured) => secured.close().await,
            None => {}
        }
        deeds
    }

    /// DTLS over the selected pair. None when there is none.
    async fn secured(&self, far: &Far) -> Option<Secured> {
        let side = Side {
            end: &self.party.end,
            dtls: self.dtls,
            setup: far.setup,
            signalled: far.fingerprints.iter().filter_map(|one| one.to_string().parse().ok()).collect(),
            rtt: rtt(self.party).await,
        };
        let mut secured = secure(side).await?;
        if far.raincheck {
            secured.prove_full_size().await;
        }
        Some(secured)
    }
}

impl Admission {
    /// Everything that was passed over in the end.
    fn passed_over(mut self) -> Vec<(String, String)> {
        for (candidate, refusal) in std::mem::take(&mut self.put_off) {
            self.pass_over(&candidate.sdp, &refusal.to_string());
        }
        self.passed_over
    }

    fn pass_over(&mut self, line: &str, why: &str) {
        if self.passed_over.len() < MAX_PASSED_OVER {
            self.passed_over.push((line.chars().take(200).collect(), why.to_owned()));
        }
    }
}
