//! The core with a Lease as its lock and journal: an API server in memory that refuses, loses answers, freezes, forgets
//! the Lease or gives it to somebody else, and runs that are killed, at every moment of a backup, under paused time.
//!
//! Whatever happens: exporting runs at the end, or the Lease says that it may not, and the next run repairs it first. Two
//! runs never work on the release at once.

#![allow(clippy::large_futures, reason = "a whole run is one future, and each test has few")]

#[path = "../src/cluster/fake.rs"]
mod fake;
mod support;

use std::sync::Arc;
use std::time::Duration;

use camunda_backup::cluster::{Acquired, Cluster, LeaseJournal, LeaseOptions, lease_name};
use camunda_backup::dialect::ROWS;
use camunda_backup::model::Component;
use camunda_backup::plan::{self, Checked};
use camunda_backup::run::{Armed, Events, Exporting, Journal as _, Outcome, Report, World, drive, release};
use camunda_backup::sim::Profile;
use camunda_backup::survey::{Scope, survey};
use fake::{FakeApi, How};
use support::{NOW, Rig, bounded};

const DURATION: Duration = LeaseOptions::DURATION;

/// How one `create` ended.
#[derive(Debug)]
enum Ran {
    /// Somebody else holds the release.
    Busy,
    /// The Lease could not be had: nothing was begun.
    NoLease,
    /// What a dead run left could not be undone.
    NotRepaired,
    /// Preflight refused.
    Refused,
    Driven(Box<Report>),
}

/// One release, one API server.
#[derive(Clone)]
struct Place {
    rig: Arc<Rig>,
    api: FakeApi,
}

impl Place {
    fn new() -> Self {
        let rig = Arc::new(Rig::new(Profile::default()));
        Self { rig, api: FakeApi::default() }
    }

    fn options(name: &str) -> LeaseOptions {
        LeaseOptions {
            namespace: "prod".to_owned(),
            release: "camunda".to_owned(),
            identity: name.to_owned(),
            verb: "create".to_owned(),
            duration: DURATION,
            heir_of: None,
            // It stands still: signs of life alone must do.
            now: || jiff::Timestamp::from_second(1_795_392_000).expect("a time"),
        }
    }

    fn cluster(&self) -> Cluster {
        Cluster::from_client(self.api.client(), "prod")
    }

    async fn armed(&self) -> Option<Armed> {
        self.cluster().lease_state("prod", "camunda").await.expect("healthy").and_then(|s| s.armed)
    }

    /// `create`: lock, repair, survey, plan, preflight, drive, let go.
    async fn create(&self, name: &str) -> Ran {
        let (journal, left) =
            match LeaseJournal::acquire(&self.cluster(), Self::options(name), |_, _| {}).await {
                Ok(Acquired::Held(journal)) => (journal, None),
                Ok(Acquired::TakenOver { journal, left, .. }) => (journal, left),
                Ok(Acquired::Busy(_)) => return Ran::Busy,
                Err(_) => return Ran::NoLease,
            };
        let journal = Arc::new(journal);
        let (http, request, limits) = (self.rig.http(name), self.rig.request(), self.rig.limits);
        let (events, _heard) = Events::channel();
        if left.is_some() {
            let brokers = self.rig.components.iter().copied().filter(|c| matches!(c, Component::Broker(_)));
            let order = plan::release(&ROWS[0], brokers, None);
            let patience = Duration::from_secs(3);
            let done = release(&http, &order, limits.release, patience, &self.rig.cancel, &events).await;
            if done.result.is_err() || journal.disarm().await.is_err() {
                return Ran::NotRepaired;
            }
        }
        let facts = survey(&http, &request, Scope::Preflight).await;
        let planned = plan::backup(&request, &facts, NOW + self.rig.sim.elapsed().as_secs());
        let findings = plan::preflight(&request, &facts, &planned);
        let checked = planned.ok().and_then(|p| Checked::new(p, &findings));
        let ran = match checked {
            None => Ran::Refused,
            Some(checked) => {
                let world = World {
                    http,
                    journal: journal.clone(),
                    cancel: self.rig.cancel.clone(),
                    events,
                    limits,
                    now: || "2026-11-23T00:00:00Z".to_owned(),
                };
                Ran::Driven(Box::new(drive(&world, &checked).await))
            }
        };
        let _ = journal.finish().await;
        ran
    }

    /// What must be true at the end of a run, and what the next one makes of it.
    async fn assert_safe(&self, ran: &Ran, context: &str) {
        self.api.heal();
        let armed = self.armed().await.is_some();
        let runs = self.rig.sim.exporting_runs();
        assert!(
            runs || armed,
            "{context}: exporting is {:?} and nothing is armed: {ran:?}",
            self.rig.sim.phases()
        );
        if let Ran::Driven(report) = ran
            && !matches!(report.exporting, Exporting::MaybePaused { .. })
        {
            assert!(runs, "{context}: {:?} after {report:?}", self.rig.sim.phases());
            if report.outcome == Outcome::Complete {
                self.rig.assert_complete(report, context);
            }
        }
        // A new one, when whoever stole it has gone as well.
        let next = self.create("next").await;
        assert!(self.armed().await.is_none(), "{context}: still armed after {next:?}");
        assert!(self.rig.sim.exporting_runs(), "{context}: {:?} after {next:?}", self.rig.sim.phases());
        assert!(matches!(next, Ran::Driven(_) | Ran::Refused), "{context}: {next:?}");
    }
}

/// How long an undisturbed run takes, and a moment every so often in it.
async fn moments(every: Duration) -> Vec<Duration> {
    let world = Place::new();
    let began = tokio::time::Instant::now();
    let ran = bounded("undisturbed", world.create("run")).await;
    let took = began.elapsed();
    assert!(matches!(&ran, Ran::Driven(r) if r.outcome == Outcome::Complete), "{ran:?}");
    world.assert_safe(&ran, "undisturbed").await;
    let steps = u32::try_from(took.as_millis() / every.as_millis()).expect("a short run");
    (0..=steps).map(|i| every * i).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_at_any_moment_is_repaired_by_the_next_one() {
    let mut armed = 0;
    for at in moments(Duration::from_millis(400)).await {
        let world = Place::new();
        let dying = world.clone();
        let run = tokio::spawn(async move { dying.create("dying").await });
        tokio::time::sleep(at).await;
        // As with kill -9: no tail, no last words, no more signs of life.
        run.abort();
        let _ = run.await;
        armed += usize::from(world.armed().await.is_some());
        let context = format!("killed after {at:?}");
        let next = bounded(&context, world.create("next")).await;
        assert!(world.rig.sim.exporting_runs(), "{context}: {:?} after {next:?}", world.rig.sim.phases());
        assert_eq!(world.armed().await, None, "{context}: {next:?}");
        world.rig.assert_order(&context);
    }
    assert!(armed > 3, "the pause was hit only {armed} times");
}

#[tokio::test(start_paused = true)]
async fn whatever_the_api_server_does_from_any_moment_on() {
    let faults = [
        How::Lose,
        How::LoseAnswer,
        How::Hang,
        How::Refuse(403, "Forbidden"),
        How::Refuse(409, "Conflict"),
        How::Refuse(404, "NotFound"),
        How::Refuse(401, "Unauthorized"),
        How::Refuse(500, "InternalError"),
    ];
    for at in moments(Duration::from_millis(2300)).await {
        for how in faults {
            for times in [1, usize::MAX] {
                let context = format!("{how:?} {times} times after {at:?}");
                let world = Place::new();
                let api = world.api.clone();
                let disturb = async {
                    tokio::time::sleep(at).await;
                    for method in ["PUT", "GET", "POST"] {
                        api.fail(method, "/leases", times, how);
                    }
                    std::future::pending::<()>().await;
                };
                let ran = tokio::select! {
                    ran = bounded(&context, world.create("run")) => ran,
                    () = disturb => unreachable!("it waits for ever"),
                };
                world.assert_safe(&ran, &context).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_or_stolen_at_any_moment() {
    for at in moments(Duration::from_millis(700)).await {
        for stolen in [false, true] {
            let context = format!("{} after {at:?}", if stolen { "stolen" } else { "deleted" });
            let world = Place::new();
            let api = world.api.clone();
            let disturb = async {
                tokio::time::sleep(at).await;
                if stolen {
                    api.change(&lease_name("camunda"), |l| l["spec"]["holderIdentity"] = "thief".into());
                } else {
                    api.remove(&lease_name("camunda"));
                }
                std::future::pending::<()>().await;
            };
            let ran = tokio::select! {
                ran = bounded(&context, world.create("run")) => ran,
                () = disturb => unreachable!("it waits for ever"),
            };
            world.assert_safe(&ran, &context).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_at_once_and_a_second_one_at_any_moment() {
    for at in moments(Duration::from_millis(1500)).await {
        let world = Place::new();
        let second = async {
            tokio::time::sleep(at).await;
            world.create("second").await
        };
        let context = format!("a second run after {at:?}");
        let (first, second) = bounded(&context, async { tokio::join!(world.create("first"), second) }).await;
        assert!(matches!(first, Ran::Driven(_)) || at.is_zero(), "{context}: {first:?}");
        let driven = [&first, &second].iter().filter(|r| matches!(r, Ran::Driven(_))).count();
        let busy = [&first, &second].iter().filter(|r| matches!(r, Ran::Busy)).count();
        // A second one that comes when the first has just ended runs after it.
        assert!((driven, busy) == (1, 1) || (driven == 2 && busy == 0), "{context}: {first:?} {second:?}");
        world.rig.assert_order(&context);
        world.assert_safe(&first, &context).await;
    }
}
