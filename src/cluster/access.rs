//! The way to the Kubernetes API: one client, and a deadline on everything it is asked.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use kube::{Api, Client};
use tokio::time::Instant;

use super::error::{Ask, ClusterError};
use super::kubeconfig;

/// How long one request may take when nothing else is said.
const REQUEST: Duration = Duration::from_secs(20);

/// How long an API server takes to come back. Somebody whose cluster is gone should not wait longer to hear so.
const RESTART: Duration = Duration::from_secs(6);

/// kubectl's connection flags, with kubectl's meaning. An empty text is a flag that was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessOptions {
    /// `--kubeconfig`: this file alone.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`: another cluster of the kubeconfig than the context's.
    pub cluster: Option<String>,
    /// `--user`: another user of the kubeconfig than the context's.
    pub user: Option<String>,
    /// `--as`
    pub as_user: Option<String>,
    /// `--as-group`
    pub as_groups: Vec<String>,
    /// `-n`, `--namespace`
    pub namespace: Option<String>,
    /// `--request-timeout`. kubectl's default, and its zero, is to wait for ever; ours is 20 seconds, because a run that
    /// waits for ever is one that does not resume exporting.
    pub request_timeout: Option<Duration>,
}

/// A way to one Kubernetes API server. Cheap to clone; all clones share one client.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
    origin: String,
    within: bool,
    deadline: Duration,
}

impl Cluster {
    /// Reads flags, files and environment and sets the client up; asks nothing of the API server yet. Credential
    /// plugins of the kubeconfig run here, and may ask the user something.
    pub async fn connect(
        options: &AccessOptions,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ClusterError> {
        let options = options.clone().without_empty();
        let loaded = kubeconfig::load(&options, &variable)?;
        let (namespace, config) = (loaded.config.default_namespace.clone(), loaded.config);
        // Plugins block: on a thread of their own, signals are still heard. The one client is made here and nowhere
        // else, since making one runs the plugins.
        let made = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
        let client = made
            .map_err(|_| ClusterError::Access("the Kubernetes client could not be set up".to_owned()))?
            .map_err(|error| match &error {
                kube::Error::Auth(error) => ClusterError::Access(super::error::credentials(error)),
                error => ClusterError::Access(format!("{}: {error}", loaded.origin)),
            })?;
        let deadline = options.request_timeout.filter(|t| !t.is_zero()).unwrap_or(REQUEST);
        Ok(Self { client, namespace, origin: loaded.origin, within: loaded.in_cluster, deadline })
    }

    /// Around a client that exists.
    pub fn from_client(client: Client, namespace: impl Into<String>) -> Self {
        let origin = "given client".to_owned();
        Self { client, namespace: namespace.into(), origin, within: false, deadline: REQUEST }
    }

    /// The same with another deadline for each request.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The namespace of the flag, the context, or the pod that we run in.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether we run in a pod of this cluster, and can speak to its Services and pods directly.
    pub fn in_cluster(&self) -> bool {
        self.within
    }

    /// Which cluster, for people: `context prod (https://10.0.0.1:6443)`. Without credentials.
    pub fn description(&self) -> &str {
        &self.origin
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// One request, with the usual deadline. For what changes something: it is sent once.
    pub(super) async fn ask<T>(
        &self,
        ask: &Ask,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ClusterError> {
        within(self.deadline, ask, request).await
    }

    /// One question that changes nothing: repeated for a few seconds while the API server restarts.
    pub(super) async fn read<T, F>(&self, ask: &Ask, request: impl Fn() -> F) -> Result<T, ClusterError>
    where
        F: Future<Output = kube::Result<T>>,
    {
        let end = Instant::now() + self.deadline.min(RESTART);
        let mut pause = Duration::from_millis(200);
        loop {
            match within(self.deadline, ask, request()).await {
                Err(error @ (ClusterError::NoAnswer { .. } | ClusterError::Refused { .. }))
                    if error.is_passing() && Instant::now() + pause < end =>
                {
                    tracing::debug!(%error, "asking again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
    }
}

impl AccessOptions {
    fn without_empty(mut self) -> Self {
        for text in
            [&mut self.context, &mut self.cluster, &mut self.user, &mut self.as_user, &mut self.namespace]
        {
            *text = text.take().filter(|t| !t.is_empty());
        }
        self.kubeconfig = self.kubeconfig.filter(|p| !p.as_os_str().is_empty());
        self.as_groups.retain(|g| !g.is_empty());
        self
    }
}

/// The one place of this module where a deadline is set on a request. Dropping one that changes something means that it
/// may have happened: the error says `NoAnswer`, and callers look before they repeat.
pub(super) async fn within<T>(
    deadline: Duration,
    ask: &Ask,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    match in_time(deadline, request).await {
        None => Err(ClusterError::late(ask.clone(), deadline)),
        Some(result) => result.map_err(|e| ClusterError::new(ask.clone(), &e)),
    }
}

/// `None`: not in time.
#[expect(
    clippy::disallowed_methods,
    reason = "the client has no deadlines of its own; see `within` for what is dropped"
)]
pub(super) async fn in_time<T>(deadline: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(deadline, future).await.ok()
}

/// Reads `--request-timeout`: whole seconds, or Go's `1h2m3.5s`. Zero means what leaving it out means.
pub fn request_timeout(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 30, 30s, 1m30s or 0");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut total, mut rest) = (0.0_f64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let units = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, factor) = units.iter().find(|(u, _)| after.starts_with(u)).ok_or_else(wrong)?;
        total += number * factor;
        rest = &after[unit.len()..];
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_kubectl_reads_them() {
        let seconds = |text| request_timeout(text).map(|d| d.as_secs_f64());
        for (text, expected) in [("0", 0.0), ("30", 30.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("250ms", 0.25)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "s", "1x", "-1s", "1m30", "1..5s"] {
            assert!(request_timeout(text).is_err(), "{text:?} was accepted");
        }
    }
}
