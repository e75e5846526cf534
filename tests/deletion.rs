//! Every request of a deletion × every fault, in the simulator under paused time.
//!
//! Whatever happens: nothing that was not named is deleted, whatever is left is reported, and repeating finishes.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use camunda_backup::catalogue::{Policy, refusals, retention, sets};
use camunda_backup::client::{Method, Request};
use camunda_backup::model::{BackupId, Component, Part, Reason, id_in_name};
use camunda_backup::plan::{self, Deletion, Gone};
use camunda_backup::run::{self, DeletionReport, Events, PartGone, World};
use camunda_backup::sim::{Fault, FaultRule, Profile};
use camunda_backup::survey::{Scope, survey};
use support::{Rig, bounded};

/// Names that begin alike, and one of another release in the same repository.
const HISTORY: [u64; 4] = [20, 200, 2000, 20000];
const NAMED: u64 = 200;
const FOREIGN: u64 = 2001;

fn rig() -> Rig {
    let mut rig = Rig::new(Profile { history: HISTORY.to_vec(), ..Profile::default() });
    rig.sim.add_foreign(FOREIGN);
    rig.limits.total = Duration::from_secs(1800);
    rig
}

fn id(n: u64) -> BackupId {
    BackupId::new(n).expect("in range")
}

fn expected() -> BTreeSet<Part> {
    BTreeSet::from([Part::Operate, Part::Tasklist, Part::Optimize, Part::Records, Part::Zeebe])
}

impl Rig {
    /// What a deletion of these IDs would be now.
    async fn planned(&self, ids: &[u64]) -> Vec<Deletion> {
        let request = self.request();
        let facts = survey(&self.http("look"), &request, Scope::Backups).await;
        assert!(facts.backups.values().all(Result::is_ok) && matches!(facts.snapshots, Some(Ok(_))));
        ids.iter().map(|n| plan::deletion(&request, &facts, id(*n))).collect()
    }

    async fn delete(&self, deletions: &[Deletion]) -> Vec<DeletionReport> {
        let (events, _heard) = Events::channel();
        let world = World {
            http: self.http("delete"),
            journal: self.journal.clone(),
            cancel: self.cancel.clone(),
            events,
            limits: self.limits,
            now: || "2026-11-23T00:00:00Z".to_owned(),
        };
        run::delete(&world, deletions).await
    }

    /// Everything that must be true after a deletion, whatever happened to it.
    fn assert_deleted(
        &self,
        before: &BTreeSet<String>,
        named: &[u64],
        reports: &[DeletionReport],
        context: &str,
    ) {
        let after = self.sim.snapshots();
        for gone in before.difference(&after) {
            let carries = id_in_name(gone).map(BackupId::get);
            assert!(carries.is_some_and(|n| named.contains(&n)), "{context}: {gone} was not named");
        }
        let backups = self.sim.backups();
        for n in HISTORY.iter().filter(|n| !named.contains(n)) {
            assert_eq!(backups.get(n).map(std::collections::BTreeMap::len), Some(5), "{context}: {n}");
        }
        assert!(self.sim.exporting_runs(), "{context}");
        for exchange in self.sim.log() {
            let path = &exchange.request.path;
            assert!(
                exchange.request.method != Method::Delete || !path.contains(['*', ',']),
                "{context}: {path}"
            );
            assert!(matches!(exchange.request.method, Method::Get | Method::Delete), "{context}: {path}");
        }
        for report in reports {
            let left = backups.get(&report.backup_id.get());
            if report.is_gone() {
                assert_eq!(left, None, "{context}: called gone: {report:?}");
            }
            for part in left.into_iter().flat_map(std::collections::BTreeMap::keys) {
                let told = report.parts.iter().find(|p| p.part == *part).map(|p| &p.outcome);
                assert!(
                    matches!(told, Some(PartGone::Left { .. })),
                    "{context}: {part} is left, told {told:?}"
                );
            }
        }
    }
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Refuse,
        Fault::Hang,
        Fault::DropRequest,
        Fault::DropAnswer,
        Fault::Slow(Duration::from_secs(30)),
        Fault::Slow(Duration::from_secs(200)),
        Fault::Late(Duration::from_secs(45)),
        Fault::Late(Duration::from_secs(300)),
        // Accepted, and nothing happens.
        Fault::Status(204, None),
        Fault::Status(200, None),
        Fault::Status(400, Some("Encountered an error connecting to Elasticsearch".to_owned())),
        Fault::Status(401, None),
        Fault::Status(403, None),
        Fault::Status(404, Some("No repository with name [x] could be found.".to_owned())),
        Fault::Status(404, Some("repository_missing_exception: [x] missing".to_owned())),
        Fault::Status(404, None),
        Fault::Status(409, Some("busy".to_owned())),
        Fault::Status(429, None),
        Fault::Status(500, None),
        Fault::Status(502, None),
        Fault::EffectThenStatus(500),
        Fault::EffectThenStatus(404),
        Fault::Panic,
    ]
}

fn requests() -> Vec<(Component, Method, &'static str)> {
    vec![
        (Component::Optimize, Method::Delete, "/actuator/backups/"),
        (Component::Operate, Method::Delete, "/actuator/backups/"),
        (Component::Tasklist, Method::Delete, "/actuator/backups/"),
        (Component::Gateway, Method::Delete, "/actuator/backups/"),
        (Component::Search, Method::Delete, "/_snapshot/"),
        (Component::Search, Method::Get, "camunda_operate_200_"),
        (Component::Search, Method::Get, "camunda_zeebe_records_backup_200"),
        (Component::Gateway, Method::Get, "/actuator/backups/200"),
    ]
}

fn rules() -> Vec<FaultRule> {
    let mut rules = Vec::new();
    for (component, method, path) in requests() {
        for fault in faults() {
            let always = FaultRule::always(component, method, path, fault);
            rules.push(always.clone().times(1));
            rules.push(FaultRule { skip: 1, ..always.clone().times(2) });
            rules.push(always);
        }
    }
    rules
}

fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload().downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| info.payload().downcast_ref::<&str>().copied()).unwrap_or_default();
        if !text.starts_with("simulated panic") {
            eprintln!("{info}");
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn a_set_is_deleted_and_seen_to_be_gone() {
    let rig = rig();
    let before = rig.sim.snapshots();
    let deletions = rig.planned(&[NAMED]).await;
    let reports = bounded("no fault", rig.delete(&deletions)).await;
    rig.assert_deleted(&before, &[NAMED], &reports, "no fault");
    assert!(reports[0].is_gone(), "{reports:?}");
    // A web application's snapshots go in the background: that was waited for.
    let waited = |p: &run::PartReportGone| matches!(p.outcome, PartGone::Gone { took } if took > Duration::from_secs(1));
    assert!(reports[0].parts.iter().any(waited), "{reports:?}");
    // Gone already is done.
    let again = rig.planned(&[NAMED]).await;
    assert!(again[0].is_empty());
    assert!(rig.delete(&deletions).await[0].is_gone(), "the same requests once more");
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_before_an_update_is_deleted_after_it() {
    let rig = rig();
    let before = rig.sim.snapshots();
    rig.sim.set_version("8.6.1");
    let deletions = rig.planned(&[NAMED]).await;
    let reports = bounded("updated", rig.delete(&deletions)).await;
    rig.assert_deleted(&before, &[NAMED], &reports, "updated");
    assert!(reports[0].is_gone(), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn every_request_and_every_fault_deletes_nothing_unnamed_and_hides_nothing() {
    quiet_panics();
    let rules = rules();
    let (mut gone, mut left) = (0, 0);
    for rule in rules {
        let context = rule.to_string();
        let rig = rig();
        let before = rig.sim.snapshots();
        let deletions = rig.planned(&[NAMED]).await;
        rig.sim.inject(rule);
        let reports = bounded(&context, rig.delete(&deletions)).await;
        rig.assert_deleted(&before, &[NAMED], &reports, &context);
        if reports[0].is_gone() {
            gone += 1;
        } else {
            left += 1;
        }
        // When the fault is gone, repeating finishes.
        rig.sim.clear_faults();
        let again = rig.planned(&[NAMED]).await;
        let reports = bounded(&context, rig.delete(&again)).await;
        rig.assert_deleted(&before, &[NAMED], &reports, &context);
        assert!(reports[0].is_gone(), "{context}: repeated: {reports:?}");
    }
    println!("{gone} gone at once, {left} left something and said so; all gone after repeating");
    assert!(gone > 150 && left > 60, "{gone} {left}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_did_nothing_is_not_called_done_on_any_answer_but_the_right_one() {
    let said = |status, text: &str| Fault::Status(status, Some(text.to_owned()));
    let answers = [
        Fault::Refuse,
        Fault::Status(200, None),
        Fault::Status(401, None),
        Fault::Status(403, None),
        Fault::Status(404, None),
        said(404, "No repository with name [x] could be found."),
        said(404, "repository_missing_exception: [x] missing"),
        said(400, "No backup with id [200] found."),
        Fault::Status(500, None),
    ];
    let records = "camunda_zeebe_records_backup_200";
    let (operate, search, gateway) = (Component::Operate, Component::Search, Component::Gateway);
    let cases = [
        (Part::Operate, (operate, "/actuator/backups/"), (search, "camunda_operate_200_"), false),
        (Part::Operate, (operate, "/actuator/backups/"), (operate, "/actuator/backups"), true),
        (Part::Records, (search, records), (search, records), false),
        (Part::Zeebe, (gateway, "/actuator/backups/"), (gateway, "/actuator/backups/200"), false),
    ];
    for (part, deleted, looked, listed) in cases {
        for answer in &answers {
            let rule = FaultRule::always(looked.0, Method::Get, looked.1, answer.clone());
            let context = format!("{part}: {rule}");
            let rig = rig();
            let before = rig.sim.snapshots();
            let mut deletions = rig.planned(&[NAMED]).await;
            let planned = deletions[0].parts.iter_mut().find(|p| p.part == part).expect("planned");
            if listed {
                planned.gone = Gone::Listed { request: Request::get(looked.0, looked.1) };
            }
            let nothing = Fault::Status(204, None);
            rig.sim.inject(FaultRule::always(deleted.0, Method::Delete, deleted.1, nothing));
            rig.sim.inject(rule);
            let reports = bounded(&context, rig.delete(&deletions)).await;
            rig.assert_deleted(&before, &[NAMED], &reports, &context);
            let told = reports[0].parts.iter().find(|p| p.part == part).map(|p| &p.outcome);
            assert!(matches!(told, Some(PartGone::Left { .. })), "{context}: {told:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn prune_under_faults_deletes_what_it_decided_and_nothing_else() {
    quiet_panics();
    let faults =
        [Fault::Refuse, Fault::DropAnswer, Fault::Status(500, None), Fault::Status(204, None), Fault::Panic];
    for (component, method, path) in requests() {
        for fault in &faults {
            for skip in 0..3 {
                let rule =
                    FaultRule { skip, ..FaultRule::always(component, method, path, fault.clone()).times(30) };
                let context = rule.to_string();
                let rig = rig();
                let before = rig.sim.snapshots();
                let (named, deletions) = pruned(&rig).await;
                assert_eq!(named, [20, 200, 2000], "{context}: neither the newest nor another release's");
                rig.sim.inject(rule);
                let reports = bounded(&context, rig.delete(&deletions)).await;
                rig.assert_deleted(&before, &named, &reports, &context);
                rig.sim.clear_faults();
                let (rest, deletions) = pruned(&rig).await;
                // What lost a part is no complete set any more: only its Zeebe part still names it, and that stays to the
                // end. It is left to a rule for failed sets, or to a deletion by name.
                let reports = bounded(&context, rig.delete(&deletions)).await;
                rig.assert_deleted(&before, &named, &reports, &context);
                assert!(reports.iter().all(DeletionReport::is_gone), "{context}: {rest:?} {reports:?}");
                let left = rig.sim.backups();
                let by_name: Vec<u64> = named.iter().copied().filter(|n| left.contains_key(n)).collect();
                let deletions = rig.planned(&by_name).await;
                let reports = bounded(&context, rig.delete(&deletions)).await;
                assert!(reports.iter().all(DeletionReport::is_gone), "{context}: {reports:?}");
                assert_eq!(
                    rig.sim.backups().keys().copied().collect::<Vec<_>>(),
                    [FOREIGN, 20000],
                    "{context}"
                );
            }
        }
    }
}

/// What `--keep-last 1` deletes now, the oldest first.
async fn pruned(rig: &Rig) -> (Vec<u64>, Vec<Deletion>) {
    let request = rig.request();
    let facts = survey(&rig.http("look"), &request, Scope::Backups).await;
    let policy = Policy { last: Some(1), ..Policy::default() };
    let all = sets(&facts, &expected());
    let decisions = retention(&all, &policy, rig.sim.time_of_day());
    let mut ids: Vec<u64> = decisions.iter().filter(|d| !d.keep).map(|d| d.id.get()).collect();
    ids.sort_unstable();
    let deletions = ids.iter().map(|n| plan::deletion(&request, &facts, id(*n))).collect();
    (ids, deletions)
}

#[tokio::test(start_paused = true)]
async fn a_signal_at_any_moment_starts_nothing_more_and_repeating_finishes() {
    for tenth in 0..60u32 {
        let context = format!("signal after {tenth} tenths");
        let rig = rig();
        let before = rig.sim.snapshots();
        let named = [20, 200];
        let deletions = rig.planned(&named).await;
        let cancel = rig.cancel.clone();
        let raise = async {
            tokio::time::sleep(Duration::from_millis(u64::from(tenth) * 100)).await;
            cancel.raise();
        };
        let (reports, ()) =
            futures_util::future::join(bounded(&context, rig.delete(&deletions)), raise).await;
        rig.assert_deleted(&before, &named, &reports, &context);
        let next = rig.next();
        let deletions = next.planned(&named).await;
        let reports = bounded(&context, next.delete(&deletions)).await;
        assert!(reports.iter().all(DeletionReport::is_gone), "{context}: {reports:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_lock_starts_nothing_more() {
    let rig = rig();
    let deletions = rig.planned(&[NAMED]).await;
    rig.journal.taken_over.store(true, std::sync::atomic::Ordering::Relaxed);
    let reports = rig.delete(&deletions).await;
    assert!(reports[0].untouched && !reports[0].is_gone(), "{reports:?}");
    assert!(rig.sim.log().iter().all(|e| e.request.method == Method::Get));
}

#[tokio::test(start_paused = true)]
async fn a_read_only_repository_leaves_everything_and_says_so() {
    let rig = rig();
    let before = rig.sim.snapshots();
    rig.sim.set_read_only(true);
    let deletions = rig.planned(&[NAMED]).await;
    let reports = bounded("read-only", rig.delete(&deletions)).await;
    rig.assert_deleted(&before, &[NAMED], &reports, "read-only");
    assert_eq!(rig.sim.snapshots(), before);
    let reason = |part| {
        let found = reports[0].parts.iter().find(|p| p.part == part).map(|p| &p.outcome);
        match found {
            Some(PartGone::Left { cause, .. }) => cause.reason,
            other => panic!("{part}: {other:?}"),
        }
    };
    // Operate would accept what its engine then refuses: it is not asked.
    assert_eq!(reason(Part::Operate), Reason::NotTried);
    assert_eq!(reason(Part::Records), Reason::DeleteFailed);
    assert_eq!(reason(Part::Zeebe), Reason::NotTried, "it proves whose set it is, and goes last");
}

/// The web applications delete with rights of their own.
#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_let_us_leaves_the_set_whole_and_the_right_is_named() {
    let rig = rig();
    let (before, backups) = (rig.sim.snapshots(), rig.sim.backups());
    let said = "security_exception: action [cluster:admin/snapshot/delete] is unauthorized for user [backup]";
    let refuses = Fault::Status(403, Some(said.to_owned()));
    rig.sim.inject(FaultRule::always(Component::Search, Method::Delete, "/_snapshot/", refuses));
    let deletions = rig.planned(&[NAMED]).await;
    let reports = bounded("not allowed", rig.delete(&deletions)).await;
    rig.assert_deleted(&before, &[NAMED], &reports, "not allowed");
    assert_eq!((rig.sim.snapshots(), rig.sim.backups()), (before, backups), "half of it is gone");
    let deletions = rig.sim.log().into_iter().filter(|e| e.request.method == Method::Delete);
    assert_eq!(deletions.map(|e| e.request.component).collect::<Vec<_>>(), [Component::Search]);
    for part in &reports[0].parts {
        let PartGone::Left { cause, .. } = &part.outcome else { panic!("{part:?}") };
        if part.part == Part::Records {
            assert_eq!(cause.reason, Reason::DeletionNotAllowed, "{cause:?}");
            assert!(cause.detail.contains("user [backup]"), "{cause:?}");
            assert!(cause.detail.ends_with("its user needs cluster:admin/snapshot/delete"), "{cause:?}");
        } else {
            assert_eq!(cause.reason, Reason::NotTried, "{cause:?}");
        }
    }
    assert!(reports[0].is_not_allowed(), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn another_releases_whole_backup_is_not_ours_to_delete() {
    let rig = rig();
    let facts = survey(&rig.http("look"), &rig.request(), Scope::Backups).await;
    let all = sets(&facts, &expected());
    let reasons = |n: u64, force| {
        let set = all.iter().find(|s| s.id == id(n)).expect("listed");
        refusals(set, &all, force, rig.sim.time_of_day()).iter().map(|f| f.reason).collect::<Vec<_>>()
    };
    // It is young as well, so that its owner may still be at it.
    assert_eq!(reasons(FOREIGN, false), [Reason::SetInProgress, Reason::OwnerUnknown]);
    assert_eq!(reasons(20000, false), [Reason::NewestComplete]);
    assert_eq!(reasons(NAMED, false), []);
    assert_eq!(reasons(FOREIGN, true), []);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_is_away_makes_every_set_unknown_and_nothing_deletable() {
    let rig = rig();
    rig.sim.set_component(Component::Tasklist, false);
    let facts = survey(&rig.http("look"), &rig.request(), Scope::Backups).await;
    let all = sets(&facts, &expected());
    for set in &all {
        let reasons: Vec<_> =
            refusals(set, &all, true, rig.sim.time_of_day()).iter().map(|f| f.reason).collect();
        assert_eq!(reasons, [Reason::PartUnknown], "{}", set.id);
    }
    let policy = Policy { last: Some(1), failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    assert!(retention(&all, &policy, rig.sim.time_of_day()).iter().all(|d| d.keep));
}
