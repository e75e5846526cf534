//! Every exit code, provoked for real, with what it leaves of exporting.

use camunda_backup::client::Method;
use camunda_backup::model::{Component, ExporterPhase, PartState};
use camunda_backup::sim::{Exchange, Profile};
use serde_json::Value;

use crate::lab::{BINARY, Lab, bare, quick, run, until};

#[test]
fn exit_0_a_complete_backup() {
    let lab = Lab::quick();
    let done = lab.run(&["create", "-o", "json"]).expect(0).says("exporting runs again");
    let report = done.json();
    assert_eq!(report["outcome"], "complete", "{report}");
    let id = report["backupId"].as_u64().expect("an ID");
    let parts = &lab.sim.backups()[&id];
    assert_eq!(parts.len(), 5, "{parts:?}");
    assert!(parts.values().all(|state| *state == PartState::Completed), "{parts:?}");
    lab.assert_exporting();
    assert!(!lab.is_armed());
    lab.run(&["check"]).expect(0).shows("Nothing speaks against a backup.");
}

#[test]
fn exit_11_a_version_that_is_not_known() {
    let lab = Lab::new(Profile { camunda_version: "8.4.3".to_owned(), ..quick() });
    for verb in ["create", "check"] {
        let refused = lab.run(&[verb]).expect(11);
        assert!(format!("{}{}", refused.out, refused.err).contains("version-unsupported"), "{refused:?}");
    }
    lab.run(&["create", "--dry-run"]).expect(11).shows_nothing().says("8.4.3");
    lab.run(&["create"]).expect(11).shows_nothing().says("nothing was changed");
    assert_eq!(lab.changes(), []);
}

#[test]
fn exit_12_nobody_answers_or_nobody_lets_us_in() {
    for verb in ["create", "check", "status", "list"] {
        let nobody = ["--gateway-url", "http://127.0.0.1:1", "--broker-url", "http://127.0.0.1:1"];
        let home = tempfile::tempdir().expect("a directory");
        let mut command = bare(BINARY, &[&[verb], &nobody[..]].concat());
        command.env("HOME", home.path());
        let failed = run(command).expect(12);
        assert!(format!("{}{}", failed.out, failed.err).contains("127.0.0.1:1"), "{failed:?}");
    }
    let lab = Lab::quick();
    lab.inject("* * * refuse");
    for verb in ["create", "check", "status", "list"] {
        lab.run(&[verb]).expect(12);
    }
    lab.sim.clear_faults();
    lab.inject("search * * refuse");
    lab.run(&["create"]).expect(12).says("search-unreachable");
    let status = lab.run(&["status", "-o", "json"]).expect(0).json();
    let search = status["components"].as_array().expect("components").last().expect("search").clone();
    assert_eq!((&search["component"], &search["health"]), (&"search".into(), &Value::Null), "{search}");
    lab.sim.clear_faults();
    lab.inject("* * * status:401");
    lab.run(&["create"])
        .expect(12)
        .shows_nothing()
        .says("component-unauthorized")
        .says("nothing was changed");
    lab.run(&["check"]).expect(12).shows("component-unauthorized");
    lab.run(&["list"]).expect(12).shows_nothing().says("HTTP 401");
    assert_eq!(lab.changes(), []);
}

#[test]
fn exit_13_and_14_problems_are_found_before_anything_is_changed() {
    let lab = Lab::quick();
    lab.sim.set_repository(false);
    lab.run(&["create"]).expect(13).shows_nothing().says("repository-missing").says("nothing was changed");
    lab.run(&["check"]).expect(14).shows("repository-missing");
    lab.sim.set_repository(true);
    lab.sim.set_component(Component::Tasklist, false);
    lab.run(&["create"]).expect(12).says("component-unreachable");
    // Not only access: the other problem has to be looked at.
    lab.sim.set_backup_store(false);
    lab.run(&["create"]).expect(13).says("component-unreachable").says("list-failed");
    assert_eq!(lab.changes(), []);
    lab.assert_never_paused();
}

#[test]
fn exit_13_somebody_elses_pause_is_left_alone_until_resume() {
    let lab = Lab::new(Profile { exporters: ExporterPhase::SoftPaused, ..quick() });
    lab.run(&["create"]).expect(13).shows_nothing().says("exporting-paused-by-others").says("resume");
    lab.run(&["check"]).expect(14).shows("exporting-paused-by-others");
    lab.run(&["status"]).expect(0).shows("SOFT_PAUSED").shows("run: ");
    // It is not an abandoned one.
    lab.run(&["resume", "--if-abandoned"]).expect(0).shows_nothing().says("nothing to resume");
    assert_eq!(lab.changes(), []);
    assert!(!lab.sim.exporting_runs());
    lab.run(&["resume"]).expect(0).shows("exporting runs");
    lab.assert_exporting();
}

#[test]
fn exit_13_an_id_that_is_used_up() {
    let lab = Lab::new(Profile { history: vec![1_900_000_000], ..quick() });
    let refused = lab.run(&["create", "--backup-id", "1900000000"]).expect(13);
    refused.says("backup-id-not-higher").says("1900000000");
    assert_eq!(lab.changes(), []);
    // Left out, it is the next higher one.
    assert_eq!(lab.run(&["create", "-o", "name"]).expect(0).out, "backup/1900000001\n");
}

#[test]
fn exit_20_a_part_fails_and_exporting_runs() {
    for (rule, reason) in [
        ("operate POST /actuator/backups snapshot-failed", "snapshot-failed"),
        ("tasklist POST /actuator/backups status:403:no", "start-refused"),
        ("search PUT * snapshot-partial", "snapshot-partial"),
        ("search PUT * status:500:no space left", "start-refused"),
        ("gateway POST /actuator/backups partition-failed:2", "part-failed"),
    ] {
        let lab = Lab::quick();
        lab.inject(rule);
        let failed = lab.run(&["create", "-o", "json"]).expect(20).says(reason);
        let report = failed.json();
        assert_eq!(report["outcome"], "failed", "{report}");
        assert_eq!(report["cause"]["reason"], reason, "{report}");
        lab.assert_exporting();
        assert!(!lab.is_armed(), "{rule}");
        if report["exporting"]["state"] == "resumed" {
            failed.says("exporting runs again");
        } else {
            lab.assert_never_paused();
        }
    }
}

#[test]
fn exit_21_a_deadline_passes_and_exporting_runs() {
    for limit in ["--pause-timeout", "--timeout"] {
        let lab = Lab::pausing();
        let late = lab.run(&["create", limit, "2s", "-o", "json"]).expect(21);
        let report = late.json();
        assert_eq!((&report["outcome"], &report["which"]), (&"deadline-passed".into(), &limit.into()));
        assert_eq!(report["exporting"]["state"], "resumed", "{report}");
        late.says(limit).says("exporting runs again");
        lab.assert_exporting();
        assert!(!lab.is_armed());
    }
}

#[test]
fn exit_30_the_last_line_is_the_command_that_repairs() {
    let lab = Lab::quick();
    lab.inject("* POST /actuator/exporting/resume status:503:no leader");
    // A directory with a blank: the command must be fit for a shell.
    let state = lab.home.path().join("state of the tool");
    let state = state.to_str().expect("UTF-8");
    let unsure =
        lab.run(&["create", "--resume-timeout", "1s", "--state-dir", state, "-o", "json"]).expect(30);
    let report = unsure.json();
    assert_eq!(report["exporting"]["state"], "maybe-paused", "{report}");
    assert!(!lab.sim.exporting_runs(), "then it would be no test");
    let command = unsure.last_line().to_owned();
    assert_eq!(report["exporting"]["repair"], Value::from(command.as_str()));
    unsure.says("EXPORTING MAY STILL BE PAUSED. Resume it with:\n");

    let again = lab.run(&["resume", "--resume-timeout", "1s", "--state-dir", state, "-o", "json"]).expect(30);
    assert_eq!(again.json()["items"][0]["state"], "maybe-paused");
    assert_eq!(again.last_line(), command);

    // Typed by somebody whose shell is set up for half of it only.
    lab.sim.clear_faults();
    let typed = command.strip_prefix("kubectl camunda-backup ").expect("as it was called");
    let mut shell = bare("bash", &["-c", &format!("exec \"$0\" {typed}"), BINARY]);
    shell.env("HOME", lab.home.path()).env("ELASTIC_ENDPOINT", lab.url(Component::Search));
    run(shell).expect(0).shows("exporting runs: seen on partitions 1-3");
    lab.assert_exporting();
    lab.run(&["check", "--state-dir", state]).expect(0);
}

#[test]
fn exit_30_is_repaired_by_the_next_run_before_it_begins() {
    let lab = Lab::quick();
    lab.inject("* POST /actuator/exporting/resume envelope-failure");
    let unsure = lab.run(&["create", "--resume-timeout", "1s", "--log-format", "json"]).expect(30);
    let last: Value = serde_json::from_str(unsure.last_line()).expect("JSON");
    assert_eq!((&last["level"], &last["exitCode"]), (&"error".into(), &30.into()));
    assert!(last["message"].as_str().is_some_and(|m| m.contains(" resume --gateway-url ")), "{last}");
    assert!(lab.is_armed());
    // Nothing can be repaired yet: nothing is begun.
    let before = lab.sim.backups().len();
    lab.run(&["create", "--resume-timeout", "1s"]).expect(30).shows_nothing().says("nothing was started");
    assert_eq!(lab.sim.backups().len(), before);
    lab.sim.clear_faults();
    lab.run(&["create"]).expect(0).says("resuming it first").says("exporting runs again");
    lab.assert_exporting();
}

#[test]
fn exit_40_two_at_once() {
    let lab = Lab::pausing();
    let first = lab.paused(&["create"]);
    let taking = |e: &Exchange| e.request.method == Method::Put;
    until("the records snapshot is begun", || lab.changes().iter().any(taking));
    let before = lab.changes().len();
    let pid = format!("process {}", first.pid().as_raw_nonzero());
    for verb in ["create", "resume"] {
        let second = lab.run(&[verb]).expect(40).shows_nothing();
        second.says("another run holds this release: `create`").says(&pid).says("nothing was changed");
    }
    // Nothing is abandoned while its owner lives.
    lab.run(&["resume", "--if-abandoned"]).expect(0).shows_nothing().says("another run holds");
    let mut bare = lab.homely(&["resume", "--if-abandoned"]);
    bare.env("COLUMNS", "100");
    run(bare).expect(0).shows_nothing().says("nothing to resume");
    // And it is no problem of the release.
    let status = lab.run(&["status"]).expect(0).shows("`create`").shows(&pid);
    assert!(!status.out.contains("exporting-paused-by-others"), "{}", status.out);
    assert_eq!(lab.changes().len(), before, "somebody interfered");
    assert!(!lab.sim.exporting_runs());
    first.signal(rustix::process::Signal::TERM);
    first.wait().expect(22);
    lab.assert_exporting();
}

#[test]
fn a_check_while_a_run_of_ours_goes_on_tells_so() {
    let lab = Lab::pausing();
    let first = lab.paused(&["create"]);
    let check = lab.run(&["check"]).expect(40).says("another run holds this release: `create`");
    assert!(!check.out.contains("exporting-paused-by-others"), "{}", check.out);
    drop(first);
    lab.repaired();
}

#[test]
fn a_dry_run_asks_and_changes_nothing() {
    let lab = Lab::quick();
    let dry = lab.run(&["create", "--dry-run", "-o", "json"]).expect(0);
    assert_eq!(dry.json()["kind"], "Plan");
    assert!(lab.sim.requests() > 10);
    assert_eq!(lab.changes(), []);
    // Nor on this machine.
    assert!(!lab.home.path().join(".local").exists());
    // What speaks against it is told, beside the plan.
    lab.sim.set_repository(false);
    let dry = lab.run(&["create", "--dry-run"]).expect(13).says("repository-missing");
    dry.shows("resume-exporting");
    assert_eq!(lab.changes(), []);
}

#[test]
fn a_failed_backup_is_repeated_whole_under_a_higher_id() {
    let lab = Lab::quick();
    lab.inject("search PUT * 1 status:500:no space left");
    let done = lab.run(&["create", "--retries", "1", "-o", "name"]).expect(0);
    let backups = lab.sim.backups();
    let ids: Vec<u64> = backups.keys().copied().collect();
    let [failed, complete] = ids[..] else { panic!("two backups, not {ids:?}") };
    assert_eq!(done.out, format!("backup/{complete}\n"), "one result");
    done.says(&format!("backup {failed} failed; exporting runs")).says("attempt 2 of 2");
    assert!(backups[&complete].values().all(|s| *s == PartState::Completed), "{backups:?}");
    assert_eq!(lab.sim.pauses().len(), 2);
    lab.assert_exporting();
}

#[test]
fn a_backup_with_a_given_id_is_not_repeated() {
    let lab = Lab::quick();
    lab.inject("search PUT * 1 status:500:no space left");
    let failed = lab.run(&["create", "--retries", "3", "--backup-id", "1900000000", "-o", "json"]).expect(20);
    // What happened is the result, as without --retries.
    assert_eq!(failed.json()["backupId"], 1_900_000_000_u64);
    failed.says("is not repeated: --backup-id names one ID");
    assert_eq!(lab.sim.pauses().len(), 1);
    lab.assert_exporting();
}
