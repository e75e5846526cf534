//! A journal that still names a backup which is complete: the next run would take it for one whose run died in its pause.

use std::time::Duration;

use tokio::time::Instant;

use super::console::Console;
use super::lock::Lock;
use crate::run::{Armed, Cancel, Exporting, Journal as _, Level, Report};

/// How long a journal that cannot be written is tried again: longer than a Lease lasts.
const LONGEST: Duration = Duration::from_secs(60);

/// Clears it. A full disk, or an API server that is away, may be better in a moment, and exporting does not wait for this.
pub(crate) async fn clear(
    journal: &Lock,
    report: &mut Report,
    armed: Armed,
    cancel: &Cancel,
    console: &Console,
) {
    let give_up = Instant::now() + LONGEST;
    let owed = Armed { backup_id: None, ..armed };
    // That exporting may still be paused is to be told at once.
    let urgent = matches!(report.exporting, Exporting::MaybePaused { .. });
    let mut told = false;
    loop {
        // What is still owed has nothing to do with the backup.
        let written = if urgent { journal.arm(&owed).await } else { journal.disarm().await };
        let Err(error) = written else {
            report.journal_problem = None;
            return;
        };
        let over = Instant::now() >= give_up || cancel.level() >= Level::Asked;
        if urgent || over || journal.lost() {
            console.warn(&format!(
                "{error}: the journal still names backup {}, which is complete, and the next run will take it for failed",
                report.backup_id
            ));
            return;
        }
        if !told {
            console.warn(&format!("{error}: trying again for up to {} s", LONGEST.as_secs()));
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = cancel.reached(Level::Asked) => {}
        }
    }
}
