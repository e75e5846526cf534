//! Every request of a backup × every fault, in the simulator under paused time.
//!
//! Whatever happens: at the end exporting runs, or the exit code says that it may not, the journal is armed and the next
//! run repairs; a backup called complete is complete; the order of the guide is never broken.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use camunda_backup::client::{Method, Request};
use camunda_backup::exit::Exit;
use camunda_backup::model::{Component, Engine, Part, PartState, Reason};
use camunda_backup::plan::{self, Action};
use camunda_backup::run::{Exporting, Outcome, PartOutcome};
use camunda_backup::sim::{Fault, FaultRule, Profile, Timings};
use camunda_backup::survey::{Scope, survey};
use support::{NOW, Ran, Rig, bounded};

fn profile() -> Profile {
    Profile { brokers: 3, replication: 3, ..Profile::default() }
}

/// Every fault that the simulator knows, with one value for those that carry one.
fn faults() -> Vec<Fault> {
    vec![
        Fault::Refuse,
        Fault::Hang,
        Fault::DropRequest,
        Fault::DropAnswer,
        Fault::Slow(Duration::from_secs(12)),
        Fault::Slow(Duration::from_secs(120)),
        Fault::Late(Duration::from_secs(45)),
        Fault::Status(400, Some("no".to_owned())),
        Fault::Status(404, None),
        Fault::Status(429, None),
        Fault::Status(500, None),
        Fault::Status(503, None),
        Fault::EffectThenStatus(500),
        Fault::EffectThenStatus(504),
        Fault::Panic,
        Fault::EnvelopeFailure,
        Fault::EnvelopePartial,
        Fault::SnapshotPartial,
        Fault::SnapshotFailed,
        Fault::PartitionFailed(2),
        Fault::PartitionLost(3),
        Fault::StuckInProgress,
        Fault::StuckIncomplete,
        Fault::NotVisible,
    ]
}

/// Every request that a backup of this release makes after preflight: an example, and the part of its path by which a
/// rule finds it under any ID. Taken from the plan, so that a new row brings its own.
async fn requests(profile: &Profile) -> Vec<(Request, String)> {
    let rig = Rig::new(profile.clone());
    let asked = rig.request();
    let facts = survey(&rig.http("plan"), &asked, Scope::Preflight).await;
    let procedure = plan::backup(&asked, &facts, NOW).expect("a plan");
    let id = procedure.backup_id.to_string();
    let head = |path: &str| path.split(&id).next().unwrap_or(path).to_owned();
    let mut all = Vec::new();
    for step in &procedure.steps {
        match &step.action {
            Action::PauseExporting { request } | Action::ResumeExporting { request } => {
                all.push((request.clone(), request.path.split('?').next().unwrap_or_default().to_owned()));
            }
            Action::Start { request, .. } => all.push((request.clone(), head(&request.path))),
            Action::Await { watches } => {
                for watch in watches {
                    all.push((watch.request.clone(), head(&watch.request.path)));
                    all.extend(watch.progress.clone().map(|p| (p, "_status".to_owned())));
                }
            }
            // Asked in the survey too: see `rules`.
            Action::AwaitExporters { .. } | Action::ConfirmPaused => {}
        }
    }
    all
}

/// Which cases are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Every fault once, later, and for ever.
    Full,
    /// Every fault for ever.
    Brief,
}

async fn rules(profile: &Profile, depth: Depth) -> Vec<FaultRule> {
    let mut rules = Vec::new();
    for (example, path) in requests(profile).await {
        for fault in faults() {
            let probe = FaultRule::always(example.component, example.method, &path, fault.clone());
            // A fault that cannot happen to this request would be no test.
            if !probe.covers(&example) {
                continue;
            }
            if depth == Depth::Full {
                rules.push(probe.clone().times(1));
                rules.push(FaultRule { skip: 1, ..probe.clone().times(2) });
            }
            rules.push(probe);
        }
    }
    // The brokers are asked in the survey too: there the first look must be good.
    for fault in
        [Fault::Refuse, Fault::Hang, Fault::Status(500, None), Fault::Status(404, None), Fault::Panic]
    {
        for path in ["/actuator/partitions", "/actuator/prometheus"] {
            let probe = FaultRule::always(Component::Broker(1), Method::Get, path, fault.clone());
            for skip in 1..4 {
                rules.push(FaultRule { skip, ..probe.clone().times(1) });
                rules.push(FaultRule { skip, ..probe.clone() });
            }
        }
    }
    rules
}

#[tokio::test(start_paused = true)]
async fn without_a_fault_the_backup_is_complete() {
    let rig = Rig::new(profile());
    let ran = bounded("no fault", rig.create("run")).await;
    rig.assert_safe(&ran, "no fault");
    assert!(ran.is_complete(), "{ran:?}");
    let report = ran.report();
    let Exporting::Resumed { paused, servers, seen } = &report.exporting else { panic!("{report:?}") };
    assert_eq!(seen.partitions.len(), 3);
    assert_eq!(seen.brokers, 3);
    assert!(servers.is_some_and(|s| s <= *paused), "{servers:?} of {paused:?}");
}

/// How the cases of a matrix ended.
#[derive(Debug, Default)]
struct Ends {
    complete: AtomicUsize,
    failed: AtomicUsize,
    maybe: AtomicUsize,
}

/// One case: a backup with the fault, and the next one without it.
async fn case(profile: &Profile, rule: FaultRule, ends: &Ends) {
    let context = format!("{} on {}: {rule}", profile.camunda_version, profile.engine);
    let mut rig = Rig::new(profile.clone());
    // Hours of virtual polling tell nothing that minutes do not.
    rig.limits.paused = Duration::from_secs(300);
    rig.limits.total = Duration::from_secs(900);
    rig.sim.inject(rule);
    let ran = bounded(&context, rig.create("first")).await;
    rig.assert_safe(&ran, &context);
    let count = match ran.exit() {
        Exit::Done => &ends.complete,
        Exit::MaybePaused => &ends.maybe,
        Exit::Failed | Exit::Deadline => &ends.failed,
        // Exporters whose metrics are gone are waited for in vain, and nothing was begun.
        Exit::Preflight if matches!(ran, Ran::Driven(..)) => &ends.failed,
        other => panic!("{context}: {other:?} {ran:?}"),
    };
    count.fetch_add(1, Ordering::Relaxed);
    // Whatever it was: when the fault is gone, the next run repairs and succeeds under a new ID.
    rig.sim.clear_faults();
    // IDs are seconds: where nothing was started, the next second is the next ID.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let next = rig.next();
    let again = bounded(&context, next.create("second")).await;
    next.assert_safe(&again, &context);
    assert!(again.is_complete() || stuck(&again), "{context}: the next run: {again:?}");
    if let (Ran::Driven(first, _), Ran::Driven(second, _)) = (&ran, &again) {
        assert!(second.backup_id > first.backup_id, "{context}: an ID was used twice");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

/// Whether every case of every release was asked for: `make test-faults`, which `make test` runs.
fn all_of_it() -> bool {
    std::env::var("FAULTS").is_ok_and(|v| v == "full")
}

/// The matrix of one release, on all processors.
fn matrix(profile: &Profile, depth: Depth) -> Ends {
    let depth = if all_of_it() { Depth::Full } else { depth };
    let profile = Profile { brokers: 3, replication: 3, ..profile.clone() };
    // Injected panics would print a page each.
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("simulated panic") {
            eprintln!("{text}");
        }
    }));
    let rules = runtime().block_on(rules(&profile, depth));
    let (next, ends) = (AtomicUsize::new(0), Ends::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
                    runtime().block_on(case(&profile, rule.clone(), &ends));
                }
            });
        }
    });
    println!(
        "{} on {}, {depth:?}: {} cases: {:?} complete, {:?} failed with exporting running, {:?} with exit 30",
        profile.camunda_version,
        profile.engine,
        rules.len(),
        ends.complete,
        ends.failed,
        ends.maybe
    );
    ends
}

fn named(name: &str) -> Profile {
    Profile::named(name).expect("a profile")
}

/// The two procedures that pause, with every case.
#[test]
fn every_request_and_every_fault_ends_safely() {
    for name in ["8.6", "8.8"] {
        let ends = matrix(&named(name), Depth::Full);
        let [complete, failed, maybe] = [ends.complete, ends.failed, ends.maybe].map(AtomicUsize::into_inner);
        assert!(complete + failed + maybe > 300, "{name}");
        assert!(complete > 50 && failed > 100 && maybe > 5, "{name}: {complete} {failed} {maybe}");
    }
}

/// Every profile of the sandbox on every engine that it has a backup on, and what has no Optimize.
fn every_release() -> Vec<Profile> {
    let engines = [Engine::Elasticsearch, Engine::OpenSearch];
    let all = Profile::NAMES.iter().flat_map(|name| engines.map(|engine| named(name).on(engine)));
    // Optimize of 8.5 and 8.6 has no backup on OpenSearch: with it they are refused.
    let gap =
        |p: &Profile| p.engine == Engine::OpenSearch && ["8.5", "8.6"].contains(&&p.camunda_version[..3]);
    let mut all: Vec<_> = all.map(|p| if gap(&p) { p.without_optimize() } else { p }).collect();
    all.push(named("8.10").without_optimize());
    all.push(Profile { own_ids: false, ..named("8.9-rdbms") });
    all
}

/// Every other family and engine: each fault at each request, for ever; with `FAULTS=full`, all cases of all releases.
#[test]
fn every_fault_in_every_family_ends_safely() {
    let open = |name: &str| named(name).on(Engine::OpenSearch);
    let some = vec![
        open("8.7"),
        named("8.8-standalone"),
        open("8.9"),
        named("8.10"),
        named("8.10").without_optimize(),
    ];
    let pauses = |p: &Profile| !p.is_relational();
    let all = if all_of_it() { every_release().into_iter().filter(pauses).collect() } else { some };
    for profile in all {
        let ends = matrix(&profile, Depth::Brief);
        assert!(ends.complete.into_inner() > 5 && ends.maybe.into_inner() > 0);
    }
}

/// Nothing is paused there, so nothing can stay paused.
#[test]
fn every_fault_on_relational_storage_ends_safely() {
    let explicit = Profile { own_ids: false, ..named("8.9-rdbms") };
    let some = vec![named("8.9-rdbms"), named("8.10-rdbms"), explicit];
    let all =
        if all_of_it() { every_release().into_iter().filter(Profile::is_relational).collect() } else { some };
    for profile in all {
        let ends = matrix(&profile, Depth::Brief);
        assert_eq!(ends.maybe.into_inner(), 0);
        assert!(ends.complete.into_inner() + ends.failed.into_inner() > 50);
    }
}

/// A web application with a snapshot that never ends is busy for ever: that is rightly refused.
fn stuck(ran: &Ran) -> bool {
    matches!(ran, Ran::Refused(findings) if findings.iter().any(|f| f.reason == Reason::BackupInProgress))
}

/// Operate on OpenSearch answers 400 for as long as a snapshot of its runs, from the first look on.
#[tokio::test(start_paused = true)]
async fn a_web_application_that_cannot_tell_while_it_works_is_waited_for() {
    for name in ["8.5", "8.6", "8.7"] {
        let profile = named(name).without_optimize().on(Engine::OpenSearch);
        // Longer than anything may stay unseen, and than any doubt is borne.
        let timings = Timings { webapp_snapshot: Duration::from_secs(10 * 60), ..profile.timings };
        let rig = Rig::new(Profile { timings, ..profile });
        let ran = bounded(name, rig.create("run")).await;
        rig.assert_safe(&ran, name);
        assert!(ran.is_complete(), "{name}: {ran:?}");
    }
    // For ever is too long, and exporting was never touched.
    let rig = Rig::new(named("8.6").without_optimize().on(Engine::OpenSearch));
    rig.sim.inject("operate POST /actuator/backups stuck-in-progress".parse().expect("a rule"));
    let ran = bounded("stuck", rig.create("run")).await;
    assert_eq!((failed_with(&ran), ran.exit()), (Reason::NoProgress, Exit::Failed), "{ran:?}");
    assert!(matches!(ran.report().exporting, Exporting::Untouched));
}

async fn with(rule: &str) -> (Rig, Ran) {
    let rig = Rig::new(profile());
    rig.sim.inject(rule.parse().unwrap_or_else(|e| panic!("{e}")));
    let ran = bounded(rule, rig.create("run")).await;
    rig.assert_safe(&ran, rule);
    (rig, ran)
}

fn failed_with(ran: &Ran) -> Reason {
    match &ran.report().outcome {
        Outcome::Failed { cause, .. } => cause.reason,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_has_its_own_reason() {
    for (rule, reason) in [
        ("operate POST /actuator/backups snapshot-partial", Reason::SnapshotPartial),
        ("tasklist POST /actuator/backups snapshot-failed", Reason::SnapshotFailed),
        ("optimize POST /actuator/backups stuck-incomplete", Reason::NoProgress),
        ("operate POST /actuator/backups not-visible", Reason::NeverSeen),
        ("operate POST /actuator/backups status:400:no", Reason::StartRefused),
        ("optimize POST /actuator/backups status:409:taken", Reason::IdTaken),
        ("search PUT /_snapshot/ snapshot-partial", Reason::SnapshotPartial),
        ("search PUT /_snapshot/ snapshot-failed", Reason::SnapshotFailed),
        ("gateway POST /actuator/backups partition-failed:2", Reason::PartFailed),
        ("gateway POST /actuator/backups partition-lost:2", Reason::NoProgress),
        ("gateway POST /actuator/backups stuck-in-progress", Reason::NoProgress),
        ("gateway POST /actuator/exporting/pause envelope-failure", Reason::PauseFailed),
        ("gateway POST /actuator/exporting/pause envelope-partial", Reason::PauseFailed),
        ("gateway GET /actuator/backups/ refuse", Reason::NeverSeen),
        ("operate GET /actuator/backups/ 40.. refuse", Reason::StoppedAnswering),
    ] {
        let (_, ran) = with(rule).await;
        assert_eq!(failed_with(&ran), reason, "{rule}: {:?}", ran.report());
        assert_eq!(ran.exit(), Exit::Failed, "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_200_that_is_a_500_is_no_resume() {
    let (rig, ran) = with("* POST /actuator/exporting/resume 1..8 envelope-failure").await;
    assert!(ran.is_complete());
    let resumes = rig.sim.log().iter().filter(|e| e.request.path.ends_with("/resume")).count();
    assert_eq!(resumes, 9, "twice the gateway and its three brokers, then the one that counts");

    let (rig, ran) = with("* POST /actuator/exporting/resume envelope-failure").await;
    assert_eq!(ran.exit(), Exit::MaybePaused);
    assert!(!rig.sim.exporting_runs());
}

#[tokio::test(start_paused = true)]
async fn without_its_gateway_a_release_is_resumed_by_its_brokers() {
    let rig = Rig::new(profile());
    let sim = rig.sim.clone();
    let outage = async {
        while sim.exporting_runs() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sim.set_component(Component::Gateway, false);
    };
    let (ran, ()) = futures_util::future::join(bounded("gateway", rig.create("run")), outage).await;
    rig.assert_safe(&ran, "the gateway is gone for good");
    assert_eq!(ran.exit(), Exit::Failed);
    assert!(rig.sim.exporting_runs());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_followed_by_a_look_not_by_a_second_request() {
    for (who, path) in [
        ("operate", "/actuator/backups"),
        ("optimize", "/actuator/backups"),
        ("gateway", "/actuator/backups"),
    ] {
        let (rig, ran) = with(&format!("{who} POST {path} 1 drop-answer")).await;
        assert!(ran.is_complete(), "{who}: {:?}", ran.report());
        let starts = |e: &camunda_backup::sim::Exchange| {
            e.request.method == Method::Post
                && e.request.path == path
                && e.request.component.to_string() == who
        };
        assert_eq!(rig.sim.log().iter().filter(|e| starts(e)).count(), 1, "{who}");
    }
    let (_, ran) = with("search PUT /_snapshot/ 1 drop-answer").await;
    assert!(ran.is_complete());
}

#[tokio::test(start_paused = true)]
async fn one_failed_part_is_named_and_the_others_are_told() {
    let (_, ran) = with("operate POST /actuator/backups snapshot-partial").await;
    let report = ran.report();
    let outcome = |part| report.parts.iter().find(|p| p.part == part).map(|p| &p.outcome);
    assert_eq!(outcome(Part::Operate), Some(&PartOutcome::Failed));
    assert_eq!(outcome(Part::Zeebe), Some(&PartOutcome::NotStarted));
    assert!(report.leftovers().contains(&Part::Operate) && !report.leftovers().contains(&Part::Zeebe));
    assert_eq!(report.exporting, Exporting::Untouched, "it was never paused");
}

#[tokio::test(start_paused = true)]
async fn deadlines_end_a_run_with_exporting_running() {
    let mut rig = Rig::new(profile());
    rig.limits.total = Duration::from_secs(4);
    let ran = bounded("total", rig.create("run")).await;
    rig.assert_safe(&ran, "total");
    assert_eq!(ran.exit(), Exit::Deadline);

    let mut rig = Rig::new(profile());
    rig.limits.paused = Duration::from_secs(1);
    let ran = bounded("paused", rig.create("run")).await;
    rig.assert_safe(&ran, "paused");
    assert_eq!(ran.exit(), Exit::Deadline);
    assert!(matches!(ran.report().exporting, Exporting::Resumed { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_means_no_pause() {
    let rig = Rig::new(profile());
    rig.journal.refuse.store(true, std::sync::atomic::Ordering::Relaxed);
    let ran = bounded("journal", rig.create("run")).await;
    assert_eq!(failed_with(&ran), Reason::JournalFailed);
    assert_eq!(ran.report().exporting, Exporting::Untouched);
    assert!(rig.sim.pauses().is_empty(), "paused without a journal");
}

#[tokio::test(start_paused = true)]
async fn a_lost_lock_starts_nothing_more_and_closes() {
    let rig = Rig::new(profile());
    let taken = rig.journal.clone();
    let lose = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        taken.taken_over.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let (ran, ()) = futures_util::future::join(bounded("lock", rig.create("run")), lose).await;
    assert_eq!(failed_with(&ran), Reason::LockLost);
    assert!(rig.sim.exporting_runs());
}

#[tokio::test(start_paused = true)]
async fn a_signal_at_any_moment_ends_with_exporting_running() {
    for tenth in 0..160u32 {
        let rig = Rig::new(profile());
        let cancel = rig.cancel.clone();
        let raise = async {
            tokio::time::sleep(Duration::from_millis(u64::from(tenth) * 100)).await;
            cancel.raise();
        };
        let context = format!("signal after {tenth} tenths");
        let (ran, ()) = futures_util::future::join(bounded(&context, rig.create("run")), raise).await;
        rig.assert_safe(&ran, &context);
        assert!(matches!(ran.exit(), Exit::Cancelled | Exit::Done), "{context}: {ran:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn exporting_that_is_resumed_by_somebody_else_spoils_the_backup() {
    let rig = Rig::new(profile());
    let sim = rig.sim.clone();
    let meddle = async {
        while sim.exporting_runs() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        sim.set_exporters(&camunda_backup::model::ExporterPhase::Exporting);
    };
    let (ran, ()) = futures_util::future::join(bounded("meddle", rig.create("run")), meddle).await;
    assert_eq!(failed_with(&ran), Reason::PauseLost);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_nobody_leads_at_the_end_is_not_known_to_be_paused() {
    for (away, complete) in [(5, true), (40, false)] {
        let rig = Rig::new(profile());
        let sim = rig.sim.clone();
        let meddle = async {
            let taken = || sim.backups().values().any(|b| b.get(&Part::Zeebe) == Some(&PartState::Completed));
            while !taken() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            sim.hide_leader(2, true);
            tokio::time::sleep(Duration::from_secs(away)).await;
            sim.hide_leader(2, false);
        };
        let context = format!("no leader for {away} s");
        let (ran, ()) = futures_util::future::join(bounded(&context, rig.create("run")), meddle).await;
        rig.assert_safe(&ran, &context);
        assert_eq!(ran.is_complete(), complete, "{context}: {ran:?}");
        if !complete {
            assert_eq!(failed_with(&ran), Reason::PauseLost, "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_arrives_late_is_resumed_however_small_the_budget_is() {
    let mut rig = Rig::new(profile());
    rig.limits.release = Duration::from_secs(5);
    let pause = FaultRule::always(
        Component::Gateway,
        Method::Post,
        "/actuator/exporting/pause",
        Fault::Late(Duration::from_secs(35)),
    );
    rig.sim.inject(pause);
    let (sim, cancel) = (rig.sim.clone(), rig.cancel.clone());
    let raise = async {
        while !sim.log().iter().any(|e| e.request.path.contains("/exporting/pause")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        cancel.raise();
    };
    let (ran, ()) = futures_util::future::join(bounded("late", rig.create("run")), raise).await;
    assert_eq!(rig.sim.pauses().len(), 1, "it did arrive: {ran:?}");
    assert_eq!(ran.exit(), Exit::Cancelled, "{ran:?}");
    rig.assert_safe(&ran, "late");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_pause_is_refused_before_anything_starts() {
    for phase in
        [camunda_backup::model::ExporterPhase::SoftPaused, camunda_backup::model::ExporterPhase::Paused]
    {
        let rig = Rig::new(Profile { exporters: phase.clone(), ..profile() });
        let ran = bounded("foreign", rig.create("run")).await;
        let Ran::Refused(findings) = &ran else { panic!("{ran:?}") };
        assert!(findings.iter().any(|f| f.reason == Reason::ExportingPausedByOthers), "{findings:?}");
        assert_eq!(rig.sim.phases().values().next(), Some(&phase), "it was not ours to touch");
        assert!(
            rig.sim
                .log()
                .iter()
                .all(|e| e.request.method == Method::Get || e.request.path.ends_with("_verify"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_goes_away_while_paused_is_waited_for() {
    let rig = Rig::new(Profile { brokers: 3, replication: 1, ..Profile::default() });
    let sim = rig.sim.clone();
    let outage = async {
        while sim.exporting_runs() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sim.set_broker(2, false);
        tokio::time::sleep(Duration::from_secs(150)).await;
        sim.set_broker(2, true);
    };
    let (ran, ()) = futures_util::future::join(bounded("broker", rig.create("run")), outage).await;
    rig.assert_safe(&ran, "broker away for 150 s");
    assert_ne!(ran.exit(), Exit::MaybePaused);
    assert!(!ran.is_complete());
}

#[tokio::test(start_paused = true)]
async fn exporters_that_are_behind_are_waited_for_before_anything_begins() {
    let rig = Rig::new(profile());
    rig.sim.set_export_lag(500, Some(Duration::from_secs(60)));
    let ran = bounded("lag", rig.create("run")).await;
    assert!(ran.is_complete(), "{ran:?}");
    let waited = ran.report().waited_for_exporters;
    assert!(waited >= Duration::from_secs(30), "{waited:?}");
    let Ran::Driven(_, events) = &ran else { panic!("{ran:?}") };
    assert!(events.iter().any(|e| matches!(
        &e.happened,
        camunda_backup::run::Happened::AwaitingExporters { records: Some(1500), .. }
    )));
}

#[tokio::test(start_paused = true)]
async fn exporters_that_never_catch_up_refuse_the_backup_and_nothing_is_changed() {
    let rig = Rig::new(profile());
    rig.sim.set_export_lag(1, None);
    let ran = bounded("lag", rig.create("run")).await;
    assert_eq!(failed_with(&ran), Reason::ExporterLag);
    assert_eq!(ran.exit(), Exit::Preflight);
    assert_eq!(rig.sim.pauses(), []);
    let asks = |e: &camunda_backup::sim::Exchange| {
        e.request.method == Method::Get || e.request.path.ends_with("_verify")
    };
    assert!(rig.sim.log().iter().all(asks), "something was begun");

    // Whoever does not want to wait need not.
    let mut rig = Rig::new(profile());
    rig.limits.exporters = Duration::ZERO;
    rig.sim.set_export_lag(1, None);
    assert!(bounded("no wait", rig.create("run")).await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_busy_cluster_whose_exporters_follow_is_backed_up() {
    // A thousand records a second, acknowledged seconds later: never at zero, and all the same in order.
    let rig = Rig::new(Profile { records_per_second: 1000, ..profile() });
    rig.sim.set_export_lag(3000, None);
    assert!(bounded("busy", rig.create("run")).await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn exporters_that_fall_behind_later_fail_the_backup_without_a_pause() {
    let rig = Rig::new(profile());
    let sim = rig.sim.clone();
    let later = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        sim.set_export_lag(7, None);
    };
    let (ran, ()) = futures_util::future::join(bounded("late lag", rig.create("run")), later).await;
    assert_eq!(failed_with(&ran), Reason::ExporterLag);
    assert_eq!(
        (ran.exit(), rig.sim.pauses().len()),
        (Exit::Failed, 0),
        "the web applications' parts were taken"
    );
    rig.assert_safe(&ran, "late lag");
}

#[tokio::test(start_paused = true)]
async fn metrics_that_fail_are_asked_again_and_hidden_ones_are_not_waited_for() {
    let metrics = |fault| FaultRule::always(Component::Broker(1), Method::Get, "/actuator/prometheus", fault);
    for fault in [Fault::Refuse, Fault::Hang, Fault::Status(500, None), Fault::DropAnswer] {
        let rig = Rig::new(profile());
        rig.sim.inject(FaultRule { skip: 1, ..metrics(fault.clone()).times(2) });
        let ran = bounded("metrics", rig.create("run")).await;
        assert!(ran.is_complete(), "{fault:?}: {ran:?}");
    }
    let rig = Rig::new(profile());
    for broker in 0..3 {
        let hidden = Fault::Status(404, None);
        rig.sim.inject(FaultRule::always(
            Component::Broker(broker),
            Method::Get,
            "/actuator/prometheus",
            hidden,
        ));
    }
    assert!(bounded("hidden", rig.create("run")).await.is_complete());
}
