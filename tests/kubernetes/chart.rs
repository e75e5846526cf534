//! The chart on a real cluster, in a namespace that enforces Pod Security `restricted`: installed, upgraded, tested, fired by
//! itself, repaired by its guard, and uninstalled.

use serde_json::Value;

use super::release::{Camunda, OURS, QUICK, STUCK};
use super::rig::{eventually, kubectl, testbed};

/// Of the folder in which helm runs: the tests' own.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/camunda-backup");

/// The pods of the release are no business of the chart's; whatever comes now must be restricted.
async fn restrict(camunda: &Camunda) {
    let label = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(&["label", "namespace", &camunda.space.name, label, "--overwrite"], None).await;
}

async fn helm(camunda: &Camunda, verb: &[&str], values: &[&str]) -> String {
    let (repository, tag) = OURS.split_once(':').expect("a tag");
    let image = format!("image.repository={repository},image.tag={tag},image.pullPolicy=Never");
    let mut arguments = verb.to_vec();
    arguments.extend(["-n", &camunda.space.name]);
    if ["install", "upgrade", "template"].contains(&verb[0]) {
        arguments.extend([CHART, "--set", "release=camunda", "--set", &image]);
    }
    for value in values {
        arguments.extend(["--set", value]);
    }
    testbed("helm.sh", &arguments).await
}

impl Camunda {
    /// How many Jobs of a `CronJob` there are in which this is true.
    async fn jobs(&self, component: &str, counts: fn(&Value) -> bool) -> usize {
        let selector = format!("app.kubernetes.io/component={component}");
        let listed = self.space.kubectl(&["get", "jobs", "-l", &selector, "-o", "json"]).await;
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        listed["items"].as_array().expect("a list").iter().filter(|j| counts(j)).count()
    }
}

fn has_succeeded(job: &Value) -> bool {
    job["status"]["succeeded"] == 1
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn the_api_server_takes_everything_that_the_chart_and_the_manifests_have() {
    let camunda = Camunda::start(QUICK).await;
    restrict(&camunda).await;
    let all = [
        "verify.enabled=true",
        "metrics.dashboard.enabled=true",
        "rbac.secretNames={es}",
        "search.username=backup",
        "search.passwordSecret.name=es",
        "search.caSecret.name=ca",
        "urls.search=https://es:9200",
        "networkPolicy.extraEgress[0].to[0].ipBlock.cidr=10.0.0.0/8",
    ];
    let rendered = helm(&camunda, &["template", "backup"], &all).await;
    // A dry run makes no account for the pod of the test.
    camunda.space.kubectl(&["create", "serviceaccount", "backup-camunda"]).await;
    let dry_run = ["apply", "--dry-run=server", "-n", &camunda.space.name, "-f", "-"];
    let taken = kubectl(&dry_run, Some(&rendered)).await;
    for kind in [
        "cronjob.batch/backup-camunda ",
        "backup-camunda-guard",
        "backup-camunda-verify",
        "networkpolicy",
        "role.rbac",
        "rolebinding",
        "serviceaccount",
        "configmap",
        "pod/backup-camunda-check",
    ] {
        assert!(taken.contains(kind), "{kind}: {taken}");
    }
    let manifests = include_str!("../../manifests/camunda-backup.yaml");
    let manifests = manifests.replace("namespace: camunda", &format!("namespace: {}", camunda.space.name));
    kubectl(&dry_run, Some(&manifests)).await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn the_cron_job_fires_takes_backups_prunes_and_is_verified() {
    let camunda = Camunda::start(QUICK).await;
    restrict(&camunda).await;
    let values = [
        "schedule=* * * * *",
        "verify.enabled=true",
        "verify.schedule=* * * * *",
        "keep.daily=0",
        "keep.weekly=0",
        "keep.last=1",
    ];
    let notes = helm(&camunda, &["install", "backup"], &values).await;
    for line in ["helm test backup", "create job", "kubectl camunda-backup list"] {
        assert!(notes.contains(line), "{line}: {notes}");
    }
    helm(&camunda, &["test", "backup", "--logs"], &[]).await;
    eventually("two backups were taken by themselves", async || {
        camunda.jobs("create", has_succeeded).await >= 2
    })
    .await;
    // Pod Security asks for the rest, but not for a file system that nobody can write to.
    let security = "{.spec.containers[0].securityContext.readOnlyRootFilesystem} {.spec.containers[0].securityContext.capabilities.drop}";
    let security = format!("jsonpath={{range .items[*]}}{security}{{\"\\n\"}}{{end}}");
    let pods = ["get", "pods", "-l", "app.kubernetes.io/component=create", "-o", &security];
    let pods = camunda.space.kubectl(&pods).await;
    assert!(!pods.is_empty() && pods.lines().all(|p| p == r#"true ["ALL"]"#), "{pods}");
    eventually("the newest was verified", async || camunda.jobs("verify", has_succeeded).await >= 1).await;
    eventually("the guard looked", async || camunda.jobs("guard", has_succeeded).await >= 1).await;
    let keep = ["suspend=true", "schedule=* * * * *"];
    helm(&camunda, &["upgrade", "backup"], &keep).await;
    let suspended =
        ["get", "cronjobs", "-o", "jsonpath={range .items[*]}{.metadata.name}={.spec.suspend} {end}"];
    assert_eq!(camunda.space.kubectl(&suspended).await, "backup-camunda=true backup-camunda-guard=false");
    eventually("no run is left", async || camunda.jobs("create", |j| j["status"]["active"] == 1).await == 0)
        .await;
    // One is kept, whatever was taken.
    let listed = camunda.run(&["list", "-o", "json"]).expect(0).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    assert!(camunda.is_exporting().await);
    helm(&camunda, &["uninstall", "backup", "--wait"], &[]).await;
    let ours = [
        "get",
        "cronjobs,serviceaccounts,roles,rolebindings,networkpolicies",
        "-l",
        "app.kubernetes.io/instance=backup",
        "-o",
        "name",
    ];
    assert_eq!(camunda.space.kubectl(&ours).await, "");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn an_uninstall_while_exporting_is_paused_resumes_it() {
    let camunda = Camunda::start(STUCK).await;
    restrict(&camunda).await;
    // Nobody but the pod itself may resume, and its rights go at the same moment as it is told to end.
    helm(&camunda, &["install", "backup"], &["suspend=true", "guard.enabled=false", "job.backoffLimit=0"])
        .await;
    camunda.space.kubectl(&["create", "job", "--from=cronjob/backup-camunda", "first"]).await;
    let paused = async || !camunda.is_exporting().await;
    eventually("exporting is paused", paused).await;
    helm(&camunda, &["uninstall", "backup"], &[]).await;
    let pods = ["get", "pods", "-l", "job-name=first", "-o", "name"];
    eventually("its pod is gone", async || camunda.space.kubectl(&pods).await.is_empty()).await;
    assert!(camunda.is_exporting().await);
    // It could not write that down any more.
    camunda.run(&["resume", "--if-abandoned", "--release", "camunda"]).expect(0);
    assert!(camunda.is_exporting().await && !camunda.is_armed().await);
}

/// Kills on the node: only where the node is the testbed's.
mod outage {
    use super::*;

    #[tokio::test]
    #[ignore = "make test-kubernetes"]
    async fn the_guard_resumes_exporting_after_a_pod_that_was_killed_while_it_was_paused() {
        let camunda = Camunda::start(STUCK).await;
        restrict(&camunda).await;
        // Nobody but the guard may repair: no run by schedule, no second pod.
        helm(&camunda, &["install", "backup"], &["suspend=true", "job.backoffLimit=0"]).await;
        camunda.space.kubectl(&["create", "job", "--from=cronjob/backup-camunda", "first"]).await;
        let paused = async || !camunda.is_exporting().await;
        eventually("exporting is paused", paused).await;
        // A busy kubelet tells later what runs.
        let id = "jsonpath={.items[0].status.containerStatuses[0].containerID}";
        let id = async || camunda.space.kubectl(&["get", "pods", "-l", "job-name=first", "-o", id]).await;
        eventually("its container is told", async || !id().await.is_empty()).await;
        let id = id().await.strip_prefix("containerd://").expect("a container").to_owned();
        testbed("exec.sh", &["ctr", "-n", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", &id]).await;
        let resumed = async || camunda.is_exporting().await && !camunda.is_armed().await;
        eventually("the guard has resumed it", resumed).await;
        assert!(camunda.jobs("guard", |_| true).await >= 1);
        let told = async || camunda.events().await.contains("ExportingRepaired");
        eventually("it is told", told).await;
    }

    #[tokio::test]
    #[ignore = "make test-kubernetes"]
    async fn a_pod_that_is_deleted_while_exporting_is_paused_resumes_it_before_it_goes() {
        let camunda = Camunda::start(STUCK).await;
        restrict(&camunda).await;
        helm(
            &camunda,
            &["install", "backup"],
            &["suspend=true", "guard.enabled=false", "job.backoffLimit=0"],
        )
        .await;
        camunda.space.kubectl(&["create", "job", "--from=cronjob/backup-camunda", "first"]).await;
        let paused = async || !camunda.is_exporting().await;
        eventually("exporting is paused", paused).await;
        camunda.space.kubectl(&["delete", "pods", "-l", "job-name=first"]).await;
        assert!(camunda.is_exporting().await && !camunda.is_armed().await);
    }
}
