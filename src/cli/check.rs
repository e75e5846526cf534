//! `check`: everything that `create` would find out before it changes anything, and all of it.

use super::Context;
use super::args::CheckArgs;
use super::journal::{self, JournalState, by_lease};
use super::reach::reach;
use super::rights::{Missing, Needs};
use super::setup::Setup;
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::journal::FileJournal;
use crate::model::{Finding, Reason};
use crate::plan;
use crate::render::{Document, RightsView};
use crate::survey::{Scope, survey};

pub(crate) async fn run(context: &Context, args: CheckArgs) -> Exit {
    let setup = match reach(Some(context), &args.release, Needs::first(Command::Create)).await {
        Ok(setup) => setup,
        Err(error) if error.missing.is_empty() => return error.tell(context),
        Err(error) => {
            let (findings, rights) = told(&error.missing);
            context.print(&Document::Findings { findings: &findings, rights: &rights });
            return context.fail(error.exit, &error.text);
        }
    };
    let (facts, journal) =
        tokio::join!(survey(&setup.http, &setup.request, Scope::Preflight), JournalState::look(&setup));
    let planned = plan::backup(&setup.request, &facts, super::now_unix());
    let found = plan::preflight(&setup.request, &facts, &planned);
    let holder = journal.as_ref().ok().and_then(JournalState::living_holder);
    let mut findings = journal::judged(&journal, found);
    if let Err(problem) = writable(&setup) {
        findings.push(Finding::new(Reason::JournalFailed, None, problem));
    }
    let (not_allowed, rights) = told(&setup.missing);
    if setup.missing.iter().any(|m| m.rights.iter().any(|r| r.resource == "leases")) {
        // That is why, and it is told with all the others.
        findings.retain(|f| f.reason != Reason::JournalFailed);
    }
    findings.splice(0..0, not_allowed);
    findings.extend(super::status::notes(&setup));
    let exit = match Exit::of_findings(&findings) {
        Some(Exit::Preflight) => Exit::NotGood,
        Some(exit) => exit,
        None => Exit::Done,
    };
    context.print(&Document::Findings { findings: &findings, rights: &rights });
    match (exit, holder) {
        (Exit::Done, Some(holder)) => {
            context.fail(Exit::Held, format!("another run holds this release: {holder}"))
        }
        (exit, _) => exit,
    }
}

fn told(missing: &[Missing]) -> (Vec<Finding>, Vec<RightsView>) {
    (missing.iter().flat_map(Missing::findings).collect(), missing.iter().map(Missing::view).collect())
}

/// Without a journal nothing is paused, so its place is part of what a backup needs.
fn writable(setup: &Setup) -> Result<(), String> {
    if by_lease(setup).is_some() {
        return Ok(());
    }
    let (dir, key) = setup.journal_place()?;
    dir.create().map_err(|e| e.to_string())?;
    FileJournal::probe(&dir, &key).map_err(|e| e.to_string())
}
