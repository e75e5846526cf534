//! What a new Camunda version takes: rows, a layout of the simulator, and their tests. Here is one that does not exist,
//! with another order, another path and another host than any row: nothing else of the program knows of it.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use camunda_backup::client::Method;
use camunda_backup::dialect::{Dialect, Ids, Phase, Restores, Route, Shape};
use camunda_backup::exit::Exit;
use camunda_backup::model::{Component, Part, PartState, Reason, Storage, Topology, Version};
use camunda_backup::plan;
use camunda_backup::sim::{Layout, Profile};
use camunda_backup::survey::{Scope, survey};
use support::{Ran, Rig, bounded};

const fn route(part: Part, host: &'static [Component], base: &'static str, shape: Shape) -> Route {
    Route {
        part,
        hosts: host,
        base,
        shape,
        ids: Ids::Ours,
        needed: true,
        may_be_empty: matches!(shape, Shape::Records),
        taken: &[400, 409],
        unsure: &[500, 502, 503, 504],
        appears_within: Duration::from_secs(60),
        grace: Duration::from_secs(120),
        stall: Duration::from_secs(2700),
    }
}

/// The whole of "Camunda 8.11".
static ROWS: [Dialect; 1] = [Dialect {
    name: "8.11, orchestration cluster",
    from: Version::minor(8, 11),
    until: Version::minor(8, 12),
    topology: Topology::OrchestrationCluster,
    storage: Storage::Search,
    gateway: &[("/actuator/backupPrimary", true), ("/actuator/backupRuntime", false)],
    sign: None,
    // Records before the web applications, which share the group with nothing.
    order: &[
        Phase::Pause,
        Phase::Take(&[Part::Records]),
        Phase::Take(&[Part::History]),
        Phase::Take(&[Part::Optimize, Part::Zeebe]),
        Phase::Resume,
    ],
    routes: &[
        route(Part::History, &[Component::Gateway], "/actuator/backupSecondaryHistory", Shape::Snapshots),
        route(Part::Optimize, &[Component::Optimize], "/actuator/backups", Shape::Snapshots),
        route(Part::Records, &[Component::Search], "/_snapshot", Shape::Records),
        route(Part::Zeebe, &[Component::Gateway], "/actuator/backupPrimary", Shape::Partitions),
    ],
    gaps: &[],
    elsewhere: None,
    restores: Restores::Exact,
    pause: "/actuator/exporting/pause?soft=true",
    resume: "/actuator/exporting/resume",
    phases: "/actuator/partitions",
    exporting: Some("/v2/exporting"),
    cluster: "/actuator/cluster",
    native_retention: None,
}];

fn profile() -> Profile {
    let layout = Layout {
        partitions: &["/actuator/backupPrimary"],
        history: Some((&[Component::Gateway], "/actuator/backupSecondaryHistory")),
        ..Layout::CLUSTER_8_10
    };
    let known = Profile::named("8.10").expect("a profile");
    Profile { camunda_version: "8.11.0".to_owned(), layout, ..known }
}

fn rig() -> Rig {
    Rig { rows: &ROWS, ..Rig::new(profile()) }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_only_a_row_is_backed_up_listed_and_deleted() {
    let rig = rig();
    let ran = bounded("8.11", rig.create("run")).await;
    rig.assert_safe(&ran, "8.11");
    assert!(ran.is_complete(), "{ran:?}");
    let report = ran.report();
    let parts: Vec<_> = report.parts.iter().map(|p| p.part).collect();
    assert_eq!(parts, [Part::Records, Part::History, Part::Optimize, Part::Zeebe]);
    assert!(rig.sim.parts(report.backup_id.get()).values().all(|s| *s == PartState::Completed));
    let posts: Vec<_> = rig
        .sim
        .log()
        .iter()
        .filter(|e| e.request.method == Method::Post && e.request.path.starts_with("/actuator/backup"))
        .map(|e| e.request.path.clone())
        .collect();
    assert_eq!(posts, ["/actuator/backupSecondaryHistory", "/actuator/backups", "/actuator/backupPrimary"]);

    let request = rig.request();
    let facts = survey(&rig.http("look"), &request, Scope::Backups).await;
    let expected = plan::expected(&request, &facts);
    assert_eq!(expected, parts.iter().copied().collect::<BTreeSet<_>>());
    let sets = camunda_backup::catalogue::sets(&facts, &expected);
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].state, camunda_backup::catalogue::SetState::Complete, "{sets:?}");
    let deletion = plan::deletion(&request, &facts, report.backup_id);
    assert_eq!(deletion.violations(), Vec::<String>::new());
    assert_eq!(deletion.parts.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn its_pause_is_released_like_any_other() {
    let rig = rig();
    rig.sim.inject("gateway POST /actuator/backupPrimary partition-failed:2".parse().expect("a rule"));
    let ran = bounded("8.11", rig.create("run")).await;
    rig.assert_safe(&ran, "8.11");
    assert_eq!(ran.exit(), Exit::Failed);
    assert!(rig.sim.exporting_runs());
}

/// Without the row it is refused, and what is known is said.
#[tokio::test(start_paused = true)]
async fn without_its_row_it_is_refused() {
    let rig = Rig::new(profile());
    let Ran::Refused(findings) = bounded("8.11", rig.create("run")).await else { panic!("it ran") };
    let finding = findings.iter().find(|f| f.reason == Reason::VersionUnsupported).expect("a finding");
    assert!(finding.detail.contains("8.11.0") && finding.detail.contains("8.10, orchestration cluster"));
    assert!(rig.sim.pauses().is_empty());
}
