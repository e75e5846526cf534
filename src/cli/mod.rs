//! The command line: the only code that knows flags, environment, clock and terminal.
//!
//! Two stages: clap structs say what was typed (`args`), `setup` turns that into values (URLs, credentials, request); one
//! file a verb does the work with them. Nothing below this module sees clap.

mod access;
mod access_args;
mod args;
mod check;
mod chronicle;
mod cleanup;
mod complete;
mod console;
mod create;
mod delete;
mod describe;
mod engine;
mod guard;
mod in_cluster;
mod journal;
mod kube_args;
mod list;
mod lock;
mod metrics;
mod parse;
mod prune;
mod reach;
mod repair;
mod resume;
mod rights;
mod sandbox;
mod set_args;
mod sets;
mod settle;
mod setup;
mod signals;
mod status;
mod unarmed;
mod verify;

use std::ffi::OsString;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use self::metrics::Numbers;
use crate::exit::Exit;
use crate::model::Finding;
use crate::render::{self, Document, Format, Style, VersionView};
pub use args::{Cli, Verb};
pub use parse::command;

/// What every verb gets: how to speak.
pub(crate) struct Context {
    pub format: Format,
    pub style: Style,
    pub console: console::Console,
    /// How the user called us, for commands that we tell them to run.
    pub called: &'static str,
    /// Whether exporting may be paused by us, and the command that repairs it: for an end that nobody planned.
    pub danger: OnceLock<signals::Danger>,
    /// What the run is to be remembered by.
    pub notes: metrics::Notes,
}

impl Context {
    /// Prints a result. A reader that went away (`| head`) is no failure of ours.
    pub fn print(&self, document: &Document<'_>) {
        self.console.flush();
        let context = render::Context { style: self.style, now: timestamp(), program: self.called };
        self.write(|out| render::write(document, self.format, &context, out));
    }

    /// Shows something to the people who are about to be asked: on stderr, whatever the output.
    pub fn show(&self, document: &Document<'_>) {
        let context = render::Context { style: Style::default(), now: timestamp(), program: self.called };
        let mut text = Vec::new();
        if render::write(document, Format::Table, &context, &mut text).is_ok() {
            self.console.line(String::from_utf8_lossy(&text).trim_end().to_owned());
        }
    }

    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let done = write(&mut out).and_then(|()| out.flush());
        if let Err(error) = done
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.console.warn(&format!("the result could not be printed: {error}"));
        }
    }

    /// A finding in one sentence, with the commands that it names as the user would type them.
    pub fn sentence(&self, finding: &Finding) -> String {
        let remedy = render::spoken(&finding.remedy, self.called);
        format!("{}: {}; {remedy}", finding.reason, finding.detail)
    }

    /// Prints one error to stderr, and why.
    pub fn fail(&self, exit: Exit, text: impl std::fmt::Display) -> Exit {
        self.console.error(exit.code(), &text.to_string());
        exit
    }
}

/// `kubectl camunda-backup` when called as `kubectl-camunda_backup`, else `camunda-backup`.
pub fn called_as(argv0: Option<&OsString>) -> &'static str {
    let stem = argv0.and_then(|a| std::path::Path::new(a).file_stem()).and_then(|s| s.to_str());
    if stem.is_some_and(|s| s.starts_with("kubectl-")) { "kubectl camunda-backup" } else { "camunda-backup" }
}

/// Lets the user choose one of several, where there is a terminal to ask on.
fn choose(question: &str, names: &[String]) -> Option<String> {
    let terminal = ::console::Term::stderr();
    if !(terminal.features().is_attended() && std::io::IsTerminal::is_terminal(&std::io::stdin())) {
        return None;
    }
    terminal.write_line(&format!("{question}\n{}", menu(names))).ok()?;
    terminal.write_str("Which one (number)? ").ok()?;
    let chosen: usize = terminal.read_line().ok()?.trim().parse().ok()?;
    names.get(chosen.checked_sub(1)?).cloned()
}

/// One line a name. A release may be named by an annotation, which can hold anything.
fn menu(names: &[String]) -> String {
    let line = |(i, name): (usize, &String)| {
        let name = render::plain_lines(&name.replace(['\n', '\r'], " "));
        format!("  {}  {name}", i + 1)
    };
    names.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Parses the command line and does what it says.
pub fn run(argv: &[OsString]) -> Exit {
    if complete::answer(argv) {
        return Exit::Done;
    }
    let called = called_as(argv.first());
    let cli = match parse::parse(called, argv) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    if let Verb::Guard = cli.verb {
        return guard::main();
    }
    let console =
        console::Console::start(cli.global.log_format, cli.global.verbose, cli.global.color.for_stderr());
    let context = Context {
        format: cli.global.output.into(),
        style: cli.global.color.for_stdout(),
        console,
        called,
        danger: OnceLock::new(),
        notes: metrics::Notes::default(),
    };
    let exit = match cli.verb {
        Verb::Completion { shell } => completion(&context, shell),
        Verb::Version => version(&context),
        Verb::Man { folder } => man(&context, &folder),
        Verb::Guard => Exit::Bug,
        verb => match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let done =
                    std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(dispatch(&context, verb))));
                done.unwrap_or_else(|_| died(&context))
            }
            Err(error) => context.fail(Exit::Bug, format!("the runtime cannot start: {error}")),
        },
    };
    context.console.finish();
    exit
}

/// A panic outside the steps of a run. Nothing of ours goes on, so what is armed stays so: the guard, or the next run,
/// repairs it, and whoever looks must know.
fn died(context: &Context) -> Exit {
    match left_armed(context.danger.get()) {
        Some(repair) => {
            context.console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{repair}"));
            Exit::MaybePaused
        }
        None => Exit::Bug,
    }
}

/// The command that repairs, when there may be something to repair.
fn left_armed(danger: Option<&signals::Danger>) -> Option<String> {
    danger.filter(|d| d.armed.load(std::sync::atomic::Ordering::SeqCst)).map(signals::Danger::repair)
}

async fn dispatch(context: &Context, verb: Verb) -> Exit {
    match verb {
        Verb::Create(args) if args.job.in_cluster => Box::pin(in_cluster::run(context, *args)).await,
        Verb::Create(args) => {
            let numbers = Numbers::of(context, "create", &args.metrics, &args.release, args.dry_run);
            numbers.tell(Box::pin(create::run(context, *args)).await).await
        }
        Verb::Check(args) => Box::pin(check::run(context, args)).await,
        Verb::Status(args) => Box::pin(status::run(context, args)).await,
        Verb::List(args) => Box::pin(list::run(context, args)).await,
        Verb::Describe(args) => Box::pin(describe::run(context, args)).await,
        Verb::Verify(args) => {
            let numbers = Numbers::of(context, "verify", &args.metrics, &args.release, false);
            numbers.tell(Box::pin(verify::run(context, args)).await).await
        }
        Verb::Delete(args) => Box::pin(delete::run(context, args)).await,
        Verb::Prune(args) => {
            let numbers = Numbers::of(context, "prune", &args.metrics, &args.release, args.dry_run);
            numbers.tell(Box::pin(prune::run(context, args)).await).await
        }
        Verb::Resume(args) => {
            let numbers = Numbers::of(context, "resume", &args.metrics, &args.release, false);
            numbers.tell(Box::pin(resume::run(context, args)).await).await
        }
        Verb::Sandbox(args) => sandbox::run(context, args).await,
        Verb::Rights(args) => rights::run(context, &args),
        Verb::Completion { .. } | Verb::Man { .. } | Verb::Version | Verb::Guard => Exit::Bug,
    }
}

fn completion(context: &Context, shell: clap_complete::Shell) -> Exit {
    let name =
        if context.called.starts_with("kubectl") { "kubectl-camunda_backup" } else { "camunda-backup" };
    match complete::script(shell, name) {
        Ok(text) => {
            context.write(|out| out.write_all(&text));
            Exit::Done
        }
        Err(error) => context.fail(Exit::Bug, error),
    }
}

/// One page for the program and one for each verb.
fn man(context: &Context, folder: &std::path::Path) -> Exit {
    let mut command = parse::command("camunda-backup");
    let pages = std::fs::create_dir_all(folder).and_then(|()| {
        command.build();
        clap_mangen::generate_to(command, folder)
    });
    match pages {
        Ok(()) => Exit::Done,
        Err(error) => {
            context.fail(Exit::Usage, format!("man pages cannot be written to {}: {error}", folder.display()))
        }
    }
}

fn version(context: &Context) -> Exit {
    let view = VersionView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("CAMUNDA_BACKUP_COMMIT").map(str::to_owned),
        supports: crate::dialect::ROWS.iter().map(|r| r.name.to_owned()).collect(),
    };
    context.print(&Document::Version(&view));
    Exit::Done
}

/// The wall clock. The command line is the one place where it is read.
#[expect(clippy::disallowed_methods, reason = "the command line is where the clock is read")]
pub(crate) fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The wall clock in RFC 3339 and UTC.
pub(crate) fn now() -> String {
    timestamp().round(jiff::Unit::Second).unwrap_or_default().to_string()
}

/// The wall clock in Unix seconds: what backup IDs are made of.
pub(crate) fn now_unix() -> u64 {
    u64::try_from(timestamp().as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor_nor_forge_a_line() {
        let names = ["camunda".to_owned(), "x\u{1b}[2J\r\n  1  other".to_owned()];
        assert_eq!(menu(&names), "  1  camunda\n  2  x [2J    1  other");
    }

    #[test]
    fn an_end_that_nobody_planned_is_told_by_what_was_armed() {
        assert_eq!(left_armed(None), None);
        let danger = signals::Danger::default();
        danger.repaired_by("camunda-backup resume");
        assert_eq!(left_armed(Some(&danger)), None);
        danger.armed.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(left_armed(Some(&danger)).as_deref(), Some("camunda-backup resume"));
    }
}
