//! What must be undone, kept where a successor finds it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::client::BoxFuture;
use crate::model::BackupId;

/// An armed obligation: exporting was, or may have been, paused by this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// The backup for which it was paused; `None` when a `resume` is making sure.
    pub backup_id: Option<BackupId>,
    /// Since when, in RFC 3339.
    pub since: String,
    /// Every pause that was sent has been answered, so that none can arrive any more. Noted by arming once more.
    #[serde(default)]
    pub answered: bool,
}

/// The journal could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// Lock and journal of one release, held by this run.
///
/// Contract: `arm` returns only when a successor would find the entry even after a power cut; after an `Err` nothing is
/// paused. `disarm` is called only when exporting was seen, or is at least said, to run. `lost` becomes true when somebody
/// else holds the release: then nothing more is started. Implementors: the file journal and, for tests, memory.
pub trait Journal: Send + Sync {
    /// Writes the intent. Called before the pause request leaves, and once more, with `answered`, when its answer came.
    fn arm<'a>(&'a self, armed: &'a Armed) -> BoxFuture<'a, Result<(), JournalError>>;
    /// Takes it back.
    fn disarm(&self) -> BoxFuture<'_, Result<(), JournalError>>;
    /// Whether the lock is lost.
    fn lost(&self) -> bool {
        false
    }
}

/// A journal in memory, for tests: survives the run that writes it, and can be made to fail.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    armed: Mutex<Option<Armed>>,
    /// Makes `arm` fail.
    pub refuse: AtomicBool,
    /// Makes `lost` true.
    pub taken_over: AtomicBool,
}

impl MemoryJournal {
    /// What is armed.
    pub fn armed(&self) -> Option<Armed> {
        self.slot().clone()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Armed>> {
        self.armed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn arm<'a>(&'a self, armed: &'a Armed) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            if self.refuse.load(Ordering::Relaxed) {
                return Err(JournalError("the journal refuses".to_owned()));
            }
            *self.slot() = Some(armed.clone());
            Ok(())
        })
    }

    fn disarm(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            *self.slot() = None;
            Ok(())
        })
    }

    fn lost(&self) -> bool {
        self.taken_over.load(Ordering::Relaxed)
    }
}
