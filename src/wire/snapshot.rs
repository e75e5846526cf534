//! The snapshot API of Elasticsearch and OpenSearch, and the little else we ask them.
//!
//! Recorded on Elasticsearch 8.14 to 9.2 and OpenSearch 2.19 and 3.6.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::PartState;

/// Body of `PUT /_snapshot/{repository}/{snapshot}`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct CreateSnapshot {
    /// Names or patterns, comma separated.
    pub indices: String,
    /// Elasticsearch only; OpenSearch accepts and ignores it, so it is left out there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_states: Option<Vec<String>>,
}

/// `GET /_snapshot/{repository}/{snapshot}`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Snapshots {
    /// What was found.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// Repositories that could not be read, by name (Elasticsearch; OpenSearch answers 404 instead).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<serde_json::Value>,
}

/// One snapshot. With `?verbose=false` only the first five fields are there.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Snapshot {
    /// Name.
    pub snapshot: String,
    /// Unique among snapshots of the same name over time.
    #[serde(default)]
    pub uuid: String,
    /// Indices it holds, patterns resolved.
    #[serde(default)]
    pub indices: Vec<String>,
    /// `IN_PROGRESS`, `SUCCESS`, `PARTIAL`, `FAILED`, `INCOMPATIBLE`.
    pub state: PartState,
    /// Repository; absent on OpenSearch with `verbose=false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Engine version that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time_in_millis: Option<i64>,
    /// Unix milliseconds; 0 while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time_in_millis: Option<i64>,
    /// Milliseconds; 0 while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_in_millis: Option<i64>,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<ShardFailure>,
    /// Counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<ShardCounts>,
}

/// One shard that is not in the snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ShardFailure {
    /// Index.
    #[serde(default)]
    pub index: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Shards of a snapshot.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct ShardCounts {
    /// All.
    pub total: u32,
    /// Not in it.
    pub failed: u32,
    /// In it.
    pub successful: u32,
}

/// `GET /_snapshot/{repository}/{snapshot}/_status`: progress only. Its `state` is not a verdict: Elasticsearch says
/// `SUCCESS` there for a `PARTIAL` snapshot, and before the repository's own files are written.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct SnapshotStatuses {
    /// One element for the snapshot that was asked for.
    #[serde(default)]
    pub snapshots: Vec<SnapshotStatus>,
}

/// Progress of one snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct SnapshotStatus {
    /// Name.
    pub snapshot: String,
    /// Shards by stage.
    pub shards_stats: ShardStages,
    /// Bytes and files.
    pub stats: SnapshotStats,
}

/// Shards of a running snapshot by stage.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct ShardStages {
    /// Not begun; while there are any, `stats.incremental` still grows.
    pub initializing: u32,
    /// Copying.
    pub started: u32,
    /// Copied, being written down.
    pub finalizing: u32,
    /// In the snapshot.
    pub done: u32,
    /// Not in it.
    pub failed: u32,
    /// All.
    pub total: u32,
}

/// Bytes of a running snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct SnapshotStats {
    /// What must be copied, because the repository does not have it yet.
    pub incremental: FilesAndBytes,
    /// What was copied so far, whole files only. Absent before the first file and after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed: Option<FilesAndBytes>,
    /// All that the snapshot holds.
    pub total: FilesAndBytes,
}

/// A number of files and bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct FilesAndBytes {
    /// Files.
    pub file_count: u64,
    /// Bytes.
    pub size_in_bytes: u64,
}

/// `GET /` of the engine.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct EngineInfo {
    /// Cluster name.
    #[serde(default)]
    pub cluster_name: String,
    /// Version and flavour.
    pub version: EngineVersion,
}

/// `version` of `GET /`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct EngineVersion {
    /// `8.14.1`.
    pub number: String,
    /// `opensearch` there; absent on Elasticsearch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
}

/// `GET /_snapshot/{repository}`: repositories by name.
pub type Repositories = BTreeMap<String, Repository>;

/// One registered repository. Its settings may hold what nobody else should read: never print them.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Repository {
    /// `fs`, `s3`, `gcs`, `azure`, `hdfs`, `url`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Settings, of which we read `readonly` and, for comparison, `location`.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// `POST /_snapshot/{repository}/_verify`: the nodes that could write to it, by ID.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct VerifiedRepository {
    /// Nodes.
    pub nodes: BTreeMap<String, serde_json::Value>,
}

/// One element of `GET /_cat/indices/{pattern}?format=json&h=index`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct CatIndex {
    /// Name.
    pub index: String,
}

/// Answer to `PUT /_snapshot/..` without `wait_for_completion`, and to deletions.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Accepted {
    /// `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<bool>,
}
