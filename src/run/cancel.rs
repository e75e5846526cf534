//! Signals as an ordered level that only ever rises.

use tokio::sync::watch;

/// How much somebody wants us to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Not at all.
    None,
    /// First signal: start nothing more, close.
    Asked,
    /// Second signal: close without pauses between attempts.
    Insisted,
    /// Third signal: leave now; the journal stays armed.
    Abandoned,
}

impl Level {
    fn next(self) -> Self {
        match self {
            Level::None => Level::Asked,
            Level::Asked => Level::Insisted,
            Level::Insisted | Level::Abandoned => Level::Abandoned,
        }
    }
}

/// The level, shared between whoever hears the signals and whoever waits.
#[derive(Debug, Clone)]
pub struct Cancel {
    level: watch::Sender<Level>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { level: watch::Sender::new(Level::None) }
    }
}

impl Cancel {
    /// One more signal: raises the level by one and returns the new one.
    pub fn raise(&self) -> Level {
        self.level.send_modify(|level| *level = level.next());
        self.level()
    }

    /// The level now.
    pub fn level(&self) -> Level {
        *self.level.borrow()
    }

    /// Waits until the level is at least this one. Never ends if that never happens.
    pub async fn reached(&self, level: Level) {
        let mut heard = self.level.subscribe();
        // The sender is `self`, so it cannot be gone while we wait.
        let _ = heard.wait_for(|now| *now >= level).await;
    }
}
