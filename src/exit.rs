//! Exit codes: part of the contract with users, and with the `podFailurePolicy` of whoever runs this as a Job.

use crate::model::{Finding, Reason, Severity};
use crate::run::{Exporting, Outcome, PartOutcome, Report};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A bug.
    Bug = 1,
    /// The command line is wrong.
    Usage = 2,
    /// No release, or several and none was chosen; or the backup that was named is not there.
    NotFound = 10,
    /// Version or topology is not supported, or not known.
    Unsupported = 11,
    /// Nothing could be asked, or we are not allowed to.
    NoAccess = 12,
    /// Problems were found before anything was changed.
    Preflight = 13,
    /// `check` or `verify` found the state not good.
    NotGood = 14,
    /// The backup failed; exporting runs.
    Failed = 20,
    /// A deadline passed; exporting runs.
    Deadline = 21,
    /// Cancelled; exporting runs.
    Cancelled = 22,
    /// Exporting may still be paused.
    MaybePaused = 30,
    /// Another run holds the release.
    Held = 40,
    /// Something that was to be deleted is still there.
    NotDeleted = 50,
}

impl Exit {
    /// All codes, with their meaning: what the documentation shows.
    pub const TABLE: &[(Exit, &str)] = &[
        (Exit::Done, "done"),
        (Exit::Bug, "a bug in camunda-backup"),
        (Exit::Usage, "the command line is wrong"),
        (
            Exit::NotFound,
            "the release was not found, or there are several, or the backup that was named is not there; nothing was changed",
        ),
        (
            Exit::Unsupported,
            "this Camunda version or topology is not supported, or not known; nothing was changed",
        ),
        (Exit::NoAccess, "nothing could be reached, or access was denied; nothing was changed"),
        (Exit::Preflight, "preflight found problems; nothing was changed"),
        (Exit::NotGood, "check or verify found the state not good"),
        (Exit::Failed, "the backup failed; exporting runs"),
        (Exit::Deadline, "a deadline passed; exporting runs"),
        (Exit::Cancelled, "cancelled; exporting runs"),
        (Exit::MaybePaused, "exporting may still be paused: run `resume`"),
        (Exit::Held, "another run holds the release; nothing was changed"),
        (Exit::NotDeleted, "delete or prune: not everything is gone; repeat it"),
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether the same run, started again by a Job, may end better: what is not there now may come back, and what a dead
    /// run left is repaired first. The rest needs somebody who looks.
    pub fn is_worth_another_run(self) -> bool {
        matches!(self, Exit::NoAccess | Exit::Cancelled | Exit::MaybePaused | Exit::Held)
    }

    /// How a run ends. Exporting counts more than the backup: a complete backup with exporting paused is no success.
    pub fn of_report(report: &Report) -> Self {
        if matches!(report.exporting, Exporting::MaybePaused { .. }) {
            return Exit::MaybePaused;
        }
        match &report.outcome {
            Outcome::Complete => Exit::Done,
            // Refused before anything was begun.
            Outcome::Failed { cause, .. }
                if cause.reason == Reason::ExporterLag
                    && report.parts.iter().all(|p| p.outcome == PartOutcome::NotStarted) =>
            {
                Exit::Preflight
            }
            Outcome::Failed { .. } => Exit::Failed,
            Outcome::DeadlinePassed { .. } => Exit::Deadline,
            Outcome::Cancelled { .. } => Exit::Cancelled,
        }
    }

    /// How findings end a run before it began. `None`: they do not.
    pub fn of_findings(findings: &[Finding]) -> Option<Self> {
        let errors: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Error).collect();
        let access = |reason| {
            matches!(
                reason,
                Reason::ComponentUnreachable
                    | Reason::ComponentUnauthorized
                    | Reason::SearchUnreachable
                    | Reason::SearchUnauthorized
                    | Reason::BrokerUnreachable
                    | Reason::RightMissing
            )
        };
        // Who cannot be asked does not tell its version: beside such an error it follows from that.
        let unknown = |reason| reason == Reason::VersionUnknown;
        match errors.as_slice() {
            [] => None,
            [..] if errors.iter().any(|f| f.reason == Reason::VersionUnsupported)
                || errors.iter().all(|f| unknown(f.reason)) =>
            {
                Some(Exit::Unsupported)
            }
            [..] if errors.iter().all(|f| access(f.reason) || unknown(f.reason)) => Some(Exit::NoAccess),
            [..] => Some(Exit::Preflight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_not_known_is_no_matter_of_access_by_itself() {
        let of = |reasons: &[Reason]| {
            let findings: Vec<_> = reasons.iter().map(|r| Finding::new(*r, None, "")).collect();
            Exit::of_findings(&findings)
        };
        // The same again, and again: no Job starts anew for it.
        assert_eq!(of(&[Reason::VersionUnknown]), Some(Exit::Unsupported));
        assert!(!Exit::Unsupported.is_worth_another_run());
        assert_eq!(of(&[Reason::VersionUnknown, Reason::ExportersBehind]), Some(Exit::Unsupported));
        assert_eq!(of(&[Reason::VersionUnknown, Reason::ComponentUnreachable]), Some(Exit::NoAccess));
        assert_eq!(of(&[Reason::VersionUnknown, Reason::RepositoryMissing]), Some(Exit::Preflight));
        assert_eq!(of(&[Reason::ExportersBehind]), None);
    }
}
