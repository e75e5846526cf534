//! What a run of this tool left word of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Part;

/// A run that has ended, and whose backup was not complete then: as it wrote it down itself, or who came after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedRun {
    /// `failed`, `deadline`, `cancelled`; `died`, when it could not write itself.
    pub outcome: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The parts that it began, so that what there is of them is its own. None when the ID was somebody else's, or when
    /// nobody knows.
    #[serde(default)]
    pub begun: BTreeSet<Part>,
    /// It had paused exporting, which went on before the backup was seen complete: what is complete by now was not taken in
    /// one pause.
    #[serde(default)]
    pub paused: bool,
}

impl EndedRun {
    /// A run that died while exporting was paused, `since` then.
    pub fn died(since: &str) -> Self {
        let reason = Some(format!("it died while exporting was paused (since {since})"));
        Self { outcome: "died".to_owned(), reason, begun: BTreeSet::new(), paused: true }
    }
}
