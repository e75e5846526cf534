//! The backup ID: one positive number that every part of one backup carries.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A backup ID: 1 ..= 2^63-1, the range of a Java `long` above zero, which is what every component stores.
///
/// Zeebe refuses 0, and refuses an ID that is not higher than every ID it ever saw, deleted and failed ones included
/// (backup management API, recorded on Zeebe 8.6.0). Operate and Tasklist accept 0: we never send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BackupId(NonZeroU64);

/// Why a text or number is not a backup ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a backup ID: a backup ID is a whole number from 1 to 9223372036854775807")]
pub struct InvalidBackupId {
    given: String,
}

impl BackupId {
    /// The largest ID a component can store (a Java `long`).
    pub const MAX: u64 = i64::MAX as u64;

    /// Checks the range.
    pub fn new(id: u64) -> Result<Self, InvalidBackupId> {
        match NonZeroU64::new(id) {
            Some(id) if id.get() <= Self::MAX => Ok(Self(id)),
            _ => Err(InvalidBackupId { given: id.to_string() }),
        }
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// Whether an ID may have been made from a clock, in seconds or milliseconds, up to a year ahead. What is far above
    /// is a mistake or worse; the next ID would have to be higher still, and burn every ID between for ever.
    pub fn is_plausible(self, now_unix_seconds: u64) -> bool {
        const YEAR: u64 = 366 * 24 * 3600;
        self.get() <= now_unix_seconds.saturating_add(YEAR).saturating_mul(1000)
    }

    /// The ID for a new backup: the time in Unix seconds, as the Camunda guide recommends, or one more than the highest
    /// ID known anywhere, when that is larger (a cluster that ever saw IDs in milliseconds refuses seconds for ever).
    /// `None` when the highest known ID is the largest there is.
    pub fn next(now_unix_seconds: u64, highest_known: Option<BackupId>) -> Option<Self> {
        let after = match highest_known {
            Some(id) => id.get().checked_add(1)?,
            None => 1,
        };
        Self::new(now_unix_seconds.max(after)).ok()
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BackupId {
    type Err = InvalidBackupId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only digits: `+5` and ` 5` are accepted by the integer parser but would be surprising in an ID.
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { text.parse::<u64>().ok() } else { None };
        number.and_then(|n| Self::new(n).ok()).ok_or_else(|| InvalidBackupId { given: text.to_owned() })
    }
}

impl<'de> Deserialize<'de> for BackupId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Self::new(number).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> BackupId {
        BackupId::new(n).expect("in range")
    }

    #[test]
    fn range_is_a_positive_java_long() {
        assert!(BackupId::new(0).is_err());
        assert_eq!(id(1).get(), 1);
        assert_eq!(id(BackupId::MAX).get(), BackupId::MAX);
        assert!(BackupId::new(BackupId::MAX + 1).is_err());
    }

    #[test]
    fn text_must_be_plain_digits() {
        assert_eq!("17".parse(), Ok(id(17)));
        for bad in ["", "0", "-1", "+5", " 5", "1.5", "abc", "99999999999999999999"] {
            assert!(bad.parse::<BackupId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn an_id_from_a_distant_future_is_not_plausible() {
        let now = 1_700_000_000;
        for good in [1, 1_700_000_000, 1_700_000_000_123, 1_720_000_000_000] {
            assert!(id(good).is_plausible(now), "{good}");
        }
        for bad in [1_800_000_000_000, BackupId::MAX - 1, BackupId::MAX] {
            assert!(!id(bad).is_plausible(now), "{bad}");
        }
    }

    #[test]
    fn next_is_now_or_one_above_the_highest() {
        assert_eq!(BackupId::next(1_700_000_000, None), Some(id(1_700_000_000)));
        assert_eq!(BackupId::next(1_700_000_000, Some(id(17))), Some(id(1_700_000_000)));
        // a history in milliseconds
        assert_eq!(BackupId::next(1_700_000_000, Some(id(1_700_000_000_123))), Some(id(1_700_000_000_124)));
        assert_eq!(BackupId::next(0, None), Some(id(1)));
        assert_eq!(BackupId::next(5, Some(id(BackupId::MAX))), None);
    }
}
