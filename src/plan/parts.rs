//! Which row of the version table is gone by, and which of its parts a backup has.

use std::collections::BTreeSet;

use super::backup::{BackupRequest, PlanError};
use crate::dialect::{self, Dialect, Gap, Recognised, Route, Seen, Shape};
use crate::model::{Component, Facts, Part, Topology, Version};

pub(super) fn seen<'a>(request: &BackupRequest, facts: &'a Facts) -> Seen<'a> {
    // Who gives the URL of Operate or Tasklist has them as processes of their own.
    let apart = [Component::Operate, Component::Tasklist].iter().any(|c| request.components.contains(c));
    Seen {
        topology: request.configured.topology.or(apart.then_some(Topology::Separate)),
        storage: request.configured.storage,
        exporters: &facts.exporters,
        paths: &facts.paths,
    }
}

/// The version: as given, else as the components tell it, else as configured.
pub fn version<'a>(request: &'a BackupRequest, facts: &'a Facts) -> Option<&'a Version> {
    request.version.as_ref().or_else(|| facts.version()).or(request.configured.version.as_ref())
}

/// The version and its row, for a backup.
pub(super) fn recognise(request: &BackupRequest, facts: &Facts) -> Result<(Version, Recognised), PlanError> {
    let version = version(request, facts)
        .ok_or_else(|| PlanError::VersionUnknown { known: dialect::known(request.rows) })?;
    Ok((version.clone(), dialect::recognise(request.rows, version, &seen(request, facts))?))
}

/// A row in any case, for questions and for what exists: without a known version the one that the gateway answers like.
pub fn nearest(request: &BackupRequest, facts: &Facts) -> &'static Dialect {
    dialect::nearest(request.rows, version(request, facts), &seen(request, facts))
}

/// The parts that a whole backup of this release has.
pub fn expected(request: &BackupRequest, facts: &Facts) -> BTreeSet<Part> {
    let row = nearest(request, facts);
    let version = version(request, facts).unwrap_or(&row.from);
    // What nobody can take is missed by nobody.
    let needed = row.routes.iter().filter(|r| r.needed && gap(facts, row, version, r.part).is_none());
    // What was not found is missed: nobody chose to do without it.
    let expected = needed.filter(|r| {
        out_of_reach(request, r).is_some() || left_out(request, facts, row, version, r).is_none()
    });
    expected.map(|r| r.part).collect()
}

/// Why the host of a part was not found, where the release has it and the part is wanted.
pub fn out_of_reach<'a>(request: &'a BackupRequest, route: &Route) -> Option<(Component, &'a str)> {
    let unwanted = request.leave_out.contains(&route.part) || route.host(&request.components).is_some();
    let known = request.known.discovered.as_ref().filter(|_| !unwanted)?;
    route.hosts.iter().find_map(|host| Some((*host, known.out_of_reach.get(host)?.as_str())))
}

/// Why a part is not in a backup, if it is not.
pub(super) fn left_out(
    request: &BackupRequest,
    facts: &Facts,
    row: &Dialect,
    version: &Version,
    route: &Route,
) -> Option<String> {
    if request.leave_out.contains(&route.part) {
        return Some(match gap(facts, row, version, route.part) {
            Some(gap) => format!("{}, and it is not wanted (--leave-out)", gap.why),
            None => "it is not wanted (--leave-out)".to_owned(),
        });
    }
    if route.host(&request.components).is_none() {
        if let Some((_, why)) = out_of_reach(request, route) {
            return Some(why.to_owned());
        }
        let hosts: Vec<_> = route.hosts.iter().map(ToString::to_string).collect();
        let hosts = hosts.join(" or ");
        return Some(match &request.known.discovered {
            Some(_) => format!("the release has no {hosts}"),
            None => format!("no URL for {hosts} was given"),
        });
    }
    if route.shape == Shape::Records && may_be_without(request, route) && no_records(facts) {
        let prefix = &request.records_prefix;
        return Some(format!(
            "no index matches {prefix}*: nothing exports records, and only Optimize reads them"
        ));
    }
    None
}

/// Optimize reads the records: where it is there, their absence is a mistake in the prefix.
pub(super) fn may_be_without(request: &BackupRequest, route: &Route) -> bool {
    let optimize = request.components.contains(&Component::Optimize);
    route.may_be_empty && (!optimize || request.leave_out.contains(&Part::Optimize))
}

fn no_records(facts: &Facts) -> bool {
    matches!(&facts.record_indices, Some(Ok(names)) if names.is_empty())
}

/// What keeps a part from being taken on the engine that was found.
pub(super) fn gap(facts: &Facts, row: &Dialect, version: &Version, part: Part) -> Option<&'static Gap> {
    let engine = facts.engine.as_ref()?.as_ref().ok()?.engine;
    row.gap(part, version, engine)
}
