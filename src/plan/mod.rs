//! A backup as a value: pure functions from what was asked and what was found to the steps that will run.
//!
//! No I/O, no clock, no version knowledge of its own (that is `dialect`). `--dry-run` prints the value that `run` walks.
//! `procedure` is the file to read first; its invariants are checked for every plan.

mod backup;
mod delete;
mod parts;
mod preflight;
mod procedure;

pub use backup::{
    BackupRequest, Configured, Discovered, Known, Limits, PlanError, ReleaseOrder, backup, release,
};
pub use delete::{Deletion, Gone, PartDeletion, deletion, deletions};
pub use parts::{expected, nearest, out_of_reach, version};
pub use preflight::{Checked, preflight};
pub use procedure::{Action, Expect, Obligation, Procedure, Skipped, Step, Watch};
