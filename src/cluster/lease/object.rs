//! What stands in the Lease: who holds the release, and what must be undone.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use serde::Serialize;

use crate::cluster::names::{self, MANAGED_BY, OURS, RELEASE};
use crate::model::BackupId;
use crate::run::Armed;

const VERB: &str = "camunda-backup/verb";
const BACKUP: &str = "camunda-backup/backup-id";
const ARMED: &str = "camunda-backup/armed";
const ARMED_SINCE: &str = "camunda-backup/armed-since";
const ARMED_ANSWERED: &str = "camunda-backup/armed-answered";
/// The value of [`ARMED`]: what has to be done. There is one such thing.
const RESUME: &str = "resume-exporting";

/// Who holds a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// `HOST_RANDOM`, where the host of a run in the cluster is its pod.
    pub identity: String,
    /// `create`, `resume`, ...
    pub verb: String,
    /// The backup that it works on, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_id: Option<String>,
    /// Since when, by its own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` of {}", self.verb, self.identity)?;
        if let Some(id) = &self.backup_id {
            write!(f, ", backup {id}")?;
        }
        if let Some(since) = &self.since {
            write!(f, ", since {since}")?;
        }
        Ok(())
    }
}

/// What a watcher sees; equal as long as the holder gives no sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sign {
    holder: Option<String>,
    renewed: Option<MicroTime>,
    transitions: Option<i32>,
}

pub(super) fn new(name: &str, release: &str) -> Lease {
    let labels = BTreeMap::from([
        (MANAGED_BY.to_owned(), OURS.to_owned()),
        (RELEASE.to_owned(), names::label_value(release)),
    ]);
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
    Lease { metadata, spec: Some(LeaseSpec::default()) }
}

pub(super) fn identity(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|h| !h.is_empty())
}

pub(super) fn holder(lease: &Lease) -> Option<Holder> {
    let note = |name: &str| lease.metadata.annotations.as_ref()?.get(name).cloned();
    let since = lease.spec.as_ref().and_then(|s| s.acquire_time.as_ref());
    Some(Holder {
        identity: identity(lease)?.to_owned(),
        verb: note(VERB).unwrap_or_else(|| "unknown".to_owned()),
        backup_id: note(BACKUP),
        since: since.map(|t| t.0.round(jiff::Unit::Second).unwrap_or(t.0).to_string()),
    })
}

/// What must be undone. Any value counts: a Lease that somebody edited is not taken for one with nothing armed.
pub(super) fn armed(lease: &Lease) -> Option<Armed> {
    let notes = lease.metadata.annotations.as_ref()?;
    notes.get(ARMED)?;
    Some(Armed {
        backup_id: notes.get(BACKUP).and_then(|id| id.parse().ok()),
        since: notes.get(ARMED_SINCE).cloned().unwrap_or_else(|| "unknown".to_owned()),
        answered: notes.get(ARMED_ANSWERED).is_some_and(|answered| answered == "true"),
    })
}

pub(super) fn sign(lease: &Lease) -> Sign {
    let spec = lease.spec.clone().unwrap_or_default();
    Sign { holder: spec.holder_identity, renewed: spec.renew_time, transitions: spec.lease_transitions }
}

/// How long the holder may be silent, by its own word.
pub(super) fn duration(lease: &Lease, otherwise: Duration) -> Duration {
    let seconds =
        lease.spec.as_ref().and_then(|s| s.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
    seconds.filter(|s| *s > 0).map_or(otherwise, Duration::from_secs)
}

pub(super) fn take(lease: &mut Lease, identity: &str, verb: &str, duration: Duration, now: Timestamp) {
    let spec = lease.spec.get_or_insert_default();
    // The first holder of a Lease is no transition.
    let transitions = spec.lease_transitions.map_or(0, |n| n.saturating_add(1));
    spec.holder_identity = Some(identity.to_owned());
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).max(1));
    spec.acquire_time = Some(MicroTime(now));
    spec.lease_transitions = Some(transitions);
    let nothing_armed = armed(lease).is_none();
    let notes = lease.metadata.annotations.get_or_insert_default();
    notes.insert(VERB.to_owned(), verb.to_owned());
    if nothing_armed {
        notes.remove(BACKUP);
    }
    renew(lease, now);
}

pub(super) fn renew(lease: &mut Lease, now: Timestamp) {
    let spec = lease.spec.get_or_insert_default();
    // A watcher must see a change, even when our clock was set back or stands still.
    let last = spec.renew_time.as_ref().map(|t| t.0);
    let now = match last {
        Some(last) if last.as_microsecond() == now.as_microsecond() => {
            now.checked_add(Duration::from_micros(1)).unwrap_or(now)
        }
        _ => now,
    };
    spec.renew_time = Some(MicroTime(now));
}

pub(super) fn arm(lease: &mut Lease, armed: &Armed) {
    let notes = lease.metadata.annotations.get_or_insert_default();
    notes.insert(ARMED.to_owned(), RESUME.to_owned());
    notes.insert(ARMED_SINCE.to_owned(), armed.since.clone());
    notes.insert(ARMED_ANSWERED.to_owned(), armed.answered.to_string());
    match armed.backup_id {
        Some(id) => notes.insert(BACKUP.to_owned(), id.to_string()),
        None => notes.remove(BACKUP),
    };
}

pub(super) fn disarm(lease: &mut Lease) {
    if let Some(notes) = &mut lease.metadata.annotations {
        notes.remove(ARMED);
        notes.remove(ARMED_SINCE);
        notes.remove(ARMED_ANSWERED);
    }
}

pub(super) fn works_on(lease: &mut Lease, id: BackupId) {
    lease.metadata.annotations.get_or_insert_default().insert(BACKUP.to_owned(), id.to_string());
}

/// Lets go. What is armed stays, for whoever comes next.
pub(super) fn let_go(lease: &mut Lease) {
    lease.spec.get_or_insert_default().holder_identity = None;
    if armed(lease).is_none()
        && let Some(notes) = &mut lease.metadata.annotations
    {
        notes.remove(BACKUP);
        notes.remove(VERB);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_the_pause_was_answered_is_in_the_lease_and_goes_with_it() {
        let mut lease = new("x", "x");
        let before = Armed { backup_id: None, since: "then".to_owned(), answered: false };
        arm(&mut lease, &before);
        assert_eq!(armed(&lease), Some(before.clone()));
        let after = Armed { answered: true, ..before };
        arm(&mut lease, &after);
        assert_eq!(armed(&lease), Some(after));
        disarm(&mut lease);
        assert!(lease.metadata.annotations.unwrap_or_default().is_empty());
    }
}
