//! Readers that go away, readers that stop reading, streams that are not there.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use camunda_backup::sim::Profile;
use rustix::process::Signal;

use crate::lab::{BINARY, Lab, Running, quick, run, until};

/// A line of a shell that runs the binary as `$0`.
fn shell(lab: &Lab, line: &str) -> Command {
    let mut command = crate::lab::bare("bash", &["-c", line, BINARY]);
    command.env("HOME", lab.home.path()).envs(lab.variables());
    command
}

#[test]
fn a_reader_that_has_enough() {
    // More than a pipe takes before somebody reads.
    let lab = Lab::new(Profile { history: (1_000_000_000..1_000_001_500).collect(), ..quick() });
    for format in ["table", "json"] {
        let line = format!("\"$0\" list -o {format} | head -1; echo \"${{PIPESTATUS[0]}}\"");
        let ended = run(shell(&lab, &line)).expect(0);
        assert_eq!(ended.out.lines().last(), Some("0"), "{format}: {ended:?}");
        assert_eq!(ended.err, "", "{format}");
    }
}

#[test]
fn a_reader_of_stderr_that_goes_away() {
    let lab = Lab::quick();
    let ended =
        run(shell(&lab, "\"$0\" create -v 2>&1 >/dev/null | head -1; echo \"${PIPESTATUS[0]}\"")).expect(0);
    assert_eq!(ended.out.lines().last(), Some("0"), "{ended:?}");
    assert_eq!(lab.sim.pauses().len(), 1);
    lab.assert_exporting();
}

#[test]
fn streams_that_are_closed() {
    for line in
        ["\"$0\" create >&-", "\"$0\" create 2>&-", "\"$0\" create <&- >&- 2>&-", "\"$0\" list >&- 2>&-"]
    {
        let lab = Lab::quick();
        run(shell(&lab, line)).expect(0);
        lab.assert_exporting();
    }
}

#[test]
fn with_closed_streams_the_guard_works_too() {
    let lab = Lab::pausing();
    let mut killed = lab.paused_by(shell(&lab, "exec \"$0\" create <&- >&- 2>&-"));
    killed.signal(Signal::KILL);
    until("the end of the run", || !killed.is_alive());
    lab.repaired();
}

#[test]
fn a_full_disk_is_told() {
    let lab = Lab::quick();
    run(shell(&lab, "\"$0\" list >/dev/full")).says("the result could not be printed");
}

/// A stream that takes nothing any more, and its other end, which nobody reads.
fn full() -> (UnixStream, OwnedFd) {
    let (nobody, mut ours) = UnixStream::pair().expect("a pair of sockets");
    ours.set_nonblocking(true).expect("a socket");
    let block = [b'x'; 4096];
    while ours.write(&block).is_ok() {}
    while ours.write(&block[..1]).is_ok() {}
    ours.set_nonblocking(false).expect("a socket");
    (nobody, ours.into())
}

fn unread(lab: &Lab, arguments: &[&str]) -> (UnixStream, Command) {
    let (nobody, stream) = full();
    let mut command = lab.command(arguments);
    command.stderr(Stdio::from(stream));
    (nobody, command)
}

#[test]
fn a_reader_that_stops_reading_stops_nothing() {
    for log in ["text", "json"] {
        let lab = Lab::quick();
        let (_nobody, command) = unread(&lab, &["create", "-vv", "--log-format", log, "-o", "json"]);
        let done = run(command).expect(0);
        assert_eq!(done.json()["outcome"], "complete");
        lab.assert_exporting();
    }
}

#[test]
fn nor_does_it_when_the_run_is_cancelled_or_killed() {
    let lab = Lab::pausing();
    let (_nobody, command) = unread(&lab, &["create", "-v"]);
    let cancelled = lab.paused_by(command);
    cancelled.signal(Signal::TERM);
    cancelled.wait().expect(22);
    lab.assert_exporting();

    let (_nobody, command) = unread(&lab, &["create", "-v"]);
    let killed = lab.paused_by(command);
    killed.signal(Signal::KILL);
    killed.wait();
    lab.repaired();

    // Three signals: it leaves, although nobody hears its last words.
    lab.inject("* POST /actuator/exporting/resume status:503");
    let (_nobody, command) = unread(&lab, &["create", "-v"]);
    let mut left = lab.paused_by(command);
    let resumes = || lab.changes().iter().filter(|e| e.request.path.contains("/exporting/resume")).count();
    let before = resumes();
    left.signal(Signal::TERM);
    until("it tries to resume", || resumes() > before);
    while left.is_alive() {
        left.signal(Signal::TERM);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    left.wait().expect(30);
    lab.sim.clear_faults();
    lab.repaired();
}

#[test]
fn a_reader_of_results_that_stops_reading_comes_after_exporting() {
    let lab = Lab::quick();
    let (_nobody, stream) = full();
    let mut command = lab.command(&["create", "-o", "json"]);
    command.stdout(Stdio::from(stream));
    let mut stuck = Running::start(command);
    stuck.heard("exporting runs again");
    lab.assert_exporting();
    until("the journal is cleared", || !lab.is_armed());
    assert!(stuck.is_alive(), "then it would be no test");
}
