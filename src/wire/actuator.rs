//! `/actuator/backups` and its 8.8+ siblings, `/actuator/cluster`, `/actuator/info`.
//!
//! Recorded on Camunda 8.6.0 (Operate, Tasklist, Zeebe); Optimize and 8.8+ from the backup management API's description.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::{BackupId, PartState};

/// Body of every `POST` that starts a backup.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TakeBackup {
    /// The ID.
    pub backup_id: BackupId,
}

/// Answer of Operate, Tasklist and the history endpoint to that `POST`: the snapshots that will be taken, in order.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledSnapshots {
    /// Names such as `camunda_operate_100_8.6.0_part_1_of_6`.
    pub scheduled_snapshots: Vec<String>,
}

/// A text for people: Zeebe's and Optimize's answer to the `POST`, and most error bodies.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub message: String,
}

/// `GET /actuator/backups/{id}` of Operate, Tasklist, Optimize and the history endpoint, and one element of their list.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotsBackup {
    /// The ID; a decimal number on 8.8+.
    #[serde(deserialize_with = "id_in_any_number")]
    pub backup_id: u64,
    /// State over all snapshots; not told by every list in brief.
    #[serde(default, deserialize_with = "null_is_not_told")]
    pub state: PartState,
    /// Why it failed.
    #[serde(default)]
    pub failure_reason: Option<String>,
    /// The snapshots begun so far; in a list newest first.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub details: Vec<SnapshotDetail>,
}

/// One snapshot of a web application's backup.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotDetail {
    /// `camunda_operate_100_8.6.0_part_1_of_6`.
    pub snapshot_name: String,
    /// `SUCCESS`, `IN_PROGRESS`, `PARTIAL`, `FAILED`; not told by every list in brief.
    #[serde(default, deserialize_with = "null_is_not_told")]
    pub state: PartState,
    /// `2026-11-23T00:25:20.068+0000`: no colon in the offset, so not RFC 3339.
    #[serde(default)]
    pub start_time: Option<String>,
    /// Null on OpenSearch.
    #[serde(default)]
    pub failures: Option<Vec<String>>,
}

/// `GET /actuator/backups/{id}` (8.8+: `/actuator/backupRuntime/{id}`) of Zeebe, and one element of its list.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PartitionsBackup {
    /// The ID.
    #[serde(deserialize_with = "id_in_any_number")]
    pub backup_id: u64,
    /// State over all partitions.
    pub state: PartState,
    /// Only when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// One element a partition.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub details: Vec<PartitionDetail>,
}

/// One partition of a Zeebe backup. What a list leaves out, and what is not known yet, is absent.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PartitionDetail {
    /// From 1.
    pub partition_id: u32,
    /// `COMPLETED`, `IN_PROGRESS`, `DOES_NOT_EXIST`, `FAILED`.
    pub state: PartState,
    /// Only when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// `2026-11-23T00:25:36.94871472Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// As `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<String>,
    /// `303-1-2841-2859-0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Position of the checkpoint in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_position: Option<i64>,
    /// Version of the broker that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_version: Option<String>,
}

/// `GET /actuator/cluster` of the gateway: what we need of it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTopology {
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
    /// The brokers that belong to the cluster, running or not.
    #[serde(default)]
    pub brokers: Vec<ClusterBroker>,
    /// A change of the topology that is going on; a backup must not start then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_change: Option<serde_json::Value>,
}

/// One broker in the topology.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBroker {
    /// Node ID, from 0.
    pub id: u32,
    /// `ACTIVE`, `JOINING`, `LEAVING`, `LEFT`.
    pub state: String,
    /// Partitions it has a replica of.
    #[serde(default)]
    pub partitions: Vec<ClusterPartition>,
}

/// One replica in the topology.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ClusterPartition {
    /// From 1.
    pub id: u32,
    /// `ACTIVE`, `JOINING`, `LEAVING`.
    pub state: String,
}

/// One element of `GET /actuator/exporters`: what we need of it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Exporter {
    /// `elasticsearch`, `camundaexporter`, `rdbms`, ...
    pub exporter_id: String,
}

/// `GET /actuator/info`: what we need of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Info {
    /// How it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildInfo>,
}

/// `build` of `/actuator/info`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct BuildInfo {
    /// `8.6.0`.
    pub version: String,
    /// `camunda-zeebe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
}

/// `GET /actuator/health`: what we need of it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Health {
    /// `UP`, `DEGRADED`, `DOWN`, `OUT_OF_SERVICE`, `UNKNOWN`.
    pub status: String,
}

/// `GET /v2/exporting` (8.10 and later): of the whole cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterExporting {
    /// `EXPORTING`, `PAUSED`, `SOFT_PAUSED`, `MIXED`.
    pub status: crate::model::ExporterPhase,
}

/// Zeebe's answer to a `POST` without an ID (8.9 and later): what we need of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeId {
    /// The ID that the cluster made.
    #[serde(deserialize_with = "id_in_any_number")]
    pub backup_id: u64,
}

/// `GET /actuator/partitions` of a broker: its partitions by their number.
pub type BrokerPartitions = BTreeMap<u32, BrokerPartition>;

/// The same from 8.10 on: by tenant, of which `default` is always there.
pub type TenantPartitions = BTreeMap<String, BrokerPartitions>;

/// One partition on one broker.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BrokerPartition {
    /// `LEADER`, `FOLLOWER`, ...
    pub role: String,
    /// Absent or null on a replica without exporters.
    #[serde(default)]
    pub exporter_phase: Option<crate::model::ExporterPhase>,
    /// Position up to which the log was processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_position: Option<i64>,
    /// Position up to which records were exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_position: Option<i64>,
}

/// Backup IDs are a `long`, but 8.8+ declares a decimal for the web applications: `123` and `123.0` are the same ID.
fn id_in_any_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    if let Some(id) = number.as_u64() {
        return Ok(id);
    }
    // Above 2^53 a decimal could not carry the ID exactly; such an answer is better refused than misread.
    match number.as_f64() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked: whole, positive, exact"
        )]
        Some(f) if f.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&f) => Ok(f as u64),
        _ => Err(serde::de::Error::custom(format!("{number} is not a backup ID"))),
    }
}

fn null_is_not_told<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PartState, D::Error> {
    Ok(Option::<PartState>::deserialize(deserializer)?.unwrap_or_default())
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}
