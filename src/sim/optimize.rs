//! Optimize: `/actuator/backups` on its own management port.
//!
//! Not recorded (its distribution was not to be had): from the procedure, section 3.4, which was read in its sources.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Answer, Reply};
use super::clock::{Wall, webapp_time};
use super::fault::Fault;
use super::incoming::Incoming;
use super::profile::Profile;
use super::repository::{Pace, Snapshot};
use super::webapp::{backup_id, path_id, reason, state};
use super::world::{World, not_allowed, not_found};
use crate::client::Method;
use crate::wire::Message;

/// Snapshots of one backup: the import's indices, then all others.
pub(super) const PARTS: u32 = 2;
/// What the names of its snapshots begin with.
pub(super) const PREFIX: &str = "camunda_optimize_";

/// `camunda_optimize_100_8.6.0_part_1_of_2`.
pub(super) fn snapshot(id: u64, part: u32, profile: &Profile) -> String {
    format!("{PREFIX}{id}_{}_part_{part}_of_{PARTS}", profile.camunda_version)
}

/// What that snapshot holds.
pub(super) fn indices(part: u32) -> Arc<[String]> {
    let names: &[&str] = match part {
        1 => &["optimize-timestamp-based-import-index_v5", "optimize-position-based-import-index_v3"],
        2 => {
            &["optimize-process-definition_v6", "optimize-single-process-report_v11", "optimize-dashboard_v8"]
        }
        _ => &[],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Answers one request.
pub(super) fn handle(world: &mut World, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
    let below = incoming.path().strip_prefix("/actuator/backups");
    match (below, incoming.method()) {
        (Some(""), Method::Get) => list(world, now),
        (Some(""), Method::Post) => take(world, incoming, shape, now),
        (Some(""), _) => not_allowed(incoming, now),
        (Some(below), method) => match (below.strip_prefix('/').map(path_id), method) {
            (Some(Ok(id)), Method::Get) => get(world, id, now),
            (Some(Ok(id)), Method::Delete) => delete(world, id, now),
            (Some(Err(_)), Method::Get | Method::Delete) => {
                error(400, "badRequestError", "The backup ID is not a number")
            }
            (Some(_), _) => not_allowed(incoming, now),
            (None, _) => not_found(incoming, now),
        },
        (None, _) => not_found(incoming, now),
    }
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "errorCode": code, "errorMessage": message, "detailedMessage": message });
    Answer::json(status, &body).into()
}

/// Why nothing can be done now.
fn trouble(world: &World) -> Option<Reply> {
    let repository = &world.profile.repository;
    if !world.profile.repository_configured {
        return Some(error(
            400,
            "badRequestError",
            "Cannot trigger backup because no Elasticsearch snapshot repository name found in Optimize configuration.",
        ));
    }
    if !world.engine_up() {
        let message = format!(
            "Encountered an error connecting to Elasticsearch while retrieving repository with name [{repository}]."
        );
        return Some(error(502, "badGateway", &message));
    }
    if world.repository().is_none() {
        return Some(error(
            400,
            "badRequestError",
            &format!("No repository with name [{repository}] could be found."),
        ));
    }
    None
}

fn take(world: &mut World, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
    let Ok(id) = backup_id(&incoming.body) else {
        return error(400, "badRequestError", "The backupId must be a whole number of at least 0");
    };
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let timings = world.profile.timings;
    let parts = (1..=PARTS).map(|part| (snapshot(id, part, &world.profile), indices(part))).collect();
    let prefix = format!("{PREFIX}{id}_");
    let Some(repository) = world.repository_mut() else {
        return error(400, "badRequestError", "no repository");
    };
    if repository.knows(&prefix, now) {
        let message = format!("A backup with ID [{id}] already exists.");
        return error(409, "conflict", &message);
    }
    let pace = Pace {
        starts: now + timings.registration,
        each: timings.optimize_snapshot,
        gap: timings.optimize_gap,
    };
    repository.plan(parts, &pace, shape);
    let message = format!(
        "Backup creation for ID {id} has been scheduled. Use the GET API to monitor completion of backup process"
    );
    Reply::done(Answer::json(202, &Message { message }))
}

fn get(world: &World, id: u64, now: Wall) -> Reply {
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let prefix = format!("{PREFIX}{id}_");
    let found: Vec<_> = world.repository().into_iter().flat_map(|r| r.under(&prefix, now)).collect();
    if found.is_empty() {
        return error(404, "notFoundError", &format!("No Optimize backup with ID [{id}] could be found."));
    }
    Answer::json(200, &backup(id, &found, now)).into()
}

fn list(world: &World, now: Wall) -> Reply {
    if let Some(reply) = trouble(world) {
        return reply;
    }
    let mut sets: BTreeMap<u64, Vec<(&str, &Snapshot)>> = BTreeMap::new();
    for (name, snapshot) in
        world.repository().into_iter().flat_map(|repository| repository.under(PREFIX, now))
    {
        let id = name[PREFIX.len()..].split('_').next().and_then(|id| id.parse().ok());
        sets.entry(id.unwrap_or_default()).or_default().push((name, snapshot));
    }
    let backups: Vec<Value> = sets.iter().rev().map(|(id, found)| backup(*id, found, now)).collect();
    Answer::json(200, &backups).into()
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

fn backup(id: u64, found: &[(&str, &Snapshot)], now: Wall) -> Value {
    let state = state(found, PARTS, now);
    let details: Vec<Value> = found
        .iter()
        .map(|(name, snapshot)| {
            json!({
                "snapshotName": name, "state": snapshot.state(now),
                "startTime": webapp_time(snapshot.starts), "failures": [],
            })
        })
        .collect();
    json!({ "backupId": id, "failureReason": reason(state, found, now), "state": state, "details": details })
}
