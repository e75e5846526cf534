//! Colour, when the caller wants it.

use std::fmt;

use anstyle::AnsiColor;

/// Whether to colour. The caller has looked at `--color`, `NO_COLOR` and the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour, or plain text.
    pub color: bool,
}

/// What a piece of text means. Colour only repeats what the words say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// The thing to read first.
    Strong,
    /// Beside the point.
    Dim,
}

impl Style {
    /// The text in its tone.
    pub fn paint<T: fmt::Display>(self, tone: Tone, text: T) -> impl fmt::Display {
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Strong => anstyle::Style::new().bold(),
            Tone::Dim => anstyle::Style::new().dimmed(),
            Tone::Plain => anstyle::Style::new(),
        };
        Painted { style: if self.color { style } else { anstyle::Style::new() }, text }
    }
}

struct Painted<T> {
    style: anstyle::Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { style, text } = self;
        write!(f, "{style}{text}{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_when_asked_for() {
        let plain = Style { color: false }.paint(Tone::Bad, "x").to_string();
        let bold = Style { color: true }.paint(Tone::Strong, "x").to_string();
        assert_eq!((plain.as_str(), bold.as_str()), ("x", "\u{1b}[1mx\u{1b}[0m"));
        assert_eq!(Style { color: true }.paint(Tone::Plain, "x").to_string(), "x");
    }
}
