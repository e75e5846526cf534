//! What the search engine tells about a whole repository, and about snapshots opened by name.
//!
//! Recorded on Elasticsearch 8.14.1 (list, `index_details`); `_verify_integrity`, `_slm/policy` and OpenSearch's snapshot
//! management from their documentation.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::PartState;

/// `GET /_snapshot/{repository}/_all?verbose=false`, but for the snapshots themselves, each of which is a [`ListedSnapshot`]:
/// a hundred thousand of them must fit into memory.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct SnapshotList {
    /// How many were found. Required: an object of another kind must not count as an empty repository.
    #[serde(deserialize_with = "counted")]
    pub snapshots: usize,
    /// How many more there are that were not told (Elasticsearch); 0 for what we ask.
    #[serde(default)]
    pub remaining: u64,
    /// Repositories that could not be read, by name (Elasticsearch; OpenSearch answers 404 instead).
    #[serde(default)]
    pub failures: Option<serde_json::Value>,
}

/// One snapshot of that list.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct ListedSnapshot {
    /// Name.
    pub snapshot: String,
    /// `IN_PROGRESS`, `SUCCESS`, `PARTIAL`, `FAILED`, `INCOMPATIBLE`.
    pub state: PartState,
    /// How many indices it holds.
    #[serde(default, deserialize_with = "counted")]
    pub indices: usize,
}

fn counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    struct Count;
    impl<'de> Visitor<'de> for Count {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<usize, A::Error> {
            let mut count = 0;
            while all.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
            Ok(count)
        }
    }
    deserializer.deserialize_seq(Count)
}

/// One element of `index_details` (Elasticsearch 7.13+, with `?index_details=true`).
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
pub struct IndexDetails {
    /// Bytes of the index in this snapshot, shared files included.
    #[serde(default)]
    pub size_in_bytes: u64,
}

/// One snapshot, opened, as far as its contents are concerned.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct OpenedSnapshot {
    /// Name.
    pub snapshot: String,
    /// Engine version that made it.
    #[serde(default)]
    pub version: Option<String>,
    /// Indices it holds.
    #[serde(default)]
    pub indices: Vec<String>,
    /// Their sizes, where they were asked for and are told.
    #[serde(default)]
    pub index_details: Option<BTreeMap<String, IndexDetails>>,
    /// Unix milliseconds.
    #[serde(default)]
    pub start_time_in_millis: Option<i64>,
    /// Unix milliseconds; 0 while it runs.
    #[serde(default)]
    pub end_time_in_millis: Option<i64>,
    /// What could not be read.
    #[serde(default)]
    pub failures: Vec<super::ShardFailure>,
    /// Counts.
    #[serde(default)]
    pub shards: Option<super::ShardCounts>,
}

/// `GET /_snapshot/{repository}/{names}`.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct OpenedSnapshots {
    /// What was found. Required: an object of another kind must not count as an empty repository.
    pub snapshots: Vec<OpenedSnapshot>,
    /// How many more there are that were not told (Elasticsearch); 0 for what we ask.
    #[serde(default)]
    pub remaining: u64,
    /// Repositories that could not be read, by name.
    #[serde(default)]
    pub failures: Option<serde_json::Value>,
}

/// `GET /_slm/policy` (Elasticsearch with its snapshot lifecycle management), by name.
pub type LifecyclePolicies = BTreeMap<String, LifecyclePolicy>;

/// One of them.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct LifecyclePolicy {
    /// What it does.
    pub policy: LifecyclePolicyBody,
}

/// What it does.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct LifecyclePolicyBody {
    /// Where it writes.
    #[serde(default)]
    pub repository: Option<String>,
}

/// `GET /_plugins/_sm/policies` (OpenSearch's snapshot management).
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct ManagementPolicies {
    /// All of them.
    #[serde(default)]
    pub policies: Vec<ManagementPolicy>,
}

/// One of them.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct ManagementPolicy {
    /// What it is.
    pub sm_policy: ManagementPolicyBody,
}

/// What it is.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct ManagementPolicyBody {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What it takes.
    #[serde(default)]
    pub snapshot_config: Option<LifecyclePolicyBody>,
}

/// `POST /_snapshot/{repository}/_verify_integrity`. Its shape is "not considered stable", so as little as possible is
/// asked of it.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct VerifiedIntegrity {
    /// What was found on the way.
    #[serde(default)]
    pub log: Vec<IntegrityLog>,
    /// The end.
    #[serde(default)]
    pub results: Option<IntegrityResults>,
    /// Why it did not come to its end.
    #[serde(default)]
    pub exception: Option<serde_json::Value>,
}

/// One thing that was found.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct IntegrityLog {
    /// In words.
    #[serde(default)]
    pub anomaly: Option<String>,
}

/// The end of the check.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct IntegrityResults {
    /// Number of anomalies.
    #[serde(default)]
    pub total_anomalies: u64,
    /// `pass`, `fail` or `inconclusive due to concurrent writes`; anything but the first, or nothing, is no proof.
    #[serde(default)]
    pub result: Option<String>,
}
