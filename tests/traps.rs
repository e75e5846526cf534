//! The traps of `docs/traps.md`: each code exists, and those that can be seen in advance are seen.

mod support;

use std::collections::BTreeSet;

use camunda_backup::client::{Method, Request};
use camunda_backup::model::{Component, Part, Reason, Severity, Version};
use camunda_backup::plan::{self, BackupRequest, Discovered, Known};
use camunda_backup::sim::{Fault, FaultRule, Profile};
use camunda_backup::survey::{Scope, survey};
use support::{NOW, Ran, Rig, bounded};

#[test]
fn every_code_in_the_table_exists() {
    let text = include_str!("../docs/traps.md");
    let known: BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
    for n in 1..=27 {
        let row = text
            .lines()
            .find(|l| l.starts_with(&format!("| T{n} |")))
            .unwrap_or_else(|| panic!("T{n} is missing"));
        let codes: Vec<_> = row.split('|').nth(3).expect("codes").split('`').skip(1).step_by(2).collect();
        assert!(!codes.is_empty(), "T{n} has no code");
        for code in codes {
            assert!(known.contains(code), "T{n}: {code} is no reason");
        }
        for file in row.split('|').nth(5).expect("tests").split('`').skip(1).step_by(2) {
            assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "T{n}: {file}");
        }
    }
}

/// What `check` says.
async fn found(rig: &Rig, change: impl FnOnce(&mut BackupRequest)) -> Vec<(Reason, Severity)> {
    let mut request = rig.request();
    change(&mut request);
    let facts = survey(&rig.http("check"), &request, Scope::Preflight).await;
    let planned = plan::backup(&request, &facts, NOW);
    plan::preflight(&request, &facts, &planned).iter().map(|f| (f.reason, f.severity)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_can_be_seen_in_advance_is_seen() {
    let error = |reason| vec![(reason, Severity::Error)];
    let warning = |reason| vec![(reason, Severity::Warning)];
    let with = |change: fn(&mut Profile)| {
        let mut profile = Profile::default();
        change(&mut profile);
        Rig::new(profile)
    };
    let pending = with(|p| p.pending_change = true);
    assert_eq!(found(&pending, |_| {}).await, error(Reason::TopologyChangePending));
    let no_store = with(|p| p.zeebe_store_configured = false);
    assert_eq!(found(&no_store, |_| {}).await, error(Reason::BackupStoreNotConfigured));
    let nothing = with(|p| p.records = Vec::new());
    assert_eq!(found(&nothing, |_| {}).await, error(Reason::RecordsMatchNothing));
    let wide = with(|p| p.records.push("zeebe-record2_process_8.6.0_2026-11-23".to_owned()));
    assert_eq!(found(&wide, |_| {}).await, error(Reason::RecordsMatchTooWide));

    let behind = Rig::new(Profile::default());
    behind.sim.set_export_lag(10, None);
    assert_eq!(found(&behind, |_| {}).await, warning(Reason::ExportersBehind));
    let hidden = Rig::new(Profile::default());
    let no_metrics = Fault::Status(404, None);
    hidden.sim.inject(FaultRule::always(
        Component::Broker(0),
        Method::Get,
        "/actuator/prometheus",
        no_metrics,
    ));
    assert_eq!(found(&hidden, |_| {}).await, warning(Reason::ExporterLagUnknown));

    let regions = |accept_multi_region| Known { regions: Some(2), accept_multi_region, ..Known::default() };
    let rig = Rig::new(Profile::default());
    assert_eq!(found(&rig, |r| r.known = regions(false)).await, error(Reason::MultiRegion));
    assert_eq!(found(&rig, |r| r.known = regions(true)).await, warning(Reason::MultiRegionAccepted));
    // Asked for by its version, which the simulated servers do not have.
    let defective = plan::preflight(
        &rig.request(),
        &{
            let mut facts = survey(&rig.http("check"), &rig.request(), Scope::Preflight).await;
            for component in facts.components.values_mut() {
                component.version = Some(Version::full(8, 9, 3));
            }
            facts
        },
        &Err(plan::PlanError::NoIdLeft),
    );
    assert!(defective.iter().any(|f| f.reason == Reason::KnownDefect), "{defective:?}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_nobody_leads_is_seen() {
    let rig = Rig::new(Profile::default());
    let request = rig.request();
    let mut facts = survey(&rig.http("check"), &request, Scope::Preflight).await;
    for replica in facts.exporting.values_mut().flatten().flatten().filter(|p| p.partition == 2) {
        replica.leader = false;
    }
    let planned = plan::backup(&request, &facts, NOW);
    let findings = plan::preflight(&request, &facts, &planned);
    let found: Vec<_> = findings.iter().map(|f| (f.reason, f.severity)).collect();
    assert_eq!(found, [(Reason::PartitionWithoutLeader, Severity::Error)], "{findings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_without_a_pod_is_seen() {
    let rig = Rig::new(Profile { brokers: 3, replication: 3, ..Profile::default() });
    // Each partition is led by one of the other two.
    let mut request = rig.request();
    request.components.remove(&Component::Broker(2));
    let mut facts = survey(&rig.http("check"), &request, Scope::Preflight).await;
    for replica in facts.exporting.values_mut().next().into_iter().flatten().flatten() {
        replica.leader = true;
    }
    let of = |brokers, regions| {
        let discovered = Some(Discovered { brokers, ..Discovered::default() });
        let known = Known { discovered, regions, accept_multi_region: true, ..Known::default() };
        let request = BackupRequest { known, ..request.clone() };
        let planned = plan::backup(&request, &facts, NOW);
        let findings = plan::preflight(&request, &facts, &planned);
        let errors = findings.into_iter().filter(|f| f.severity == Severity::Error);
        errors.map(|f| (f.reason, f.detail)).collect::<Vec<_>>()
    };
    let text = "the gateway's topology has 3 brokers, and 2 have a pod".to_owned();
    assert_eq!(of(true, None), [(Reason::BrokerUnreachable, text)]);
    // The others may be given by URL on purpose, or be in another region.
    assert_eq!((of(false, None), of(true, Some(2))), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_an_application_takes_for_its_own_is_named() {
    let rig = Rig::new(Profile::default());
    rig.sim.add_snapshot("camunda_zeebe_records_backup_7_copy");
    rig.sim.add_snapshot("my_camunda_operate_7_8.6.0_part_1_of_6");
    assert_eq!(found(&rig, |_| {}).await, Vec::new());
    rig.sim.add_snapshot("camunda_operate_7_8.6.0_part_1_of_6_copy");
    let errors = found(&rig, |_| {}).await;
    let expected = [(Reason::ListFailed, Severity::Error), (Reason::ForeignSnapshot, Severity::Warning)];
    assert_eq!(errors, expected);
}

#[tokio::test(start_paused = true)]
async fn every_repository_of_the_release_is_looked_at() {
    let rig = Rig::new(Profile::default());
    let http = rig.http("test");
    let register = async |name: &str, body: serde_json::Value| {
        let put = Request::put(Component::Search, format!("/_snapshot/{name}")).with(body);
        http.call(&put, std::time::Duration::from_secs(5)).await.expect("registered");
    };
    let location = serde_json::json!({ "location": "/backups/other" });
    register("for-operate", serde_json::json!({ "type": "fs", "settings": location })).await;
    let read_only = serde_json::json!({ "location": "/backups/old", "readonly": true });
    register("old", serde_json::json!({ "type": "fs", "settings": read_only })).await;
    let uses = |part, name: &str| {
        let repositories = [(part, name.to_owned())].into();
        move |r: &mut BackupRequest| r.known = Known { repositories, ..Known::default() }
    };
    assert_eq!(found(&rig, uses(Part::Operate, "for-operate")).await, []);
    let missing = found(&rig, uses(Part::Tasklist, "nowhere")).await;
    assert_eq!(missing, [(Reason::RepositoryMissing, Severity::Error)]);
    let old = found(&rig, uses(Part::Optimize, "old")).await;
    assert_eq!(old, [(Reason::RepositoryReadOnly, Severity::Error)]);
}

#[tokio::test(start_paused = true)]
async fn a_url_repository_is_refused_and_the_usual_types_are_not() {
    let rig = Rig::new(Profile::default());
    let request = rig.request();
    let mut facts = survey(&rig.http("check"), &request, Scope::Preflight).await;
    for (kind, refused) in
        [("s3", false), ("gcs", false), ("azure", false), ("hdfs", false), ("fs", false), ("url", true)]
    {
        if let Some(Ok(repository)) = &mut facts.repository {
            repository.kind = kind.to_owned();
        }
        let planned = plan::backup(&request, &facts, NOW);
        let findings = plan::preflight(&request, &facts, &planned);
        let found = findings.iter().any(|f| f.reason == Reason::RepositoryTypeReadOnly);
        assert_eq!(found, refused, "{kind}: {findings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_queue_has_a_reason_of_its_own() {
    for status in [400, 409] {
        let rig = Rig::new(Profile::default());
        let says = Fault::Status(status, Some("Another backup is running at the moment".to_owned()));
        rig.sim.inject(FaultRule::always(Component::Operate, Method::Post, "/actuator/backups", says));
        let ran = bounded("stale", rig.create("run")).await;
        let Ran::Driven(report, _) = &ran else { panic!("{ran:?}") };
        let camunda_backup::run::Outcome::Failed { cause, .. } = &report.outcome else {
            panic!("{report:?}")
        };
        assert_eq!(cause.reason, Reason::AnotherBackupRunning);
        assert_eq!(rig.sim.pauses(), []);
    }
}
