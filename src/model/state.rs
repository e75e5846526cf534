//! States as servers report them, closed, with a place for words we do not know.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Word;

/// The state of one part of a backup, or of one snapshot or partition of it, in the components' own words.
///
/// Sources: backup management API of 8.5–8.10; snapshot states of Elasticsearch and OpenSearch (`SUCCESS`, `PARTIAL`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PartState {
    /// `COMPLETED`, Optimize's `COMPLETE`, a snapshot's `SUCCESS`.
    Completed,
    /// `IN_PROGRESS`, a snapshot's `STARTED`.
    InProgress,
    /// `INCOMPLETE`: transient between two snapshots and while a checkpoint travels, for ever after a cut.
    Incomplete,
    /// `FAILED`.
    Failed,
    /// A snapshot that lacks shards: `PARTIAL`. Never a success.
    Partial,
    /// `INCOMPATIBLE`: made by a version this server cannot read.
    Incompatible,
    /// Zeebe: this partition has no such backup.
    DoesNotExist,
    /// Zeebe 8.9+: deleted.
    Deleted,
    /// A word that no known server says.
    Unknown(Word),
}

/// Nothing was said about it.
impl Default for PartState {
    fn default() -> Self {
        Self::Unknown(Word::of("not told"))
    }
}

impl PartState {
    /// Whether a server said anything about it.
    pub fn is_told(&self) -> bool {
        *self != Self::default()
    }

    /// Reads a server's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "COMPLETED" | "COMPLETE" | "SUCCESS" => Self::Completed,
            "IN_PROGRESS" | "STARTED" => Self::InProgress,
            "INCOMPLETE" => Self::Incomplete,
            "FAILED" => Self::Failed,
            "PARTIAL" => Self::Partial,
            "INCOMPATIBLE" => Self::Incompatible,
            "DOES_NOT_EXIST" => Self::DoesNotExist,
            "DELETED" => Self::Deleted,
            other => Self::Unknown(Word::of(other)),
        }
    }

    /// The word used in output.
    pub fn name(&self) -> &str {
        match self {
            Self::Completed => "COMPLETED",
            Self::InProgress => "IN_PROGRESS",
            Self::Incomplete => "INCOMPLETE",
            Self::Failed => "FAILED",
            Self::Partial => "PARTIAL",
            Self::Incompatible => "INCOMPATIBLE",
            Self::DoesNotExist => "DOES_NOT_EXIST",
            Self::Deleted => "DELETED",
            Self::Unknown(word) => word.text(),
        }
    }
}

impl fmt::Display for PartState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for PartState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for PartState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::parse(&word))
    }
}

/// What one partition's exporters do, as a broker's `GET /actuator/partitions` says (recorded on Zeebe 8.6.0).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExporterPhase {
    /// Exporting runs.
    Exporting,
    /// Hard pause: nothing is exported.
    Paused,
    /// Soft pause: records are exported, but the acknowledged position stands still and the log grows.
    SoftPaused,
    /// The exporter director is closed (a role change, or no exporters).
    Closed,
    /// A word that no known broker says.
    Unknown(String),
}

impl ExporterPhase {
    /// Reads a broker's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "EXPORTING" => Self::Exporting,
            "PAUSED" => Self::Paused,
            "SOFT_PAUSED" => Self::SoftPaused,
            "CLOSED" => Self::Closed,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The broker's word.
    pub fn name(&self) -> &str {
        match self {
            Self::Exporting => "EXPORTING",
            Self::Paused => "PAUSED",
            Self::SoftPaused => "SOFT_PAUSED",
            Self::Closed => "CLOSED",
            Self::Unknown(word) => word,
        }
    }

    /// Whether somebody paused it, softly or hard.
    pub fn is_paused(&self) -> bool {
        matches!(self, Self::Paused | Self::SoftPaused)
    }
}

impl fmt::Display for ExporterPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for ExporterPhase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ExporterPhase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::parse(&word))
    }
}
