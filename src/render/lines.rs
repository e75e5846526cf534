//! Events in logs: one line each, for people or for programs.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::machine::camel_case;
use super::report::cause_line;
use super::style::{Style, Tone};
use super::text::{bytes, count, plain, seconds, seen};
use crate::model::Part;
use crate::run::{Event, Happened, Level as Asked};

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Info,
    /// Worth a look.
    Warn,
    /// The run will not succeed, or worse.
    Error,
}

impl Level {
    /// The word in a line.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }

    /// How it is coloured.
    pub(super) fn tone(self) -> Tone {
        match self {
            Level::Info => Tone::Plain,
            Level::Warn => Tone::Warn,
            Level::Error => Tone::Bad,
        }
    }
}

/// How much an event matters.
pub fn level(event: &Event) -> Level {
    match &event.happened {
        Happened::Began { .. }
        | Happened::StepStarted { .. }
        | Happened::AwaitingExporters { .. }
        | Happened::Numbered { .. }
        | Happened::Accepted { .. }
        | Happened::Observed { .. }
        | Happened::PartComplete { .. }
        | Happened::Armed
        | Happened::Paused { .. }
        | Happened::Resumed { .. }
        | Happened::DeletionBegan { .. }
        | Happened::PartGone { .. } => Level::Info,
        Happened::Unsure { .. }
        | Happened::Retrying { .. }
        | Happened::CancelAsked { .. }
        | Happened::Warning { .. } => Level::Warn,
        Happened::StepFailed { .. }
        | Happened::DeadlinePassed { .. }
        | Happened::MaybePaused { .. }
        | Happened::PartLeft { .. } => Level::Error,
    }
}

/// The event in one sentence.
pub fn message(event: &Event) -> String {
    let text = match &event.happened {
        Happened::Began { backup_id, parts, steps } => {
            let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
            format!("backup {backup_id} begins: {}; {}", parts.join(", "), count(*steps, "step"))
        }
        Happened::StepStarted { step, number, of } => format!("step {number}/{of}: {step}"),
        Happened::AwaitingExporters { state, .. } => format!("waiting for exporters: {state}"),
        Happened::Numbered { backup_id } => format!("the cluster calls this backup {backup_id}"),
        Happened::Accepted { part, snapshots: 0 } => format!("{part}: the start was accepted"),
        Happened::Accepted { part, snapshots } => {
            format!("{part}: the start was accepted, {} will be taken", count(*snapshots, "snapshot"))
        }
        Happened::Unsure { part, cause } => {
            format!("{part}: the start may or may not have arrived, so it is looked for: {cause}")
        }
        Happened::Observed { part, state, done, total, bytes, bytes_total } => {
            format!("{part}: {state} {}", progress(*done, *total, *bytes, *bytes_total))
        }
        Happened::PartComplete { part, seconds: took, pieces } => {
            format!("{part}: complete, {pieces} {} in {}", piece(*part, *pieces), seconds(*took))
        }
        Happened::Armed => "exporting is about to be paused; from now on a resume is due".to_owned(),
        Happened::Paused { seen: where_seen } => format!("exporting is paused: {}", seen(where_seen)),
        Happened::Retrying { what, cause, in_seconds } => {
            format!("{what}: failed, once more in {}: {cause}", seconds(*in_seconds))
        }
        Happened::StepFailed { step, cause } => format!("{step} failed: {}", cause_line(cause)),
        Happened::DeadlinePassed { step, which } => format!("{which} passed in step {step}"),
        Happened::CancelAsked { level } => cancel(*level).to_owned(),
        Happened::Resumed { seen: where_seen, paused_seconds } => {
            let paused = seconds(*paused_seconds);
            format!("exporting runs again after a pause of {paused}: {}", seen(where_seen))
        }
        Happened::MaybePaused { cause } => format!("EXPORTING MAY STILL BE PAUSED: {cause}"),
        Happened::DeletionBegan { backup_id, parts } => {
            let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
            format!("deleting backup {backup_id}: {}", parts.join(", "))
        }
        Happened::PartGone { backup_id, part, seconds: took } => {
            format!("backup {backup_id}: {part} is gone after {}", seconds(*took))
        }
        Happened::PartLeft { backup_id, part, cause } => {
            format!("backup {backup_id}: {part} is left: {}", cause_line(cause))
        }
        Happened::Warning { text } => text.clone(),
    };
    plain(text.trim_end())
}

fn cancel(level: Asked) -> &'static str {
    match level {
        Asked::None => "nobody asks to stop",
        Asked::Asked => {
            "asked to stop: nothing more is started, and exporting is resumed first if it is paused"
        }
        Asked::Insisted => "asked again: exporting is resumed without pauses between attempts",
        Asked::Abandoned => "asked a third time: leaving now, and exporting may stay paused",
    }
}

/// `3/6`, `12/40, 1.2 GiB of 3.4 GiB`.
pub(super) fn progress(done: u64, total: Option<u64>, copied: Option<u64>, to_copy: Option<u64>) -> String {
    let counted = match total {
        Some(total) => format!("{done}/{total}"),
        None if done > 0 => done.to_string(),
        None => String::new(),
    };
    let copied = match (copied, to_copy) {
        (Some(copied), Some(all)) => format!("{} of {}", bytes(copied), bytes(all)),
        (Some(copied), None) => bytes(copied),
        (None, _) => String::new(),
    };
    let comma = if counted.is_empty() || copied.is_empty() { "" } else { ", " };
    format!("{counted}{comma}{copied}")
}

/// What a part is counted in.
pub(super) fn piece(part: Part, n: usize) -> &'static str {
    match (part, n) {
        (Part::Operate | Part::Tasklist | Part::History | Part::Optimize, 1) => "snapshot",
        (Part::Operate | Part::Tasklist | Part::History | Part::Optimize, _) => "snapshots",
        (Part::Records, 1) => "index",
        (Part::Records, _) => "indices",
        (Part::Zeebe, 1) => "partition",
        (Part::Zeebe, _) => "partitions",
    }
}

/// When it happened: milliseconds are enough to order what a person reads.
fn time(began: Timestamp, event: &Event) -> String {
    let at = began.checked_add(event.at).unwrap_or(began);
    format!("{at:.3}")
}

/// `2026-11-23T00:25:20.068Z info  message`. `began` is the wall clock at the beginning of the run.
pub fn text_line(event: &Event, began: Timestamp, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let level = level(event);
    let word = style.paint(level.tone(), level.name());
    let pad = 6 - level.name().len();
    let time = time(began, event);
    writeln!(out, "{} {word}{:pad$}{}", style.paint(Tone::Dim, time), "", message(event))
}

/// One JSON object: `time`, `level`, `event`, the event's own fields, and `message`, the sentence.
pub fn json_line(event: &Event, began: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Map::new();
    line.insert("time".to_owned(), Value::from(time(began, event)));
    line.insert("level".to_owned(), Value::from(level(event).name()));
    if let Value::Object(fields) = camel_case(serde_json::to_value(event)?) {
        line.extend(fields);
    }
    line.insert("message".to_owned(), Value::from(message(event)));
    serde_json::to_writer(super::text::Escaping(out), &line)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn a_run_in_lines() {
        let mut out = Vec::new();
        for event in samples::events() {
            text_line(&event, samples::BEGAN, Style::default(), &mut out).expect("a vector takes everything");
        }
        insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8"));
    }

    #[test]
    fn a_run_in_json_lines() {
        for event in samples::events() {
            let mut out = Vec::new();
            json_line(&event, samples::BEGAN, &mut out).expect("a vector takes everything");
            assert_eq!(out.iter().position(|b| *b == b'\n'), Some(out.len() - 1));
            let line: Value = serde_json::from_slice(&out).expect("JSON");
            assert_eq!(line["message"], message(&event));
            assert!(line["time"].as_str().expect("a text").parse::<Timestamp>().is_ok());
            assert!(line["event"].is_string() && line["level"].is_string(), "{line}");
        }
        let mut out = Vec::new();
        json_line(&samples::events()[0], samples::BEGAN, &mut out).expect("a vector takes everything");
        let wanted = r#"{"time":"2025-11-24T16:00:00.000Z","level":"info","event":"began","backupId":1764000000,"parts":["operate","records","zeebe"],"steps":9,"message":"backup 1764000000 begins: operate, records, zeebe; 9 steps"}"#;
        assert_eq!(String::from_utf8(out).expect("UTF-8").trim_end(), wanted);
    }

    #[test]
    fn a_server_cannot_forge_a_line() {
        let text = "bad\n2026-01-01T00:00:00Z info  all is well\u{1b}[2J".to_owned();
        let event = Event { at: std::time::Duration::ZERO, happened: Happened::Warning { text } };
        let mut out = Vec::new();
        text_line(&event, samples::BEGAN, Style::default(), &mut out).expect("a vector takes everything");
        assert_eq!(out.iter().filter(|b| b.is_ascii_control()).count(), 1, "only the end of the line");
    }
}
