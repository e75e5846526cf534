//! A release that we hold: signs of life, and what is armed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::object::{self, Holder};
use super::{LeaseOptions, RESOURCE};
use crate::client::BoxFuture;
use crate::cluster::access::{Cluster, within};
use crate::cluster::error::{Ask, ClusterError};
use crate::cluster::names;
use crate::model::BackupId;
use crate::run::{Armed, Journal, JournalError};

/// How long one write may take before it is looked at whether it happened.
const WRITE: Duration = Duration::from_secs(5);

/// The Lease object of a release, as a place.
pub(super) struct Store {
    pub cluster: Cluster,
    pub api: Api<Lease>,
    pub name: String,
    pub options: LeaseOptions,
}

impl Store {
    pub fn new(cluster: &Cluster, mut options: LeaseOptions) -> Self {
        // The object holds whole seconds, and both sides must mean the same.
        options.duration = Duration::from_secs(options.duration.as_secs().max(1));
        let name = names::object_name(&options.release, "");
        Self { cluster: cluster.clone(), api: cluster.api(&options.namespace), name, options }
    }

    pub fn ask(&self, verb: &'static str) -> Ask {
        Ask::one(verb, RESOURCE, &self.options.namespace, &self.name)
    }

    pub async fn get(&self) -> Result<Lease, ClusterError> {
        within(self.cluster.deadline().min(WRITE), &self.ask("get"), self.api.get(&self.name)).await
    }

    /// Compare-and-swap: the Lease carries the resource version that it was read with.
    pub async fn replace(&self, lease: &Lease, deadline: Duration) -> Result<Lease, ClusterError> {
        let params = PostParams::default();
        within(deadline, &self.ask("update"), self.api.replace(&self.name, &params, lease)).await
    }
}

/// A release that this run holds, as its lock and its journal.
///
/// Signs of life end when it is dropped; [`LeaseJournal::finish`] lets go at once. A run that is killed needs neither:
/// its successor watches, and finds what was armed.
pub struct LeaseJournal {
    shared: Arc<Shared>,
    signs: AbortHandle,
}

struct Shared {
    store: Store,
    /// As the API server stored it last. Held over a write, so that our own writes never conflict.
    current: tokio::sync::Mutex<Lease>,
    /// When the last successful sign of life was begun, by both clocks.
    alive: Mutex<(Instant, Timestamp)>,
    lost: AtomicBool,
    finished: AtomicBool,
}

impl std::fmt::Debug for LeaseJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let store = &self.shared.store;
        f.debug_struct("LeaseJournal")
            .field("name", &store.name)
            .field("identity", &store.options.identity)
            .finish_non_exhaustive()
    }
}

impl LeaseJournal {
    pub(super) fn start(store: Store, lease: Lease, begun: Instant) -> Self {
        let alive = Mutex::new((begun, (store.options.now)()));
        let shared = Arc::new(Shared {
            store,
            current: tokio::sync::Mutex::new(lease),
            alive,
            lost: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        });
        let signs = tokio::spawn(give_signs(shared.clone())).abort_handle();
        Self { shared, signs }
    }

    /// Who we are.
    pub fn identity(&self) -> &str {
        &self.shared.store.options.identity
    }

    /// Notes the backup that we work on, for whoever looks.
    pub async fn works_on(&self, id: BackupId) -> Result<(), JournalError> {
        self.shared.write(self.budget(), |lease| object::works_on(lease, id)).await
    }

    /// Lets go: the next run need not watch. What is armed stays.
    pub async fn finish(&self) -> Result<(), JournalError> {
        self.signs.abort();
        if self.shared.finished.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match self.shared.write(self.budget(), object::let_go).await {
            // There is nothing to let go of.
            Err(_) if self.shared.taken() => Ok(()),
            done => done,
        }
    }

    /// How long arming may take: well within the time for which the Lease is certainly ours.
    fn budget(&self) -> Duration {
        self.shared.store.options.duration / 2
    }
}

impl Drop for LeaseJournal {
    fn drop(&mut self) {
        self.signs.abort();
    }
}

impl Journal for LeaseJournal {
    fn arm<'a>(&'a self, armed: &'a Armed) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            if self.lost() {
                return Err(JournalError(format!("Lease {} is not held any more", self.shared.store.name)));
            }
            self.shared.write(self.budget(), |lease| object::arm(lease, armed)).await
        })
    }

    fn disarm(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move { self.shared.write(self.budget(), object::disarm).await })
    }

    fn lost(&self) -> bool {
        self.shared.is_lost()
    }
}

/// Gives signs of life until somebody else is in our place.
async fn give_signs(shared: Arc<Shared>) {
    let third = shared.store.options.duration / 3;
    let mut failing = false;
    loop {
        tokio::time::sleep(third).await;
        // Also after it is lost for want of an answer: as long as it is ours, it keeps others out while we close.
        match shared.write(third, |_| {}).await {
            Ok(()) => failing = false,
            Err(_) if shared.taken() => return,
            Err(error) if !failing => {
                tracing::warn!(%error, "the Lease cannot be renewed");
                failing = true;
            }
            Err(_) => {}
        }
        if shared.is_lost() {
            shared.lost.store(true, Ordering::SeqCst);
        }
    }
}

impl Shared {
    fn is_lost(&self) -> bool {
        if self.lost.load(Ordering::SeqCst) {
            return true;
        }
        let (at, clock) = *self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        // The monotonic clock stands still while a laptop sleeps; the wall clock of this same machine tells.
        let by_clock =
            Duration::try_from((self.store.options.now)().duration_since(clock)).unwrap_or_default();
        let lost = at.elapsed().max(by_clock) >= self.store.options.duration;
        if lost {
            self.lost.store(true, Ordering::SeqCst);
        }
        lost
    }

    /// Whether the last object that we saw has somebody else in our place.
    fn taken(&self) -> bool {
        let Ok(current) = self.current.try_lock() else { return false };
        object::identity(&current) != Some(self.store.options.identity.as_str())
    }

    /// Changes the object, and returns when the API server has stored it. Every write is a sign of life. What is not
    /// known to have happened is looked at, and repeated while the Lease is ours.
    async fn write(&self, budget: Duration, change: impl Fn(&mut Lease)) -> Result<(), JournalError> {
        let failed = |error: ClusterError| JournalError(error.to_string());
        let end = Instant::now() + budget;
        let mut current = self.current.lock().await;
        let mut pause = Duration::from_millis(100);
        loop {
            self.still_ours(&current)?;
            let (begun, clock) = (Instant::now(), (self.store.options.now)());
            let mut next = current.clone();
            change(&mut next);
            object::renew(&mut next, clock);
            let left = end.saturating_duration_since(begun).min(WRITE);
            let problem = match self.put(&next, left).await {
                Ok(stored) => {
                    *current = stored;
                    *self.alive.lock().unwrap_or_else(PoisonError::into_inner) = (begun, clock);
                    return Ok(());
                }
                Err(error @ ClusterError::Conflict { .. }) => error,
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(failed(error)),
            };
            if Instant::now() + pause >= end {
                return Err(failed(problem));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
            let left = end.saturating_duration_since(Instant::now()).min(WRITE);
            match within(left, &self.store.ask("get"), self.store.api.get(&self.store.name)).await {
                Ok(seen) => *current = seen,
                // Deleted: made anew, if nobody is faster.
                Err(ClusterError::NotFound { .. }) => current.metadata.resource_version = None,
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Stores the object; one that somebody deleted is made anew, with all that is in it.
    async fn put(&self, next: &Lease, deadline: Duration) -> Result<Lease, ClusterError> {
        if next.metadata.resource_version.is_some() {
            match self.store.replace(next, deadline).await {
                Err(ClusterError::NotFound { .. }) => {}
                done => return done,
            }
        }
        tracing::warn!(name = self.store.name, "the Lease was deleted; it is made anew");
        let metadata = ObjectMeta {
            name: next.metadata.name.clone(),
            labels: next.metadata.labels.clone(),
            annotations: next.metadata.annotations.clone(),
            ..ObjectMeta::default()
        };
        let anew = Lease { metadata, spec: next.spec.clone() };
        within(deadline, &self.store.ask("create"), self.store.api.create(&PostParams::default(), &anew))
            .await
    }

    fn still_ours(&self, current: &Lease) -> Result<(), JournalError> {
        if object::identity(current) == Some(self.store.options.identity.as_str()) {
            return Ok(());
        }
        self.lost.store(true, Ordering::SeqCst);
        let by = object::holder(current).map_or("nobody".to_owned(), |h: Holder| h.to_string());
        Err(JournalError(format!("Lease {} is now held by {by}", self.store.name)))
    }
}
