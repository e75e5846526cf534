//! `create --on-failure delete`: what a failed run has begun is deleted, once exporting runs again.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::sets::Deleter;
use super::settle::until_quiet;
use crate::exit::Exit;
use crate::model::{Facts, Reason};
use crate::plan::{self, Deletion};
use crate::run::{DeletionReport, Outcome, Report};

/// Limit for deleting after a backup.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Deletes what this run has begun, and nothing else of that ID. The failure stays a failure, whatever comes of this.
pub(crate) async fn after(deleter: &Deleter<'_>, report: &Report) {
    let console = &deleter.context.console;
    let (id, begun) = (report.backup_id, report.leftovers());
    if begun.is_empty() {
        return;
    }
    match &report.outcome {
        Outcome::Complete => return,
        Outcome::Cancelled { .. } => {
            console.warn(&format!(
                "what was begun of backup {id} is kept: a signal ends the run before it is deleted"
            ));
            return;
        }
        // Somebody else has used this very ID: its parts may not be ours.
        Outcome::Failed { cause, .. } if cause.reason == Reason::IdTaken => {
            console.warn(&format!(
                "what there is of backup {id} is kept: its ID was taken, so it may not be ours"
            ));
            return;
        }
        Outcome::Failed { .. } | Outcome::DeadlinePassed { .. } => {}
    }
    if Exit::of_report(report) == Exit::MaybePaused {
        console.warn(&format!("what was begun of backup {id} is kept: exporting comes first"));
        return;
    }
    console.info(&format!("deleting what was begun of backup {id}"));
    let plan = |facts: &Facts| vec![plan::deletion(&deleter.setup.request, facts, id).only(&begun)];
    let told = |_: Vec<Deletion>, reports: Vec<DeletionReport>| {
        let not_allowed = reports.iter().any(DeletionReport::is_not_allowed);
        if not_allowed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    match until_quiet(deleter, Instant::now() + TIMEOUT, plan, told).await {
        Ok(()) => console.info(&format!("nothing of backup {id} is left")),
        Err(why) => {
            console
                .error(Exit::NotDeleted.code(), &format!("not everything of backup {id} is deleted: {why}"));
        }
    }
}
