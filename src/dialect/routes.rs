//! Where each part is taken, by family of versions: the routes that the rows name.

use std::time::Duration;

use super::rows::{Ids, Route, Shape};
use crate::model::{Component, Part};

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// Web applications: their own limit for "between two parts" is five minutes in later patch levels.
const fn web_app(
    part: Part,
    hosts: &'static [Component],
    base: &'static str,
    taken: &'static [u16],
) -> Route {
    Route {
        part,
        hosts,
        base,
        shape: Shape::Snapshots,
        ids: Ids::Ours,
        needed: true,
        may_be_empty: false,
        taken,
        // 502: the engine did not answer them; nothing is started then, but the queue of an older patch level may be.
        unsure: &[500, 502, 503, 504],
        appears_within: minutes(1),
        grace: minutes(6),
        stall: minutes(60),
    }
}

/// The web applications inside the pause: below its default limit, so that the reason is named and not only the limit.
const fn paused(route: Route) -> Route {
    Route { stall: minutes(45), ..route }
}

const OPTIMIZE: Route = web_app(Part::Optimize, &[Component::Optimize], "/actuator/backups", &[409]);

const RECORDS: Route = Route {
    part: Part::Records,
    hosts: &[Component::Search],
    base: "/_snapshot",
    shape: Shape::Records,
    ids: Ids::Ours,
    needed: true,
    may_be_empty: false,
    taken: &[400],
    unsure: &[502, 503, 504],
    appears_within: minutes(1),
    grace: minutes(2),
    // Below the default limit for the pause: then the reason is named, not only the limit.
    stall: minutes(45),
};

const fn zeebe(base: &'static str) -> Route {
    Route {
        part: Part::Zeebe,
        hosts: &[Component::Gateway],
        base,
        shape: Shape::Partitions,
        ids: Ids::Ours,
        needed: true,
        may_be_empty: false,
        taken: &[409],
        // 504 after 15 s while a partition has no leader: the other partitions did take it (recorded).
        unsure: &[500, 502, 503, 504],
        appears_within: minutes(1),
        grace: minutes(2),
        stall: minutes(45),
    }
}

const fn history(hosts: &'static [Component], base: &'static str) -> Route {
    paused(web_app(Part::History, hosts, base, &[400, 409]))
}

/// From 8.8 on only Optimize reads exported records: without it there may be none.
const RECORDS_IF_ANY: Route = Route { may_be_empty: true, ..RECORDS };

/// 8.5 to 8.7.
pub(super) const SEPARATE: &[Route] = &[
    // 409 is Optimize's, 400 the other two's, who also answer 400 for everything else: the text decides.
    OPTIMIZE,
    web_app(Part::Operate, &[Component::Operate], "/actuator/backups", &[400, 409]),
    web_app(Part::Tasklist, &[Component::Tasklist], "/actuator/backups", &[400, 409]),
    RECORDS,
    zeebe("/actuator/backups"),
];

/// The orchestration cluster.
pub(super) const ORCHESTRATION: &[Route] = &[
    history(&[Component::Gateway], "/actuator/backupHistory"),
    paused(OPTIMIZE),
    RECORDS_IF_ANY,
    zeebe("/actuator/backupRuntime"),
];

/// Standalone processes of 8.8 and later. Operate and Tasklist take the same snapshots (`camunda_webapps_..`) there, so one
/// of the two is asked, once.
pub(super) const STANDALONE: &[Route] = &[
    history(&[Component::Operate, Component::Tasklist], "/actuator/backups"),
    paused(OPTIMIZE),
    RECORDS_IF_ANY,
    zeebe("/actuator/backups"),
];

/// The orchestration cluster with a relational database: a backup of the partitions is whole by itself, and the cluster
/// may take such ones on a schedule of its own.
pub(super) const RELATIONAL: &[Route] =
    &[Route { ids: Ids::Cluster, ..zeebe("/actuator/backupRuntime") }, Route { needed: false, ..OPTIMIZE }];
