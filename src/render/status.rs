//! One screen about a release.

use std::io::{self, Write};

use serde::Serialize;

use super::document::Context;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{age, duration, plain, time};
use crate::catalogue::Set;
use crate::model::{
    BackupId, Component, EngineFacts, ExporterPhase, Facts, PartitionPhase, Severity, Topology, Version,
    WHOLE_CLUSTER,
};

/// What `status` shows. The caller has asked and judged; nothing is concluded here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// What it is called: the Helm release, or where its gateway is.
    pub release: String,
    /// Camunda's version, found or given.
    pub version: Option<Version>,
    /// The version was given, and not found out.
    pub version_given: bool,
    /// How the processes are cut.
    pub topology: Option<Topology>,
    /// The row of the version table, when there is one.
    pub dialect: Option<String>,
    /// The search engine.
    pub engine: Option<EngineFacts>,
    /// Every component that was given.
    pub components: Vec<ComponentView>,
    /// Exporting, by broker. Empty: no broker was given, nothing can be seen.
    pub exporting: Vec<ExportingView>,
    /// Who holds the lock on the release, in words.
    pub lock: Option<String>,
    /// Lock and journal in Kubernetes, where they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseView>,
    /// The backup that runs now.
    pub running: Option<BackupId>,
    /// The newest complete set.
    pub last_complete: Option<Set>,
    /// What is wrong, worst first.
    pub problems: Vec<ProblemView>,
}

/// What the release's Lease says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseView {
    /// Its name, for `kubectl get lease`.
    pub name: String,
    /// The holder's last sign of life, by its own clock, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed: Option<String>,
    /// Since when exporting has to be resumed, by the holder or, when it is dead, by the next run. In RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed_since: Option<String>,
    /// The backup for which exporting was paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed_for: Option<BackupId>,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentView {
    /// Which.
    pub component: Component,
    /// Where, without credentials.
    pub url: String,
    /// Its version.
    pub version: Option<Version>,
    /// Its health, in its own words.
    pub health: Option<String>,
    /// Why its health is not known.
    pub problem: Option<String>,
    /// How it was found in Kubernetes, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// Exporting on one broker.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportingView {
    /// Which.
    pub broker: Component,
    /// Its partitions.
    pub partitions: Vec<PartitionPhase>,
    /// Why they are not known.
    pub problem: Option<String>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemView {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub text: String,
    /// The command that helps.
    pub command: Option<String>,
}

impl ComponentView {
    /// All that were asked.
    pub fn all(facts: &Facts) -> Vec<Self> {
        let view = |(component, found): (&Component, &crate::model::ComponentFacts)| Self {
            component: *component,
            url: found.url.clone(),
            version: found.version.clone(),
            health: found.health.as_ref().ok().cloned(),
            problem: found.health.as_ref().err().map(ToString::to_string),
            evidence: Vec::new(),
        };
        facts.components.iter().map(view).collect()
    }
}

impl ExportingView {
    /// All brokers that were asked.
    pub fn all(facts: &Facts) -> Vec<Self> {
        let view = |(broker, answer): (&Component, &crate::model::Answer<Vec<PartitionPhase>>)| Self {
            broker: *broker,
            partitions: answer.as_ref().ok().cloned().unwrap_or_default(),
            problem: answer.as_ref().err().map(ToString::to_string),
        };
        facts.exporting.iter().map(view).collect()
    }
}

/// What it is, how it is, what is wrong: last, where the eye is.
pub(super) fn text(
    view: &StatusView,
    wide: bool,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = context.style;
    let mut head = Table::bare();
    let mut line = |name: &str, value: Cell| head.row([Cell::new(Tone::Dim, name), value]);
    line("release", Cell::new(Tone::Strong, &view.release));
    line("camunda", camunda(view).into());
    line("engine", engine(view).into());
    line("lock", view.lock.as_deref().unwrap_or("free").into());
    if let Some(lease) = view.lease.as_ref().filter(|l| wide || l.armed_since.is_some()) {
        line("journal", journal(lease).into());
    }
    line("running", view.running.map_or_else(|| "no backup".to_owned(), |id| format!("backup {id}")).into());
    line("last complete", last(view, context));
    head.write(out, style)?;

    writeln!(out)?;
    let mut components = Table::new(["COMPONENT", "HEALTH", "VERSION", "URL"]);
    for c in &view.components {
        let health = match c.health.as_deref() {
            Some("UP") => Cell::new(Tone::Good, "UP"),
            Some(word) => Cell::new(Tone::Bad, word),
            None => Cell::new(Tone::Warn, "not known"),
        };
        let version = c.version.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let url = c.problem.as_deref().unwrap_or(&c.url);
        components.row([c.component.to_string().into(), health, version.into(), url.into()]);
    }
    components.write(out, style)?;

    writeln!(out)?;
    if wide && view.components.iter().any(|c| !c.evidence.is_empty()) {
        let mut found = Table::new(["COMPONENT", "HOW IT WAS FOUND"]);
        for c in &view.components {
            for (i, evidence) in c.evidence.iter().enumerate() {
                let name = if i == 0 { c.component.to_string() } else { String::new() };
                found.row([name.into(), evidence.as_str().into()]);
            }
        }
        found.write(out, style)?;
        writeln!(out)?;
    }
    if view.exporting.is_empty() {
        writeln!(out, "Exporting cannot be seen: no broker was given.")?;
    } else {
        exporting(view).write(out, style)?;
    }

    writeln!(out)?;
    if view.problems.is_empty() {
        return writeln!(out, "{}", style.paint(Tone::Good, "Nothing is wrong."));
    }
    problems(view, context, out)
}

fn camunda(view: &StatusView) -> String {
    let version = view.version.as_ref().map_or_else(|| "version not known".to_owned(), ToString::to_string);
    let topology = view.topology.map(|t| format!(", {t}")).unwrap_or_default();
    let dialect = match &view.dialect {
        Some(dialect) => format!(" (procedure of {dialect})"),
        None => " (no procedure known)".to_owned(),
    };
    let given = if view.version_given { " (given)" } else { "" };
    format!("{version}{given}{topology}{dialect}")
}

fn journal(lease: &LeaseView) -> String {
    let Some(since) = &lease.armed_since else { return format!("nothing to undo (Lease {})", lease.name) };
    let of = lease.armed_for.map(|id| format!(", for backup {id}")).unwrap_or_default();
    format!("exporting must be resumed, paused since {since}{of} (Lease {})", lease.name)
}

fn engine(view: &StatusView) -> String {
    view.engine.as_ref().map_or_else(|| "not known".to_owned(), |e| format!("{} {}", e.engine, e.version))
}

fn last(view: &StatusView, context: &Context<'_>) -> Cell {
    let Some(set) = &view.last_complete else { return Cell::new(Tone::Bad, "none") };
    let begun = set.started.map(|t| match age(t, context.now) {
        Some(age) => format!(", {age} ago ({})", time(t)),
        None => format!(", {}", time(t)),
    });
    let took = set.duration.map(|d| format!(", took {}", duration(d)));
    format!("{}{}{}", set.id, begun.unwrap_or_default(), took.unwrap_or_default()).into()
}

fn exporting(view: &StatusView) -> Table {
    let mut table = Table::new(["BROKER", "PARTITION", "ROLE", "EXPORTING"]);
    for on in &view.exporting {
        let broker = on.broker.to_string();
        if let Some(problem) = &on.problem {
            let problem = Cell::new(Tone::Bad, format!("not known: {problem}"));
            table.row([broker.as_str().into(), "-".into(), "-".into(), problem]);
        }
        for p in &on.partitions {
            let phase = match &p.phase {
                Some(phase @ ExporterPhase::Exporting) => Cell::new(Tone::Good, phase.name()),
                Some(phase) if phase.is_paused() => Cell::new(Tone::Bad, phase.name()),
                Some(phase) => Cell::new(Tone::Warn, phase.name()),
                None => Cell::new(Tone::Dim, "says nothing"),
            };
            let number =
                if p.partition == WHOLE_CLUSTER { "all".to_owned() } else { p.partition.to_string() };
            table.row([broker.as_str().into(), number.into(), p.role.as_str().into(), phase]);
        }
    }
    table
}

fn problems(view: &StatusView, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    for problem in &view.problems {
        let (tone, word) = match problem.severity {
            Severity::Error => (Tone::Bad, "error"),
            Severity::Warning => (Tone::Warn, "warning"),
        };
        let text = plain(&problem.text);
        writeln!(out, "{}{:pad$}{text}", context.style.paint(tone, word), "", pad = 9 - word.len())?;
        if let Some(command) = &problem.command {
            writeln!(out, "         run: {}", context.style.paint(Tone::Strong, plain(command)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn one_screen() {
        insta::assert_snapshot!(samples::written(&Document::Status(&samples::status()), Format::Table));
    }

    #[test]
    fn how_everything_was_found() {
        insta::assert_snapshot!(samples::written(&Document::Status(&samples::status()), Format::Wide));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let mut view = samples::status();
        view.lease = None;
        view.version = None;
        view.topology = None;
        view.dialect = None;
        view.engine = None;
        view.exporting.clear();
        view.last_complete = None;
        view.problems.clear();
        insta::assert_snapshot!(samples::written(&Document::Status(&view), Format::Table));
    }
}
