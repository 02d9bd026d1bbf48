//! The lab and the engine in one runtime.

use raincheck::lab::LabDial;
use raincheck::plan::Purpose;
use raincheck::program::ranking;
use raincheck::run::{Progress, RunError, Surroundings, run};
use raincheck::settings::proxy::parse_url;
use raincheck::settings::roots::parse_pem;
use raincheck::settings::{Families, Patience, ProxyChoice, ServerSource, Settings};
use raincheck::verdict::{Verdict, judge};
use raincheck_lab::{Lab, Scenario};
use raincheck_probes::evidence::{Cause, Evidence, PathEvidence, Proof, Stage, Step};
use raincheck_probes::ice::Policy;
use raincheck_probes::ice::rank::Rank;
use raincheck_probes::ice::stack::Profile;
use raincheck_probes::secret::Secret;
use raincheck_probes::server::{Credentials, ServerList};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the lab may take to see that everything was given back. A refresh with lifetime 0 over UDP is answered at
/// once; a closed stream is noticed when its end is read.
const RELEASED_WITHIN: Duration = Duration::from_secs(2);

/// What every inline scenario says at its end; nothing here reads it.
const EXPECT: &str = r#"
[expect]
verdict = "works"
exit = 0
findings = []
[expect.capabilities]
direct_udp = "works"
relay_udp = "works"
relay_tcp = "works"
relay_tls = "works"
relay_via_proxy = "not-asked"
"#;

/// A lab that is up.
pub(crate) struct World {
    pub(crate) lab: Lab,
}

/// What a run in it saw, and what that means.
pub(crate) struct Seen {
    pub(crate) evidence: Evidence,
    pub(crate) ranking: Vec<Rank>,
    pub(crate) verdict: Verdict,
}

impl World {
    /// A shipped scenario.
    pub(crate) async fn named(name: &str) -> Self {
        Self::start(&Scenario::named(name).unwrap()).await
    }

    /// A scenario of this test alone, without `title`, `story` and `[expect]`.
    pub(crate) async fn inline(text: &str) -> Self {
        let text = format!("title = \"inline\"\nstory = \"inline\"\n{text}\n{EXPECT}");
        Self::start(&Scenario::parse("inline", &text).unwrap()).await
    }

    async fn start(scenario: &Scenario) -> Self {
        Self { lab: Lab::start(scenario).await.unwrap() }
    }

    /// What a user would have set who was given the lab's servers: everything by default, no media afterwards.
    pub(crate) fn settings(&self) -> Settings {
        let client = self.lab.client();
        let list = ServerList::parse(client.ice_servers_json.as_bytes()).unwrap();
        let credentials = client.proxy_credentials.as_ref().map(|pair| Credentials {
            username: pair.username.clone(),
            password: Secret::new(pair.password.clone()),
        });
        let proxies = client.proxy.as_deref().map(|url| {
            let mut proxy = parse_url(url).unwrap();
            proxy.credentials = credentials;
            proxy
        });
        Settings {
            profile: Profile::default(),
            policy: Policy::All,
            media_permission: true,
            source: ServerSource::Named { servers: list.servers, from: "the test".to_owned() },
            nearest: Some(2),
            proxies: proxies.map_or(ProxyChoice::None, |proxy| ProxyChoice::These(vec![proxy])),
            proxy_credentials: None,
            extra_roots: parse_pem(client.ca_pem.as_bytes()).unwrap(),
            interface: None,
            families: Families { v4: true, v6: true },
            resolve: Vec::new(),
            media: Duration::ZERO,
            patience: Patience::Prompt,
            deadline: Duration::from_secs(30),
            seed: Some(1),
        }
    }

    /// The client's host in the lab.
    pub(crate) fn around(&self) -> Surroundings {
        let dial = LabDial::new(self.lab.client().world);
        let host = Some(dial.host());
        Surroundings { dial: Arc::new(dial), host, progress: Progress::new().0 }
    }

    /// Runs, and leaves what is then open open.
    pub(crate) async fn run(&self, settings: &Settings, purpose: Purpose) -> Result<Evidence, RunError> {
        run(settings, purpose, self.around()).await
    }

    /// Runs, judges, and shows that nothing was left behind.
    pub(crate) async fn check(&self, settings: &Settings) -> Seen {
        let evidence = self.run(settings, Purpose::Check).await.unwrap();
        self.shows_nothing_left_behind().await;
        let ranking = ranking(&settings.profile, &evidence);
        let verdict = judge(&evidence, &ranking);
        Seen { evidence, ranking, verdict }
    }

    /// Waits until the servers hold no allocation, which is soon; returns how many there have been.
    pub(crate) async fn shows_nothing_left_behind(&self) -> u64 {
        let released = timeout(RELEASED_WITHIN, self.lab.all_released()).await;
        let allocations = self.lab.allocations();
        assert!(released.is_ok(), "still held: {allocations:?}");
        assert_eq!((allocations.open, allocations.opened), (0, allocations.closed));
        allocations.opened
    }
}

impl Seen {
    /// The path of this name: its id up to the port, as in `udp/turn1`.
    pub(crate) fn path(&self, name: &str) -> &PathEvidence {
        let begins = format!("{name}.lab.test:");
        let mut found = self.evidence.paths.iter().filter(|path| path.id.starts_with(&begins));
        let path = found.next().unwrap_or_else(|| panic!("no path {name} in {:?}", self.proofs()));
        assert!(found.next().is_none(), "several paths {name}");
        path
    }

    /// Every path and the strongest thing that was shown of it, in the plan's order.
    pub(crate) fn proofs(&self) -> Vec<(&str, Option<Proof>)> {
        self.evidence.paths.iter().map(|path| (path.id.as_str(), path.proof)).collect()
    }

    /// The cause at a stage of a path, and the facts beside it.
    pub(crate) fn failed(&self, path: &str, stage: Stage) -> (&Cause, &Step) {
        let path = self.path(path);
        let mut failed = path.steps.iter().filter(|step| step.stage == stage);
        failed.find_map(|step| Some((step.cause()?, step))).unwrap_or_else(|| panic!("{:#?}", path.steps))
    }

    /// Codes of causes by stage, in the order in which the steps began.
    pub(crate) fn causes(&self, path: &str) -> Vec<(Stage, &'static str)> {
        let steps = self.path(path).steps.iter();
        steps.filter_map(|step| Some((step.stage, step.cause()?.code()))).collect()
    }

    /// Codes of the findings that no other one accounts for.
    pub(crate) fn findings(&self) -> Vec<&'static str> {
        let roots = self.verdict.findings.iter().filter(|finding| finding.explained_by.is_none());
        roots.map(|finding| finding.code).collect()
    }

    /// Type, protocol to the server and server of each candidate, in order: `relay/tls turn1`.
    pub(crate) fn candidates(&self) -> Vec<String> {
        self.evidence.candidates.iter().map(candidate).collect()
    }

    /// The ranked paths, best first.
    pub(crate) fn order(&self) -> Vec<&str> {
        self.ranking.iter().map(|rank| rank.path.as_str()).collect()
    }
}

fn candidate(candidate: &raincheck_probes::ice::Candidate) -> String {
    let mut text = candidate.kind.as_str().to_owned();
    if let Some(transport) = candidate.relay_protocol {
        text.push_str(&format!("/{transport:?}").to_lowercase());
    }
    let host = candidate.url.as_deref().and_then(|url| url.split(':').nth(1));
    if let Some(host) = host {
        text.push_str(&format!(" {}", host.split('.').next().unwrap_or(host)));
    }
    text
}
