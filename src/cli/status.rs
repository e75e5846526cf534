//! `status`: the release on one screen.

use std::time::Duration;

use super::Context;
use super::args::StatusArgs;
use super::create::repair_command;
use super::reach::{InKubernetes, reach};
use super::rights::Needs;
use super::sets::ended_runs;
use super::setup::Setup;
use crate::catalogue::{SetState, sets};
use crate::cluster::rights::Command;
use crate::cluster::{LeaseOptions, LeaseState, lease_name};
use crate::exit::Exit;
use crate::journal::{FileJournal, Peek};
use crate::model::{Facts, Finding, Reason, Severity};
use crate::plan;
use crate::render::{ComponentView, Document, ExportingView, LeaseView, ProblemView, StatusView};
use crate::run::Armed;
use crate::survey::{Scope, survey};

pub(crate) async fn run(context: &Context, args: StatusArgs) -> Exit {
    let setup = match reach(Some(context), &args.release, Needs::late(Command::Look)).await {
        Ok(setup) => setup,
        Err(error) => return error.tell(context),
    };
    let (mut facts, runs) =
        tokio::join!(survey(&setup.http, &setup.request, Scope::State), ended_runs(&setup));
    facts.runs = runs.unwrap_or_default();
    let planned = plan::backup(&setup.request, &facts, super::now_unix());
    let (held, mut problems) = judged(&setup, plan::preflight(&setup.request, &facts, &planned)).await;
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
        lease: lease(&setup).await,
        lock: held,
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

/// What the Lease says, where there is one.
async fn lease(setup: &Setup) -> Option<LeaseView> {
    let found = setup.kubernetes.as_ref().filter(|f| !f.no_lease)?;
    let state = found.lease_state().await.ok().flatten()?;
    Some(LeaseView {
        name: lease_name(&found.release.name),
        renewed: state.renewed,
        armed_since: state.armed.as_ref().map(|a| a.since.clone()),
        armed_for: state.armed.and_then(|a| a.backup_id),
    })
}

/// What discovery has to say.
pub(crate) fn notes(setup: &Setup) -> Vec<Finding> {
    let notes = setup.kubernetes.iter().flat_map(|found| &found.release.notes);
    notes.map(|note| Finding::new(Reason::DiscoveryNote, None, note.to_string())).collect()
}

fn problem(context: &Context, setup: &Setup, finding: &Finding) -> ProblemView {
    // A journal in files knows the addresses; a Lease has to be found.
    let resume = match &setup.kubernetes {
        Some(_) => repair_command(context, setup),
        None => format!("{} resume", context.called),
    };
    let command = match finding.reason {
        Reason::AbandonedPause => Some(format!("{resume} --if-abandoned")),
        Reason::ExportingPausedByOthers => Some(resume),
        _ => None,
    };
    ProblemView { severity: finding.severity, text: context.sentence(finding), command }
}

/// Findings in the light of the journal, and who holds the release.
pub(crate) async fn judged(setup: &Setup, mut findings: Vec<Finding>) -> (Option<String>, Vec<Finding>) {
    let journal = journal_state(setup).await;
    if journal.holder.is_some() {
        // A run of ours that is going on pauses exporting and has backups in progress: that is no problem.
        findings.retain(|f| {
            !matches!(
                f.reason,
                Reason::ExportingPausedByOthers | Reason::BackupInProgress | Reason::StaleZeebeBackup
            )
        });
    }
    if journal.findings.iter().any(|f| f.reason == Reason::AbandonedPause) {
        // Nobody has to be found out, for it is known who paused it.
        findings.retain(|f| f.reason != Reason::ExportingPausedByOthers);
    }
    findings.extend(journal.findings);
    (journal.holder, findings)
}

/// What lock and journal of a release say.
#[derive(Debug, Default)]
struct JournalState {
    /// Who holds the release, in words; with files: somebody who lives.
    holder: Option<String>,
    /// What is wrong.
    findings: Vec<Finding>,
}

/// Asks the release's journal, without holding it.
async fn journal_state(setup: &Setup) -> JournalState {
    let state = match &setup.kubernetes {
        Some(found) if !found.no_lease => match found.lease_state().await {
            Ok(None) => return JournalState::default(),
            Ok(Some(state)) => {
                let silence = silence(state.renewed.as_deref(), super::timestamp());
                let findings = seems_dead(&state, silence).into_iter().collect();
                let seen = state.renewed.map(|at| format!(", last sign of life {at}")).unwrap_or_default();
                match state.holder {
                    Some(holder) => {
                        return JournalState { holder: Some(format!("{holder}{seen}")), findings };
                    }
                    None => (None, state.armed),
                }
            }
            Err(error) => return unreadable(error.to_string()),
        },
        _ => match peek(setup) {
            Ok(None) => return JournalState::default(),
            Ok(Some(Peek { entry, held })) => {
                let holder = entry.holder.map_or("a living process".to_owned(), |h| h.to_string());
                (held.then_some(holder), entry.armed)
            }
            Err(problem) => return unreadable(problem),
        },
    };
    match state {
        (None, Some(armed)) => {
            let of = armed.backup_id.map(|id| format!(" of backup {id}")).unwrap_or_default();
            let detail = format!("a run{of} has left exporting paused (since {})", armed.since);
            let findings = vec![Finding::new(Reason::AbandonedPause, None, detail)];
            JournalState { holder: None, findings }
        }
        (holder, _) => JournalState { holder, findings: Vec::new() },
    }
}

/// What the release's journal says to be armed, whoever holds it.
pub(crate) async fn armed(setup: &Setup) -> Result<Option<Armed>, String> {
    match &setup.kubernetes {
        Some(found) if !found.no_lease => {
            let state = found.lease_state().await.map_err(|e| e.to_string())?;
            Ok(state.and_then(|s| s.armed))
        }
        _ => peek(setup).map(|peek| peek.and_then(|p| p.entry.armed)),
    }
}

/// How long a holder has been silent, by its own clock and ours: for people alone.
fn silence(renewed: Option<&str>, now: jiff::Timestamp) -> Duration {
    let then = renewed.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    then.and_then(|then| Duration::try_from(now.duration_since(then)).ok()).unwrap_or_default()
}

/// A holder that was killed stays in its Lease until somebody has watched it. One look cannot tell whether it lives, and
/// clocks differ; but who looks at a cluster that stays paused must hear of it, and of the command that finds out.
fn seems_dead(state: &LeaseState, silence: Duration) -> Option<Finding> {
    let (holder, armed) = (state.holder.as_ref()?, state.armed.as_ref()?);
    if silence < LeaseOptions::DURATION * 2 {
        return None;
    }
    let detail = format!(
        "exporting was paused (since {}) by {holder}, whose last sign of life, by its own clock, is {} s old; resuming watches first whether it lives",
        armed.since,
        silence.as_secs()
    );
    Some(Finding { severity: Severity::Warning, ..Finding::new(Reason::AbandonedPause, None, detail) })
}

/// What a run left armed that seems to be dead.
pub(crate) async fn abandoned(found: &InKubernetes) -> Option<Armed> {
    let state = found.lease_state().await.ok().flatten()?;
    let silence = silence(state.renewed.as_deref(), super::timestamp());
    if state.holder.is_some() && seems_dead(&state, silence).is_none() { None } else { state.armed }
}

fn unreadable(problem: String) -> JournalState {
    JournalState {
        findings: vec![Finding::new(Reason::JournalFailed, None, problem)],
        ..JournalState::default()
    }
}

fn peek(setup: &Setup) -> Result<Option<Peek>, String> {
    let (dir, key) = setup.journal_place()?;
    FileJournal::peek(&dir, &key).map_err(|e| e.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Holder;
    use crate::run::Armed;

    #[test]
    fn a_holder_that_has_been_silent_for_long_with_exporting_paused_is_a_problem() {
        let now: jiff::Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        assert_eq!(silence(Some("2026-11-23T09:00:00.5Z"), now).as_secs(), 10_799);
        assert_eq!(silence(Some("2026-11-23T13:00:00Z"), now), Duration::ZERO, "clocks differ");
        assert_eq!(silence(None, now), Duration::ZERO);
        let holder = Holder {
            identity: "laptop_1".to_owned(),
            verb: "create".to_owned(),
            backup_id: None,
            since: None,
        };
        let armed = Armed { backup_id: None, since: "then".to_owned(), answered: true };
        let state = LeaseState { holder: Some(holder), armed: Some(armed), renewed: None };
        let found = seems_dead(&state, Duration::from_secs(10_799)).expect("a finding");
        assert!(
            found.detail.contains("`create` of laptop_1") && found.detail.contains("10799 s"),
            "{found:?}"
        );
        assert_eq!(found.severity, Severity::Warning, "it may live all the same");
        assert_eq!(seems_dead(&state, Duration::from_secs(20)), None);
        assert_eq!(seems_dead(&LeaseState { armed: None, ..state.clone() }, Duration::MAX), None);
        assert_eq!(
            seems_dead(&LeaseState { holder: None, ..state }, Duration::MAX),
            None,
            "that is told already"
        );
    }
}
