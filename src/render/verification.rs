//! Whether sets are restorable, for people.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::detail::tone;
use super::document::Context;
use super::findings;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{age, count};
use crate::catalogue::SetState;
use crate::model::{BackupId, Finding, Severity};

/// What `verify` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationView {
    /// Every set that was judged is good, and so is the whole.
    pub good: bool,
    /// The sets that were judged.
    pub items: Vec<VerdictView>,
    /// The newest complete set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_complete: Option<BackupId>,
    /// What concerns all of them.
    pub findings: Vec<Finding>,
}

/// One set that was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictView {
    /// Which.
    pub id: BackupId,
    /// What it is worth.
    pub state: SetState,
    /// It is complete, and nothing speaks against restoring it here.
    pub good: bool,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// What speaks against it.
    pub findings: Vec<Finding>,
}

/// The sets in lines, the reasons below, the verdict last.
pub(super) fn text(view: &VerificationView, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let style = context.style;
    if !view.items.is_empty() {
        let mut table = Table::new(["ID", "STATE", "AGE", "RESTORABLE", "REASONS"]);
        for item in &view.items {
            let verdict = if item.good { Cell::new(Tone::Good, "yes") } else { Cell::new(Tone::Bad, "no") };
            let old = item.started.and_then(|t| age(t, context.now));
            let mut reasons: Vec<_> = item.findings.iter().map(|f| f.reason.code()).collect();
            reasons.dedup();
            table.row([
                item.id.to_string().into(),
                Cell::new(tone(item.state), item.state.name()),
                old.as_deref().unwrap_or("-").into(),
                verdict,
                reasons.join(", ").into(),
            ]);
        }
        table.write(out, style)?;
        writeln!(out)?;
    }
    for item in view.items.iter().filter(|i| !i.findings.is_empty()) {
        writeln!(out, "{}", style.paint(Tone::Strong, format!("backup {}", item.id)))?;
        findings::list(&item.findings, context, out)?;
    }
    if !view.findings.is_empty() {
        writeln!(out, "{}", style.paint(Tone::Strong, "the backups as a whole"))?;
        findings::list(&view.findings, context, out)?;
    }
    if view.good {
        return writeln!(out, "{}", style.paint(Tone::Good, "Good."));
    }
    let bad = view.items.iter().filter(|i| !i.good).count();
    let errors = view.findings.iter().filter(|f| f.severity == Severity::Error).count();
    let text = match (bad, errors) {
        (0, _) => "Not good: see above.".to_owned(),
        (_, _) => {
            format!("Not good: {} of {} cannot be restored here.", bad, count(view.items.len(), "backup"))
        }
    };
    writeln!(out, "{}", style.paint(Tone::Bad, text))
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn good_and_not_good() {
        let mut view = samples::verification();
        insta::assert_snapshot!(samples::written(&Document::Verification(&view), Format::Table));
        view.items.truncate(1);
        view.findings.clear();
        view.good = true;
        insta::assert_snapshot!(samples::written(&Document::Verification(&view), Format::Table));
    }
}
