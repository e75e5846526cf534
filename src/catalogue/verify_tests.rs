use std::collections::BTreeMap;

use super::super::entries::sets;
use super::super::{details, refusals};
use super::*;
use crate::model::{
    BackupId, Cluster, ComponentFacts, Engine, EngineFacts, Name, PartBackup, Piece, Problem, ProblemKind,
    SnapshotDetail, StoredSnapshot, Word, records_snapshot, time,
};

const ID: u64 = 1_700_000_000;

fn id() -> BackupId {
    BackupId::new(ID).expect("in range")
}

fn name(i: u32, of: u32, version: &str) -> String {
    format!("camunda_operate_{ID}_{version}_part_{i}_of_{of}")
}

fn piece(name: &str, partition: Option<u32>, state: &str, version: &str) -> Piece {
    let name = partition.map_or_else(|| name.into(), Name::Partition);
    Piece {
        broker: partition.map(|_| Word::of(version)),
        started: time("2023-11-14T22:13:20.000+0000"),
        ..Piece::new(name, PartState::parse(state))
    }
}

fn backup(state: &str, pieces: Vec<Piece>) -> PartBackup {
    PartBackup { id: id(), state: PartState::parse(state), failure: None, pieces }
}

fn operate(state: &str, there: &[u32]) -> PartBackup {
    backup(state, there.iter().map(|i| piece(&name(*i, 2, "8.6.0"), None, "SUCCESS", "8.6.0")).collect())
}

fn zeebe(partitions: &[u32], version: &str) -> PartBackup {
    let piece = |p: &u32| piece(&format!("partition {p}"), Some(*p), "COMPLETED", version);
    backup("COMPLETED", partitions.iter().map(piece).collect())
}

fn component(version: &str) -> ComponentFacts {
    ComponentFacts { url: "http://x".to_owned(), version: version.parse().ok(), health: Ok("UP".to_owned()) }
}

fn stored(name: String, state: &str) -> StoredSnapshot {
    StoredSnapshot { name: name.into(), state: PartState::parse(state), indices: 1 }
}

fn opened(index: &str) -> SnapshotDetail {
    SnapshotDetail {
        engine: Some(Word::of("8.14.0")),
        indices: [Word::of(index)].into(),
        ..SnapshotDetail::default()
    }
}

/// A release of two partitions with one good backup of Operate, the records and Zeebe.
fn good() -> Facts {
    let names = [name(1, 2, "8.6.0"), name(2, 2, "8.6.0"), records_snapshot(id())];
    let index =
        |n: &String| if n.contains("records") { "zeebe-record_job_8.6.0_2023-11-14" } else { "operate-x_" };
    Facts {
        components: BTreeMap::from([
            (Component::Operate, component("8.6.0")),
            (Component::Gateway, component("8.6.0")),
        ]),
        backups: BTreeMap::from([
            (Part::Operate, Ok(vec![operate("COMPLETED", &[1, 2])])),
            (Part::Zeebe, Ok(vec![zeebe(&[1, 2], "8.6.0")])),
        ]),
        snapshots: Some(Ok(names.iter().map(|n| stored(n.clone(), "SUCCESS")).collect())),
        details: names.iter().map(|n| (n.as_str().into(), opened(index(n)))).collect(),
        cluster: Some(Ok(Cluster {
            brokers: BTreeMap::from([(0, "ACTIVE".to_owned())]),
            partitions: BTreeSet::from([1, 2]),
            change_pending: false,
        })),
        engine: Some(Ok(EngineFacts { engine: Engine::Elasticsearch, version: "8.14.1".to_owned() })),
        indices: Some(Ok(vec!["operate-x_".to_owned(), "zeebe-record_job_8.6.0_2023-11-15".to_owned()])),
        ..Facts::default()
    }
}

fn expected() -> BTreeSet<Part> {
    BTreeSet::from([Part::Operate, Part::Records, Part::Zeebe])
}

fn reasons_at(facts: &Facts, now: i64) -> Vec<Reason> {
    reasons_by(Restores::Exact, facts, now)
}

fn reasons_by(restores: Restores, facts: &Facts, now: i64) -> Vec<Reason> {
    let measure = Measure {
        facts,
        records_prefix: "zeebe-record",
        version: None,
        restores,
        now: Timestamp::from_second(now).expect("in range"),
        grace: Duration::from_secs(900),
    };
    let (expected, ids) = (expected(), BTreeSet::from([id()]));
    let detail = details(facts, &expected, &ids).next().expect("it is there");
    judge(&detail, &measure).iter().map(|f| f.reason).collect()
}

/// A day later.
fn reasons(facts: &Facts) -> Vec<Reason> {
    reasons_at(facts, 1_700_086_400)
}

fn with(change: impl FnOnce(&mut Facts)) -> Vec<Reason> {
    let mut facts = good();
    change(&mut facts);
    reasons(&facts)
}

fn snapshots(facts: &mut Facts) -> &mut Vec<StoredSnapshot> {
    facts.snapshots.as_mut().expect("asked").as_mut().expect("answered")
}

fn away() -> Problem {
    Problem { kind: ProblemKind::Unreachable, url: "http://x".to_owned(), text: "cannot connect".to_owned() }
}

#[test]
fn a_good_set_has_nothing_against_it() {
    assert_eq!(reasons(&good()), []);
}

#[test]
fn on_relational_storage_a_patch_level_is_no_other_version() {
    let taken_by = |version: &str| {
        let mut facts = good();
        facts.backups.insert(Part::Zeebe, Ok(vec![zeebe(&[1, 2], version)]));
        let reasons = reasons_by(Restores::SameOrNextMinor, &facts, 1_700_086_400);
        reasons.contains(&Reason::VersionDiffers)
    };
    // 8.6.0 runs.
    for (version, differs) in [
        ("8.6.0", false),
        ("8.6.7", false),
        ("8.5.3", false),
        ("8.4.9", true),
        ("8.7.0", true),
        ("7.6.0", true),
    ] {
        assert_eq!(taken_by(version), differs, "{version}");
    }
}

#[test]
fn every_way_in_which_a_set_is_broken_has_its_reason() {
    let cases: Vec<(&str, Vec<Reason>, Vec<Reason>)> = vec![
        (
            "the part is not there",
            with(|f| drop(f.backups.insert(Part::Zeebe, Ok(Vec::new())))),
            vec![Reason::PartMissing],
        ),
        (
            "the component does not answer",
            with(|f| drop(f.backups.insert(Part::Zeebe, Err(away())))),
            vec![Reason::PartUnknown],
        ),
        (
            "the records are not there",
            with(|f| snapshots(f).retain(|s| !s.name.to_string().contains("records"))),
            vec![Reason::RecordsMissing],
        ),
        (
            "the records hold nothing",
            with(|f| {
                for snapshot in snapshots(f).iter_mut().filter(|s| s.name.to_string().contains("records")) {
                    snapshot.indices = 0;
                }
            }),
            vec![Reason::RecordsEmpty],
        ),
        (
            "the records are partial",
            with(|f| {
                for snapshot in snapshots(f).iter_mut().filter(|s| s.name.to_string().contains("records")) {
                    snapshot.state = PartState::Partial;
                }
            }),
            vec![Reason::SnapshotPartial],
        ),
        (
            "the records failed",
            with(|f| {
                for snapshot in snapshots(f).iter_mut().filter(|s| s.name.to_string().contains("records")) {
                    snapshot.state = PartState::Failed;
                }
            }),
            vec![Reason::SnapshotFailed],
        ),
        (
            "a snapshot is gone",
            with(|f| {
                f.backups.insert(Part::Operate, Ok(vec![operate("INCOMPLETE", &[2])]));
                snapshots(f).retain(|s| !s.name.to_string().contains("part_1"));
            }),
            vec![Reason::SnapshotsMissing],
        ),
        (
            "a snapshot too many",
            with(|f| {
                let mut backup = operate("COMPLETED", &[1, 2]);
                backup.pieces.push(piece(&name(3, 3, "8.6.0"), None, "SUCCESS", "8.6.0"));
                f.backups.insert(Part::Operate, Ok(vec![backup]));
            }),
            vec![Reason::PartCountDiffers, Reason::SnapshotsNotInRepository],
        ),
        (
            "a partition is gone",
            with(|f| {
                let mut backup = zeebe(&[1, 2], "8.6.0");
                backup.state = PartState::Incomplete;
                backup.pieces[1].state = PartState::DoesNotExist;
                f.backups.insert(Part::Zeebe, Ok(vec![backup]));
            }),
            vec![Reason::PartitionsMissing],
        ),
        (
            "the cluster has grown",
            with(|f| drop(f.backups.insert(Part::Zeebe, Ok(vec![zeebe(&[1], "8.6.0")])))),
            vec![Reason::PartitionCountDiffers],
        ),
        (
            "the cluster has shrunk",
            with(|f| drop(f.backups.insert(Part::Zeebe, Ok(vec![zeebe(&[1, 2, 3], "8.6.0")])))),
            vec![Reason::PartitionCountDiffers],
        ),
        (
            "another patch level runs",
            with(|f| drop(f.components.insert(Component::Operate, component("8.6.1")))),
            vec![Reason::VersionDiffers],
        ),
        (
            "brokers of two versions",
            with(|f| {
                let mut backup = zeebe(&[1, 2], "8.6.0");
                backup.pieces[0].broker = Some(Word::of("8.5.9"));
                f.backups.insert(Part::Zeebe, Ok(vec![backup]));
            }),
            vec![Reason::BrokerVersionsDiffer, Reason::VersionDiffers, Reason::VersionsDiffer],
        ),
        (
            "another prefix of the records",
            with(|f| {
                drop(
                    f.details
                        .insert(records_snapshot(id()).into(), opened("other-record_job_8.6.0_2023-11-14")),
                );
            }),
            vec![Reason::IndexPrefixDiffers],
        ),
        (
            "another prefix of the application",
            with(|f| f.indices = Some(Ok(vec!["new-operate-x_".to_owned()]))),
            vec![Reason::IndexPrefixDiffers],
        ),
        (
            "the running version of one is not told",
            with(|f| drop(f.components.insert(Component::Operate, component("")))),
            vec![Reason::CheckNotMade],
        ),
        (
            "an older engine",
            with(|f| {
                f.engine =
                    Some(Ok(EngineFacts { engine: Engine::Elasticsearch, version: "8.13.4".to_owned() }));
            }),
            vec![Reason::EngineOlder, Reason::EngineOlder],
        ),
        (
            "nobody lists the snapshots",
            with(|f| drop(f.backups.insert(Part::Operate, Ok(Vec::new())))),
            vec![Reason::SnapshotsUnlisted],
        ),
    ];
    for (what, found, wanted) in cases {
        assert_eq!(found, wanted, "{what}");
    }
}

#[test]
fn a_young_set_may_still_be_finished() {
    let mut facts = good();
    facts.backups.insert(Part::Zeebe, Ok(Vec::new()));
    assert_eq!(reasons_at(&facts, 1_700_000_300), [Reason::StillRunning]);
    assert_eq!(reasons_at(&facts, 1_700_001_000), [Reason::PartMissing]);
    // A clock that is behind makes it no older.
    assert_eq!(reasons_at(&facts, 1_699_999_000), [Reason::StillRunning]);
    // Days ahead is no age at all.
    assert_eq!(reasons_at(&facts, 1_699_000_000), [Reason::FromTheFuture, Reason::PartMissing]);
    // What has failed is not running.
    facts.backups.insert(Part::Zeebe, Ok(vec![backup("FAILED", Vec::new())]));
    assert_eq!(reasons_at(&facts, 1_700_000_300), [Reason::PartFailed]);
}

const LATER: &str = "2030-01-01T00:00:00Z";

#[test]
fn what_must_not_be_deleted_is_refused() {
    let refused = |facts: &Facts, force| {
        let all = sets(facts, &expected());
        refusals(&all[0], &all, force, LATER.parse().expect("a time"))
            .iter()
            .map(|f| f.reason)
            .collect::<Vec<_>>()
    };
    let mut facts = good();
    assert_eq!(refused(&facts, false), [Reason::NewestComplete]);
    assert_eq!(refused(&facts, true), []);
    facts.backups.insert(Part::Zeebe, Ok(Vec::new()));
    assert_eq!(refused(&facts, false), [Reason::OwnerUnknown]);
    facts.backups.insert(Part::Zeebe, Err(away()));
    assert_eq!(refused(&facts, true), [Reason::PartUnknown], "force does not make a component answer");
    facts.backups.insert(Part::Zeebe, Ok(vec![backup("IN_PROGRESS", Vec::new())]));
    assert_eq!(refused(&facts, false), [Reason::SetInProgress]);
    facts.backups.insert(Part::Zeebe, Ok(vec![backup("FAILED", Vec::new())]));
    assert_eq!(refused(&facts, false), []);
}

#[test]
fn a_set_from_the_future_is_not_good() {
    // Half an hour ahead are two clocks, a day ahead is a wrong one.
    assert_eq!(reasons_at(&good(), 1_699_998_200), []);
    assert_eq!(reasons_at(&good(), 1_699_913_600), [Reason::FromTheFuture]);
}

#[test]
fn nothing_is_deleted_without_force_of_which_the_brokers_know_nothing() {
    let mut facts = good();
    facts.backups.insert(Part::Zeebe, Ok(Vec::new()));
    facts.backups.insert(Part::Operate, Ok(vec![operate("FAILED", &[1])]));
    let all = sets(&facts, &expected());
    let now = Timestamp::from_second(1_700_086_400).expect("in range");
    let of = |force| refusals(&all[0], &all, force, now).iter().map(|f| f.reason).collect::<Vec<_>>();
    assert_eq!((all[0].state, of(false), of(true)), (SetState::Failed, vec![Reason::OwnerUnknown], vec![]));
}
