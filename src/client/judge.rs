//! What an answer means: pure functions from `wire` shapes to `model` values.

use super::call::parse;
use super::list::{List, Place, count, element};
use super::transport::Response;
use crate::model::{
    BackupId, Cluster, Engine, EngineFacts, Name, PartBackup, PartState, PartitionPhase, Piece, Positions,
    RepositoryFacts, Version, WHOLE_CLUSTER, Word, time,
};
use crate::wire;

/// Reads a backup of Operate, Tasklist, Optimize or the history endpoint.
pub fn snapshots_backup(response: &Response) -> Result<PartBackup, String> {
    parse::<wire::SnapshotsBackup>(response)
        .and_then(|b| of_snapshots(b).ok_or_else(|| "backup ID 0".to_owned()))
}

/// Reads their list. IDs that are not positive (Operate accepts 0) are nobody's backup and are left out.
pub fn snapshots_list() -> List<PartBackup> {
    List::new(Place::Body, |bytes| element(bytes).map(of_snapshots), count)
}

/// Reads a backup of Zeebe.
pub fn partitions_backup(response: &Response) -> Result<PartBackup, String> {
    parse::<wire::PartitionsBackup>(response)
        .and_then(|b| of_partitions(b).ok_or_else(|| "backup ID 0".to_owned()))
}

/// Reads its list.
pub fn partitions_list() -> List<PartBackup> {
    List::new(Place::Body, |bytes| element(bytes).map(of_partitions), count)
}

fn of_snapshots(backup: wire::SnapshotsBackup) -> Option<PartBackup> {
    let mut pieces: Vec<Piece> = backup
        .details
        .into_iter()
        .map(|d| Piece {
            started: d.start_time.as_deref().and_then(time),
            failures: d.failures.unwrap_or_default(),
            ..Piece::new(d.snapshot_name.into(), d.state)
        })
        .collect();
    // A list has them newest first, a single answer oldest first.
    pieces.sort_by_key(Piece::nth);
    pieces.shrink_to_fit();
    Some(PartBackup {
        id: BackupId::new(backup.backup_id).ok()?,
        state: backup.state,
        failure: backup.failure_reason,
        pieces,
    })
}

fn of_partitions(backup: wire::PartitionsBackup) -> Option<PartBackup> {
    let mut details = backup.details;
    details.sort_by_key(|d| d.partition_id);
    let mut pieces: Vec<Piece> = details
        .into_iter()
        .map(|d| Piece {
            broker: d.broker_version.as_deref().map(Word::of),
            started: d.created_at.as_deref().and_then(time),
            ended: d.last_updated_at.as_deref().and_then(time),
            failures: d.failure_reason.into_iter().collect(),
            ..Piece::new(Name::Partition(d.partition_id), d.state)
        })
        .collect();
    pieces.shrink_to_fit();
    Some(PartBackup {
        id: BackupId::new(backup.backup_id).ok()?,
        state: backup.state,
        failure: backup.failure_reason,
        pieces,
    })
}

/// Reads the names of the snapshots that a web application will take, from its answer to the start.
pub fn scheduled_snapshots(response: &Response) -> Vec<String> {
    parse::<wire::ScheduledSnapshots>(response).map(|s| s.scheduled_snapshots).unwrap_or_default()
}

/// Whether a pause or resume succeeded: a 2xx without a body, or one whose *body* says 2xx. HTTP 200 with a body proves
/// nothing by itself: real servers answer it for failures as well (recorded on 8.6.0, body status 500).
///
/// `Err` is the server's own sentence.
pub fn exporting_verdict(response: &Response) -> Result<(), String> {
    // A plain success without the envelope: 204, or a 2xx with nothing in it.
    if response.body.is_empty() {
        return Ok(());
    }
    match parse::<wire::ExportingEnvelope>(response) {
        Ok(envelope) if (200..300).contains(&envelope.status) => Ok(()),
        Ok(envelope) => {
            let said = envelope.body.and_then(|b| b.message).filter(|m| !m.is_empty());
            let said = said.unwrap_or_else(|| "no reason given".to_owned());
            Err(format!("the request failed inside with status {}: {said}", envelope.status))
        }
        Err(error) => Err(format!("the answer does not say whether it worked: {error}")),
    }
}

/// Reads what the exporters of one broker's partitions do; from 8.10 on by tenant, or for the whole cluster at once.
pub fn phases(response: &Response) -> Result<Vec<PartitionPhase>, String> {
    let one = |(partition, p): (u32, wire::BrokerPartition)| PartitionPhase {
        partition,
        leader: p.role == "LEADER",
        role: p.role,
        phase: p.exporter_phase,
    };
    let flat = match parse::<wire::BrokerPartitions>(response) {
        Ok(partitions) => return Ok(partitions.into_iter().map(one).collect()),
        Err(error) => error,
    };
    if let Ok(of_cluster) = parse::<wire::ClusterExporting>(response) {
        let phase = Some(of_cluster.status);
        let role = "CLUSTER".to_owned();
        return Ok(vec![PartitionPhase { partition: WHOLE_CLUSTER, leader: true, role, phase }]);
    }
    // The tenants' partitions are numbered alike; each of them counts.
    let tenants = parse::<wire::TenantPartitions>(response).map_err(|_| flat)?;
    Ok(tenants.into_values().flatten().map(one).collect())
}

/// Reads the ID that the cluster made for a backup.
pub fn made_id(response: &Response) -> Option<BackupId> {
    BackupId::new(parse::<wire::MadeId>(response).ok()?.backup_id).ok()
}

/// Reads how far processing and exporting have come from a broker's metrics. A broker without partitions says nothing.
pub fn positions(response: &Response) -> Result<Positions, String> {
    let text = std::str::from_utf8(&response.body).map_err(|_| "the metrics are not a text".to_owned())?;
    let mut read = Positions::default();
    for position in wire::positions(text) {
        match position.exporter {
            None => read.processed.insert(position.partition, position.at),
            Some(exporter) => read.exported.insert((position.partition, exporter), position.at),
        };
    }
    Ok(read)
}

/// Reads the cluster's topology.
pub fn cluster(response: &Response) -> Result<Cluster, String> {
    let topology = parse::<wire::ClusterTopology>(response)?;
    let partitions = topology.brokers.iter().flat_map(|b| b.partitions.iter().map(|p| p.id)).collect();
    Ok(Cluster {
        change_pending: topology.pending_change.is_some_and(|c| !c.is_null()),
        brokers: topology.brokers.into_iter().map(|b| (b.id, b.state)).collect(),
        partitions,
    })
}

/// Reads which exporters there are.
pub fn exporters(response: &Response) -> Result<Vec<String>, String> {
    Ok(parse::<Vec<wire::Exporter>>(response)?.into_iter().map(|e| e.exporter_id).collect())
}

/// Reads a component's version. A server without build information has none.
pub fn version(response: &Response) -> Option<Version> {
    parse::<wire::Info>(response).ok()?.build?.version.parse().ok()
}

/// Reads which engine answers at `GET /`.
pub fn engine(response: &Response) -> Result<EngineFacts, String> {
    let info = parse::<wire::EngineInfo>(response)?;
    let engine = match info.version.distribution.as_deref() {
        Some("opensearch") => Engine::OpenSearch,
        _ => Engine::Elasticsearch,
    };
    Ok(EngineFacts { engine, version: info.version.number })
}

/// Reads a repository out of `GET /_snapshot/{name}`.
pub fn repository(response: &Response, name: &str) -> Result<RepositoryFacts, String> {
    let repository = parse::<wire::Repositories>(response)?
        .remove(name)
        .ok_or_else(|| format!("the answer does not contain the repository {name}"))?;
    let read_only =
        repository.settings.get("readonly").is_some_and(|v| v == "true" || v.as_bool() == Some(true));
    Ok(RepositoryFacts { name: name.to_owned(), read_only, kind: repository.kind })
}

/// One snapshot of the records, judged by `GET /_snapshot/{repository}/{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsSnapshot {
    /// State; `PARTIAL` is not success.
    pub state: PartState,
    /// Indices in it.
    pub indices: Vec<String>,
    /// Shards in it.
    pub shards_done: u32,
    /// Shards there are.
    pub shards_total: u32,
    /// Shards that failed.
    pub shards_failed: u32,
    /// What could not be read.
    pub failures: Vec<String>,
    /// The engine's own time for it, in milliseconds, once it has ended.
    pub took_ms: Option<u64>,
}

/// Reads the one snapshot that was asked for.
pub fn records_snapshot(response: &Response) -> Result<RecordsSnapshot, String> {
    let found = parse::<wire::Snapshots>(response)?;
    let Some(s) = found.snapshots.into_iter().next() else {
        // Elasticsearch answers 200 with this for a repository it does not know.
        return Err(format!("no snapshot in the answer; failures: {}", found.failures.unwrap_or_default()));
    };
    let shards = s.shards.unwrap_or_default();
    let failures = s.failures.iter().map(|f| {
        format!("{}: {}", f.index.as_deref().unwrap_or("?"), f.reason.as_deref().unwrap_or("no reason given"))
    });
    Ok(RecordsSnapshot {
        shards_done: shards.successful,
        shards_total: shards.total,
        shards_failed: shards.failed,
        failures: failures.collect(),
        took_ms: s.duration_in_millis.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0),
        state: s.state,
        indices: s.indices,
    })
}

/// How far a running snapshot has come: `_status`, good for progress only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SnapshotProgress {
    /// Shards copied.
    pub shards_done: u32,
    /// Shards there are.
    pub shards_total: u32,
    /// Bytes copied, whole files only.
    pub bytes_done: u64,
    /// Bytes to copy; `None` while it still grows.
    pub bytes_total: Option<u64>,
}

/// Reads `_status`.
pub fn snapshot_progress(response: &Response) -> Option<SnapshotProgress> {
    let status = parse::<wire::SnapshotStatuses>(response).ok()?.snapshots.into_iter().next()?;
    let stages = status.shards_stats;
    let to_copy = status.stats.incremental.size_in_bytes;
    let all_done = stages.done == stages.total;
    Some(SnapshotProgress {
        shards_done: stages.done,
        shards_total: stages.total,
        // Absent before the first file and, on Elasticsearch, after the last.
        bytes_done: status.stats.processed.map_or(if all_done { to_copy } else { 0 }, |p| p.size_in_bytes),
        bytes_total: (stages.initializing == 0).then_some(to_copy),
    })
}

/// Reads `_cat/indices?format=json`.
pub fn index_names(response: &Response) -> Result<Vec<String>, String> {
    let mut names: Vec<String> =
        parse::<Vec<wire::CatIndex>>(response)?.into_iter().map(|i| i.index).collect();
    names.sort();
    Ok(names)
}

/// Reads a component's health: `UP`, `DEGRADED`, `DOWN`.
pub fn health(response: &Response) -> Result<String, String> {
    parse::<wire::Health>(response).map(|h| h.status)
}

/// Reads how many nodes could write to a repository.
pub fn verified_nodes(response: &Response) -> Result<usize, String> {
    parse::<wire::VerifiedRepository>(response).map(|v| v.nodes.len())
}
