//! Following a Job to its end: what its pods say, one after the other, and how the last one ended.
//!
//! Nothing here decides anything for the Job: whoever stops following changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::AsyncBufReadExt as _;
use futures_util::stream::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::ResourceExt as _;
use kube::api::{ListParams, LogParams};
use tokio::time::Instant;

use super::StartedJob;
use crate::cluster::access::{Cluster, in_time, within};
use crate::cluster::error::{Ask, ClusterError};

/// How often we look.
const LOOK: Duration = Duration::from_secs(1);

/// Silence after which we look whether the container still runs: a frozen connection says nothing either.
const SILENCE: Duration = Duration::from_secs(10);

/// How long the API server may be away before we stop following.
const AWAY: Duration = Duration::from_secs(120);

/// How a Job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// The last container ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
        /// Its pod.
        pod: String,
    },
    /// It has no exit code: it never ran, it was deleted, or it ran out of time.
    Failed(String),
}

impl Cluster {
    /// Follows a Job to its end. `line` gets each line of its log, once, and `news` what happens around it. Of one that
    /// is deleted meanwhile, the pods are followed until they have closed.
    pub async fn follow_job(
        &self,
        job: &StartedJob,
        mut line: impl FnMut(&str),
        mut news: impl FnMut(&str),
    ) -> Result<JobEnd, ClusterError> {
        let mut follower =
            Follower { cluster: self, job, told: BTreeSet::new(), seen: BTreeMap::new(), last: None };
        let mut away: Option<Instant> = None;
        loop {
            match follower.look(&mut line, &mut news).await {
                Ok(Some(end)) => return Ok(end),
                Ok(None) => away = None,
                Err(error) if error.is_passing() => {
                    let since = *away.get_or_insert_with(Instant::now);
                    if since.elapsed() >= AWAY {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

struct Follower<'a> {
    cluster: &'a Cluster,
    job: &'a StartedJob,
    /// What was told already, such as that a pod waits.
    told: BTreeSet<String>,
    /// Pods, and the time of the last line that we have of them; `None` for those that are done.
    seen: BTreeMap<String, Option<Timestamp>>,
    last: Option<JobEnd>,
}

impl Follower<'_> {
    /// One look: the pods that are there, then the Job itself.
    async fn look(
        &mut self,
        line: &mut impl FnMut(&str),
        news: &mut impl FnMut(&str),
    ) -> Result<Option<JobEnd>, ClusterError> {
        let StartedJob { namespace, name, .. } = self.job;
        // Asked before the pods: when it says that it has ended, all its pods are there to be seen.
        let jobs = self.cluster.api::<Job>(namespace);
        let deadline = self.cluster.deadline();
        let job =
            match within(deadline, &Ask::one("get", "jobs.batch", namespace, name), jobs.get(name)).await {
                Ok(job) => Some(job),
                // Its pod closes first, and that is what matters.
                Err(ClusterError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
        let pods = self.cluster.api::<Pod>(namespace);
        let params = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={name}"));
        let mut found =
            within(deadline, &Ask::all("list", "pods", namespace), pods.list(&params)).await?.items;
        found.sort_by_key(|p| (p.metadata.creation_timestamp.as_ref().map(|t| t.0), p.name_any()));
        for pod in &found {
            self.pod(pod, line, news).await?;
        }
        let Some(job) = job else {
            let open = found.iter().any(|p| self.seen.get(&p.name_any()).is_some_and(Option::is_some));
            let deleted = || JobEnd::Failed(format!("Job {name} was deleted"));
            return Ok((!open).then(|| self.last.take().unwrap_or_else(deleted)));
        };
        Ok(ended(&job).map(|how| match (how, self.last.take()) {
            // Complete is what has ended with 0, be it after a failure that we saw, in another pod or another start of it.
            (Ok(()), Some(JobEnd::Exited { pod, .. })) => JobEnd::Exited { code: 0, pod },
            (_, Some(end)) => end,
            (Ok(()), None) => JobEnd::Failed(format!("Job {name} is complete, but its pod is gone")),
            (Err(why), None) => JobEnd::Failed(why),
        }))
    }

    async fn pod(
        &mut self,
        pod: &Pod,
        line: &mut impl FnMut(&str),
        news: &mut impl FnMut(&str),
    ) -> Result<(), ClusterError> {
        let name = pod.name_any();
        if self.seen.get(&name).is_some_and(Option::is_none) {
            return Ok(());
        }
        let mut tell = |text: String| {
            if self.told.insert(text.clone()) {
                news(&text);
            }
        };
        match state(pod, &self.job.container) {
            Some(ContainerState { waiting: Some(waiting), .. }) => {
                let reason = waiting.reason.unwrap_or_default();
                let more = waiting.message.map(|m| format!(": {m}")).unwrap_or_default();
                tell(format!("pod {name} waits ({reason}{more})"));
                return Ok(());
            }
            None => {
                let conditions =
                    pod.status.as_ref().and_then(|s| s.conditions.as_ref()).into_iter().flatten();
                for c in conditions.filter(|c| c.type_ == "PodScheduled" && c.status == "False") {
                    let why = c.message.clone().or(c.reason.clone()).unwrap_or_default();
                    tell(format!("pod {name} has no node yet: {why}"));
                }
                return Ok(());
            }
            Some(_) => tell(format!("pod {name} runs")),
        }
        let end = match self.log(&name, line).await {
            Ok(end) => end,
            // Its node is lost, or it was deleted just now, or logs may not be read: what becomes of the Job does not hang
            // on that.
            Err(error) => {
                let text = format!("the log of pod {name} cannot be read: {error}");
                if self.told.insert(text.clone()) {
                    news(&text);
                }
                self.end(&name).await?
            }
        };
        if let Some(end) = end {
            self.seen.insert(name, None);
            self.last = Some(end);
        }
        Ok(())
    }

    /// Reads a container's log until it ends, or the stream breaks. With the end, if the container has ended.
    async fn log(&mut self, pod: &str, line: &mut impl FnMut(&str)) -> Result<Option<JobEnd>, ClusterError> {
        let from = self.seen.get(pod).copied().flatten().unwrap_or(Timestamp::MIN);
        let StartedJob { namespace, container, .. } = self.job;
        let pods = self.cluster.api::<Pod>(namespace);
        let params = LogParams {
            container: Some(container.clone()),
            follow: true,
            timestamps: true,
            // Whole seconds are what the API takes: what we had of that second comes again, and is passed over.
            since_time: (from > Timestamp::MIN).then_some(from),
            ..LogParams::default()
        };
        let ask = Ask::one("get", "pods/log", namespace, pod);
        let stream = within(self.cluster.deadline(), &ask, pods.log_stream(pod, &params)).await?;
        let mut lines = stream.lines();
        loop {
            match in_time(SILENCE, lines.next()).await {
                Some(Some(Ok(text))) => {
                    let (at, text) = stamped(&text);
                    if at.is_none_or(|at| at > from) {
                        line(text);
                    }
                    // Noted line by line: whatever fails next, none comes twice.
                    if let Some(at) = at {
                        self.seen.insert(pod.to_owned(), Some(at.max(from)));
                    }
                }
                Some(Some(Err(error))) => {
                    tracing::debug!(%error, pod, "the log broke off");
                    break;
                }
                // Silence is usual; a container that has ended, and a log that does not, is not.
                None if self.end(pod).await?.is_none() => {}
                None | Some(None) => break,
            }
        }
        self.end(pod).await
    }

    /// How the container ended, if it has.
    async fn end(&self, pod: &str) -> Result<Option<JobEnd>, ClusterError> {
        let StartedJob { namespace, container, .. } = self.job;
        let pods = self.cluster.api::<Pod>(namespace);
        let ask = Ask::one("list", "pods", namespace, pod);
        // Listed by name, so that following takes no right to `get` pods.
        let params = ListParams::default().fields(&format!("metadata.name={pod}"));
        let found = within(self.cluster.deadline(), &ask, pods.list(&params)).await?;
        let Some(found) = found.items.first() else {
            return Ok(Some(JobEnd::Failed(format!("pod {pod} was deleted"))));
        };
        let terminated = state(found, container).and_then(|s| s.terminated);
        Ok(terminated.map(|t| JobEnd::Exited { code: t.exit_code, pod: pod.to_owned() }))
    }
}

fn state(pod: &Pod, container: &str) -> Option<ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|s| s.name == container)?.state.clone()
}

/// Whether the Job has ended, and why when it failed.
fn ended(job: &Job) -> Option<Result<(), String>> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().filter(|c| c.status == "True").find_map(|c| match c.type_.as_str() {
        "Complete" => Some(Ok(())),
        "Failed" => {
            let why = [c.reason.as_deref(), c.message.as_deref()];
            Some(Err(why.into_iter().flatten().collect::<Vec<_>>().join(": ")))
        }
        _ => None,
    })
}

/// `2026-11-23T08:00:00.123456789Z text`
fn stamped(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ') {
        Some((at, text)) => match at.parse() {
            Ok(at) => (Some(at), text),
            Err(_) => (None, line),
        },
        // An empty line has no blank after its time.
        None => line.parse().map_or((None, line), |at| (Some(at), "")),
    }
}
