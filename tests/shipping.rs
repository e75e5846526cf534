//! What is shipped beside the binary says what the code says: the chart's Role, its exit codes, the tables in the docs.
//!
//! `UPDATE=1 cargo test --test shipping` (`make generate`) writes them anew.

#[path = "engines/roles.rs"]
mod roles;

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
fn the_docs_have_every_right_in_the_search_engine() {
    has_section("docs/rbac.md", "RIGHTS IN THE SEARCH ENGINE", &roles::table());
}

#[test]
fn every_alert_is_in_the_docs_and_has_a_test_and_every_metric_is_in_the_docs() {
    let (rules, docs) = (read("helm/camunda-backup/templates/prometheusrule.yaml"), read("docs/alerts.md"));
    let alerts: Vec<_> = rules.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")).collect();
    let first = docs.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect::<Vec<_>>();
    let told: Vec<_> = first.iter().copied().filter(|name| name.starts_with("Camunda")).collect();
    assert_eq!(alerts, told);
    let tests = read("tests/alerts.yaml");
    for alert in alerts {
        assert!(
            tests.contains(&format!("alertname=\"{alert}\"")),
            "tests/alerts.yaml has nothing on {alert}"
        );
    }
    let used = rules + &read("helm/camunda-backup/files/dashboard.json");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for metric in used.split(|c| !word(c)).filter(|w| w.starts_with("camunda_backup_")) {
        assert!(first.contains(&metric), "docs/alerts.md does not tell of {metric}");
    }
}

/// Every page that a user may read.
fn pages() -> Vec<PathBuf> {
    let of = |folder: &str| {
        let entries = fs::read_dir(path(folder)).expect("a folder").map(|e| e.expect("readable").path());
        entries.filter(|p| p.extension().is_some_and(|e| e == "md")).collect::<Vec<_>>()
    };
    let mut pages = [of("."), of("docs"), of("manifests")].concat();
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// The names by which headings are linked to: small letters, a hyphen for a space, nothing else.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|l| l.starts_with('#')).map(|l| l.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    headings.map(|h| h.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("text");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                assert!(link.starts_with("https://"), "{}: {link}", page.display());
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link, None), |(file, at)| (file, Some(at)));
            let to = if file.is_empty() { page.clone() } else { page.with_file_name("").join(file) };
            assert!(to.exists(), "{} names {link}", page.display());
            if let Some(anchor) = anchor {
                let there = anchors(&fs::read_to_string(&to).expect("text"));
                assert!(there.iter().any(|a| a == anchor), "{} names {link}: {there:?}", page.display());
            }
        }
    }
}

/// What a verb (or, without one, the program) says of itself.
fn help(verb: Option<&str>) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubectl-camunda_backup"));
    let out = command.args(verb).arg("--help").output().expect("it runs");
    assert!(out.status.success(), "{verb:?} is no verb: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

/// Whether a help text has this flag, and not only one that begins like it.
fn has_flag(help: &str, flag: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '-';
    help.split(|c| !inside(c)).any(|word| word == flag)
}

/// Lines of the blocks in a page that show a shell, continued lines put together.
fn typed(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(|b| b.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_command_in_the_docs_can_be_typed() {
    let mut helps = BTreeMap::new();
    let mut seen = 0;
    for page in pages() {
        for line in typed(&fs::read_to_string(&page).expect("text")) {
            let line = line.split(" #").next().unwrap_or_default();
            let Some((before, rest)) = line.split_once("camunda-backup ") else { continue };
            // Ours, not a path or an image of that name.
            if !matches!(before.trim(), "" | "kubectl") {
                continue;
            }
            let words: Vec<_> = rest.split_whitespace().collect();
            let verb = words.first().expect("a verb").to_string();
            let help = helps.entry(verb.clone()).or_insert_with(|| help(Some(&verb)));
            for flag in words.iter().filter(|w| w.starts_with('-')) {
                let flag = flag.split('=').next().expect("a flag");
                assert!(has_flag(help, flag), "{}: {line}: {verb} has no {flag}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

/// Whether the chart has this value: `keep.daily`.
fn has_value(schema: &serde_json::Value, value: &str) -> bool {
    let mut at = schema;
    for key in value.split('.') {
        at = &at["properties"][key];
        if let Some(name) = at["$ref"].as_str().and_then(|r| r.strip_prefix("#/definitions/")) {
            at = &schema["definitions"][name];
        }
    }
    !at.is_null()
}

#[test]
fn every_value_of_the_chart_in_the_docs_exists() {
    let schema: serde_json::Value =
        serde_json::from_str(&read("helm/camunda-backup/values.schema.json")).expect("JSON");
    let (mut seen, mut unknown) = (0, Vec::new());
    for page in pages() {
        let text = fs::read_to_string(&page).expect("text");
        let set = text.split("--set ").skip(1).filter_map(|rest| rest.split(['=', ' ', '`']).next());
        // In prose a value is code with dots, of which the first word is one of the chart's.
        let prose = text.lines().flat_map(|l| l.split('`').skip(1).step_by(2)).filter(|code| {
            let (first, rest) = code.split_once('.').unwrap_or_default();
            has_value(&schema, first) && rest.chars().all(|c| c.is_alphanumeric() || c == '.')
        });
        for value in set.chain(prose).map(|v| v.trim_matches(['"', '\''])) {
            if !has_value(&schema, value) {
                unknown.push(format!("{}: {value}", page.display()));
            }
            seen += 1;
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
    assert!(seen > 15, "only {seen} values were found");
}
