//! argv → what was typed. The parser's own complaints name the variable of a flag as well, repeat no credentials, and
//! are JSON where JSON was asked for.

use std::env;
use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches};

use super::args::{Cli, Verb};
use super::console::{Console, LogFormat};
use crate::exit::Exit;
use crate::render::Style;

const EXAMPLE: &str = "create --gateway-url http://localhost:9600 \\\n    \
    --broker-url http://localhost:9610 --operate-url http://localhost:9681 \\\n    \
    --tasklist-url http://localhost:9682 --search-url http://localhost:9200 \\\n    \
    --repository camunda-backup";

/// The command with the name under which it was called: as a kubectl plugin or as itself.
pub fn command(called: &'static str) -> Command {
    let example = format!("Example:\n  {called} {EXAMPLE}");
    // What is in the environment may be secret, and help is pasted into tickets.
    every_arg(Cli::command(), &mut |arg| arg.hide_env_values(true))
        .mut_subcommand("create", |create| create.after_help(example))
        .name(called)
        .bin_name(called)
}

/// Parses. `Err` is how the program ends: help was printed, or a complaint.
pub(super) fn parse(called: &'static str, argv: &[OsString]) -> Result<Cli, Exit> {
    // A variable that is set but empty counts as not given.
    let empty = |arg: &Arg| arg.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty());
    let parser = every_arg(command(called), &mut |arg| {
        if empty(&arg) { arg.env(Resettable::Reset) } else { arg }
    });
    let parsed = parser.try_get_matches_from(argv).and_then(|matches| {
        let mut cli = Cli::from_arg_matches(&matches)?;
        if let (Verb::Create(create), Some((_, typed))) = (&mut cli.verb, matches.subcommand()) {
            (create.job.typed, create.job.files) = for_a_job(typed);
        }
        Ok(cli)
    });
    parsed.map_err(|error| {
        // Help tells of every variable, also of the empty ones.
        let error = match error.kind() {
            ErrorKind::DisplayHelp => command(called).try_get_matches_from(argv).err().unwrap_or(error),
            _ => explained(error),
        };
        if error.use_stderr() && json_asked(argv) {
            let console = Console::start(LogFormat::Json, 0, Style { color: false });
            console.error(Exit::Usage.code(), &in_one_line(&error));
            console.finish();
        } else {
            let _ = error.print();
        }
        if error.use_stderr() { Exit::Usage } else { Exit::Done }
    })
}

/// Flags that are about this machine, or about the Job itself.
const HERE: [&str; 19] = [
    "release",
    "namespace",
    "access",
    "kubeconfig",
    "context",
    "cluster",
    "user",
    "as",
    "as-group",
    "request-timeout",
    "in-cluster",
    "cron-job",
    "image",
    "service-account",
    "state-dir",
    "no-guard",
    "output",
    "color",
    "log-format",
];

/// What was typed for `create` that a Job can be told as well, and the flags that name files of this machine.
fn for_a_job(typed: &ArgMatches) -> (Vec<String>, Vec<String>) {
    let (mut words, mut files) = (Vec::new(), Vec::new());
    let command = Cli::command();
    let create = command.find_subcommand("create");
    for arg in command.get_arguments().chain(create.into_iter().flat_map(Command::get_arguments)) {
        let (id, Some(long)) = (arg.get_id().as_str(), arg.get_long()) else { continue };
        let known = typed.try_contains_id(id).unwrap_or(false);
        if !known || typed.value_source(id) != Some(ValueSource::CommandLine) || HERE.contains(&long) {
            continue;
        }
        // A key of a Secret, in place of a file, is there as well as here.
        let mut raw = typed.try_get_raw(id).ok().flatten().into_iter().flatten();
        let is_here = raw.any(|value| !value.as_encoded_bytes().starts_with(b"secret:"));
        if long.ends_with("-file") && is_here {
            files.push(format!("--{long}"));
        } else if !arg.get_action().takes_values() {
            words.push(format!("--{long}"));
        } else if let Ok(Some(values)) = typed.try_get_raw(id) {
            words.extend(values.map(|value| format!("--{long}={}", value.to_string_lossy())));
        }
    }
    (words, files)
}

/// The same change for every argument of every verb.
pub(super) fn every_arg(command: Command, change: &mut dyn FnMut(Arg) -> Arg) -> Command {
    command.mut_args(&mut *change).mut_subcommands(|verb| every_arg(verb, &mut *change))
}

/// The complaint without credentials, and with the variable of the flag that it is about: the value may come from there.
fn explained(mut error: Error) -> Error {
    let told: Vec<_> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in told {
        let ContextValue::String(text) = value else { continue };
        if kind == ContextKind::InvalidArg
            && let Some(variable) = variable_of(&text)
        {
            let tip = format!("{} can also be given by the variable {variable}", flag_in(&text));
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        if let Some(safe) = without_credentials(&text) {
            error.insert(kind, ContextValue::String(safe));
        }
    }
    error
}

/// `--timeout <TIME>` → `--timeout`.
fn flag_in(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text).trim_end_matches('.')
}

fn variable_of(text: &str) -> Option<String> {
    let long = flag_in(text).strip_prefix("--")?;
    let command = Cli::command();
    let all = command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments));
    let arg = all.into_iter().find(|arg| arg.get_long() == Some(long))?;
    arg.get_env().map(|name| name.to_string_lossy().into_owned())
}

/// `None`: there are none.
fn without_credentials(text: &str) -> Option<String> {
    let (before, host) = text.rsplit_once('@')?;
    match before.split_once("://") {
        Some((scheme, _)) => Some(format!("{scheme}://...@{host}")),
        // Somebody has forgotten the scheme.
        None => before.contains(':').then(|| format!("...@{host}")),
    }
}

fn in_one_line(error: &Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What was typed could not be parsed, so this looks for the one flag by itself.
fn json_asked(argv: &[OsString]) -> bool {
    let mut typed = None;
    let mut words = argv.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word.strip_prefix("--log-format") {
            Some("") => typed = words.next(),
            Some(rest) => typed = rest.strip_prefix('=').or(typed),
            None => {}
        }
    }
    match typed {
        Some(format) => format == "json",
        None => env::var("CAMUNDA_BACKUP_LOG_FORMAT").is_ok_and(|format| format == "json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_about_a_flag_knows_its_variable() {
        assert_eq!(variable_of("--timeout <TIME>").as_deref(), Some("CAMUNDA_BACKUP_TIMEOUT"));
        assert_eq!(variable_of("--verbose...").as_deref(), Some("CAMUNDA_BACKUP_VERBOSE"));
        assert_eq!(variable_of("--gateway-url <URL>").as_deref(), Some("GATEWAY_MANAGEMENT_API"));
        assert_eq!(variable_of("--no-such-flag"), None);
        assert_eq!(variable_of("word"), None);
    }

    #[test]
    fn credentials_are_cut_out_whatever_they_look_like() {
        let cut = |text| without_credentials(text);
        assert_eq!(cut("http://u:p@h/x").as_deref(), Some("http://...@h/x"));
        assert_eq!(cut("https://u:p@ss@h").as_deref(), Some("https://...@h"));
        assert_eq!(cut("u:p@h:9091").as_deref(), Some("...@h:9091"));
        assert_eq!(cut("http://h:9600"), None);
        assert_eq!(cut("user@host"), None);
    }

    #[test]
    fn finds_the_log_format_among_what_was_typed() {
        let asked = |line: &str| json_asked(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(asked("x create --log-format json --nope"));
        assert!(asked("x --log-format=json create"));
        assert!(!asked("x create --log-format text"));
        assert!(!asked("x create --log-format"));
    }
}
