//! Values for the tests of this module: one release, one night.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub use super::samples_sets::{deletion, detail, prune, verification};
use super::{
    ComponentView, Context, Document, ExportingView, FollowedView, Format, LeaseView, ProblemView, RightView,
    RightsView, StatusView, Style, write,
};
use crate::catalogue::{PartEntry, Set, SetState};
use crate::model::{
    BackupId, Cluster, Component, Engine, EngineFacts, ExporterPhase, Facts, Finding, Part, PartState,
    PartitionPhase, Reason, Severity, Topology, Version,
};
use crate::plan::{BackupRequest, Procedure, Skipped, backup};
use crate::run::{Cause, Event, Exporting, Happened, Level, Outcome, PartOutcome, PartReport, Report, Seen};

/// 2025-11-24T16:00:00Z.
pub const BEGAN: Timestamp = Timestamp::constant(1_764_000_000, 0);

pub const CONTEXT: Context<'static> = Context {
    style: Style { color: false },
    now: Timestamp::constant(1_764_010_000, 0),
    program: "kubectl camunda-backup",
};

pub fn written(document: &Document<'_>, format: Format) -> String {
    let mut out = Vec::new();
    write(document, format, &CONTEXT, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("UTF-8")
}

fn id(n: u64) -> BackupId {
    BackupId::new(n).expect("in range")
}

fn secs(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

pub fn plan() -> Procedure {
    let request = BackupRequest {
        backup_id: Some(id(1_764_000_000)),
        version: Some(Version::full(8, 6, 0)),
        components: BTreeSet::from([
            Component::Operate,
            Component::Tasklist,
            Component::Gateway,
            Component::Broker(0),
            Component::Broker(1),
            Component::Search,
        ]),
        repository: Some("backups".to_owned()),
        ..BackupRequest::default()
    };
    let cluster = Cluster {
        brokers: BTreeMap::from([(0, "ACTIVE".to_owned()), (1, "ACTIVE".to_owned())]),
        partitions: BTreeSet::from([1, 2, 3]),
        change_pending: false,
    };
    let engine = EngineFacts { engine: Engine::Elasticsearch, version: "8.14.1".to_owned() };
    let facts = Facts { cluster: Some(Ok(cluster)), engine: Some(Ok(engine)), ..Facts::default() };
    backup(&request, &facts, 1_764_000_000).expect("a plan")
}

pub fn findings() -> Vec<Finding> {
    vec![
        Finding::new(Reason::ExportingNotVisible, None, "no broker URL was given"),
        Finding::new(
            Reason::RepositoryMissing,
            Component::Search,
            "HTTP 404: repository_missing_exception: [backups] missing (http://search:9200/_snapshot/backups)",
        ),
    ]
}

pub fn rights() -> (Vec<Finding>, Vec<RightsView>) {
    let right = |group: &str, resource: &str, verb: &str| RightView {
        group: group.to_owned(),
        resource: resource.to_owned(),
        verb: verb.to_owned(),
        name: None,
        needed: true,
    };
    let detail = "in namespace prod: create pods/portforward, update leases.coordination.k8s.io";
    let view = RightsView {
        namespace: "prod".to_owned(),
        rights: vec![
            right("", "pods/portforward", "create"),
            right("coordination.k8s.io", "leases", "update"),
        ],
        role: "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n".to_owned(),
    };
    (vec![Finding::new(Reason::RightMissing, None, detail)], vec![view])
}

pub fn followed() -> FollowedView {
    FollowedView {
        namespace: "prod".to_owned(),
        job: "nightly-manual-1a2b3c4d".to_owned(),
        pod: Some("nightly-manual-1a2b3c4d-x7x2p".to_owned()),
        exit_code: Some(21),
        problem: None,
        running: false,
    }
}

fn seen() -> Seen {
    Seen { partitions: BTreeSet::from([1, 2, 3]), brokers: 2, unseen: BTreeSet::new() }
}

fn part(part: Part, took: f64, pieces: usize, server: Option<f64>) -> PartReport {
    let pieces = (1..=pieces).map(|i| format!("piece {i}")).collect();
    let outcome = PartOutcome::Complete { took: secs(took), pieces, server: server.map(secs) };
    PartReport { part, outcome }
}

pub fn complete() -> Report {
    Report {
        backup_id: id(1_764_000_000),
        outcome: Outcome::Complete,
        exporting: Exporting::Resumed { paused: secs(12.345), servers: Some(secs(11.8)), seen: seen() },
        parts: vec![
            part(Part::Operate, 20.5, 6, None),
            part(Part::Tasklist, 18.0, 6, None),
            part(Part::Records, 7.25, 14, Some(7.1)),
            part(Part::Zeebe, 4.4, 3, Some(4.2)),
        ],
        skipped: vec![Skipped { part: Part::Optimize, reason: "no URL for optimize was given".to_owned() }],
        took: secs(83.4),
        waited_for_exporters: Duration::ZERO,
        elsewhere: None,
        journal_problem: None,
    }
}

pub fn failed() -> Report {
    let cause = Cause::part(
        Reason::SnapshotFailed,
        Part::Records,
        Component::Search,
        "the snapshot is FAILED: zeebe-record_job_8.6.0: no space left (http://search:9200/_snapshot/backups/x)",
    );
    Report {
        outcome: Outcome::Failed { step: "await-records".to_owned(), cause },
        exporting: Exporting::Resumed {
            paused: secs(9.0),
            servers: None,
            seen: Seen { brokers: 0, ..Seen::default() },
        },
        parts: vec![
            part(Part::Operate, 20.5, 6, None),
            PartReport { part: Part::Records, outcome: PartOutcome::Failed },
            PartReport { part: Part::Zeebe, outcome: PartOutcome::NotStarted },
        ],
        skipped: Vec::new(),
        ..complete()
    }
}

pub fn maybe_paused() -> Report {
    Report {
        exporting: Exporting::MaybePaused {
            attempts: 12,
            cause: "http://gateway:9600/actuator/exporting/resume: cannot connect: refused".to_owned(),
        },
        ..failed()
    }
}

fn found(state: PartState, done: u64, total: Option<u64>) -> PartEntry {
    PartEntry::Found { state, done, total, problem: None }
}

/// Complete, incomplete, failed with something unknown, and one without a time.
pub fn sets() -> Vec<Set> {
    let whole = BTreeMap::from([
        (Part::Operate, found(PartState::Completed, 6, Some(6))),
        (Part::Records, found(PartState::Completed, 14, None)),
        (Part::Zeebe, found(PartState::Completed, 3, Some(3))),
    ]);
    let complete = Set {
        id: id(1_764_000_000),
        state: SetState::Complete,
        parts: whole.clone(),
        started: Some(BEGAN),
        started_from_id: false,
        ended: Timestamp::from_second(1_764_000_083).ok(),
        duration: Some(secs(83.0)),
        versions: vec![Version::full(8, 6, 0)],
        bytes: Some(3_481 << 20),
        elsewhere: None,
        run: None,
    };
    let without = |n, state, changed: &[(Part, PartEntry)]| {
        let mut parts = whole.clone();
        parts.extend(changed.iter().cloned());
        let started = Timestamp::from_second(n).ok().filter(|_| n > 100);
        let id = id(u64::try_from(n).expect("positive"));
        let ended = None;
        let bytes = None;
        Set {
            id,
            state,
            parts,
            started,
            started_from_id: true,
            ended,
            duration: None,
            bytes,
            ..complete.clone()
        }
    };
    let unknown = PartEntry::Unknown("cannot connect (http://operate:9600/actuator/backups)".to_owned());
    let incomplete = PartEntry::Found {
        state: PartState::Incomplete,
        done: 5,
        total: Some(6),
        problem: Some("5 of 6 snapshots are there and whole".to_owned()),
    };
    let failed = found(PartState::Failed, 1, Some(3));
    vec![
        complete.clone(),
        without(
            1_763_900_000,
            SetState::Incomplete,
            &[(Part::Operate, incomplete), (Part::Zeebe, PartEntry::Missing)],
        ),
        without(1_763_800_000, SetState::Failed, &[(Part::Operate, unknown), (Part::Zeebe, failed)]),
        Set {
            started_from_id: false,
            versions: Vec::new(),
            ..without(17, SetState::InProgress, &[(Part::Records, found(PartState::InProgress, 0, None))])
        },
    ]
}

pub fn status() -> StatusView {
    let component = |component, version, health: Option<&str>, problem: Option<&str>| ComponentView {
        component,
        url: format!("http://{component}:9600"),
        version,
        health: health.map(str::to_owned),
        problem: problem.map(str::to_owned),
        evidence: vec![format!(
            "Service camunda-{component} (label app.kubernetes.io/component={component})"
        )],
    };
    let partition = |partition, leader, phase| PartitionPhase {
        partition,
        leader,
        role: if leader { "LEADER" } else { "FOLLOWER" }.to_owned(),
        phase,
    };
    let version = Some(Version::full(8, 6, 0));
    StatusView {
        release: "camunda in namespace production".to_owned(),
        version: version.clone(),
        version_given: false,
        topology: Some(Topology::Separate),
        dialect: Some("8.5-8.7, separate components".to_owned()),
        engine: Some(EngineFacts { engine: Engine::OpenSearch, version: "2.19.0".to_owned() }),
        components: vec![
            component(Component::Operate, version.clone(), Some("UP"), None),
            component(Component::Tasklist, version.clone(), Some("DEGRADED"), None),
            component(
                Component::Gateway,
                version,
                None,
                Some("HTTP 404 (http://gateway:9600/actuator/health)"),
            ),
        ],
        exporting: vec![
            ExportingView {
                broker: Component::Broker(0),
                partitions: vec![
                    partition(1, true, Some(ExporterPhase::SoftPaused)),
                    partition(2, false, None),
                ],
                problem: None,
            },
            ExportingView {
                broker: Component::Broker(1),
                partitions: Vec::new(),
                problem: Some("cannot connect (http://broker-1:9600/actuator/partitions)".to_owned()),
            },
        ],
        lease: Some(LeaseView {
            name: "camunda-backup-camunda".to_owned(),
            renewed: Some("2025-11-24T18:46:30Z".to_owned()),
            armed_since: Some("2025-11-24T18:45:00Z".to_owned()),
            armed_for: Some(id(1_764_009_600)),
        }),
        lock: Some("held by ci-runner-7 (process 4711) since 2025-11-24T18:40:00Z".to_owned()),
        running: Some(id(1_764_009_600)),
        last_complete: sets().into_iter().next(),
        problems: vec![
            ProblemView {
                severity: Severity::Error,
                text: "exporting is paused on partition 1 (broker-0)".to_owned(),
                command: Some("kubectl camunda-backup resume".to_owned()),
            },
            ProblemView {
                severity: Severity::Warning,
                text: "tasklist reports DEGRADED".to_owned(),
                command: None,
            },
        ],
    }
}

/// A run with everything that can happen to it.
pub fn events() -> Vec<Event> {
    let mut at = Duration::ZERO;
    let cause = Cause::part(Reason::SnapshotFailed, Part::Records, Component::Search, "no space left");
    let step = |name: &str, number| Happened::StepStarted { step: name.to_owned(), number, of: 9 };
    let observed = |part, done, total, bytes, bytes_total| Happened::Observed {
        part,
        state: "IN_PROGRESS".to_owned(),
        done,
        total,
        bytes,
        bytes_total,
    };
    let mebi = |n: u64| Some(n << 20);
    let story = vec![
        (
            0.0,
            Happened::Began {
                backup_id: id(1_764_000_000),
                parts: vec![Part::Operate, Part::Records, Part::Zeebe],
                steps: 9,
            },
        ),
        (0.0, step("start-operate", 1)),
        (0.5, Happened::Accepted { part: Part::Operate, snapshots: 6 }),
        (0.5, step("await-operate", 2)),
        (6.0, observed(Part::Operate, 3, Some(6), None, None)),
        (12.0, Happened::PartComplete { part: Part::Operate, seconds: 18.0, pieces: 6 }),
        (1.0, step("pause-exporting", 3)),
        (0.0, Happened::Armed),
        (0.5, Happened::Paused { seen: seen() }),
        (0.0, step("start-records", 4)),
        (0.5, Happened::Unsure { part: Part::Records, cause: "http://search:9200: timed out".to_owned() }),
        (0.5, observed(Part::Records, 12, Some(40), mebi(1228), mebi(3481))),
        (
            2.0,
            Happened::Retrying {
                what: "look at records".to_owned(),
                cause: "http://search:9200: HTTP 503".to_owned(),
                in_seconds: 0.5,
            },
        ),
        (0.5, observed(Part::Records, 30, Some(40), mebi(3000), None)),
        (1.0, Happened::Warning { text: "the journal was written late".to_owned() }),
        (0.5, Happened::StepFailed { step: "await-records".to_owned(), cause }),
        (0.0, Happened::DeadlinePassed { step: "await-records".to_owned(), which: "--timeout".to_owned() }),
        (0.5, Happened::CancelAsked { level: Level::Asked }),
        (3600.0, Happened::MaybePaused { cause: "http://gateway:9600: cannot connect".to_owned() }),
        (
            1.0,
            Happened::Resumed {
                seen: Seen { unseen: BTreeSet::from([4]), ..seen() },
                paused_seconds: 3606.5,
            },
        ),
        (1.0, Happened::PartComplete { part: Part::Zeebe, seconds: 0.4, pieces: 1 }),
    ];
    let event = |(after, happened)| {
        at += secs(after);
        Event { at, happened }
    };
    story.into_iter().map(event).collect()
}
