//! Taking backups of it, and dying at it in every way.

use camunda_backup::client::Request;
use camunda_backup::model::Component;

use rustix::process::Signal;

use crate::lab;
use crate::release::{Release, Target, in_time, testbed, until};

#[test]
#[ignore = "make test-camunda"]
fn a_backup_is_complete_by_the_servers_own_word() {
    let release = Release::new();
    release.run(&["check"]).expect(0);
    let plan = release.run(&["create", "--dry-run", "-o", "json"]).json();
    assert_eq!(plan["kind"], "Plan");
    let report = release.run(&["create", "-o", "json"]).expect(0).json();
    assert_eq!(report["outcome"], "complete", "{report}");
    assert_eq!(report["exporting"]["state"], "resumed", "{report}");
    let parts: Vec<_> =
        report["parts"].as_array().expect("parts").iter().map(|p| p["part"].clone()).collect();
    assert_eq!(parts, release.on.parts);
    let id = report["backupId"].as_u64().expect("an ID");
    release.assert_complete(id);
    release.assert_exporting();
    println!(
        "paused {} s, servers {} s",
        report["exporting"]["pausedSeconds"], report["exporting"]["serverSeconds"]
    );

    let listed = release.run(&["list", "-o", "json"]).json();
    let found =
        listed["items"].as_array().expect("items").iter().find(|s| s["id"] == id).cloned().expect("listed");
    assert_eq!(found["state"], "complete", "{found}");
    // The same ID again is refused before anything starts.
    release.run(&["create", "--backup-id", &id.to_string()]).expect(13).says("backup-id-not-higher");
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn optimize_is_a_part_where_it_has_backups_and_refused_where_it_has_none() {
    let release = Release::new();
    let check = lab::run(release.command_with_optimize(&["check"]));
    let (code, against) = release.on.with_optimize;
    assert_eq!(check.code, code, "{}{}", check.out, check.err);
    assert!(against.is_none_or(|reason| check.out.contains(reason)), "{}", check.out);
    lab::run(release.command_with_optimize(&["create", "--dry-run", "--leave-out", "optimize"])).expect(0);
}

#[test]
#[ignore = "make test-camunda"]
fn kill_9_while_paused_is_repaired_by_the_guard() {
    let release = Release::new();
    let child = release.paused(&["create"]);
    child.signal(Signal::KILL);
    let took = until("exporting runs again", || release.all("EXPORTING"));
    println!("exporting ran again {} ms after kill -9", took.as_millis());
    let ended = child.wait();
    assert_eq!(ended.code, None, "killed");
    ended.says("guard: exporting runs again");
    release.run(&["resume", "--if-abandoned"]).expect(0);
}

#[test]
#[ignore = "make test-camunda"]
fn kill_9_without_a_guard_is_shown_and_repaired_by_whoever_comes_next() {
    let release = Release::new();
    let child = release.paused(&["create", "--no-guard"]);
    child.signal(Signal::KILL);
    child.wait();
    assert!(release.all("SOFT_PAUSED"), "nobody was there to resume it");
    release.run(&["check"]).expect(14).shows("abandoned-pause");
    // Needs no URL: the journal knows them.
    let mut bare = release.command(&["resume", "--if-abandoned"]);
    for name in [
        "GATEWAY_MANAGEMENT_API",
        "BROKER_MANAGEMENT_APIS",
        "OPERATE_MANAGEMENT_API",
        "TASKLIST_MANAGEMENT_API",
        "OPTIMIZE_MANAGEMENT_API",
        "ELASTIC_ENDPOINT",
    ] {
        bare.env_remove(name);
    }
    lab::run(bare).expect(0);
    release.assert_exporting();

    let child = release.paused(&["create", "--no-guard"]);
    child.signal(Signal::KILL);
    child.wait();
    release.run(&["create"]).expect(0).says("resuming it first");
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn sigterm_while_paused_ends_with_exporting_running() {
    let release = Release::new();
    let child = release.paused(&["create"]);
    child.signal(Signal::TERM);
    let took = until("exporting runs again", || release.all("EXPORTING"));
    println!("exporting ran again {} ms after SIGTERM", took.as_millis());
    child.wait().expect(22);
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn somebody_elses_pause_is_left_alone() {
    let release = Release::new();
    let pause = Request::post(Component::Gateway, "/actuator/exporting/pause?soft=true");
    release.call(&pause).expect("paused by hand");
    until("paused", || release.all("SOFT_PAUSED"));
    let refused = release.run(&["create"]);
    let still = release.all("SOFT_PAUSED");
    let resumed = release.run(&["resume"]);
    refused.expect(13).says("exporting-paused-by-others");
    assert!(still, "it was not ours to resume");
    resumed.expect(0);
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn a_component_that_is_down_stops_a_backup_before_it_begins() {
    let release = Release::new();
    let away = Target::find("tasklist").kill();
    release.run(&["create"]).expect(12).says("component-unreachable");
    release.assert_exporting();
    drop(away);
}

#[test]
#[ignore = "make test-camunda"]
fn the_engine_that_dies_while_paused_fails_the_backup_and_exporting_runs() {
    let release = Release::new();
    in_time(|| {
        until("nothing is in progress", || release.run(&["check"]).code == Some(0));
        let engine = Target::find("engine");
        let child = release.paused(&["create", "--grace", "5s"]);
        let away = engine.kill();
        // What comes after the records does without it.
        let in_time = !child.err.text().contains("records: complete");
        let ended = child.wait();
        println!("in time: {in_time}\n{}", ended.err);
        release.assert_exporting();
        drop(away);
        if in_time {
            ended.expect(20);
        }
        in_time
    });
}

#[test]
#[ignore = "make test-camunda"]
fn a_broker_that_dies_while_paused_is_waited_for() {
    let release = Release::new();
    in_time(|| {
        let broker = Target::find("broker-0");
        let child = release.paused(&["create", "--grace", "5s"]);
        let away = broker.kill();
        let in_time = !child.err.text().contains("zeebe: complete");
        if in_time {
            // Nothing can be resumed now; the run goes on trying until the broker is back.
            child.heard("resume exporting: failed, once more in");
        }
        drop(away);
        let ended = child.wait();
        println!("in time: {in_time}\n{}", ended.err);
        release.assert_exporting();
        if in_time {
            ended.expect(20);
        }
        // An exporter of 8.6.0 that was restarted in the pause may stay a few records behind, which it does not export, until
        // there is one that it does.
        testbed("seed.sh", &["10"]);
        in_time
    });
    release.backup();
}
