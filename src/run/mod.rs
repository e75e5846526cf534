//! The driver: the only code that walks a procedure.
//!
//! It knows nothing of Camunda versions, of Kubernetes or of output. `drive` walks the steps forward and always ends in
//! one closing path, which releases what was armed (`release`). `act` does one step, `watch` looks at a part until its end,
//! `delete` walks deletions by the same rules, `wait` is the only place that sleeps, `judge` says what an answer means
//! for the part. A request that changes something is never raced against
//! anything: `select!` is used around sleeps and read-only polls alone.

mod act;
mod cancel;
mod delete;
mod drive;
mod event;
mod exporters;
mod journal;
mod judge;
mod release;
mod report;
mod wait;
mod watch;

pub use cancel::{Cancel, Level};
pub use delete::{DeletionReport, PartGone, PartReportGone, delete};
pub use drive::{World, drive};
pub use event::{Event, Events, Happened};
pub use journal::{Armed, Journal, JournalError, MemoryJournal};
pub use release::{PhaseVerdict, Release, Seen, judge_phases, observe, release};
pub use report::{Cause, Exporting, Outcome, PartOutcome, PartReport, Report};
