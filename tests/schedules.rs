//! Random schedules: several faults, outages, signals and a death at a random moment, in the simulator under paused time.
//!
//! A seed is a schedule. A failure prints its seed; `SCHEDULE_SEED=N cargo test --test schedules` runs that one alone,
//! `SCHEDULES=N` runs so many (10,000 by default).

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use camunda_backup::client::Method;
use camunda_backup::exit::Exit;
use camunda_backup::model::{Component, Engine, Reason};
use camunda_backup::sim::{Fault, FaultRule, Profile};
use fastrand::Rng;
use support::{Ran, Rig, bounded};

/// What one seed stands for.
#[derive(Debug)]
struct Schedule {
    profile: Profile,
    faults: Vec<FaultRule>,
    /// Which process is away, from when, for how long.
    outages: Vec<(Component, Duration, Duration)>,
    signals: Vec<Duration>,
    /// The run is dropped then, as by kill -9: nothing more is sent, nothing is closed.
    death: Option<Duration>,
}

/// A backup takes about 14 simulated seconds.
const RUN: u64 = 16_000;

fn moment(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.u64(0..RUN))
}

fn schedule(seed: u64) -> Schedule {
    let mut rng = Rng::with_seed(seed);
    let brokers = rng.u16(1..=3);
    let replication = if rng.bool() { 1 } else { brokers };
    // Every family in turn, so that few seeds suffice to see each.
    let names = Profile::NAMES;
    let profile = usize::try_from(seed).ok().and_then(|n| Profile::named(names[n % names.len()]));
    let profile = Profile { brokers, replication, ..profile.expect("named by the table") };
    let profile = if rng.bool() { profile } else { profile.without_optimize() };
    // Optimize of 8.5 and 8.6 has no backup on OpenSearch: that is refused, and no schedule.
    let open =
        rng.bool() && (!profile.has_optimize || !["8.5", "8.6"].contains(&&profile.camunda_version[..3]));
    let profile = profile.on(if open { Engine::OpenSearch } else { Engine::Elasticsearch });
    let components = profile.components();
    let mut faults: Vec<_> = (0..rng.usize(0..=4)).map(|_| fault(&mut rng, &profile)).collect();
    // Else there would hardly be a run that cannot resume: brokers are asked when the gateway fails.
    if rng.u8(0..16) == 0 {
        faults.push(FaultRule {
            component: None,
            method: Some(Method::Post),
            path: "/exporting/resume".to_owned(),
            skip: 0,
            times: None,
            fault: Fault::Status(500, None),
        });
    }
    let outages = (0..rng.usize(0..=2))
        .map(|_| {
            let component = components[rng.usize(0..components.len())];
            (component, moment(&mut rng), Duration::from_millis(rng.u64(200..60_000)))
        })
        .collect();
    let count = if rng.u8(0..4) == 0 { rng.usize(1..=2) } else { 0 };
    let signals = (0..count).map(|_| moment(&mut rng)).collect();
    let death = (rng.u8(0..3) == 0).then(|| moment(&mut rng));
    Schedule { profile, faults, outages, signals, death }
}

fn fault(rng: &mut Rng, profile: &Profile) -> FaultRule {
    let (hosts, history) = profile.layout.history.unwrap_or((&[Component::Operate], "/actuator/backups"));
    let partitions = profile.layout.partitions[0];
    let requests = [
        (hosts[0], Method::Post, history),
        (if profile.has_tasklist { Component::Tasklist } else { hosts[0] }, Method::Get, under(history)),
        (Component::Gateway, Method::Post, "/exporting/pause"),
        (Component::Gateway, Method::Post, "/exporting/resume"),
        (Component::Gateway, Method::Post, partitions),
        (Component::Gateway, Method::Get, under(partitions)),
        (Component::Search, Method::Put, "/_snapshot/"),
        (Component::Search, Method::Get, "/_snapshot/"),
        (Component::Broker(0), Method::Get, "/actuator/partitions"),
    ];
    let faults = [
        Fault::Refuse,
        Fault::Hang,
        Fault::DropRequest,
        Fault::DropAnswer,
        Fault::Slow(Duration::from_secs(rng.u64(1..40))),
        Fault::Late(Duration::from_secs(rng.u64(1..45))),
        Fault::Status(500, None),
        Fault::Status(503, None),
        Fault::Status(429, None),
        Fault::EffectThenStatus(504),
        Fault::EffectThenStatus(500),
        Fault::EnvelopeFailure,
        Fault::EnvelopePartial,
        Fault::SnapshotPartial,
        Fault::PartitionFailed(1),
        Fault::PartitionLost(2),
        Fault::NotVisible,
        Fault::Panic,
    ];
    loop {
        let (component, method, path) = requests[rng.usize(0..requests.len())];
        let fault = faults[rng.usize(0..faults.len())].clone();
        let rule = FaultRule {
            component: Some(component),
            method: Some(method),
            path: path.to_owned(),
            skip: rng.usize(0..4),
            times: if rng.u8(0..5) == 0 { None } else { Some(rng.usize(1..4)) },
            fault,
        };
        // A panic outside the driver's steps ends the whole program; what follows then is a death.
        let in_survey = rule.fault == Fault::Panic && rule.component != Some(Component::Gateway);
        if !in_survey {
            return rule;
        }
    }
}

/// What asks for one backup, and not for the list of them.
fn under(collection: &str) -> &'static str {
    match collection {
        "/actuator/backupHistory" => "/actuator/backupHistory/",
        "/actuator/backupRuntime" => "/actuator/backupRuntime/",
        _ => "/actuator/backups/",
    }
}

/// Something that is done to a release.
type Happening = Box<dyn Fn(&Rig)>;

async fn run(seed: u64) -> Exit {
    let schedule = schedule(seed);
    let context = format!("SCHEDULE_SEED={seed}: {schedule:?}");
    let mut rig = Rig::new(schedule.profile.clone());
    rig.limits.paused = Duration::from_secs(120);
    rig.limits.total = Duration::from_secs(400);
    rig.limits.release = Duration::from_secs(90);
    rig.limits.grace = Some(Duration::from_secs(40));
    for rule in &schedule.faults {
        rig.sim.inject(rule.clone());
    }
    let around = async {
        let mut moments: Vec<(Duration, Happening)> = Vec::new();
        for (component, from, length) in &schedule.outages {
            let component = *component;
            moments.push((*from, Box::new(move |r| r.sim.set_component(component, false))));
            moments.push((*from + *length, Box::new(move |r| r.sim.set_component(component, true))));
        }
        for at in &schedule.signals {
            moments.push((
                *at,
                Box::new(|r| {
                    r.cancel.raise();
                }),
            ));
        }
        moments.sort_by_key(|(at, _)| *at);
        for (at, happens) in moments {
            tokio::time::sleep_until(rig.began + at).await;
            happens(&rig);
        }
    };
    let backup = async {
        let work = bounded(&context, rig.create("first"));
        match schedule.death {
            None => Some(work.await),
            Some(at) => tokio::select! {
                biased;
                ran = work => Some(ran),
                () = tokio::time::sleep_until(rig.began + at) => None,
            },
        }
    };
    let (ran, ()) = futures_util::future::join(backup, around).await;
    if let Some(ran) = &ran {
        rig.assert_safe(ran, &context);
    } else {
        assert!(
            rig.sim.exporting_runs() || rig.journal.armed().is_some(),
            "{context}: died with exporting paused and nothing written down"
        );
    }
    // Everything is well again: whatever was left is repaired, and the next backup is complete.
    rig.sim.clear_faults();
    for component in rig.sim.components() {
        rig.sim.set_component(component, true);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let next = rig.next();
    let again = bounded(&context, next.create("second")).await;
    next.assert_safe(&again, &context);
    assert!(again.is_complete() || busy(&again), "{context}: the next run: {again:?}");
    assert!(next.sim.exporting_runs(), "{context}");
    assert_no_mixing(&next, &context);
    ran.map_or(Exit::Cancelled, |r| r.exit())
}

/// An application that was cut off in the middle can be busy for ever: that is rightly refused.
fn busy(ran: &Ran) -> bool {
    matches!(ran, Ran::Refused(findings) if findings.iter().any(|f| f.reason == Reason::BackupInProgress))
}

/// Requests of two runs that change something never interleave.
fn assert_no_mixing(rig: &Rig, context: &str) {
    let mut second = false;
    for exchange in rig.sim.log().iter().filter(|e| e.request.method != Method::Get) {
        second |= &*exchange.client == "second";
        assert!(!second || &*exchange.client == "second", "{context}: two runs interleave");
    }
}

#[test]
fn random_schedules_end_safely() {
    // Injected panics would print a page each.
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("simulated panic") {
            eprintln!("{text}");
        }
    }));
    let seeds = match std::env::var("SCHEDULE_SEED").ok().and_then(|s| s.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..std::env::var("SCHEDULES").ok().and_then(|s| s.parse().ok()).unwrap_or(10_000),
    };
    let next = AtomicU64::new(seeds.start);
    let (done, failed, maybe, other) = <(AtomicU64, AtomicU64, AtomicU64, AtomicU64)>::default();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .start_paused(true)
                        .build()
                        .expect("a runtime");
                    let count = match runtime.block_on(run(seed)) {
                        Exit::Done => &done,
                        Exit::Failed | Exit::Deadline => &failed,
                        Exit::MaybePaused => &maybe,
                        _ => &other,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let [done, failed, maybe, other] = [done, failed, maybe, other].map(AtomicU64::into_inner);
    let count = seeds.end - seeds.start;
    println!(
        "{count} schedules: {done} complete, {failed} failed, {maybe} with exit 30, {other} refused, cancelled or dead"
    );
    assert!(count > 0, "no schedule was run");
    // So many must show each of the ends, or they are no test of it: half of what is usual.
    if count >= 500 {
        let [done, failed, maybe, other] = [done, failed, maybe, other].map(|n| n * 1000 / count);
        assert!(
            done > 150 && failed > 90 && maybe > 5 && other > 200,
            "of 1000: {done} {failed} {maybe} {other}"
        );
    }
}
