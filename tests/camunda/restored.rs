//! "Backups made with this tool can be restored": data is taken in, backed up, lost, and restored by the documented steps
//! (`testbed/camunda/restore.sh`), and is there again, by the word of the components' own APIs.
//!
//! Started by `make test-e2e`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::data::{assert_restored, complete, counts, data_in_every_state, imported, instances, settled};
use crate::release::{Release, finish, json, signal, testbed, text};

fn backup(release: &Release) -> String {
    let output = release.run(&["create", "-o", "json"]);
    let report = json(&output);
    assert_eq!(report["outcome"], "complete", "{}", text(&output.stderr));
    report["backupId"].to_string()
}

fn assert_works(release: &Release) {
    complete(2);
    // Waits itself until exactly what it started has come through the exporters, and fails otherwise.
    testbed("seed.sh", &["20"]);
    release.assert_exporting();
    let next = backup(release);
    assert_eq!(release.run(&["verify", &next]).status.code(), Some(0));
}

#[test]
#[ignore = "make test-e2e"]
fn everything_is_there_again_after_all_state_was_lost() {
    let release = Release::new();
    let before = data_in_every_state();
    let id = backup(&release);
    assert_eq!(release.run(&["verify", &id]).status.code(), Some(0));
    testbed("seed.sh", &["20"]);
    complete(2);
    assert_ne!(settled().1, before.1, "there is more now than at the backup");

    print!("{}", testbed("restore.sh", &[&id]));
    assert_restored(&before);
    assert_works(&release);
}

#[test]
#[ignore = "make test-e2e"]
fn a_backup_after_a_killed_run_is_restored() {
    let release = Release::new();
    let before = data_in_every_state();
    let child = release.paused(&["create", "--no-guard"]);
    signal(&child, "-KILL");
    finish(child);
    // The next one repairs what the killed one left, and takes a whole new backup.
    let id = backup(&release);
    release.assert_exporting();
    testbed("seed.sh", &["20"]);

    print!("{}", testbed("restore.sh", &["--keep-engine", &id]));
    assert_restored(&before);
    assert_works(&release);
}

#[test]
#[ignore = "make test-e2e"]
fn a_backup_under_load_is_consistent() {
    let release = Release::new();
    testbed("seed.sh", &["20"]);
    let before: BTreeSet<String> = settled().1.into_keys().collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/camunda/work.sh");
    let mut load = Command::new(script).arg("load").stdout(Stdio::piped()).spawn().expect("the load");
    let mut lines = BufReader::new(load.stdout.take().expect("a pipe")).lines();
    let early: Vec<String> = lines.by_ref().take(50).map(|l| l.expect("a key")).collect();
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    let id = backup(&release);
    signal(&load, "-TERM");
    load.wait().expect("our child");
    let later = reader.join().expect("read");
    let started: BTreeSet<String> = early.iter().chain(&later).cloned().collect();
    println!("{} process instances were started before and during the backup", started.len());
    assert!(!later.is_empty(), "nothing was started during the backup");

    print!("{}", testbed("restore.sh", &["--keep-engine", &id]));
    let restored = settled().1;
    let known: BTreeSet<String> = restored.keys().cloned().collect();
    assert!(before.is_subset(&known), "process instances from before the load are missing");
    let early: BTreeSet<String> = early.into_iter().collect();
    assert!(early.is_subset(&known), "process instances that were there before the backup began are missing");
    let strangers: Vec<_> = known.difference(&before).filter(|k| !started.contains(*k)).collect();
    assert!(strangers.is_empty(), "never started: {strangers:?}");
    let lost: Vec<String> = started.difference(&known).cloned().collect();
    println!("{} of them are in the backup, {} came after it", started.len() - lost.len(), lost.len());

    // Zeebe and what it exported agree: each instance that is active for Operate can be cancelled in Zeebe, none of the
    // others is known there, and every instance that waits at its user task has one in Tasklist.
    let active: Vec<&str> = restored
        .iter()
        .filter(|(k, v)| *v == "order ACTIVE" && started.contains(*k))
        .map(|(k, _)| k.as_str())
        .collect();
    imported("the task of every active one", || {
        let waiting = counts()["tasklist"]["tasks"]["created"].as_u64().expect("a number");
        waiting >= active.len() as u64
    });
    let active = some(&active);
    assert_all_answer(&active, "204");
    assert_all_answer(&some(&lost.iter().map(String::as_str).collect::<Vec<_>>()), "404");
    imported("what Zeebe did", || {
        let now = instances();
        active.iter().all(|k| now.get(*k).is_some_and(|state| state == "order CANCELED"))
    });
    assert_works(&release);
}

/// Some of them, from all of the time: on both partitions, first and last ones.
fn some<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    keys.iter().step_by(keys.len().div_ceil(24).max(1)).chain(keys.last()).copied().collect()
}

fn assert_all_answer(keys: &[&str], status: &str) {
    let mut keys = keys.to_vec();
    keys.dedup();
    let arguments: Vec<_> = ["cancel"].iter().chain(&keys).copied().collect();
    for line in testbed("work.sh", &arguments).lines() {
        assert!(line.ends_with(status), "expected {status}: {line}");
    }
}
