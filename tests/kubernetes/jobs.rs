//! Jobs made from a `CronJob` or an image, followed to their end on a real cluster.

use camunda_backup::cluster::rights::Command;
use camunda_backup::cluster::{ClusterError, JobEnd, JobFromImage, JobSource, StartedJob};
use serde_json::{Value, json};

use super::rig::{IMAGE, Space, eventually, image};

/// A `CronJob` as the chart would make it, whose container does what it is told.
pub async fn install(space: &Space, name: &str, args: &Value, retries: u32) {
    image().await;
    let labels = json!({ "camunda-backup/release": "camunda" });
    let container =
        json!({ "name": "camunda-backup", "image": IMAGE, "imagePullPolicy": "Never", "args": args });
    let pod =
        json!({ "restartPolicy": "Never", "terminationGracePeriodSeconds": 2, "containers": [container] });
    let template = json!({ "metadata": { "labels": labels }, "spec": pod });
    let job = json!({ "metadata": { "labels": labels }, "spec": { "backoffLimit": retries, "template": template } });
    let spec = json!({ "schedule": "0 0 1 1 *", "jobTemplate": job });
    let metadata = json!({ "name": name, "labels": labels });
    space
        .apply(&json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec }))
        .await;
}

pub async fn start(space: &Space, name: &str, arguments: &[&str]) -> Result<StartedJob, ClusterError> {
    let arguments: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let source = JobSource::CronJob(name.to_owned());
    space.cluster.start_job(&space.name, "camunda", &source, &arguments, None).await
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn the_log_and_the_exit_code_come_back() {
    let space = Space::new().await;
    install(&space, "nightly", &json!(["exit"]), 0).await;
    assert_eq!(space.cluster.backup_cron_jobs(&space.name, "camunda").await, Ok(vec!["nightly".to_owned()]));
    for code in [0, 21] {
        let job = start(&space, "nightly", &[&code.to_string()]).await.expect("started");
        match space.cluster.follow_job(&job, |_| {}, |_| {}).await {
            Ok(JobEnd::Exited { code: ended, .. }) => assert_eq!(ended, code),
            other => panic!("expected it to end with {code}, got {other:?}"),
        }
        let owner = "jsonpath={.metadata.ownerReferences[0].name} {.metadata.annotations}";
        let shown = space.kubectl(&["get", "job", &job.name, "-o", owner]).await;
        assert!(shown.starts_with("nightly ") && shown.contains("manual"), "{shown}");
    }
    // What it says, each line once. The program's own complaint is its log.
    install(&space, "talks", &json!(["what"]), 0).await;
    let job = start(&space, "talks", &[]).await.expect("started");
    let mut lines = Vec::new();
    let end = space.cluster.follow_job(&job, |l| lines.push(l.to_owned()), |_| {}).await;
    assert!(matches!(end, Ok(JobEnd::Exited { code: 1, .. })), "{end:?}");
    assert!(lines.len() == 1 && lines[0].starts_with("hello: usage:"), "{lines:?}");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_deleted_pod_is_followed_by_the_next_one_and_stopping_ends_it() {
    let space = Space::new().await;
    install(&space, "serves", &json!(["serve", ":8080", "x"]), 3).await;
    let job = start(&space, "serves", &[]).await.expect("started");
    let (lines, news) = (std::cell::RefCell::new(Vec::new()), std::cell::RefCell::new(Vec::new()));
    let follow = space.cluster.follow_job(
        &job,
        |l| lines.borrow_mut().push(l.to_owned()),
        |n| news.borrow_mut().push(n.to_owned()),
    );
    let disturb = async {
        eventually("the first pod's log", async || lines.borrow().len() == 1).await;
        let selector = format!("batch.kubernetes.io/job-name={}", job.name);
        space.kubectl(&["delete", "pod", "-l", &selector, "--wait=false"]).await;
        eventually("the second pod's log", async || lines.borrow().len() == 2).await;
        space.cluster.stop_job(&job).await.expect("deleted");
    };
    let (end, ()) = tokio::join!(follow, disturb);
    // How its pod closed, when that could still be seen.
    assert!(
        matches!(&end, Ok(JobEnd::Failed(why)) if why.contains("was deleted"))
            || matches!(&end, Ok(JobEnd::Exited { code, .. }) if *code != 0),
        "{end:?}"
    );
    assert_eq!(news.borrow().iter().filter(|n| n.ends_with(" runs")).count(), 2, "{:?}", news.borrow());
    assert!(
        lines.borrow().iter().all(|l| l.starts_with("serving as serves-manual-")),
        "{:?}",
        lines.borrow()
    );
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn an_image_that_is_not_there_is_told_and_the_rights_are_those_of_the_table() {
    let space = Space::new().await;
    image().await;
    let rights = Command::CreateInCluster.rights(true, &[]);
    let account = space.account_with("starter", &rights).await;
    let mut from = JobFromImage {
        image: "testbed.local/not-there:1".to_owned(),
        service_account: None,
        grace_seconds: 2,
        deadline_seconds: 600,
        retries: 0,
        final_codes: vec![2, 40],
    };
    let source = JobSource::Image(from.clone());
    let job = account.start_job(&space.name, "camunda", &source, &[], None).await.expect("started");
    let news = std::cell::RefCell::new(Vec::new());
    let follow = account.follow_job(&job, |_| {}, |n| news.borrow_mut().push(n.to_owned()));
    let stop = async {
        let told = async || {
            news.borrow().iter().any(|n| n.contains("ErrImagePull") || n.contains("ImagePullBackOff"))
        };
        eventually("the image is told", told).await;
        account.stop_job(&job).await.expect("deleted");
    };
    let (end, ()) = tokio::join!(follow, stop);
    assert!(matches!(end, Ok(JobEnd::Failed(_))), "{end:?}");
    // One that is there, with arguments that it does not know: as it runs in a restricted namespace.
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    space.kubectl(&["label", "namespace", &space.name, enforce]).await;
    from.image = IMAGE.to_owned();
    let job =
        account.start_job(&space.name, "camunda", &JobSource::Image(from), &[], None).await.expect("started");
    let end = account.follow_job(&job, |_| {}, |_| {}).await;
    assert!(matches!(end, Ok(JobEnd::Exited { code: 1, .. })), "{end:?}");
}
