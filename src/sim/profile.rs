//! What is simulated, and how long things take there.

use std::time::Duration;

use jiff::Timestamp;

use super::layout::Layout;
use crate::model::{Component, Engine, ExporterPhase};

/// The release to simulate. A plain struct: take [`Profile::default`] and change what matters.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of what is there")]
pub struct Profile {
    /// Version of all Camunda components, as it appears in snapshot names.
    pub camunda_version: String,
    /// Where the version's processes answer.
    pub layout: Layout,
    /// The cluster makes the IDs of its backups, and refuses others.
    pub own_ids: bool,
    /// The search engine; decides many answers (`API.md` section 5).
    pub engine: Engine,
    /// Number of brokers.
    pub brokers: u16,
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of each partition; at most the number of brokers.
    pub replication: u16,
    /// Whether Operate is there.
    pub has_operate: bool,
    /// Whether Tasklist is there.
    pub has_tasklist: bool,
    /// Whether Optimize is there.
    pub has_optimize: bool,
    /// Version of the search engine; empty for the recorded one.
    pub engine_version: String,
    /// The engine's own snapshot policies: name, and the repository they write to.
    pub lifecycle_policies: Vec<(String, String)>,
    /// The snapshot repository that the web applications are configured with.
    pub repository: String,
    /// Whether that repository is registered in the engine.
    pub repository_registered: bool,
    /// Whether the web applications have a repository configured at all.
    pub repository_configured: bool,
    /// Whether the brokers have a backup store.
    pub zeebe_store_configured: bool,
    /// Prefix of the exported records' indices. For whoever configures a client: `records` says what there is.
    pub records_prefix: String,
    /// The exported records' indices.
    pub records: Vec<String>,
    /// The orchestration cluster serves the web applications' backup (`camunda.backup.webapps.enabled`).
    pub web_apps_backup: bool,
    /// A change of the cluster is pending (`/actuator/cluster`).
    pub pending_change: bool,
    /// Brokers that are leaving the cluster (`/actuator/cluster`).
    pub leaving: Vec<u16>,
    /// Zeebe deletes its backups by a retention of its own, and `/actuator/env` shows it (8.9 and later).
    pub native_retention: bool,
    /// What the exporters of all partitions do at the start.
    pub exporters: ExporterPhase,
    /// Records that each partition processes in a second.
    pub records_per_second: u32,
    /// IDs of older backups that are complete everywhere.
    pub history: Vec<u64>,
    /// Time of day at the start.
    pub now: Timestamp,
    /// How long things take.
    pub timings: Timings,
}

impl Default for Profile {
    /// Camunda 8.6.0 on Elasticsearch with Operate, Tasklist and Optimize, one broker, three partitions, no backups.
    fn default() -> Self {
        Self {
            camunda_version: "8.6.0".to_owned(),
            layout: Layout::SEPARATE,
            own_ids: false,
            engine: Engine::Elasticsearch,
            brokers: 1,
            partitions: 3,
            replication: 1,
            has_operate: true,
            has_tasklist: true,
            has_optimize: true,
            engine_version: String::new(),
            lifecycle_policies: Vec::new(),
            repository: "camunda-backup".to_owned(),
            repository_registered: true,
            repository_configured: true,
            zeebe_store_configured: true,
            records_prefix: "zeebe-record".to_owned(),
            records: Self::records_of("zeebe-record", "8.6.0", "2026-11-23"),
            web_apps_backup: true,
            pending_change: false,
            leaving: Vec::new(),
            native_retention: false,
            exporters: ExporterPhase::Exporting,
            records_per_second: 0,
            history: Vec::new(),
            // the day of the recordings
            now: Timestamp::constant(1_795_392_000, 0),
            timings: Timings::realistic(),
        }
    }
}

impl Profile {
    /// The processes of this release, in the order in which people read them.
    pub fn components(&self) -> Vec<Component> {
        let fixed = [Component::Operate, Component::Tasklist, Component::Optimize, Component::Gateway];
        let mut components: Vec<Component> =
            fixed.into_iter().filter(|component| self.has(*component)).collect();
        components.extend((0..self.brokers).map(Component::Broker));
        components.push(Component::Search);
        components
    }

    /// The seven indices that the recorded release had.
    pub fn records_of(prefix: &str, version: &str, day: &str) -> Vec<String> {
        [
            "command-distribution",
            "deployment",
            "process",
            "process-instance",
            "process-instance-creation",
            "user-task",
            "variable",
        ]
        .iter()
        .map(|kind| format!("{prefix}_{kind}_{version}_{day}"))
        .collect()
    }

    /// The version that the search engine says it has.
    pub(super) fn engine_version(&self) -> &str {
        match (self.engine_version.as_str(), self.engine) {
            ("", Engine::Elasticsearch) => "8.14.1",
            ("", Engine::OpenSearch) => "2.19.0",
            (version, _) => version,
        }
    }

    /// Whether the engine's version is this one or later.
    pub(super) fn is_engine_from(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.engine_version().split('.').map_while(|n| n.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(major), Some(minor))
    }

    /// Whether this process is part of the release.
    pub fn has(&self, component: Component) -> bool {
        match component {
            Component::Operate => self.has_operate,
            Component::Tasklist => self.has_tasklist,
            Component::Optimize => self.has_optimize,
            Component::Gateway | Component::Search => true,
            Component::Broker(number) => number < self.brokers,
        }
    }
}

/// How long things take in the simulated release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Between the arrival of any request and its answer. The effect happens at the arrival.
    pub answer: Duration,
    /// The same for pause and resume (recorded: 10 to 80 ms).
    pub exporting: Duration,
    /// From an accepted `POST` until the backup can be seen (recorded: 0.3 to 0.8 s, once more than 3 s).
    pub registration: Duration,
    /// One of the six snapshots of Operate and Tasklist.
    pub webapp_snapshot: Duration,
    /// Between two of them: the state is `INCOMPLETE` there.
    pub webapp_gap: Duration,
    /// One of the two snapshots of Optimize.
    pub optimize_snapshot: Duration,
    /// Between the two.
    pub optimize_gap: Duration,
    /// The snapshot of the records.
    pub records: Duration,
    /// The backup of one partition.
    pub zeebe_partition: Duration,
    /// Between the beginnings of two partitions: the state is `INCOMPLETE` there.
    pub zeebe_spread: Duration,
    /// From an accepted deletion until the snapshots are gone.
    pub deletion: Duration,
    /// How long the gateway waits for a broker that does not answer (recorded: 15 s).
    pub gateway_timeout: Duration,
    /// How long the gateway goes on believing in a dead broker: a pause in this time pauses the others.
    pub gateway_notices: Duration,
}

impl Timings {
    /// As recorded on a machine of two cores: a whole backup takes about 12 s.
    pub const fn realistic() -> Self {
        let ms = Duration::from_millis;
        Self {
            answer: ms(10),
            exporting: ms(40),
            registration: ms(500),
            webapp_snapshot: ms(1000),
            webapp_gap: ms(300),
            optimize_snapshot: ms(1500),
            optimize_gap: ms(300),
            records: ms(1800),
            zeebe_partition: ms(900),
            zeebe_spread: ms(200),
            deletion: ms(1500),
            gateway_timeout: ms(15_000),
            gateway_notices: ms(30_000),
        }
    }

    /// Everything that a backup does so many times slower; answers stay as quick.
    #[must_use]
    pub fn slowed(self, times: u32) -> Self {
        Self {
            webapp_snapshot: self.webapp_snapshot * times,
            webapp_gap: self.webapp_gap * times,
            optimize_snapshot: self.optimize_snapshot * times,
            optimize_gap: self.optimize_gap * times,
            records: self.records * times,
            zeebe_partition: self.zeebe_partition * times,
            zeebe_spread: self.zeebe_spread * times,
            ..self
        }
    }

    /// Milliseconds, for tests that must not wait, over TCP. The two times of the gateway stay as they are.
    pub const fn quick() -> Self {
        let ms = Duration::from_millis;
        Self {
            answer: ms(0),
            exporting: ms(1),
            registration: ms(5),
            webapp_snapshot: ms(4),
            webapp_gap: ms(2),
            optimize_snapshot: ms(4),
            optimize_gap: ms(2),
            records: ms(10),
            zeebe_partition: ms(8),
            zeebe_spread: ms(2),
            deletion: ms(5),
            gateway_timeout: ms(15_000),
            gateway_notices: ms(30_000),
        }
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self::realistic()
    }
}
