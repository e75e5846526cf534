//! `kill -9`, again and again, at random moments of a backup: exporting runs again every time.
//!
//! How often is said by KILLS; `make test-kills` takes a hundred. The seed is printed, and taken from SEED.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::lab::{Ended, Running};
use crate::release::{Release, SNAPSHOT_MET_CHECKPOINT, until};

/// What a run of Camunda 8.5 to 8.7 is at, and what it says when that begins. (It may die before it has said it.)
const PHASES: [(&str, &str); 6] = [
    ("before the pause", ""),
    ("pausing", ": pause-exporting"),
    ("records", ": start-records"),
    ("partitions", ": start-zeebe"),
    ("resuming", ": confirm-paused"),
    ("after it", "exporting runs again after a pause"),
];
/// Those that are aimed at, in turn: with few kills, those in which exporting is paused for long.
const AIMED: [usize; 5] = [2, 3, 1, 4, 0];
/// What lasts as long is hit by one of five kills that are aimed at it, whatever else the machine does.
const HITTABLE: Duration = Duration::from_millis(100);

/// How long each phase took the last time that a run came past it.
type Lengths = [Duration; PHASES.len()];

fn phase(said: &str) -> usize {
    PHASES.iter().rposition(|(_, begins)| said.contains(begins)).expect("the first is always there")
}

/// A moment of a run: a phase, and how much of it has passed.
struct Aim {
    phase: usize,
    share: f64,
}

impl Aim {
    fn at_its_end() -> Self {
        Self { phase: PHASES.len(), share: 0.0 }
    }

    /// Any moment of the whole run.
    fn anywhere(lengths: &Lengths, random: &mut fastrand::Rng) -> Self {
        let mut left = lengths.iter().sum::<Duration>().mul_f64(random.f64());
        for (phase, length) in lengths.iter().enumerate() {
            if left < *length {
                return Self { phase, share: left.div_duration_f64(*length) };
            }
            left -= *length;
        }
        Self::at_its_end()
    }
}

/// Follows a run up to a moment. It may have ended before.
fn follow(run: &mut Running, aim: &Aim, lengths: &mut Lengths) {
    let (mut at, mut since) = (0, Instant::now());
    loop {
        let alive = run.is_alive();
        let now = phase(&run.err.text());
        if now != at || !alive {
            lengths[at] = since.elapsed();
            (at, since) = (now, Instant::now());
        }
        if !alive || at > aim.phase || (at == aim.phase && since.elapsed() >= lengths[at].mul_f64(aim.share))
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a run that nobody has killed was complete. Nothing of ours may fail it.
fn complete(ended: &Ended) -> bool {
    let spoilt = ended.code == Some(20) && ended.err.contains(SNAPSHOT_MET_CHECKPOINT);
    assert!(ended.code == Some(0) || spoilt, "it ended with {:?}: {}", ended.code, ended.err);
    !spoilt
}

#[test]
#[ignore = "make test-camunda, make test-kills"]
fn exporting_runs_again_every_time() {
    let release = Release::new();
    let kills: usize = std::env::var("KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("{kills} kills, SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut lengths = lengths_of_a_backup(&release);
    let mut hits = [0; PHASES.len()];
    let (mut by_themselves, mut took, mut not_paused) = (0, Vec::new(), 0);
    let mut n = 0;
    while n < kills {
        assert!(
            by_themselves <= 10 + kills,
            "of {} runs {by_themselves} ended before they were killed",
            n + by_themselves
        );
        // What a killed run started in the applications goes on, and a new one is refused until it has ended.
        until("nothing is in progress", || release.run(&["check"]).code == Some(0));
        // Every second time at one of its phases, as those that matter most are short.
        let aim = if n % 2 == 0 {
            Aim { phase: AIMED[n / 2 % AIMED.len()], share: random.f64() }
        } else {
            Aim::anywhere(&lengths, &mut random)
        };
        let mut run = release.started(&["create"], |_| true);
        follow(&mut run, &aim, &mut lengths);
        if run.is_alive() {
            run.signal(Signal::KILL);
        }
        let killed = Instant::now();
        let mut last_paused = None;
        // A pause that was on its way when its sender died may arrive later: only the guard's end says that none will.
        until("the run and its guard have ended", || {
            if release.phases().iter().any(|phase| phase == "SOFT_PAUSED") {
                last_paused = Some(killed.elapsed());
            }
            run.is_over()
        });
        let ended = run.wait();
        release.assert_exporting();
        if ended.code.is_some() {
            complete(&ended);
            by_themselves += 1;
            continue;
        }
        n += 1;
        hits[phase(&ended.err)] += 1;
        println!(
            "kill {n}, {}: last seen paused after {last_paused:.1?}\n{}",
            PHASES[phase(&ended.err)].0,
            ended.err
        );
        match (ended.err.contains("guard: exporting runs again"), last_paused) {
            (true, Some(after)) => took.push(after),
            (true, None) => not_paused += 1,
            (false, None) => {}
            (false, Some(after)) => {
                panic!("kill {n}: paused {after:.1?} after it, and no guard said so: {}", ended.err)
            }
        }
        release.run(&["resume", "--if-abandoned"]).expect(0);
        release.assert_exporting();
    }
    took.sort();
    let by_phase: Vec<_> =
        PHASES.iter().zip(hits).map(|((name, _), hits)| format!("{hits} {name}")).collect();
    println!("{kills} kills by phase: {}; {by_themselves} more runs ended before", by_phase.join(", "));
    println!(
        "the guard resumed exporting after {} of them; it was last seen paused: median {:.1?}, longest {:.1?} after the kill ({not_paused} times not any more, or never)",
        took.len() + not_paused,
        took.get(took.len() / 2).copied().unwrap_or_default(),
        took.last().copied().unwrap_or_default()
    );
    assert!(took.len() + not_paused > 0, "none was killed while exporting was paused");
    if kills >= 50 {
        for i in AIMED {
            let (name, length) = (PHASES[i].0, lengths[i]);
            assert!(hits[i] > 0 || length < HITTABLE, "{name} lasts {length:.1?}, and no kill hit it");
        }
    }
    // The release is as good as before.
    until("nothing is in progress", || release.run(&["check"]).code == Some(0));
    release.backup();
}

/// How long each phase takes here.
fn lengths_of_a_backup(release: &Release) -> Lengths {
    let mut lengths = Lengths::default();
    let said = (0..3).find_map(|_| {
        let mut run = release.started(&["create"], |_| true);
        follow(&mut run, &Aim::at_its_end(), &mut lengths);
        let ended = run.wait();
        complete(&ended).then_some(ended.err)
    });
    let said = said.expect("one of three is complete");
    assert!(PHASES.iter().all(|(_, begins)| said.contains(begins)), "it has other phases: {said}");
    println!("a backup takes {lengths:.1?}");
    lengths
}
