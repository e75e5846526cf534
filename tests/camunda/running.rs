//! Taking backups of it, and dying at it in every way.

use camunda_backup::client::Request;
use camunda_backup::model::Component;

use crate::release::{Away, Release, finish, json, signal, testbed, text, until};

#[test]
#[ignore = "make test-camunda"]
fn a_backup_is_complete_by_the_servers_own_word() {
    let release = Release::new();
    let check = release.run(&["check"]);
    assert_eq!(check.status.code(), Some(0));
    let plan = json(&release.run(&["create", "--dry-run", "-o", "json"]));
    assert_eq!(plan["kind"], "Plan");
    let output = release.run(&["create", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let report = json(&output);
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

    let listed = json(&release.run(&["list", "-o", "json"]));
    let found =
        listed["items"].as_array().expect("items").iter().find(|s| s["id"] == id).cloned().expect("listed");
    assert_eq!(found["state"], "complete", "{found}");
    // The same ID again is refused before anything starts.
    let again = release.run(&["create", "--backup-id", &id.to_string()]);
    assert_eq!(again.status.code(), Some(13), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("backup-id-not-higher"));
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn optimize_is_a_part_where_it_has_backups_and_refused_where_it_has_none() {
    let release = Release::new();
    let check = release.command_with_optimize(&["check"]).output().expect("the binary runs");
    let said = text(&check.stdout);
    let (code, against) = release.on.with_optimize;
    assert_eq!(check.status.code(), code, "{said}{}", text(&check.stderr));
    assert!(against.is_none_or(|reason| said.contains(reason)), "{said}");
    let left_out =
        release.command_with_optimize(&["create", "--dry-run", "--leave-out", "optimize"]).output();
    assert_eq!(left_out.expect("the binary runs").status.code(), Some(0));
}

#[test]
#[ignore = "make test-camunda"]
fn kill_9_while_paused_is_repaired_by_the_guard() {
    let release = Release::new();
    let child = release.paused(&["create"]);
    signal(&child, "-KILL");
    let took = until("exporting runs again", || release.all("EXPORTING"));
    println!("exporting ran again {} ms after kill -9", took.as_millis());
    let (code, said) = finish(child);
    assert_eq!(code, None, "killed");
    assert!(said.contains("guard: exporting runs again"), "{said}");
    assert_eq!(release.run(&["resume", "--if-abandoned"]).status.code(), Some(0));
}

#[test]
#[ignore = "make test-camunda"]
fn kill_9_without_a_guard_is_shown_and_repaired_by_whoever_comes_next() {
    let release = Release::new();
    let child = release.paused(&["create", "--no-guard"]);
    signal(&child, "-KILL");
    finish(child);
    assert!(release.all("SOFT_PAUSED"), "nobody was there to resume it");
    let check = release.run(&["check"]);
    assert_eq!(check.status.code(), Some(14));
    assert!(text(&check.stdout).contains("abandoned-pause"));
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
    let resumed = bare.output().expect("the binary runs");
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    release.assert_exporting();

    let child = release.paused(&["create", "--no-guard"]);
    signal(&child, "-KILL");
    finish(child);
    let next = release.run(&["create"]);
    assert_eq!(next.status.code(), Some(0));
    assert!(text(&next.stderr).contains("resuming it first"), "{}", text(&next.stderr));
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn sigterm_while_paused_ends_with_exporting_running() {
    let release = Release::new();
    let child = release.paused(&["create"]);
    signal(&child, "-TERM");
    let took = until("exporting runs again", || release.all("EXPORTING"));
    println!("exporting ran again {} ms after SIGTERM", took.as_millis());
    let (code, said) = finish(child);
    assert_eq!(code, Some(22), "{said}");
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
    assert_eq!(refused.status.code(), Some(13));
    assert!(text(&refused.stderr).contains("exporting-paused-by-others"));
    assert!(still, "it was not ours to resume");
    assert_eq!(resumed.status.code(), Some(0));
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn a_component_that_is_down_stops_a_backup_before_it_begins() {
    let release = Release::new();
    let away = Away::kill("tasklist");
    let output = release.run(&["create"]);
    assert_eq!(output.status.code(), Some(12));
    assert!(text(&output.stderr).contains("component-unreachable"));
    release.assert_exporting();
    drop(away);
}

#[test]
#[ignore = "make test-camunda"]
fn the_engine_that_dies_while_paused_fails_the_backup_and_exporting_runs() {
    let release = Release::new();
    let child = release.paused(&["create", "--grace", "5s"]);
    let away = Away::kill("engine");
    let (code, said) = finish(child);
    release.assert_exporting();
    assert_eq!(code, Some(20), "{said}");
    drop(away);
}

#[test]
#[ignore = "make test-camunda"]
fn a_broker_that_dies_while_paused_is_waited_for() {
    let release = Release::new();
    let child = release.paused(&["create", "--grace", "5s"]);
    let away = Away::kill("broker-0");
    // Nothing can be resumed now; the run goes on trying until the broker is back.
    drop(away);
    let (code, said) = finish(child);
    assert!(matches!(code, Some(20 | 0)), "{said}");
    release.assert_exporting();
    // An exporter of 8.6.0 that was restarted in the pause may stay a few records behind, which it does not export, until
    // there is one that it does.
    testbed("seed.sh", &["10"]);
    let next = release.run(&["create"]);
    assert_eq!(next.status.code(), Some(0));
}
