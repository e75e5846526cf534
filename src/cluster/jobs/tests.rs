//! Jobs as data, and following on an API server in memory.

use serde_json::{Value, json};

use super::make::{container, from_cron_job, from_image, raise};
use super::*;
use crate::cluster::fake::{FakeApi, How};

fn cron_job() -> Value {
    let container = json!({ "name": "camunda-backup", "image": "x:1", "args": ["create", "--release", "camunda"], "resizePolicy": [] });
    let template = json!({ "spec": { "containers": [{ "name": "sidecar" }, container], "someNewField": 7 } });
    let job = json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "backoffLimit": 1, "template": template } });
    let labels = json!({ "camunda-backup/release": "camunda" });
    json!({ "metadata": { "name": "nightly", "uid": "u-1", "labels": labels }, "spec": { "schedule": "@daily", "jobTemplate": job } })
}

#[test]
fn a_job_from_a_cron_job_is_as_kubectl_makes_it() {
    let job = from_cron_job(&cron_job(), &["--backup-id".to_owned(), "17".to_owned()]).expect("usable");
    let metadata = &job["metadata"];
    assert!(metadata["name"].as_str().expect("a name").starts_with("nightly-manual-"));
    assert_eq!(metadata["annotations"]["cronjob.kubernetes.io/instantiate"], "manual");
    assert_eq!(
        (&metadata["ownerReferences"][0]["uid"], &metadata["labels"]["a"]),
        (&json!("u-1"), &json!("b"))
    );
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["someNewField"], 7, "what we do not know is kept");
    assert_eq!(pod["containers"][1]["args"], json!(["create", "--release", "camunda", "--backup-id", "17"]));
    assert_eq!(container(&job), Some("camunda-backup"));
    let mut without = cron_job();
    without["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"] = json!([{ "name": "x" }]);
    assert!(from_cron_job(&without, &[]).is_ok());
    assert!(from_cron_job(&without, &["--x".to_owned()]).is_err());
    let mut long = cron_job();
    long["metadata"]["name"] = "n".repeat(52).into();
    let name = from_cron_job(&long, &[]).expect("usable")["metadata"]["name"].as_str().map(str::len);
    assert!(name.is_some_and(|n| n <= 63));
}

#[test]
fn a_job_gets_the_time_that_its_arguments_ask_for() {
    let limits: LimitsOf = |args, pods| {
        assert_eq!((args, pods), (&["create", "--release", "camunda"].map(str::to_owned)[..], 2));
        Some(JobLimits { grace_seconds: 360, deadline_seconds: 9000 })
    };
    let raised = |deadline: Option<u64>, grace: Option<u64>| {
        let mut job = from_cron_job(&cron_job(), &[]).expect("usable");
        job["spec"]["activeDeadlineSeconds"] = deadline.into();
        job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = grace.into();
        raise(&mut job, limits);
        let spec = &job["spec"];
        (
            spec["activeDeadlineSeconds"].as_u64(),
            spec["template"]["spec"]["terminationGracePeriodSeconds"].as_u64(),
        )
    };
    assert_eq!(raised(Some(7200), Some(330)), (Some(9000), Some(360)));
    // Nothing is taken away, and none is for ever.
    assert_eq!(raised(Some(10_000), Some(400)), (Some(10_000), Some(400)));
    assert_eq!(raised(None, None), (None, Some(360)));
}

fn image() -> JobFromImage {
    JobFromImage {
        image: "registry/camunda-backup:1".to_owned(),
        service_account: Some("backup".to_owned()),
        grace_seconds: 330,
        deadline_seconds: 7200,
        retries: 2,
        final_codes: vec![2, 40],
    }
}

#[test]
fn a_job_from_an_image_may_run_in_a_restricted_namespace() {
    let job = from_image(&image(), "camunda", &["--timeout=1h".to_owned()]);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["args"], json!(["create", "--release", "camunda", "--timeout=1h"]));
    assert_eq!(
        (&pod["securityContext"]["runAsNonRoot"], &pod["restartPolicy"]),
        (&json!(true), &json!("Never"))
    );
    // Else one whose image never comes would begin some day when nobody expects it.
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 7200);
    let codes = &job["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"];
    assert_eq!(codes, &json!([2, 40]));
}

#[tokio::test(start_paused = true)]
async fn the_cron_job_of_a_release_is_found_and_started_once() {
    let api = FakeApi::default();
    let cluster = Cluster::from_client(api.client(), "prod");
    api.put("/apis/batch/v1/namespaces/prod/cronjobs/nightly", cron_job());
    let mut guard = cron_job();
    guard["metadata"]["name"] = "guard".into();
    guard["metadata"]["labels"]["app.kubernetes.io/component"] = "guard".into();
    api.put("/apis/batch/v1/namespaces/prod/cronjobs/guard", guard);
    assert_eq!(cluster.backup_cron_jobs("prod", "camunda").await, Ok(vec!["nightly".to_owned()]));
    assert_eq!(cluster.backup_cron_jobs("prod", "other").await, Ok(vec![]));
    let source = JobSource::CronJob("nightly".to_owned());
    api.fail("POST", "/jobs", 1, How::LoseAnswer);
    let started = cluster.start_job("prod", "camunda", &source, &[], None).await.expect("it is there");
    assert_eq!(api.objects("/namespaces/prod/jobs/").len(), 1);
    assert_eq!(started.container, "camunda-backup");
    api.fail("POST", "/jobs", 1, How::Lose);
    assert!(matches!(
        cluster.start_job("prod", "camunda", &source, &[], None).await,
        Err(ClusterError::NoAnswer { .. })
    ));
    cluster.stop_job(&started).await.expect("deleted");
    cluster.stop_job(&started).await.expect("gone already");
    let end = cluster.follow_job(&started, |_| {}, |_| {}).await;
    assert_eq!(end, Ok(JobEnd::Failed(format!("Job {} was deleted", started.name))));
}

fn running_pod(name: &str, state: &Value) -> Value {
    let labels = json!({ "batch.kubernetes.io/job-name": "nightly-1" });
    let container = json!({ "name": "camunda-backup", "state": state, "image": "", "imageID": "", "ready": true, "restartCount": 0 });
    json!({ "metadata": { "name": name, "labels": labels }, "status": { "containerStatuses": [container] } })
}

#[tokio::test(start_paused = true)]
async fn a_job_is_followed_to_its_end_although_a_log_cannot_be_read() {
    const POD: &str = "/api/v1/namespaces/prod/pods/nightly-1-a";
    const JOB: &str = "/apis/batch/v1/namespaces/prod/jobs/nightly-1";
    let job = StartedJob {
        namespace: "prod".to_owned(),
        name: "nightly-1".to_owned(),
        container: "camunda-backup".to_owned(),
    };
    // Deleted between two looks, its node lost, its log not for us: for longer than an API server may be away.
    for how in [How::Refuse(404, "NotFound"), How::Refuse(502, "BadGateway"), How::Refuse(403, "Forbidden")] {
        let api = FakeApi::default();
        let cluster = Cluster::from_client(api.client(), "prod");
        api.put(JOB, json!({ "metadata": { "name": "nightly-1" } }));
        api.put(POD, running_pod("nightly-1-a", &json!({ "running": {} })));
        api.fail("GET", "/log", usize::MAX, how);
        let news = std::cell::RefCell::new(Vec::new());
        let follow = cluster.follow_job(&job, |_| {}, |n| news.borrow_mut().push(n.to_owned()));
        let goes_on = async {
            tokio::time::sleep(Duration::from_secs(300)).await;
            api.put(POD, running_pod("nightly-1-a", &json!({ "terminated": { "exitCode": 21 } })));
            let failed = json!({ "type": "Failed", "status": "True" });
            api.put(
                JOB,
                json!({ "metadata": { "name": "nightly-1" }, "status": { "conditions": [failed] } }),
            );
        };
        let (end, ()) = tokio::join!(follow, goes_on);
        assert_eq!(end, Ok(JobEnd::Exited { code: 21, pod: "nightly-1-a".to_owned() }), "{how:?}");
        let told = news.borrow().iter().filter(|n| n.contains("cannot be read")).count();
        assert_eq!(told, 1, "{how:?}: {:?}", news.borrow());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_complete_has_succeeded_whatever_was_seen_before() {
    let api = FakeApi::default();
    let cluster = Cluster::from_client(api.client(), "prod");
    let job = StartedJob {
        namespace: "prod".to_owned(),
        name: "nightly-1".to_owned(),
        container: "camunda-backup".to_owned(),
    };
    // As with `restartPolicy: OnFailure`: the same pod, started once more.
    let ended = |code: i32| running_pod("nightly-1-a", &json!({ "terminated": { "exitCode": code } }));
    api.put("/api/v1/namespaces/prod/pods/nightly-1-a", ended(12));
    let path = "/apis/batch/v1/namespaces/prod/jobs/nightly-1";
    api.put(path, json!({ "metadata": { "name": "nightly-1" } }));
    let goes_on = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        api.put("/api/v1/namespaces/prod/pods/nightly-1-a", ended(0));
        let complete = json!({ "type": "Complete", "status": "True" });
        api.put(path, json!({ "metadata": { "name": "nightly-1" }, "status": { "conditions": [complete] } }));
    };
    let (end, ()) = tokio::join!(cluster.follow_job(&job, |_| {}, |_| {}), goes_on);
    assert_eq!(end, Ok(JobEnd::Exited { code: 0, pod: "nightly-1-a".to_owned() }));
}
