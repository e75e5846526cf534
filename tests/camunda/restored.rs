//! "Backups made with this tool can be restored": data is taken in, backed up, lost, and restored by the documented steps
//! (`testbed/camunda/restore.sh`), and is there again, by the word of the components' own APIs.
//!
//! Started by `make test-e2e`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::data::{
    Data, assert_all_answer, assert_restored, cancel, complete, data_in_every_state, imported, partitions,
    some,
};
use crate::release::{Release, finish, json, signal, testbed, text};

fn assert_works(release: &Release) {
    complete(2);
    // Waits itself until exactly what it started has come through the exporters, and fails otherwise.
    testbed("seed.sh", &["20"]);
    assert_eq!(release.phases().len(), 2, "both partitions are there");
    release.assert_exporting();
    let next = release.backup()["backupId"].to_string();
    assert_eq!(release.run(&["verify", &next]).status.code(), Some(0));
}

#[test]
#[ignore = "make test-e2e"]
fn a_backup_of_a_quiet_release_is_restored() {
    let release = Release::new();
    let before = data_in_every_state();
    let id = release.backup()["backupId"].to_string();
    assert_eq!(release.run(&["verify", &id]).status.code(), Some(0));
    testbed("seed.sh", &["20"]);
    complete(2);
    assert_ne!(Data::settled(), before, "there is more now than at the backup");

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
    let id = release.backup()["backupId"].to_string();
    release.assert_exporting();
    testbed("seed.sh", &["20"]);

    print!("{}", testbed("restore.sh", &["--keep-engine", &id]));
    assert_restored(&before);
    assert_works(&release);
}

/// The strictest of them, as only here it matters in which order the parts are taken: what is exported while the one part
/// is taken and the other is not, makes them differ.
#[test]
#[ignore = "make test-camunda, make test-e2e"]
fn everything_is_there_again_after_a_backup_under_load() {
    let release = Release::new();
    let before = data_in_every_state();
    let load = Load::start();
    let early = load.at_least(50);
    let child = release.paused(&["create", "--retries", "2", "-o", "json"]);
    let until_the_pause = load.so_far();
    let output = child.wait_with_output().expect("our child");
    let in_the_pause = load.so_far();
    // What comes now is certainly not in the backup.
    std::thread::sleep(Duration::from_secs(3));
    let (after, failed) = load.stop();
    let report = json(&output);
    assert_eq!(report["outcome"], "complete", "{}", text(&output.stderr));
    let id = report["backupId"].to_string();
    let counted = [early.len(), until_the_pause.len(), in_the_pause.len(), after.len()];
    println!(
        "process instances started before the backup, until the pause, until its end, and after: {counted:?}"
    );
    assert!(counted.iter().all(|n| *n > 0), "the load ran all the time: {counted:?}");
    let started: BTreeSet<&String> =
        [&early, &until_the_pause, &in_the_pause, &after].into_iter().flatten().collect();

    print!("{}", testbed("restore.sh", &[&id]));
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
    let (kept, lost) = (some(kept), some(lost));
    assert_eq!((partitions(kept.iter().copied()).len(), partitions(lost.iter().copied()).len()), (2, 2));
    assert_all_answer("cancel", &lost, "404");
    cancel(&kept);
    assert_works(&release);
}

/// A client that starts one process instance after the other.
struct Load {
    child: Child,
    keys: mpsc::Receiver<String>,
    /// How many answers gave no key: such a process instance may have been started.
    failed: Arc<AtomicUsize>,
}

impl Load {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/camunda/work.sh");
        let mut child = Command::new(script).arg("load").stdout(Stdio::piped()).spawn().expect("the load");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (told, keys) = mpsc::channel();
        let failed = Arc::new(AtomicUsize::new(0));
        let count = failed.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.starts_with("failed") {
                    println!("a start of the load: {line}");
                    count.fetch_add(1, Ordering::SeqCst);
                } else if told.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, failed }
    }

    /// The keys of the next ones.
    fn at_least(&self, number: usize) -> Vec<String> {
        (0..number).map(|_| self.keys.recv().expect("the load runs")).chain(self.so_far()).collect()
    }

    /// The keys of those that were started since this was last asked.
    fn so_far(&self) -> Vec<String> {
        self.keys.try_iter().collect()
    }

    /// The rest, and how many starts had failed.
    fn stop(mut self) -> (Vec<String>, usize) {
        assert!(self.child.try_wait().expect("our child").is_none(), "the load ended by itself");
        signal(&self.child, "-TERM");
        assert!(self.child.wait().expect("our child").success());
        // To the end of what it printed.
        (self.keys.iter().collect(), self.failed.load(Ordering::SeqCst))
    }
}
