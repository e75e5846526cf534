//! No secret comes out: every verb, at the highest verbosity, in both formats, from good, refusing and breaking servers, the
//! guard process included.

use std::path::Path;
use std::process::Command;

use super::lab::{Ended, Lab, quick, run};
use super::{Asks, Gated};

/// Everything that is secret in these runs, and the forms in which it travels.
const SECRETS: [&str; 14] = [
    "S3arch-Passw0rt!",
    "management-bearer-0815",
    "proxy-header-4711",
    "AwsSecretAccessKey/XYZ",
    "aws-session-token-42",
    // base64 of `elastic:S3arch-Passw0rt!`
    "ZWxhc3RpYzpTM2FyY2gtUGFzc3cwcnQh",
    "MANAGEMENT-KEY-BYTES",
    "search-api-key-9c2f",
    "search-header-0042",
    "Manag3ment-Passw0rt!",
    // base64 of `admin:Manag3ment-Passw0rt!`
    "YWRtaW46TWFuYWczbWVudC1QYXNzdzBydCE=",
    "Pr0xy-Passw0rt!",
    // base64 of `user:Pr0xy-Passw0rt!`
    "dXNlcjpQcjB4eS1QYXNzdzBydCE=",
    "from-a-kubernetes-secret",
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

/// The other kinds of login.
fn keyed(mut command: Command) -> Command {
    command
        .env("CAMUNDA_BACKUP_SEARCH_API_KEY", SECRETS[7])
        .env("CAMUNDA_BACKUP_SEARCH_HEADERS", format!("X-Search: {}", SECRETS[8]))
        .env("CAMUNDA_BACKUP_MANAGEMENT_USERNAME", "admin")
        .env("CAMUNDA_BACKUP_MANAGEMENT_PASSWORD", SECRETS[9]);
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

const VERBS: [&[&str]; 18] = [
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
    &["create", "--help"],
    &["rights", "create"],
    &["completion", "bash"],
    &["create", "--in-cluster"],
    &["create", "--retries=1", "--on-failure=delete", "--resume-timeout=1s"],
];

const FORMATS: [&[&str]; 2] = [&[], &["--log-format=json", "-o=json"]];

fn every_verb(gated: &Gated, prepare: fn(Command) -> Command, what: &str) {
    for verb in VERBS {
        for format in FORMATS {
            let arguments: Vec<&str> = verb.iter().chain(format).copied().chain(["-vvv"]).collect();
            eprintln!("{what}: {arguments:?}");
            let mut command = prepare(gated.command(&arguments));
            // Of the verbs that have numbers to tell; to a gateway that repeats what it was told as well.
            command
                .env("CAMUNDA_BACKUP_METRICS_FILE", gated.lab.home.path().join("metrics.prom"))
                .env("CAMUNDA_BACKUP_METRICS_PUSH_URL", gated.search.url("localhost"));
            let ended = run(command);
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
    every_verb(&Gated::new(&refuses, &refuses), keyed, "refusing, keyed");
}

#[test]
fn nothing_comes_out_of_good_answers_that_are_none() {
    let welcome =
        Asks { check: std::sync::Arc::new(|_| Err(super::gate::WELCOME.to_owned())), ..Asks::nothing() };
    every_verb(&Gated::new(&welcome, &welcome), with_secrets, "welcoming");
    // Refusing only what changes something, and what shows whether it did.
    let pauses = |seen: &super::gate::Seen| {
        if seen.target.contains("/exporting/") { Err(super::gate::WELCOME.to_owned()) } else { Ok(()) }
    };
    let pauses = Asks { check: std::sync::Arc::new(pauses), ..Asks::nothing() };
    let gated = Gated::new(&Asks::nothing(), &pauses);
    for format in FORMATS {
        let arguments: Vec<&str> =
            ["resume", "--resume-timeout=1s", "-vvv"].iter().chain(format).copied().collect();
        let ended = run(with_secrets(gated.command(&arguments))).says("(hidden)");
        clean(&ended, "a resume that is none");
    }
}

#[test]
fn nothing_comes_out_of_a_proxy_that_repeats_what_it_was_told() {
    let gated = Gated::new(&Asks::nothing(), &Asks::nothing());
    let refuses: super::gate::Check = std::sync::Arc::new(|_| Err("no".to_owned()));
    let proxy = super::gate::Gate::open(super::gate::Plan {
        to: gated.search.address,
        tls: None,
        check: refuses,
        path: None,
    });
    let url = format!("http://user:{}@127.0.0.1:{}", SECRETS[11], proxy.address.port());
    for (verb, format) in
        ["check", "create", "status", "list", "verify"].iter().flat_map(|v| FORMATS.map(|f| (v, f)))
    {
        let arguments: Vec<&str> = [*verb, "-vvv"].iter().chain(format).copied().collect();
        let mut command = with_secrets(gated.lab.homely(&arguments));
        // Not this machine, which no proxy stands before.
        command.envs(gated.variables("release.test")).env("HTTP_PROXY", &url);
        clean(&run(command), &format!("proxy: {arguments:?}"));
    }
    let seen = proxy.seen.lock().expect("no panic");
    let told =
        |s: &super::gate::Seen| s.header("proxy-authorization").is_some_and(|a| a.contains(SECRETS[12]));
    assert!(seen.iter().any(told), "it was never told, so nothing was tested");
}

#[test]
fn nothing_comes_out_of_kubernetes_secrets() {
    let refuses = Asks { check: std::sync::Arc::new(|_| Err("no".to_owned())), ..Asks::nothing() };
    let gated = Gated::new(&refuses, &Asks::nothing());
    let api = super::aws::service(|seen| {
        // base64 of the secret
        let secret = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"es","namespace":"camunda"},"data":{"token":"ZnJvbS1hLWt1YmVybmV0ZXMtc2VjcmV0"}}"#;
        match seen.target.split('?').next() {
            Some("/api/v1/namespaces/camunda/secrets/es") => Ok(secret.to_owned()),
            _ => Err("no".to_owned()),
        }
    });
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{{name: x, context: {{cluster: x, user: x, namespace: camunda}}}}]\nclusters: [{{name: x, cluster: {{server: '{}'}}}}]\nusers: [{{name: x, user: {{}}}}]\n",
        api.url()
    );
    let config = gated.file("kubeconfig", &config);
    for (verb, format) in ["check", "create", "list"].iter().flat_map(|v| FORMATS.map(|f| (v, f))) {
        let given = ["-vvv", "--search-bearer-token-file=secret:camunda/es/token"];
        let arguments: Vec<&str> = [*verb].iter().chain(&given).chain(format).copied().collect();
        let mut command = gated.command(&arguments);
        command.env("KUBECONFIG", &config);
        clean(&run(command), &format!("secret: {arguments:?}"));
    }
    let seen = gated.search.seen.lock().expect("no panic");
    let told = |s: &super::gate::Seen| s.header("authorization").is_some_and(|a| a.contains(SECRETS[13]));
    assert!(seen.iter().any(told), "it was never told, so nothing was tested");
}

#[cfg(unix)]
#[test]
fn nothing_comes_out_of_completion() {
    let gated = Gated::new(&Asks::nothing(), &Asks::nothing());
    run(gated.command(&["create"])).expect(0);
    let program = gated.lab.home.path().join("kubectl_complete-camunda_backup");
    std::os::unix::fs::symlink(super::lab::BINARY, &program).expect("a link");
    for words in [["describe", ""], ["create", "--"]] {
        let mut command = super::lab::bare(&program, &words);
        command.envs(gated.variables("localhost")).env("HOME", gated.lab.home.path());
        clean(&run(with_secrets(command)).expect(0), &format!("completion of {words:?}"));
    }
}

#[test]
fn nothing_comes_out_of_usage_errors() {
    let gated = Gated::new(&Asks::nothing(), &Asks::nothing());
    let url = format!("http://elastic:{}@localhost:1", SECRETS[0]);
    for flag in ["--search-url", "--gateway-url", "--operate-url", "--broker-url"] {
        let ended = gated.run(&["check", flag, &url, "-vvv"]).expect(2);
        clean(&ended, flag);
    }
    // The scheme forgotten, and where the parser itself complains.
    let bare = url.trim_start_matches("http://");
    for (flag, url) in [("--search-url", bare), ("--metrics-push-url", &url), ("--metrics-push-url", bare)] {
        let ended = gated.run(&["create", flag, url, "-vvv"]).expect(2);
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
    // Neither in the arguments of the run nor in those of its guard. (Others on this machine, such as the test of what
    // users type, are not meant.)
    let run = running.pid().as_raw_nonzero().to_string();
    let mut looked_at = 0;
    for process in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let read = |what: &str| std::fs::read_to_string(process.path().join(what)).unwrap_or_default();
        if process.file_name().to_str() == Some(&run) || read("status").contains(&format!("PPid:\t{run}\n")) {
            let arguments = read("cmdline");
            assert!(!SECRETS.iter().any(|s| arguments.contains(s)), "{arguments}");
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 2, "the run and its guard");
    running.signal(rustix::process::Signal::KILL);
    gated.lab.repaired();
    let ended = running.wait();
    assert!(ended.err.contains("guard: exporting runs again"), "{}", ended.err);
    clean(&ended, "guard");
    clean_files(gated.lab.home.path());
}
