use super::*;
use crate::model::{
    Cluster, Name, PartBackup, Piece, Problem, ProblemKind, StoredSnapshot, Word, records_snapshot, time,
};

const ID: u64 = 1_700_000_000;

fn id(n: u64) -> BackupId {
    BackupId::new(n).expect("in range")
}

fn piece(name: &str, partition: Option<u32>, state: &str) -> Piece {
    let name = partition.map_or_else(|| name.into(), Name::Partition);
    Piece { broker: partition.map(|_| Word::of("8.6.0")), ..Piece::new(name, PartState::parse(state)) }
}

fn backup(n: u64, state: &str, pieces: Vec<Piece>) -> PartBackup {
    PartBackup { id: id(n), state: PartState::parse(state), failure: None, pieces }
}

fn name(app: &str, n: u64, i: u32, of: u32) -> String {
    format!("camunda_{app}_{n}_8.6.0_part_{i}_of_{of}")
}

fn operate(n: u64, state: &str, there: u32, of: u32) -> PartBackup {
    let pieces = (1..=there).map(|i| piece(&name("operate", n, i, of), None, "SUCCESS")).collect();
    backup(n, state, pieces)
}

fn zeebe(n: u64, state: &str, partitions: &[u32]) -> PartBackup {
    let pieces = partitions.iter().map(|p| piece(&format!("partition {p}"), Some(*p), "COMPLETED")).collect();
    backup(n, state, pieces)
}

fn stored(name: impl Into<Name>, state: &str, indices: usize) -> StoredSnapshot {
    StoredSnapshot { name: name.into(), state: PartState::parse(state), indices }
}

fn problem() -> Problem {
    Problem {
        kind: ProblemKind::Unreachable,
        url: "http://operate:9600".to_owned(),
        text: "cannot connect".to_owned(),
    }
}

fn expected() -> BTreeSet<Part> {
    BTreeSet::from([Part::Operate, Part::Records, Part::Zeebe])
}

/// A release of two partitions with one whole backup.
fn whole() -> Facts {
    Facts {
        backups: BTreeMap::from([
            (Part::Operate, Ok(vec![operate(ID, "COMPLETED", 2, 2)])),
            (Part::Zeebe, Ok(vec![zeebe(ID, "COMPLETED", &[1, 2])])),
        ]),
        snapshots: Some(Ok(vec![
            stored(name("operate", ID, 1, 2), "SUCCESS", 3),
            stored(name("operate", ID, 2, 2), "SUCCESS", 3),
            stored(records_snapshot(id(ID)), "SUCCESS", 4),
            stored("nightly-of-somebody-else", "FAILED", 0),
        ])),
        cluster: Some(Ok(Cluster {
            brokers: BTreeMap::from([(0, "ACTIVE".to_owned())]),
            partitions: BTreeSet::from([1, 2]),
            change_pending: false,
        })),
        ..Facts::default()
    }
}

fn only(facts: &Facts) -> Set {
    let mut all = sets(facts, &expected());
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn with(part: Part, answer: Result<Vec<PartBackup>, Problem>) -> Set {
    let mut facts = whole();
    facts.backups.insert(part, answer);
    only(&facts)
}

fn with_records(state: &str, indices: usize) -> Set {
    let mut facts = whole();
    facts.snapshots = Some(Ok(vec![stored(records_snapshot(id(ID)), state, indices)]));
    only(&facts)
}

#[test]
fn complete_when_every_expected_part_is_whole() {
    let set = only(&whole());
    assert_eq!(set.state, SetState::Complete);
    assert!(set.parts.values().all(PartEntry::is_complete), "{set:?}");
    assert_eq!(set.versions, [Version::full(8, 6, 0)]);
    assert_eq!(set.parts.keys().copied().collect::<BTreeSet<_>>(), expected());
}

#[test]
fn a_part_that_is_not_there_is_missing() {
    let set = with(Part::Zeebe, Ok(vec![]));
    assert_eq!((set.state, &set.parts[&Part::Zeebe]), (SetState::Incomplete, &PartEntry::Missing));
    let gone = with(Part::Zeebe, Ok(vec![zeebe(ID, "DOES_NOT_EXIST", &[])]));
    assert_eq!(gone.parts[&Part::Zeebe], PartEntry::Missing);
}

#[test]
fn who_could_not_be_asked_makes_its_part_unknown() {
    for part in [Part::Operate, Part::Zeebe] {
        let set = with(part, Err(problem()));
        assert_eq!(set.state, SetState::Unknown);
        assert_eq!(set.parts[&part], PartEntry::Unknown("cannot connect (http://operate:9600)".to_owned()));
    }
    let mut facts = whole();
    facts.snapshots = Some(Err(problem()));
    assert_eq!(only(&facts).state, SetState::Unknown);
    facts.snapshots = None;
    assert_eq!(only(&facts).parts[&Part::Records].word(), "unknown");
}

#[test]
fn unknown_hides_no_failure_and_no_running_part() {
    for (word, state) in [("FAILED", SetState::Failed), ("IN_PROGRESS", SetState::InProgress)] {
        let mut facts = whole();
        facts.backups.insert(Part::Operate, Err(problem()));
        facts.backups.insert(Part::Zeebe, Ok(vec![zeebe(ID, word, &[])]));
        assert_eq!(only(&facts).state, state);
    }
}

#[test]
fn the_words_of_the_components() {
    for (word, state) in [
        ("IN_PROGRESS", SetState::InProgress),
        ("INCOMPLETE", SetState::Incomplete),
        ("FAILED", SetState::Failed),
        ("INCOMPATIBLE", SetState::Failed),
        ("SURPRISING", SetState::Unknown),
    ] {
        assert_eq!(with(Part::Operate, Ok(vec![operate(ID, word, 2, 2)])).state, state, "operate {word}");
        assert_eq!(with(Part::Zeebe, Ok(vec![zeebe(ID, word, &[1, 2])])).state, state, "zeebe {word}");
        if word != "INCOMPLETE" {
            assert_eq!(with_records(word, 4).parts[&Part::Records].word(), word);
        }
    }
}

#[test]
fn completed_means_as_many_snapshots_as_their_names_say() {
    let set = with(Part::Operate, Ok(vec![operate(ID, "COMPLETED", 5, 6)]));
    assert_eq!(set.state, SetState::Incomplete);
    let PartEntry::Found { state, done, total, problem } = &set.parts[&Part::Operate] else {
        panic!("{set:?}")
    };
    assert_eq!((state, *done, *total), (&PartState::Incomplete, 5, Some(6)));
    assert_eq!(problem.as_deref(), Some("5 of 6 snapshots are there and whole"));

    let mut partial = operate(ID, "COMPLETED", 2, 2);
    partial.pieces[1].state = PartState::Partial;
    assert_eq!(with(Part::Operate, Ok(vec![partial])).state, SetState::Failed);
    assert_eq!(with(Part::Operate, Ok(vec![operate(ID, "COMPLETED", 0, 2)])).state, SetState::Incomplete);
}

#[test]
fn completed_means_every_partition_of_the_cluster() {
    assert_eq!(with(Part::Zeebe, Ok(vec![zeebe(ID, "COMPLETED", &[2])])).state, SetState::Incomplete);
    let mut torn = zeebe(ID, "COMPLETED", &[1, 2]);
    torn.pieces[0].state = PartState::DoesNotExist;
    assert_eq!(with(Part::Zeebe, Ok(vec![torn])).state, SetState::Incomplete);
    // a list without details has nothing to compare
    assert_eq!(with(Part::Zeebe, Ok(vec![zeebe(ID, "COMPLETED", &[])])).state, SetState::Complete);
    // without a topology: no gap below the highest
    let mut facts = whole();
    facts.cluster = None;
    assert_eq!(only(&facts).state, SetState::Complete);
    facts.backups.insert(Part::Zeebe, Ok(vec![zeebe(ID, "COMPLETED", &[1, 3])]));
    assert_eq!(only(&facts).state, SetState::Incomplete);
}

#[test]
fn records_need_an_index() {
    assert_eq!(with_records("SUCCESS", 0).state, SetState::Incomplete);
    assert_eq!(with_records("SUCCESS", 1).state, SetState::Complete);
    assert_eq!(with_records("PARTIAL", 1).state, SetState::Failed);
}

#[test]
fn snapshots_that_no_application_lists_are_evidence() {
    let mut facts = whole();
    facts.backups.insert(Part::Operate, Ok(vec![]));
    assert_eq!(only(&facts).state, SetState::Complete, "all of them are there");
    facts.snapshots = Some(Ok(vec![stored(name("operate", ID, 1, 2), "SUCCESS", 3)]));
    facts.backups.insert(Part::Zeebe, Ok(vec![]));
    let set = only(&facts);
    assert_eq!(set.state, SetState::Incomplete);
    assert_eq!(set.parts[&Part::Operate].word(), "INCOMPLETE");
    // the application is away: its snapshots alone are not its word, but a failed one is a failure
    facts.backups.insert(Part::Operate, Err(problem()));
    assert_eq!(only(&facts).parts[&Part::Operate].word(), "unknown");
    facts.snapshots = Some(Ok(vec![stored(name("operate", ID, 1, 2), "PARTIAL", 3)]));
    assert_eq!(only(&facts).state, SetState::Failed);
}

#[test]
fn what_is_not_ours_or_is_gone_makes_no_set() {
    let facts = Facts {
        backups: BTreeMap::from([(Part::Zeebe, Ok(vec![zeebe(ID, "DELETED", &[])]))]),
        snapshots: Some(Ok(vec![stored("nightly-1700000000", "SUCCESS", 1)])),
        ..Facts::default()
    };
    assert_eq!(sets(&facts, &expected()), vec![]);
}

#[test]
fn a_part_that_nobody_expects_is_shown_and_counts() {
    let mut facts = whole();
    let pieces = vec![piece(&name("optimize", ID, 1, 1), None, "FAILED")];
    facts.backups.insert(Part::Optimize, Ok(vec![backup(ID, "FAILED", pieces)]));
    assert_eq!(only(&facts).state, SetState::Failed);
    // not being asked about it is no reason for doubt
    facts.backups.insert(Part::Optimize, Err(problem()));
    assert_eq!(only(&facts).state, SetState::Complete);
}

#[test]
fn times_come_from_the_pieces_else_from_the_id() {
    let mut facts = whole();
    let set = only(&facts);
    assert_eq!(set.started.map(Timestamp::as_second), Some(1_700_000_000));
    assert!(set.started_from_id && set.ended.is_none() && set.duration.is_none());

    let mut app = operate(ID, "COMPLETED", 2, 2);
    app.pieces[0].started = time("2026-11-23T00:25:20.500+0000");
    let mut brokers = zeebe(ID, "COMPLETED", &[1, 2]);
    brokers.pieces[0].started = time("2026-11-23T00:25:30.1Z");
    brokers.pieces[1].ended = time("2026-11-23T00:25:36.500000000Z");
    facts.backups.insert(Part::Operate, Ok(vec![app]));
    facts.backups.insert(Part::Zeebe, Ok(vec![brokers]));
    let set = only(&facts);
    assert_eq!(set.started.map(|t| t.to_string()).as_deref(), Some("2026-11-23T00:25:20.5Z"));
    assert_eq!((set.started_from_id, set.duration), (false, Some(Duration::from_secs(16))));
}

#[test]
fn as_json() {
    let mut facts = whole();
    facts.backups.insert(Part::Operate, Err(problem()));
    facts.backups.insert(Part::Zeebe, Ok(vec![]));
    let json = serde_json::to_value(only(&facts)).expect("plain values");
    let wanted = serde_json::json!({
        "id": ID,
        "state": "unknown",
        "parts": {
            "operate": { "state": "unknown", "problem": "cannot connect (http://operate:9600)" },
            "records": { "state": "COMPLETED", "done": 4 },
            "zeebe": { "state": "missing" },
        },
        "started": "2023-11-14T22:13:20Z",
        "startedFromId": true,
        "versions": ["8.6.0"],
    });
    assert_eq!(json, wanted);
}

#[test]
fn ten_thousand_sets_newest_first() {
    let many = 1..=10_000;
    let facts = Facts {
        backups: BTreeMap::from([
            (Part::Operate, Ok(many.clone().map(|n| operate(n, "COMPLETED", 6, 6)).collect())),
            (Part::Zeebe, Ok(many.clone().map(|n| zeebe(n, "COMPLETED", &[1, 2, 3])).collect())),
        ]),
        snapshots: Some(Ok(many.map(|n| stored(records_snapshot(id(n)), "SUCCESS", 4)).collect())),
        ..Facts::default()
    };
    let sets = sets(&facts, &expected());
    assert_eq!(sets.len(), 10_000);
    assert!(sets.windows(2).all(|w| w[0].id > w[1].id));
    assert!(sets.iter().all(|s| s.state == SetState::Complete));
}

#[test]
fn a_set_stays_complete_when_the_cluster_grows() {
    let mut facts = whole();
    let Some(Ok(cluster)) = &mut facts.cluster else { panic!("no cluster") };
    cluster.partitions.insert(3);
    assert_eq!(only(&facts).state, SetState::Complete);
    // Whoever says that it is not whole is believed.
    facts.backups.insert(Part::Zeebe, Ok(vec![zeebe(ID, "INCOMPLETE", &[1, 2])]));
    assert_eq!(only(&facts).state, SetState::Incomplete);
    // A gap is one, whatever is said.
    facts.backups.insert(Part::Zeebe, Ok(vec![zeebe(ID, "COMPLETED", &[1, 3])]));
    assert_eq!(only(&facts).state, SetState::Incomplete);
}

#[test]
fn a_part_that_the_release_does_not_have_any_more_is_judged_by_the_repository() {
    let mut facts = whole();
    let optimize = |state, of| stored(name("optimize", ID, 1, of), state, 3);
    for (snapshot, state) in [
        (optimize("SUCCESS", 1), SetState::Complete),
        (optimize("SUCCESS", 2), SetState::Incomplete),
        (optimize("PARTIAL", 1), SetState::Failed),
    ] {
        facts.snapshots = whole().snapshots.map(|all| all.map(|all| [all, vec![snapshot.clone()]].concat()));
        facts.backups.remove(&Part::Optimize);
        assert_eq!(only(&facts).state, state, "{snapshot:?}");
    }
    // Who was asked and did not answer may know better.
    facts.snapshots =
        whole().snapshots.map(|all| all.map(|all| [all, vec![optimize("SUCCESS", 1)]].concat()));
    facts.backups.insert(Part::Optimize, Err(problem()));
    assert_eq!(only(&facts).state, SetState::Unknown);
}

#[test]
fn who_may_be_at_it_at_this_moment() {
    let mut set = with(Part::Operate, Ok(vec![operate(ID, "IN_PROGRESS", 1, 2)]));
    let at = |seconds: u64| Timestamp::from_second(i64::try_from(seconds).expect("small")).expect("in range");
    let day = Duration::from_secs(24 * 3600);
    assert!(set.may_be_running(day, at(ID + 3600)));
    assert!(!set.may_be_running(day, at(ID + 25 * 3600)), "it hangs");
    assert!(set.may_be_running(day, at(ID - 9_000_000)), "a wrong clock says nothing about how long");
    set.started = None;
    assert!(set.may_be_running(day, at(ID + 25 * 3600)));
    assert!(!only(&whole()).may_be_running(day, at(ID)));
}
