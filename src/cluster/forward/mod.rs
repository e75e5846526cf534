//! The way to a component from outside: a socket on this machine that only we can open, each of whose connections is
//! bridged by the API server to a port of a pod.
//!
//! No TCP port is opened, so no other user of the machine gets to a management API that asks for no password. The HTTP
//! client keeps the URL with the Service's name: `Host`, TLS names and messages are those of inside the cluster.
//!
//! A component's requests stay on one pod while that pod lives; then another ready one is chosen. A connection that is
//! refused, or breaks, is only closed: *why* comes on a channel of its own and is kept (`notes`), and [`ForwardTransport`]
//! puts it into the error, with the answer to the one question: may the request have arrived?

#[cfg(unix)]
mod bridge;
#[cfg(unix)]
mod listen;
mod notes;
#[cfg(unix)]
mod pods;
#[cfg(all(test, unix))]
mod tests;
mod transport;

use std::collections::BTreeMap;

#[cfg(unix)]
pub use listen::PodForward;
pub use transport::ForwardTransport;

/// Where a forward ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Namespace of the pods.
    pub namespace: String,
    /// A Service's selector: any ready pod with these labels.
    pub selector: BTreeMap<String, String>,
    /// This one pod instead, ready or not, as long as it runs: brokers, each of which is asked for itself.
    pub pod: Option<String>,
    /// The pod's port; a Service's may be another.
    pub port: u16,
}

/// Nothing to forward with on this system.
#[cfg(not(unix))]
pub struct PodForward(std::convert::Infallible);

#[cfg(not(unix))]
impl PodForward {
    /// Always an error.
    pub fn open(_: &super::Cluster, _: Target) -> Result<Self, super::ClusterError> {
        let text = "port-forwarding is not available on this system: give the components' URLs, or use create --in-cluster";
        Err(super::ClusterError::Local(text.to_owned()))
    }

    pub(super) fn notes(&self) -> &notes::Notes {
        match self.0 {}
    }

    /// Never called: there is none.
    pub fn socket(&self) -> &std::path::Path {
        match self.0 {}
    }
}
