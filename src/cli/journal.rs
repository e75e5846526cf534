//! What lock and journal of a release say, seen from outside: asked once, without holding it.

use std::time::Duration;

use super::reach::InKubernetes;
use super::setup::Setup;
use crate::cluster::{LeaseOptions, LeaseState, lease_name};
use crate::journal::{FileJournal, Peek};
use crate::model::{Finding, Reason, Severity};
use crate::render::LeaseView;
use crate::run::Armed;

/// A release's journal.
#[derive(Debug)]
pub(crate) enum JournalState {
    /// There is none: nothing was ever armed.
    None,
    Lease(LeaseState),
    File(Peek),
}

impl JournalState {
    /// Asks for it. `Err`: why it cannot be read, in words.
    pub async fn look(setup: &Setup) -> Result<Self, String> {
        if let Some(found) = by_lease(setup) {
            let state = found.lease_state().await.map_err(|e| e.to_string())?;
            return Ok(state.map_or(Self::None, Self::Lease));
        }
        let (dir, key) = setup.journal_place()?;
        let peek = FileJournal::peek(&dir, &key).map_err(|e| e.to_string())?;
        Ok(peek.map_or(Self::None, Self::File))
    }

    /// What is armed, whoever holds the release.
    pub fn armed(&self) -> Option<&Armed> {
        match self {
            Self::None => None,
            Self::Lease(state) => state.armed.as_ref(),
            Self::File(peek) => peek.entry.armed.as_ref(),
        }
    }

    /// What a run left armed that is dead, or seems to be.
    pub fn abandoned(&self) -> Option<&Armed> {
        self.armed().filter(|_| !self.is_held())
    }

    /// Whether somebody holds the release who seems to live. (Who is dead and left nothing stays in a Lease as well, until
    /// the next one takes it over.)
    fn is_held(&self) -> bool {
        match self {
            Self::None => false,
            Self::Lease(state) => state.holder.is_some() && !is_long(silence(state)),
            Self::File(peek) => peek.held,
        }
    }

    /// Who holds the release and seems to live, in words.
    pub fn living_holder(&self) -> Option<String> {
        self.holder().filter(|_| self.is_held())
    }

    /// Whether a pause is left by a dead run, and somebody who lives is resuming exporting.
    pub fn is_being_repaired(&self) -> bool {
        let verb = match self {
            Self::None => None,
            Self::Lease(state) => state.holder.as_ref().map(|h| h.verb.as_str()),
            Self::File(peek) => peek.entry.holder.as_ref().filter(|_| peek.held).map(|h| h.verb.as_str()),
        };
        self.armed().is_some() && matches!(verb, Some("resume" | "guard"))
    }

    /// Who holds the release, in words; with files: somebody who lives.
    pub fn holder(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Lease(state) => {
                let seen = state.renewed.as_ref().map(|at| format!(", last sign of life {at}"));
                state.holder.as_ref().map(|holder| format!("{holder}{}", seen.unwrap_or_default()))
            }
            Self::File(peek) => {
                let holder = peek.entry.holder.as_ref();
                peek.held.then(|| holder.map_or("a living process".to_owned(), ToString::to_string))
            }
        }
    }

    /// What is wrong.
    fn finding(&self) -> Option<Finding> {
        if let Self::Lease(state) = self
            && state.holder.is_some()
        {
            return seems_dead(state, silence(state));
        }
        let armed = self.abandoned()?;
        let of = armed.backup_id.map(|id| format!(" of backup {id}")).unwrap_or_default();
        let detail = format!("a run{of} has left exporting paused (since {})", armed.since);
        Some(Finding::new(Reason::AbandonedPause, None, detail))
    }

    /// The Lease, where it is one.
    pub fn lease(&self, setup: &Setup) -> Option<LeaseView> {
        let Self::Lease(state) = self else { return None };
        Some(LeaseView {
            name: lease_name(&setup.kubernetes.as_ref()?.release.name),
            renewed: state.renewed.clone(),
            armed_since: state.armed.as_ref().map(|a| a.since.clone()),
            armed_for: state.armed.as_ref().and_then(|a| a.backup_id),
        })
    }
}

/// The release in Kubernetes, where its journal is a Lease.
pub(crate) fn by_lease(setup: &Setup) -> Option<&InKubernetes> {
    setup.kubernetes.as_ref().filter(|found| !found.no_lease)
}

/// Findings in the light of the journal.
pub(crate) fn judged(journal: &Result<JournalState, String>, mut findings: Vec<Finding>) -> Vec<Finding> {
    let (held, found) = match journal {
        Ok(journal) => (journal.is_held(), journal.finding()),
        Err(problem) => (false, Some(Finding::new(Reason::JournalFailed, None, problem.clone()))),
    };
    if held {
        // A run of ours that is going on pauses exporting and has backups in progress: that is no problem.
        findings.retain(|f| {
            !matches!(
                f.reason,
                Reason::ExportingPausedByOthers | Reason::BackupInProgress | Reason::StaleZeebeBackup
            )
        });
    }
    if found.as_ref().is_some_and(|f| f.reason == Reason::AbandonedPause) {
        // Nobody has to be found out, for it is known who paused it.
        findings.retain(|f| f.reason != Reason::ExportingPausedByOthers);
    }
    findings.extend(found);
    findings
}

/// How long a holder has been silent, by its own clock and ours: for people alone.
fn silence(state: &LeaseState) -> Duration {
    silent_since(state.renewed.as_deref(), super::timestamp())
}

fn silent_since(renewed: Option<&str>, now: jiff::Timestamp) -> Duration {
    let then = renewed.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    then.and_then(|then| Duration::try_from(now.duration_since(then)).ok()).unwrap_or_default()
}

/// Whether somebody who lives would have given a sign of it meanwhile.
fn is_long(silence: Duration) -> bool {
    silence >= LeaseOptions::DURATION * 2
}

/// A holder that was killed stays in its Lease until somebody has watched it. One look cannot tell whether it lives, and
/// clocks differ; but who looks at a cluster that stays paused must hear of it, and of the command that finds out.
fn seems_dead(state: &LeaseState, silence: Duration) -> Option<Finding> {
    let (holder, armed) = (state.holder.as_ref()?, state.armed.as_ref()?);
    if !is_long(silence) {
        return None;
    }
    let detail = format!(
        "exporting was paused (since {}) by {holder}, whose last sign of life, by its own clock, is {} s old; resuming watches first whether it lives",
        armed.since,
        silence.as_secs()
    );
    Some(Finding { severity: Severity::Warning, ..Finding::new(Reason::AbandonedPause, None, detail) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Holder;

    #[test]
    fn a_holder_that_has_been_silent_for_long_with_exporting_paused_is_a_problem() {
        let now: jiff::Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        assert_eq!(silent_since(Some("2026-11-23T09:00:00.5Z"), now).as_secs(), 10_799);
        assert_eq!(silent_since(Some("2026-11-23T13:00:00Z"), now), Duration::ZERO, "clocks differ");
        assert_eq!(silent_since(None, now), Duration::ZERO);
        let holder = Holder {
            identity: "laptop_1".to_owned(),
            verb: "create".to_owned(),
            backup_id: None,
            since: None,
        };
        let armed = Armed { backup_id: None, since: "then".to_owned(), answered: true };
        let state = LeaseState { holder: Some(holder), armed: Some(armed), renewed: None };
        let found = seems_dead(&state, Duration::from_secs(10_799)).expect("a finding");
        assert!(
            found.detail.contains("`create` of laptop_1") && found.detail.contains("10799 s"),
            "{found:?}"
        );
        assert_eq!(found.severity, Severity::Warning, "it may live all the same");
        assert_eq!(seems_dead(&state, Duration::from_secs(20)), None);
        assert_eq!(seems_dead(&LeaseState { armed: None, ..state.clone() }, Duration::MAX), None);
        assert_eq!(
            seems_dead(&LeaseState { holder: None, ..state }, Duration::MAX),
            None,
            "that is told already"
        );
    }
}
