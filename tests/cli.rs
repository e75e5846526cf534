//! The built binary, as a user meets it: what is typed, what comes back, and what becomes of exporting.
//!
//! The release behind it is the simulated one, served over TCP by the test, so that every exit code happens for real and
//! the servers' own state can be looked at afterwards. Nothing here asserts how long something takes; the bounds are
//! there so that a hang is a failure. A panic inside a step has no place here: the binary has no switch that would
//! cause one, and gets none; `tests/faults.rs` injects them below the driver.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "../src/cluster/fake.rs"]
mod fake;
#[path = "cli/lab.rs"]
mod lab;

#[path = "cli/exits.rs"]
mod exits;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/journal.rs"]
mod journal;
#[path = "cli/killed.rs"]
mod killed;
#[path = "cli/kubernetes.rs"]
mod kubernetes;
#[path = "cli/metrics.rs"]
mod metrics;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/pipes.rs"]
mod pipes;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/traps.rs"]
mod traps;
#[path = "cli/typed.rs"]
mod typed;
