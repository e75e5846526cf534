//! The built binary against a whole release: from outside and in pods, and everything that may die meanwhile.

use camunda_backup::cluster::rights::Command as Needs;
use rustix::process::Signal;
use serde_json::Value;

use super::lab::Running;
use super::release::{Camunda, OURS, QUICK, REALISTIC, STUCK};
use super::rig::{eventually, patience, testbed};

/// A disturbance may come too late, as a backup may be quicker than it.
const TRIES: usize = 5;

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn both_ways_of_running_take_a_backup_of_the_same_release() {
    let camunda = Camunda::start(QUICK).await;
    camunda.run(&["check"]).expect(0).shows("a backup");
    let outside = camunda.run(&["create", "-o", "json"]).expect(0).json();
    assert_eq!(outside["outcome"], "complete", "{outside}");
    assert_eq!(outside["exporting"]["seen"]["brokers"], 3, "{outside}");
    let id = outside["backupId"].to_string();
    let id = id.trim_matches('"');
    let record = format!("camunda-backup-camunda-{id}");
    let record =
        camunda.space.kubectl(&["get", "configmap", &record, "-o", "jsonpath={.data.record\\.json}"]).await;
    let record: Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!((&record["outcome"], &record["partitions"]), (&"complete".into(), &3.into()), "{record}");
    let events = camunda.events().await;
    for reason in ["BackupStarted", "ExportingPaused", "ExportingResumed", "BackupComplete"] {
        assert!(events.contains(reason), "{reason}: {events}");
    }
    // The same binary in a pod, started and followed from here.
    camunda.account().await;
    let job =
        ["create", "--in-cluster", "--release", "camunda", "--image", OURS, "--service-account", "backup"];
    let inside = camunda.run(&job).expect(0).shows("is done").says("is complete");
    assert!(!inside.err.contains("port-forward"), "{}", inside.err);
    let listed = camunda.run(&["list", "-o", "json"]).expect(0).json();
    let states: Vec<_> =
        listed["items"].as_array().expect("sets").iter().map(|s| s["state"].clone()).collect();
    assert_eq!(states, ["complete", "complete"]);
    let screen = camunda.run(&["status", "-o", "wide"]).expect(0);
    screen.shows("readiness probe of").shows("nothing to undo (Lease camunda-backup-camunda)").shows("free");
    // The older one is deleted, and its record with it.
    camunda.run(&["delete", id, "--yes"]).expect(0);
    let records = ["get", "configmap", "-l", "camunda-backup/outcome=complete", "-o", "name"];
    assert_eq!(camunda.space.kubectl(&records).await.lines().count(), 1);
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn the_cron_job_is_run_and_its_exit_code_comes_back() {
    let camunda = Camunda::start(QUICK).await;
    camunda.account().await;
    camunda.run(&["create", "--in-cluster"]).expect(10).says("--image");
    camunda.cron_job("nightly", "backup", &["create", "--release", "camunda", "--timeout=2h"]).await;
    camunda
        .run(&["create", "--in-cluster", "--backup-id", "18"])
        .expect(0)
        .says("CronJob nightly")
        .says("backup 18");
    let on_it = camunda.space.kubectl(&["describe", "cronjob", "nightly"]).await;
    assert!(on_it.contains("BackupComplete"), "{on_it}");
    // What is typed goes to the Job, and wins over what its CronJob says. An ID is used once.
    let again =
        camunda.run(&["create", "--in-cluster", "--backup-id=17", "--timeout=1h", "-o", "json"]).expect(13);
    assert_eq!(again.json()["exitCode"], 13);
    again.says("backup-id-not-higher");
    camunda.run(&["create", "--in-cluster", "--search-ca-file", "/x"]).expect(2).says("--search-ca-file");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_watcher_that_is_stopped_leaves_the_job_running() {
    let camunda = Camunda::start(STUCK).await;
    camunda.account().await;
    camunda.cron_job("nightly", "backup", &["create", "--release", "camunda"]).await;
    let watching = camunda.paused(&["create", "--in-cluster"]);
    watching.signal(Signal::INT);
    watching.wait().expect(22).says("kubectl -n").shows("goes on");
    assert!(!camunda.is_exporting().await, "the Job goes on");
    let holder = camunda.run(&["create"]).expect(40);
    holder.says("another run holds this release");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_killed_plugin_is_repaired_by_its_guard() {
    let camunda = Camunda::start(STUCK).await;
    let running = camunda.paused(&["create"]);
    assert!(!camunda.is_exporting().await && camunda.is_armed().await);
    running.signal(Signal::KILL);
    camunda.repaired().await;
    let ended = running.wait();
    assert_eq!(ended.code, None);
    ended.says("guard: exporting runs again");
    // Whatever becomes of its parts, exporting went on in between.
    let selector = "camunda-backup/outcome=died";
    assert!(
        camunda
            .space
            .kubectl(&["get", "configmap", "-l", selector, "-o", "name"])
            .await
            .contains("configmap/")
    );
}

fn guard_of(running: &Running) -> rustix::process::Pid {
    let parent = running.pid().as_raw_nonzero().to_string();
    let found = std::process::Command::new("pgrep").args(["-P", &parent]).output().expect("pgrep");
    let text = String::from_utf8(found.stdout).expect("text");
    rustix::process::Pid::from_raw(text.trim().parse().expect("one child")).expect("a number")
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_killed_plugin_without_its_guard_is_repaired_by_the_next_run() {
    let camunda = Camunda::start(STUCK).await;
    let running = camunda.paused(&["create"]);
    rustix::process::kill_process(guard_of(&running), Signal::KILL).expect("it runs");
    running.signal(Signal::KILL);
    running.wait();
    assert!(!camunda.is_exporting().await && camunda.is_armed().await, "nobody repairs it");
    camunda.run(&["status"]).shows("exporting must be resumed");
    let next = camunda.run(&["create", "-o", "name"]).expect(0);
    next.says("its Lease was taken over").says("resuming it first").shows("backup/");
    camunda.repaired().await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_pod_of_a_job_that_is_deleted_resumes_exporting_first() {
    let camunda = Camunda::start(STUCK).await;
    camunda.account().await;
    camunda.cron_job("nightly", "backup", &["create", "--release", "camunda"]).await;
    let watching = camunda.paused(&["create", "--in-cluster"]);
    camunda.space.kubectl(&["delete", "pod", "-l", "batch.kubernetes.io/job-name", "--wait=false"]).await;
    // Its exit code, when that could still be seen.
    let ended = watching.wait();
    assert!(matches!(ended.code, Some(20 | 22)), "{}", ended.err);
    assert!(camunda.is_exporting().await && !camunda.is_armed().await, "{}", ended.err);
}

/// In `outage`, which may touch the node.
pub async fn a_lost_node() {
    let camunda = Camunda::start(STUCK).await;
    camunda.account().await;
    let namespace = camunda.space.name.clone();
    camunda.cron_job("nightly", "backup", &["create", "--release", "camunda", "-n", &namespace]).await;
    camunda.cron_job("guard", "guard", &["resume", "--if-abandoned", "--release", "camunda"]).await;
    let watching = camunda.paused(&["create", "--in-cluster"]);
    // No SIGTERM and no last words, as when its node is gone. (Deleting its pod gives it two seconds at least.)
    let pattern = format!("[c]reate --release camunda -n {namespace}");
    testbed("exec.sh", &["pkill", "-KILL", "-f", &pattern]).await;
    camunda.space.kubectl(&["delete", "pod", "-l", "batch.kubernetes.io/job-name", "--wait=false"]).await;
    // Who watched is told how bad it is.
    watching.wait().expect(30).says("EXPORTING MAY STILL BE PAUSED").says("resume --release camunda");
    assert!(!camunda.is_exporting().await && camunda.is_armed().await);
    camunda.space.kubectl(&["create", "job", "guard-now", "--from=cronjob/guard"]).await;
    camunda.repaired().await;
    camunda.space.kubectl(&["wait", "job/guard-now", "--for=condition=Complete", &patience()]).await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn of_two_runs_at_once_one_is_told_who_holds_the_release() {
    let camunda = Camunda::start(STUCK).await;
    let first = camunda.paused(&["create"]);
    let second = camunda.run(&["create"]).expect(40);
    second.says("another run holds this release: `create` of").shows_nothing();
    camunda.run(&["status", "-o", "json"]).expect(0).shows("\"armedSince\"").shows("`create` of");
    camunda.run(&["resume"]).expect(40);
    camunda.run(&["resume", "--if-abandoned"]).expect(0).says("nothing to resume");
    first.signal(Signal::TERM);
    first.wait().expect(22);
    assert!(camunda.is_exporting().await && !camunda.is_armed().await);
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn each_right_that_is_missing_is_named_and_nothing_is_changed() {
    let camunda = Camunda::start(QUICK).await;
    let all: Vec<_> = Needs::Create.rights(true, &[]).into_iter().map(|r| r.on_release("camunda")).collect();
    for (i, removed) in all.iter().enumerate().filter(|(_, r)| r.needed) {
        let rest: Vec<_> = all.iter().filter(|r| *r != removed).cloned().collect();
        let name = format!("without-{i}");
        let _ = camunda.space.account_with(&name, &rest).await;
        let account = format!("--as=system:serviceaccount:{}:{name}", camunda.space.name);
        // Who may not list does not find its name.
        let named = ["--release", "camunda", &account];
        let refused = camunda.run(&[&["create"][..], &named].concat()).expect(12);
        refused.says(&format!("  {removed}\n")).says("kind: Role").shows_nothing();
        let found = camunda.run(&[&["check", "-o", "json"][..], &named].concat()).expect(12).json();
        let missing = &found["missingRights"][0]["rights"];
        assert_eq!(missing.as_array().map(Vec::len), Some(1), "{removed}: {found}");
        assert_eq!(
            (&missing[0]["verb"], &missing[0]["resource"]),
            (&removed.verb.into(), &removed.resource.into())
        );
    }
    camunda.assert_untouched("rights were missing").await;
    assert_eq!(camunda.space.cluster.lease_state(&camunda.space.name, "camunda").await, Ok(None));
    // Nobody at all hears of everything at once.
    camunda.space.kubectl(&["create", "serviceaccount", "nobody"]).await;
    let account = format!("--as=system:serviceaccount:{}:nobody", camunda.space.name);
    let refused = camunda.run(&["check", "--release", "camunda", &account]).expect(12);
    for right in &all {
        assert!(refused.out.contains(&right.to_string()), "{right}: {}", refused.out);
    }
    // Without what is only useful, the backup is taken, and that is said.
    let needed: Vec<_> = all.iter().filter(|r| r.needed).cloned().collect();
    let _ = camunda.space.account_with("needed", &needed).await;
    let account = format!("--as=system:serviceaccount:{}:needed", camunda.space.name);
    camunda.run(&["check", &account]).expect(0).shows("warning  right-missing");
    let taken = camunda.run(&["create", &account]).expect(0);
    taken.says("the record of backup").says("the Event BackupStarted was not written").shows("is complete");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_pod_that_is_deleted_in_the_middle_is_followed_by_another() {
    let camunda = Camunda::start(REALISTIC).await;
    let gateway = "app.kubernetes.io/component=zeebe-gateway";
    for _ in 0..TRIES {
        let running = camunda.paused(&["create"]);
        // Waits until it is gone: what is asked of the gateway from then on, another pod answers.
        camunda.space.kubectl(&["delete", "pod", "-l", gateway]).await;
        let in_time = !running.err.text().contains("exporting runs again");
        let ended = running.wait();
        assert!(camunda.is_exporting().await && !camunda.is_armed().await, "{}", ended.err);
        ended.expect(0).shows("is complete");
        if in_time {
            return;
        }
    }
    panic!("none of {TRIES} pods was gone while exporting was paused");
}

/// In `outage`, which has the API server for itself.
pub async fn a_run_across_the_death_of_the_api_server() {
    let camunda = Camunda::start(REALISTIC).await;
    for _ in 0..TRIES {
        let running = camunda.paused(&["create"]);
        testbed("apiserver.sh", &["kill"]).await;
        let in_time = !running.err.text().contains("exporting runs again");
        let ended = running.wait();
        testbed("apiserver.sh", &["wait"]).await;
        eventually("exporting runs", async || camunda.is_exporting().await).await;
        assert!(!camunda.is_armed().await, "{}", ended.err);
        // It may be cut off in the only moment in which a backup cannot go on; not every time.
        assert!(matches!(ended.code, Some(0 | 20)), "{}", ended.err);
        if in_time && ended.code == Some(0) {
            return;
        }
    }
    panic!("none of {TRIES} backups went on across it");
}
