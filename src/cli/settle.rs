//! Deleting what may still be in the making: until nothing of it comes back.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::sets::Deleter;
use crate::model::Facts;
use crate::plan::Deletion;
use crate::run::{DeletionReport, Level};
use crate::survey::{Scope, survey};

/// A web application goes on with the snapshots in its queue after one of them was deleted: only when nothing has come back
/// for this long is it over. Between two snapshots less than a second passes, from an accepted start to the first one up
/// to three (recorded).
const QUIET: Duration = Duration::from_secs(5);

/// Looks and deletes until twice in a row nothing was there. `Err`: why it was not left at that.
///
/// `told` hears what came of each deletion, and may end it.
pub(crate) async fn until_quiet(
    deleter: &Deleter<'_>,
    end: Instant,
    plan: impl Fn(&Facts) -> Vec<Deletion>,
    mut told: impl FnMut(Vec<Deletion>, Vec<DeletionReport>) -> ControlFlow<()>,
) -> Result<(), String> {
    let mut quiet = 0;
    let mut why = "the time for it is up".to_owned();
    loop {
        if deleter.cancel.level() >= Level::Asked || Instant::now() >= end {
            return Err(why);
        }
        let facts = survey(&deleter.setup.http, &deleter.setup.request, Scope::Backups).await;
        let deletions: Vec<_> = plan(&facts).into_iter().filter(|d| !d.is_empty()).collect();
        match (deletions.is_empty(), super::status::unanswered(&facts).into_iter().next()) {
            (false, _) => {
                quiet = 0;
                let reports = deleter.delete(&deletions).await;
                let gone = reports.iter().all(DeletionReport::is_gone);
                let text = if gone { "parts of it came back" } else { "a part is still there" };
                text.clone_into(&mut why);
                if told(deletions, reports).is_break() {
                    return Err(why);
                }
            }
            (true, Some(problem)) => why = problem,
            (true, None) if quiet == 1 => return Ok(()),
            (true, None) => quiet += 1,
        }
        tokio::select! {
            () = tokio::time::sleep(QUIET) => {}
            () = deleter.cancel.reached(Level::Asked) => "cancelled".clone_into(&mut why),
        }
    }
}
