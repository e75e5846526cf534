//! Version, and what answers, to row.

use std::collections::BTreeMap;

use super::rows::{Dialect, Sign};
use crate::model::{Storage, Topology, Version};

/// What is known of a release beside its version. All of it may be unknown.
#[derive(Debug)]
pub struct Seen<'a> {
    /// How the processes are cut, as configured.
    pub topology: Option<Topology>,
    /// Where the web applications keep their data, as configured.
    pub storage: Option<Storage>,
    /// Exporters of the brokers; empty when nobody told.
    pub exporters: &'a [String],
    /// Paths of the gateway that were asked: whether they are there. What could not be asked is not in it.
    pub paths: &'a BTreeMap<&'static str, bool>,
}

/// A row, and whether what answers fits to it.
#[derive(Debug)]
pub struct Recognised {
    /// The row.
    pub dialect: &'static Dialect,
    /// What speaks against it: no row of this version has the paths that are there.
    pub contradiction: Option<String>,
}

/// No row fits: this tool does not know the procedure of that version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Camunda {version} is not supported{hint}; known: {known}")]
pub struct Unsupported {
    /// What was found or given.
    pub version: Version,
    /// What is close.
    pub hint: &'static str,
    /// The rows there are.
    pub known: String,
}

/// The rows that a version may mean. Without a patch level (`8.6`) it counts as its newest patch.
pub fn candidates<'a>(
    rows: &'static [Dialect],
    version: Option<&'a Version>,
) -> impl Iterator<Item = &'static Dialect> + use<'a> {
    let newest = version.map(|v| Version { patch: v.patch.or(Some(u32::MAX)), ..v.clone() });
    rows.iter().filter(move |r| newest.as_ref().is_none_or(|v| r.covers(v)))
}

/// Finds the row of a version: the one whose paths answer, else the one that is configured, else the first.
pub fn recognise(
    rows: &'static [Dialect],
    version: &Version,
    seen: &Seen<'_>,
) -> Result<Recognised, Unsupported> {
    match best(rows, Some(version), seen) {
        Some(dialect) => {
            // When nothing at all is there, the address is wrong rather than the version.
            let refuted = seen.paths.values().any(|there| *there) && dialect.refuted_by(seen);
            let contradiction = refuted.then(|| contradiction(rows, version, dialect, seen));
            Ok(Recognised { dialect, contradiction })
        }
        None => Err(Unsupported {
            version: version.clone(),
            hint: if version.line() == (8, 5) {
                " (8.5.0 has no soft pause: update to 8.5.1 or later)"
            } else {
                ""
            },
            known: known(rows),
        }),
    }
}

/// A row in any case: of an unknown version the one that answers like it. What exists can be listed and deleted with it.
pub fn nearest(rows: &'static [Dialect], version: Option<&Version>, seen: &Seen<'_>) -> &'static Dialect {
    best(rows, version, seen).or_else(|| best(rows, None, seen)).unwrap_or(&rows[0])
}

/// The rows there are, for people.
pub fn known(rows: &[Dialect]) -> String {
    rows.iter().map(|r| r.name).collect::<Vec<_>>().join("; ")
}

fn best(rows: &'static [Dialect], version: Option<&Version>, seen: &Seen<'_>) -> Option<&'static Dialect> {
    // The sort is stable: what nothing tells apart stays in the table's order.
    let mut fitting: Vec<_> = candidates(rows, version).collect();
    fitting.sort_by_key(|r| (r.denied_by(seen), r.refuted_by(seen), std::cmp::Reverse(r.agreement(seen))));
    fitting.first().copied()
}

fn contradiction(rows: &'static [Dialect], version: &Version, dialect: &Dialect, seen: &Seen<'_>) -> String {
    let names = |wanted: bool| {
        let paths: Vec<_> =
            seen.paths.iter().filter(|(_, there)| **there == wanted).map(|(p, _)| *p).collect();
        (!paths.is_empty()).then(|| paths.join(" and "))
    };
    let there = names(true).unwrap_or_else(|| "nothing".to_owned());
    let absent = names(false).map(|paths| format!(" and not {paths}")).unwrap_or_default();
    let like: Vec<_> =
        rows.iter().filter(|r| !r.refuted_by(seen) && r.agreement(seen).0 > 0).map(|r| r.name).collect();
    let like = if like.is_empty() { "no version that is known".to_owned() } else { like.join("; ") };
    format!(
        "Camunda {version} ({}) was expected, but the gateway has {there}{absent}, like {like}",
        dialect.name
    )
}

impl Dialect {
    fn covers(&self, version: &Version) -> bool {
        self.from <= *version && *version < self.until
    }

    /// Whether a path that answered, or did not, says that this is not the row.
    fn refuted_by(&self, seen: &Seen<'_>) -> bool {
        self.gateway.iter().any(|(path, there)| seen.paths.get(path).is_some_and(|is| is != there))
    }

    /// Whether something says that the storage is another one, where the paths would tell it by what is missing. Exporters of
    /// both kinds, as in a migration, say nothing.
    fn denied_by(&self, seen: &Seen<'_>) -> bool {
        let runs = |exporter: &str| seen.exporters.iter().any(|e| e == exporter);
        self.sign.is_some_and(|sign| {
            runs(sign.denies) && !runs(sign.confirms) || seen.storage.is_some_and(|s| s != self.storage)
        })
    }

    /// Whether nothing but a missing path speaks for its storage.
    pub fn is_guessed(&self, seen: &Seen<'_>) -> bool {
        let confirmed = |sign: Sign| seen.exporters.iter().any(|e| e == sign.confirms);
        self.sign.is_some_and(|sign| !confirmed(sign) && seen.storage != Some(self.storage))
    }

    /// How much speaks for it: paths that were seen, then what is configured.
    fn agreement(&self, seen: &Seen<'_>) -> (usize, usize) {
        let paths = self.gateway.iter().filter(|(path, there)| seen.paths.get(path) == Some(there)).count();
        let configured = usize::from(seen.topology == Some(self.topology))
            + usize::from(seen.storage == Some(self.storage));
        (paths, configured)
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
