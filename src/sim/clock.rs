//! Time: a wall clock that moves with tokio's, and the many ways in which the servers print it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A moment, as time since the Unix epoch. History lies before the start, so this is not "since the start".
pub(super) type Wall = Duration;

/// A moment that never comes.
pub(super) const NEVER: Wall = Duration::MAX;

/// The wall clock of the simulated release.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    base: Wall,
    start: Instant,
}

impl Clock {
    /// Starts now, at the given time of day.
    pub(super) fn start(now: Timestamp) -> Self {
        Self { base: Duration::try_from(now.as_duration()).unwrap_or_default(), start: Instant::now() }
    }

    /// The current moment.
    pub(super) fn now(&self) -> Wall {
        self.base + self.start.elapsed()
    }

    /// The moment of the start.
    pub(super) fn base(&self) -> Wall {
        self.base
    }
}

/// As a timestamp; moments beyond what it can hold become its last one.
pub(super) fn timestamp(at: Wall) -> Timestamp {
    SignedDuration::try_from(at)
        .ok()
        .and_then(|at| Timestamp::from_duration(at).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Operate and Tasklist: `2026-11-23T00:25:20.068+0000`, no colon in the offset.
pub(super) fn webapp_time(at: Wall) -> String {
    format!("{}+0000", timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%3f"))
}

/// Spring's error object: `2026-11-23T00:24:26.343+00:00`.
pub(super) fn spring_time(at: Wall) -> String {
    format!("{}+00:00", timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%3f"))
}

/// The engine, and a broker's clock: `2026-11-23T00:25:34.165Z`.
pub(super) fn millis_time(at: Wall) -> String {
    format!("{}Z", timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%3f"))
}

/// Zeebe's backups: nanoseconds without trailing zeros, `2026-11-23T00:25:36.94871472Z`.
pub(super) fn nanos_time(at: Wall) -> String {
    timestamp(at).to_string()
}

/// Unix milliseconds.
pub(super) fn millis(at: Wall) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_was_recorded() {
        let at = Duration::new(1_795_393_520, 68_000_000);
        assert_eq!(webapp_time(at), "2026-11-23T00:25:20.068+0000");
        assert_eq!(spring_time(at), "2026-11-23T00:25:20.068+00:00");
        assert_eq!(millis_time(at), "2026-11-23T00:25:20.068Z");
        assert_eq!(nanos_time(Duration::new(1_795_393_536, 948_714_720)), "2026-11-23T00:25:36.94871472Z");
        assert_eq!(millis(at), 1_795_393_520_068);
        assert!(!nanos_time(NEVER).is_empty());
    }
}
