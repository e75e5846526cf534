//! No secret comes out: every verb, at the highest verbosity, in both formats, from good, refusing and breaking servers, the
//! guard process included.

use std::path::Path;
use std::process::Command;

use super::lab::{Ended, Lab, quick, run};
use super::{Asks, Gated};

/// Everything that is secret in these runs, and the forms in which it travels.
const SECRETS: [&str; 7] = [
    "S3arch-Passw0rt!",
    "management-bearer-0815",
    "proxy-header-4711",
    "AwsSecretAccessKey/XYZ",
    "aws-session-token-42",
    // base64 of `elastic:S3arch-Passw0rt!`
    "ZWxhc3RpYzpTM2FyY2gtUGFzc3cwcnQh",
    "MANAGEMENT-KEY-BYTES",
];

fn with_secrets(mut command: Command) -> Command {
    command
        .env("CAMUNDA_BACKUP_SEARCH_PASSWORD", SECRETS[0])
        .env("CAMUNDA_BACKUP_SEARCH_USERNAME", "elastic")
        .env("CAMUNDA_BACKUP_MANAGEMENT_BEARER_TOKEN", SECRETS[1])
        .env("CAMUNDA_BACKUP_MANAGEMENT_HEADERS", format!("X-Proxy: {}", SECRETS[2]))
        .env("RUST_LOG", "trace");
    command
}

fn signed(mut command: Command) -> Command {
    command
        .env("CAMUNDA_BACKUP_SEARCH_AWS_SIGN", "true")
        .env("CAMUNDA_BACKUP_SEARCH_AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", SECRETS[3])
        .env("AWS_SESSION_TOKEN", SECRETS[4])
        .env("CAMUNDA_BACKUP_MANAGEMENT_BEARER_TOKEN", SECRETS[1]);
    command
}

#[track_caller]
fn clean(ended: &Ended, what: &str) {
    assert!(
        !ended.err.is_empty() || !ended.out.is_empty(),
        "{what}: nothing was said, so nothing was tested"
    );
    for secret in SECRETS {
        assert!(!ended.out.contains(secret), "{what}: {secret} on stdout: {}", ended.out);
        assert!(!ended.err.contains(secret), "{what}: {secret} on stderr: {}", ended.err);
    }
}

/// Journals and whatever else is left in the user's home.
fn clean_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            clean_files(&path);
        } else {
            let bytes = std::fs::read(&path).expect("readable");
            let text = String::from_utf8_lossy(&bytes);
            for secret in SECRETS {
                assert!(!text.contains(secret), "{secret} in {}", path.display());
            }
        }
    }
}

const VERBS: [&[&str]; 14] = [
    &["check"],
    &["create", "--dry-run"],
    &["create"],
    &["status"],
    &["list"],
    &["describe", "--latest"],
    &["verify", "--latest"],
    &["verify", "--all"],
    &["prune", "--keep-last=1", "--dry-run"],
    &["delete", "17", "--yes", "--timeout=1s"],
    &["resume", "--resume-timeout=1s"],
    &["resume", "--if-abandoned", "--resume-timeout=1s"],
    &["version"],
    &["create", "--retries=1", "--on-failure=delete", "--resume-timeout=1s"],
];

const FORMATS: [&[&str]; 2] = [&[], &["--log-format=json", "-o=json"]];

fn every_verb(gated: &Gated, prepare: fn(Command) -> Command, what: &str) {
    for verb in VERBS {
        for format in FORMATS {
            let arguments: Vec<&str> = verb.iter().chain(format).copied().chain(["-vvv"]).collect();
            eprintln!("{what}: {arguments:?}");
            let ended = run(prepare(gated.command(&arguments)));
            clean(&ended, &format!("{what}: {arguments:?}"));
        }
    }
    clean_files(gated.lab.home.path());
}

#[test]
fn nothing_comes_out_of_good_servers() {
    every_verb(&Gated::new(&Asks::nothing(), &Asks::nothing()), with_secrets, "good");
    every_verb(&Gated::new(&Asks::nothing(), &Asks::nothing()), signed, "good, signed");
}

#[test]
fn nothing_comes_out_of_servers_that_repeat_what_they_were_told() {
    let refuses = Asks { check: std::sync::Arc::new(|_| Err("no".to_owned())), ..Asks::nothing() };
    // The gate does repeat it, or this would test nothing.
    let gated = Gated::new(&refuses, &refuses);
    every_verb(&gated, with_secrets, "refusing");
    let seen = gated.search.seen.lock().expect("no panic");
    assert!(seen.iter().any(|s| s.header("authorization").is_some_and(|a| a.contains(SECRETS[5]))));
    drop(seen);
    every_verb(&Gated::new(&refuses, &Asks::nothing()), signed, "refusing, signed");
}

#[test]
fn nothing_comes_out_of_usage_errors() {
    let gated = Gated::new(&Asks::nothing(), &Asks::nothing());
    let url = format!("http://elastic:{}@localhost:1", SECRETS[0]);
    for flag in ["--search-url", "--gateway-url", "--operate-url", "--broker-url"] {
        let ended = gated.run(&["check", flag, &url, "-vvv"]).expect(2);
        clean(&ended, flag);
    }
    let broken = gated.file("broken.key", &format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END", SECRETS[6]));
    let flags = [
        "check",
        "-vvv",
        &format!("--search-client-cert-file={broken}"),
        &format!("--search-client-key-file={broken}"),
    ];
    clean(&gated.run(&flags).expect(2), "a broken key");
    let line = gated.file("headers", &format!("{} without a name\n", SECRETS[2]));
    clean(&gated.run(&["check", &format!("--management-header-file={line}")]).expect(2), "a broken header");
    let token = gated.file("token", &format!("{}\nsecond line", SECRETS[1]));
    clean(
        &gated.run(&["check", &format!("--management-bearer-token-file={token}")]).expect(2),
        "a broken token",
    );
}

#[test]
fn nothing_comes_out_of_the_guard() {
    let timings =
        camunda_backup::sim::Timings { records: std::time::Duration::from_secs(600), ..quick().timings };
    let lab = Lab::new(camunda_backup::sim::Profile { timings, ..quick() });
    let gated = Gated::before(lab, &Asks::nothing(), &Asks::nothing());
    let running = gated.lab.paused_by(with_secrets(gated.command(&["create", "-vvv"])));
    // Neither in the arguments of the guard nor in what it was told.
    for process in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let Ok(arguments) = std::fs::read(process.path().join("cmdline")) else { continue };
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(!SECRETS.iter().any(|s| arguments.contains(s)), "{arguments}");
    }
    running.signal(rustix::process::Signal::KILL);
    gated.lab.repaired();
    let ended = running.wait();
    assert!(ended.err.contains("guard: exporting runs again"), "{}", ended.err);
    clean(&ended, "guard");
    clean_files(gated.lab.home.path());
}
