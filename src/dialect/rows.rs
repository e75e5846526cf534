//! The table: order, paths and patience per version range and topology.
//!
//! Sources: backup guides 8.5–8.7; answers recorded on 8.6.0 for the patience columns.

use std::time::Duration;

use crate::model::{Component, Part, Topology, Version};

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
    /// The order of the guide.
    pub order: &'static [Phase],
    /// Where each part is started, watched and listed.
    pub routes: &'static [Route],
    /// Soft pause, and resume. Never a hard pause: it stops the export, and on some patch levels a hard pause after a
    /// soft one corrupts the persisted state.
    pub pause: &'static str,
    /// See `pause`.
    pub resume: &'static str,
    /// On the brokers: what the exporters of each partition do.
    pub phases: &'static str,
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
#[derive(Debug)]
pub struct Route {
    /// The part.
    pub part: Part,
    /// Who is asked.
    pub host: Component,
    /// Path of the collection.
    pub base: &'static str,
    /// How it answers.
    pub shape: Shape,
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

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// Web applications: their own limit for "between two parts" is five minutes in later patch levels.
const fn web_app(part: Part, host: Component, taken: &'static [u16]) -> Route {
    Route {
        part,
        host,
        base: "/actuator/backups",
        shape: Shape::Snapshots,
        taken,
        // 502: the engine did not answer them; nothing is started then, but the queue of an older patch level may be.
        unsure: &[500, 502, 503, 504],
        appears_within: minutes(1),
        grace: minutes(6),
        stall: minutes(60),
    }
}

const SEPARATE: &[Route] = &[
    // 409 is Optimize's, 400 the other two's, who also answer 400 for everything else: the text decides.
    web_app(Part::Optimize, Component::Optimize, &[409]),
    web_app(Part::Operate, Component::Operate, &[400, 409]),
    web_app(Part::Tasklist, Component::Tasklist, &[400, 409]),
    Route {
        part: Part::Records,
        host: Component::Search,
        base: "/_snapshot",
        shape: Shape::Records,
        taken: &[400],
        unsure: &[502, 503, 504],
        appears_within: minutes(1),
        grace: minutes(2),
        // Below the default limit for the pause: then the reason is named, not only the limit.
        stall: minutes(45),
    },
    Route {
        part: Part::Zeebe,
        host: Component::Gateway,
        base: "/actuator/backups",
        shape: Shape::Partitions,
        taken: &[409],
        // 504 after 15 s while a partition has no leader: the other partitions did take it (recorded).
        unsure: &[500, 502, 503, 504],
        appears_within: minutes(1),
        grace: minutes(2),
        // Below the default limit for the pause: then the reason is named, not only the limit.
        stall: minutes(45),
    },
];

/// All rows. Ranges of one topology do not overlap (checked by a test).
pub const ROWS: &[Dialect] = &[Dialect {
    name: "8.5-8.7, separate components",
    // 8.5.0 has the hard pause only.
    from: Version::full(8, 5, 1),
    until: Version::minor(8, 8),
    topology: Topology::Separate,
    order: &[
        Phase::Take(&[Part::Optimize, Part::Operate, Part::Tasklist]),
        Phase::Pause,
        Phase::Take(&[Part::Records]),
        Phase::Take(&[Part::Zeebe]),
        Phase::Resume,
    ],
    routes: SEPARATE,
    pause: "/actuator/exporting/pause?soft=true",
    resume: "/actuator/exporting/resume",
    phases: "/actuator/partitions",
    cluster: "/actuator/cluster",
    native_retention: None,
}];

impl Dialect {
    /// The route of a part, when this row has one.
    pub fn route(&self, part: Part) -> Option<&'static Route> {
        self.routes.iter().find(|r| r.part == part)
    }
}
