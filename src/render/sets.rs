//! The list of backups for people.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::detail::tone;
use super::document::Context;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{age, bytes, duration, time};
use crate::catalogue::{PartEntry, Set};
use crate::model::Part;

/// One line a set, newest first as they come.
pub(super) fn text(sets: &[Set], wide: bool, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    if sets.is_empty() {
        return writeln!(out, "No backup found.");
    }
    if wide { wide_table(sets, context) } else { table(sets, context) }.write(out, context.style)?;
    let Some(elsewhere) = sets.iter().find_map(|s| s.elsewhere) else { return Ok(()) };
    writeln!(out, "\n{}", context.style.paint(Tone::Warn, format!("Not in these backups: {elsewhere}.")))
}

fn table(sets: &[Set], context: &Context<'_>) -> Table {
    let sized = sets.iter().any(|s| s.bytes.is_some());
    let size = if sized { &["SIZE"][..] } else { &[] };
    let heads = ["ID", "STATE", "AGE", "DURATION", "PARTS"].iter().chain(size).chain(&["NOT COMPLETE"]);
    let mut table = Table::new(heads.copied());
    for set in sets {
        let whole = set.parts.values().filter(|p| p.is_complete()).count();
        let parts = format!("{whole}/{}", set.parts.len());
        let [id, state, age, took] = head(set, context);
        let row = [id, state, age, took, parts.into()].into_iter();
        table.row(row.chain(sized.then(|| weight(set))).chain([wrong(set, false).into()]));
    }
    table
}

fn wide_table(sets: &[Set], context: &Context<'_>) -> Table {
    let parts: BTreeSet<Part> = sets.iter().flat_map(|s| s.parts.keys().copied()).collect();
    let names: Vec<_> = parts.iter().map(|p| p.name().to_uppercase()).collect();
    let heads = ["ID", "STATE", "AGE", "DURATION", "STARTED", "SIZE"].into_iter();
    let heads = heads.chain(names.iter().map(String::as_str));
    let mut table = Table::new(heads.chain(["VERSIONS", "NOT COMPLETE"]));
    for set in sets {
        let started = set.started.map_or_else(|| "-".to_owned(), time);
        let versions: Vec<_> = set.versions.iter().map(ToString::to_string).collect();
        let of = |part: &Part| set.parts.get(part).map_or_else(|| "-".into(), cell);
        let row =
            head(set, context).into_iter().chain([started.into(), weight(set)]).chain(parts.iter().map(of));
        let versions = if versions.is_empty() { "-".to_owned() } else { versions.join(", ") };
        table.row(row.chain([versions.into(), wrong(set, true).into()]));
    }
    table
}

/// What its snapshots weigh, when that was asked for and told.
fn weight(set: &Set) -> Cell {
    set.bytes.map_or_else(|| "-".to_owned(), bytes).into()
}

fn head(set: &Set, context: &Context<'_>) -> [Cell; 4] {
    let about = if set.started_from_id { "~" } else { "" };
    let age = set.started.and_then(|t| age(t, context.now)).map(|age| format!("{about}{age}"));
    [
        set.id.to_string().into(),
        Cell::new(tone(set.state), set.state.name()),
        age.as_deref().unwrap_or("-").into(),
        set.duration.map_or_else(|| "-".to_owned(), duration).into(),
    ]
}

/// One part in few letters: `6/6` when it is whole.
fn cell(entry: &PartEntry) -> Cell {
    let counted = match entry {
        PartEntry::Found { done, total: Some(total), .. } => format!("{done}/{total}"),
        PartEntry::Found { done, total: None, .. } if *done > 0 => done.to_string(),
        PartEntry::Found { .. } | PartEntry::Missing | PartEntry::Unknown(_) => String::new(),
    };
    match entry {
        _ if entry.is_complete() && !counted.is_empty() => counted.into(),
        _ if entry.is_complete() => "whole".into(),
        _ => Cell::new(Tone::Warn, format!("{} {counted}", entry.word()).trim_end()),
    }
}

/// What keeps it from being complete, by part; at length with the reasons.
fn wrong(set: &Set, at_length: bool) -> String {
    let broken = set.parts.iter().filter(|(_, entry)| !entry.is_complete());
    let text = broken.map(|(part, entry)| match entry.problem() {
        Some(problem) if at_length => format!("{part}: {problem}"),
        _ => format!("{part} {}", entry.word()),
    });
    let run = set.run.as_ref().filter(|_| set.is_spoiled());
    let run = run.map(|run| match &run.reason {
        Some(reason) if at_length => format!("run {}: {reason}", run.outcome),
        _ => format!("run {}", run.outcome),
    });
    text.chain(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn one_line_a_set() {
        let sets = samples::sets();
        insta::assert_snapshot!(samples::written(&Document::Sets(&sets), Format::Table));
        insta::assert_snapshot!(samples::written(&Document::Sets(&sets), Format::Wide));
    }

    #[test]
    fn none_is_said_too() {
        assert_eq!(samples::written(&Document::Sets(&[]), Format::Table), "No backup found.\n");
    }
}
