//! Camunda versions, ordered, with the patch level that some rules need.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version such as `8.6.0`, `8.7` (patch unknown) or `8.10.0-alpha2`.
///
/// Ordered by major, minor, patch; an unknown patch sorts before patch 0, and a pre-release before its release.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// `8` in 8.6.0.
    pub major: u32,
    /// `6` in 8.6.0.
    pub minor: u32,
    /// `0` in 8.6.0; `None` when only the minor is known.
    pub patch: Option<u32>,
    /// `alpha2` in 8.10.0-alpha2.
    pub pre: Option<String>,
}

/// The text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version such as 8.6 or 8.6.0")]
pub struct InvalidVersion(String);

impl Version {
    /// A version without a patch level.
    pub const fn minor(major: u32, minor: u32) -> Self {
        Self { major, minor, patch: None, pre: None }
    }

    /// A full version.
    pub const fn full(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch: Some(patch), pre: None }
    }

    /// Major and minor, which is what the procedure depends on.
    pub fn line(&self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let release = |v: &Self| v.pre.is_none();
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then(release(self).cmp(&release(other)))
            .then(self.pre.cmp(&other.pre))
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || InvalidVersion(text.to_owned());
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) if !pre.is_empty() => (numbers, Some(pre.to_owned())),
            Some(_) => return Err(bad()),
            None => (text, None),
        };
        let mut parts = numbers.split('.');
        let mut number = || match parts.next() {
            Some(p) if !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) => {
                p.parse().map(Some).map_err(|_| bad())
            }
            Some(_) => Err(bad()),
            None => Ok(None),
        };
        let (major, minor, patch) = (number()?, number()?, number()?);
        match (major, minor, parts.next()) {
            (Some(major), Some(minor), None) => Ok(Self { major, minor, patch, pre }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if let Some(patch) = self.patch {
            write!(f, ".{patch}")?;
        }
        if let Some(pre) = &self.pre {
            write!(f, "-{pre}")?;
        }
        Ok(())
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn reads_and_prints() {
        for text in ["8.6", "8.6.0", "8.10.0-alpha2", "8.7.0-rc1"] {
            assert_eq!(v(text).to_string(), text);
        }
        for bad in ["", "8", "8.", "8.x", "8.7.x", "8.6.0.1", "v8.6", "8.6-", "8.+6"] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn orders_by_number_not_by_text() {
        assert!(v("8.10.0") > v("8.9.17"));
        assert!(v("8.6") < v("8.6.0"));
        assert!(v("8.10.0-alpha2") < v("8.10.0"));
    }
}
