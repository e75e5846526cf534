//! The engine stands still, or dies, in the middle of the records snapshot. In a container of its own.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::container::{SNAPSHOTS, with_port};
use super::engine::Engine;
use super::rig::{Rig, quick, snapshot_name};
use crate::lab::{Running, until};

/// One after the other: they take it away from each other.
fn mortal() -> (&'static Engine, MutexGuard<'static, ()>) {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = ENGINE.get_or_init(|| Engine::open(&crate::PRODUCT, with_port));
    alive(engine);
    (engine, turn)
}

fn alive(engine: &Engine) {
    if !engine.container.is_running() {
        engine.container.restart();
    }
    engine.wait("/_cluster/health?wait_for_status=yellow&timeout=1s");
}

/// A backup whose records snapshot is at work, for twenty seconds if it is left alone.
fn under_way(engine: &'static Engine, name: &str, more: &[&str]) -> (Rig, Running) {
    let rig = Rig::on(engine, name, quick());
    let slow = json!({ "max_snapshot_bytes_per_sec": "1mb" });
    engine.register(&rig.repository, &format!("{SNAPSHOTS}/{name}"), &slow);
    engine.fill_bytes(&format!("{}_big_8.6.0_2026-11-24", rig.prefix), 20_000_000);
    let running = rig.lab.paused_by(rig.command(&[&["create", "--backup-id", "4000"], more].concat()));
    until("the snapshot is under way", || rig.records(4000).is_some());
    (rig, running)
}

/// Does it again until it was in time, on a machine that may be too busy for that: `None` is too late.
fn in_time<T>(name: &str, once: impl Fn(&str) -> Option<T>) -> T {
    let mut times = (0..5).map(|time| format!("{name}-{time}"));
    times.find_map(|name| once(&name)).expect("the snapshot had ended before, five times")
}

/// By the clock that the engine has, too.
fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    u64::try_from(since.as_millis()).expect("this age")
}

#[test]
#[ignore = "make test-engines"]
fn an_engine_that_stands_still_for_a_while_is_waited_for() {
    let (engine, _turn) = mortal();
    in_time("frozen", |name| {
        let (rig, running) = under_way(engine, name, &[]);
        let frozen = engine.container.freeze();
        let since = now();
        std::thread::sleep(Duration::from_secs(5));
        drop(frozen);
        running.wait().expect(0).shows("is complete");
        rig.assert_unharmed();
        let stored = rig.records(4000).expect("stored");
        assert_eq!(stored["state"], "SUCCESS", "{stored}");
        // It ran when everything stood still, if it ended after that.
        (stored["end_time_in_millis"].as_u64().expect("a time") > since).then_some(())
    });
}

#[test]
#[ignore = "make test-engines"]
fn an_engine_that_dies_fails_the_backup_and_exporting_runs() {
    let (engine, _turn) = mortal();
    let (rig, running) = under_way(engine, "dead", &["--grace", "3s"]);
    running.heard("records: IN_PROGRESS");
    engine.container.kill();
    running.wait().expect(20).says("stopped-answering").says(&engine.url);
    rig.assert_unharmed();
    rig.run(&["create"]).expect(12).says("search-unreachable");
    alive(engine);
    // Whatever has become of its snapshot, the set is no backup, and the next one is.
    let set = rig.listed(4000).expect("listed");
    assert_ne!(set["state"], "complete", "{set}");
    rig.engine.ended(&rig.repository, &snapshot_name(4000));
    rig.create();
}

#[test]
#[ignore = "make test-engines"]
fn an_engine_that_dies_and_comes_back_is_asked_what_has_become_of_it() {
    let (engine, _turn) = mortal();
    in_time("back", |name| {
        // More than it takes to be back here: what it then says decides.
        let (rig, running) = under_way(engine, name, &["--grace", "10m"]);
        running.heard("records: IN_PROGRESS");
        engine.container.kill();
        engine.container.restart();
        alive(engine);
        let ended = running.wait();
        rig.assert_unharmed();
        let records = engine.ended(&rig.repository, &snapshot_name(4000));
        println!("what became of it: {records:?}\n{}", ended.err);
        if records.as_ref().is_some_and(|s| s["state"] == "SUCCESS") {
            return None;
        }
        // It died in the middle of it, and that is the engine's own word.
        ended.expect(20).says("records").says("4000");
        let set = rig.listed(4000).expect("listed");
        assert_ne!(set["state"], "complete", "{set}");
        Some(())
    });
}
