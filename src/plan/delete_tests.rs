use super::*;
use crate::model::{ComponentFacts, PartBackup, Piece, StoredSnapshot, Version, records_snapshot};
use std::collections::BTreeMap;

fn id(n: u64) -> BackupId {
    BackupId::new(n).expect("in range")
}

fn request() -> BackupRequest {
    BackupRequest {
        version: Some(Version::full(8, 6, 0)),
        components: BTreeSet::from([Component::Operate, Component::Gateway, Component::Search]),
        repository: Some("backups".to_owned()),
        ..BackupRequest::default()
    }
}

fn name(n: u64, i: u32) -> String {
    format!("camunda_operate_{n}_8.6.0_part_{i}_of_2")
}

fn backup(n: u64, pieces: &[String]) -> PartBackup {
    let piece = |name: &String| Piece::new(name.as_str().into(), PartState::Completed);
    PartBackup {
        id: id(n),
        state: PartState::Completed,
        failure: None,
        pieces: pieces.iter().map(piece).collect(),
    }
}

/// Backups 1, 10 and 100: their names begin alike.
fn facts() -> Facts {
    let ids = [1, 10, 100];
    let names = |n: u64| [name(n, 1), name(n, 2)];
    let stored = ids.iter().flat_map(|n| names(*n).into_iter().chain([records_snapshot(id(*n))]));
    let stored = stored.chain(["nightly-of-somebody-else".to_owned(), "camunda_operate_10x".to_owned()]);
    let snapshot =
        |name: String| StoredSnapshot { name: name.into(), state: PartState::Completed, indices: 1 };
    Facts {
        backups: BTreeMap::from([
            (Part::Operate, Ok(ids.iter().map(|n| backup(*n, &names(*n))).collect())),
            (Part::Zeebe, Ok(ids.iter().map(|n| backup(*n, &["partition 1".to_owned()])).collect())),
        ]),
        snapshots: Some(Ok(stored.map(snapshot).collect())),
        ..Facts::default()
    }
}

fn sent(deletion: &Deletion) -> Vec<&str> {
    deletion.parts.iter().flat_map(|p| &p.requests).map(|r| r.path.as_str()).collect()
}

#[test]
fn deletes_exactly_what_carries_the_id_the_engines_own_first_and_zeebe_last() {
    let deletion = deletion(&request(), &facts(), id(10));
    let wanted = [
        "/_snapshot/backups/camunda_zeebe_records_backup_10",
        "/actuator/backups/10",
        "/actuator/backups/10",
    ];
    assert_eq!(sent(&deletion), wanted);
    assert_eq!(deletion.violations(), Vec::<String>::new());
    let Gone::Snapshots { request, names } = &deletion.parts[1].gone else { panic!("{deletion:?}") };
    assert_eq!(names, &BTreeSet::from([name(10, 1), name(10, 2)]));
    assert!(!request.path.contains('*'), "{}", request.path);
}

#[test]
fn what_its_owner_does_not_list_goes_by_its_names() {
    let mut facts = facts();
    facts.backups.insert(Part::Operate, Ok(Vec::new()));
    let deletion = deletion(&request(), &facts, id(10));
    assert_eq!(
        sent(&deletion)[..2],
        [
            "/_snapshot/backups/camunda_operate_10_8.6.0_part_1_of_2",
            "/_snapshot/backups/camunda_operate_10_8.6.0_part_2_of_2"
        ]
    );
}

#[test]
fn what_an_earlier_version_took_goes_by_its_names() {
    // Since the update to 8.8 nobody is asked for Operate's and Tasklist's snapshots.
    let request = BackupRequest {
        version: Some(Version::full(8, 8, 0)),
        components: BTreeSet::from([Component::Gateway, Component::Search]),
        ..request()
    };
    let mut facts = facts();
    facts.backups.remove(&Part::Operate);
    facts.backups.insert(Part::History, Ok(Vec::new()));
    facts.paths = BTreeMap::from([("/actuator/backupRuntime", true), ("/actuator/backupHistory", true)]);
    let deletion = deletion(&request, &facts, id(10));
    let wanted = [
        "/_snapshot/backups/camunda_zeebe_records_backup_10",
        "/_snapshot/backups/camunda_operate_10_8.6.0_part_1_of_2",
        "/_snapshot/backups/camunda_operate_10_8.6.0_part_2_of_2",
        "/actuator/backupRuntime/10",
    ];
    assert_eq!(sent(&deletion), wanted);
    assert_eq!(deletion.violations(), Vec::<String>::new());
}

#[test]
fn what_another_version_took_goes_by_its_names() {
    let of = |version: &str| ComponentFacts {
        url: String::new(),
        version: Some(version.parse().expect("a version")),
        health: Ok("UP".to_owned()),
    };
    for (running, first) in [
        ("8.6.0", "/_snapshot/backups/camunda_zeebe_records_backup_10"),
        ("8.6.1", "/_snapshot/backups/camunda_operate_10_8.6.0_part_1_of_2"),
    ] {
        let facts = Facts { components: BTreeMap::from([(Component::Operate, of(running))]), ..facts() };
        let deletion = deletion(&request(), &facts, id(10));
        assert_eq!(sent(&deletion)[0], first, "{running}");
        assert!(matches!(deletion.parts[0].gone, Gone::Snapshots { .. }), "{deletion:?}");
    }
}

#[test]
fn snapshots_in_a_repository_that_we_do_not_see_are_looked_for_in_the_owners_list() {
    let mut facts = facts();
    let stored = facts.snapshots.as_mut().expect("asked").as_mut().expect("answered");
    stored.retain(|s| !s.name.to_string().starts_with("camunda_operate_10_"));
    let deletion = deletion(&request(), &facts, id(10));
    assert!(matches!(deletion.parts[1].gone, Gone::Listed { .. }), "{deletion:?}");
}

#[test]
fn nothing_there_is_nothing_to_do_and_only_what_was_begun_is_deleted() {
    assert!(deletion(&request(), &facts(), id(5)).is_empty());
    let only = deletion(&request(), &facts(), id(10)).only(&[Part::Records]);
    assert_eq!(sent(&only), ["/_snapshot/backups/camunda_zeebe_records_backup_10"]);
}

#[test]
fn a_deletion_that_could_hit_something_else_is_no_deletion() {
    let good = deletion(&request(), &facts(), id(10));
    for path in [
        "/_snapshot/backups/camunda_zeebe_records_backup_1",
        "/_snapshot/backups/camunda_zeebe_records_backup_10*",
        "/_snapshot/backups/camunda_zeebe_records_backup_10,nightly",
        "/_snapshot/backups",
        "/_snapshot/backups/_all",
    ] {
        let mut bad = good.clone();
        bad.parts[0].requests = vec![Request::delete(Component::Search, path)];
        assert!(!bad.violations().is_empty(), "{path}");
    }
    let mut bad = good.clone();
    bad.parts.rotate_right(1);
    assert!(!bad.violations().is_empty(), "Zeebe first");
    let mut bad = good;
    bad.parts.swap(0, 1);
    assert!(!bad.violations().is_empty(), "Operate before the engine");
}
