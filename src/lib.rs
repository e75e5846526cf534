//! Backups of Camunda 8 Self-Managed: whole, in order, and never leaving exporting paused.
//!
//! ```text
//! argv ─cli─► request ┐
//! components ─survey─► Facts ─plan─► Procedure ─preflight─► Checked ─run::drive─► Report ─render─► output, exit code
//! ```
//!
//! A backup is a value ([`plan::Procedure`]) computed by pure functions; one driver ([`run::drive`]) walks it; whatever
//! differs between versions is a row in [`dialect`]. Read `plan/procedure.rs` and `run/drive.rs` first.

pub mod catalogue;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod dialect;
pub mod discover;
pub mod exit;
pub mod journal;
pub mod model;
pub mod plan;
pub mod render;
pub mod run;
pub mod sim;
pub mod survey;
pub mod wire;
