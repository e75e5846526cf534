//! `create`: repair, survey, plan, preflight, drive; then again under a new ID, if that was asked for.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::args::{CreateArgs, OnFailure, ReleaseArgs};
use super::chronicle::{Chronicle, ended_run, note_death};
use super::console::LogFormat;
use super::guard::Guard;
use super::lock::Lock;
use super::prune::Rules;
use super::reach::reach_unless;
use super::rights::Needs;
use super::sets::{Deleter, locked};
use super::setup::Setup;
use super::signals::{Danger, listen};
use super::{Context, cleanup, prune, repair, unarmed};
use crate::catalogue::Policy;
use crate::client::BoxFuture;
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::model::{Component, Facts, Finding, Reason};
use crate::plan::{self, Checked, Limits, PlanError, Procedure};
use crate::render::Document;
use crate::run::{Armed, Cancel, Events, Journal, JournalError, Level, Report, World, drive};
use crate::survey::{Scope, survey};

pub(crate) async fn run(context: &Context, args: CreateArgs) -> Exit {
    let (cancel, danger) = listen(context);
    let needs = Needs::of_change(Command::Create, args.dry_run);
    let setup = match reach_unless(&cancel, context, &args.release, needs).await {
        Ok(setup) => setup,
        Err(error) => return error.tell(context),
    };
    let mut setup = match setup.with_backup_id(args.backup_id.as_deref()) {
        Ok(setup) => setup,
        Err(error) => return context.fail(Exit::Usage, error),
    };
    setup.request.limits = Limits {
        total: args.timeout,
        paused: args.pause_timeout,
        release: args.resume_timeout,
        exporters: args.wait_for_exporters,
        grace: args.grace,
    };
    context.notes.about(&setup);
    let repair_command = repair_command(context, &setup);
    danger.repaired_by(&repair_command);
    let policy = match args.keep.policy() {
        Ok(policy) => policy,
        Err(error) => return context.fail(Exit::Usage, error),
    };
    if args.dry_run {
        return dry_run(context, &setup, &cancel).await;
    }
    let journal = match locked(context, &setup, "create").await {
        Ok(journal) => journal,
        Err(exit) => return exit,
    };
    let chronicle = Arc::new(Chronicle::of(&setup, journal.identity(), &context.console));
    let exit = match repair_first(context, &setup, &journal, &chronicle, &cancel, &danger).await {
        Ok(()) => {
            let one = One {
                context,
                args: &args,
                setup: &setup,
                journal: journal.clone(),
                chronicle: chronicle.clone(),
                cancel,
                danger,
                repair_command,
                policy: &policy,
            };
            match attempts(&one).await {
                Exit::Done if !policy.is_empty() => {
                    one.prune(Rules { keep: &args.keep, policy: &policy, without_records: true }).await
                }
                exit => exit,
            }
        }
        Err(exit) => exit,
    };
    journal.finish().await;
    chronicle.finish().await;
    exit
}

/// One backup, and whole new ones while it fails and that was asked for.
async fn attempts(one: &One<'_>) -> Exit {
    let (context, args) = (one.context, one.args);
    let retries = if args.retries > 0 && one.setup.request.backup_id.is_some() {
        context.console.warn(
            "a failed backup is not repeated: --backup-id names one ID, and an ID cannot be used twice",
        );
        0
    } else {
        args.retries
    };
    let mut attempt = 0;
    loop {
        let exit = one.backup(attempt, attempt >= retries).await;
        // A failed backup is repeated as a whole; a deadline or a signal is a decision, and 30 needs a repair first.
        if exit != Exit::Failed || attempt >= retries || one.journal.lost() {
            return exit;
        }
        attempt += 1;
        let pause = Duration::from_secs(10 * u64::from(attempt.min(6)));
        context.console.info(&format!("attempt {} of {} in {} s", attempt + 1, retries + 1, pause.as_secs()));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = one.cancel.reached(Level::Asked) => return exit,
        }
    }
}

/// The command that resumes exporting for this release, without secrets: resuming needs none.
pub(crate) fn repair_command(context: &Context, setup: &Setup) -> String {
    let mut command = format!("{} resume", context.called);
    if let Some(found) = &setup.kubernetes {
        let _ = write!(
            command,
            " --release {} -n {}",
            quoted(&found.release.name),
            quoted(&found.release.namespace)
        );
        return command + &flags(&setup.connection) + &flags(&setup.management_flags);
    }
    if let Some(gateway) = setup.endpoints.get(&Component::Gateway) {
        let _ = write!(command, " --gateway-url {}", gateway.base);
    }
    for broker in setup.brokers() {
        let _ = write!(command, " --broker-url {broker}");
    }
    command += &flags(&setup.management_flags);
    // Else the journal that knows of the pause would not be cleared.
    if let Some(dir) = &setup.state_dir {
        let _ = write!(command, " --state-dir {}", quoted(&dir.display().to_string()));
    }
    command
}

/// Flags with their values, each with a blank before it.
pub(crate) fn flags(flags: &[(&str, Option<String>)]) -> String {
    flags.iter().fold(String::new(), |mut all, (flag, value)| {
        let _ = write!(all, " {flag}");
        if let Some(value) = value {
            let _ = write!(all, " {}", quoted(value));
        }
        all
    })
}

/// Fit for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

async fn dry_run(context: &Context, setup: &Setup, cancel: &Cancel) -> Exit {
    let Some(Looked { planned, findings, .. }) = look(setup, cancel).await else {
        return context.fail(Exit::Cancelled, "cancelled; nothing was changed");
    };
    match &planned {
        Ok(procedure) => context.print(&Document::Plan(procedure)),
        Err(error) => context.console.problem(&format!("there is no plan: {error}")),
    }
    tell(context, &findings);
    Exit::of_findings(&findings).unwrap_or(Exit::Done)
}

/// What is there, what would be done, and what speaks against it.
struct Looked {
    facts: Facts,
    planned: Result<Procedure, PlanError>,
    findings: Vec<Finding>,
}

/// Survey, plan and preflight. `None`: cancelled.
async fn look(setup: &Setup, cancel: &Cancel) -> Option<Looked> {
    let facts = tokio::select! {
        facts = survey(&setup.http, &setup.request, Scope::Preflight) => facts,
        () = cancel.reached(Level::Asked) => return None,
    };
    let planned = plan::backup(&setup.request, &facts, super::now_unix());
    let mut findings = plan::preflight(&setup.request, &facts, &planned);
    findings.extend(super::status::notes(setup));
    Some(Looked { facts, planned, findings })
}

fn tell(context: &Context, findings: &[Finding]) {
    for finding in findings {
        let text = context.sentence(finding);
        // One finding is one line, whatever a server put into it.
        let text = text.replace(['\n', '\r'], " ");
        match finding.severity {
            crate::model::Severity::Error => context.console.problem(&text),
            crate::model::Severity::Warning => context.console.warn(&text),
        }
    }
}

/// A dead run left exporting paused: that comes before anything else.
pub(crate) async fn repair_first(
    context: &Context,
    setup: &Setup,
    journal: &Lock,
    chronicle: &Chronicle,
    cancel: &Cancel,
    danger: &Danger,
) -> Result<(), Exit> {
    let Some(armed) = journal.armed() else { return Ok(()) };
    let console = &context.console;
    let of = armed.backup_id.map(|id| format!(" of backup {id}")).unwrap_or_default();
    console.warn(&format!(
        "an earlier run{of} died while exporting was paused (since {}): resuming it first",
        armed.since
    ));
    danger.armed.store(true, Ordering::SeqCst);
    let (brokers, left) = (setup.broker_components(), journal.left());
    let limit = setup.request.limits.release;
    let (released, ()) = tokio::join!(
        repair::repair(&setup.http, &brokers, Some(journal), &left, limit, cancel, console, ""),
        note_death(setup.kubernetes.as_ref(), &armed, console),
    );
    match released.result {
        Ok(seen) => {
            danger.armed.store(false, Ordering::SeqCst);
            console.info(&format!("exporting runs again ({})", repair::seen(&seen)));
            chronicle.repaired(&armed.since);
            Ok(())
        }
        Err(cause) => {
            let exit = context.fail(Exit::MaybePaused, format!("nothing was started: {cause}"));
            let command = repair_command(context, setup);
            chronicle.still_paused("an earlier run died, and resuming failed", &command);
            console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{command}"));
            Err(exit)
        }
    }
}

/// How long the parts of a failed attempt may go on before the next one is given up.
const LEFTOVERS: Duration = Duration::from_secs(600);

struct One<'a> {
    context: &'a Context,
    args: &'a CreateArgs,
    setup: &'a Setup,
    journal: Arc<Lock>,
    chronicle: Arc<Chronicle>,
    cancel: Cancel,
    danger: Danger,
    repair_command: String,
    policy: &'a Policy,
}

impl One<'_> {
    /// One whole backup.
    async fn backup(&self, attempt: u32, last: bool) -> Exit {
        let context = self.context;
        let Some(Looked { facts, planned, findings }) = self.look(attempt).await else {
            let state = if attempt == 0 { "nothing was changed" } else { "exporting runs" };
            return context.fail(Exit::Cancelled, format!("cancelled; {state}"));
        };
        tell(context, &findings);
        let checked = match (planned, Exit::of_findings(&findings)) {
            (Ok(procedure), None) => Checked::new(procedure, &findings),
            (_, Some(_)) if attempt > 0 => {
                return context.fail(Exit::Failed, "no further backup was started; exporting runs");
            }
            (_, Some(exit)) => {
                return context.fail(exit, "no backup was started; nothing was changed");
            }
            (Err(error), None) => return context.fail(Exit::Bug, error),
        };
        let Some(checked) = checked else { return Exit::Preflight };
        self.journal.belongs_to(repair::identity(&self.setup.http).await);
        self.journal.works_on(checked.procedure().backup_id).await;
        // Nothing is left of what was under this ID before.
        self.journal.forget(checked.procedure().backup_id);
        let guard = match self.guard().await {
            Ok(guard) => guard,
            Err(_) if self.cancel.level() >= Level::Asked => {
                let state = if attempt == 0 { "nothing was changed" } else { "exporting runs" };
                return context.fail(Exit::Cancelled, format!("cancelled; {state}"));
            }
            Err(error) => {
                let text = format!(
                    "{error}\nno backup was started; nothing was changed (--no-guard goes on without it)"
                );
                return context.fail(Exit::Preflight, text);
            }
        };
        self.danger.guarded_by(guard.clone());
        let looked_after = guard.clone().map(|g| tokio::spawn(g.look_after(context.console.clone())));
        let record = self.chronicle.begins(checked.procedure().backup_id, &facts);
        let mut report = self.drive(&checked).await;
        self.chronicle.ended(record, &report, &self.repair_command);
        match (ended_run(&report), self.journal.armed()) {
            (Some(run), _) => self.journal.ended(report.backup_id, run),
            (None, Some(armed)) => {
                unarmed::clear(&self.journal, &mut report, armed, &self.cancel, &context.console).await;
            }
            (None, None) => {}
        }
        if let Some(looked_after) = looked_after {
            looked_after.abort();
        }
        context.notes.report(&report);
        let exit = Exit::of_report(&report);
        if let Some(guard) = guard {
            // With an armed journal the guard would only repeat what has just failed for minutes.
            guard.dismiss();
            self.danger.guarded_by(None);
        }
        self.tell(&report, last).await;
        if self.args.on_failure == OnFailure::Delete {
            cleanup::after(&self.deleter(), &report).await;
        }
        exit
    }

    /// After success only. A backup that is good stays good whatever comes of this.
    async fn prune(&self, rules: Rules<'_>) -> Exit {
        match prune::apply(&self.deleter(), rules).await {
            // What prune refuses to begin, or is stopped at, is as bad as what it leaves behind: the old backups stay. And
            // after 22 a Job would take another backup.
            Ok(Exit::Cancelled) | Err(Exit::Preflight | Exit::NoAccess | Exit::Cancelled) => Exit::NotDeleted,
            Ok(exit) | Err(exit) => exit,
        }
    }

    /// Whether something is deleted once the report is out: old backups after a good one, what was begun of a bad one.
    fn deletes_after(&self, report: &Report) -> bool {
        match Exit::of_report(report) {
            Exit::Done => !self.policy.is_empty(),
            Exit::MaybePaused => false,
            _ => self.args.on_failure == OnFailure::Delete,
        }
    }

    fn deleter(&self) -> Deleter<'_> {
        Deleter {
            context: self.context,
            setup: self.setup,
            journal: self.journal.clone(),
            chronicle: &self.chronicle,
            cancel: &self.cancel,
            timeout: cleanup::TIMEOUT,
        }
    }

    /// Before a further attempt, what the failed one has begun is let run out: an application takes one backup at a time.
    async fn look(&self, attempt: u32) -> Option<Looked> {
        let give_up = tokio::time::Instant::now() + LEFTOVERS;
        loop {
            let looked = look(self.setup, &self.cancel).await?;
            let busy = looked.findings.iter().any(|f| f.reason == Reason::BackupInProgress);
            if attempt == 0 || !busy || tokio::time::Instant::now() >= give_up {
                return Some(looked);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
                () = self.cancel.reached(Level::Asked) => return None,
            }
        }
    }

    async fn guard(&self) -> Result<Option<Guard>, String> {
        // As process 1 of a container we take the guard with us when we die: the journal and the next start do it then.
        if self.args.no_guard || std::process::id() == 1 {
            return Ok(None);
        }
        let json = self.context.console.format() == LogFormat::Json;
        let limits = &self.setup.request.limits;
        let (release, identity) = (self.release(), self.journal.identity());
        Guard::start(&release, identity, limits, json, &self.repair_command, &self.cancel).await.map(Some)
    }

    /// Where the release is, as it was found in the end: the guard is not to choose again.
    fn release(&self) -> ReleaseArgs {
        let mut release = self.args.release.clone();
        if let Some(found) = &self.setup.kubernetes {
            release.kube.release = Some(found.release.name.clone());
            release.kube.namespace = Some(found.release.namespace.clone());
        }
        release
    }

    async fn drive(&self, checked: &Checked) -> Report {
        let (events, mut heard) = Events::channel();
        let console = self.context.console.clone();
        console.begin();
        let (chronicle, id) = (self.chronicle.clone(), checked.procedure().backup_id);
        let teller = tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                chronicle.hear(id, &event.happened);
                console.event(event);
            }
            console.end();
        });
        let world = World {
            http: self.setup.http.clone(),
            journal: Arc::new(Watched { journal: self.journal.clone(), danger: self.danger.clone() }),
            cancel: self.cancel.clone(),
            events,
            limits: self.setup.request.limits,
            now: super::now,
        };
        let report = drive(&world, checked).await;
        drop(world);
        let _ = teller.await;
        report
    }

    async fn tell(&self, report: &Report, last: bool) {
        let context = self.context;
        if !last && Exit::of_report(report) == Exit::Failed {
            // Only the last attempt is the result; what failed was told as it happened.
            context.console.warn(&format!("backup {} failed; exporting runs", report.backup_id));
            return;
        }
        // A reader of the report that does not read blocks us: everything that matters comes before it. But what is deleted
        // after it is deleted under the lock.
        if !self.deletes_after(report) {
            self.journal.finish().await;
        }
        if Exit::of_report(report) == Exit::MaybePaused {
            self.chronicle.finish().await;
        }
        if Exit::of_report(report) == Exit::MaybePaused {
            let command = &self.repair_command;
            context.console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{command}"));
        }
        context.print(&Document::Report { report, repair: &self.repair_command });
    }
}

/// The journal, which also tells the third signal whether leaving is dangerous.
struct Watched {
    journal: Arc<Lock>,
    danger: Danger,
}

impl Watched {
    fn tell_guard(&self, armed: bool) {
        if let Some(guard) = self.danger.guard() {
            guard.armed(armed);
        }
    }
}

impl Journal for Watched {
    fn arm<'a>(&'a self, armed: &'a Armed) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            // Arming once more only adds to what is known; when that fails, what was armed still is.
            let before = self.danger.armed.swap(true, Ordering::SeqCst);
            self.tell_guard(true);
            let done = self.journal.arm(armed).await;
            if done.is_err() && !before {
                self.danger.armed.store(false, Ordering::SeqCst);
                self.tell_guard(false);
            }
            done
        })
    }

    fn disarm(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            self.danger.armed.store(false, Ordering::SeqCst);
            let done = self.journal.disarm().await;
            self.tell_guard(false);
            done
        })
    }

    fn lost(&self) -> bool {
        self.journal.lost()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_with_anything_in_it_is_one_word_for_the_shell() {
        assert_eq!(quoted("/var/lib/camunda-backup"), "/var/lib/camunda-backup");
        assert_eq!(quoted("/home/a b"), "'/home/a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
