//! What is shipped beside the binary says what the code says: the chart's Role, its exit codes, the tables in the docs.
//!
//! `UPDATE=1 cargo test --test shipping` (`make generate`) writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use camunda_backup::cluster::rights::{Command, Right};
use camunda_backup::exit::Exit;
use camunda_backup::model::{Reason, Severity};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

/// The file has this text; or gets it, when that was asked for.
fn is_up_to_date(name: &str, expected: &str) {
    if read(name) == expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "{name} does not say what the code says: make generate, and look at the difference"
    );
    fs::write(path(name), expected).expect("writable");
}

/// The same for what stands between `<!-- BEGIN WHAT -->` and `<!-- END WHAT -->`.
fn has_section(name: &str, what: &str, expected: &str) {
    let text = read(name);
    let (begin, end) = (format!("<!-- BEGIN {what} -->\n"), format!("<!-- END {what} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{name} has no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{name} has no {end}"));
    is_up_to_date(name, &format!("{before}{begin}{expected}{end}{after}"));
}

/// What the chart's account does: taking backups, pruning them, looking at them, and repairing. In the cluster nothing is
/// forwarded, and the chart adds Secrets by name.
fn chart_rights() -> Vec<Right> {
    let commands = [Command::Create, Command::Delete, Command::List, Command::Look, Command::Resume];
    let mut rights: Vec<_> = commands.iter().flat_map(|c| c.rights(false, &[])).collect();
    rights.sort();
    rights.dedup_by_key(|r| (r.group, r.resource, r.verb));
    rights
}

/// (group, verbs) → resources
fn rules(rights: &[Right]) -> BTreeMap<(&str, Vec<&str>), Vec<&str>> {
    let mut verbs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for right in rights {
        verbs.entry((right.group, right.resource)).or_default().push(right.verb);
    }
    let mut rules: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((group, resource), mut verbs) in verbs {
        verbs.sort_unstable();
        verbs.dedup();
        rules.entry((group, verbs)).or_default().push(resource);
    }
    rules
}

#[test]
fn the_chart_grants_what_the_commands_need_and_nothing_else() {
    let mut yaml = String::new();
    for ((group, verbs), resources) in rules(&chart_rights()) {
        let _ = write!(yaml, "- apiGroups: [{group:?}]\n  resources: {resources:?}\n  verbs: {verbs:?}\n");
    }
    is_up_to_date("helm/camunda-backup/files/rules.yaml", &yaml);
    // The manifests are rendered from the chart; they must not lag behind.
    let manifest = read("manifests/camunda-backup.yaml");
    for line in yaml.lines() {
        assert!(manifest.contains(line), "manifests/camunda-backup.yaml lacks {line}: make manifests");
    }
}

#[test]
fn the_chart_gives_up_where_another_run_cannot_help() {
    let last: Vec<_> = Exit::TABLE
        .iter()
        .filter(|(exit, _)| *exit != Exit::Done && !exit.is_worth_another_run())
        .map(|(exit, _)| exit.code())
        .collect();
    is_up_to_date("helm/camunda-backup/files/final-exit-codes.json", &format!("{last:?}\n"));
}

#[test]
fn the_docs_have_every_exit_code() {
    let mut table = "| code | meaning | a Job starts again |\n| --- | --- | --- |\n".to_owned();
    for (exit, meaning) in Exit::TABLE {
        let again = if exit.is_worth_another_run() { "yes" } else { "no" };
        let _ = writeln!(table, "| {} | {meaning} | {again} |", exit.code());
    }
    has_section("docs/troubleshooting.md", "EXIT CODES", &table);
}

#[test]
fn the_readme_has_every_exit_code() {
    let mut table = "| code | meaning |\n| --- | --- |\n".to_owned();
    for (exit, meaning) in Exit::TABLE {
        let mark = if *exit == Exit::MaybePaused { "**" } else { "" };
        let _ = writeln!(table, "| {mark}{}{mark} | {mark}{meaning}{mark} |", exit.code());
    }
    has_section("README.md", "EXIT CODES", &table);
}

#[test]
fn the_docs_have_every_reason() {
    let mut table = "| code | what it means | what to do |\n| --- | --- | --- |\n".to_owned();
    for reason in Reason::ALL {
        let mark = if reason.severity() == Severity::Warning { " (warning)" } else { "" };
        let _ = writeln!(
            table,
            "| `{}`{mark} | {} | {} |",
            reason.code(),
            reason.explanation().replace('|', "\\|"),
            reason.remedy().replace('|', "\\|")
        );
    }
    has_section("docs/troubleshooting.md", "REASONS", &table);
}

#[test]
fn the_docs_have_every_right() {
    has_section("docs/rbac.md", "RIGHTS", &camunda_backup::cluster::rights::table());
}

#[test]
fn every_page_that_is_named_is_there() {
    for entry in fs::read_dir(path("docs")).expect("docs") {
        let file = entry.expect("readable").path();
        let text = fs::read_to_string(&file).expect("text");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let link = link.split('#').next().unwrap_or_default();
            if link.is_empty() || link.contains("://") {
                continue;
            }
            assert!(path("docs").join(link).exists(), "{} names {link}", file.display());
        }
    }
}
