//! When a backup was taken: as its owners say it, else as its ID suggests.

use jiff::Timestamp;

use crate::model::{BackupId, Piece};

/// The first beginning and the last change that any piece tells of.
pub(super) fn span<'a>(pieces: impl Iterator<Item = &'a Piece>) -> (Option<Timestamp>, Option<Timestamp>) {
    pieces.fold((None, None), |(first, last), piece| {
        // `None` is smaller than everything, which is right for the last but not for the first.
        let first = first.into_iter().chain(piece.started).min();
        (first, last.max(piece.ended))
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
