//! The way there and back inside of Kubernetes: Camunda and Elasticsearch are pods as Camunda's chart lays them out
//! (`PLATFORM=kubernetes testbed/camunda/up.sh`), and what backs them up is our chart with our image. All is judged through
//! the servers' own APIs, from outside.
//!
//! Started by `make test-camunda-kubernetes`.

use std::process::Command;

use camunda_backup::model::Component;
use serde_json::Value;

use crate::data::{Data, assert_restored, complete, data_in_every_state};
use crate::release::{Release, testbed, text, until, variable};

/// Of the folder in which helm runs: the tests' own.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/camunda-backup");

fn kubectl(arguments: &[&str]) -> String {
    let namespace = variable("NAMESPACE");
    let done = Command::new("kubectl").args(["-n", &namespace]).args(arguments).output().expect("kubectl");
    assert!(done.status.success(), "kubectl {arguments:?}: {}", text(&done.stderr));
    text(&done.stdout).trim().to_owned()
}

fn objects(arguments: &[&str]) -> Vec<Value> {
    let listed = kubectl(&[&["get", "-o", "json"], arguments].concat());
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    listed["items"].as_array().expect("a list").clone()
}

/// Our chart, for this release and with our image, as it would be installed: only these values differ.
fn install(values: &[&str]) {
    let namespace = variable("NAMESPACE");
    let image = variable("CAMUNDA_BACKUP_IMAGE");
    let (repository, tag) = image.rsplit_once(':').expect("a tag");
    let image = format!("image.repository={repository},image.tag={tag},image.pullPolicy=Never");
    let mut arguments = vec!["upgrade", "--install", "backup", CHART, "-n", &namespace];
    for value in [&["release=camunda", image.as_str()], values].concat() {
        arguments.extend(["--set", value]);
    }
    testbed("../kube/helm.sh", &arguments);
}

fn jobs(component: &str) -> Vec<Value> {
    objects(&["jobs", "-l", &format!("app.kubernetes.io/component={component}")])
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().expect("a name")
}

fn ended(job: &Value) -> Option<&str> {
    let conditions = job["status"]["conditions"].as_array()?;
    let mut types = conditions.iter().filter(|c| c["status"] == "True").filter_map(|c| c["type"].as_str());
    types.find(|t| ["Complete", "Failed"].contains(t))
}

fn log(job: &str) -> String {
    kubectl(&["logs", &format!("job/{job}"), "--tail=40"])
}

/// A run of the `CronJob` now; how its Job ended.
fn run_now(name: &str) -> Value {
    kubectl(&["create", "job", name, "--from=cronjob/backup-camunda"]);
    await_job(name)
}

fn await_job(name: &str) -> Value {
    let job = || serde_json::from_str::<Value>(&kubectl(&["get", "job", name, "-o", "json"])).expect("JSON");
    until("the Job ends", || ended(&job()).is_some());
    job()
}

/// The newest backup of which its record says that it is complete; 0 when there is none.
fn newest() -> u64 {
    let records = objects(&["configmaps", "-l", "camunda-backup/outcome=complete"]);
    let ids = records.iter().filter_map(|r| {
        let record: Value = serde_json::from_str(r["data"]["record.json"].as_str()?).expect("JSON");
        record["backup_id"].as_u64()
    });
    ids.max().unwrap_or_default()
}

#[test]
#[ignore = "make test-camunda-kubernetes"]
fn what_the_cron_job_has_backed_up_by_itself_is_restored_after_all_state_was_lost() {
    let release = Release::new();
    let before = data_in_every_state();
    let earlier = newest();
    install(&["schedule=* * * * *", "verify.enabled=true", "verify.schedule=* * * * *"]);
    testbed("../kube/helm.sh", &["test", "backup", "-n", &variable("NAMESPACE"), "--logs"]);
    until("a backup was taken by itself", || {
        // By its CronJob's own hand, and not by another test's.
        let fired = |j: &&Value| name(j).starts_with("backup-camunda-") && ended(j) == Some("Failed");
        if let Some(failed) = jobs("create").iter().find(fired) {
            panic!("{}", log(name(failed)));
        }
        newest() > earlier
    });
    until("it was verified", || jobs("verify").iter().any(|j| ended(j) == Some("Complete")));
    install(&["suspend=true"]);
    until("no run is left", || jobs("create").iter().all(|j| ended(j).is_some()));
    let id = newest();
    release.assert_complete(id);
    release.assert_exporting();

    testbed("seed.sh", &["20"]);
    complete(2);
    assert_ne!(Data::settled(), before, "there is more now than at the backup");
    release.restore(&[], &id.to_string());
    assert_restored(&before);

    // And it goes on from there, with the next backup.
    testbed("seed.sh", &["--deployed", "20"]);
    complete(2);
    let job = run_now("after-the-restore");
    assert_eq!(ended(&job), Some("Complete"), "{}", log("after-the-restore"));
    assert!(newest() > id);
    release.assert_complete(newest());
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda-kubernetes"]
fn a_pod_that_is_killed_while_exporting_is_paused_is_repaired_by_the_guard() {
    let release = Release::new();
    // Nobody but the guard may repair: no run by schedule, no second pod.
    install(&["suspend=true", "job.backoffLimit=0"]);
    // It is paused for seconds only; whoever is killed too late is no test, and another one is.
    let killed = (1..=5).map(|i| format!("killed-{i}")).find(|name| {
        kubectl(&["create", "job", name, "--from=cronjob/backup-camunda"]);
        let mut id = String::new();
        until("its container runs", || {
            let pods = objects(&["pods", "-l", &format!("job-name={name}")]);
            let container =
                pods.first().and_then(|p| p["status"]["containerStatuses"][0]["containerID"].as_str());
            container
                .unwrap_or_default()
                .strip_prefix("containerd://")
                .unwrap_or_default()
                .clone_into(&mut id);
            !id.is_empty()
        });
        let job =
            || serde_json::from_str::<Value>(&kubectl(&["get", "job", name, "-o", "json"])).expect("JSON");
        until("exporting is paused, or that is over", || {
            release.all("SOFT_PAUSED") || ended(&job()).is_some()
        });
        if !release.all("SOFT_PAUSED") {
            await_job(name);
            return false;
        }
        let kill = ["ctr", "-n", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", &id];
        testbed("../kube/exec.sh", &kill);
        ended(&await_job(name)) == Some("Failed") && release.all("SOFT_PAUSED")
    });
    killed.expect("one of five is killed while exporting is paused");
    until("exporting runs again", || release.all("EXPORTING"));
    // One of the guard's: of those that had nothing to do there is one every minute.
    let repaired =
        |j: &Value| ended(j) == Some("Complete") && log(name(j)).contains("exporting runs: seen on");
    until("the guard has resumed it", || jobs("guard").iter().any(repaired));
    let events = || kubectl(&["describe", "service", "camunda-zeebe-gateway"]);
    until("it is told", || events().contains("ExportingRepaired"));

    let job = run_now("after-the-kill");
    assert_eq!(ended(&job), Some("Complete"), "{}", log("after-the-kill"));
    release.assert_complete(newest());
    let left = release.get(Component::Gateway, "/actuator/backups").expect("listed");
    assert!(left.as_array().is_some_and(|l| l.iter().any(|b| b["backupId"] == newest())), "{left}");
}
