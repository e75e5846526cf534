//! `verify`: is it restorable, is it young enough, does everything fit together?

use std::collections::BTreeSet;

use super::rights::Needs;
use super::set_args::VerifyArgs;
use super::setup::Setup;
use super::{Context, sets};
use crate::catalogue::{Measure, SetState, age, details, drift, judge, newest_complete};
use crate::cluster::rights::Command;
use crate::dialect::search;
use crate::exit::Exit;
use crate::model::{BackupId, Component, Facts, Finding, Problem, Reason, Severity};
use crate::plan;
use crate::render::{Document, VerdictView, VerificationView};
use crate::survey::{integrity, open_sets, surroundings};

pub(crate) async fn run(context: &Context, args: VerifyArgs) -> Exit {
    match verify(context, args).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn verify(context: &Context, args: VerifyArgs) -> Result<Exit, Exit> {
    let named = args.id.as_deref().map(|text| sets::id(context, text)).transpose()?;
    let setup = sets::release(context, &args.release, Needs::late(Command::List)).await?;
    context.notes.about(&setup);
    if !args.deep {
        return look(context, &args, &setup, named).await;
    }
    // Writing meanwhile would spoil the engine's check, and be spoiled by what it finds.
    let journal = sets::locked(context, &setup, "verify").await?;
    let exit = look(context, &args, &setup, named).await;
    journal.finish().await;
    exit
}

async fn look(
    context: &Context,
    args: &VerifyArgs,
    setup: &Setup,
    named: Option<BackupId>,
) -> Result<Exit, Exit> {
    let mut looked = sets::look(context, setup).await?;
    context.notes.sets(&looked.sets);
    let newest = newest_complete(&looked.sets).map(|s| s.id);
    let chosen: BTreeSet<BackupId> = match named {
        Some(id) => BTreeSet::from([id]),
        None if args.all => looked.sets.iter().map(|s| s.id).collect(),
        // Without a complete one the newest tells why.
        None => newest.or_else(|| looked.sets.first().map(|s| s.id)).into_iter().collect(),
    };
    let mut findings = Vec::new();
    if let Some(problem) = open_sets(&setup.http, &setup.request, &mut looked.facts, &chosen, false).await {
        findings.push(Finding::new(Reason::PartUnknown, Component::Search, problem));
    }
    surroundings(&setup.http, &setup.request, &mut looked.facts).await;
    let now = super::timestamp();
    let measure = Measure {
        facts: &looked.facts,
        records_prefix: &setup.request.records_prefix,
        version: setup.request.version.as_ref(),
        restores: plan::nearest(&setup.request, &looked.facts).restores,
        now,
        grace: args.young,
    };
    let expected = setup.expected_parts(&looked.facts);
    let items: Vec<VerdictView> = details(&looked.facts, &expected, &chosen)
        .map(|detail| {
            let findings = judge(&detail, &measure);
            let good = detail.set.state == SetState::Complete && !has_error(&findings);
            VerdictView {
                id: detail.set.id,
                state: detail.set.state,
                good,
                started: detail.set.started,
                findings,
            }
        })
        .collect();
    let judged: BTreeSet<BackupId> = items.iter().map(|i| i.id).collect();
    for id in chosen.difference(&judged) {
        findings.push(
            looked.all_answered().err().unwrap_or_else(|| {
                Finding::new(Reason::SetNotFound, None, format!("there is no backup {id}"))
            }),
        );
    }
    // A set that is asked for by name is judged by itself.
    if named.is_none() || args.max_age.is_some() {
        findings.extend(age(&looked.sets, args.max_age, now));
    }
    if let Some(unasked) = looked.records_unasked() {
        findings.push(Finding::new(Reason::RecordsNotAsked, None, unasked));
    }
    findings.extend(drift(&looked.sets, &measure));
    if args.deep {
        findings.extend(deep(setup, &looked.facts, args.deep_timeout).await);
    }
    // What is running is not good yet, but no reason for an alarm when all are judged.
    let counts = |i: &&VerdictView| !(args.all && is_running(i));
    let good = !has_error(&findings) && items.iter().filter(counts).all(|i| i.good);
    context.print(&Document::Verification(&VerificationView {
        good,
        items,
        newest_complete: newest,
        findings,
    }));
    Ok(if good { Exit::Done } else { Exit::NotGood })
}

fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Error)
}

fn is_running(verdict: &VerdictView) -> bool {
    !has_error(&verdict.findings) && verdict.findings.iter().any(|f| f.reason == Reason::StillRunning)
}

/// The engine's own check of the whole repository.
async fn deep(setup: &Setup, facts: &Facts, timeout: std::time::Duration) -> Option<Finding> {
    let about = |reason, text: String| Some(Finding::new(reason, Component::Search, text));
    let Some(repository) = setup.request.repository.as_deref() else {
        return about(Reason::IntegrityUnsupported, "no repository was given".to_owned());
    };
    let engine = match &facts.engine {
        Some(Ok(engine)) => engine,
        Some(Err(Problem { text, .. })) => return about(Reason::IntegrityUnknown, text.clone()),
        None => return about(Reason::IntegrityUnsupported, "no search engine was given".to_owned()),
    };
    if !search::checks_integrity(engine.engine, &engine.version) {
        return about(Reason::IntegrityUnsupported, format!("{} {} has none", engine.engine, engine.version));
    }
    match integrity(&setup.http, repository, timeout).await {
        Err(problem) => about(Reason::IntegrityUnknown, problem.to_string()),
        Ok(found) if found.passed => None,
        Ok(found) if found.disturbed => {
            about(Reason::IntegrityUnknown, "the repository was written to while it was checked".to_owned())
        }
        Ok(found) => {
            let first = found.anomalies.join("; ");
            about(Reason::RepositoryDamaged, format!("{repository}: {} anomalies: {first}", found.total))
        }
    }
}
