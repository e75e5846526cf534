//! `kill -9`, again and again, at random moments of a backup: exporting runs again every time.
//!
//! How often is said by KILLS; `make test-kills` takes a hundred. The seed is printed, and taken from SEED.

use std::time::{Duration, Instant};

use crate::release::{PATIENCE, Release, finish, signal, until};

#[test]
#[ignore = "make test-camunda, make test-kills"]
fn exporting_runs_again_every_time() {
    let release = Release::new();
    let kills: u32 = std::env::var("KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("{kills} kills, SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut whole, mut pause) = lengths_of_a_backup(&release);
    let (mut took, mut ended) = (Vec::new(), 0);
    let mut n = 0;
    while n < kills {
        assert!(ended <= 10 + kills, "of {} runs {ended} were too late to be killed", n + ended);
        // What a killed run started in the applications goes on, and a new one is refused until it has ended.
        until("nothing is in progress", || release.run(&["check"]).status.code() == Some(0));
        // At any moment, and every second time while it matters most.
        let (mut child, rest) = if n % 2 == 0 {
            (release.paused(&["create"]), &mut pause)
        } else {
            (release.started(&["create"], || true), &mut whole)
        };
        std::thread::sleep(rest.mul_f64(random.f64()));
        let paused = release.phases().iter().any(|phase| phase == "SOFT_PAUSED");
        if child.try_wait().expect("our child").is_some() || (n % 2 == 0 && !paused) {
            // Quicker than the first one.
            *rest = rest.mul_f64(0.8);
            ended += 1;
            finish(child);
            continue;
        }
        signal(&child, "-KILL");
        let killed = Instant::now();
        n += 1;
        if paused {
            until("exporting runs again", || release.all("EXPORTING"));
            took.push(killed.elapsed());
        }
        // A pause that was on its way when its sender died may arrive later: only the guard's end says that none will.
        let (_, said) = finish(child);
        release.assert_exporting();
        let answer = release.run(&["resume", "--if-abandoned"]);
        assert_eq!(answer.status.code(), Some(0), "kill {n}: {said}");
        release.assert_exporting();
    }
    took.sort();
    println!(
        "{kills} kills within {whole:.1?} ({ended} more were too late), {} of them while paused; exporting ran again after: median {:.1?}, longest {:.1?}",
        took.len(),
        took.get(took.len() / 2).copied().unwrap_or_default(),
        took.last().copied().unwrap_or_default()
    );
    assert!(!took.is_empty(), "none was killed");
    // The release is as good as before.
    until("nothing is in progress", || release.run(&["check"]).status.code() == Some(0));
    release.backup();
}

/// How long a backup takes here, and how long exporting is paused in it, so that the kills are spread over all of both.
fn lengths_of_a_backup(release: &Release) -> (Duration, Duration) {
    let begun = Instant::now();
    let report = release.backup();
    let whole = begun.elapsed().min(PATIENCE);
    let pause = report["exporting"]["pausedSeconds"].as_f64().expect("a number");
    (whole, Duration::from_secs_f64(pause))
}
