//! The record of one backup.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::WRITE;
use crate::cluster::access::{Cluster, within};
use crate::cluster::error::{Ask, ClusterError};
use crate::cluster::names::{self, MANAGED_BY, OURS, RELEASE};
use crate::model::{BackupId, EndedRun, Part, Reason};

const BACKUP: &str = "camunda-backup/backup-id";
const OUTCOME: &str = "camunda-backup/outcome";
const KEY: &str = "record.json";
const RESOURCE: &str = "configmaps";

/// What is known of one backup beyond what the servers tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this shape.
    pub schema: u32,
    /// The release.
    pub release: String,
    /// The ID.
    pub backup_id: BackupId,
    /// `running`, `complete`, `failed`, `cancelled`, ...: one word, also a label.
    pub outcome: String,
    /// Begin, in RFC 3339.
    pub started: String,
    /// End, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Versions by component, as found.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// Partitions of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
    /// How long exporting was paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_seconds: Option<f64>,
    /// Whether exporting was paused at all.
    #[serde(default)]
    pub exporting_paused: bool,
    /// Its parts.
    #[serde(default)]
    pub parts: BTreeMap<Part, RecordedPart>,
    /// Parts that were left out, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<Part, String>,
    /// What belongs to a restore and is in no part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// Version of this tool.
    pub written_by: String,
}

/// One part of a backup.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedPart {
    /// `started`, `complete`, `failed`, ...
    pub state: String,
    /// The names of its snapshots as they were answered when it was started, its partitions, or its indices.
    #[serde(default)]
    pub pieces: Vec<String>,
}

impl Record {
    /// The shape that this version writes.
    pub const SCHEMA: u32 = 1;

    /// A backup that begins, and of which nothing else is known.
    pub fn begun(release: &str, backup_id: BackupId, started: String) -> Self {
        Self {
            schema: Self::SCHEMA,
            release: release.to_owned(),
            backup_id,
            outcome: "running".to_owned(),
            started,
            finished: None,
            reason: None,
            versions: BTreeMap::new(),
            partitions: None,
            paused_seconds: None,
            exporting_paused: false,
            parts: BTreeMap::new(),
            skipped: BTreeMap::new(),
            elsewhere: None,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// What it says of a run that has ended, and whose backup is not complete.
    pub fn ended(self) -> Option<EndedRun> {
        let over = self.finished.is_some() && self.outcome != "complete" && self.outcome != "running";
        // Somebody else has used this very ID: its parts may not be ours.
        let taken = format!(": {}: ", Reason::IdTaken);
        let taken = self.reason.as_ref().is_some_and(|r| r.contains(&taken));
        let begun = self.parts.into_iter().filter(|(_, p)| !taken && p.state != "not-started");
        over.then(|| EndedRun {
            outcome: self.outcome,
            reason: self.reason,
            begun: begun.map(|(part, _)| part).collect(),
            paused: self.exporting_paused || self.paused_seconds.is_some(),
        })
    }
}

/// The records of one release.
#[derive(Clone)]
pub struct Records {
    cluster: Cluster,
    api: Api<ConfigMap>,
    namespace: String,
    release: String,
}

impl Records {
    /// Those of this release.
    pub fn new(cluster: &Cluster, namespace: &str, release: &str) -> Self {
        let (namespace, release) = (namespace.to_owned(), release.to_owned());
        Self { cluster: cluster.clone(), api: cluster.api(&namespace), namespace, release }
    }

    fn name(&self, id: BackupId) -> String {
        names::object_name(&self.release, &id.to_string())
    }

    /// Writes a record, whether it was there before or not. What comes back is a warning.
    pub async fn write(&self, record: &Record) -> Option<String> {
        let name = self.name(record.backup_id);
        let text = match serde_json::to_string_pretty(record) {
            Ok(text) => text,
            Err(error) => {
                return Some(format!("the record of backup {} was not written: {error}", record.backup_id));
            }
        };
        let labels = json!({
            MANAGED_BY: OURS,
            RELEASE: names::label_value(&self.release),
            BACKUP: record.backup_id.to_string(),
            OUTCOME: names::label_value(&record.outcome),
        });
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "labels": labels },
            "data": { KEY: text },
        });
        let ask = Ask::one("create and patch", RESOURCE, &self.namespace, &name);
        let params = PatchParams::apply(OURS).force();
        let patch = Patch::Apply(&object);
        let written = within(WRITE, &ask, self.api.patch(&name, &params, &patch)).await;
        written.err().map(|e| format!("the record of backup {} was not written: {e}", record.backup_id))
    }

    /// Notes that the run of a backup died while exporting was paused, `since` then; not where it has left word of its
    /// end. What comes back is a warning.
    pub async fn died(&self, id: BackupId, since: &str, now: String) -> Option<String> {
        let record = match self.matching(&format!(",{BACKUP}={id}")).await {
            Ok((mut found, _)) => found.remove(&id),
            Err(error) => return Some(format!("the record of backup {id} was not found: {error}")),
        };
        let record = match record {
            Some(record) if record.outcome != "running" => return None,
            Some(record) => record,
            // It could not write one when it began.
            None => Record::begun(&self.release, id, since.to_owned()),
        };
        let EndedRun { outcome, reason, paused, .. } = EndedRun::died(since);
        self.write(&Record { outcome, finished: Some(now), reason, exporting_paused: paused, ..record }).await
    }

    /// The runs that ended before their backup was complete, by its ID. What cannot be read is left out.
    pub async fn ended(&self) -> Result<BTreeMap<BackupId, EndedRun>, ClusterError> {
        let (records, _) = self.matching(&format!(",{OUTCOME}!=complete,{OUTCOME}!=running")).await?;
        Ok(records.into_iter().filter_map(|(id, record)| Some((id, record.ended()?))).collect())
    }

    /// All records, by ID. One that cannot be read is left out with a warning.
    pub async fn list(&self) -> Result<(BTreeMap<BackupId, Record>, Vec<String>), ClusterError> {
        self.matching("").await
    }

    async fn matching(&self, terms: &str) -> Result<(BTreeMap<BackupId, Record>, Vec<String>), ClusterError> {
        let release = names::label_value(&self.release);
        let selector = format!("{MANAGED_BY}={OURS},{RELEASE}={release}{terms}");
        let mut params = ListParams::default().labels(&selector).limit(250);
        let ask = Ask::all("list", RESOURCE, &self.namespace);
        let (mut records, mut warnings) = (BTreeMap::new(), Vec::new());
        loop {
            let page = self.cluster.read(&ask, || self.api.list(&params)).await?;
            for object in page.items {
                let name = object.metadata.name.unwrap_or_default();
                let text = object.data.unwrap_or_default().remove(KEY).unwrap_or_default();
                match serde_json::from_str::<Record>(&text) {
                    Ok(record) => {
                        records.insert(record.backup_id, record);
                    }
                    Err(error) => warnings.push(format!("ConfigMap {name} is no record of ours: {error}")),
                }
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok((records, warnings)),
            }
        }
    }

    /// Removes the record of a backup that was deleted. What comes back is a warning.
    pub async fn remove(&self, id: BackupId) -> Option<String> {
        let name = self.name(id);
        let ask = Ask::one("delete", RESOURCE, &self.namespace, &name);
        match within(WRITE, &ask, self.api.delete(&name, &DeleteParams::default())).await {
            Ok(_) | Err(ClusterError::NotFound { .. }) => None,
            Err(error) => Some(format!("the record of backup {id} was not removed: {error}")),
        }
    }
}
