//! Words and figures for people.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::run::Seen;

/// Text of a server, fit for a terminal and for one line: without escape sequences, line breaks and the like.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_unseen(c) { ' ' } else { c }).collect()
}

/// Whether a character changes what is seen without being seen: the second range of control characters, marks that turn
/// the direction of writing (a forged name), line and paragraph separators, spaces of no width. JSON allows them all.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// JSON with every such character as an escape. They stand in strings alone, where that means the same.
pub fn escaped(json: &str) -> std::borrow::Cow<'_, str> {
    use std::fmt::Write as _;
    if !json.contains(is_unseen) {
        return json.into();
    }
    let mut all = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_unseen(c) {
            let _ = write!(all, "\\u{:04x}", u32::from(c));
        } else {
            all.push(c);
        }
    }
    all.into()
}

/// Passes on JSON, [`escaped`]. Its writers hand over whole characters.
pub(super) struct Escaping<'a>(pub &'a mut dyn std::io::Write);

impl std::io::Write for Escaping<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let json = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
        self.0.write_all(escaped(json).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The same for text of several lines. Our own sentences have them; what a server said is
/// one line from where it was read.
pub fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// A text of ours that names commands, with the name under which we were called.
pub fn spoken(text: &str, program: &str) -> String {
    let mut spoken = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(": camunda-backup ") {
        spoken.push_str(&rest[..at]);
        spoken.push_str(": ");
        spoken.push_str(program);
        rest = &rest[at + ": camunda-backup".len()..];
    }
    spoken.push_str(rest);
    spoken
}

/// `3.2s`, `42s`, `1m23s`, `2h05m`, `3d4h`; what is even stays short: `1m`, `3h`.
pub(super) fn duration(d: Duration) -> String {
    let (s, tenths) = (d.as_secs(), d.subsec_millis() / 100);
    let (first, unit, second, lesser) = match s {
        0..60 if tenths > 0 => return format!("{s}.{tenths}s"),
        0..60 => return format!("{s}s"),
        60..3600 => (s / 60, 'm', s % 60, 's'),
        3600..86400 => (s / 3600, 'h', s / 60 % 60, 'm'),
        _ => return format!("{}d{}h", s / 86400, s / 3600 % 24),
    };
    if second == 0 { format!("{first}{unit}") } else { format!("{first}{unit}{second:02}{lesser}") }
}

/// The same, of seconds.
pub(super) fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// `00:12`, `1:02:03`: for clocks that run.
pub(super) fn clock(d: Duration) -> String {
    let s = d.as_secs();
    if s < 3600 {
        format!("{:02}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// How long ago something was; `None` in a future that only clocks apart can explain.
pub(super) fn age(then: Timestamp, now: Timestamp) -> Option<String> {
    let age = Duration::try_from(now.duration_since(then)).ok()?;
    // Tenths of a second are noise in an age.
    Some(duration(Duration::from_secs(age.as_secs())))
}

/// `2026-11-23 00:25:20Z`.
pub(super) fn time(t: Timestamp) -> String {
    t.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `512 B`, `1.5 KiB`, `2.0 GiB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let (mut whole, mut rest, mut unit) = (n / 1024, n % 1024, 0);
    while whole >= 1024 && unit + 1 < UNITS.len() {
        (rest, whole, unit) = (whole % 1024, whole / 1024, unit + 1);
    }
    format!("{whole}.{} {}", rest * 10 / 1024, UNITS[unit])
}

/// `1 part`, `2 parts`.
pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `1-3, 5`.
pub(super) fn ranges(numbers: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for n in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*n) => *last = *n,
            _ => runs.push((*n, *n)),
        }
    }
    let run = |(a, b): &(u32, u32)| if a == b { a.to_string() } else { format!("{a}-{b}") };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

/// `partition 1`, `partitions 1-3`.
pub(super) fn partitions(numbers: &BTreeSet<u32>) -> String {
    let s = if numbers.len() == 1 { "" } else { "s" };
    format!("partition{s} {}", ranges(numbers))
}

/// Where a state of exporting was seen.
pub(super) fn seen(seen: &Seen) -> String {
    if seen.brokers == 0 {
        return "no broker could be asked, so this is only the gateway's word".to_owned();
    }
    let brokers = count(seen.brokers, "broker");
    let text = format!("seen on {} ({brokers} asked)", partitions(&seen.partitions));
    if seen.unseen.is_empty() { text } else { format!("{text}, not seen on {}", partitions(&seen.unseen)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_cannot_forge_what_is() {
        let forged = "a\u{202e}b\u{9b}2J\u{2028}c\u{200b}";
        assert_eq!(plain(forged), "a b 2J c ");
        let mut json = Vec::new();
        serde_json::to_writer(Escaping(&mut json), forged).expect("written");
        let json = String::from_utf8(json).expect("UTF-8");
        assert_eq!(json, r#""a\u202eb\u009b2J\u2028c\u200b""#);
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), forged);
    }

    #[test]
    fn durations_and_clocks() {
        let s = Duration::from_secs;
        for (d, text) in [
            (Duration::from_millis(3290), "3.2s"),
            (s(42), "42s"),
            (s(60), "1m"),
            (s(83), "1m23s"),
            (s(7500), "2h05m"),
            (s(90_000), "1d1h"),
        ] {
            assert_eq!(duration(d), text);
        }
        assert_eq!((clock(s(12)).as_str(), clock(s(3723)).as_str()), ("00:12", "1:02:03"));
        assert_eq!(seconds(f64::NAN), "0s");
    }

    #[test]
    fn sizes() {
        for (n, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1_048_575, "1023.9 KiB"),
            (2 << 30, "2.0 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn numbers_as_ranges() {
        assert_eq!(ranges(&BTreeSet::from([1, 2, 3, 5, 7, 8])), "1-3, 5, 7-8");
        assert_eq!(ranges(&BTreeSet::new()), "");
        assert_eq!(ranges(&BTreeSet::from([u32::MAX])), u32::MAX.to_string());
    }

    #[test]
    fn ages_and_times() {
        let t = |s| Timestamp::from_second(s).expect("in range");
        assert_eq!(age(t(0), t(7)).as_deref(), Some("7s"));
        assert_eq!(age(t(0), t(100_000)).as_deref(), Some("1d3h"));
        assert_eq!(age(t(1), t(0)), None);
        assert_eq!(time(t(1_700_000_000)), "2023-11-14 22:13:20Z");
    }

    #[test]
    fn servers_cannot_speak_to_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}d"), "a [2Jb c d");
        assert_eq!(plain_lines("a\u{1b}[2Jb\r\nc\u{9b}d\u{7}"), "a [2Jb\nc d ");
    }
}
