//! Lock and journal of a release, wherever it is: a Lease in Kubernetes, files without it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::console::Console;
use super::repair::Left;
use super::setup::Setup;
use crate::client::BoxFuture;
use crate::cluster::{Acquired, LeaseJournal, LeaseOptions, holder_identity};
use crate::journal::{FileJournal, Holder, OpenError};
use crate::model::{BackupId, EndedRun};
use crate::run::{Armed, Journal, JournalError};

/// Held until it is let go, or the process ends.
pub(crate) enum Lock {
    File(FileJournal),
    Lease {
        journal: LeaseJournal,
        /// What is armed, by this run or by one before it.
        armed: Mutex<Option<Armed>>,
    },
}

/// Why the release's lock and journal could not be had, in words.
pub(crate) enum NotOpened {
    /// Somebody who lives holds the release.
    Held(String),
    /// There is no place for a journal, or what is there is not one.
    Unusable(String),
}

/// Takes the release's lock.
///
/// `heir_of`: the identity of a holder that the caller knows to be dead, such as the run whose guard this is.
pub(crate) async fn open(
    setup: &Setup,
    verb: &str,
    heir_of: Option<String>,
    console: &Console,
) -> Result<Arc<Lock>, NotOpened> {
    match &setup.kubernetes {
        Some(found) if !found.no_lease => {
            let options = LeaseOptions {
                namespace: found.release.namespace.clone(),
                release: found.release.name.clone(),
                identity: holder_identity(host().as_deref()),
                verb: verb.to_owned(),
                duration: LeaseOptions::DURATION,
                heir_of,
                now: super::timestamp,
            };
            let waiting = |holder: &crate::cluster::Holder, length: Duration| {
                console.info(&format!(
                    "{holder} holds the release: watching for up to {} s whether it lives",
                    length.as_secs()
                ));
            };
            match LeaseJournal::acquire(&found.cluster, options, waiting).await {
                Ok(Acquired::Held(journal)) => Ok(Arc::new(Lock::Lease { journal, armed: Mutex::default() })),
                Ok(Acquired::TakenOver { journal, from, left }) => {
                    if let Some(from) = from {
                        console.info(&format!("{from} is dead: its Lease was taken over"));
                    }
                    Ok(Arc::new(Lock::Lease { journal, armed: Mutex::new(left) }))
                }
                Ok(Acquired::Busy(holder)) => {
                    Err(NotOpened::Held(format!("another run holds this release: {holder}")))
                }
                Err(error) => Err(NotOpened::Unusable(format!(
                    "{error}\nwithout the Lease two runs could meet (--no-lease does without)"
                ))),
            }
        }
        Some(_) => {
            // Of the guard it is known: its run has said so.
            if verb != "guard" {
                console.warn("--no-lease: runs on other machines are not kept out, and only this machine remembers that exporting must be resumed");
            }
            file(setup, verb).map(Arc::new)
        }
        None => file(setup, verb).map(Arc::new),
    }
}

fn file(setup: &Setup, verb: &str) -> Result<Lock, NotOpened> {
    let (dir, key) = setup.journal_place().map_err(NotOpened::Unusable)?;
    dir.create().map_err(|e| NotOpened::Unusable(e.to_string()))?;
    let gateway = setup.need_gateway().map_err(|e| NotOpened::Unusable(e.to_string()))?;
    let holder = Holder { verb: verb.to_owned(), pid: std::process::id(), since: super::now() };
    match FileJournal::open(&dir, &key, gateway.as_str(), setup.brokers(), holder) {
        Ok(journal) => Ok(Lock::File(journal)),
        Err(error @ OpenError::Held(_)) => {
            let hangs = match &error {
                OpenError::Held(Some(holder)) => format!(
                    " (if process {0} hangs: `kill -9 {0}`, its guard then resumes exporting)",
                    holder.pid
                ),
                _ => String::new(),
            };
            Err(NotOpened::Held(format!("{error}{hangs}")))
        }
        Err(error @ OpenError::Unusable { .. }) => Err(NotOpened::Unusable(error.to_string())),
    }
}

/// The pod, or the machine.
fn host() -> Option<String> {
    let named = std::env::var("HOSTNAME").ok().filter(|h| !h.is_empty());
    #[cfg(unix)]
    let named = named.or_else(|| rustix::system::uname().nodename().to_str().ok().map(str::to_owned));
    named
}

impl Lock {
    /// What is armed: by this process, or by a dead one before it.
    pub fn armed(&self) -> Option<Armed> {
        match self {
            Lock::File(journal) => journal.armed(),
            Lock::Lease { armed, .. } => armed.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Brokers that the journal knows of.
    pub fn brokers(&self) -> Vec<String> {
        match self {
            Lock::File(journal) => journal.brokers(),
            Lock::Lease { .. } => Vec::new(),
        }
    }

    /// What a run before this one left armed, and on which cluster.
    pub fn left(&self) -> Left {
        match self {
            Lock::File(journal) => Left::of(journal),
            // In Kubernetes a name stands for one cluster.
            Lock::Lease { .. } => Left { armed: self.armed(), ..Left::default() },
        }
    }

    /// Which cluster is about to be paused.
    pub fn belongs_to(&self, cluster: Option<String>) {
        if let Lock::File(journal) = self {
            journal.belongs_to(cluster);
        }
    }

    /// Who holds the Lease, for a guard that is to inherit it.
    pub fn identity(&self) -> Option<String> {
        match self {
            Lock::File(_) => None,
            Lock::Lease { journal, .. } => Some(journal.identity().to_owned()),
        }
    }

    /// Notes the backup that is worked on, for whoever looks.
    pub async fn works_on(&self, id: BackupId) {
        if let Lock::Lease { journal, .. } = self
            && let Err(error) = journal.works_on(id).await
        {
            tracing::warn!(%error, "the backup ID cannot be written to the Lease");
        }
    }

    /// Notes how a run ended whose backup is not complete. In Kubernetes the backup's record says so.
    pub fn ended(&self, id: BackupId, run: EndedRun) {
        if let Lock::File(journal) = self
            && let Err(error) = journal.ended(id, run)
        {
            tracing::warn!(%error, "how the run ended cannot be written down; deleting its backup will need --force");
        }
    }

    /// The backup was deleted.
    pub fn forget(&self, id: BackupId) {
        if let Lock::File(journal) = self
            && let Err(error) = journal.forget(id)
        {
            tracing::debug!(%error, "the end of a run cannot be forgotten");
        }
    }

    /// Lets go, so that the next run need not wait. What is armed stays.
    pub async fn finish(&self) {
        match self {
            Lock::File(journal) => journal.let_go(),
            Lock::Lease { journal, .. } => {
                if let Err(error) = journal.finish().await {
                    tracing::warn!(%error, "the Lease cannot be released; the next run takes it over");
                }
            }
        }
    }

    fn set(&self, value: Option<Armed>) {
        if let Lock::Lease { armed, .. } = self {
            *armed.lock().unwrap_or_else(PoisonError::into_inner) = value;
        }
    }
}

impl Journal for Lock {
    fn arm<'a>(&'a self, armed: &'a Armed) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            match self {
                Lock::File(journal) => journal.arm(armed).await,
                Lock::Lease { journal, .. } => {
                    journal.arm(armed).await?;
                    self.set(Some(armed.clone()));
                    Ok(())
                }
            }
        })
    }

    fn disarm(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            match self {
                Lock::File(journal) => journal.disarm().await,
                Lock::Lease { journal, .. } => {
                    journal.disarm().await?;
                    self.set(None);
                    Ok(())
                }
            }
        })
    }

    fn lost(&self) -> bool {
        match self {
            Lock::File(journal) => journal.lost(),
            Lock::Lease { journal, .. } => journal.lost(),
        }
    }
}
