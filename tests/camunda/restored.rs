//! "Backups made with this tool can be restored": data is taken in, backed up, lost, and restored by the documented steps
//! (`testbed/camunda/restore.sh`), and is there again, by the word of the components' own APIs.
//!
//! Started by `make test-e2e`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;

use crate::data::{
    Data, assert_all_answer, assert_restored, cancel, complete, data_in_every_state, imported, partitions,
};
use crate::lab::Running;
use crate::release::{Release, scripted, testbed, until};

fn assert_works(release: &Release) {
    // Of the processes that were restored. Waits itself until exactly what it started has come through the exporters, and
    // fails otherwise.
    testbed("seed.sh", &["--deployed", "20"]);
    complete(2);
    assert_eq!(release.phases().len(), 2, "both partitions are there");
    release.assert_exporting();
    let next = release.backup()["backupId"].to_string();
    release.run(&["verify", &next]).expect(0);
}

#[test]
#[ignore = "make test-e2e"]
fn a_backup_of_a_quiet_release_is_restored() {
    let release = Release::new();
    let before = data_in_every_state();
    let id = release.backup()["backupId"].to_string();
    testbed("seed.sh", &["20"]);
    complete(2);
    assert_ne!(Data::settled(), before, "there is more now than at the backup");

    release.restore(&["--keep-engine"], &id);
    assert_restored(&before);
    assert_works(&release);
}

/// The strictest of them, as only here it matters in which order the parts are taken: what is exported while the one part
/// is taken and the other is not, makes them differ. What is restored was taken by the run that repaired what a killed one
/// had left.
#[test]
#[ignore = "make test-camunda, make test-e2e"]
fn everything_is_there_again_after_a_backup_under_load() {
    let release = Release::new();
    let before = data_in_every_state();
    let load = Load::start();
    let killed = release.paused(&["create", "--no-guard"]);
    killed.signal(Signal::KILL);
    killed.wait();
    assert!(release.all("SOFT_PAUSED"), "nobody was there to resume it");

    let early = load.at_least(50);
    let run = release.started(&["create", "--retries", "2", "-o", "json"], |said| {
        said.contains("exporting is paused: seen")
    });
    let until_the_pause = load.so_far();
    let ended = run.wait();
    let in_the_pause = load.so_far();
    // What comes now is certainly not in the backup.
    std::thread::sleep(Duration::from_secs(3));
    let (after, failed) = load.stop();
    println!("{}", ended.err);
    let ended = ended.expect(0).says("resuming it first");
    let report = ended.json();
    assert_eq!(report["outcome"], "complete", "{}", ended.err);
    release.assert_exporting();
    let id = report["backupId"].to_string();
    let counted = [early.len(), until_the_pause.len(), in_the_pause.len(), after.len()];
    println!(
        "process instances started before the backup, until the pause, until its end, and after: {counted:?}"
    );
    // It tells some at a time, those of a short pause perhaps after it. That it still ran then was seen when it was stopped.
    let told = [early.len(), until_the_pause.len(), in_the_pause.len() + after.len()];
    assert!(told.iter().all(|n| *n > 0), "the load ran all the time: {counted:?}");
    let started: BTreeSet<&String> =
        [&early, &until_the_pause, &in_the_pause, &after].into_iter().flatten().collect();

    release.restore(&[], &id);
    imported("what was there before the backup began", || {
        let now = Data::now();
        let known = now.instances();
        early.iter().all(|key| known.contains(key.as_str()))
    });
    assert_restored(&before);

    let restored = Data::settled();
    let known = restored.instances();
    let (kept, lost): (Vec<&str>, Vec<&str>) =
        started.iter().map(|key| key.as_str()).partition(|key| known.contains(key));
    let strangers = restored.load().difference(&before.load()).count().saturating_sub(kept.len());
    assert!(strangers <= failed, "{strangers} process instances were never started; {failed} starts failed");
    println!("{} of them are in the backup, {} came after it", kept.len(), lost.len());
    assert!(kept.len() > early.len(), "some that were started while it was taken are in it");
    assert_eq!((partitions(kept.iter().copied()).len(), partitions(lost.iter().copied()).len()), (2, 2));
    // All of them, as the boundary between the two matters, of each partition.
    assert_all_answer("cancel", &lost, "404");
    cancel(&kept);
    assert_works(&release);
}

/// A client that starts one process instance after the other. It does not outlive its test.
struct Load {
    run: Running,
    /// How many of the lines that it printed were looked at.
    seen: Cell<usize>,
}

impl Load {
    fn start() -> Self {
        Self { run: Running::start(scripted("work.sh", &["load"])), seen: Cell::new(0) }
    }

    /// The keys of the next ones.
    fn at_least(&self, number: usize) -> Vec<String> {
        let mut keys = Vec::new();
        until("the load starts process instances", || {
            keys.extend(self.so_far());
            keys.len() >= number
        });
        keys
    }

    /// The keys of those that were started since this was last asked.
    fn so_far(&self) -> Vec<String> {
        let all = self.run.out.text();
        let (whole, _) = all.rsplit_once('\n').unwrap_or_default();
        let new: Vec<&str> = whole.lines().skip(self.seen.get()).collect();
        self.seen.set(self.seen.get() + new.len());
        keys(&new)
    }

    /// The rest, and how many starts gave no key: such a process instance may have been started.
    fn stop(mut self) -> (Vec<String>, usize) {
        assert!(self.run.is_alive(), "the load ended by itself");
        self.run.signal(Signal::TERM);
        let ended = self.run.wait().expect(0);
        let lines: Vec<&str> = ended.out.lines().collect();
        let failed = lines.iter().filter(|line| line.starts_with("failed"));
        let failed = failed.inspect(|line| println!("a start of the load: {line}")).count();
        (keys(&lines[self.seen.get()..]), failed)
    }
}

fn keys(lines: &[&str]) -> Vec<String> {
    lines.iter().filter(|line| !line.starts_with("failed")).map(|line| (*line).to_owned()).collect()
}
