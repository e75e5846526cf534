//! Help, names, completion, version.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::lab::{BINARY, Ended, Lab, alone, bare, run};

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
            assert!(script.out.contains(name), "{shell}: {}", script.out);
        }
    }
    alone(&["completion", "tcsh"]).expect(2).shows_nothing().says("possible values: bash");
}

/// What a real bash offers for a line that ends at the cursor, with the program on its PATH.
fn offered(line: &str, kubeconfig: &str, variables: &[(&str, String)]) -> Vec<String> {
    let name = "camunda-backup";
    let (directory, path) = named(name);
    let script = directory.path().join("completion.bash");
    fs::write(&script, run(bare(&path, &["completion", "bash"])).expect(0).out).expect("writable");
    let script = script.to_str().expect("UTF-8");
    run(bare("bash", &["-n", script])).expect(0);
    let config = directory.path().join("kubeconfig");
    fs::write(&config, kubeconfig).expect("writable");
    let ask = format!(
        "source {script}; by=$(complete -p {name}); by=${{by#*-F }}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; \
         COMP_TYPE=9; COMP_WORDS=({line}); [[ '{line}' != *' ' ]] || COMP_WORDS+=(''); \
         COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         \"${{by%% *}}\" {name} \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = bare("bash", &["-c", &ask]);
    let old = std::env::var("PATH").unwrap_or_default();
    bash.env("PATH", format!("{}:{old}", directory.path().display())).env("KUBECONFIG", &config);
    bash.envs(variables.iter().map(|(name, value)| (name, value)));
    run(bash).expect(0).out.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect()
}

const TWO_CONTEXTS: &str = "apiVersion: v1\nkind: Config\ncontexts:\n- {name: prod-east, context: {cluster: a, user: a}}\n\
                            - {name: staging, context: {cluster: a, user: a}}\n";

#[test]
fn a_real_bash_completes_verbs_flags_and_live_values() {
    assert_eq!(offered("camunda-backup create --retr", "", &[]), ["--retries"]);
    let verbs = offered("camunda-backup ", "", &[]);
    assert!(verbs.iter().any(|v| v == "create") && !verbs.iter().any(|v| v.contains("guard")), "{verbs:?}");
    assert_eq!(offered("camunda-backup check --context pr", TWO_CONTEXTS, &[]), ["prod-east"]);
    assert_eq!(offered("camunda-backup check --context ", TWO_CONTEXTS, &[]), ["prod-east", "staging"]);
    // No cluster behind it: nothing, and no complaint.
    assert_eq!(offered("camunda-backup check -n ", TWO_CONTEXTS, &[]), [""; 0]);
    assert!(offered("camunda-backup describe ", TWO_CONTEXTS, &[]).iter().all(|o| o.starts_with("--")));
    // The backups of the release, by their IDs.
    let lab = Lab::quick();
    lab.run(&["create", "--backup-id", "4711"]).expect(0);
    assert_eq!(offered("camunda-backup describe 47", "", &lab.variables()), ["4711"]);
    // Not lost among a hundred flags.
    assert_eq!(offered("camunda-backup describe ", "", &lab.variables()), ["4711"]);
}

#[test]
fn kubectl_is_answered_in_its_own_way() {
    let (_directory, path) = named("kubectl_complete-camunda_backup");
    let flags = run(bare(&path, &["create", "--retr"])).expect(0);
    assert_eq!(flags.err, "");
    assert!(flags.out.starts_with("--retries\t") && flags.out.ends_with(":4\n"), "{}", flags.out);
    let verbs = run(bare(&path, &[""])).expect(0).out;
    assert!(verbs.contains("\nverify\t") && !verbs.contains("--"), "{verbs}");
    // Where there is nothing else, flags.
    let flags = run(bare(path, &["status", ""])).expect(0).out;
    assert!(flags.contains("\n--namespace\t"), "{flags}");
}

#[test]
fn man_pages_are_written() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().to_str().expect("UTF-8");
    alone(&["man", path]).expect(0).shows_nothing();
    let page = fs::read_to_string(folder.path().join("camunda-backup-create.1")).expect("a page");
    assert!(page.contains("keep") && page.starts_with(".ie"), "{page}");
}
