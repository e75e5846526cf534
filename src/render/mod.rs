//! Output: values to bytes.
//!
//! Pure: nothing here asks a server, a clock or the environment, and nothing is decided here. What a reader needs is in
//! the value or in the [`Context`]. Imports `model`, `plan`, `run` (events and reports) and `catalogue`; only `cli` may
//! import it. `document` is the way in for results, `lines` for events in logs, `live` for a terminal.
//!
//! Invariants:
//! - text is for people and may change; JSON and YAML are one contract ([`SCHEMA`]), with camelCase keys throughout;
//! - the last line about exporting that may still be paused is the command that repairs it, alone on its line;
//! - what a server said is printed without control characters: it cannot move the cursor or forge a line;
//! - a reader that goes away is an `io::Error`, never a panic.

mod deletion;
mod detail;
mod document;
mod findings;
mod followed;
mod frame;
mod lines;
mod live;
mod machine;
mod metrics;
mod plan;
mod report;
mod resumed;
mod rights;
mod sets;
mod status;
mod style;
mod table;
mod text;
mod verification;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod samples_sets;

pub use deletion::{DeletionItem, DeletionResult, DeletionView, PruneView};
pub use detail::{DetailView, RecordView};
pub use document::{Context, Document, Format, VersionView, write};
pub use followed::FollowedView;
pub use lines::{Level, json_line, level, message, text_line};
pub use live::Live;
pub use machine::SCHEMA;
pub use metrics::{LAST_COMPLETE, LAST_SUCCESS, RunMetrics, metrics, sample_labels};
pub use resumed::{ResumedState, ResumedView};
pub use rights::{RightView, RightsView};
pub use status::{ComponentView, ExportingView, LeaseView, ProblemView, StatusView};
pub use style::{Style, Tone};
pub use text::{escaped, plain_lines, spoken};
pub use verification::{VerdictView, VerificationView};
