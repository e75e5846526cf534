//! The common backup of the web applications from 8.8 on: `/actuator/backupHistory` of the orchestration cluster, and
//! `/actuator/backups` of a standalone Operate or Tasklist.
//!
//! Not recorded: from the procedure, section 3.3, and the product's sources (`BackupController`, `BackupServiceImpl`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{ACTUATOR, Answer, Reply};
use super::clock::{Wall, webapp_time};
use super::fault::Fault;
use super::incoming::Incoming;
use super::profile::Profile;
use super::repository::{Pace, Snapshot};
use super::webapp::{backup_id, path_id, reason, state};
use super::world::{World, not_allowed, not_found};
use crate::client::Method;
use crate::model::Component;

/// Snapshots of one backup.
pub(super) const PARTS: u32 = 7;
/// What the names of its snapshots begin with.
pub(super) const PREFIX: &str = "camunda_webapps_";
/// Whose queue it is, whoever is asked.
pub(super) const QUEUE: Component = Component::Gateway;
/// How long after a snapshot the next one is still believed to come.
const BELIEVED: Duration = Duration::from_secs(300);

/// `camunda_webapps_100_8.8.0_part_1_of_7`.
pub(super) fn snapshot(id: u64, part: u32, profile: &Profile) -> String {
    format!("{PREFIX}{id}_{}_part_{part}_of_{PARTS}", profile.camunda_version)
}

/// What that snapshot holds.
pub(super) fn indices(part: u32) -> Arc<[String]> {
    let names: &[&str] = match part {
        1 => &["operate-metadata-8.8.0_", "tasklist-metadata-8.8.0_"],
        2 => &["operate-list-view-8.3.0_", "tasklist-task-8.8.0_"],
        4 => &["operate-variable-8.3.0_", "operate-incident-8.3.1_", "camunda-batch-operation-8.8.0_"],
        7 => &["operate-process-8.3.0_", "camunda-user-8.8.0_", "camunda-role-8.8.0_"],
        _ => &[],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Answers one request; `below` is what follows the collection's path.
pub(super) fn handle(
    world: &mut World,
    below: &str,
    incoming: &Incoming,
    shape: Option<&Fault>,
    now: Wall,
) -> Reply {
    match (below, incoming.method()) {
        ("", Method::Get) => list(world, now),
        ("", Method::Post) => take(world, incoming, shape, now),
        ("", _) => not_allowed(incoming, now),
        (below, method) => match (below.strip_prefix('/').map(path_id), method) {
            (Some(Ok(id)), Method::Get) => get(world, id, now),
            (Some(Ok(id)), Method::Delete) => delete(world, id, now),
            (Some(Err(_)), Method::Get | Method::Delete) => error(400, "The backup ID is not a number"),
            (Some(_), _) => not_allowed(incoming, now),
            (None, _) => not_found(incoming, now),
        },
    }
}

fn error(status: u16, message: &str) -> Reply {
    Answer::typed(status, ACTUATOR, &json!({ "message": message })).into()
}

/// Why nothing can be done now.
fn trouble(world: &World) -> Option<Reply> {
    if !world.profile.repository_configured {
        return Some(error(400, "No backup repository configured."));
    }
    let repository = &world.profile.repository;
    if !world.engine_up() {
        let message = format!(
            "Encountered an error connecting to Elasticsearch while retrieving repository with name [{repository}]."
        );
        return Some(error(502, &message));
    }
    if world.repository().is_none() {
        return Some(error(404, &format!("No repository with name [{repository}] could be found.")));
    }
    None
}

fn take(world: &mut World, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
    let Some(id) = backup_id(&incoming.body).ok().filter(|id| *id > 0) else {
        return error(400, "A backupId must be provided and it must be > 0");
    };
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let timings = world.profile.timings;
    let names: Vec<String> = (1..=PARTS).map(|part| snapshot(id, part, &world.profile)).collect();
    let busy = world.busy.get(&QUEUE).copied().unwrap_or_default();
    let prefix = format!("{PREFIX}{id}_");
    let Some(repository) = world.repository_mut() else { return error(404, "no repository") };
    if repository.knows(&prefix, now) {
        return error(
            400,
            &format!("A backup with ID [{id}] already exists. Found snapshots: [{}]", names[0]),
        );
    }
    if busy > now {
        return error(400, "Another backup is running at the moment");
    }
    let pace =
        Pace { starts: now + timings.registration, each: timings.webapp_snapshot, gap: timings.webapp_gap };
    let parts = names.iter().cloned().zip(1..).map(|(name, part)| (name, indices(part))).collect();
    let ends = repository.plan(parts, &pace, shape);
    world.busy.insert(QUEUE, ends);
    Reply::done(Answer::typed(200, ACTUATOR, &json!({ "scheduledSnapshots": names })))
}

fn get(world: &World, id: u64, now: Wall) -> Reply {
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let prefix = format!("{PREFIX}{id}_");
    let mut found: Vec<_> = world.repository().into_iter().flat_map(|r| r.under(&prefix, now)).collect();
    if found.is_empty() {
        return error(404, &format!("No backup with id [{id}] found."));
    }
    found.sort_by_key(|(_, snapshot)| snapshot.starts);
    Answer::typed(200, ACTUATOR, &backup(world, id, &found, now)).into()
}

fn list(world: &World, now: Wall) -> Reply {
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let mut sets: BTreeMap<u64, Vec<(&str, &Snapshot)>> = BTreeMap::new();
    for (name, snapshot) in world.repository().into_iter().flat_map(|r| r.under(PREFIX, now)) {
        let id = name[PREFIX.len()..].split('_').next().and_then(|id| id.parse().ok());
        sets.entry(id.unwrap_or_default()).or_default().push((name, snapshot));
    }
    let backups: Vec<Value> = sets.iter().rev().map(|(id, found)| backup(world, *id, found, now)).collect();
    Answer::typed(200, ACTUATOR, &backups).into()
}

fn delete(world: &mut World, id: u64, now: Wall) -> Reply {
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let gone = now + world.profile.timings.deletion;
    let prefix = format!("{PREFIX}{id}_");
    let effect = world.repository_mut().is_some_and(|repository| repository.delete(&prefix, now, gone));
    Reply { effect, ..Answer::empty(204).into() }
}

/// Between two snapshots it goes on saying `IN_PROGRESS`, until the last one is too old for that.
pub(super) fn told(found: &[(&str, &Snapshot)], now: Wall) -> &'static str {
    let last = found.iter().map(|(_, snapshot)| snapshot.ends).max().unwrap_or_default();
    match state(found, PARTS, now) {
        "INCOMPLETE" if now.saturating_sub(last) < BELIEVED => "IN_PROGRESS",
        told => told,
    }
}

fn backup(world: &World, id: u64, found: &[(&str, &Snapshot)], now: Wall) -> Value {
    let state = told(found, now);
    let details: Vec<Value> = found
        .iter()
        .map(|(name, snapshot)| {
            json!({
                "snapshotName": name, "state": snapshot.state(now),
                "startTime": webapp_time(snapshot.starts), "failures": [],
            })
        })
        .collect();
    let failure = reason(state, found, now);
    let mut body = json!({ "backupId": id, "failureReason": failure, "state": state, "details": details });
    if world.profile.layout.by_tenant {
        body["physicalTenants"] = json!([{
            "physicalTenantId": "default", "state": state, "failureReason": failure, "details": details,
        }]);
    }
    body
}
