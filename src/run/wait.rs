//! The only place of this module that sleeps: how often is asked, and what ends a wait.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::cancel::{Cancel, Level};
use super::journal::Journal;

/// What ends a run from outside its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody asked us to stop.
    Cancelled,
    /// A deadline passed; its name is for people.
    Deadline(&'static str),
    /// Somebody else holds the release.
    LockLost,
}

/// Everything a wait must listen to.
pub(super) struct Limits<'a> {
    pub cancel: &'a Cancel,
    pub journal: &'a dyn Journal,
    /// End of the whole run, and the flag that says so.
    pub run: Instant,
    pub run_flag: &'static str,
    /// End of the pause window, while exporting is paused.
    pub paused: Option<Instant>,
}

/// A lost lock is noticed this often while nothing else happens.
const LOCK_CHECK: Duration = Duration::from_secs(1);

impl Limits<'_> {
    /// Whether anything more may be started.
    pub fn check(&self) -> Result<(), Stop> {
        let now = Instant::now();
        if self.cancel.level() >= Level::Asked {
            return Err(Stop::Cancelled);
        }
        if self.journal.lost() {
            return Err(Stop::LockLost);
        }
        if now >= self.run {
            return Err(Stop::Deadline(self.run_flag));
        }
        if self.paused.is_some_and(|end| now >= end) {
            return Err(Stop::Deadline("--pause-timeout"));
        }
        Ok(())
    }

    /// Waits, unless something ends the run first.
    pub async fn sleep(&self, length: Duration) -> Result<(), Stop> {
        self.until(tokio::time::sleep(length)).await
    }

    /// Waits for something that may be dropped at any point: a sleep, or a request that only reads.
    pub async fn until<T>(&self, harmless: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::pin!(harmless);
        loop {
            self.check()?;
            let end = self.paused.map_or(self.run, |p| p.min(self.run));
            let tick = end.min(Instant::now() + LOCK_CHECK);
            tokio::select! {
                biased;
                done = &mut harmless => return Ok(done),
                () = self.cancel.reached(Level::Asked) => {}
                () = sleep_until(tick) => {}
            }
        }
    }
}

/// What is left of a hanging request once somebody asked us to stop. A container's patience is short, and exporting may be
/// paused.
const HURRIED: Duration = Duration::from_secs(5);

impl Limits<'_> {
    /// A request that changes something: it runs to its own deadline, and a signal only shortens that. `None`: it was given
    /// up then, so it may have happened.
    pub async fn hurried<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(request);
        tokio::select! {
            biased;
            done = &mut request => Some(done),
            () = async {
                self.cancel.reached(Level::Asked).await;
                tokio::time::sleep(HURRIED).await;
            } => None,
        }
    }
}

/// How long to wait between two looks: a twentieth of the time that has passed, so that looking never adds more than
/// five percent, from 50 ms up to a limit. A backup of seconds is seen within milliseconds, one of hours costs one
/// request every few seconds.
pub(super) fn pace(since_start: Duration, exporting_is_paused: bool) -> Duration {
    let longest = if exporting_is_paused { Duration::from_secs(2) } else { Duration::from_secs(5) };
    (since_start / 20).clamp(Duration::from_millis(50), longest)
}

/// Time before attempt number `attempt` (from 1): 0.25 s, doubling, up to 10 s.
pub(super) fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(250 << attempt.saturating_sub(1).min(6)).min(Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_quickly_at_first_and_slowly_later() {
        let ms = Duration::from_millis;
        assert_eq!(pace(ms(0), true), ms(50));
        assert_eq!(pace(ms(10_000), true), ms(500));
        assert_eq!(pace(Duration::from_secs(3600), true), ms(2000));
        assert_eq!(pace(Duration::from_secs(3600), false), ms(5000));
    }

    #[test]
    fn backs_off_to_ten_seconds() {
        let all: Vec<_> = (1..=9).map(|n| backoff(n).as_millis()).collect();
        assert_eq!(all, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
    }
}
