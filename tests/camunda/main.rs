//! The released binary against a real Camunda and a real search engine, judged through the servers' own APIs.
//!
//! Started by `make test-camunda` and its sisters (`make test-matrix`: other versions and engines), which set the variables
//! of the Camunda guide. Optimize has no package: the sandbox's stands next to the real others. Every test leaves exporting running and every component up.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

mod catalogue;
mod data;
mod killed;
mod kubernetes;
#[path = "../cli/lab.rs"]
#[allow(dead_code, reason = "shared with the tests of the command line")]
mod lab;
mod release;
mod restored;
mod running;
mod updated;
