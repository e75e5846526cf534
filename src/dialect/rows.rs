//! The table: order, paths and patience per version range and topology.
//!
//! Sources: backup guides 8.5–8.10; the product's sources for what each process exposes (`BackupEndpoint` and
//! `BackupController` with their standalone siblings); answers recorded on 8.6.0 for the patience columns.

use std::collections::BTreeSet;
use std::time::Duration;

use super::routes;
use crate::model::{Component, Engine, Part, Storage, Topology, Version};

/// One row: everything that depends on version and topology.
#[derive(Debug)]
pub struct Dialect {
    /// For people: `8.5-8.7, separate components`.
    pub name: &'static str,
    /// First version it holds for.
    pub from: Version,
    /// First version it does not hold for any more.
    pub until: Version,
    /// How the processes are cut.
    pub topology: Topology,
    /// Where the web applications keep their data.
    pub storage: Storage,
    /// Paths of the gateway that tell this row from the others: whether each is there.
    pub gateway: &'static [(&'static str, bool)],
    /// What confirms or denies the storage, where the paths alone would tell it by one that is missing.
    pub sign: Option<Sign>,
    /// The order of the guide.
    pub order: &'static [Phase],
    /// Where each part is started, watched and listed.
    pub routes: &'static [Route],
    /// Parts that cannot be had in some versions or on some engine.
    pub gaps: &'static [Gap],
    /// What belongs to a restore and is in no part: said wherever a backup is shown.
    pub elsewhere: Option<&'static str>,
    /// Into which versions a backup can be restored.
    pub restores: Restores,
    /// Soft pause, and resume. Never a hard pause: it stops the export, and on some patch levels a hard pause after a
    /// soft one corrupts the persisted state.
    pub pause: &'static str,
    /// See `pause`.
    pub resume: &'static str,
    /// On the brokers: what the exporters of each partition do.
    pub phases: &'static str,
    /// On the gateway: the state of exporting over the whole cluster (8.10 and later). It belongs to the REST API, so the
    /// management port answers it only where somebody joins the two; it is believed where it answers.
    pub exporting: Option<&'static str>,
    /// On the gateway: the topology.
    pub cluster: &'static str,
    /// On the gateway: whether Zeebe deletes backups by a retention of its own (8.9 and later), where its configuration
    /// is exposed. A value is masked, but that there is one is enough.
    pub native_retention: Option<&'static str>,
}

/// Asks a component for its list without opening every snapshot. Builds that do not know it (8.6.0: recorded) ignore it;
/// with it, later ones leave out times, which `list` can do without.
pub const IN_BRIEF: &str = "?verbose=false";

/// One phase of the procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Soft-pause exporting.
    Pause,
    /// Start all of these, then wait for all of them.
    Take(&'static [Part]),
    /// Resume exporting.
    Resume,
}

/// How a part is taken, and how its owner answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A component takes snapshots: `POST base`, `GET base/{id}`, `GET base`.
    Snapshots,
    /// The brokers back up their partitions: the same verbs, other answers.
    Partitions,
    /// We take one snapshot in the search engine ourselves; `base` is its snapshot API.
    Records,
}

/// One part: where, and with how much patience.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The part.
    pub part: Part,
    /// Who is asked: the first of these that is there.
    pub hosts: &'static [Component],
    /// Path of the collection.
    pub base: &'static str,
    /// How it answers.
    pub shape: Shape,
    /// Who makes the ID.
    pub ids: Ids,
    /// Whether a backup is whole only with it. What is not needed is taken where it is there.
    pub needed: bool,
    /// There may be nothing to take: then it is left out, and that is said. Else nothing to take is an error.
    pub may_be_empty: bool,
    /// Statuses that say "this ID is taken" to a start.
    pub taken: &'static [u16],
    /// Statuses to a start after which it may have happened all the same.
    pub unsure: &'static [u16],
    /// How long an accepted backup may stay unseen.
    pub appears_within: Duration,
    /// How long `INCOMPLETE`, "not found" and errors may last without anything moving.
    pub grace: Duration,
    /// How long `IN_PROGRESS` may last without anything moving.
    pub stall: Duration,
}

/// Who makes the ID of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// We do.
    Ours,
    /// The cluster, where it is set up to: asked without an ID first; when that is refused, with ours. What comes after
    /// carries the cluster's ID.
    Cluster,
}

/// Into which versions what the orchestration cluster took can be restored (restore pages of the guide, 8.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restores {
    /// The very version that took it, to the patch level: snapshots carry it in their names.
    Exact,
    /// Any patch level of its minor version, or of the next one.
    SameOrNextMinor,
}

impl Restores {
    /// Whether what `taken` took can be restored into `running`.
    pub fn into_version(self, taken: &Version, running: &Version) -> bool {
        match self {
            Restores::Exact => {
                taken == running || (running.patch.is_none() && taken.line() == running.line())
            }
            Restores::SameOrNextMinor => {
                let minors = running.minor.checked_sub(taken.minor);
                taken.major == running.major && minors.is_some_and(|n| n <= 1)
            }
        }
    }
}

/// What tells the storage of a row by itself: the exporters that the gateway lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// Where they are listed.
    pub path: &'static str,
    /// The exporter that writes to this storage.
    pub confirms: &'static str,
    /// The one that writes to another.
    pub denies: &'static str,
}

/// A part that cannot be had.
#[derive(Debug)]
pub struct Gap {
    /// The part.
    pub part: Part,
    /// On this engine.
    pub engine: Engine,
    /// First version that has it.
    pub until: Version,
    /// Why, for people.
    pub why: &'static str,
}

/// What every row has in common.
const COMMON: Dialect = Dialect {
    name: "",
    // Spelled out: a value from a function could not be replaced in a constant.
    from: Version { major: 0, minor: 0, patch: None, pre: None },
    until: Version { major: 0, minor: 0, patch: None, pre: None },
    topology: Topology::Separate,
    storage: Storage::Search,
    gateway: &[],
    sign: None,
    order: &[],
    routes: &[],
    gaps: &[],
    elsewhere: None,
    restores: Restores::Exact,
    pause: "/actuator/exporting/pause?soft=true",
    resume: "/actuator/exporting/resume",
    phases: "/actuator/partitions",
    exporting: None,
    cluster: "/actuator/cluster",
    native_retention: None,
};

const OLD: &str = "/actuator/backups";
const RUNTIME: &str = "/actuator/backupRuntime";
const HISTORY: &str = "/actuator/backupHistory";

/// Zeebe's own deletion of backups, from 8.9 on. Masked or not: that it is there is enough.
const RETENTION: &str = "/actuator/env/camunda.data.primary-storage.backup.retention.window";

/// From 8.8 on the pause comes first, so that the web applications' snapshots lie in it.
const PAUSE_FIRST: &[Phase] = &[
    Phase::Pause,
    Phase::Take(&[Part::History, Part::Optimize]),
    Phase::Take(&[Part::Records]),
    Phase::Take(&[Part::Zeebe]),
    Phase::Resume,
];

/// Nothing is paused: a restore aligns the database and the partitions by the exporters' positions in the database.
const NO_PAUSE: &[Phase] = &[Phase::Take(&[Part::Zeebe]), Phase::Take(&[Part::Optimize])];

const DATABASE: Option<&str> = Some(
    "the relational database with the web applications' data: back it up with its own tools, right before this backup",
);

/// A path that is missing can also be one that is switched off: without `camunda.backup.webapps.enabled` there is no history
/// in front of a search engine either, and a backup without a pause and without the web applications would pass for whole.
/// Which exporter runs tells (exporters' pages of the guide, 8.9).
const EXPORTERS: Sign = Sign { path: "/actuator/exporters", confirms: "rdbms", denies: "camundaexporter" };

const ORCHESTRATION: Dialect = Dialect {
    topology: Topology::OrchestrationCluster,
    gateway: &[(RUNTIME, true), (HISTORY, true), (OLD, false)],
    order: PAUSE_FIRST,
    routes: routes::ORCHESTRATION,
    ..COMMON
};

const RELATIONAL: Dialect = Dialect {
    topology: Topology::OrchestrationCluster,
    storage: Storage::Relational,
    gateway: &[(RUNTIME, true), (HISTORY, false), (OLD, false)],
    sign: Some(EXPORTERS),
    order: NO_PAUSE,
    routes: routes::RELATIONAL,
    elsewhere: DATABASE,
    restores: Restores::SameOrNextMinor,
    native_retention: Some(RETENTION),
    ..COMMON
};

/// All rows. No two of them hold for the same version with the same signature (checked by a test). Of several that could
/// be meant the first one is, as long as nothing answers.
pub const ROWS: &[Dialect] = &[
    Dialect {
        name: "8.5-8.7, separate components",
        // 8.5.0 has the hard pause only.
        from: Version::full(8, 5, 1),
        until: Version::minor(8, 8),
        gateway: &[(OLD, true), (RUNTIME, false)],
        order: &[
            Phase::Take(&[Part::Optimize, Part::Operate, Part::Tasklist]),
            Phase::Pause,
            Phase::Take(&[Part::Records]),
            Phase::Take(&[Part::Zeebe]),
            Phase::Resume,
        ],
        routes: routes::SEPARATE,
        gaps: &[Gap {
            part: Part::Optimize,
            engine: Engine::OpenSearch,
            until: Version::minor(8, 7),
            why: "Optimize has no backup on OpenSearch before 8.7",
        }],
        ..COMMON
    },
    Dialect {
        name: "8.8, orchestration cluster",
        from: Version::minor(8, 8),
        until: Version::minor(8, 9),
        ..ORCHESTRATION
    },
    Dialect {
        name: "8.9, orchestration cluster",
        from: Version::minor(8, 9),
        until: Version::minor(8, 10),
        native_retention: Some(RETENTION),
        ..ORCHESTRATION
    },
    Dialect {
        name: "8.10, orchestration cluster",
        from: Version::minor(8, 10),
        until: Version::minor(8, 11),
        native_retention: Some(RETENTION),
        exporting: Some("/v2/exporting"),
        ..ORCHESTRATION
    },
    Dialect {
        name: "8.9-8.10, orchestration cluster, relational storage",
        from: Version::minor(8, 9),
        until: Version::minor(8, 11),
        ..RELATIONAL
    },
    Dialect {
        name: "8.8-8.10, separate components",
        from: Version::minor(8, 8),
        until: Version::minor(8, 11),
        gateway: &[(OLD, true), (RUNTIME, true), (HISTORY, false)],
        order: PAUSE_FIRST,
        routes: routes::STANDALONE,
        ..COMMON
    },
];

impl Dialect {
    /// The route of a part, when this row has one.
    pub fn route(&self, part: Part) -> Option<&'static Route> {
        self.routes.iter().find(|r| r.part == part)
    }

    /// Whether a backup pauses exporting.
    pub fn pauses(&self) -> bool {
        self.order.contains(&Phase::Pause)
    }

    /// What keeps a part from being taken in this version on this engine.
    pub fn gap(&self, part: Part, version: &Version, engine: Engine) -> Option<&'static Gap> {
        self.gaps.iter().find(|g| g.part == part && g.engine == engine && *version < g.until)
    }
}

impl Route {
    /// Who is asked, of those that are there.
    pub fn host(&self, given: &BTreeSet<Component>) -> Option<Component> {
        self.hosts.iter().copied().find(|h| given.contains(h))
    }

    /// Who is asked, or would be.
    pub fn host_or_first(&self, given: &BTreeSet<Component>) -> Component {
        self.host(given).unwrap_or(self.hosts[0])
    }
}
