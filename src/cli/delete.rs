//! `delete ID…`: look, refuse, ask, lock, look again, delete, and see that it is gone.

use std::io::{BufRead as _, IsTerminal as _};
use std::ops::ControlFlow;

use tokio::time::Instant;

use super::Context;
use super::chronicle::Chronicle;
use super::create::repair_first;
use super::set_args::DeleteArgs;
use super::sets::{self, Deleter, Looked};
use super::settle::until_quiet;
use super::setup::Setup;
use super::signals::Danger;
use crate::catalogue::refusals;
use crate::exit::Exit;
use crate::model::{BackupId, Facts, Finding, Reason};
use crate::plan::{self, Deletion};
use crate::render::{DeletionItem, DeletionResult, DeletionView, Document};
use crate::run::{Cancel, DeletionReport, Level};

/// What the user takes upon himself.
#[derive(Clone, Copy)]
struct Allowed {
    force: bool,
    without_records: bool,
}

pub(crate) async fn run(context: &Context, args: DeleteArgs) -> Exit {
    match delete(context, args).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn delete(context: &Context, args: DeleteArgs) -> Result<Exit, Exit> {
    let mut ids = Vec::new();
    for text in &args.ids {
        let id = sets::id(context, text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let (setup, cancel, danger) = sets::to_delete(context, &args.release, args.dry_run).await?;
    let asks = !args.yes && !args.dry_run;
    if asks && !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(context.fail(
            Exit::Usage,
            "nobody can be asked here: give --yes, or --dry-run to see what would be deleted",
        ));
    }
    let allowed = Allowed { force: args.force, without_records: args.without_records };
    if args.dry_run || asks {
        let planned = planned(context, &setup, &ids, allowed).await?;
        let items = planned.deletions.into_iter().map(DeletionItem::planned).collect();
        let view = DeletionView { dry_run: true, items };
        if args.dry_run {
            context.print(&Document::Deletion(&view));
            return Ok(Exit::Done);
        }
        // Part of the question: stdout is for the result alone.
        context.show(&Document::Deletion(&view));
        confirm(context, &ids, &cancel).await?;
    }
    let journal = sets::locked(context, &setup, "delete").await?;
    let timeout = args.delete_timeout;
    let chronicle = Chronicle::of(&setup, journal.identity(), &context.console);
    let deleter = Deleter {
        context,
        setup: &setup,
        journal: journal.clone(),
        chronicle: &chronicle,
        cancel: &cancel,
        timeout,
    };
    let exit = under_lock(&deleter, &ids, allowed, &danger).await;
    journal.finish().await;
    chronicle.finish().await;
    exit
}

/// Only what is seen under the lock counts.
async fn under_lock(
    deleter: &Deleter<'_>,
    ids: &[BackupId],
    allowed: Allowed,
    danger: &Danger,
) -> Result<Exit, Exit> {
    let Deleter { context, setup, journal, chronicle, cancel, .. } = deleter;
    repair_first(context, setup, journal, chronicle, cancel, danger).await?;
    let end = Instant::now() + deleter.timeout;
    let Planned { deletions, unsettled } = planned(context, setup, ids, allowed).await?;
    let mut items = deleter.items(deletions).await;
    settled(deleter, end, &unsettled, &mut items).await;
    let exit = sets::exit(&items, cancel);
    context.print(&Document::Deletion(&DeletionView { dry_run: false, items }));
    Ok(exit)
}

/// What somebody may be at comes back while its deletion is seen to work: it is gone when nothing comes back any more.
async fn settled(deleter: &Deleter<'_>, end: Instant, unsettled: &[BackupId], items: &mut [DeletionItem]) {
    let gone = |i: &&DeletionItem| i.result == DeletionResult::Gone && unsettled.contains(&i.backup_id);
    let ids: Vec<BackupId> = items.iter().filter(gone).map(|i| i.backup_id).collect();
    if ids.is_empty() {
        return;
    }
    let plan = |facts: &Facts| plan::deletions(&deleter.setup.request, facts, ids.iter().copied());
    let done = until_quiet(deleter, end, plan, |plans, reports| {
        let all_gone = reports.iter().all(DeletionReport::is_gone);
        for (plan, report) in plans.into_iter().zip(reports) {
            if let Some(item) = items.iter_mut().find(|i| i.backup_id == plan.backup_id) {
                *item = DeletionItem::done(plan, report);
            }
        }
        if all_gone { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if let Err(why) = done.await {
        let left = items.iter_mut().filter(|i| ids.contains(&i.backup_id));
        for item in left {
            item.result = DeletionResult::Left;
            let text = format!("backup {}: not seen to be over: {why}", item.backup_id);
            deleter.context.console.problem(&text);
        }
    }
}

/// What is to be deleted.
struct Planned {
    deletions: Vec<Deletion>,
    /// Those that somebody may be at.
    unsettled: Vec<BackupId>,
}

/// What would be deleted; all of it is refused when a part of it is.
async fn planned(
    context: &Context,
    setup: &Setup,
    ids: &[BackupId],
    allowed: Allowed,
) -> Result<Planned, Exit> {
    let looked = sets::look(context, setup).await?;
    let mut refused: Vec<Finding> = ids.iter().flat_map(|id| against(&looked, *id, allowed.force)).collect();
    if let Some(unasked) = looked.records_unasked().filter(|_| !allowed.without_records) {
        let text = format!("{unasked}: they would stay behind; --without-records leaves them there");
        refused.push(Finding::new(Reason::PartUnknown, None, text));
    }
    if !refused.is_empty() {
        return Err(sets::refuse(context, &refused));
    }
    let now = super::timestamp();
    let unsettled = |id: &&BackupId| looked.set(**id).is_some_and(|s| s.may_be_in_the_making(now));
    Ok(Planned {
        deletions: plan::deletions(&setup.request, &looked.facts, ids.iter().copied()),
        unsettled: ids.iter().filter(unsettled).copied().collect(),
    })
}

fn against(looked: &Looked, id: BackupId, force: bool) -> Vec<Finding> {
    match looked.set(id) {
        Some(set) => refusals(set, &looked.sets, force, super::timestamp()),
        // Nothing is there: that is what was wanted, once everybody has said so.
        None => looked.all_answered().err().into_iter().collect(),
    }
}

/// Asks for the ID, which nobody types by mistake. Nothing is locked while a human thinks.
async fn confirm(context: &Context, ids: &[BackupId], cancel: &Cancel) -> Result<(), Exit> {
    let wanted = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    context.console.line(format!("This cannot be undone. To delete, type {wanted}"));
    // A thread of its own: reading from a terminal cannot be interrupted, and must not keep us from ending.
    let (answer, typed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = answer.send(read.map(|_| line).unwrap_or_default());
    });
    let typed = tokio::select! {
        typed = typed => typed.unwrap_or_default(),
        () = cancel.reached(Level::Asked) => return Err(context.fail(Exit::Cancelled, "nothing was deleted")),
    };
    if is_confirmed(&typed, ids) {
        return Ok(());
    }
    Err(context.fail(Exit::Cancelled, "that is not what was asked for: nothing was deleted"))
}

fn is_confirmed(typed: &str, ids: &[BackupId]) -> bool {
    let typed: Vec<&str> = typed.split([' ', ',', '\t', '\r', '\n']).filter(|w| !w.is_empty()).collect();
    typed == ids.iter().map(ToString::to_string).collect::<Vec<_>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_ids_confirm() {
        let ids = [17, 18].map(|n| BackupId::new(n).expect("in range"));
        assert!(is_confirmed("17 18\n", &ids) && is_confirmed(" 17, 18 ", &ids));
        for typed in ["", "\n", "y", "yes", "17", "18 17", "17 18 19", "1718"] {
            assert!(!is_confirmed(typed, &ids), "{typed:?}");
        }
    }
}
