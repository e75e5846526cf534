//! May this plan run? Pure: facts + request → everything that speaks against it, all at once.

use std::collections::{BTreeMap, BTreeSet};

use super::parts::{gap, may_be_without, out_of_reach, recognise, seen};
use super::procedure::Procedure;
use super::{BackupRequest, backup::PlanError, nearest};
use crate::dialect::{Shape, defects};
use crate::model::{
    Answer, Behind, Component, ExporterPhase, Facts, Finding, Part, PartState, Problem, ProblemKind, Reason,
    RepositoryFacts, Severity, Storage, WHOLE_CLUSTER, is_record_of,
};

/// A procedure that preflight let pass. Nothing else can be driven.
#[derive(Debug)]
pub struct Checked {
    procedure: Procedure,
}

impl Checked {
    /// Lets a procedure pass, unless a finding is an error.
    pub fn new(procedure: Procedure, findings: &[Finding]) -> Option<Self> {
        let stopped = findings.iter().any(|f| f.severity == Severity::Error);
        (!stopped).then_some(Self { procedure })
    }

    /// The plan.
    pub fn procedure(&self) -> &Procedure {
        &self.procedure
    }
}

/// Everything that was found, errors first.
///
/// `planned` is the outcome of planning: a plan that cannot be made is a finding like the others.
pub fn preflight(
    request: &BackupRequest,
    facts: &Facts,
    planned: &Result<Procedure, PlanError>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = planned {
        let reason = match error {
            PlanError::VersionUnknown { .. } => Reason::VersionUnknown,
            PlanError::Unsupported(_) => Reason::VersionUnsupported,
            PlanError::ImplausibleId { .. } => Reason::BackupIdImplausible,
            PlanError::NoIdLeft => Reason::BackupIdNotHigher,
        };
        findings.push(Finding::new(reason, None, error.to_string()));
    }
    versions(request, facts, &mut findings);
    components(facts, &mut findings);
    regions(request, &mut findings);
    defects_of(facts, &mut findings);
    not_found(request, facts, &mut findings);
    lists(request, facts, &mut findings);
    findings.extend(facts.foreign_snapshots());
    ids(request, facts, &mut findings);
    cluster(facts, &mut findings);
    // Where nothing is paused it does not matter what the exporters do.
    if nearest(request, facts).pauses() {
        exporting(facts, &mut findings);
        every_broker(request, facts, &mut findings);
    }
    // On relational storage Zeebe's part is the whole backup, and only the cluster deletes without a gap.
    if facts.native_retention && nearest(request, facts).storage != Storage::Relational {
        let text = "camunda.data.primary-storage.backup.retention is configured";
        findings.push(Finding::new(Reason::NativeRetention, Component::Gateway, text));
    }
    search(request, facts, &mut findings);
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}

fn versions(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    if let Some(given) = &request.version {
        let told = match facts.version() {
            Some(told) => format!("the components say {told}"),
            None => "the components do not tell theirs".to_owned(),
        };
        findings.push(Finding::new(Reason::VersionGiven, None, format!("version {given} was given; {told}")));
    }
    let Ok((version, recognised)) = recognise(request, facts) else { return };
    if let Some(contradiction) = recognised.contradiction {
        findings.push(Finding::new(Reason::VersionContradicted, Component::Gateway, contradiction));
    } else if recognised.dialect.is_guessed(&seen(request, facts)) {
        let detail = format!("{version} is taken for {}, by what is missing alone", recognised.dialect.name);
        findings.push(Finding::new(Reason::StorageGuessed, Component::Gateway, detail));
    }
    for route in recognised.dialect.routes {
        let (Some(host), Some(gap)) =
            (route.host(&request.components), gap(facts, recognised.dialect, &version, route.part))
        else {
            continue;
        };
        if !request.leave_out.contains(&route.part) {
            findings.push(Finding::new(Reason::PartCannotBeTaken, host, gap.why));
        }
    }
}

fn components(facts: &Facts, findings: &mut Vec<Finding>) {
    for (component, found) in &facts.components {
        // The engine has questions of its own, brokers are judged by their exporting state.
        if matches!(component, Component::Search | Component::Broker(_)) {
            continue;
        }
        match &found.health {
            Ok(health) if health != "UP" => {
                let detail = format!("{component} reports {health} ({})", found.url);
                findings.push(Finding::new(Reason::ComponentNotHealthy, *component, detail));
            }
            // A health endpoint may be closed; whether the component works shows in the answers that matter.
            Ok(_) | Err(_) => {}
        }
    }
    let versions: BTreeMap<_, Vec<_>> = facts
        .components
        .iter()
        .filter_map(|(c, f)| Some((f.version.as_ref()?, c)))
        .fold(BTreeMap::new(), |mut all, (version, component)| {
            all.entry(version).or_insert_with(Vec::new).push(component.to_string());
            all
        });
    if versions.len() > 1 {
        let text: Vec<_> = versions.iter().map(|(v, who)| format!("{v} ({})", who.join(", "))).collect();
        findings.push(Finding::new(Reason::VersionsDiffer, None, text.join(", ")));
    }
}

fn regions(request: &BackupRequest, findings: &mut Vec<Finding>) {
    if let Some(regions) = request.known.regions.filter(|n| *n > 1) {
        let reason =
            if request.known.accept_multi_region { Reason::MultiRegionAccepted } else { Reason::MultiRegion };
        findings.push(Finding::new(
            reason,
            None,
            format!("the brokers are configured for {regions} regions"),
        ));
    }
}

fn defects_of(facts: &Facts, findings: &mut Vec<Finding>) {
    let engine = facts.engine.iter().flatten().map(|e| e.engine).next();
    for (component, found) in &facts.components {
        for defect in found.version.iter().flat_map(|v| defects(*component, v, engine)) {
            let version = found.version.as_ref().map(ToString::to_string).unwrap_or_default();
            let detail = format!("{component} {version}: {}", defect.text);
            findings.push(Finding::new(Reason::KnownDefect, *component, detail));
        }
    }
}

fn of_problem(problem: &Problem, component: Component) -> Finding {
    let search = component == Component::Search;
    let reason = match problem.kind {
        ProblemKind::Unreachable if search => Reason::SearchUnreachable,
        ProblemKind::Unreachable => Reason::ComponentUnreachable,
        ProblemKind::Unauthorized if search => Reason::SearchUnauthorized,
        ProblemKind::Unauthorized => Reason::ComponentUnauthorized,
        ProblemKind::NotFound => Reason::PartNotFound,
        ProblemKind::EndpointAbsent => Reason::EndpointAbsent,
        ProblemKind::Refused(_) => Reason::ListFailed,
        ProblemKind::Unintelligible => Reason::AnswerNotUnderstood,
    };
    Finding::new(reason, component, problem.to_string())
}

/// Parts of components that the release has, and to which no way was found. Nobody chose to leave them out, as whoever
/// gives URLs does.
fn not_found(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    for route in nearest(request, facts).routes {
        if let Some((host, why)) = out_of_reach(request, route) {
            findings.push(Finding::new(Reason::PartNotFound, host, format!("{}: {why}", route.part)));
        }
    }
}

fn lists(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    let routes = select_routes(request, facts);
    for (part, answer) in &facts.backups {
        let Some((host, shape)) = routes.get(part) else { continue };
        match answer {
            // Told of every part by itself, the records included.
            Err(Problem { kind: ProblemKind::NotFound, .. }) => {}
            Err(problem) => {
                let mut finding = of_problem(problem, *host);
                // Recorded: Operate 400, Tasklist 404 with this text; Zeebe 400.
                if problem.text.contains("No backup repository configured") {
                    finding = Finding::new(Reason::RepositoryNotConfigured, *host, problem.to_string());
                } else if problem.text.contains("No backup store is configured") {
                    finding = Finding::new(Reason::BackupStoreNotConfigured, *host, problem.to_string());
                }
                findings.push(finding);
            }
            Ok(backups) => {
                for backup in backups.iter().filter(|b| b.state == PartState::InProgress) {
                    let detail = format!("{host} lists backup {} as IN_PROGRESS", backup.id);
                    let reason = match shape {
                        // Exporting is paused while Zeebe's part is taken: running exporting means a leftover.
                        Shape::Partitions => Reason::StaleZeebeBackup,
                        Shape::Snapshots | Shape::Records => Reason::BackupInProgress,
                    };
                    findings.push(Finding::new(reason, *host, detail));
                }
            }
        }
    }
}

fn select_routes(request: &BackupRequest, facts: &Facts) -> BTreeMap<Part, (Component, Shape)> {
    let wanted = nearest(request, facts).routes.iter().filter(|r| !request.leave_out.contains(&r.part));
    wanted.map(|r| (r.part, (r.host_or_first(&request.components), r.shape))).collect()
}

fn ids(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    // Above what a clock tells in this century is what nobody counts on from; a component that does refuses by itself.
    const LAST_SECOND: u64 = 4_102_444_800;
    let known = facts.highest_id_and_source().filter(|(highest, _)| highest.is_plausible(LAST_SECOND));
    let highest = known.or_else(|| facts.highest_listed());
    if let (Some(id), Some((highest, _))) = (request.backup_id, highest)
        && id <= highest
    {
        let detail = format!("backup ID {id} was asked for, but {highest} exists already");
        findings.push(Finding::new(Reason::BackupIdNotHigher, None, detail));
    }
}

fn cluster(facts: &Facts, findings: &mut Vec<Finding>) {
    match &facts.cluster {
        Some(Ok(cluster)) => {
            if cluster.change_pending {
                let detail = "the gateway reports a pending change of the topology";
                findings.push(Finding::new(Reason::TopologyChangePending, Component::Gateway, detail));
            }
            for (id, state) in cluster.brokers.iter().filter(|(_, state)| *state != "ACTIVE") {
                let detail = format!("broker {id} is {state}");
                findings.push(Finding::new(Reason::BrokerNotActive, Component::Gateway, detail));
            }
        }
        Some(Err(problem)) if problem.kind == ProblemKind::Unreachable => {
            findings.push(of_problem(problem, Component::Gateway));
        }
        // Not every version and exposure has this endpoint; without it the partitions are counted on the brokers.
        Some(Err(problem)) if problem.kind == ProblemKind::EndpointAbsent => {}
        Some(Err(problem)) => {
            findings.push(Finding::new(Reason::TopologyUnknown, Component::Gateway, problem.to_string()));
        }
        None => {}
    }
}

fn exporting(facts: &Facts, findings: &mut Vec<Finding>) {
    if facts.exporting.is_empty() {
        let detail = "no broker URL was given";
        findings.push(Finding::new(Reason::ExportingNotVisible, None, detail));
        return;
    }
    let mut seen_all = true;
    let (mut leaders, mut replicas) = (BTreeSet::new(), BTreeSet::new());
    for (broker, answer) in &facts.exporting {
        match answer {
            Err(problem) => {
                seen_all = false;
                findings.push(Finding::new(Reason::BrokerUnreachable, *broker, problem.to_string()));
            }
            Ok(phases) => {
                for phase in phases {
                    replicas.insert(phase.partition);
                    if phase.leader {
                        leaders.insert(phase.partition);
                    }
                    if let Some(p @ (ExporterPhase::Paused | ExporterPhase::SoftPaused)) = &phase.phase {
                        let detail = format!("partition {} on {broker} is {p}", phase.partition);
                        findings.push(Finding::new(Reason::ExportingPausedByOthers, *broker, detail));
                    }
                }
            }
        }
    }
    exporters(facts, findings);
    let Some(Ok(cluster)) = &facts.cluster else { return };
    if leaders.contains(&WHOLE_CLUSTER) {
        return;
    }
    let missing: Vec<_> = cluster.partitions.difference(&leaders).map(ToString::to_string).collect();
    if missing.is_empty() || !seen_all {
        return;
    }
    let every_broker_given = facts.exporting.len() >= cluster.brokers.len();
    let detail = format!("no leader seen for partition {}", missing.join(", "));
    let reason =
        if every_broker_given { Reason::PartitionWithoutLeader } else { Reason::PartitionsNotVisible };
    findings.push(Finding::new(reason, None, detail));
}

/// A broker without a pod: the topology is what the cluster is configured to, not who is there, and with enough replicas every
/// partition has a leader without it. Of several regions only this one's brokers are seen.
fn every_broker(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    let known = &request.known;
    if !known.discovered.as_ref().is_some_and(|d| d.brokers) || known.regions.is_some_and(|n| n > 1) {
        return;
    }
    let Some(Ok(cluster)) = &facts.cluster else { return };
    let here = request.components.iter().filter(|c| matches!(c, Component::Broker(_))).count();
    // Without any, it is their pods that were not found, which is said of its own.
    if (1..cluster.brokers.len()).contains(&here) {
        let detail =
            format!("the gateway's topology has {} brokers, and {here} have a pod", cluster.brokers.len());
        findings.push(Finding::new(Reason::BrokerUnreachable, None, detail));
    }
}

/// What cannot be seen is not waited for, so it is said: of every broker that does not tell, and of every partition that is
/// in nobody's metrics.
fn exporters(facts: &Facts, findings: &mut Vec<Finding>) {
    let unknown = |component: Option<Component>, detail: String| {
        Finding::new(Reason::ExporterLagUnknown, component, detail)
    };
    let silent = facts.positions.iter().filter_map(|(broker, answer)| Some((broker, answer.as_ref().err()?)));
    let silent: Vec<_> =
        silent.map(|(broker, problem)| unknown(Some(*broker), problem.to_string())).collect();
    let every_broker_tells = silent.is_empty();
    findings.extend(silent);
    let positions = facts.all_positions().unwrap_or_default();
    let cluster = facts.cluster.iter().flatten().next();
    let untold: Vec<_> = cluster
        .iter()
        .flat_map(|c| &c.partitions)
        .filter(|p| !positions.processed.contains_key(p))
        .map(ToString::to_string)
        .collect();
    if !facts.exporting.keys().any(|c| matches!(c, Component::Broker(_))) {
        findings.push(unknown(None, "no broker URL was given".to_owned()));
    } else if every_broker_tells && !facts.positions.is_empty() && !untold.is_empty() {
        let detail = format!("no broker's metrics tell of partition {}", untold.join(", "));
        findings.push(unknown(None, detail));
    }
    let behind = positions.lag();
    if behind.is_empty() {
        return;
    }
    let total = |all: &[Behind]| all.iter().map(|b| b.records).sum::<u64>();
    let moves = match &facts.positions_later {
        Some(later) if total(&later.behind(&positions.processed)) < total(&behind) => ", and getting less",
        Some(_) => ", and nothing moved within two seconds",
        None => "",
    };
    findings.push(Finding::new(Reason::ExportersBehind, None, Behind::line(&behind) + moves));
}

fn search(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    let search = Component::Search;
    if !request.components.contains(&search) {
        return;
    }
    if let Some(Err(problem)) = &facts.engine {
        // Everything else fails for the same reason.
        findings.push(of_problem(problem, search));
        return;
    }
    match &facts.repository {
        Some(Err(problem)) if problem.kind == ProblemKind::Refused(404) => {
            findings.push(Finding::new(Reason::RepositoryMissing, search, problem.to_string()));
            return;
        }
        Some(Err(problem)) => findings.push(of_problem(problem, search)),
        Some(Ok(repository)) => read_only(repository, "", findings),
        None => {}
    }
    verified(facts.repository_verified.as_ref(), "", findings);
    other_repositories(request, facts, findings);
    if let Some(route) = nearest(request, facts).route(Part::Records) {
        records(request, may_be_without(request, route), facts.record_indices.as_ref(), findings);
    }
    if let Some(Err(problem)) = &facts.snapshots {
        findings.push(of_problem(problem, search));
    }
}

fn read_only(repository: &RepositoryFacts, whose: &str, findings: &mut Vec<Finding>) {
    let (name, kind) = (&repository.name, &repository.kind);
    if kind == "url" {
        let detail = format!("repository {name}{whose} is of type url, which can only be read");
        findings.push(Finding::new(Reason::RepositoryTypeReadOnly, Component::Search, detail));
    } else if repository.read_only {
        let detail = format!("repository {name}{whose} ({kind}) is registered read-only");
        findings.push(Finding::new(Reason::RepositoryReadOnly, Component::Search, detail));
    }
}

fn verified(answer: Option<&Answer<usize>>, whose: &str, findings: &mut Vec<Finding>) {
    if let Some(Err(problem)) = answer {
        // Verifying needs more rights than backing up: who may not ask does not know, which is no fault of the storage.
        let reason = match problem.kind {
            ProblemKind::Unauthorized => Reason::RepositoryNotVerified,
            _ => Reason::RepositoryNotWritable,
        };
        findings.push(Finding::new(reason, Component::Search, format!("{problem}{whose}")));
    }
}

/// What the web applications write to, where it is not the records' repository.
fn other_repositories(request: &BackupRequest, facts: &Facts, findings: &mut Vec<Finding>) {
    for (name, parts) in request.other_repositories() {
        let Some((found, tried)) = facts.other_repositories.get(name) else { continue };
        let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
        let whose = format!(" (of {})", parts.join(", "));
        match found {
            Ok(repository) => read_only(repository, &whose, findings),
            Err(problem) if problem.kind == ProblemKind::Refused(404) => {
                let detail = format!("{problem}{whose}");
                findings.push(Finding::new(Reason::RepositoryMissing, Component::Search, detail));
            }
            Err(problem) => findings.push(of_problem(problem, Component::Search)),
        }
        verified(tried.as_ref(), &whose, findings);
    }
}

fn records(
    request: &BackupRequest,
    may_be_empty: bool,
    indices: Option<&Answer<Vec<String>>>,
    findings: &mut Vec<Finding>,
) {
    let search = Component::Search;
    let prefix = &request.records_prefix;
    match indices {
        None => {}
        Some(Err(problem)) => findings.push(of_problem(problem, search)),
        Some(Ok(names)) if names.is_empty() && may_be_empty => {}
        Some(Ok(names)) if names.is_empty() => {
            let detail = format!("no index matches {prefix}*");
            findings.push(Finding::new(Reason::RecordsMatchNothing, search, detail));
        }
        Some(Ok(names)) => {
            let foreign: Vec<_> = names.iter().filter(|n| !is_record_of(prefix, n)).collect();
            if let Some(first) = foreign.first() {
                let detail = format!("{prefix}* also matches {} others, such as {first}", foreign.len());
                findings.push(Finding::new(Reason::RecordsMatchTooWide, search, detail));
            }
        }
    }
}
