//! Help, names, completion, version.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::lab::{BINARY, Ended, alone, bare, run};

const VERBS: &[&str] =
    &["create", "check", "status", "list", "resume", "rights", "sandbox", "completion", "version"];

/// The binary under another name.
fn named(name: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(name);
    symlink(BINARY, &path).expect("a link");
    (directory, path)
}

fn as_itself(arguments: &[&str]) -> Ended {
    let (_directory, path) = named("camunda-backup");
    run(bare(path, arguments)).expect(0)
}

#[test]
fn help_of_everything() {
    let help = as_itself(&["--help"]);
    assert_eq!(help.err, "");
    insta::assert_snapshot!("help", help.out);
    for verb in VERBS {
        let help = as_itself(&[verb, "--help"]);
        assert_eq!(help.err, "");
        insta::assert_snapshot!(format!("help-{verb}"), help.out);
    }
}

#[test]
fn as_a_plugin_it_speaks_as_kubectl_does() {
    let (_directory, path) = named("kubectl-camunda_backup");
    for verb in VERBS {
        let plugin = run(bare(&path, &[verb, "--help"])).expect(0).out;
        let itself = as_itself(&[verb, "--help"]).out;
        let renamed = itself
            .replace("Usage: camunda-backup", "Usage: kubectl camunda-backup")
            .replace("  camunda-backup create", "  kubectl camunda-backup create");
        assert_eq!(plugin, renamed);
        assert!(plugin.contains(&format!("Usage: kubectl camunda-backup {verb}")), "{plugin}");
    }
    // What it tells people to type, too.
    let error = run(bare(&path, &["creat"])).expect(2).shows_nothing();
    error.says("Usage: kubectl camunda-backup");
}

#[test]
fn short_help_names_every_verb_and_hides_the_guard() {
    let short = as_itself(&["-h"]).out;
    for verb in VERBS {
        assert!(short.contains(&format!("\n  {verb} ")), "{verb}: {short}");
    }
    assert!(!short.contains("guard"), "{short}");
}

#[test]
fn help_does_not_tell_what_is_in_the_variables() {
    let mut command = bare(BINARY, &["create", "--help"]);
    command.env("ELASTIC_ENDPOINT", "http://elastic:geheim@example:9200").env("BACKUP_ID", "17");
    let help = run(command).expect(0);
    assert!(!help.out.contains("geheim"), "{}", help.out);
    help.shows("[env: ELASTIC_ENDPOINT]").shows("[env: BACKUP_ID]");
    // A variable that is set but empty is still one that can be set.
    let mut command = bare(BINARY, &["create", "--help"]);
    command.env("ELASTIC_ENDPOINT", "");
    run(command).expect(0).shows("[env: ELASTIC_ENDPOINT]");
}

#[test]
fn versions() {
    let version = alone(&["version"]).expect(0);
    assert!(
        version.out.starts_with(concat!("camunda-backup ", env!("CARGO_PKG_VERSION"))),
        "{}",
        version.out
    );
    assert_eq!(version.err, "");
    let flag = as_itself(&["--version"]);
    assert_eq!(flag.out, concat!("camunda-backup ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(
        alone(&["version", "-o", "name"]).expect(0).out,
        concat!("version/", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn completion_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        for name in ["camunda-backup", "kubectl-camunda_backup"] {
            let (_directory, path) = named(name);
            let script = run(bare(path, &["completion", shell])).expect(0);
            assert_eq!(script.err, "");
            assert!(script.out.contains(name) && script.out.contains("retries"), "{shell}: {}", script.out);
            assert!(!script.out.contains("guard-process"), "{shell} offers the guard");
        }
    }
    alone(&["completion", "tcsh"]).expect(2).shows_nothing().says("possible values: bash");
}

#[test]
fn the_completion_of_bash_is_bash() {
    let (directory, path) = named("camunda-backup");
    let script = directory.path().join("completion.bash");
    fs::write(&script, run(bare(&path, &["completion", "bash"])).expect(0).out).expect("writable");
    let script = script.to_str().expect("UTF-8");
    run(bare("bash", &["-n", script])).expect(0);
    // And it completes.
    let ask = format!(
        "source {script}; by=$(complete -p camunda-backup); by=${{by#*-F }}; \
         COMP_WORDS=(camunda-backup create --retr); COMP_CWORD=2; \
         \"${{by%% *}}\" camunda-backup --retr create; echo \"${{COMPREPLY[@]}}\""
    );
    assert_eq!(run(bare("bash", &["-c", &ask])).expect(0).out.trim(), "--retries");
}
