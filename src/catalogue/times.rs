//! When a backup was taken: as its owners say it, else as its ID suggests.

use jiff::{Timestamp, fmt::strtime};

use crate::model::{BackupId, Piece};

/// Reads the two ways in which components write a time: Zeebe's RFC 3339 with up to nine digits of a second, and the web
/// applications' `2026-11-23T00:25:20.068+0000`, whose offset has no colon.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()?.to_timestamp().ok())
}

/// The first beginning and the last change that any piece tells of.
pub(super) fn span<'a>(pieces: impl Iterator<Item = &'a Piece>) -> (Option<Timestamp>, Option<Timestamp>) {
    let read = |text: &Option<String>| parse(text.as_deref()?);
    pieces.fold((None, None), |(first, last), piece| {
        // `None` is smaller than everything, which is right for the last but not for the first.
        let first = first.into_iter().chain(read(&piece.started)).min();
        (first, last.max(read(&piece.ended)))
    })
}

/// A time of the search engine.
pub(super) fn from_millis(millis: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis?).ok()
}

/// 2015 to 2100, in Unix seconds: what an ID must lie between to be taken for a time.
const PLAUSIBLE: std::ops::Range<i64> = 1_420_070_400..4_102_444_800;

/// The time in an ID that was made from a clock, in seconds or in milliseconds.
pub(super) fn from_id(id: BackupId) -> Option<Timestamp> {
    let number = i64::try_from(id.get()).ok()?;
    if PLAUSIBLE.contains(&number) {
        Timestamp::from_second(number).ok()
    } else if PLAUSIBLE.contains(&(number / 1000)) {
        Timestamp::from_millisecond(number).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_times_of_real_servers() {
        for (text, read) in [
            ("2026-11-23T00:25:20.068+0000", "2026-11-23T00:25:20.068Z"),
            ("2026-11-23T01:25:20.068+0100", "2026-11-23T00:25:20.068Z"),
            ("2026-11-23T00:25:36.94871472Z", "2026-11-23T00:25:36.94871472Z"),
        ] {
            assert_eq!(parse(text).map(|t| t.to_string()).as_deref(), Some(read), "{text}");
        }
        for text in ["", "yesterday", "1764000000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_is_a_time_only_when_it_can_be_one() {
        let of = |id| from_id(BackupId::new(id).expect("in range")).map(|t| t.to_string());
        assert_eq!(of(1_700_000_000).as_deref(), Some("2023-11-14T22:13:20Z"));
        assert_eq!(of(1_700_000_000_123).as_deref(), Some("2023-11-14T22:13:20.123Z"));
        // a counter, and a date written out as one number
        for id in [1, 100, 20_231_114_221_320, BackupId::MAX] {
            assert_eq!(of(id), None, "{id}");
        }
    }
}
