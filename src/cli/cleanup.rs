//! `create --on-failure delete`: what a failed run has begun is deleted, once exporting runs again.

use std::time::Duration;

use tokio::time::Instant;

use super::sets::Deleter;
use crate::exit::Exit;
use crate::model::Reason;
use crate::plan;
use crate::run::{Level, Outcome, Report};
use crate::survey::{Scope, survey};

/// Limit for deleting after a backup.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A web application goes on with the snapshots in its queue after one of them was deleted: only when nothing has come back
/// for this long is it over. Between two snapshots less than a second passes, from an accepted start to the first one up
/// to three (recorded).
const QUIET: Duration = Duration::from_secs(5);

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
    let end = Instant::now() + TIMEOUT;
    let mut quiet = 0;
    let mut why = String::new();
    while quiet < 2 {
        if deleter.cancel.level() >= Level::Asked || Instant::now() >= end {
            console
                .error(Exit::NotDeleted.code(), &format!("not everything of backup {id} is deleted: {why}"));
            return;
        }
        let facts = survey(&deleter.setup.http, &deleter.setup.request, Scope::Backups).await;
        let deletion = plan::deletion(&deleter.setup.request, &facts, id).only(&begun);
        let unanswered = super::status::unanswered(&facts).into_iter().next();
        match (deletion.is_empty(), unanswered) {
            (false, _) => {
                quiet = 0;
                let reports = deleter.delete(std::slice::from_ref(&deletion)).await;
                if !reports.iter().all(crate::run::DeletionReport::is_gone) {
                    "a part is still there".clone_into(&mut why);
                }
            }
            (true, Some(problem)) => why = problem,
            (true, None) => quiet += 1,
        }
        tokio::select! {
            () = tokio::time::sleep(QUIET) => {}
            () = deleter.cancel.reached(Level::Asked) => "cancelled".clone_into(&mut why),
        }
    }
    console.info(&format!("nothing of backup {id} is left"));
}
