//! `status`: the release on one screen.

use super::Context;
use super::args::StatusArgs;
use super::create::repair_command;
use super::journal::{self, JournalState};
use super::reach::reach;
use super::rights::Needs;
use super::sets::ended_runs;
use super::setup::Setup;
use crate::catalogue::{SetState, sets};
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::model::{Facts, Finding, Reason};
use crate::plan;
use crate::render::{ComponentView, Document, ExportingView, ProblemView, StatusView};
use crate::survey::{Scope, survey};

pub(crate) async fn run(context: &Context, args: StatusArgs) -> Exit {
    let setup = match reach(Some(context), &args.release, Needs::late(Command::Look)).await {
        Ok(setup) => setup,
        Err(error) => return error.tell(context),
    };
    let (mut facts, (journal, runs)) =
        tokio::join!(survey(&setup.http, &setup.request, Scope::State), async {
            let journal = JournalState::look(&setup).await;
            let runs = ended_runs(&setup, &journal).await;
            (journal, runs)
        });
    facts.runs = runs.unwrap_or_default();
    let planned = plan::backup(&setup.request, &facts, super::now_unix());
    let mut problems = journal::judged(&journal, plan::preflight(&setup.request, &facts, &planned));
    problems.extend(notes(&setup));
    problems.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let sets = sets(&facts, &setup.expected_parts(&facts));
    let view = StatusView {
        release: setup.name(),
        version: plan::version(&setup.request, &facts).cloned(),
        version_given: setup.request.version.is_some(),
        topology: planned.as_ref().ok().map(|p| p.topology),
        dialect: planned.as_ref().ok().map(|p| p.dialect.to_owned()),
        engine: facts.engine.clone().and_then(Result::ok),
        components: components(&setup, &facts),
        exporting: ExportingView::all(&facts),
        lease: journal.as_ref().ok().and_then(|j| j.lease(&setup)),
        lock: journal.as_ref().ok().and_then(JournalState::holder),
        running: sets.iter().find(|s| s.state == SetState::InProgress).map(|s| s.id),
        last_complete: sets.iter().find(|s| s.state == SetState::Complete).cloned(),
        problems: problems.into_iter().map(|f| problem(context, &setup, &f)).collect(),
    };
    context.print(&Document::Status(&view));
    let reached =
        facts.components.values().any(|c| c.health.is_ok()) || facts.backups.values().any(Result::is_ok);
    if reached { Exit::Done } else { context.fail(Exit::NoAccess, "no component answered") }
}

/// The components, with how they were found.
fn components(setup: &Setup, facts: &Facts) -> Vec<ComponentView> {
    let mut all = ComponentView::all(facts);
    let Some(found) = &setup.kubernetes else { return all };
    let search = found.release.search.as_ref();
    for view in &mut all {
        if let Some(place) = found.release.components.get(&view.component) {
            view.evidence.clone_from(&place.evidence);
        }
        if let (crate::model::Component::Search, Some(search)) = (view.component, search) {
            view.evidence.push(search.url.evidence.clone());
            view.evidence.extend(search.place.iter().flat_map(|p| p.evidence.clone()));
        }
    }
    all
}

/// What discovery has to say.
pub(crate) fn notes(setup: &Setup) -> Vec<Finding> {
    let notes = setup.kubernetes.iter().flat_map(|found| &found.release.notes);
    notes.map(|note| Finding::new(Reason::DiscoveryNote, None, note.to_string())).collect()
}

fn problem(context: &Context, setup: &Setup, finding: &Finding) -> ProblemView {
    let resume = repair_command(context, setup);
    let command = match finding.reason {
        Reason::AbandonedPause => Some(format!("{resume} --if-abandoned")),
        Reason::ExportingPausedByOthers => Some(resume),
        _ => None,
    };
    ProblemView { severity: finding.severity, text: context.sentence(finding), command }
}

/// What could not be asked, one line each.
pub(crate) fn unanswered(facts: &Facts) -> Vec<String> {
    let lists = facts.backups.iter().filter_map(|(part, a)| a.as_ref().err().map(|p| format!("{part}: {p}")));
    let snapshots = match &facts.snapshots {
        Some(Err(problem)) => Some(format!("records: {problem}")),
        _ => None,
    };
    lists.chain(snapshots).collect()
}
