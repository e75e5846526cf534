//! Undoing what a dead run left: resume exporting, see that it runs, clear the journal.
//!
//! The one way for `resume`, for every `create` before it begins, and for the guard.

use std::time::Duration;

use super::console::Console;
use crate::client::{self, Http, Request};
use crate::dialect::ROWS;
use crate::journal::FileJournal;
use crate::model::{Cluster, Component, ExporterPhase, Version};
use crate::plan;
use crate::run::{Armed, Cancel, Events, Happened, Journal, Release, Seen, observe, release};

/// How long a pause without an answer may still arrive: the request may wait in a queue on its way. As long as a run
/// waits for it that sees the answer fail to come.
const LATE_PAUSE: Duration = Duration::from_secs(30);

/// Nothing is on its way: one more look, because a replica may show its old state for a moment.
const ONE_MORE_LOOK: Duration = Duration::from_secs(1);

/// Questions that help, and that nothing depends on.
const QUESTION: Duration = Duration::from_secs(5);

/// What a dead run left.
#[derive(Debug, Clone, Default)]
pub(crate) struct Left {
    /// What was armed. `None`: nothing, so nothing can be on its way.
    pub armed: Option<Armed>,
    /// The cluster that was paused, if that was known: see [`identity`].
    pub cluster: Option<String>,
    /// The journal knows clusters by an address alone, behind which there may be another one by now.
    pub by_address: bool,
    /// Somebody has named this very cluster: it is resumed, whatever the journal knows of it. It may have been updated, or
    /// scaled, since it was paused.
    pub by_hand: bool,
}

impl Left {
    /// What a journal in a file says.
    pub fn of(journal: &FileJournal) -> Self {
        Self { armed: journal.armed(), cluster: journal.cluster(), by_address: true, by_hand: false }
    }

    /// How long to watch before the journal may be cleared. `sure`: what is asked is certainly what was paused.
    fn settle(&self, sure: bool) -> Duration {
        match &self.armed {
            Some(armed) if !armed.answered || !sure => LATE_PAUSE,
            Some(_) | None => ONE_MORE_LOOK,
        }
    }

    /// What speaks against the cluster at this address being the one that was paused.
    fn mismatch(&self, gateway: &str, now: Option<&str>) -> Option<String> {
        let (before, now) = (self.cluster.as_deref()?, now?);
        self.armed.as_ref().filter(|_| before != now)?;
        Some(format!(
            "the gateway at {gateway} is another cluster than the one that was paused (that one: {before}; this one: {now}); nothing was changed; if it is the same one, updated or scaled since, `resume --gateway-url {gateway}` resumes it all the same; if not, bring the paused one back to this address first"
        ))
    }
}

/// Tells one cluster from another: the brokers and partitions of its topology, and its version. `None`: not told.
pub(crate) async fn identity(http: &Http) -> Option<String> {
    look(http).await.1
}

async fn look(http: &Http) -> (Option<Cluster>, Option<String>) {
    let topology = Request::get(Component::Gateway, ROWS[0].cluster);
    let info = Request::get(Component::Gateway, "/actuator/info");
    let (cluster, info) = tokio::join!(http.call(&topology, QUESTION), http.call(&info, QUESTION));
    let cluster = cluster.ok().and_then(|r| client::cluster(&r).ok());
    let version = info.ok().and_then(|r| client::version(&r));
    let identity = cluster.as_ref().zip(version).map(|(cluster, version)| fingerprint(cluster, &version));
    (cluster, identity)
}

fn fingerprint(cluster: &Cluster, version: &Version) -> String {
    let list = |numbers: &mut dyn Iterator<Item = &u32>| {
        numbers.map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    let (brokers, partitions) = (list(&mut cluster.brokers.keys()), list(&mut cluster.partitions.iter()));
    format!("version {version}, brokers {brokers}, partitions {partitions}")
}

/// Resumes exporting and, when it is seen (or at least said) to run and to stay so, clears the journal.
///
/// `who` speaks, such as `guard: `.
#[expect(clippy::too_many_arguments, reason = "what every repair needs")]
pub(crate) async fn repair(
    http: &Http,
    brokers: &[Component],
    journal: Option<&dyn Journal>,
    left: &Left,
    budget: Duration,
    cancel: &Cancel,
    console: &Console,
    who: &str,
) -> Release {
    // The paths of a resume are the same in every row, so it needs no version.
    let dialect = &ROWS[0];
    let (cluster, identity) = look(http).await;
    if let Some(cause) = left.mismatch(&http.describe(Component::Gateway, ""), identity.as_deref()) {
        if !left.by_hand {
            return Release { attempts: 0, result: Err(cause), in_calls: Duration::ZERO };
        }
        console.warn(&format!(
            "{who}what was paused here was {}; this is {}: resumed all the same, as it was asked for",
            left.cluster.as_deref().unwrap_or_default(),
            identity.as_deref().unwrap_or_default()
        ));
    }
    let order = plan::release(dialect, brokers.iter().copied(), cluster.as_ref());
    let known = !left.by_address || left.cluster.is_some() && identity.is_some();
    // Who finds the pause has found the cluster.
    let sure = known || left.armed.is_some() && is_paused(http, &order).await;

    let (events, mut heard) = Events::channel();
    let (console_, who_) = (console.clone(), who.to_owned());
    let told = tokio::spawn(async move {
        while let Some(event) = heard.recv().await {
            if let Happened::Retrying { what, cause, in_seconds } = event.happened {
                console_.warn(&format!("{who_}could not {what} ({cause}); again in {in_seconds:.1} s"));
            }
        }
    });
    let began = tokio::time::Instant::now();
    let settle = left.settle(sure);
    // Seen to run is told at once; that it stays so may take a while, and only then the journal is cleared.
    let mut released = release(http, &order, budget, Duration::ZERO, cancel, &events).await;
    if let Ok(first) = &released.result {
        if settle > ONE_MORE_LOOK {
            console.info(&format!(
                "{who}exporting runs again ({}); a pause may still be on its way, so it is watched for {} s",
                seen(first),
                settle.as_secs()
            ));
        }
        let rest = budget.saturating_sub(began.elapsed());
        let attempts = released.attempts;
        released = release(http, &order, rest, settle, cancel, &events).await;
        released.attempts += attempts;
    }
    drop(events);
    let _ = told.await;
    // Nothing was armed before us and no connection was ever made, such as to a mistyped address: then nothing is owed,
    // and an entry that stays would have every later run resume what is not there.
    if released.result.is_err() && left.armed.is_none() && !http.may_have_changed() {
        if let Some(journal) = journal
            && let Err(error) = journal.disarm().await
        {
            console.warn(&format!("the journal cannot be cleared: {error}"));
        }
        return released;
    }
    if released.result.is_ok()
        && let Some(journal) = journal
        && let Err(error) = journal.disarm().await
    {
        released.result = Err(format!("exporting runs, but the journal cannot be cleared: {error}"));
    }
    released
}

async fn is_paused(http: &Http, order: &plan::ReleaseOrder) -> bool {
    observe(http, &order.probes)
        .await
        .values()
        .flatten()
        .flatten()
        .any(|replica| replica.phase.as_ref().is_some_and(ExporterPhase::is_paused))
}

/// Where exporting was seen to run, for people.
pub(crate) fn seen(seen: &Seen) -> String {
    let list = |partitions: &std::collections::BTreeSet<u32>| {
        partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    match (seen.brokers, seen.unseen.is_empty()) {
        (0, _) => "the gateway says so; no broker URL was given to see it".to_owned(),
        (n, true) => format!(
            "seen on partition {} of {n} broker{}",
            list(&seen.partitions),
            if n == 1 { "" } else { "s" }
        ),
        (n, false) => format!(
            "seen on partition {} of {n} broker{}; not seen on partition {}",
            list(&seen.partitions),
            if n == 1 { "" } else { "s" },
            list(&seen.unseen)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(answered: bool) -> Left {
        let armed = Some(Armed { backup_id: None, since: "then".to_owned(), answered });
        Left { armed, cluster: Some("one".to_owned()), by_address: true, by_hand: false }
    }

    #[test]
    fn a_pause_without_an_answer_is_waited_for() {
        assert_eq!(left(false).settle(true), LATE_PAUSE);
        assert_eq!(left(true).settle(true), ONE_MORE_LOOK);
        assert_eq!(left(true).settle(false), LATE_PAUSE);
        assert_eq!(Left::default().settle(false), ONE_MORE_LOOK);
    }

    #[test]
    fn another_cluster_at_the_same_address_is_not_the_one_that_was_paused() {
        let gateway = "http://localhost:9600/";
        let text = left(true).mismatch(gateway, Some("another")).expect("another");
        assert!(text.starts_with("the gateway at http://localhost:9600/ is another cluster"), "{text}");
        assert_eq!(left(true).mismatch(gateway, Some("one")), None);
        assert_eq!(left(true).mismatch(gateway, None), None);
        assert_eq!(Left::default().mismatch(gateway, Some("another")), None);
    }
}
