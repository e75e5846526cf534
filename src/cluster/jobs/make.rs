//! The Job as data.

use serde_json::{Value, json};

use crate::cluster::names::{self, MANAGED_BY, OURS, RELEASE};

/// A Job where no `CronJob` is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFromImage {
    /// The image of this tool.
    pub image: String,
    /// What it runs as: an account with the rights of `create`.
    pub service_account: Option<String>,
    /// How long it may take from SIGTERM to its end, in seconds: the budget of a release, and half a minute.
    pub grace_seconds: u32,
    /// When Kubernetes ends it, in seconds: also one whose image never comes, or that finds no node.
    pub deadline_seconds: u64,
    /// How often it is started again when it dies, or ends with a code that another run may turn into success.
    pub retries: u32,
    /// Exit codes with which another run makes no sense.
    pub final_codes: Vec<u8>,
}

/// `kubectl create job --from`, with more arguments.
pub(super) fn from_cron_job(cron_job: &Value, arguments: &[String]) -> Result<Value, String> {
    let name = cron_job["metadata"]["name"].as_str().unwrap_or_default();
    let template = &cron_job["spec"]["jobTemplate"];
    let mut annotations = template["metadata"]["annotations"].clone();
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations["cronjob.kubernetes.io/instantiate"] = "manual".into();
    let mut metadata = json!({
        "name": job_name(name),
        "annotations": annotations,
        // Without blockOwnerDeletion, which would take one more right.
        "ownerReferences": [{
            "apiVersion": "batch/v1", "kind": "CronJob", "name": name,
            "uid": cron_job["metadata"]["uid"], "controller": true,
        }],
    });
    if template["metadata"]["labels"].is_object() {
        metadata["labels"] = template["metadata"]["labels"].clone();
    }
    let mut job =
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"] });
    let containers = job["spec"]["template"]["spec"]["containers"].as_array_mut();
    let container = containers.and_then(|all| {
        let ours = all.iter().position(|c| c["name"] == OURS).unwrap_or(0);
        all.get_mut(ours)
    });
    let container = container.ok_or_else(|| format!("CronJob {name} has no container"))?;
    if !arguments.is_empty() {
        let Some(args) = container["args"].as_array_mut().filter(|a| !a.is_empty()) else {
            return Err(format!(
                "CronJob {name} has no arguments to which {} could be added",
                arguments.join(" ")
            ));
        };
        args.extend(arguments.iter().map(|a| Value::from(a.as_str())));
    }
    Ok(job)
}

/// How long Kubernetes has to leave a run alone, so that its own limits come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLimits {
    /// From SIGTERM to its end, in seconds.
    pub grace_seconds: u32,
    /// All of its pods together, in seconds.
    pub deadline_seconds: u64,
}

/// The limits that the arguments of a container ask for, with so many pods one after the other. `None`: it cannot be told.
pub type LimitsOf = fn(&[String], u32) -> Option<JobLimits>;

/// Gives a Job the time that its arguments ask for, where the `CronJob` has given it less.
pub(super) fn raise(job: &mut Value, limits: LimitsOf) {
    let name = container(job).unwrap_or_default().to_owned();
    let spec = &mut job["spec"];
    let pods =
        spec["backoffLimit"].as_u64().and_then(|n| u32::try_from(n).ok()).map_or(7, |n| n.saturating_add(1));
    let containers = spec["template"]["spec"]["containers"].as_array();
    let ours = containers.and_then(|all| all.iter().find(|c| c["name"] == name.as_str()));
    let args = ours.and_then(|c| c["args"].as_array()).into_iter().flatten();
    let args: Vec<String> = args.filter_map(|a| a.as_str().map(str::to_owned)).collect();
    let Some(limits) = limits(&args, pods) else { return };
    // Without a deadline it has all the time.
    if spec["activeDeadlineSeconds"].as_u64().is_some_and(|given| given < limits.deadline_seconds) {
        spec["activeDeadlineSeconds"] = limits.deadline_seconds.into();
    }
    let pod = &mut spec["template"]["spec"];
    // What Kubernetes gives where nothing says it.
    if pod["terminationGracePeriodSeconds"].as_u64().unwrap_or(30) < u64::from(limits.grace_seconds) {
        pod["terminationGracePeriodSeconds"] = limits.grace_seconds.into();
    }
}

pub(super) fn from_image(from: &JobFromImage, release: &str, arguments: &[String]) -> Value {
    let labels = json!({ MANAGED_BY: OURS, RELEASE: names::label_value(release) });
    let mut args = vec!["create".to_owned(), "--release".to_owned(), release.to_owned()];
    args.extend_from_slice(arguments);
    let container = json!({
        "name": OURS,
        "image": from.image,
        "args": args,
        "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "512Mi" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
    });
    let mut pod = json!({
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": from.grace_seconds,
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [container],
    });
    if let Some(account) = &from.service_account {
        pod["serviceAccountName"] = account.as_str().into();
    }
    let mut spec = json!({
        "backoffLimit": from.retries,
        "activeDeadlineSeconds": from.deadline_seconds,
        "ttlSecondsAfterFinished": 7 * 24 * 3600,
        "template": { "metadata": { "labels": labels }, "spec": pod },
    });
    if !from.final_codes.is_empty() {
        let codes = json!({ "containerName": OURS, "operator": "In", "values": from.final_codes });
        spec["podFailurePolicy"] = json!({ "rules": [{ "action": "FailJob", "onExitCodes": codes }] });
    }
    let metadata = json!({ "name": job_name(&names::object_name(release, "")), "labels": labels });
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec })
}

/// The name of the container that does the work.
pub(super) fn container(job: &Value) -> Option<&str> {
    let containers = job["spec"]["template"]["spec"]["containers"].as_array()?;
    containers.iter().find(|c| c["name"] == OURS).or(containers.first())?["name"].as_str()
}

/// Names of Jobs become labels of pods: 63 characters at most.
fn job_name(of: &str) -> String {
    let of: String = of.chars().take(47).collect();
    let random = names::random();
    format!("{}-manual-{}", of.trim_end_matches(['-', '.']), &random[..8])
}
