//! The numbers of a run, in the text format of Prometheus. Names and labels are part of the contract with users.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::catalogue::SetState;
use crate::run::{Exporting, Outcome, PartOutcome, Report};

/// A metric that a later run takes over when it has nothing to say about it.
pub const LAST_SUCCESS: &str = "camunda_backup_last_success_timestamp_seconds";
/// Another one.
pub const LAST_COMPLETE: &str = "camunda_backup_last_complete_timestamp_seconds";

/// What is known at the end of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunMetrics<'a> {
    /// `create`, `verify`, `prune` or `resume`.
    pub verb: &'a str,
    /// Labels of the release, in their order.
    pub labels: &'a [(&'a str, String)],
    /// How it ended.
    pub exit_code: u8,
    /// When it ended: Unix seconds.
    pub ended: u64,
    /// When a run last ended well: Unix seconds.
    pub last_success: Option<u64>,
    /// When the newest complete backup was taken: Unix seconds.
    pub last_complete: Option<u64>,
    /// Since when a run, living or dead, has exporting paused: Unix seconds; 0 when none has.
    pub paused_since: Option<u64>,
    /// The last attempt at a backup.
    pub report: Option<&'a Report>,
    /// How many backups there are in each state.
    pub sets: Option<&'a BTreeMap<SetState, usize>>,
}

/// The exposition format, version 0.0.4: one `# HELP` and `# TYPE` for each metric, all of its samples together.
pub fn metrics(run: &RunMetrics<'_>) -> String {
    let mut page = Page { text: String::new(), labels: sample_labels(run.labels, run.verb) };
    page.one("camunda_backup_exit_code", "Exit code of the last run.", f64::from(run.exit_code));
    page.one("camunda_backup_last_run_timestamp_seconds", "When the last run ended.", seconds(run.ended));
    if let Some(time) = run.last_success {
        page.one(LAST_SUCCESS, "When a run last ended with exit code 0.", seconds(time));
    }
    if let Some(time) = run.last_complete {
        page.one(LAST_COMPLETE, "When the newest complete backup was taken.", seconds(time));
    }
    if let Some(time) = run.paused_since {
        let help = "Since when a run has exporting paused; 0 when none has.";
        page.one("camunda_backup_exporting_paused_since_timestamp_seconds", help, seconds(time));
    }
    if let Some(report) = run.report {
        page.report(report);
    }
    if let Some(sets) = run.sets {
        let count = |state| sets.get(&state).copied().unwrap_or_default();
        let samples = SetState::ALL
            .map(|state| (state.name(), f64::from(u32::try_from(count(state)).unwrap_or(u32::MAX))));
        page.many("camunda_backup_sets", "Backups by state.", "state", &samples);
    }
    page.text
}

/// Seconds since 1970 are exact in a float for the next millions of years.
fn seconds(unix: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let seconds = unix as f64;
    seconds
}

/// The labels of a run as every sample has them, without braces.
pub fn sample_labels(release: &[(&str, String)], verb: &str) -> String {
    let all = release.iter().cloned().chain([("verb", verb.to_owned())]);
    all.map(|(name, value)| format!("{name}=\"{}\"", escaped(&value))).collect::<Vec<_>>().join(",")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

struct Page {
    text: String,
    labels: String,
}

impl Page {
    fn head(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help);
        let _ = writeln!(self.text, "{name}{{{}}} {value}", self.labels);
    }

    fn many(&mut self, name: &str, help: &str, label: &str, samples: &[(&str, f64)]) {
        if samples.is_empty() {
            return;
        }
        self.head(name, help);
        for (of, value) in samples {
            let _ = writeln!(self.text, "{name}{{{},{label}=\"{of}\"}} {value}", self.labels);
        }
    }

    fn report(&mut self, report: &Report) {
        if report.outcome == Outcome::Complete {
            let took = report.took.as_secs_f64();
            self.one("camunda_backup_duration_seconds", "How long the whole backup took.", took);
        }
        if let Exporting::Resumed { paused, .. } = &report.exporting {
            self.one(
                "camunda_backup_pause_seconds",
                "How long exporting was paused, until it was seen to run again.",
                paused.as_secs_f64(),
            );
        }
        let complete: Vec<_> = report
            .parts
            .iter()
            .map(|p| (p.part.name(), f64::from(u8::from(matches!(p.outcome, PartOutcome::Complete { .. })))))
            .collect();
        self.many(
            "camunda_backup_part_complete",
            "Whether the part was read back as complete.",
            "part",
            &complete,
        );
        let took: Vec<_> = report
            .parts
            .iter()
            .filter_map(|p| match &p.outcome {
                PartOutcome::Complete { took, .. } => Some((p.part.name(), took.as_secs_f64())),
                _ => None,
            })
            .collect();
        self.many("camunda_backup_part_duration_seconds", "How long each complete part took.", "part", &took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn a_complete_backup_in_numbers() {
        let labels = [("namespace", "prod".to_owned()), ("release", "a \"b\"\\c".to_owned())];
        let sets = BTreeMap::from([(SetState::Complete, 7), (SetState::Failed, 1)]);
        let report = samples::complete();
        let run = RunMetrics {
            verb: "create",
            labels: &labels,
            exit_code: 0,
            ended: 1_795_421_750,
            last_success: Some(1_795_421_750),
            last_complete: Some(1_795_421_740),
            paused_since: None,
            report: Some(&report),
            sets: Some(&sets),
        };
        insta::assert_snapshot!(metrics(&run));
    }

    #[test]
    fn a_run_that_came_to_nothing_says_only_that() {
        let run = RunMetrics {
            verb: "resume",
            labels: &[],
            exit_code: 12,
            ended: 5,
            last_success: None,
            last_complete: None,
            paused_since: Some(0),
            report: None,
            sets: None,
        };
        let text = metrics(&run);
        assert!(text.contains("camunda_backup_exit_code{verb=\"resume\"} 12\n"), "{text}");
        assert!(
            text.contains("camunda_backup_exporting_paused_since_timestamp_seconds{verb=\"resume\"} 0\n"),
            "{text}"
        );
        assert_eq!(text.lines().filter(|l| !l.starts_with('#')).count(), 3, "{text}");
    }
}
