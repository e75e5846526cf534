//! `prune`: retention, by itself and after a backup.

use super::Context;
use super::chronicle::Chronicle;
use super::create::repair_first;
use super::set_args::{KeepArgs, PruneArgs};
use super::sets::{self, Deleter};
use crate::catalogue::{IN_THE_MAKING, Policy, Why, moved, other_hands, out_of_order, retention};
use crate::exit::Exit;
use crate::model::{BackupId, Finding, Reason};
use crate::plan;
use crate::render::{DeletionItem, Document, PruneView};
use crate::survey::surroundings;

/// A backup that has been in progress for longer than this hangs, and stops nobody.
const HANGS: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

pub(crate) async fn run(context: &Context, args: PruneArgs) -> Exit {
    match prune(context, args).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn prune(context: &Context, args: PruneArgs) -> Result<Exit, Exit> {
    let policy = args.keep.policy().map_err(|error| context.fail(Exit::Usage, error))?;
    if policy.is_empty() {
        let text =
            "no rule was given, such as --keep-daily 7 or --failed-after 7d: nothing would ever be deleted";
        return Err(context.fail(Exit::Usage, text));
    }
    let (setup, cancel, danger) = sets::to_delete(context, &args.release, args.dry_run).await?;
    context.notes.about(&setup);
    let rules = Rules { keep: &args.keep, policy: &policy, without_records: args.without_records };
    if args.dry_run {
        let (view, deletions) = decide(context, &setup, rules).await?;
        let items = deletions.into_iter().map(DeletionItem::planned).collect();
        context.print(&Document::Prune(&PruneView { items, dry_run: true, ..view }));
        return Ok(Exit::Done);
    }
    let journal = sets::locked(context, &setup, "prune").await?;
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
    let exit = match repair_first(context, &setup, &journal, &chronicle, &cancel, &danger).await {
        Ok(()) => apply(&deleter, rules).await,
        Err(exit) => Err(exit),
    };
    journal.finish().await;
    chronicle.finish().await;
    exit
}

/// The rules, as they were typed and as they are meant.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub keep: &'a KeepArgs,
    pub policy: &'a Policy,
    /// Without a search engine nothing is known of the records snapshots; then nothing is deleted, unless this is said.
    pub without_records: bool,
}

/// Decides and deletes, under the lock that the caller holds.
pub(crate) async fn apply(deleter: &Deleter<'_>, rules: Rules<'_>) -> Result<Exit, Exit> {
    let context = deleter.context;
    let (view, deletions) = decide(context, deleter.setup, rules).await?;
    let items = deleter.items(deletions).await;
    let exit = sets::exit(&items, deleter.cancel);
    context.print(&Document::Prune(&PruneView { items, ..view }));
    Ok(exit)
}

/// Decides. Refuses as a whole when a component could not be asked, or a backup is being taken: then what is there is not
/// what there will be.
async fn decide(
    context: &Context,
    setup: &super::setup::Setup,
    rules: Rules<'_>,
) -> Result<(PruneView, Vec<plan::Deletion>), Exit> {
    let mut looked = sets::look(context, setup).await?;
    context.notes.sets(&looked.sets);
    let now = super::timestamp();
    let mut against: Vec<Finding> = looked.all_answered().err().into_iter().collect();
    against.extend(
        looked
            .sets
            .iter()
            .filter(|s| s.may_be_running(HANGS, now))
            .map(|s| Finding::new(Reason::SetInProgress, None, format!("{} is being taken", s.id))),
    );
    if let Some(unasked) = looked.records_unasked().filter(|_| !rules.without_records) {
        let text = format!("{unasked}: they would stay behind; --without-records leaves them there");
        against.push(Finding::new(Reason::PartUnknown, None, text));
    }
    if !against.is_empty() {
        return Err(sets::refuse(context, &against));
    }
    surroundings(&setup.http, &setup.request, &mut looked.facts).await;
    let decisions = retention(&looked.sets, rules.policy, now);
    // The oldest first: whatever stops us, the newest are touched last.
    let mut ids: Vec<BackupId> = decisions.iter().filter(|d| !d.keep).map(|d| d.id).collect();
    ids.sort_unstable();
    let deletions = plan::deletions(&setup.request, &looked.facts, ids);
    let mut findings = other_hands(&looked.facts);
    findings.extend(moved(&looked.sets, IN_THE_MAKING, now));
    findings.extend(out_of_order(&looked.sets, now));
    // After a backup without records there is nobody to refuse; but nobody knows what stays behind.
    findings.extend(looked.records_unasked().map(|text| Finding::new(Reason::RecordsNotAsked, None, text)));
    let unproven = decisions.iter().filter(|d| d.reasons.contains(&Why::OwnerUnknown)).count();
    if unproven > 0 && rules.policy.failed_after.is_some() {
        let text = format!("kept although not complete, because the brokers do not know them: {unproven}");
        findings.push(Finding::new(Reason::KeptUnproven, None, text));
    }
    let needed = decisions.iter().filter(|d| d.reasons.contains(&Why::RangeWouldBreak)).count();
    // Where the cluster deletes by itself, that is as it should be.
    if needed > 0 && !looked.facts.native_retention {
        let text = format!("kept although no rule keeps them: {needed}");
        findings.push(Finding::new(Reason::RangeWouldBreak, None, text));
    }
    let view = PruneView {
        dry_run: false,
        policy: rules.keep.rules(),
        time_zone: rules.keep.time_zone.clone(),
        decisions,
        items: Vec::new(),
        findings,
    };
    Ok((view, deletions))
}
