//! Signals while exporting is paused.

use rustix::process::Signal;

use crate::lab::{Lab, until};

#[test]
fn the_first_signal_ends_the_run_with_exporting_running() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let lab = Lab::pausing();
        let run = lab.paused(&["create", "-o", "json"]);
        run.signal(signal);
        let ended = run.wait().expect(22).says("exporting is resumed first").says("exporting runs again");
        let report = ended.json();
        assert_eq!(report["outcome"], "cancelled", "{report}");
        assert_eq!(report["exporting"]["state"], "resumed", "{report}");
        lab.assert_exporting();
        assert!(!lab.is_armed());
    }
}

#[test]
fn a_signal_before_the_pause_leaves_exporting_alone() {
    let lab = Lab::quick();
    lab.inject("operate GET /actuator/backups/ status:404:not yet");
    let run = lab.start(&["create", "-o", "json"]);
    until("Operate is asked", || lab.sim.log().iter().any(|e| e.outcome.fault.is_some()));
    run.signal(Signal::TERM);
    assert_eq!(run.wait().expect(22).json()["exporting"]["state"], "untouched");
    lab.assert_never_paused();

    // Nor is anything begun when it comes while the release is still looked at.
    let lab = Lab::quick();
    lab.inject("operate GET * hang");
    let run = lab.start(&["create"]);
    until("Operate is asked", || lab.sim.requests() > 0);
    run.signal(Signal::INT);
    run.wait().expect(22).shows_nothing().says("cancelled; nothing was changed");
    assert_eq!(lab.changes(), []);
}

#[test]
fn the_second_signal_hurries_and_still_resumes() {
    let lab = Lab::pausing();
    lab.inject("* POST /actuator/exporting/resume status:503:no leader");
    let run = lab.paused(&["create"]);
    run.signal(Signal::INT);
    run.heard("exporting is resumed first");
    run.heard("no leader");
    run.signal(Signal::INT);
    run.heard("hurrying");
    lab.sim.clear_faults();
    run.wait().expect(22).says("exporting runs again");
    lab.assert_exporting();
}

#[test]
fn the_third_signal_leaves_at_once_and_the_guard_goes_on() {
    for json in [false, true] {
        let lab = Lab::pausing();
        lab.inject("* POST /actuator/exporting/resume status:503:no leader");
        let format = if json { "json" } else { "text" };
        let mut run = lab.paused(&["create", "--log-format", format]);
        run.signal(Signal::TERM);
        run.heard("exporting is resumed first");
        run.signal(Signal::TERM);
        run.heard("hurrying");
        run.signal(Signal::TERM);
        until("it has left", || !run.is_alive());
        assert!(!lab.sim.exporting_runs(), "then it would be no test");
        run.heard("guard: the run died");
        lab.sim.clear_faults();
        let ended = run.wait().expect(30).shows_nothing();
        ended
            .says("the guard process goes on resuming exporting")
            .says("EXPORTING MAY STILL BE PAUSED. Resume it with:")
            .says("guard: exporting runs again");
        lab.assert_exporting();
        assert!(!lab.is_armed());
    }
}

#[test]
fn the_third_signal_without_a_guard_leaves_the_journal_armed() {
    let lab = Lab::pausing();
    lab.inject("* POST /actuator/exporting/resume status:503:no leader");
    let run = lab.paused(&["create", "--no-guard"]);
    for words in ["exporting is resumed first", "hurrying"] {
        run.signal(Signal::TERM);
        run.heard(words);
    }
    run.signal(Signal::TERM);
    let ended = run.wait().expect(30).says("EXPORTING MAY STILL BE PAUSED");
    assert!(
        ended.last_line().starts_with("kubectl camunda-backup resume --gateway-url http"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("guard process goes on"), "{}", ended.err);
    assert!(lab.is_armed());
    lab.sim.clear_faults();
    lab.run(&["resume", "--if-abandoned"]).expect(0);
    lab.assert_exporting();
}

#[test]
fn three_signals_to_a_repair_end_with_30_as_well() {
    let lab = Lab::pausing();
    lab.inject("* POST /actuator/exporting/resume status:503:no leader");
    let run = lab.paused(&["create", "--no-guard"]);
    run.signal(Signal::KILL);
    run.wait();
    let repairs = [
        lab.command(&["resume"]),
        lab.command(&["create"]),
        lab.command(&["resume", "--if-abandoned"]),
        lab.homely(&["resume", "--if-abandoned"]),
    ];
    for command in repairs {
        let repair = crate::lab::Running::start(command);
        repair.heard("no leader");
        for words in ["stopping", "hurrying"] {
            repair.signal(Signal::INT);
            repair.heard(words);
        }
        repair.signal(Signal::INT);
        repair.wait().expect(30).shows_nothing().says("EXPORTING MAY STILL BE PAUSED");
        assert!(lab.is_armed());
    }
    lab.sim.clear_faults();
    lab.run(&["resume"]).expect(0);
    lab.assert_exporting();
}

#[test]
fn ctrl_z_does_not_freeze_a_run_that_has_paused_exporting() {
    let lab = Lab::pausing();
    let run = lab.paused(&["create"]);
    run.signal(Signal::TSTP);
    run.heard("not stopped");
    run.signal(Signal::TERM);
    run.wait().expect(22);
    lab.assert_exporting();
}
