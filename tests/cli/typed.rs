//! What is typed: flags, variables, and complaints about them.

use camunda_backup::model::Component;

use crate::lab::{BINARY, Lab, alone, bare, run};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn without_a_gateway_every_verb_says_which_flag_and_variable() {
    for verb in ["create", "check", "status", "list", "resume"] {
        alone(&[verb]).expect(2).shows_nothing().says("--gateway-url (GATEWAY_MANAGEMENT_API)");
    }
}

#[test]
fn a_bad_value_is_refused_with_flag_and_variable() {
    let cases = [
        ("--gateway-url", "GATEWAY_MANAGEMENT_API", "localhost:9600"),
        ("--broker-url", "BROKER_MANAGEMENT_APIS", "ftp://h"),
        ("--operate-url", "OPERATE_MANAGEMENT_API", "http://"),
        ("--tasklist-url", "TASKLIST_MANAGEMENT_API", "http://h?x=1"),
        ("--optimize-url", "OPTIMIZE_MANAGEMENT_API", "not an URL"),
        ("--search-url", "ELASTIC_ENDPOINT", "h"),
        ("--repository", "ELASTIC_SNAPSHOT_REPOSITORY", "a/b"),
        ("--records-prefix", "CAMUNDA_BACKUP_RECORDS_PREFIX", "*"),
        ("--camunda-version", "CAMUNDA_BACKUP_CAMUNDA_VERSION", "eight"),
        ("--backup-id", "BACKUP_ID", "0"),
        ("--timeout", "CAMUNDA_BACKUP_TIMEOUT", "soon"),
        ("--pause-timeout", "CAMUNDA_BACKUP_PAUSE_TIMEOUT", "5"),
        ("--resume-timeout", "CAMUNDA_BACKUP_RESUME_TIMEOUT", "0s"),
        ("--grace", "CAMUNDA_BACKUP_GRACE", "1d"),
        ("--retries", "CAMUNDA_BACKUP_RETRIES", "-1"),
        ("--output", "CAMUNDA_BACKUP_OUTPUT", "xml"),
        ("--log-format", "CAMUNDA_BACKUP_LOG_FORMAT", "xml"),
        ("--color", "CAMUNDA_BACKUP_COLOR", "red"),
        ("--search-ca-file", "CAMUNDA_BACKUP_SEARCH_CA_FILE", "/nowhere/ca.pem"),
        ("--search-password-file", "CAMUNDA_BACKUP_SEARCH_PASSWORD_FILE", "/nowhere/password"),
        ("--search-api-key-file", "CAMUNDA_BACKUP_SEARCH_API_KEY_FILE", "/nowhere/key"),
    ];
    for (flag, variable, bad) in cases {
        // What the value is checked together with.
        let mut given = vec![("--gateway-url", NOBODY)];
        if flag.starts_with("--search-") && flag != "--search-url" {
            given.extend([("--search-url", NOBODY), ("--repository", "r")]);
        }
        given.retain(|(f, _)| *f != flag);
        let given: Vec<&str> = given.into_iter().flat_map(|(f, v)| [f, v]).collect();

        let bad_flag = format!("{flag}={bad}");
        let typed: Vec<&str> =
            ["create"].into_iter().chain(given.clone()).chain([bad_flag.as_str()]).collect();
        alone(&typed).expect(2).shows_nothing().says(flag).says(variable);

        let mut command = bare(BINARY, &[vec!["create"], given].concat());
        command.env(variable, bad);
        run(command).expect(2).shows_nothing().says(flag).says(variable);
    }
}

#[test]
fn what_belongs_together_is_asked_for() {
    let with_search = ["create", "--gateway-url", NOBODY, "--search-url", NOBODY];
    alone(&with_search).expect(2).says("--repository (ELASTIC_SNAPSHOT_REPOSITORY)");
    let and = |more: &[&'static str]| [&with_search[..], &["--repository", "r"], more].concat();
    alone(&and(&["--search-username", "elastic"])).expect(2).says("--search-password-file");
    alone(&and(&["--search-client-cert-file", "x"])).expect(2).says("--search-client-key-file");
    let mut both = bare(BINARY, &and(&["--search-username", "elastic"]));
    both.env("CAMUNDA_BACKUP_SEARCH_PASSWORD", "geheim").env("CAMUNDA_BACKUP_SEARCH_API_KEY", "geheim");
    let refused = run(both).expect(2).says("give either");
    assert!(!refused.err.contains("geheim"), "{}", refused.err);
}

#[test]
fn what_is_not_known_is_refused() {
    alone(&[]).expect(2).shows_nothing().says("Usage:");
    alone(&["creat"]).expect(2).shows_nothing().says("similar subcommand exists: 'create'");
    alone(&["create", "--retry", "1"]).expect(2).shows_nothing().says("--retry").says("--retries");
    // Never a secret as an argument.
    let refused = alone(&["create", "--search-password", "geheim"]).expect(2).says("--search-password");
    assert!(!refused.err.contains("geheim"), "{}", refused.err);
    alone(&["create", "17"]).expect(2).says("'17'");
}

#[test]
fn credentials_in_an_url_are_refused_and_never_repeated() {
    let url = "http://elastic:geheim@localhost:9200";
    for flag in
        ["--gateway-url", "--broker-url", "--operate-url", "--tasklist-url", "--optimize-url", "--search-url"]
    {
        let refused = alone(&["create", flag, url]).expect(2).shows_nothing().says(flag).says("credentials");
        assert!(!refused.err.contains("geheim"), "{flag}: {}", refused.err);
    }
    for arguments in [vec!["create", url], vec![url], vec!["create", "--gateway-url", NOBODY, "-v", url]] {
        let refused = alone(&arguments).expect(2).shows_nothing();
        assert!(!refused.err.contains("geheim"), "{}", refused.err);
    }
    let mut command = bare(BINARY, &["create", "--log-format", "json"]);
    command.env("ELASTIC_ENDPOINT", url);
    let refused = run(command).expect(2).says("--search-url (ELASTIC_ENDPOINT)");
    assert!(!refused.err.contains("geheim"), "{}", refused.err);
}

#[test]
fn the_shell_of_the_camunda_guide_just_works() {
    let lab = Lab::quick();
    let mut command = lab.command(&["create", "-o", "name"]);
    command.env("BACKUP_ID", "1900000001");
    assert_eq!(run(command).expect(0).out, "backup/1900000001\n");
    assert!(lab.sim.backups().contains_key(&1_900_000_001));
}

#[test]
fn an_empty_variable_counts_as_not_given() {
    let lab = Lab::quick();
    let mut command = lab.command(&["create", "-o", "json"]);
    for name in [
        "BACKUP_ID",
        "OPTIMIZE_MANAGEMENT_API",
        "CAMUNDA_BACKUP_RECORDS_PREFIX",
        "CAMUNDA_BACKUP_CAMUNDA_VERSION",
        "CAMUNDA_BACKUP_STATE_DIR",
        "CAMUNDA_BACKUP_OUTPUT",
        "CAMUNDA_BACKUP_LOG_FORMAT",
        "CAMUNDA_BACKUP_VERBOSE",
        "CAMUNDA_BACKUP_COLOR",
        "CAMUNDA_BACKUP_TIMEOUT",
        "CAMUNDA_BACKUP_PAUSE_TIMEOUT",
        "CAMUNDA_BACKUP_RESUME_TIMEOUT",
        "CAMUNDA_BACKUP_GRACE",
        "CAMUNDA_BACKUP_RETRIES",
        "CAMUNDA_BACKUP_NO_GUARD",
        "CAMUNDA_BACKUP_SEARCH_USERNAME",
        "CAMUNDA_BACKUP_SEARCH_PASSWORD",
        "CAMUNDA_BACKUP_SEARCH_PASSWORD_FILE",
        "CAMUNDA_BACKUP_SEARCH_API_KEY",
        "CAMUNDA_BACKUP_SEARCH_API_KEY_FILE",
        "CAMUNDA_BACKUP_SEARCH_CA_FILE",
        "CAMUNDA_BACKUP_SEARCH_CLIENT_CERT_FILE",
        "CAMUNDA_BACKUP_SEARCH_CLIENT_KEY_FILE",
        "CAMUNDA_BACKUP_SEARCH_INSECURE_SKIP_TLS_VERIFY",
    ] {
        command.env(name, "");
    }
    let report = run(command).expect(0).json();
    // Without its URL, Optimize is not in the backup, and that is said.
    assert_eq!(report["skipped"][0]["part"], "optimize", "{report}");
    // No gateway is no gateway.
    let mut command = lab.command(&["check"]);
    command.env("GATEWAY_MANAGEMENT_API", "");
    run(command).expect(2).says("GATEWAY_MANAGEMENT_API");
}

#[test]
fn a_flag_wins_over_its_variable() {
    let lab = Lab::quick();
    let mut command = lab.homely(&["create", "-o", "name", "--backup-id", "1900000002"]);
    let flags = [
        ("OPERATE_MANAGEMENT_API", "--operate-url"),
        ("TASKLIST_MANAGEMENT_API", "--tasklist-url"),
        ("OPTIMIZE_MANAGEMENT_API", "--optimize-url"),
        ("GATEWAY_MANAGEMENT_API", "--gateway-url"),
        ("BROKER_MANAGEMENT_APIS", "--broker-url"),
        ("ELASTIC_ENDPOINT", "--search-url"),
        ("ELASTIC_SNAPSHOT_REPOSITORY", "--repository"),
    ];
    for (variable, value) in lab.variables() {
        let (_, flag) = flags.iter().find(|(v, _)| *v == variable).expect("a flag");
        command.args([flag, value.as_str()]).env(variable, NOBODY);
    }
    command.env("ELASTIC_SNAPSHOT_REPOSITORY", "another").env("BACKUP_ID", "17");
    command.env("CAMUNDA_BACKUP_OUTPUT", "json").env("CAMUNDA_BACKUP_LOG_FORMAT", "json");
    command.args(["--log-format", "text"]);
    let done = run(command).expect(0);
    assert_eq!(done.out, "backup/1900000002\n");
    assert!(!done.err.starts_with('{'), "{}", done.err);
}

#[test]
fn brokers_come_as_a_list_or_one_by_one() {
    let lab = Lab::new(camunda_backup::sim::Profile { brokers: 3, ..crate::lab::quick() });
    let brokers = |command| {
        let status = run(command).expect(0).json();
        status["exporting"].as_array().expect("brokers").len()
    };
    assert_eq!(brokers(lab.command(&["status", "-o", "json"])), 3);
    let mut spaced = lab.command(&["status", "-o", "json"]);
    spaced.env("BROKER_MANAGEMENT_APIS", lab.brokers().replace(',', " , "));
    assert_eq!(brokers(spaced), 3);
    let mut flags = lab.command(&["status", "-o", "json"]);
    for i in 0..2 {
        flags.args(["--broker-url", &lab.url(Component::Broker(i))]);
    }
    assert_eq!(brokers(flags), 2);
}

#[test]
fn the_guard_is_not_for_hands() {
    for typed in ["", "{}", "done", r#"{"gateway":"http://h"}"#] {
        let mut command = bare("bash", &["-c", r#"printf '%s\n' "$1" | "$0" guard-process"#, BINARY, typed]);
        command.env_remove("COLUMNS");
        run(command).expect(2).shows_nothing().says("started by camunda-backup itself");
    }
    alone(&["guard-process"]).expect(2).shows_nothing().says("started by camunda-backup itself");
}
