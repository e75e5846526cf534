//! `describe ID`: everything about one set.

use std::collections::BTreeSet;

use super::rights::Needs;
use super::set_args::DescribeArgs;
use super::setup::Setup;
use super::{Context, sets};
use crate::catalogue::{Measure, SetState, details, judge};
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::model::{BackupId, Severity};
use crate::plan;
use crate::render::{DetailView, Document, RecordView};
use crate::survey::{open_sets, surroundings};

pub(crate) async fn run(context: &Context, args: DescribeArgs) -> Exit {
    match describe(context, args).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn describe(context: &Context, args: DescribeArgs) -> Result<Exit, Exit> {
    let id = sets::id(context, &args.id)?;
    let setup = sets::release(context, &args.release, Needs::late(Command::List)).await?;
    let mut looked = sets::look(context, &setup).await?;
    let ids = BTreeSet::from([id]);
    if let Some(problem) = open_sets(&setup.http, &setup.request, &mut looked.facts, &ids, true).await {
        context.console.warn(&format!("its snapshots could not all be opened: {problem}"));
    }
    surroundings(&setup.http, &setup.request, &mut looked.facts).await;
    let expected = setup.expected_parts(&looked.facts);
    let Some(detail) = details(&looked.facts, &expected, &ids).next() else {
        return Err(match looked.all_answered() {
            Ok(()) => context.fail(Exit::NotFound, format!("there is no backup {id}")),
            Err(unknown) => context.fail(
                Exit::NoAccess,
                format!("whether there is a backup {id} is not known: {}", unknown.detail),
            ),
        });
    };
    let record = record(context, &setup, id).await;
    let measure = Measure {
        facts: &looked.facts,
        records_prefix: &setup.request.records_prefix,
        version: setup.request.version.as_ref(),
        restores: plan::nearest(&setup.request, &looked.facts).restores,
        now: super::timestamp(),
        grace: args.young,
    };
    let findings = judge(&detail, &measure);
    let restorable =
        detail.set.state == SetState::Complete && findings.iter().all(|f| f.severity != Severity::Error);
    context.print(&Document::Detail(&DetailView { detail, record, restorable, findings }));
    Ok(Exit::Done)
}

/// What the run that took it has written down. Nothing depends on it.
async fn record(context: &Context, setup: &Setup, id: BackupId) -> Option<RecordView> {
    let found = setup.kubernetes.as_ref()?;
    let records = found.records();
    match records.list().await {
        Ok((mut all, _)) => all.remove(&id).map(|record| RecordView {
            outcome: record.outcome,
            started: record.started,
            finished: record.finished,
            reason: record.reason,
            versions: record.versions,
            partitions: record.partitions,
            paused_seconds: record.paused_seconds,
        }),
        Err(error) => {
            context.console.warn(&format!("its record cannot be read: {error}"));
            None
        }
    }
}
