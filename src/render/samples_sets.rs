//! Values for the tests of what is shown about existing backups.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::samples::{BEGAN, sets};
use super::{
    DeletionItem, DeletionResult, DeletionView, DetailView, PruneView, RecordView, VerdictView,
    VerificationView,
};
use crate::catalogue::{Decision, Detail, Every, PieceDetail, SetState, Why};
use crate::client::Request;
use crate::model::{BackupId, Component, Finding, Part, PartState, Reason, Version, records_snapshot};
use crate::plan::{Deletion, Gone, PartDeletion};
use crate::run::{Cause, DeletionReport, PartGone, PartReportGone};

fn id(n: u64) -> BackupId {
    BackupId::new(n).expect("in range")
}

fn piece(name: &str, state: PartState) -> PieceDetail {
    PieceDetail {
        name: name.to_owned(),
        partition: None,
        nth: None,
        state,
        listed: true,
        stored: Some(true),
        version: Some(Version::full(8, 6, 0)),
        engine_version: Some("8.14.0".to_owned()),
        started: Some(BEGAN),
        ended: Timestamp::from_second(1_764_000_002).ok(),
        bytes: Some(25_668),
        indices: Some(vec!["operate-list-view-8.3.0_".to_owned()]),
        shards_failed: 0,
        failures: Vec::new(),
    }
}

/// An incomplete set: one snapshot is gone, one that nobody lists is there, Zeebe has nothing.
pub fn detail() -> DetailView {
    let set = sets().remove(1);
    let name = |i: u32| format!("camunda_operate_1763900000_8.6.0_part_{i}_of_6");
    let unlisted = PieceDetail { listed: false, ..piece(&name(3), PartState::Completed) };
    let partial = PieceDetail {
        failures: vec!["operate-list-view-8.3.0_: primary shard is not allocated".to_owned()],
        ..piece(&name(2), PartState::Partial)
    };
    let elsewhere = PieceDetail {
        stored: Some(false),
        bytes: None,
        indices: None,
        ended: None,
        ..piece(&name(1), PartState::Completed)
    };
    let records = PieceDetail {
        listed: false,
        version: None,
        ..piece(&records_snapshot(id(1_763_900_000)), PartState::Completed)
    };
    let pieces =
        BTreeMap::from([(Part::Operate, vec![elsewhere, partial, unlisted]), (Part::Records, vec![records])]);
    let findings = vec![
        Finding::new(Reason::PartMissing, Component::Gateway, "zeebe: it was asked, and has no such backup"),
        Finding::new(
            Reason::SnapshotsUnlisted,
            Component::Operate,
            "operate: 1 of its snapshots is not listed",
        ),
    ];
    let record = RecordView {
        outcome: "failed".to_owned(),
        started: "2025-11-23T12:13:20Z".to_owned(),
        finished: Some("2025-11-23T12:14:00Z".to_owned()),
        reason: Some("await-operate: snapshot-partial: primary shard is not allocated".to_owned()),
        versions: BTreeMap::from([("operate".to_owned(), "8.6.0".to_owned())]),
        partitions: Some(3),
        paused_seconds: Some(9.5),
    };
    DetailView { detail: Detail { set, pieces }, record: Some(record), restorable: false, findings }
}

/// One good, one that is not, and too old.
pub fn verification() -> VerificationView {
    let all = sets();
    let verdict = |i: usize, good, findings| VerdictView {
        id: all[i].id,
        state: all[i].state,
        good,
        started: all[i].started,
        findings,
    };
    VerificationView {
        good: false,
        newest_complete: Some(all[0].id),
        items: vec![verdict(0, true, Vec::new()), verdict(1, false, detail().findings)],
        findings: vec![Finding::new(
            Reason::TooOld,
            None,
            "the newest complete set, 1764000000, began 27 h 00 min ago",
        )],
    }
}

fn planned(n: u64) -> Deletion {
    let name = records_snapshot(id(n));
    let operate = PartDeletion {
        part: Part::Operate,
        requests: vec![Request::delete(Component::Operate, format!("/actuator/backups/{n}"))],
        gone: Gone::Listed { request: Request::get(Component::Operate, "/actuator/backups?verbose=false") },
    };
    let records = PartDeletion {
        part: Part::Records,
        requests: vec![Request::delete(Component::Search, format!("/_snapshot/backups/{name}"))],
        gone: Gone::Snapshots {
            request: Request::get(Component::Search, format!("/_snapshot/backups/{name}?verbose=false")),
            names: BTreeSet::from([name]),
        },
    };
    Deletion { backup_id: id(n), parts: vec![operate, records] }
}

fn report(n: u64, records: PartGone) -> DeletionReport {
    let gone = PartGone::Gone { took: Duration::from_millis(1500) };
    let parts = vec![
        PartReportGone { part: Part::Operate, outcome: gone },
        PartReportGone { part: Part::Records, outcome: records },
    ];
    DeletionReport { backup_id: id(n), parts, untouched: false }
}

fn left() -> PartGone {
    let text = "http://search:9200: HTTP 500: repository_exception: [backups] cannot delete snapshot from a readonly repository";
    PartGone::Left {
        cause: Cause::part(Reason::DeleteFailed, Part::Records, Component::Search, text),
        names: vec![records_snapshot(id(17))],
    }
}

/// Gone, left, already gone, and one that would be deleted.
pub fn deletion() -> DeletionView {
    let gone = PartGone::Gone { took: Duration::from_secs(2) };
    let nothing = Deletion { backup_id: id(5), parts: Vec::new() };
    let empty = DeletionReport { backup_id: id(5), parts: Vec::new(), untouched: false };
    let items = vec![
        DeletionItem::done(planned(1_763_900_000), report(1_763_900_000, gone)),
        DeletionItem::done(planned(17), report(17, left())),
        DeletionItem::done(nothing, empty),
        DeletionItem::planned(planned(18)),
    ];
    let results: Vec<_> = items.iter().map(|i| i.result).collect();
    let wanted = [
        DeletionResult::Gone,
        DeletionResult::Left,
        DeletionResult::AlreadyGone,
        DeletionResult::WouldDelete,
    ];
    assert_eq!(results, wanted);
    DeletionView { dry_run: false, items }
}

/// One kept for two reasons, one deleted, one left.
pub fn prune() -> PruneView {
    let all = sets();
    let decision = |i: usize, keep, reasons| Decision {
        id: all[i].id,
        state: all[i].state,
        started: all[i].started,
        keep,
        reasons,
    };
    let day = Why::Every(Every::Day, "2025-11-24".to_owned());
    let mut items = deletion().items;
    items.truncate(2);
    PruneView {
        dry_run: false,
        policy: vec!["--keep-daily 7".to_owned(), "--failed-after 168h".to_owned()],
        time_zone: "Europe/Berlin".to_owned(),
        decisions: vec![
            decision(0, true, vec![Why::NewestComplete, day]),
            decision(1, false, vec![Why::FailedLong]),
            decision(2, true, vec![Why::OwnerUnknown]),
            Decision { state: SetState::Complete, ..decision(3, false, vec![Why::NotKept]) },
        ],
        items,
        findings: vec![Finding::new(
            Reason::LifecyclePolicyHere,
            Component::Search,
            "policy nightly writes to repository backups",
        )],
    }
}
