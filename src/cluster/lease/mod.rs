//! Lock and journal of one release, in one Lease object of its namespace.
//!
//! Contract:
//! - Everything changes by compare-and-swap on the object's resource version: whoever was slower looks again.
//! - A holder gives a sign of life three times per duration. One that gives none for its whole duration, on the clock of
//!   whoever watches, is dead; clocks of two machines are never compared.
//! - What is armed stays in the object, whoever holds it, until it is disarmed: a successor repairs first.
//! - A holder that could not give a sign of life for the whole duration, by either of its clocks, or sees somebody else
//!   in its place, has lost the release: it starts nothing more, but closes what it has begun.

mod acquire;
mod held;
mod object;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use super::access::Cluster;
use super::error::{Ask, ClusterError};
use super::names;
use crate::run::Armed;

pub use acquire::Acquired;
pub use held::LeaseJournal;
pub use object::Holder;

/// How to hold a release.
#[derive(Debug, Clone)]
pub struct LeaseOptions {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub release: String,
    /// Who we are: see [`holder_identity`].
    pub identity: String,
    /// What we do: `create`, `resume`, ...
    pub verb: String,
    /// After how long without a sign of life we count as dead; whole seconds. See [`LeaseOptions::DURATION`].
    pub duration: Duration,
    /// A holder that the caller knows to be dead, such as the process whose guard this is: its Lease is taken at once.
    pub heir_of: Option<String>,
    /// The wall clock, for the times in the object.
    pub now: fn() -> jiff::Timestamp,
}

impl LeaseOptions {
    /// Long enough for an API server that restarts or a network that stutters; short against the minutes for which
    /// exporting is paused anyway.
    pub const DURATION: Duration = Duration::from_secs(30);
}

/// A release's Lease, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// Who holds it; whether that one lives, only watching would tell.
    pub holder: Option<Holder>,
    /// What must be undone, by its holder or, when that is dead, by the next one.
    pub armed: Option<Armed>,
    /// The holder's last sign of life, by its own clock, in RFC 3339.
    pub renewed: Option<String>,
}

impl Cluster {
    /// What a release's Lease says, without holding it. `None`: there is none, so nothing was ever armed.
    pub async fn lease_state(
        &self,
        namespace: &str,
        release: &str,
    ) -> Result<Option<LeaseState>, ClusterError> {
        let name = names::object_name(release, "");
        let api = self.api::<Lease>(namespace);
        let ask = Ask::one("get", RESOURCE, namespace, &name);
        let lease = match self.read(&ask, || api.get(&name)).await {
            Ok(lease) => lease,
            Err(ClusterError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let renewed = lease.spec.as_ref().and_then(|s| s.renew_time.as_ref()).map(|t| t.0.to_string());
        Ok(Some(LeaseState { holder: object::holder(&lease), armed: object::armed(&lease), renewed }))
    }
}

/// The name of a release's Lease, for messages and for `kubectl get lease`.
pub fn lease_name(release: &str) -> String {
    names::object_name(release, "")
}

/// An identity that no other run has: the pod or machine, and something random. (A process ID would do for neither: in
/// a pod it is always 1.)
pub fn holder_identity(host: Option<&str>) -> String {
    format!("{}_{}", host.filter(|h| !h.is_empty()).unwrap_or("unknown-host"), names::random())
}

const RESOURCE: &str = "leases.coordination.k8s.io";
