//! What discovery yields: a release, and for each thing how it is known.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::objects::Labels;
use super::search::Search;
use crate::model::{Component, Part, Topology, Version};

/// A finding and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found<T> {
    /// What.
    pub value: T,
    /// How: `image camunda/zeebe:8.7.37 of pod camunda-zeebe-0`. Never holds a secret.
    pub evidence: String,
}

impl<T> Found<T> {
    /// A finding.
    pub fn new(value: T, evidence: impl Into<String>) -> Self {
        Self { value, evidence: evidence.into() }
    }

    /// The same evidence for something made of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: f(self.value), evidence: self.evidence }
    }
}

/// One key of a Secret, to be read by name by whoever may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SecretRef {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Key.
    pub key: String,
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} of Secret {}/{}", self.key, self.namespace, self.name)
    }
}

/// A text that is not to be shown: a password that stands in plain in a pod or a `ConfigMap`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// A value, or where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source<T> {
    /// It stands in plain.
    Given(T),
    /// It is in a Secret.
    Secret(SecretRef),
}

impl<T> Source<T> {
    /// The key of a Secret, where it is one.
    pub fn secret(&self) -> Option<&SecretRef> {
        match self {
            Source::Given(_) => None,
            Source::Secret(at) => Some(at),
        }
    }
}

/// Something to know or to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// One or two sentences.
    pub text: String,
    /// The flag that gives what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<&'static str>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(flag) = self.flag {
            write!(f, " ({flag})")?;
        }
        Ok(())
    }
}

/// Where a process is: by its Service, by its pods, by its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Namespace of Service and pods.
    pub namespace: String,
    /// The Service that leads to the port, and the Service's own number for it. `None`: no Service does.
    pub service: Option<(String, u16)>,
    /// Host for URLs inside the cluster: `service.namespace.svc`; for a broker `pod.service.namespace.svc`; the pod's
    /// address where no Service leads to the port.
    pub dns: String,
    /// The pods, by label.
    pub selector: Labels,
    /// The one pod, for brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The number of the port in the pod, which is what a forward needs.
    pub pod_port: u16,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// What comes before `/actuator`: empty, or `/camunda`.
    pub base_path: String,
    /// What stands for `/actuator`, where it is something else: empty, or `/manage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actuator: Option<String>,
    /// How it is known, one sentence each.
    pub evidence: Vec<String>,
}

impl Place {
    /// The base URL inside the cluster.
    pub fn url(&self) -> String {
        let port = match (&self.service, &self.pod) {
            (Some((_, port)), None) => *port,
            _ => self.pod_port,
        };
        format!("{}://{}:{port}{}", self.scheme, self.dns, self.base_path)
    }
}

/// A Camunda release and how everything about it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// Name of the Helm release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Version of the brokers.
    pub version: Option<Found<Version>>,
    /// How the processes are cut.
    pub topology: Found<Topology>,
    /// Where everything is. Optimize is deployed when it is in here.
    pub components: BTreeMap<Component, Place>,
    /// The search engine that the exported records are in.
    pub search: Option<Search>,
    /// The kind of secondary storage, as configured: `elasticsearch`, `opensearch`, `rdbms`, `none`.
    pub secondary_storage: Option<Found<String>>,
    /// The snapshot repository of each part that is snapshots. For the records it is a proposal: the one that the web
    /// applications use in the same engine.
    pub repositories: BTreeMap<Part, Found<String>>,
    /// Prefix of the indices with exported records; there always is one, be it the default.
    pub records_prefix: Found<String>,
    /// The exporter that writes these indices, when one is configured; without one there may be none.
    pub records_exporter: Option<Found<String>>,
    /// Where the brokers put their backups: `S3`, `GCS`, ...
    pub backup_store: Option<Found<String>>,
    /// Partitions, as configured.
    pub partitions: Option<Found<u32>>,
    /// Brokers over all regions, as configured.
    pub brokers: Option<Found<u32>>,
    /// Regions that the brokers are spread over.
    pub regions: Option<Found<u32>>,
    /// Components that the release has, and to which no way was found: why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub out_of_reach: BTreeMap<Component, String>,
    /// What is missing, odd or worth knowing.
    pub notes: Vec<Note>,
}

impl Release {
    /// Whether Optimize is deployed.
    pub fn has_optimize(&self) -> bool {
        self.components.contains_key(&Component::Optimize)
    }
}
