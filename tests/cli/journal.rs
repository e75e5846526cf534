//! The journal that cannot be used: nothing is paused without one, and nothing is taken for "nothing armed".

use std::fs;
use std::time::Duration;

use camunda_backup::model::ExporterPhase;
use camunda_backup::sim::{Profile, Timings};

use crate::lab::{Lab, quick, run, until};

#[test]
fn where_no_journal_can_be_written_nothing_is_paused() {
    let lab = Lab::quick();
    let file = lab.home.path().join("file");
    fs::write(&file, "").expect("writable");
    // Not a matter of permissions: root has them all.
    let below = file.join("state");
    let below = below.to_str().expect("UTF-8");
    let refused = lab.run(&["create", "--state-dir", below]).expect(13).shows_nothing();
    refused.says(below).says("without a journal exporting is not paused");
    lab.run(&["check", "--state-dir", below]).expect(14).shows("journal-failed").shows(below);
    let mut nowhere = lab.command(&["create"]);
    nowhere.env_remove("HOME");
    run(nowhere).expect(13).shows_nothing().says("--state-dir").says("XDG_STATE_HOME");
    assert_eq!(lab.changes(), []);
    lab.assert_never_paused();
}

#[test]
fn who_resumes_needs_no_journal() {
    let lab = Lab::new(Profile { exporters: ExporterPhase::SoftPaused, ..quick() });
    let mut nowhere = lab.command(&["resume"]);
    nowhere.env_remove("HOME");
    run(nowhere).expect(0).shows("exporting runs").says("resuming without a journal");
    lab.assert_exporting();
}

#[test]
fn a_journal_that_is_none_is_refused_by_name() {
    let lab = Lab::quick();
    lab.run(&["create"]).expect(0);
    let journal = lab.journal();
    fs::write(&journal, "{").expect("writable");
    let path = journal.to_str().expect("UTF-8");
    let before = lab.changes().len();
    lab.run(&["create"]).expect(13).shows_nothing().says(path).says("look at it");
    lab.run(&["check"]).expect(14).shows("journal-failed").shows(path);
    lab.run(&["status"]).expect(0).shows("journal-failed").shows(path);
    // Whether something was abandoned, nobody knows.
    lab.run(&["resume", "--if-abandoned"]).expect(30).shows_nothing().says(path);
    run(lab.homely(&["resume", "--if-abandoned", "-o", "name"])).expect(30).shows_nothing().says(path);
    assert_eq!(lab.changes().len(), before);
    assert_eq!(fs::read(&journal).expect("readable"), b"{", "it was not ours to overwrite");
    // But exporting can be made to run.
    lab.run(&["resume"]).expect(0).says(path).says("resuming without a journal");
}

#[test]
fn a_journal_that_cannot_be_cleared_at_the_end_is_tried_again() {
    let timings = Timings { records: Duration::from_secs(2), ..Timings::quick() };
    let lab = Lab::new(Profile { timings, ..Profile::default() });
    let running = lab.paused(&["create", "--no-guard"]);
    // A disk that is full from now on: root may write anywhere.
    let in_the_way = lab.journal().with_extension("json.new");
    until("the pause is known to be answered", || fs::create_dir(&in_the_way).is_ok());
    running.heard("trying again");
    lab.assert_exporting();
    assert!(lab.is_armed(), "so the next run would repair, and call the backup dead");
    fs::remove_dir(&in_the_way).expect("it is empty");
    running.wait().expect(0).shows("is complete");
    assert!(!lab.is_armed());
    lab.run(&["create"]).expect(0);
    let listed = lab.run(&["list", "-o", "json"]).expect(0).json();
    let states: Vec<_> = listed["items"].as_array().expect("items").iter().map(|i| &i["state"]).collect();
    assert_eq!(states, ["complete", "complete"], "{listed}");
}

#[test]
fn the_journal_is_where_it_is_said_to_be() {
    let lab = Lab::quick();
    let mut xdg = lab.command(&["create"]);
    xdg.env("XDG_STATE_HOME", lab.home.path().join("xdg"));
    run(xdg).expect(0);
    assert!(lab.home.path().join("xdg/camunda-backup").is_dir());
    let mut flag = lab.command(&["create", "--state-dir", "here"]);
    flag.current_dir(lab.home.path()).env("CAMUNDA_BACKUP_STATE_DIR", "/nowhere");
    run(flag).expect(0);
    assert!(lab.home.path().join("here").is_dir());
    assert!(!lab.home.path().join(".local").exists());
}
