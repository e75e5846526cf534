//! Taking a release: free, held by somebody who lives, or left by somebody who is dead.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use tokio::time::Instant;

use super::LeaseOptions;
use super::held::{LeaseJournal, Store};
use super::object::{self, Holder, Sign};
use crate::cluster::access::Cluster;
use crate::cluster::error::ClusterError;
use crate::run::Armed;

/// How often a watcher looks.
const LOOK: Duration = Duration::from_secs(1);

/// After how long a write is repeated that met another one.
const AGAIN: Duration = Duration::from_millis(100);

/// How many writes may meet others before we give up.
const CONFLICTS: u32 = 50;

/// What became of the wish to hold a release.
#[derive(Debug)]
pub enum Acquired {
    /// It was free, and nothing is to be undone.
    Held(LeaseJournal),
    /// It is ours, and an earlier run ended without letting go, or left something to be undone.
    TakenOver {
        /// The release.
        journal: LeaseJournal,
        /// Who it was, when it did not let go.
        from: Option<Holder>,
        /// What must be undone before anything else.
        left: Option<Armed>,
    },
    /// Somebody who lives holds it.
    Busy(Holder),
}

/// A holder that may be dead, and what we have seen of it.
struct Watched {
    sign: Sign,
    since: Instant,
    silent_for: Duration,
}

impl LeaseJournal {
    /// Takes the release's Lease.
    ///
    /// One that somebody else holds is watched: the first sign of life makes it `Busy`, its whole duration without one
    /// makes it ours. `waiting` is told once, before that begins, whom we watch and for how long at most.
    pub async fn acquire(
        cluster: &Cluster,
        options: LeaseOptions,
        mut waiting: impl FnMut(&Holder, Duration),
    ) -> Result<Acquired, ClusterError> {
        let store = Store::new(cluster, options);
        let mut watched: Option<Watched> = None;
        let mut failing: Option<Instant> = None;
        let mut conflicts = 0;
        // Whom we take it from. An attempt whose answer was lost may have made us the holder.
        let mut from: Option<Holder> = None;
        loop {
            let asked = Instant::now();
            let lease = match store.get().await {
                Ok(lease) => lease,
                Err(ClusterError::NotFound { .. }) => object::new(&store.name, &store.options.release),
                // A server that is away says nothing about the holder. It may come back.
                Err(error) if error.is_passing() => {
                    let since = *failing.get_or_insert(asked);
                    if since.elapsed() >= store.options.duration {
                        return Err(error);
                    }
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            failing = None;
            let holder = object::holder(&lease).filter(|h| h.identity != store.options.identity);
            if let Some(holder) = &holder
                && store.options.heir_of.as_ref() != Some(&holder.identity)
            {
                let (sign, silent_for) =
                    (object::sign(&lease), object::duration(&lease, store.options.duration));
                let seen = watched.get_or_insert_with(|| {
                    waiting(holder, silent_for);
                    // From before the question: what it answers was true after that.
                    Watched { sign: sign.clone(), since: Instant::now(), silent_for }
                });
                if seen.sign != sign {
                    return Ok(Acquired::Busy(holder.clone()));
                }
                let silent = asked.saturating_duration_since(seen.since);
                if silent < seen.silent_for {
                    tokio::time::sleep(LOOK.min(seen.silent_for.saturating_sub(silent))).await;
                    continue;
                }
            }
            from = holder.or(from);
            match take(&store, lease).await {
                Ok(taken) => {
                    let left = object::armed(&taken);
                    let journal = LeaseJournal::start(store, taken, asked);
                    return Ok(match (from, left) {
                        (None, None) => Acquired::Held(journal),
                        (from, left) => Acquired::TakenOver { journal, from, left },
                    });
                }
                // Somebody was faster, or it is not known whether we were: look again. Where nobody ever is there, something
                // else than another run refuses us.
                Err(error @ ClusterError::Conflict { .. }) => {
                    conflicts += 1;
                    if conflicts >= CONFLICTS {
                        return Err(error);
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) if error.is_passing() => {
                    let since = *failing.get_or_insert(asked);
                    if since.elapsed() >= store.options.duration {
                        return Err(error);
                    }
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn take(store: &Store, mut lease: Lease) -> Result<Lease, ClusterError> {
    let options = &store.options;
    object::take(&mut lease, &options.identity, &options.verb, options.duration, (options.now)());
    if lease.metadata.resource_version.is_none() {
        let ask = store.ask("create");
        return store.cluster.ask(&ask, store.api.create(&PostParams::default(), &lease)).await;
    }
    store.replace(&lease, store.cluster.deadline()).await
}
