//! What was deleted, what is left, and why sets are kept, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::detail::tone;
use super::document::Context;
use super::findings;
use super::report::cause_line;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{age, count, duration, plain};
use crate::catalogue::{Decision, Why};
use crate::model::{BackupId, Finding};
use crate::plan::Deletion;
use crate::run::{DeletionReport, PartGone};

/// What `delete` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionView {
    /// Nothing was done.
    pub dry_run: bool,
    /// The sets that were named.
    pub items: Vec<DeletionItem>,
}

/// One set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionItem {
    /// Which.
    pub backup_id: BackupId,
    /// What came of it.
    pub result: DeletionResult,
    /// The very requests, in their order.
    pub plan: Deletion,
    /// What came of each part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<DeletionReport>,
}

/// What came of one set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletionResult {
    /// It would be deleted.
    WouldDelete,
    /// Every part is seen to be gone.
    Gone,
    /// Nothing of it was there.
    AlreadyGone,
    /// Something is, or may be, left.
    Left,
    /// Nothing of it was touched.
    NotStarted,
}

impl DeletionResult {
    /// The word used in output.
    pub fn name(self) -> &'static str {
        match self {
            DeletionResult::WouldDelete => "would be deleted",
            DeletionResult::Gone => "gone",
            DeletionResult::AlreadyGone => "already gone",
            DeletionResult::Left => "LEFT",
            DeletionResult::NotStarted => "not started",
        }
    }

    fn tone(self) -> Tone {
        match self {
            DeletionResult::Gone | DeletionResult::AlreadyGone => Tone::Good,
            DeletionResult::WouldDelete => Tone::Plain,
            DeletionResult::Left => Tone::Bad,
            DeletionResult::NotStarted => Tone::Warn,
        }
    }
}

impl DeletionItem {
    /// One that would be deleted.
    pub fn planned(plan: Deletion) -> Self {
        let result = if plan.is_empty() { DeletionResult::AlreadyGone } else { DeletionResult::WouldDelete };
        Self { backup_id: plan.backup_id, result, plan, report: None }
    }

    /// One that was.
    pub fn done(plan: Deletion, report: DeletionReport) -> Self {
        let result = match &report {
            _ if plan.is_empty() => DeletionResult::AlreadyGone,
            r if r.is_gone() => DeletionResult::Gone,
            r if r.untouched => DeletionResult::NotStarted,
            _ => DeletionResult::Left,
        };
        Self { backup_id: plan.backup_id, result, plan, report: Some(report) }
    }
}

/// What `prune` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PruneView {
    /// Nothing was done.
    pub dry_run: bool,
    /// The rules, as they were given.
    pub policy: Vec<String>,
    /// In which a day begins.
    pub time_zone: String,
    /// Every set, with keep or delete and why.
    pub decisions: Vec<Decision>,
    /// What came of those that are not kept.
    pub items: Vec<DeletionItem>,
    /// What else is to be known.
    pub findings: Vec<Finding>,
}

/// Each part of each set; what is left at the end again.
pub(super) fn text(view: &DeletionView, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(["ID", "PART", "RESULT", "DETAIL"]);
    for item in &view.items {
        for row in rows(item) {
            table.row(row);
        }
    }
    table.write(out, context.style)?;
    left(&view.items, context, out)
}

fn rows(item: &DeletionItem) -> Vec<Vec<Cell>> {
    let id = || Cell::from(item.backup_id.to_string());
    if item.plan.is_empty() {
        return vec![vec![id(), "-".into(), Cell::new(Tone::Good, "already gone")]];
    }
    let mut rows = Vec::new();
    for (i, part) in item.plan.parts.iter().enumerate() {
        let name = Cell::from(part.part.name());
        match item.report.as_ref().and_then(|r| r.parts.get(i)).map(|p| &p.outcome) {
            None => {
                for request in &part.requests {
                    let text = format!("{} DELETE {}", request.component, request.path);
                    rows.push(vec![id(), name.clone(), "would be deleted".into(), text.into()]);
                }
            }
            Some(PartGone::Gone { took }) => {
                rows.push(vec![id(), name, Cell::new(Tone::Good, "gone"), duration(*took).into()]);
            }
            Some(PartGone::Left { cause, .. }) => {
                rows.push(vec![id(), name, Cell::new(Tone::Bad, "LEFT"), cause_line(cause).into()]);
            }
        }
    }
    rows
}

/// What must be done about what is left: the same again.
fn left(items: &[DeletionItem], context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let of = |result| items.iter().filter(move |i| i.result == result);
    let ids: Vec<_> = of(DeletionResult::Left).map(|i| i.backup_id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let s = if ids.len() == 1 { "" } else { "s" };
    let text = format!(
        "Not everything of backup{s} {} is gone. Repeat it, once the cause is mended:",
        ids.join(", ")
    );
    writeln!(out, "\n{}", context.style.paint(Tone::Bad, text))?;
    writeln!(out, "{} delete {}", context.program, ids.join(" "))
}

/// Each set with keep or delete and its reasons; the sum last.
pub(super) fn prune(view: &PruneView, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let style = context.style;
    if view.decisions.is_empty() {
        writeln!(out, "No backup found.")?;
        return findings::list(&view.findings, context, out);
    }
    let items: BTreeMap<_, _> = view.items.iter().map(|i| (i.backup_id, i)).collect();
    let mut table = Table::new(["ID", "STATE", "AGE", "ACTION", "REASONS", "RESULT"]);
    for decision in &view.decisions {
        let old = decision.started.and_then(|t| age(t, context.now));
        let action =
            if decision.keep { Cell::new(Tone::Good, "keep") } else { Cell::new(Tone::Warn, "delete") };
        let reasons: Vec<_> = decision.reasons.iter().map(Why::text).collect();
        let item = items.get(&decision.id);
        let result = item.map_or_else(|| Cell::from(""), |i| Cell::new(i.result.tone(), i.result.name()));
        table.row([
            decision.id.to_string().into(),
            Cell::new(tone(decision.state), decision.state.name()),
            old.as_deref().unwrap_or("-").into(),
            action,
            reasons.join(", ").into(),
            result,
        ]);
    }
    table.write(out, style)?;
    writeln!(out)?;
    // Parts of which something is left, each with its cause.
    if view.items.iter().any(|i| i.result == DeletionResult::Left) {
        let mut table = Table::new(["ID", "PART", "RESULT", "DETAIL"]);
        for item in view.items.iter().filter(|i| i.result == DeletionResult::Left) {
            for row in rows(item) {
                table.row(row);
            }
        }
        table.write(out, style)?;
        writeln!(out)?;
    }
    findings::list(&view.findings, context, out)?;
    let kept = view.decisions.iter().filter(|d| d.keep).count();
    let others = view.decisions.len() - kept;
    let gone =
        view.items.iter().filter(|i| matches!(i.result, DeletionResult::Gone | DeletionResult::AlreadyGone));
    let verb =
        if view.dry_run { format!("{others} would be deleted") } else { format!("{} deleted", gone.count()) };
    let rules = plain(&view.policy.join(" "));
    writeln!(
        out,
        "{} kept, {verb}; rules: {rules}; time zone {}.",
        count(kept, "backup"),
        plain(&view.time_zone)
    )?;
    left(&view.items, context, out)
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn every_result_of_a_deletion() {
        let view = samples::deletion();
        insta::assert_snapshot!(samples::written(&Document::Deletion(&view), Format::Table));
    }

    #[test]
    fn keep_and_delete_with_reasons() {
        let mut view = samples::prune();
        insta::assert_snapshot!(samples::written(&Document::Prune(&view), Format::Table));
        view.dry_run = true;
        view.items.clear();
        view.decisions.truncate(1);
        insta::assert_snapshot!(samples::written(&Document::Prune(&view), Format::Table));
    }
}
