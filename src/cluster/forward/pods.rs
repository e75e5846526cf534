//! Which pod: the same as long as it lives, then another ready one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::ListParams;

use super::Target;
use crate::cluster::access::Cluster;
use crate::cluster::error::{Ask, ClusterError};

/// A chosen pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub name: String,
    uid: Option<String>,
}

pub(super) struct Pods {
    pub cluster: Cluster,
    pub target: Target,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    chosen: Option<Chosen>,
    /// Refused a connection although it seemed ready: taken last.
    avoided: Option<String>,
}

impl Pods {
    pub fn new(cluster: Cluster, target: Target) -> Self {
        Self { cluster, target, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn current(&self) -> Option<String> {
        self.state().chosen.as_ref().map(|c| c.name.clone())
    }

    /// It is gone, or refuses connections.
    pub fn forget(&self, name: &str) {
        let mut state = self.state();
        state.chosen = None;
        state.avoided = Some(name.to_owned());
    }

    /// The pod that the last connection went to while it lives, else another.
    pub async fn choose(&self) -> Result<Chosen, ClusterError> {
        let known = self.state().chosen.clone();
        if let Some(known) = known
            && self.lives(&known).await?
        {
            return Ok(known);
        }
        let chosen = match &self.target.pod {
            Some(name) => self.fixed(name).await?,
            None => self.ready().await?,
        };
        self.state().chosen = Some(chosen.clone());
        Ok(chosen)
    }

    async fn lives(&self, known: &Chosen) -> Result<bool, ClusterError> {
        let pod = match self.get(&known.name).await {
            Ok(pod) => pod,
            Err(ClusterError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        // Not whether it is ready: a request that it began, it must finish.
        Ok(pod.metadata.uid == known.uid && runs(&pod))
    }

    async fn get(&self, name: &str) -> Result<Pod, ClusterError> {
        let namespace = &self.target.namespace;
        let api = self.cluster.api::<Pod>(namespace);
        self.cluster.read(&Ask::one("get", "pods", namespace, name), || api.get(name)).await
    }

    async fn fixed(&self, name: &str) -> Result<Chosen, ClusterError> {
        let pod = self.get(name).await?;
        if runs(&pod) {
            Ok(chosen(&pod))
        } else {
            Err(ClusterError::Local(format!("pod {name} {}", condition(&pod))))
        }
    }

    async fn ready(&self) -> Result<Chosen, ClusterError> {
        let Target { namespace, selector, .. } = &self.target;
        if selector.is_empty() {
            return Err(ClusterError::Local(
                "a Service without a selector leads to no pod that could be forwarded to".to_owned(),
            ));
        }
        let labels: Vec<_> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let labels = labels.join(",");
        let (api, params) = (self.cluster.api::<Pod>(namespace), ListParams::default().labels(&labels));
        let list = self.cluster.read(&Ask::all("list", "pods", namespace), || api.list(&params)).await?;
        let avoided = self.state().avoided.clone();
        let mut ready: Vec<_> = list.items.iter().filter(|p| runs(p) && is(p, "Ready")).map(chosen).collect();
        ready.sort_by_key(|p| (Some(&p.name) == avoided.as_ref(), p.name.clone()));
        ready.into_iter().next().ok_or_else(|| {
            let pods: Vec<_> = list.items.iter().map(|p| format!("{} {}", name(p), condition(p))).collect();
            let there = if pods.is_empty() { "there is none".to_owned() } else { pods.join("; ") };
            ClusterError::Local(format!("no ready pod with {labels} in namespace {namespace}: {there}"))
        })
    }
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

fn chosen(pod: &Pod) -> Chosen {
    Chosen { name: name(pod).to_owned(), uid: pod.metadata.uid.clone() }
}

fn status(pod: &Pod) -> Option<&PodStatus> {
    pod.status.as_ref()
}

fn runs(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && status(pod).and_then(|s| s.phase.as_deref()) == Some("Running")
}

fn is(pod: &Pod, condition: &str) -> bool {
    let conditions = status(pod).and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == condition && c.status == "True")
}

/// What keeps a pod from being used, in the words that `kubectl get pods` has for it.
fn condition(pod: &Pod) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "is being deleted".to_owned();
    }
    let mut containers = status(pod).and_then(|s| s.container_statuses.as_ref()).into_iter().flatten();
    let waiting = containers.find_map(|c| c.state.as_ref()?.waiting.as_ref()?.reason.clone());
    match (waiting, status(pod).and_then(|s| s.phase.as_deref())) {
        (Some(reason), _) => format!("waits ({reason})"),
        (None, Some("Running")) => "is not ready".to_owned(),
        (None, phase) => format!("is {}", phase.unwrap_or("unknown").to_lowercase()),
    }
}
