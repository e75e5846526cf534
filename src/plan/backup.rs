//! Request + facts + dialect → procedure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::parts::{self, recognise};
use super::procedure::{Action, Expect, Obligation, Procedure, Skipped, Step, Watch};
use crate::client::Request;
use crate::dialect::{Dialect, Ids, METRICS, Phase, ROWS, Route, Shape, Unsupported, search};
use crate::model::{
    BackupId, Cluster, Component, Engine, Facts, Part, Storage, Topology, Version, WHOLE_CLUSTER,
    records_snapshot,
};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// An explicit ID, or the next free one.
    pub backup_id: Option<BackupId>,
    /// Overrides what the components say.
    pub version: Option<Version>,
    /// What is configured, for what the components do not say.
    pub configured: Configured,
    /// The table of versions that is gone by.
    pub rows: &'static [Dialect],
    /// Parts that are not wanted.
    pub leave_out: BTreeSet<Part>,
    /// The components that were given; the others' parts are not in the backup.
    pub components: BTreeSet<Component>,
    /// Snapshot repository of the records snapshot.
    pub repository: Option<String>,
    /// Prefix of the exported records' indices.
    pub records_prefix: String,
    /// How long things may take.
    pub limits: Limits,
    /// What is known of the release beside what its servers say.
    pub known: Known,
}

/// What is known of a release beside what its servers say: from its configuration, or given.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Snapshot repositories of parts that their owners take, where they are known.
    pub repositories: BTreeMap<Part, String>,
    /// Regions that the brokers are spread over.
    pub regions: Option<u32>,
    /// One region's backup is wanted all the same.
    pub accept_multi_region: bool,
    /// What discovery makes of it; nothing where its parts were given by URL.
    pub discovered: Option<Discovered>,
}

/// What is known of a release that was discovered, and does not show in its components.
#[derive(Debug, Clone, Default)]
pub struct Discovered {
    /// Components that the release has, and to which no way was found: why. Nobody chose to do without them.
    pub out_of_reach: BTreeMap<Component, String>,
    /// The brokers are the pods that there are, and not those of somebody's URLs.
    pub brokers: bool,
}

impl BackupRequest {
    /// The repositories of the release that are not the records' one, and whose they are.
    pub fn other_repositories(&self) -> BTreeMap<&str, Vec<Part>> {
        let mut all: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
        for (part, name) in &self.known.repositories {
            if self.repository.as_deref() != Some(name) {
                all.entry(name).or_default().push(*part);
            }
        }
        all
    }
}

impl Default for BackupRequest {
    /// Of nothing, by the table of this program.
    fn default() -> Self {
        Self {
            backup_id: None,
            version: None,
            configured: Configured::default(),
            rows: ROWS,
            leave_out: BTreeSet::new(),
            components: BTreeSet::new(),
            repository: None,
            records_prefix: "zeebe-record".to_owned(),
            limits: Limits::default(),
            known: Known::default(),
        }
    }
}

/// What the release's configuration says, where that could be read.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// Its version.
    pub version: Option<Version>,
    /// How its processes are cut.
    pub topology: Option<Topology>,
    /// Where the web applications keep their data.
    pub storage: Option<Storage>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The whole run, without the release.
    pub total: Duration,
    /// From the pause to the beginning of the release.
    pub paused: Duration,
    /// The release: resuming and seeing that it worked.
    pub release: Duration,
    /// How long exporters are waited for before the pause; zero: not at all.
    pub exporters: Duration,
    /// How long a part may be in doubt without anything moving, instead of the table's own patience.
    pub grace: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            total: minutes(180),
            paused: minutes(60),
            release: minutes(5),
            exporters: minutes(5),
            grace: None,
        }
    }
}

/// Starting and pausing are single requests; this much is for their retries.
const REQUEST_STEP: Duration = Duration::from_secs(60);

/// There is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The version is neither given nor found.
    #[error(
        "the Camunda version could not be found out: no component answered /actuator/info with one; known: {known}"
    )]
    VersionUnknown {
        /// The rows there are.
        known: String,
    },
    /// No row in the table.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// IDs are used up.
    #[error("the highest backup ID there can be is already used")]
    NoIdLeft,
    /// The highest known ID is not one to count on from.
    #[error(
        "the highest backup ID is {highest} ({source_text}), which no clock has told: every later ID would have to be higher still"
    )]
    ImplausibleId {
        /// The ID.
        highest: BackupId,
        /// Where it is.
        source_text: String,
    },
}

/// How exporting is resumed and where it is seen: all that a release needs, with or without a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseOrder {
    /// The resume.
    pub request: Request,
    /// What each broker is asked.
    pub probes: Vec<Request>,
    /// Partitions that must be seen; empty when unknown.
    pub partitions: BTreeSet<u32>,
    /// The brokers asked are all there are: a partition that none of them leads is then a reason to go on trying, else
    /// it is only told.
    pub all_brokers: bool,
}

impl ReleaseOrder {
    /// Whether what was seen is all that could be: `unseen` are the partitions of which no leader was.
    pub fn sees_all(&self, unseen: &BTreeSet<u32>) -> bool {
        unseen.is_empty() || !self.all_brokers
    }
}

/// The release for a dialect, for plans, for `resume` and for repairs. `cluster` is what the gateway says of it, if it does.
pub fn release(
    dialect: &Dialect,
    brokers: impl IntoIterator<Item = Component>,
    cluster: Option<&Cluster>,
) -> ReleaseOrder {
    let path = |c| match (c, dialect.exporting) {
        (Component::Gateway, Some(of_cluster)) => of_cluster,
        _ => dialect.phases,
    };
    let probes: Vec<_> = brokers.into_iter().map(|b| Request::get(b, path(b))).collect();
    let of_cluster = probes.iter().any(|p| p.component == Component::Gateway);
    ReleaseOrder {
        request: Request::post(Component::Gateway, dialect.resume),
        all_brokers: of_cluster || cluster.is_some_and(|c| probes.len() >= c.brokers.len()),
        partitions: cluster.map(|c| c.partitions.clone()).unwrap_or_default(),
        probes,
    }
}

/// Computes the plan. Says nothing about whether it may run: that is `preflight`'s business.
///
/// `now` is the time in Unix seconds, from which an ID is made.
pub fn backup(request: &BackupRequest, facts: &Facts, now: u64) -> Result<Procedure, PlanError> {
    let (version, recognised) = recognise(request, facts)?;
    let dialect = recognised.dialect;
    let backup_id = match request.backup_id {
        Some(id) => id,
        None => next_id(facts, now)?,
    };
    let context = Context { request, facts, dialect, version: &version, backup_id };
    let (mut steps, mut skipped) = (Vec::new(), Vec::new());
    // Once before anything is begun, so that a refusal leaves nothing; and once more right before the pause.
    if dialect.order.first() != Some(&Phase::Pause) && dialect.order.contains(&Phase::Pause) {
        steps.extend(context.wait_for_exporters("await-exporters-first"));
    }
    for phase in dialect.order {
        match phase {
            Phase::Pause => {
                steps.extend(context.wait_for_exporters("await-exporters"));
                steps.push(context.pause());
            }
            Phase::Take(parts) => context.take(parts, &mut steps, &mut skipped),
            Phase::Resume => {
                steps.push(confirm());
                steps.push(context.resume());
            }
        }
    }
    let procedure = Procedure {
        backup_id,
        dialect: dialect.name,
        version_given: request.version.is_some(),
        version: version.clone(),
        topology: dialect.topology,
        engine: context.engine(),
        repository: request.repository.clone().filter(|_| takes_records(&steps)),
        seen_on: context.seen_on(),
        partitions: context.partitions(),
        release: context.release(),
        steps,
        skipped,
        elsewhere: dialect.elsewhere,
    };
    debug_assert_eq!(procedure.violations(), Vec::<String>::new());
    Ok(procedure)
}

fn takes_records(steps: &[Step]) -> bool {
    steps.iter().any(|s| matches!(s.action, Action::Start { part: Part::Records, .. }))
}

fn next_id(facts: &Facts, now: u64) -> Result<BackupId, PlanError> {
    let highest = facts.highest_id_and_source();
    // An ID that is used is used for ever: a name that anybody can write must not decide how many are left.
    if let Some((highest, source_text)) = &highest
        && !highest.is_plausible(now)
    {
        return Err(PlanError::ImplausibleId { highest: *highest, source_text: source_text.clone() });
    }
    BackupId::next(now, highest.map(|(id, _)| id)).ok_or(PlanError::NoIdLeft)
}

fn confirm() -> Step {
    Step {
        name: "confirm-paused".to_owned(),
        action: Action::ConfirmPaused,
        deadline: REQUEST_STEP,
        arms: None,
        releases: None,
    }
}

struct Context<'a> {
    request: &'a BackupRequest,
    facts: &'a Facts,
    dialect: &'static Dialect,
    version: &'a Version,
    backup_id: BackupId,
}

impl Context<'_> {
    fn engine(&self) -> Option<Engine> {
        self.facts.engine.as_ref().and_then(|e| e.as_ref().ok()).map(|e| e.engine)
    }

    /// What the gateway tells, and what is seen on the brokers: a partition that only one of the two knows counts.
    fn partitions(&self) -> BTreeSet<u32> {
        let told = self.facts.cluster.iter().flatten().flat_map(|c| c.partitions.iter().copied());
        let seen = self.facts.exporting.values().flatten().flatten().map(|p| p.partition);
        told.chain(seen.filter(|p| *p != WHOLE_CLUSTER)).collect()
    }

    /// The brokers; without any the gateway, where it tells the state of the whole cluster.
    fn seen_on(&self) -> Vec<Component> {
        let brokers = self.request.components.iter().copied().filter(|c| matches!(c, Component::Broker(_)));
        let all: Vec<_> = brokers.collect();
        let told = || matches!(self.facts.exporting.get(&Component::Gateway), Some(Ok(_)));
        if all.is_empty() && told() { vec![Component::Gateway] } else { all }
    }

    fn release(&self) -> ReleaseOrder {
        let cluster = self.facts.cluster.as_ref().and_then(|c| c.as_ref().ok());
        ReleaseOrder { partitions: self.partitions(), ..release(self.dialect, self.seen_on(), cluster) }
    }

    /// On the brokers that tell; without any there is nothing to wait for, which preflight says.
    fn wait_for_exporters(&self, name: &str) -> Option<Step> {
        let deadline = self.request.limits.exporters;
        let tell = self.facts.positions.iter().filter(|(_, answer)| answer.is_ok());
        let probes: Vec<_> = tell.map(|(broker, _)| Request::get(*broker, METRICS)).collect();
        (!deadline.is_zero() && !probes.is_empty()).then(|| Step {
            name: name.to_owned(),
            action: Action::AwaitExporters { probes },
            deadline,
            arms: None,
            releases: None,
        })
    }

    fn pause(&self) -> Step {
        Step {
            name: "pause-exporting".to_owned(),
            action: Action::PauseExporting { request: Request::post(Component::Gateway, self.dialect.pause) },
            deadline: REQUEST_STEP,
            arms: Some(Obligation::ResumeExporting),
            releases: None,
        }
    }

    fn resume(&self) -> Step {
        Step {
            name: "resume-exporting".to_owned(),
            action: Action::ResumeExporting {
                request: Request::post(Component::Gateway, self.dialect.resume),
            },
            deadline: self.request.limits.release,
            arms: None,
            releases: Some(Obligation::ResumeExporting),
        }
    }

    fn take(&self, parts: &[Part], steps: &mut Vec<Step>, skipped: &mut Vec<Skipped>) {
        let mut watches = Vec::new();
        for part in parts {
            let Some(route) = self.dialect.route(*part) else { continue };
            if let Some(reason) = parts::left_out(self.request, self.facts, self.dialect, self.version, route)
            {
                skipped.push(Skipped { part: *part, reason });
                continue;
            }
            let host = route.host_or_first(&self.request.components);
            steps.push(self.start(route, host));
            watches.push(self.watch(route, host));
        }
        if watches.is_empty() {
            return;
        }
        let names: Vec<_> = watches.iter().map(|w| w.part.name()).collect();
        steps.push(Step {
            name: format!("await-{}", names.join("-")),
            action: Action::Await { watches },
            deadline: self.request.limits.total,
            arms: None,
            releases: None,
        });
    }

    fn start(&self, route: &Route, host: Component) -> Step {
        let id = self.backup_id;
        let mut otherwise = None;
        let (request, first) = match route.shape {
            Shape::Snapshots | Shape::Partitions => {
                let bare = Request::post(host, route.base);
                let ours = bare.clone().with(json!({ "backupId": id }));
                // Who asks for an ID gets that one, or a refusal.
                match (route.ids, self.request.backup_id) {
                    (Ids::Cluster, None) => {
                        otherwise = Some(Box::new(ours));
                        (bare, None)
                    }
                    _ => (ours, None),
                }
            }
            Shape::Records => {
                let pattern = format!("{}*", self.request.records_prefix);
                let mut body = json!({ "indices": pattern });
                // Without it Elasticsearch stores its own features' indices too; OpenSearch has no such thing.
                if self.engine() != Some(Engine::OpenSearch) {
                    body["feature_states"] = json!(["none"]);
                }
                (
                    Request::put(host, self.snapshot_path(route)).with(body),
                    Some(Request::get(host, search::record_indices(&self.request.records_prefix))),
                )
            }
        };
        Step {
            name: format!("start-{}", route.part),
            action: Action::Start {
                part: route.part,
                request,
                first,
                otherwise,
                taken: route.taken,
                unsure: route.unsure,
            },
            deadline: REQUEST_STEP,
            arms: None,
            releases: None,
        }
    }

    fn watch(&self, route: &Route, host: Component) -> Watch {
        let (path, progress, expect) = match route.shape {
            Shape::Snapshots => (format!("{}/{}", route.base, self.backup_id), None, Expect::AllSnapshots),
            Shape::Partitions => (
                format!("{}/{}", route.base, self.backup_id),
                None,
                Expect::Partitions { partitions: self.partitions() },
            ),
            Shape::Records => {
                let path = self.snapshot_path(route);
                let progress = Request::get(host, format!("{path}/_status"));
                (path, Some(progress), Expect::RecordIndices)
            }
        };
        Watch {
            part: route.part,
            request: Request::get(host, path),
            progress,
            shape: route.shape,
            expect,
            appears_within: self.request.limits.grace.unwrap_or(Duration::MAX).min(route.appears_within),
            grace: self.request.limits.grace.unwrap_or(route.grace),
            stall: route.stall,
        }
    }

    fn snapshot_path(&self, route: &Route) -> String {
        let repository = self.request.repository.as_deref().unwrap_or_default();
        format!("{}/{repository}/{}", route.base, records_snapshot(self.backup_id))
    }
}
