//! Everything that speaks to the Kubernetes API.
//!
//! - `access` is the one client, made from kubectl's flags (`kubeconfig`, `proxy`), with a deadline on every request.
//! - `inventory` reads what discovery looks at, and Secrets by name.
//! - `forward` reaches a component from outside: a private socket on this machine, bridged to a port of a pod.
//! - `lease` is lock and journal of a release, in one object that changes by compare-and-swap.
//! - `records` writes down, for people and for `list`, what happened. A run never depends on it.
//! - `rights` says which rights all this needs, and asks for them.
//! - `jobs` starts a run in the cluster and follows it.

mod access;
mod error;
#[cfg(test)]
mod fake;
mod forward;
mod inventory;
mod jobs;
mod kubeconfig;
mod lease;
mod names;
mod proxy;
mod records;
pub mod rights;

pub use access::{AccessOptions, Cluster, request_timeout};
pub use error::{Ask, ClusterError};
pub use forward::{ForwardTransport, PodForward, Target};
pub use inventory::Inventory;
pub use jobs::{JobEnd, JobFromImage, JobLimits, JobSource, LimitsOf, StartedJob};
pub use kubeconfig::contexts;
pub use lease::{Acquired, Holder, LeaseJournal, LeaseOptions, LeaseState, holder_identity, lease_name};
pub use records::{EventLog, Occasion, Record, RecordedPart, Records};
