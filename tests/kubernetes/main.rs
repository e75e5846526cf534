//! The `cluster` module, and the built binary with a whole release, against a real Kubernetes: `KUBECONFIG` names it,
//! `testbed/kube/up.sh` starts one.
//!
//! Each test has a namespace of its own. Those that take the API server away do so to everybody who uses it, and those that
//! touch the node need a node of ours: they are a module of their own (`outage`) and want `--test-threads=1`.

mod access;
mod chart;
mod forward;
mod jobs;
#[path = "../cli/lab.rs"]
#[allow(dead_code, clippy::disallowed_methods, reason = "shared with the tests of the command line")]
mod lab;
mod lease;
mod objects;
mod outage;
mod plugin;
mod release;
mod rig;
