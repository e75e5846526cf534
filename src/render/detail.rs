//! One set for people: its parts, its snapshots and partitions, what is wrong and what to do.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::document::Context;
use super::findings;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{age, bytes, count, duration, plain, seconds, time};
use crate::catalogue::{Detail, PartEntry, PieceDetail, SetState};
use crate::model::{Finding, Part, PartState};

/// What `describe` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetailView {
    /// The set.
    #[serde(flatten)]
    pub detail: Detail,
    /// What the run that took it has written down, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordView>,
    /// Whether it can be restored here, as far as can be seen from outside.
    pub restorable: bool,
    /// What speaks against it.
    pub findings: Vec<Finding>,
}

/// What a run has written down about its backup, in Kubernetes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// `running`, `complete`, `failed`, ...
    pub outcome: String,
    /// Begin, in RFC 3339.
    pub started: String,
    /// End, in RFC 3339. Without one the run goes on, or died.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Versions by component.
    pub versions: BTreeMap<String, String>,
    /// Partitions of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
    /// How long exporting was paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_seconds: Option<f64>,
}

/// From the whole to the pieces; what to do comes last.
pub(super) fn text(view: &DetailView, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let style = context.style;
    let set = &view.detail.set;
    let mut head = Table::bare();
    let mut line = |name: &str, value: Cell| head.row([Cell::new(Tone::Dim, name), value]);
    line("backup", Cell::new(Tone::Strong, set.id.to_string()));
    line("state", Cell::new(tone(set.state), set.state.name()));
    let started =
        set.started.map_or_else(|| "not known".to_owned(), |t| begun(t, set.started_from_id, context));
    line("started", started.into());
    line("duration", set.duration.map_or_else(|| "not known".to_owned(), duration).into());
    let versions: Vec<_> = set.versions.iter().map(ToString::to_string).collect();
    line("versions", if versions.is_empty() { "not known".into() } else { versions.join(", ").into() });
    let size =
        set.bytes.map_or_else(|| "not told".to_owned(), |n| format!("{} of snapshots to restore", bytes(n)));
    line("size", size.into());
    if let Some(elsewhere) = set.elsewhere {
        line("not in it", Cell::new(Tone::Warn, elsewhere));
    }
    if let Some(run) = set.run.as_ref().filter(|_| view.record.is_none()) {
        let why = run.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
        line("run", Cell::new(Tone::Warn, plain(&format!("{}{why}", run.outcome))));
    }
    if let Some(record) = &view.record {
        line("record", recorded(record).into());
    }
    head.write(out, style)?;

    writeln!(out)?;
    let mut parts = Table::new(["PART", "STATE", "PIECES", "SIZE", "PROBLEM"]);
    for (part, entry) in &set.parts {
        let pieces = view.detail.pieces.get(part).map_or(&[][..], Vec::as_slice);
        let counted = match entry {
            PartEntry::Found { done, total: Some(total), .. } => format!("{done}/{total}"),
            PartEntry::Found { done, total: None, .. } => done.to_string(),
            PartEntry::Missing | PartEntry::Unknown(_) => "-".to_owned(),
        };
        let tone = if entry.is_complete() { Tone::Good } else { Tone::Warn };
        let name = part.name().into();
        let size = sum(pieces).map_or_else(|| "-".to_owned(), bytes);
        let problem = entry.problem().unwrap_or_default();
        parts.row([name, Cell::new(tone, entry.word()), counted.into(), size.into(), problem.into()]);
    }
    parts.write(out, style)?;

    writeln!(out)?;
    let heads = [
        "PART",
        "SNAPSHOT OR PARTITION",
        "STATE",
        "STARTED",
        "DURATION",
        "SIZE",
        "INDICES",
        "VERSION",
        "NOTE",
    ];
    let mut pieces = Table::new(heads);
    for (part, piece) in view.detail.pieces.iter().flat_map(|(part, all)| all.iter().map(move |p| (part, p)))
    {
        pieces.row(row(*part, piece));
    }
    pieces.write(out, style)?;

    writeln!(out)?;
    findings::list(&view.findings, context, out)?;
    if view.restorable {
        let text = "Nothing that can be seen from outside speaks against restoring it here.";
        return writeln!(out, "{}", style.paint(Tone::Good, text));
    }
    writeln!(out, "It cannot be restored here as a whole: {}.", count(view.findings.len(), "finding"))
}

fn recorded(record: &RecordView) -> String {
    let ended =
        record.finished.as_ref().map_or("no end was written down".to_owned(), |t| format!("ended {t}"));
    let paused = record.paused_seconds.map(|s| format!(", exporting paused for {}", seconds(s)));
    let reason = record.reason.as_ref().map(|r| format!(": {r}"));
    plain(&format!(
        "{}, begun {}, {ended}{}{}",
        record.outcome,
        record.started,
        paused.unwrap_or_default(),
        reason.unwrap_or_default()
    ))
}

fn begun(started: Timestamp, from_id: bool, context: &Context<'_>) -> String {
    let ago = age(started, context.now).map(|age| format!(", {age} ago")).unwrap_or_default();
    let source = if from_id { " (read from the ID; no component tells)" } else { "" };
    format!("{}{ago}{source}", time(started))
}

fn row(part: Part, piece: &PieceDetail) -> [Cell; 9] {
    let tone = if piece.state == PartState::Completed { Tone::Plain } else { Tone::Warn };
    let took = piece.started.zip(piece.ended).and_then(|(a, b)| Duration::try_from(b.duration_since(a)).ok());
    let or_dash = |text: Option<String>| Cell::from(text.unwrap_or_else(|| "-".to_owned()));
    let note = match (piece.listed, piece.stored) {
        (false, _) if part != Part::Records => "not listed by its owner",
        (true, Some(false)) => "not in this repository",
        _ => "",
    };
    let failures = piece.failures.join("; ");
    let gap = if note.is_empty() || failures.is_empty() { "" } else { "; " };
    [
        part.name().into(),
        piece.name.as_str().into(),
        Cell::new(tone, piece.state.name()),
        or_dash(piece.started.map(time)),
        or_dash(took.map(duration)),
        or_dash(piece.bytes.map(bytes)),
        or_dash(piece.indices.as_ref().map(|i| i.len().to_string())),
        or_dash(piece.version.as_ref().map(ToString::to_string)),
        Cell::new(Tone::Warn, format!("{note}{gap}{failures}")),
    ]
}

fn sum(pieces: &[PieceDetail]) -> Option<u64> {
    // A sum of some is no size.
    let told: Option<Vec<u64>> = pieces.iter().map(|p| p.bytes).collect();
    told.filter(|all| !all.is_empty()).map(|all| all.into_iter().sum())
}

/// How a state is coloured, wherever it is shown.
pub(super) fn tone(state: SetState) -> Tone {
    match state {
        SetState::Complete => Tone::Good,
        SetState::Incomplete | SetState::Unknown => Tone::Warn,
        SetState::InProgress => Tone::Plain,
        SetState::Failed => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn everything_about_one_set() {
        let view = samples::detail();
        insta::assert_snapshot!(samples::written(&Document::Detail(&view), Format::Table));
    }
}
