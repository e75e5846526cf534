//! What a backup consists of, and who is asked for it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One part of a backup: what has to be there for the backup to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Operate's indices, as snapshots taken by Operate (8.5–8.7).
    Operate,
    /// Tasklist's indices, as snapshots taken by Tasklist (8.5–8.7).
    Tasklist,
    /// The web applications' indices from 8.8 on, as snapshots taken by the orchestration cluster, or by Operate or
    /// Tasklist as a standalone process.
    History,
    /// Optimize's indices, as snapshots taken by Optimize.
    Optimize,
    /// The exported Zeebe records (`zeebe-record*`), as one snapshot that we take ourselves.
    Records,
    /// The Zeebe partitions, backed up by the brokers into their backup store.
    Zeebe,
}

impl Part {
    /// All parts, in the order in which people read them.
    pub const ALL: [Part; 6] =
        [Part::Operate, Part::Tasklist, Part::History, Part::Optimize, Part::Records, Part::Zeebe];

    /// The name used in output, JSON and logs.
    pub fn name(self) -> &'static str {
        match self {
            Part::Operate => "operate",
            Part::Tasklist => "tasklist",
            Part::History => "history",
            Part::Optimize => "optimize",
            Part::Records => "records",
            Part::Zeebe => "zeebe",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A process that we send requests to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Operate's management API.
    Operate,
    /// Tasklist's management API.
    Tasklist,
    /// Optimize's management API.
    Optimize,
    /// The Zeebe gateway's management API; on 8.8+ the orchestration cluster's.
    Gateway,
    /// The management API of one broker: its position in the list we were given, from 0.
    Broker(u16),
    /// Elasticsearch or OpenSearch.
    Search,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Component::Operate => f.pad("operate"),
            Component::Tasklist => f.pad("tasklist"),
            Component::Optimize => f.pad("optimize"),
            Component::Gateway => f.pad("gateway"),
            Component::Broker(i) => f.pad(&format!("broker-{i}")),
            Component::Search => f.pad("search"),
        }
    }
}

impl Serialize for Component {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The search engine behind the web applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Engine::Elasticsearch => "Elasticsearch",
            Engine::OpenSearch => "OpenSearch",
        })
    }
}

/// How the release's processes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Operate, Tasklist, Zeebe brokers and gateway as processes of their own.
    Separate,
    /// The orchestration cluster of 8.8 and later: one process for all of them.
    OrchestrationCluster,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Topology::Separate => "separate components",
            Topology::OrchestrationCluster => "orchestration cluster",
        })
    }
}

/// Where the web applications keep their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// In Elasticsearch or OpenSearch.
    Search,
    /// In a relational database (8.9 and later).
    Relational,
}
