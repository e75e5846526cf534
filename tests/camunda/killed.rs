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
    let whole = length_of_a_backup(&release);
    let mut took = Vec::new();
    for n in 1..=kills {
        // What a killed run started in the applications goes on, and a new one is refused until it has ended.
        until("nothing is in progress", || release.run(&["check"]).status.code() == Some(0));
        let mut child = release.started(&["create"], || true);
        std::thread::sleep(whole.mul_f64(random.f64()));
        let ended = child.try_wait().expect("our child").is_some();
        if !ended {
            signal(&child, "-KILL");
        }
        let killed = Instant::now();
        if !release.all("EXPORTING") {
            until("exporting runs again", || release.all("EXPORTING"));
            took.push(killed.elapsed());
        }
        // A pause that was on its way when its sender died may arrive later: only the guard's end says that none will.
        let (_, said) = finish(child);
        release.assert_exporting();
        let answer = release.run(&["resume", "--if-abandoned"]);
        assert_eq!(answer.status.code(), Some(0), "kill {n} (ended before: {ended}): {said}");
        release.assert_exporting();
    }
    took.sort();
    println!(
        "{kills} kills within {whole:.1?}, {} of them while paused; exporting ran again after: median {:.1?}, longest {:.1?}",
        took.len(),
        took.get(took.len() / 2).copied().unwrap_or_default(),
        took.last().copied().unwrap_or_default()
    );
    // The release is as good as before.
    until("nothing is in progress", || release.run(&["check"]).status.code() == Some(0));
    assert_eq!(release.run(&["create"]).status.code(), Some(0));
}

/// How long a backup takes here, so that the kills are spread over all of it.
fn length_of_a_backup(release: &Release) -> Duration {
    let begun = Instant::now();
    assert_eq!(release.run(&["create"]).status.code(), Some(0));
    begun.elapsed().min(PATIENCE)
}
