//! Version and topology to row.

use super::rows::{Dialect, ROWS};
use crate::model::{Topology, Version};

/// No row fits: this tool does not know the procedure of that version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Camunda {version} with {topology} is not supported{hint}; known: {known}")]
pub struct Unsupported {
    /// What was found or given.
    pub version: Version,
    /// What was found or given.
    pub topology: Topology,
    /// What is close.
    pub hint: &'static str,
    /// The rows there are.
    pub known: String,
}

/// Finds the row for a version. A version without a patch level (`8.6`) counts as its newest patch.
pub fn select(version: &Version, topology: Topology) -> Result<&'static Dialect, Unsupported> {
    let newest_patch = Version { patch: version.patch.or(Some(u32::MAX)), ..version.clone() };
    let row =
        ROWS.iter().find(|r| r.topology == topology && r.from <= newest_patch && newest_patch < r.until);
    row.ok_or_else(|| Unsupported {
        version: version.clone(),
        topology,
        hint: if version.line() == (8, 5) {
            " (8.5.0 has no soft pause: update to 8.5.1 or later)"
        } else {
            ""
        },
        known: ROWS.iter().map(|r| r.name).collect::<Vec<_>>().join("; "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: &str) -> Result<&'static str, Unsupported> {
        select(&version.parse().expect("a version"), Topology::Separate).map(|d| d.name)
    }

    #[test]
    fn patch_levels_and_pre_releases_find_their_row() {
        for version in ["8.5.1", "8.5", "8.6", "8.6.0", "8.7.37", "8.7.0-rc1"] {
            assert_eq!(row(version), Ok("8.5-8.7, separate components"), "{version}");
        }
        for version in ["8.4.9", "8.5.0", "8.8.0", "9.0.0", "7.20"] {
            assert!(row(version).is_err(), "{version} was accepted");
        }
    }

    #[test]
    fn says_what_is_known() {
        let text = row("8.5.0").expect_err("hard pause only").to_string();
        assert!(text.contains("update to 8.5.1") && text.contains("8.5-8.7"), "{text}");
    }

    #[test]
    fn ranges_of_one_topology_do_not_overlap() {
        for (i, a) in ROWS.iter().enumerate() {
            assert!(a.from < a.until);
            for b in &ROWS[i + 1..] {
                assert!(
                    a.topology != b.topology || a.until <= b.from || b.until <= a.from,
                    "{} / {}",
                    a.name,
                    b.name
                );
            }
        }
    }
}
