//! `sandbox`: a release to try things on.

use rustix::process::Signal;

use crate::lab::{BINARY, Ended, Running, alone, bare, run, until};

/// A sandbox, and what it says to put into the environment.
fn sandbox(arguments: &[&str]) -> (Running, Vec<(String, String)>) {
    let mut running = Running::start(bare(BINARY, &[&["sandbox", "--quick"], arguments].concat()));
    until("it says where it is", || {
        assert!(running.is_alive(), "{}", running.err.text());
        running.out.text().contains("ELASTIC_SNAPSHOT_REPOSITORY=")
    });
    let exports = running.out.text();
    let exports = exports.lines().map(|line| {
        let (name, value) = line.strip_prefix("export ").and_then(|l| l.split_once('=')).expect("an export");
        (name.to_owned(), value.to_owned())
    });
    let exports = exports.collect();
    (running, exports)
}

fn with(exports: &[(String, String)], arguments: &[&str]) -> Ended {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = bare(BINARY, arguments);
    command.envs(exports.iter().cloned()).env("HOME", home.path());
    run(command)
}

#[test]
fn it_prints_what_a_shell_needs_and_ends_by_a_signal_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (running, exports) = sandbox(&["--history", "2", "--brokers", "2", "--partitions", "4"]);
        assert_eq!(exports.len(), 7, "{exports:?}");
        assert_eq!(with(&exports, &["list", "-o", "name"]).expect(0).out.lines().count(), 2);
        with(&exports, &["create"]).expect(0);
        let status = with(&exports, &["status", "-o", "json"]).expect(0).json();
        assert_eq!(status["exporting"].as_array().map(Vec::len), Some(2), "{status}");
        running.signal(signal);
        running.wait().expect(0).says("a simulated release is running");
    }
}

#[test]
fn its_faults_happen() {
    let fault = "search PUT * 1 status:500:no space left";
    let (running, exports) = sandbox(&["--fault", fault, "--fault", "operate GET * 1..2 slow:5ms"]);
    with(&exports, &["create"]).expect(20).says("no space left").says("exporting runs again");
    with(&exports, &["create"]).expect(0);
    running.signal(Signal::TERM);
    running.wait().expect(0);
}

#[test]
fn it_behaves_like_what_is_asked_for() {
    let (running, exports) = sandbox(&["--no-optimize", "--camunda-version", "8.5.3"]);
    assert!(exports.iter().all(|(name, _)| name != "OPTIMIZE_MANAGEMENT_API"));
    let report = with(&exports, &["create", "-o", "json"]).expect(0).json();
    assert_eq!(report["skipped"][0]["part"], "optimize", "{report}");
    assert_eq!(with(&exports, &["status", "-o", "json"]).expect(0).json()["version"], "8.5.3");
    drop(running);
}

#[test]
fn what_it_cannot_do_is_refused() {
    for (arguments, says) in [
        (["--fault", "operate GET * explode"], "known faults are"),
        (["--fault", "gateway"], "a rule is:"),
        (["--camunda-version", "eight"], "--camunda-version"),
        (["--brokers", "0"], "at least one broker"),
        (["--partitions", "0"], "at least one broker"),
        (["--port", "65535"], "not enough ports"),
        (["--port", "99999"], "--port"),
    ] {
        alone(&["sandbox", arguments[0], arguments[1]]).expect(2).shows_nothing().says(says);
    }
}

#[test]
fn ports_that_are_taken_are_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    alone(&["sandbox", "--port", &port]).expect(13).shows_nothing().says("cannot listen");
}
