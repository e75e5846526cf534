//! `create --in-cluster`: a Job that runs there, followed from here.
//!
//! Contract for whoever installs a `CronJob` (the chart): it and its Jobs' pods carry the label `camunda-backup/release`
//! with the release's name; a `CronJob` with `app.kubernetes.io/component: guard` is not one that takes backups; the
//! container that runs is called `camunda-backup`, or is the only one; its arguments begin with the verb.

mod follow;
mod make;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, ListParams, PostParams, PropagationPolicy};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::access::{Cluster, within};
use super::error::{Ask, ClusterError};
use super::names::{self, RELEASE};

pub use follow::JobEnd;
pub use make::{JobFromImage, JobLimits, LimitsOf};

/// A Job that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedJob {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The container that does the work.
    pub container: String,
}

/// Where the Job comes from.
#[derive(Debug, Clone)]
pub enum JobSource {
    /// This installed `CronJob`.
    CronJob(String),
    /// An image, where nothing is installed.
    Image(JobFromImage),
}

/// Selects the `CronJob`s that take backups of a release.
pub(super) fn backup_cron_jobs(release: &str) -> String {
    format!("{RELEASE}={},{NOT_A_GUARD}", names::label_value(release))
}

const NOT_A_GUARD: &str = "app.kubernetes.io/component!=guard";

impl Cluster {
    /// The installed `CronJob`s that take backups of a release.
    pub async fn backup_cron_jobs(
        &self,
        namespace: &str,
        release: &str,
    ) -> Result<Vec<String>, ClusterError> {
        let params = ListParams::default().labels(&backup_cron_jobs(release));
        let api = self.cron_jobs(namespace);
        let found = self.read(&Ask::all("list", "cronjobs.batch", namespace), || api.list(&params)).await?;
        Ok(found.items.iter().map(ResourceExt::name_any).collect())
    }

    /// The releases of a namespace that have a `CronJob` for backups, as its label says it.
    pub async fn releases_with_cron_jobs(&self, namespace: &str) -> Result<Vec<String>, ClusterError> {
        let params = ListParams::default().labels(&format!("{RELEASE},{NOT_A_GUARD}"));
        let api = self.cron_jobs(namespace);
        let found = self.read(&Ask::all("list", "cronjobs.batch", namespace), || api.list(&params)).await?;
        let mut all: Vec<_> = found.items.iter().filter_map(|o| o.labels().get(RELEASE).cloned()).collect();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// As plain data: what a newer API server knows of a pod must not get lost on the way from `CronJob` to Job.
    fn cron_jobs(&self, namespace: &str) -> Api<DynamicObject> {
        let kind = kube::core::GroupVersionKind::gvk("batch", "v1", "CronJob");
        let resource = ApiResource::from_gvk_with_plural(&kind, "cronjobs");
        Api::namespaced_with(self.client().clone(), namespace, &resource)
    }

    /// Starts a run of a release in the cluster. `arguments` are added to those of the `CronJob`; with `limits`, so that what
    /// they ask for fits into the Job's own.
    pub async fn start_job(
        &self,
        namespace: &str,
        release: &str,
        source: &JobSource,
        arguments: &[String],
        limits: Option<LimitsOf>,
    ) -> Result<StartedJob, ClusterError> {
        let job = match source {
            JobSource::Image(image) => make::from_image(image, release, arguments),
            JobSource::CronJob(name) => {
                let api = self.cron_jobs(namespace);
                let found =
                    self.read(&Ask::one("get", "cronjobs.batch", namespace, name), || api.get(name)).await?;
                let found =
                    serde_json::to_value(found).map_err(|e| ClusterError::Unintelligible(e.to_string()))?;
                let mut job = make::from_cron_job(&found, arguments).map_err(ClusterError::Unintelligible)?;
                if let Some(limits) = limits {
                    make::raise(&mut job, limits);
                }
                job
            }
        };
        let name = job["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let container = make::container(&job).unwrap_or_default().to_owned();
        let ask = Ask::one("create", "jobs.batch", namespace, &name);
        self.create_once(&ask, namespace, &job).await?;
        Ok(StartedJob { namespace: namespace.to_owned(), name, container })
    }

    /// The name is ours alone: when the answer is lost, it is looked whether the Job is there.
    async fn create_once(&self, ask: &Ask, namespace: &str, job: &Value) -> Result<(), ClusterError> {
        let object: DynamicObject =
            serde_json::from_value(job.clone()).map_err(|e| ClusterError::Unintelligible(e.to_string()))?;
        let kind = kube::core::GroupVersionKind::gvk("batch", "v1", "Job");
        let resource = ApiResource::from_gvk_with_plural(&kind, "jobs");
        let api: Api<DynamicObject> = Api::namespaced_with(self.client().clone(), namespace, &resource);
        match self.ask(ask, api.create(&PostParams::default(), &object)).await {
            Ok(_) => Ok(()),
            Err(error @ ClusterError::NoAnswer { .. }) => {
                let name = ask.name.as_deref().unwrap_or_default();
                self.read(&Ask::one("get", "jobs.batch", namespace, name), || api.get(name))
                    .await
                    .map_err(|_| error)?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a Job: its pod gets SIGTERM, and closes as it would for Ctrl-C.
    pub async fn stop_job(&self, job: &StartedJob) -> Result<(), ClusterError> {
        let api = self.api::<Job>(&job.namespace);
        let ask = Ask::one("delete", "jobs.batch", &job.namespace, &job.name);
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match within(self.deadline().min(Duration::from_secs(20)), &ask, api.delete(&job.name, &params)).await
        {
            Ok(_) | Err(ClusterError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
