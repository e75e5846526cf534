//! The `cluster` module against a real Kubernetes: `KUBECONFIG` names it, `testbed/kube/up.sh` starts one.
//!
//! Each test has a namespace of its own. Those that take the API server away do so to everybody who uses it, so they
//! are a module of their own (`outage`) and want `--test-threads=1`.

mod access;
mod forward;
mod jobs;
mod lease;
mod objects;
mod outage;
mod rig;
