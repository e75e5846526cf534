//! The end of a run for people: what came of it, what it left, what to do.

use std::io::{self, Write};
use std::time::Duration;

use super::document::Context;
use super::style::Tone;
use super::table::{Cell, Table};
use super::text::{count, duration, plain, seen, spoken};
use crate::model::Reason;
use crate::run::{Cause, Exporting, Outcome, PartOutcome, Report};

/// The outcome first; what must be done now last.
pub(super) fn text(
    report: &Report,
    repair: &str,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    outcome(report, context, out)?;
    parts(report, context, out)?;
    if let Some(elsewhere) = report.elsewhere {
        writeln!(out, "{}", context.style.paint(Tone::Warn, format!("Not in it: {elsewhere}.")))?;
    }
    exporting(&report.exporting, context, out)?;
    if report.waited_for_exporters >= Duration::from_secs(1) {
        let waited = duration(report.waited_for_exporters);
        writeln!(out, "Before the pause, the exporters were waited for: {waited}.")?;
    }
    leftovers(report, context, out)?;
    if let Some(problem) = &report.journal_problem {
        let problem = plain(problem);
        writeln!(
            out,
            "The journal could not be cleared ({problem}): the next run resumes once more, harmlessly."
        )?;
    }
    if let Exporting::MaybePaused { attempts, cause } = &report.exporting {
        alarm(*attempts, cause, repair, context, out)?;
    }
    Ok(())
}

fn outcome(report: &Report, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (id, style) = (report.backup_id, context.style);
    let (tone, text) = match &report.outcome {
        Outcome::Complete => {
            let parts = count(report.parts.len(), "part");
            (Tone::Good, format!("Backup {id} is complete: {parts} in {}.", duration(report.took)))
        }
        Outcome::Failed { step, .. } => {
            (Tone::Bad, format!("Backup {id} failed after {} in step {step}.", duration(report.took)))
        }
        Outcome::DeadlinePassed { step, which } => {
            let took = duration(report.took);
            (Tone::Bad, format!("Backup {id} is not complete: {which} passed after {took}, in step {step}."))
        }
        Outcome::Cancelled { step } => {
            (Tone::Warn, format!("Backup {id} was cancelled after {} in step {step}.", duration(report.took)))
        }
    };
    writeln!(out, "{}", style.paint(tone, text))?;
    if matches!(report.exporting, Exporting::MaybePaused { .. }) {
        writeln!(out, "{}", style.paint(Tone::Bad, "EXPORTING MAY STILL BE PAUSED: see the last lines."))?;
    }
    if let Outcome::Failed { cause, .. } = &report.outcome {
        writeln!(out, "  {}", cause_line(cause))?;
        writeln!(out, "  do: {}", spoken(cause.reason.remedy(), context.program))?;
    }
    writeln!(out)
}

/// `snapshot-failed (records, search): what exactly`.
pub(super) fn cause_line(cause: &Cause) -> String {
    let part = cause.part.map(|p| p.to_string());
    let component = cause.component.map(|c| c.to_string());
    // Operate the part is taken by operate the component: once is enough.
    let component = component.filter(|c| part.as_ref() != Some(c));
    let whose: Vec<_> = part.into_iter().chain(component).collect();
    let whose = if whose.is_empty() { String::new() } else { format!(" ({})", whose.join(", ")) };
    format!("{}{whose}: {}", cause.reason, plain(&cause.detail))
}

fn parts(report: &Report, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(["PART", "STATE", "PIECES", "DURATION", "SERVER'S OWN TIME"]);
    for part in &report.parts {
        let name = part.part.name().into();
        match &part.outcome {
            PartOutcome::Complete { took, pieces, server } => table.row([
                name,
                Cell::new(Tone::Good, "complete"),
                pieces.len().to_string().into(),
                duration(*took).into(),
                server.map_or_else(|| "-".to_owned(), duration).into(),
            ]),
            PartOutcome::Failed => table.row([name, Cell::new(Tone::Bad, "failed")]),
            PartOutcome::Unfinished => table.row([name, Cell::new(Tone::Warn, "unfinished")]),
            PartOutcome::NotStarted => table.row([name, Cell::new(Tone::Dim, "not started")]),
        }
    }
    table.write(out, context.style)?;
    for skipped in &report.skipped {
        let line = format!("left out: {}, because {}", skipped.part, plain(&skipped.reason));
        writeln!(out, "{}", context.style.paint(Tone::Warn, line))?;
    }
    writeln!(out)
}

fn exporting(exporting: &Exporting, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    match exporting {
        Exporting::Untouched => writeln!(out, "Exporting was never paused."),
        Exporting::Resumed { paused, servers, seen: where_seen } => {
            let own = servers.map(|s| of_which(s, *paused)).unwrap_or_default();
            writeln!(out, "Exporting was paused for {}{own}.", duration(*paused))?;
            let tone = if where_seen.brokers > 0 { Tone::Good } else { Tone::Warn };
            writeln!(out, "{}: {}.", context.style.paint(tone, "It runs again"), seen(where_seen))
        }
        // Said last.
        Exporting::MaybePaused { .. } => Ok(()),
    }
}

/// How much of the pause no client could have spared.
fn of_which(servers: Duration, paused: Duration) -> String {
    let percent = if paused.is_zero() { 1.0 } else { servers.as_secs_f64() / paused.as_secs_f64() };
    format!(", {} ({:.0} %) of it the servers' own time", duration(servers), percent.min(1.0) * 100.0)
}

fn leftovers(report: &Report, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (id, program) = (report.backup_id, context.program);
    let left: Vec<_> = report.leftovers().iter().map(ToString::to_string).collect();
    let taken = matches!(&report.outcome, Outcome::Failed { cause, .. } if cause.reason == Reason::IdTaken);
    if taken && !left.is_empty() {
        writeln!(out, "Begun under an ID that somebody else has used: {}. To look at it:", left.join(", "))?;
        return writeln!(out, "  {program} describe {id}");
    }
    if !left.is_empty() {
        writeln!(out, "Left behind, and of no use: {}. To look at it, and to delete it:", left.join(", "))?;
        writeln!(out, "  {program} describe {id}")?;
        writeln!(out, "  {program} delete {id}")?;
    }
    Ok(())
}

/// The last thing on the screen, and its last line the command and nothing else.
fn alarm(
    attempts: u32,
    cause: &str,
    repair: &str,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let headline = "!!! EXPORTING MAY STILL BE PAUSED !!!";
    writeln!(out, "\n{}", context.style.paint(Tone::Bad, headline))?;
    writeln!(out, "Resuming failed {}; the last time:", count_times(attempts))?;
    writeln!(out, "  {}", plain(cause))?;
    writeln!(
        out,
        "Until exporting runs again the brokers delete nothing from their logs: their disks fill up."
    )?;
    writeln!(out, "Run this now, and again until it says that exporting runs:")?;
    writeln!(out, "{}", context.style.paint(Tone::Strong, plain(repair)))
}

fn count_times(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Document, Format, samples};

    fn written(report: &Report) -> String {
        let repair = "camunda-backup resume --gateway-url http://gateway:9600";
        samples::written(&Document::Report { report, repair }, Format::Table)
    }

    #[test]
    fn complete() {
        insta::assert_snapshot!(written(&samples::complete()));
    }

    #[test]
    fn failed_and_resumed() {
        insta::assert_snapshot!(written(&samples::failed()));
    }

    #[test]
    fn maybe_paused_ends_with_the_command() {
        let mut report = samples::maybe_paused();
        let text = written(&report);
        // Whatever else there is to say, it comes before.
        report.outcome = Outcome::Complete;
        report.journal_problem = Some("disk full".to_owned());
        for text in [&text, &written(&report)] {
            assert_eq!(text.lines().last(), Some("camunda-backup resume --gateway-url http://gateway:9600"));
            assert!(text.lines().nth(1).is_some_and(|l| l.starts_with("EXPORTING MAY STILL BE PAUSED")));
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_other_ends() {
        let mut report = samples::failed();
        report.outcome = Outcome::Cancelled { step: "await-records".to_owned() };
        report.exporting = Exporting::Untouched;
        let cancelled = written(&report);
        report.outcome =
            Outcome::DeadlinePassed { step: "await-records".to_owned(), which: "--pause-timeout".to_owned() };
        report.journal_problem = Some("disk full".to_owned());
        insta::assert_snapshot!(format!("{cancelled}--------\n{}", written(&report)));
    }
}
