//! Completion by the program itself: verbs and flags from the parser, values from the kubeconfig, the cluster and the
//! release. Silent on failure, and never slower than a person who waits.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use super::args::{Cli, ReleaseArgs, Verb};
use super::reach::{options, reach, read};
use super::rights::Needs;
use crate::catalogue::sets;
use crate::cluster::rights::Command;
use crate::cluster::{Cluster, contexts};
use crate::discover::{self, NotFound, Objects};
use crate::survey::{Scope, survey};

/// A person at a prompt waits no longer.
const LIMIT: Duration = Duration::from_millis(1500);

/// The variable by which the scripts of the shells ask.
const VARIABLE: &str = "CAMUNDA_BACKUP_COMPLETE";

/// The name by which kubectl asks: `kubectl_complete-camunda_backup WORD... CURRENT`.
const FOR_KUBECTL: &str = "kubectl_complete-camunda_backup";

/// Answers a shell or kubectl, when it is one of them who calls. `true`: that was all.
pub(super) fn answer(argv: &[OsString]) -> bool {
    let here = std::env::current_dir().ok();
    if argv.first().is_some_and(|name| Path::new(name).file_stem() == Some(OsStr::new(FOR_KUBECTL))) {
        print!("{}", for_kubectl(argv.get(1..).unwrap_or_default(), here.as_deref()));
        return true;
    }
    if std::env::var_os(VARIABLE).is_none_or(|v| v.is_empty()) {
        return false;
    }
    // Some shells say which word it is that is being typed, for the others it is the last.
    let at = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|n| n.parse::<usize>().ok());
    let mut words = argv.iter().skip_while(|word| *word != "--").skip(1);
    let word = if let Some(at) = at { words.nth(at) } else { words.last() };
    let flags = word.is_some_and(|word| is_flag(word));
    // What fails here would end up in the middle of what is being typed.
    let done = CompleteEnv::with_factory(move || command(flags))
        .var(VARIABLE)
        .try_complete(argv.to_vec(), here.as_deref());
    done.unwrap_or(true)
}

/// The lines that cobra's completion reads: `value<TAB>what it is`, then what the shell may do beyond them (4: no files).
fn for_kubectl(words: &[OsString], here: Option<&Path>) -> String {
    let words = if words.is_empty() { &[OsString::new()] } else { words };
    let all: Vec<_> =
        std::iter::once(OsString::from("camunda-backup")).chain(words.iter().cloned()).collect();
    let current = all.len() - 1;
    let flags = is_flag(&all[current]);
    let found = clap_complete::engine::complete(&mut command(flags), all, current, here).unwrap_or_default();
    let mut lines = String::new();
    for candidate in found {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default().to_owned();
        let _ = writeln!(lines, "{}\t{help}", candidate.get_value().to_string_lossy());
    }
    lines + ":4\n"
}

/// The script that makes a shell ask us.
pub(super) fn script(shell: clap_complete::Shell, name: &str) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let shell = shell.to_string();
    let shells = Shells::builtins();
    let shell = shells.completer(&shell).ok_or_else(|| std::io::Error::other("an unknown shell"))?;
    shell.write_registration(VARIABLE, &name.replace('-', "_"), name, name, &mut text)?;
    Ok(text)
}

fn is_flag(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// The parser with its live values. There are a hundred flags, so they are offered when one is being typed, or when there is
/// nothing else: hidden, the engine shows them only then.
fn command(flags: bool) -> clap::Command {
    let hidden = move |arg: clap::Arg| if flags || arg.is_positional() { arg } else { arg.hide(true) };
    let live = |arg: clap::Arg| match arg.get_id().as_str() {
        "context" => arg.add(ArgValueCompleter::new(|typed: &OsStr| matching(typed, known_contexts()))),
        "namespace" => arg.add(ArgValueCompleter::new(|typed: &OsStr| matching(typed, ask(namespaces())))),
        "release" if arg.get_long() == Some("release") => {
            arg.add(ArgValueCompleter::new(|typed: &OsStr| matching(typed, ask(releases()))))
        }
        "id" | "ids" => arg.add(ArgValueCompleter::new(|typed: &OsStr| matching(typed, ask(backups())))),
        _ => arg,
    };
    // What the parser adds by itself is hidden by no one.
    let parser =
        super::parse::command("camunda-backup").disable_help_flag(!flags).disable_version_flag(!flags);
    super::parse::every_arg(parser, &mut |arg| hidden(live(arg))).name("camunda-backup")
}

fn matching(typed: &OsStr, values: Vec<String>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    values.into_iter().filter(|v| v.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}

/// Where the release is, as far as it was typed already. A completer is told nothing but the word at the cursor.
fn typed() -> Option<ReleaseArgs> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let list = ["camunda-backup".to_owned(), "list".to_owned()];
    let parse = |extra: &[String]| match Cli::try_parse_from(list.iter().chain(extra)).ok()?.verb {
        Verb::List(args) => Some(args.release),
        _ => None,
    };
    let mut known: Vec<String> = Vec::new();
    // A flag that `list` does not have is not about where the release is.
    for (i, word) in words.iter().enumerate().filter(|(_, w)| w.len() > 1 && w.starts_with('-') && *w != "--")
    {
        let pair = match words.get(i + 1) {
            Some(value) if !word.contains('=') => vec![word.clone(), value.clone()],
            _ => vec![word.clone()],
        };
        let more = [known.clone(), pair].concat();
        if parse(&more).is_some() {
            known = more;
        }
    }
    parse(&known)
}

/// Nothing, when it takes too long or anything is wrong.
fn ask(question: impl Future<Output = Option<Vec<String>>>) -> Vec<String> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let answer = runtime.block_on(async {
        tokio::select! {
            answer = question => answer,
            () = tokio::time::sleep(LIMIT) => None,
        }
    });
    // A credential plugin that still asks must not hold the prompt up.
    runtime.shutdown_background();
    answer.unwrap_or_default()
}

fn known_contexts() -> Vec<String> {
    contexts(typed().and_then(|args| args.kube.kubeconfig).as_deref())
}

async fn cluster() -> Option<Cluster> {
    Cluster::connect(&options(&typed()?.kube), |name| std::env::var_os(name)).await.ok()
}

async fn namespaces() -> Option<Vec<String>> {
    cluster().await?.namespaces().await.ok()
}

async fn releases() -> Option<Vec<String>> {
    let cluster = cluster().await?;
    let objects = read(cluster.inventory(cluster.namespace()).await.ok()?, Objects::default()).ok()?;
    match discover::release(&objects, None, cluster.namespace()) {
        Ok(release) => Some(vec![release.name]),
        Err(NotFound::Ambiguous { candidates }) => Some(candidates.into_iter().map(|c| c.name).collect()),
        Err(_) => None,
    }
}

async fn backups() -> Option<Vec<String>> {
    let setup = reach(None, &typed()?, Needs::late(Command::List)).await.ok()?;
    let facts = survey(&setup.http, &setup.request, Scope::Backups).await;
    Some(sets(&facts, &setup.expected_parts(&facts)).iter().map(|s| s.id.to_string()).collect())
}
