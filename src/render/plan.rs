//! A plan for people: the very value that would run.

use std::io::{self, Write};

use super::document::Context;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{count, duration, partitions, plain};
use crate::client::Request;
use crate::plan::{Action, Procedure, Step};

/// Numbered steps, each with the requests it sends.
pub(super) fn text(plan: &Procedure, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let style = context.style;
    let engine = plan.engine.map(|e| format!(", {e}")).unwrap_or_default();
    let title = format!("Plan of backup {}", plan.backup_id);
    writeln!(out, "{}", style.paint(Tone::Strong, title))?;
    if plan.id_may_change() {
        writeln!(out, "the cluster is asked for an ID first: where it makes one, the backup carries that")?;
    }
    writeln!(out, "Camunda {}, {}{engine}; procedure of {}", plan.version, plan.topology, plan.dialect)?;
    if plan.version_given {
        let line = format!("version {} was given, and not found out", plan.version);
        writeln!(out, "{}", style.paint(Tone::Warn, line))?;
    }
    let parts: Vec<_> = plan.parts().iter().map(ToString::to_string).collect();
    writeln!(out, "{}: {}", count(parts.len(), "part"), parts.join(", "))?;
    if let Some(repository) = &plan.repository {
        writeln!(out, "records go to repository {}", plain(repository))?;
    }
    for skipped in &plan.skipped {
        let line = format!("left out: {}, because {}", skipped.part, plain(&skipped.reason));
        writeln!(out, "{}", style.paint(Tone::Warn, line))?;
    }
    if let Some(elsewhere) = plan.elsewhere {
        writeln!(out, "{}", style.paint(Tone::Warn, format!("not in it: {elsewhere}")))?;
    }
    writeln!(out)?;

    // What is sent comes last: it may be long.
    let mut table = Table::new(["#", "STEP", "EXPORTING", "WITHIN", "REQUESTS"]);
    let (arms, releases) = (index(plan, |s| s.arms.is_some()), index(plan, |s| s.releases.is_some()));
    for (i, step) in plan.steps.iter().enumerate() {
        let exporting = if Some(i) == arms {
            Cell::new(Tone::Warn, "pauses")
        } else if Some(i) == releases {
            Cell::new(Tone::Good, "resumes")
        } else if arms.is_some_and(|a| i > a) {
            Cell::new(Tone::Warn, "paused")
        } else {
            "runs".into()
        };
        let mut requests = requests(step).into_iter();
        let first = requests.next().unwrap_or_default();
        let number = (i + 1).to_string();
        let within = duration(step.deadline);
        table.row([number.into(), step.name.as_str().into(), exporting, within.into(), first.into()]);
        for request in requests {
            table.row(["".into(), "".into(), "".into(), "".into(), request.into()]);
        }
    }
    table.write(out, style)?;
    if let (Some(arms), Some(releases)) = (arms, releases) {
        let (arms, releases) = (arms + 1, releases + 1);
        writeln!(
            out,
            "\nFrom step {arms} on a resume is due; step {releases} does it, however the run ends."
        )?;
        writeln!(out, "{}", seen_on(plan))?;
    }
    Ok(())
}

fn index(plan: &Procedure, wanted: fn(&Step) -> bool) -> Option<usize> {
    plan.steps.iter().position(wanted)
}

fn seen_on(plan: &Procedure) -> String {
    if plan.seen_on.is_empty() {
        return "No broker is given: whether exporting is paused and runs again is only the gateway's word."
            .to_owned();
    }
    let brokers: Vec<_> = plan.seen_on.iter().map(ToString::to_string).collect();
    let which = if plan.partitions.is_empty() {
        String::new()
    } else {
        format!(" for {}", partitions(&plan.partitions))
    };
    format!("The pause and the resume are seen on {}{which}.", brokers.join(", "))
}

/// What a step sends, a line each.
fn requests(step: &Step) -> Vec<String> {
    match &step.action {
        Action::PauseExporting { request } | Action::ResumeExporting { request } => vec![line(request)],
        Action::Start { request, first, otherwise, .. } => {
            let refused = otherwise.as_ref().map(|r| format!("or, if that is refused: {}", line(r)));
            first.iter().chain([request]).map(line).chain(refused).collect()
        }
        Action::AwaitExporters { probes } => probes.iter().map(line).collect(),
        Action::Await { watches } => {
            watches.iter().flat_map(|w| [&w.request].into_iter().chain(&w.progress)).map(line).collect()
        }
        Action::ConfirmPaused => vec!["every broker is asked".to_owned()],
    }
}

fn line(request: &Request) -> String {
    let body = request.body.as_ref().map(|b| format!(" {b}")).unwrap_or_default();
    format!("{} {} {}{body}", request.component, request.method.name(), request.path)
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn the_plan_that_would_run() {
        let plan = samples::plan();
        insta::assert_snapshot!(samples::written(&Document::Plan(&plan), Format::Table));
    }
}
