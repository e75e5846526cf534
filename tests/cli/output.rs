//! Results on stdout in five formats, everything else on stderr in two.

use camunda_backup::sim::Profile;
use serde_json::Value;

use crate::lab::{Ended, Lab, alone, quick, run};

const VERBS: &[(&str, &[&str])] = &[
    ("Version", &["version"]),
    ("Findings", &["check"]),
    ("Status", &["status"]),
    ("SetList", &["list"]),
    ("Plan", &["create", "--dry-run", "--backup-id", "1900000000"]),
    ("Resumed", &["resume"]),
    ("Report", &["create"]),
];

/// A release with something to show in every format: a warning and an old backup.
fn lab() -> Lab {
    Lab::new(Profile { history: vec![1_700_000_000], brokers: 2, ..quick() })
}

/// What is different every time.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d+", "HOST");
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "TIME");
    settings.add_filter(r#"("\w*[sS]econds"|"duration"): [\d.]+"#, "$1: N");
    settings.add_filter(r"17\d{8}|18\d{8}", "ID");
    settings
}

#[test]
fn json_of_every_verb() {
    let lab = lab();
    for (kind, verb) in VERBS {
        let printed = lab.run(&[verb, &["-o", "json"][..]].concat()).expect(0);
        let json = printed.json();
        assert_eq!(json["schemaVersion"], "camunda-backup/v1", "{kind}");
        assert_eq!(json["kind"], *kind);
        settings().bind(|| insta::assert_json_snapshot!(format!("json-{kind}"), json));
    }
    lab.sim.set_repository(false);
    let found = lab.run(&["check", "-o", "json"]).expect(14).json();
    settings().bind(|| insta::assert_json_snapshot!("json-Findings-found", found));
    let lab = lab_that_fails();
    let failed = lab.run(&["create", "-o", "json"]).expect(20).json();
    settings().bind(|| insta::assert_json_snapshot!("json-Report-failed", failed));
    let found = lab.run(&["list", "-o", "json"]).expect(0).json();
    assert_eq!(found["items"][0]["state"], "failed", "{found}");
}

fn lab_that_fails() -> Lab {
    let lab = Lab::quick();
    lab.inject("search PUT * snapshot-partial");
    lab
}

/// Keys and kinds of values, without the values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        Value::Array(all) => all.iter().map(shape).collect(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

#[test]
fn yaml_says_what_json_says() {
    let lab = lab();
    for (kind, verb) in VERBS {
        let json = lab.run(&[verb, &["-o", "json"][..]].concat()).expect(0).json();
        // What is taken twice has another ID the second time.
        let verb: Vec<&str> =
            verb.iter().copied().map(|w| if w == "1900000000" { "1900000001" } else { w }).collect();
        let yaml = lab.run(&[&verb, &["-o", "yaml"][..]].concat()).expect(0).out;
        let yaml: Value = serde_saphyr::from_str(&yaml).unwrap_or_else(|e| panic!("{kind}: {e}: {yaml}"));
        assert_eq!(shape(&yaml), shape(&json), "{kind}");
    }
}

#[test]
fn names_are_one_a_line() {
    let lab = lab();
    let name = |arguments: &[&str]| lab.run(&[arguments, &["-o", "name"]].concat()).expect(0).out;
    assert_eq!(name(&["list"]), "backup/1700000000\n");
    assert_eq!(name(&["create", "--dry-run", "--backup-id", "1900000000"]), "backup/1900000000\n");
    assert_eq!(name(&["create", "--backup-id", "1900000000"]), "backup/1900000000\n");
    assert_eq!(name(&["list"]), "backup/1900000000\nbackup/1700000000\n");
    let gateway = lab.url(camunda_backup::model::Component::Gateway);
    assert_eq!(name(&["status"]), format!("release/{gateway}/\n"));
    assert_eq!(name(&["resume"]), format!("release/{gateway}/\n"));
    assert_eq!(name(&["check"]), "");
    lab.sim.set_repository(false);
    let found = lab.run(&["check", "-o", "name"]).expect(14).shows("finding/repository-missing\n").out;
    assert!(found.lines().all(|l| l.starts_with("finding/")), "{found}");
}

#[test]
fn tables_for_people() {
    let lab = lab();
    lab.run(&["list"]).expect(0).shows("ID ").shows("NOT COMPLETE").shows("1700000000").shows("complete");
    lab.run(&["list", "-o", "wide"]).expect(0).shows("OPERATE").shows("VERSIONS").shows("8.6.0").shows("6/6");
    lab.run(&["status"])
        .expect(0)
        .shows("EXPORTING")
        .shows("broker-1")
        .shows("last complete")
        .shows("Nothing is wrong");
    lab.run(&["create", "--dry-run"]).expect(0).shows("pause-exporting").shows("resume-exporting");
    lab.run(&["create"]).expect(0).shows("is complete: 5 parts").shows("It runs again");
    lab.run(&["check"]).expect(0).shows("Nothing speaks against a backup.");
    let failed = lab_that_fails().run(&["create"]).expect(20).shows("failed after").shows("snapshot-partial");
    failed.shows("do: ").shows("It runs again");
    Lab::quick().run(&["list"]).expect(0).shows("No backup found.");
}

#[test]
fn stdout_is_for_results_and_stderr_for_the_rest() {
    let lab = lab();
    let done = lab.run(&["create", "-o", "name", "-v"]).expect(0);
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    for asking in [&["check"][..], &["status"], &["list"], &["create", "--dry-run"]] {
        let asked = lab.run(&[asking, &["-o", "json"]].concat()).expect(0);
        assert_eq!(asked.err, "", "{asking:?}");
    }
    // What could not be asked is told, and what could is shown.
    lab.sim.set_component(camunda_backup::model::Component::Tasklist, false);
    let half = lab.run(&["list", "-o", "json"]).expect(0).says("warning: tasklist: ");
    assert_eq!(half.json()["items"][0]["state"], "unknown");
}

fn lines(ended: &Ended) -> Vec<Value> {
    assert!(!ended.err.is_empty(), "nothing was said");
    ended.err.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

#[test]
fn every_line_of_a_json_log_is_json_with_time_and_level() {
    let lab = lab();
    let failing = lab_that_fails();
    let nobody = Lab::quick();
    nobody.inject("* * * refuse");
    let unsure = Lab::quick();
    unsure.inject("* POST /actuator/exporting/resume refuse");
    let cases: [(&Lab, &[&str], i32); 14] = [
        (&lab, &["create"], 0),
        (&lab, &["create", "-v"], 0),
        (&lab, &["create", "-vv", "--color", "always"], 0),
        (&lab, &["check", "-v"], 0),
        (&lab, &["status", "-vv"], 0),
        (&lab, &["resume", "--if-abandoned"], 0),
        (&lab, &["create", "--no-such-flag"], 2),
        (&lab, &["create", "--timeout", "soon"], 2),
        (&lab, &["create", "--gateway-url", "x"], 2),
        (&lab, &["creat"], 2),
        (&failing, &["create"], 20),
        (&nobody, &["create"], 12),
        (&nobody, &["list"], 12),
        (&unsure, &["create", "--resume-timeout", "1s"], 30),
    ];
    for (lab, arguments, code) in cases {
        let ended = lab.run(&[arguments, &["--log-format", "json"]].concat()).expect(code);
        for line in lines(&ended) {
            let time = line["time"].as_str().unwrap_or_else(|| panic!("{arguments:?}: {line}"));
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{line}");
            let level = line["level"].as_str().unwrap_or_default();
            assert!(["trace", "debug", "info", "warn", "error"].contains(&level), "{line}");
            assert!(line["message"].is_string(), "{line}");
        }
    }
    // Also when the format comes from the environment.
    let mut command = lab.command(&["create", "--nope"]);
    command.env("CAMUNDA_BACKUP_LOG_FORMAT", "json");
    let complaint = run(command).expect(2);
    assert_eq!(lines(&complaint)[0]["exitCode"], 2);
}

#[test]
fn the_events_of_a_run_are_in_the_log() {
    let lab = lab();
    let done = lab.run(&["create", "--log-format", "json"]).expect(0);
    let events: Vec<String> =
        lines(&done).iter().filter_map(|l| l["event"].as_str().map(str::to_owned)).collect();
    let at =
        |event: &str| events.iter().position(|e| e == event).unwrap_or_else(|| panic!("{event}: {events:?}"));
    assert_eq!(at("began"), 0);
    assert!(at("accepted") < at("armed") && at("armed") < at("paused") && at("paused") < at("resumed"));
    assert_eq!(events.iter().filter(|e| *e == "part-complete").count(), 5);
}

#[test]
fn verbose_shows_every_exchange() {
    let lab = lab();
    let quiet = lab.run(&["create"]).expect(0);
    assert!(!quiet.err.contains("/actuator/partitions"), "{}", quiet.err);
    let requests = lab.sim.requests();
    let loud = lab.run(&["create", "-v"]).expect(0).says("POST").says("/actuator/exporting/pause?soft=true");
    let exchanges = loud.err.lines().filter(|l| l.contains("exchange")).count();
    assert_eq!(exchanges, lab.sim.requests() - requests);
    let mut variable = lab.command(&["check"]);
    variable.env("CAMUNDA_BACKUP_VERBOSE", "1");
    run(variable).expect(0).says("exchange");
}

const ESCAPE: char = '\u{1b}';

#[test]
fn colors_only_where_they_are_wanted() {
    let lab = lab();
    let colored = |arguments: &[&str], no_color: Option<&str>| {
        let mut command = lab.command(arguments);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let ended = run(command).expect(0);
        (ended.out.contains(ESCAPE), ended.err.contains(ESCAPE))
    };
    // Not a terminal.
    assert_eq!(colored(&["create"], None), (false, false));
    assert_eq!(colored(&["create", "--color", "never"], None), (false, false));
    assert_eq!(colored(&["create", "--color", "always"], None), (true, true));
    // Who types it, means it.
    assert_eq!(colored(&["create", "--color", "always"], Some("1")), (true, true));
    // Programs never want it.
    for format in ["json", "yaml", "name"] {
        let arguments = ["create", "--color", "always", "-o", format, "--log-format", "json"];
        assert_eq!(colored(&arguments, None), (false, false), "{format}");
    }
}

/// Whether it is coloured on a terminal: `script` makes one.
fn on_a_terminal(lab: &Lab, variables: &[(&str, &str)]) -> bool {
    let there = std::process::Command::new("script").arg("--version").output();
    assert!(there.is_ok(), "`script` is not on this machine: install bsdutils or util-linux");
    let line = format!("{} list", crate::lab::BINARY);
    let mut command = crate::lab::bare("script", &["-qec", &line, "/dev/null"]);
    command.envs(lab.variables()).env("HOME", lab.home.path()).env("TERM", "xterm");
    command.envs(variables.iter().copied());
    run(command).expect(0).shows("1700000000").out.contains("\u{1b}[")
}

#[test]
fn a_terminal_is_colored_unless_no_color_says_no() {
    let lab = lab();
    let cases: [(&[(&str, &str)], bool); 5] = [
        (&[], true),
        (&[("NO_COLOR", "")], true),
        (&[("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
        (&[("NO_COLOR", "1"), ("CAMUNDA_BACKUP_COLOR", "always")], true),
    ];
    for (variables, wanted) in cases {
        assert_eq!(on_a_terminal(&lab, variables), wanted, "{variables:?}");
    }
}

#[test]
fn no_escape_comes_from_a_complaint_either() {
    assert!(!alone(&["create", "--nope"]).expect(2).err.contains(ESCAPE));
}
