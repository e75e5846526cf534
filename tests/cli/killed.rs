//! `kill -9`: nothing of the run is left to close anything.

use std::fs;
use std::os::unix::process::CommandExt as _;

use camunda_backup::model::Component;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::lab::{Lab, Running, run, until};

/// Kills it, and hears its guard to the end.
fn kill(lab: &Lab, run: Running) -> crate::lab::Ended {
    run.signal(Signal::KILL);
    let ended = run.wait();
    assert_eq!(ended.code, None, "killed");
    lab.assert_exporting();
    assert!(!lab.is_armed());
    ended
}

#[test]
fn the_guard_resumes_and_says_so() {
    let lab = Lab::pausing();
    let run = lab.paused(&["create"]);
    let ended = kill(&lab, run).shows_nothing();
    ended.says("guard: the run died while exporting was paused").says("guard: exporting runs again");
    lab.run(&["check"]).expect(0);
}

#[test]
fn in_json_as_well() {
    let lab = Lab::pausing();
    let run = lab.paused(&["create", "--log-format", "json"]);
    let ended = kill(&lab, run);
    let lines: Vec<Value> =
        ended.err.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let said = |words: &str| lines.iter().any(|l| l["message"].as_str().is_some_and(|m| m.contains(words)));
    assert!(said("guard: the run died") && said("guard: exporting runs again"), "{}", ended.err);
}

#[test]
fn the_whole_process_group_is_killed() {
    let lab = Lab::pausing();
    let mut command = lab.command(&["create"]);
    command.process_group(0);
    let run = lab.paused_by(command);
    kill_process_group(run.pid(), Signal::KILL).expect("it runs");
    run.wait().says("guard: exporting runs again");
    lab.assert_exporting();
    assert!(!lab.is_armed());
}

/// The children of a process, by what the kernel tells.
fn children(of: Pid) -> Vec<Pid> {
    let parent = |stat: &str| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<i32>().ok();
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    processes
        .filter_map(|p| {
            let pid = p.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(p.path().join("stat")).ok()?;
            (parent(&stat)? == of.as_raw_nonzero().get()).then(|| Pid::from_raw(pid)).flatten()
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_guard_is_not_ended_by_the_signals_that_end_a_run() {
    let lab = Lab::pausing();
    let run = lab.paused(&["create"]);
    let guards = children(run.pid());
    assert_eq!(guards.len(), 1);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        kill_process(guards[0], signal).expect("it runs");
    }
    kill(&lab, run).says("guard: exporting runs again");
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_guard_does_not_keep_the_run_from_its_end() {
    let lab = Lab::pausing();
    let run = lab.paused(&["create"]);
    kill_process(children(run.pid())[0], Signal::KILL).expect("it runs");
    run.signal(Signal::TERM);
    run.wait().expect(22);
    lab.assert_exporting();
}

#[test]
fn after_an_orderly_end_the_guard_is_gone_and_has_done_nothing() {
    let lab = Lab::quick();
    let done = lab.run(&["create"]).expect(0);
    assert!(!done.err.contains("guard"), "{}", done.err);
    let resumes = lab.changes().into_iter().filter(|e| e.request.path.contains("/exporting/resume"));
    assert_eq!(resumes.count(), 1);
}

/// A run that died with exporting paused, and nobody there to repair it.
fn abandoned() -> Lab {
    let lab = Lab::pausing();
    let run = lab.paused(&["create", "--no-guard"]);
    run.signal(Signal::KILL);
    let ended = run.wait();
    assert!(!ended.err.contains("guard"), "{}", ended.err);
    assert!(!lab.sim.exporting_runs() && lab.is_armed());
    lab
}

#[test]
fn an_abandoned_pause_is_shown_and_repaired_without_any_url() {
    let lab = abandoned();
    let check = lab.run(&["check"]).expect(14).shows("abandoned-pause");
    let check = check.shows("resume --if-abandoned");
    assert!(!check.out.contains("exporting-paused-by-others"), "it is known who paused it: {}", check.out);
    let status = lab.run(&["status", "-o", "json"]).expect(0).json();
    let problems = status["problems"].as_array().expect("problems");
    let abandoned = problems
        .iter()
        .find(|p| p["text"].as_str().is_some_and(|t| t.starts_with("abandoned-pause")))
        .expect("abandoned");
    let command = abandoned["command"].as_str().expect("a command");
    let to = format!("kubectl camunda-backup resume --gateway-url {}/", lab.url(Component::Gateway));
    assert!(command.starts_with(&to) && command.ends_with(" --if-abandoned"), "{command}");
    lab.run(&["status"]).expect(0).shows("abandoned-pause").shows("SOFT_PAUSED");

    let resumed = run(lab.homely(&["resume", "--if-abandoned", "-o", "json"])).expect(0);
    let items = resumed.json()["items"].clone();
    assert_eq!((&items[0]["state"], &items[1]), (&"running".into(), &Value::Null));
    assert_eq!(items[0]["seen"]["brokers"], 1, "the journal knows them");
    lab.assert_exporting();
    assert!(!lab.is_armed());
    run(lab.homely(&["resume", "--if-abandoned"])).expect(0).shows_nothing().says("nothing to resume");
}

#[test]
fn an_abandoned_pause_is_repaired_by_the_next_create() {
    let lab = abandoned();
    // The next one comes as far as the pause, too; its records snapshot takes as long as the first one's.
    let next = lab.start(&["create", "--no-guard"]);
    next.heard("resuming it first");
    next.heard("exporting runs again");
    until("its own pause", || lab.sim.pauses().len() == 2);
    next.signal(Signal::TERM);
    next.wait().expect(22);
    lab.assert_exporting();
}

#[test]
fn a_killed_repair_is_repaired_as_well() {
    let lab = abandoned();
    lab.inject("* POST /actuator/exporting/resume hang");
    let resume = lab.start(&["resume", "--if-abandoned"]);
    until("it is asked to resume", || {
        lab.changes().iter().any(|e| e.request.path.contains("/exporting/resume"))
    });
    // Who finds it at work knows nothing: three that succeed meanwhile would hide that it fails.
    lab.run(&["resume", "--if-abandoned"]).expect(40).says("exporting is not seen to run yet");
    resume.signal(Signal::KILL);
    resume.wait();
    lab.sim.clear_faults();
    assert!(lab.is_armed());
    run(lab.homely(&["resume", "--if-abandoned"])).expect(0);
    lab.assert_exporting();
}
