//! What the verbs about existing backups share: the look at them, and the deletion of some.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::args::ReleaseArgs;
use super::chronicle::Chronicle;
use super::create::repair_command;
use super::journal::{JournalState, by_lease};
use super::lock::{Lock, NotOpened, open};
use super::reach::{reach, reach_unless};
use super::rights::Needs;
use super::setup::Setup;
use super::signals::{Danger, listen};
use crate::catalogue::{Set, sets};
use crate::client::Http;
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::journal::{Ended, Peek};
use crate::model::{BackupId, EndedRun, Facts, Finding, Reason};
use crate::plan::{self, Deletion};
use crate::render::{self, DeletionItem, DeletionResult, Level as Loudness};
use crate::run::{Cancel, DeletionReport, Events, Level, World, delete};
use crate::survey::{Scope, survey};

/// What was found.
pub(crate) struct Looked {
    pub facts: Facts,
    pub sets: Vec<Set>,
}

/// The release, and a way to speak to it.
pub(crate) async fn release(context: &Context, args: &ReleaseArgs, needs: Needs) -> Result<Setup, Exit> {
    Box::pin(reach(Some(context), args, needs)).await.map_err(|error| error.tell(context))
}

/// The same for who deletes: unless somebody asks us to stop before, and with what hears of it.
pub(crate) async fn to_delete(
    context: &Context,
    args: &ReleaseArgs,
    dry_run: bool,
) -> Result<(Setup, Cancel, Danger), Exit> {
    let (cancel, danger) = listen(context);
    let needs = Needs::of_change(Command::Delete, dry_run);
    let setup = reach_unless(&cancel, context, args, needs).await.map_err(|error| error.tell(context))?;
    danger.repaired_by(&repair_command(context, &setup));
    Ok((setup, cancel, danger))
}

/// Takes the release's lock: without it nothing is changed. Let go of it with [`Lock::finish`].
pub(crate) async fn locked(context: &Context, setup: &Setup, verb: &str) -> Result<Arc<Lock>, Exit> {
    open(setup, verb, None, &context.console).await.map_err(|error| match error {
        NotOpened::Held(text) => context.fail(Exit::Held, format!("{text}; nothing was changed")),
        NotOpened::Unusable(text) => {
            let text = format!("{text}\nnothing was changed; without a journal exporting is not paused");
            // An API server that is away, or refuses, is worth another run; a directory that cannot be written to is not.
            context.fail(if by_lease(setup).is_some() { Exit::NoAccess } else { Exit::Preflight }, text)
        }
    })
}

/// Asks for the backups, and says what could not be asked. `Err`: nothing answered.
pub(crate) async fn look(context: &Context, setup: &Setup) -> Result<Looked, Exit> {
    let (mut facts, runs) = tokio::join!(survey(&setup.http, &setup.request, Scope::Backups), async {
        ended_runs(setup, &JournalState::look(setup).await).await
    });
    match runs {
        Ok(runs) => facts.runs = runs,
        Err(problem) => context.console.warn(&format!("how earlier runs ended is not known: {problem}")),
    }
    for problem in super::status::unanswered(&facts) {
        context.console.warn(&problem);
    }
    let answered = facts.backups.values().any(Result::is_ok) || matches!(facts.snapshots, Some(Ok(_)));
    if !answered {
        return Err(context.fail(Exit::NoAccess, "no component could be asked for its backups"));
    }
    let sets = sets(&facts, &setup.expected_parts(&facts));
    Ok(Looked { facts, sets })
}

/// What runs that ended before their backup was complete left word of: in Kubernetes in its record, and in the journal.
/// (A journal that cannot be read is told by `status`; a Lease that may not be read is no reason to warn here.)
pub(crate) async fn ended_runs(
    setup: &Setup,
    journal: &Result<JournalState, String>,
) -> Result<BTreeMap<BackupId, EndedRun>, String> {
    let mut ended = match &setup.kubernetes {
        Some(found) => found.records().ended().await.map_err(|e| e.to_string())?,
        None => BTreeMap::new(),
    };
    match journal {
        // Nobody has repaired it yet.
        Ok(lease @ JournalState::Lease(_)) => {
            if let Some(armed) = lease.abandoned()
                && let Some(id) = armed.backup_id
            {
                ended.entry(id).or_insert_with(|| EndedRun::died(&armed.since));
            }
        }
        Ok(JournalState::File(peek)) => ended.extend(ended_in(&setup.http, peek).await),
        Err(problem) if by_lease(setup).is_none() => return Err(problem.clone()),
        Ok(JournalState::None) | Err(_) => {}
    }
    Ok(ended)
}

async fn ended_in(http: &Http, peek: &Peek) -> BTreeMap<BackupId, EndedRun> {
    let mut entry = peek.entry.clone();
    if !peek.held {
        entry.note_death();
    }
    if entry.ended.is_empty() {
        return BTreeMap::new();
    }
    // Behind a forwarded port there may be another cluster by now: what was begun there is not begun here.
    let here = super::repair::identity(http).await;
    let run = |e: Ended| {
        let begun = if here.is_some() && e.cluster == here { e.run.begun } else { BTreeSet::new() };
        (e.backup_id, EndedRun { begun, ..e.run })
    };
    entry.ended.into_iter().map(run).collect()
}

/// An ID that was typed.
pub(crate) fn id(context: &Context, text: &str) -> Result<BackupId, Exit> {
    // What `list -o name` prints is taken as well.
    let number = text.strip_prefix("backup/").unwrap_or(text);
    number.parse().map_err(|error: crate::model::InvalidBackupId| context.fail(Exit::Usage, error))
}

impl Looked {
    pub fn set(&self, id: BackupId) -> Option<&Set> {
        self.sets.iter().find(|s| s.id == id)
    }

    /// What a deletion would leave behind unseen: the records snapshots, when there is no engine to ask. (Where the data is
    /// in a relational database, there are none.)
    pub fn records_unasked(&self) -> Option<&'static str> {
        let unasked = self.facts.snapshots.is_none() && self.facts.elsewhere.is_none();
        unasked.then_some("no search engine was given, so nothing is known of the records snapshots")
    }

    /// That a set is not there is only known when everybody answered.
    pub fn all_answered(&self) -> Result<(), Finding> {
        match super::status::unanswered(&self.facts).into_iter().next() {
            None => Ok(()),
            Some(problem) => Err(Finding::new(Reason::PartUnknown, None, problem)),
        }
    }
}

/// Tells findings that stopped us.
pub(crate) fn refuse(context: &Context, findings: &[Finding]) -> Exit {
    for finding in findings {
        context.console.problem(&context.sentence(finding));
    }
    let exit = if findings.iter().all(|f| f.reason == Reason::PartUnknown) {
        Exit::NoAccess
    } else {
        Exit::Preflight
    };
    context.fail(exit, "nothing was deleted")
}

/// What it takes to delete: the lock, held by us.
pub(crate) struct Deleter<'a> {
    pub context: &'a Context,
    pub setup: &'a Setup,
    pub journal: Arc<Lock>,
    pub chronicle: &'a Chronicle,
    pub cancel: &'a Cancel,
    pub timeout: Duration,
}

impl Deleter<'_> {
    /// Deletes, and tells what happens as it happens.
    pub async fn delete(&self, deletions: &[Deletion]) -> Vec<DeletionReport> {
        let (events, mut heard) = Events::channel();
        let console = self.context.console.clone();
        let teller = tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                let text = render::message(&event);
                match render::level(&event) {
                    Loudness::Info => console.info(&text),
                    Loudness::Warn => console.warn(&text),
                    Loudness::Error => console.problem(&text),
                }
            }
        });
        let world = World {
            http: self.setup.http.clone(),
            journal: self.journal.clone(),
            cancel: self.cancel.clone(),
            events,
            limits: plan::Limits { total: self.timeout, ..self.setup.request.limits },
            now: super::now,
        };
        let reports = delete(&world, deletions).await;
        drop(world);
        let _ = teller.await;
        for gone in reports.iter().filter(|r| r.is_gone() && !r.untouched) {
            self.chronicle.deleted(gone.backup_id);
            self.journal.forget(gone.backup_id);
            self.context.notes.gone(gone.backup_id);
        }
        reports
    }

    /// The same, with what was planned beside what came of it.
    pub async fn items(&self, deletions: Vec<Deletion>) -> Vec<DeletionItem> {
        let reports = self.delete(&deletions).await;
        deletions.into_iter().zip(reports).map(|(plan, report)| DeletionItem::done(plan, report)).collect()
    }
}

/// How a deletion ends. Half a set is a failure, whatever the reason; a signal between two sets is not.
pub(crate) fn exit(items: &[DeletionItem], cancel: &Cancel) -> Exit {
    let any = |result| items.iter().any(|i| i.result == result);
    if any(DeletionResult::Left) {
        Exit::NotDeleted
    } else if any(DeletionResult::NotStarted) {
        if cancel.level() >= Level::Asked { Exit::Cancelled } else { Exit::NotDeleted }
    } else {
        Exit::Done
    }
}
