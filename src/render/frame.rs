//! What the live view shows, as a value and as lines. Pure: events and a clock in, text out.

use std::time::Duration;

use super::lines::{piece, progress};
use super::style::{Style, Tone};
use super::text::{clock, plain};
use crate::model::{BackupId, Part};
use crate::run::{Event, Happened};

/// Everything that the events have told so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    backup_id: Option<BackupId>,
    step: Option<String>,
    parts: Vec<PartLine>,
    exporting: Exporting,
    closing: bool,
}

#[derive(Debug, Clone)]
struct PartLine {
    part: Part,
    state: PartShown,
}

#[derive(Debug, Clone)]
enum PartShown {
    Waiting,
    Running { since: Duration, word: String, progress: String },
    Complete { took: Duration, pieces: usize },
    Failed,
}

#[derive(Debug, Clone, Copy, Default)]
enum Exporting {
    #[default]
    Untouched,
    /// The pause is being sent; from here the clock runs, as in the report.
    Pausing(Duration),
    Paused(Duration),
    Resumed(Duration),
    MaybePaused(Duration),
}

impl Picture {
    /// Takes one event in.
    pub fn fold(&mut self, event: &Event) {
        let at = event.at;
        match &event.happened {
            Happened::Began { backup_id, parts, .. } => {
                let waiting = |part: &Part| PartLine { part: *part, state: PartShown::Waiting };
                *self = Self {
                    backup_id: Some(*backup_id),
                    parts: parts.iter().map(waiting).collect(),
                    ..Self::default()
                };
            }
            Happened::Numbered { backup_id } => self.backup_id = Some(*backup_id),
            Happened::StepStarted { step, number, of } => {
                self.step = Some(format!("step {number}/{of} {step}"));
            }
            Happened::AwaitingExporters { records: Some(records), .. } => {
                let step = self.step.take().unwrap_or_default();
                let name = step.split(':').next().unwrap_or_default();
                self.step = Some(format!("{name}: {records} records behind"));
            }
            Happened::Accepted { part, snapshots } => {
                let total = u64::try_from(*snapshots).ok().filter(|n| *n > 0);
                self.running(*part, at, "accepted", progress(0, total, None, None));
            }
            Happened::Unsure { part, .. } => self.running(*part, at, "not sure", String::new()),
            Happened::Observed { part, state, done, total, bytes, bytes_total } => {
                self.running(*part, at, state, progress(*done, *total, *bytes, *bytes_total));
            }
            Happened::PartComplete { part, seconds, pieces } => {
                let took = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
                self.set(*part, PartShown::Complete { took, pieces: *pieces });
            }
            Happened::StepFailed { cause, .. } => {
                self.closing = true;
                if let Some(part) = cause.part {
                    self.set(part, PartShown::Failed);
                }
            }
            Happened::DeadlinePassed { .. } | Happened::CancelAsked { .. } => self.closing = true,
            Happened::Armed => self.exporting = Exporting::Pausing(at),
            Happened::Paused { .. } => {
                let since = if let Exporting::Pausing(since) = self.exporting { since } else { at };
                self.exporting = Exporting::Paused(since);
            }
            Happened::Resumed { paused_seconds, .. } => {
                let paused = Duration::try_from_secs_f64(*paused_seconds).unwrap_or_default();
                self.exporting = Exporting::Resumed(paused);
            }
            Happened::MaybePaused { .. } => {
                let since = match self.exporting {
                    Exporting::Pausing(since) | Exporting::Paused(since) => since,
                    Exporting::Untouched | Exporting::Resumed(_) | Exporting::MaybePaused(_) => at,
                };
                self.exporting = Exporting::MaybePaused(since);
            }
            Happened::AwaitingExporters { records: None, .. }
            | Happened::Retrying { .. }
            | Happened::Warning { .. }
            | Happened::DeletionBegan { .. }
            | Happened::PartGone { .. }
            | Happened::PartLeft { .. } => {}
        }
    }

    fn set(&mut self, part: Part, state: PartShown) {
        if let Some(line) = self.parts.iter_mut().find(|l| l.part == part) {
            line.state = state;
        }
    }

    fn running(&mut self, part: Part, at: Duration, word: &str, progress: String) {
        let known = self.parts.iter().find(|l| l.part == part).map(|l| &l.state);
        let since = if let Some(PartShown::Running { since, .. }) = known { *since } else { at };
        self.set(part, PartShown::Running { since, word: word.to_owned(), progress });
    }

    fn complete(&self) -> usize {
        self.parts.iter().filter(|l| matches!(l.state, PartShown::Complete { .. })).count()
    }
}

/// The moving lines, `now` after the beginning of the run, none wider than the terminal.
pub(super) fn frame(picture: &Picture, now: Duration, width: usize, style: Style) -> Vec<String> {
    let Some(id) = picture.backup_id else { return Vec::new() };
    let doing = match &picture.step {
        _ if picture.closing => "closing",
        Some(step) => step.as_str(),
        None => "",
    };
    let mut lines =
        vec![(Tone::Strong, format!("{} backup {id}  {doing}", clock(now)).trim_end().to_owned())];
    lines.extend(picture.parts.iter().map(|line| part(line, now)));
    lines.push(exporting(picture.exporting, now));
    lines.into_iter().map(|(tone, text)| style.paint(tone, cut(&plain(&text), width)).to_string()).collect()
}

fn part(line: &PartLine, now: Duration) -> (Tone, String) {
    let name = line.part;
    match &line.state {
        PartShown::Waiting => (Tone::Dim, format!("      {name:<9} -")),
        PartShown::Running { since, word, progress } => {
            let running = clock(now.saturating_sub(*since));
            (Tone::Plain, format!("{running:>5} {name:<9} {word} {progress}").trim_end().to_owned())
        }
        PartShown::Complete { took, pieces } => {
            let what = piece(name, *pieces);
            (Tone::Good, format!("{:>5} {name:<9} complete, {pieces} {what}", clock(*took)))
        }
        PartShown::Failed => (Tone::Bad, format!("      {name:<9} failed")),
    }
}

fn exporting(exporting: Exporting, now: Duration) -> (Tone, String) {
    let clock_of = |since: Duration| clock(now.saturating_sub(since));
    match exporting {
        Exporting::Untouched => (Tone::Dim, "exporting not paused".to_owned()),
        Exporting::Pausing(since) => (Tone::Warn, format!("exporting pausing {}", clock_of(since))),
        Exporting::Paused(since) => (Tone::Warn, format!("exporting paused {}", clock_of(since))),
        Exporting::Resumed(paused) => {
            (Tone::Good, format!("exporting runs again, was paused {}", clock(paused)))
        }
        Exporting::MaybePaused(since) => {
            (Tone::Bad, format!("EXPORTING MAY STILL BE PAUSED {}", clock_of(since)))
        }
    }
}

/// What stays on the screen when the moving lines go.
pub(super) fn record(picture: &Picture, now: Duration, style: Style) -> Option<String> {
    let id = picture.backup_id?;
    let (done, all) = (picture.complete(), picture.parts.len());
    let (tone, exporting) = match picture.exporting {
        Exporting::Untouched => (Tone::Plain, "exporting was never paused".to_owned()),
        Exporting::Resumed(paused) => {
            (Tone::Plain, format!("exporting was paused {} and runs again", clock(paused)))
        }
        Exporting::Pausing(_) | Exporting::Paused(_) | Exporting::MaybePaused(_) => {
            (Tone::Bad, "EXPORTING MAY STILL BE PAUSED".to_owned())
        }
    };
    let text = format!("{} backup {id}: {done} of {all} parts complete; {exporting}", clock(now));
    Some(style.paint(tone, text).to_string())
}

/// Cuts a line to less than the width: a full line makes some terminals wrap. What is not ASCII may be two columns wide.
fn cut(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (i, c) in text.char_indices() {
        used += if c.is_ascii() { 1 } else { 2 };
        if used >= width {
            return &text[..i];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    fn drawn(picture: &Picture, now: Duration) -> String {
        frame(picture, now, 80, Style::default()).join("\n")
    }

    #[test]
    fn a_run_in_pictures() {
        let mut picture = Picture::default();
        let mut pictures = Vec::new();
        for event in samples::events() {
            picture.fold(&event);
            pictures.push(drawn(&picture, event.at + Duration::from_secs(1)));
        }
        pictures.dedup();
        insta::assert_snapshot!(pictures.join("\n----\n"));
    }

    #[test]
    fn the_clock_of_the_pause_runs_without_events() {
        let mut picture = Picture::default();
        let paused =
            samples::events().into_iter().position(|e| matches!(e.happened, Happened::Paused { .. }));
        samples::events().iter().take(paused.expect("a pause") + 1).for_each(|e| picture.fold(e));
        let last = |now| drawn(&picture, Duration::from_secs(now)).lines().last().map(str::to_owned);
        assert_eq!(last(32).as_deref(), Some("exporting paused 00:12"));
        assert_eq!(last(33).as_deref(), Some("exporting paused 00:13"));
    }

    #[test]
    fn no_line_is_as_wide_as_the_terminal() {
        let mut picture = Picture::default();
        for event in samples::events() {
            picture.fold(&event);
            for width in [1, 10, 20, 40] {
                for line in frame(&picture, event.at, width, Style::default()) {
                    assert!(line.chars().count() < width, "{line:?} at {width}");
                }
            }
        }
        assert_eq!(cut("日本", 4), "日");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn before_the_first_event_there_is_nothing_to_show() {
        assert_eq!(drawn(&Picture::default(), Duration::ZERO), "");
        assert_eq!(record(&Picture::default(), Duration::ZERO, Style::default()), None);
    }

    #[test]
    fn a_run_that_ends_without_a_resume_says_so() {
        let mut picture = Picture::default();
        let events = samples::events();
        let until = events.iter().position(|e| matches!(e.happened, Happened::Resumed { .. }));
        events.iter().take(until.expect("a resume")).for_each(|e| picture.fold(e));
        let text = record(&picture, Duration::from_secs(60), Style::default()).expect("it began");
        assert!(text.ends_with("EXPORTING MAY STILL BE PAUSED"), "{text}");
    }
}
