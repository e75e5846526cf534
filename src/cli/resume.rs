//! `resume`: make exporting run, with or without a plan, a version, or even an URL.

use std::sync::atomic::Ordering;

use super::args::{ReleaseArgs, ResumeArgs};
use super::chronicle::{Chronicle, note_death};
use super::create::repair_command;
use super::journal::JournalState;
use super::lock::{Lock, NotOpened, open};
use super::reach::{asks_for_kubernetes, fetched, reach_unless, through_kubernetes};
use super::repair::Left;
use super::rights::Needs;
use super::setup::Setup;
use super::signals::{Danger, listen};
use super::{Context, repair};
use crate::cluster::Occasion;
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::journal::{FileJournal, Holder, OpenError, ReleaseKey, StateDir};
use crate::render::{Document, ResumedState, ResumedView};
use crate::run::{Armed, Cancel, Journal, Seen};

/// Of a release in Kubernetes that could not be looked at.
const UNSEEN: &str = "whether a run left exporting paused there is not known: name the release with --release and -n, or by --gateway-url";

pub(crate) async fn run(context: &Context, args: ResumeArgs) -> Exit {
    let (cancel, danger) = listen(context);
    let named = args.release.gateway_url.is_some() || asks_for_kubernetes(&args.release.kube);
    // Whatever runs of this user left, wherever: in journals of this machine, and in the release beside us.
    let anywhere = args.if_abandoned && !named && !in_pod();
    if !anywhere {
        return match one(context, &args, &cancel, &danger).await {
            Ok(all) => tell(context, &all),
            Err(exit) => exit,
        };
    }
    let (mut all, unreadable) = every_abandoned(context, &args, &cancel, &danger).await;
    let mut unknown = None;
    if through_kubernetes(&args.release) {
        match one(context, &args, &cancel, &danger).await {
            Ok(found) => all.extend(found),
            // Who has nothing to do with that cluster has been served.
            Err(_) if !all.is_empty() => {}
            Err(exit) => unknown = Some(exit),
        }
    } else if all.is_empty() && unreadable.is_none() {
        context.console.info("nothing to resume: no run left exporting paused");
    }
    if matches!(unknown, Some(Exit::NotFound | Exit::NoAccess)) {
        context.console.info(UNSEEN);
    }
    let exit = tell(context, &all);
    unreadable.or(unknown).unwrap_or(exit)
}

/// The release that is named, or found. `Err`: it could not be looked at, which has been told.
async fn one(
    context: &Context,
    args: &ResumeArgs,
    cancel: &Cancel,
    danger: &Danger,
) -> Result<Vec<ResumedView>, Exit> {
    let needs = Needs::late(Command::Resume);
    let mut setup = reach_unless(cancel, context, &Setup::of_zeebe(&args.release), needs)
        .await
        .map_err(|error| error.tell(context))?;
    let gateway = setup.need_gateway().map_err(|error| context.fail(Exit::Usage, error))?.to_string();
    context.notes.about(&setup);
    let command = repair_command(context, &setup);
    danger.repaired_by(&command);
    let journal = match open(&setup, "resume", None, &context.console).await {
        Ok(journal) => Some(journal),
        // Its holder lives, so nothing is abandoned.
        Err(NotOpened::Held(text)) if args.if_abandoned => {
            if let Ok(journal) = JournalState::look(&setup).await {
                context.notes.paused_since(journal.armed());
                // Whether that succeeds is not known: it must not pass for a look that found nothing.
                if journal.is_being_repaired() {
                    return Err(context.fail(Exit::Held, format!("{text}; exporting is not seen to run yet")));
                }
            }
            context.console.info(&format!("nothing to resume: {text}"));
            return Ok(Vec::new());
        }
        Err(NotOpened::Held(text)) => {
            return Err(context.fail(Exit::Held, format!("{text}; nothing was changed")));
        }
        Err(NotOpened::Unusable(text)) if args.if_abandoned => return Err(not_known(context, &text)),
        // Who says "resume" wants exporting to run, and a full disk must not stand in the way of that.
        Err(NotOpened::Unusable(text)) => {
            context.console.warn(&format!("{text}; resuming without a journal"));
            None
        }
    };
    let was_armed = journal.as_ref().and_then(|j| j.armed());
    let chronicle = Chronicle::of(&setup, journal.as_ref().and_then(|j| j.identity()), &context.console);
    let found = setup.kubernetes.clone();
    let note = async {
        if let Some(armed) = &was_armed {
            note_death(found.as_ref(), armed, &context.console).await;
        }
    };
    let journal_ = journal.as_deref();
    let (all, ()) =
        tokio::join!(resume(context, args, &mut setup, journal_, &gateway, command, cancel, danger), note);
    if let Some(journal) = &journal {
        // Disarmed, or still as it was.
        context.notes.paused_since(journal.armed().as_ref());
    }
    for resumed in &all {
        match (&resumed.exporting, &was_armed) {
            (ResumedState::Running { .. }, Some(armed)) => chronicle.repaired(&armed.since),
            (ResumedState::Running { .. }, None) => {
                chronicle.tell(Occasion::Resumed, "exporting was resumed by hand, and runs");
            }
            (ResumedState::MaybePaused { cause, repair }, _) => chronicle.still_paused(cause, repair),
        }
    }
    // Before anything is printed: a reader that does not read must not keep the next run out.
    if let Some(journal) = &journal {
        journal.finish().await;
    }
    chronicle.finish().await;
    Ok(all)
}

/// Whether we run in a pod: there the release is the one beside us, and no journal is a file.
fn in_pod() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|v| !v.is_empty())
}

#[expect(clippy::too_many_arguments, reason = "the locals of one verb")]
async fn resume(
    context: &Context,
    args: &ResumeArgs,
    setup: &mut Setup,
    journal: Option<&Lock>,
    gateway: &str,
    command: String,
    cancel: &Cancel,
    danger: &Danger,
) -> Vec<ResumedView> {
    let left = Left { by_hand: !args.if_abandoned, ..journal.map(Lock::left).unwrap_or_default() };
    let armed = left.armed.as_ref();
    if args.if_abandoned && armed.is_none() {
        context.console.info("nothing to resume: no run left exporting paused");
        return Vec::new();
    }
    if let Some(journal) = journal {
        // Should we be killed now, the next one goes on.
        let ours = Armed { backup_id: None, since: super::now(), answered: true };
        if armed.is_none()
            && let Err(error) = journal.arm(&ours).await
        {
            context.console.warn(&format!("the journal cannot be written: {error}"));
        }
        // What the journal knows of brokers is better than nothing.
        if setup.brokers().is_empty() && setup.kubernetes.is_none() {
            setup.add_brokers(&journal.brokers());
        }
    }
    danger.armed.store(true, Ordering::SeqCst);
    let brokers = setup.broker_components();
    let journal = journal.map(|j| -> &dyn Journal { j });
    let budget = args.resume_timeout;
    let console = &context.console;
    let released = repair::repair(&setup.http, &brokers, journal, &left, budget, cancel, console, "").await;
    vec![view(gateway.to_owned(), released.result, command)]
}

fn view(release: String, result: Result<Seen, String>, repair: String) -> ResumedView {
    let exporting = match result {
        Ok(seen) => ResumedState::Running { seen },
        Err(cause) => ResumedState::MaybePaused { cause, repair },
    };
    ResumedView { release, exporting }
}

/// What must be done now, and then the results, whose reader may keep us waiting.
fn tell(context: &Context, all: &[ResumedView]) -> Exit {
    let mut exit = Exit::Done;
    for ResumedView { release, exporting } in all {
        if let ResumedState::MaybePaused { cause, repair } = exporting {
            exit = context.fail(Exit::MaybePaused, format!("{release}: {cause}"));
            context.console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{repair}"));
        }
    }
    context.print(&Document::Resumed(all));
    exit
}

/// A journal that cannot be read is not one that says "nothing is paused".
fn not_known(context: &Context, problem: &str) -> Exit {
    context.fail(
        Exit::MaybePaused,
        format!(
            "{problem}\nwhether a run left exporting paused is not known: `{} status` shows it",
            context.called
        ),
    )
}

/// Without URLs: whatever any dead run of this user left in journals of this machine; and what could not be read, which has
/// been told.
async fn every_abandoned(
    context: &Context,
    args: &ResumeArgs,
    cancel: &Cancel,
    danger: &Danger,
) -> (Vec<ResumedView>, Option<Exit>) {
    danger.repaired_by(&format!("{} resume --if-abandoned", context.called));
    let (mut all, mut unreadable) = (Vec::new(), None);
    let dir = match StateDir::locate(args.release.state_dir.clone(), |n| std::env::var_os(n)) {
        Ok(dir) => dir,
        Err(error) => return (all, Some(context.fail(Exit::Usage, error))),
    };
    let keys = match dir.keys() {
        Ok(keys) => keys,
        Err(error) => return (all, Some(not_known(context, &error.to_string()))),
    };
    for key in keys {
        match FileJournal::peek(&dir, &key) {
            Ok(Some(peek)) if peek.entry.armed.is_some() && !peek.held => {
                all.extend(abandoned(context, args, &dir, &key, cancel, danger).await);
            }
            Ok(_) => {}
            Err(error) => unreadable = Some(not_known(context, &error.to_string())),
        }
    }
    (all, unreadable)
}

/// One of them. `None`: somebody else was quicker.
async fn abandoned(
    context: &Context,
    args: &ResumeArgs,
    dir: &StateDir,
    key: &ReleaseKey,
    cancel: &Cancel,
    danger: &Danger,
) -> Option<ResumedView> {
    let entry = FileJournal::peek(dir, key).ok().flatten()?.entry;
    let (gateway, brokers) = (entry.gateway, entry.brokers);
    let given = brokers.iter().fold(String::new(), |all, broker| all + " --broker-url " + broker);
    let access = super::create::flags(&args.release.management.flags());
    let command = format!("{} resume --gateway-url {gateway}{given}{access}", context.called);
    context.console.info(&format!("a run that died left exporting paused: {gateway}"));
    let holder = Holder { verb: "resume".to_owned(), pid: std::process::id(), since: super::now() };
    let journal = match FileJournal::open(dir, key, &gateway, brokers.clone(), holder) {
        Ok(journal) => journal,
        Err(OpenError::Held(_)) => return None,
        Err(error) => return Some(view(gateway, Err(error.to_string()), command)),
    };
    // A successor of the dead run may have repaired it while we waited for the lock.
    journal.armed()?;
    let left = Left::of(&journal);
    let before = danger.armed.swap(true, Ordering::SeqCst);
    let release =
        ReleaseArgs { gateway_url: Some(gateway.clone()), broker_url: brokers, ..args.release.clone() };
    let made = match fetched(&release, None).await {
        Ok(fetched) => Setup::new(&Setup::of_zeebe(&release), &fetched).map_err(|e| e.to_string()),
        Err(error) => Err(error.text),
    };
    let result = match made {
        Ok(setup) => {
            let (budget, console) = (args.resume_timeout, &context.console);
            let known = setup.broker_components();
            repair::repair(&setup.http, &known, Some(&journal), &left, budget, cancel, console, "")
                .await
                .result
        }
        Err(error) => Err(error),
    };
    if result.is_ok() {
        // What an earlier one failed at stays dangerous.
        danger.armed.store(before, Ordering::SeqCst);
    }
    Some(view(gateway, result, command))
}
