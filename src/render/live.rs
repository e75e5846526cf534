//! The live view: a thin shell that draws what `frame` computes.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::frame::{Picture, frame, record};
use super::lines::{Level, level, message};
use super::style::Style;
use super::text::clock;
use crate::run::Event;

/// At most ten pictures a second.
const BETWEEN: Duration = Duration::from_millis(100);

/// A width for terminals that do not tell theirs.
const USUAL_WIDTH: usize = 80;

/// A live view of one run on a terminal.
///
/// The caller owns the loop: it hands in every event, and a `tick` a few times a second, so that the clocks run without
/// events as well. Warnings and errors become lasting lines above the moving ones. Drawing never fails and never panics:
/// a terminal that has gone away is no reason for the run to stop.
pub struct Live {
    bar: ProgressBar,
    picture: Picture,
    style: Style,
    width: Box<dyn Fn() -> Option<usize> + Send>,
    now: Duration,
    drawn: Option<Duration>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("picture", &self.picture).finish_non_exhaustive()
    }
}

impl Live {
    /// Draws on the terminal behind stderr. `width` is asked for every picture: a window can change its size.
    pub fn stderr(style: Style, width: impl Fn() -> Option<usize> + Send + 'static) -> Self {
        // The limit is ours; the target's own must not swallow the last picture before a long silence.
        Self::new(ProgressDrawTarget::stderr_with_hz(60), style, width)
    }

    /// Draws on any target. A hidden one (not a terminal) shows nothing, lasting lines included: ask `is_hidden` first.
    pub fn new(
        target: ProgressDrawTarget,
        style: Style,
        width: impl Fn() -> Option<usize> + Send + 'static,
    ) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(template) = ProgressStyle::with_template("{msg}") {
            bar.set_style(template);
        }
        let picture = Picture::default();
        Self { bar, picture, style, width: Box::new(width), now: Duration::ZERO, drawn: None }
    }

    /// Takes one event in.
    pub fn event(&mut self, event: &Event) {
        self.picture.fold(event);
        let level = level(event);
        if level >= Level::Warn {
            let text = format!("{} {}: {}", clock(event.at), level.name(), message(event));
            self.bar.println(self.style.paint(level.tone(), text).to_string());
        }
        self.tick(event.at);
    }

    /// A lasting line above the moving ones.
    pub fn println(&self, line: &str) {
        self.bar.println(line);
    }

    /// The clock, since the beginning of the run.
    pub fn tick(&mut self, now: Duration) {
        // Events carry the time at which they happened, which may be before the last tick.
        self.now = self.now.max(now);
        if self.drawn.is_none_or(|drawn| self.now.saturating_sub(drawn) >= BETWEEN) {
            self.drawn = Some(self.now);
            let width = (self.width)().filter(|w| *w > 0).unwrap_or(USUAL_WIDTH);
            self.bar.set_message(frame(&self.picture, self.now, width, self.style).join("\n"));
        }
    }

    /// Takes the moving lines away and leaves one that lasts.
    pub fn finish(self) {
        if let Some(record) = record(&self.picture, self.now, self.style) {
            self.bar.println(record);
        }
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
