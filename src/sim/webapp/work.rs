//! What the requests do, and the state of a backup.

use std::collections::BTreeMap;

use serde::Serialize;

use super::problem::{Problem, backup_id};
use super::{Answer, App, Fault, Incoming, Reply, Wall, World};
use crate::model::{Engine, SnapshotName};
use crate::sim::clock::webapp_time;
use crate::sim::repository::{Pace, Snapshot, uuid};
use crate::wire::ScheduledSnapshots;

/// `GET /actuator/backups/{id}`. Not the wire's type: the word for a finished snapshot is `SUCCESS` here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    backup_id: u64,
    state: &'static str,
    failure_reason: Option<String>,
    details: Vec<Detail>,
}

/// One of its snapshots.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    snapshot_name: String,
    state: &'static str,
    start_time: String,
    failures: Option<Vec<String>>,
}

/// The checks before anything that changes something: the repository is configured, the engine answers and knows it.
fn ready(world: &World) -> Result<(), Problem> {
    if !world.profile.repository_configured {
        return Err(Problem::NotConfigured);
    }
    if !world.engine_up() {
        return Err(Problem::EngineDownForRepository);
    }
    world.repository().map(|_| ()).ok_or(Problem::NoRepository)
}

/// The checks before reading: on Elasticsearch a missing repository looks like no backups.
fn readable(world: &World, down: Problem) -> Result<(), Problem> {
    if !world.profile.repository_configured {
        return Err(Problem::NotConfigured);
    }
    if !world.engine_up() {
        return Err(down);
    }
    if world.profile.engine == Engine::OpenSearch && world.repository().is_none() {
        return Err(Problem::NoRepository);
    }
    Ok(())
}

pub(super) fn take(
    world: &mut World,
    app: App,
    incoming: &Incoming,
    shape: Option<&Fault>,
    now: Wall,
) -> Result<Reply, Problem> {
    let id = backup_id(&incoming.body)?;
    ready(world)?;
    let timings = world.profile.timings;
    let names: Vec<String> = (1..=App::PARTS).map(|part| app.snapshot(id, part, &world.profile)).collect();
    let busy = world.busy.get(&app.component()).copied().unwrap_or_default();
    let Some(repository) = world.repository_mut() else { return Err(Problem::NoRepository) };
    let prefix = format!("{}{id}_", app.prefix());
    let found: Vec<(String, String)> =
        repository.under(&prefix, now).map(|(name, s)| (name.to_owned(), uuid(name, s.starts))).collect();
    if !found.is_empty() {
        return Err(Problem::Exists { id, found });
    }
    let answer = app.answer(&ScheduledSnapshots { scheduled_snapshots: names.clone() });
    // Accepted, but none is visible yet: the check cannot see them, and the second series fails on the names of the
    // first (not recorded; follows from how the check was recorded to work).
    if repository.knows(&prefix, now) {
        return Ok(answer.into());
    }
    // a backup that runs is finished first: the second waits in a queue (`err-operate-*`)
    let starts =
        if busy > now { busy.saturating_add(timings.webapp_gap) } else { now + timings.registration };
    let pace = Pace { starts, each: timings.webapp_snapshot, gap: timings.webapp_gap };
    let parts = names.into_iter().zip(1..).map(|(name, part)| (name, app.indices(part))).collect();
    let ends = repository.plan(parts, &pace, shape);
    world.busy.insert(app.component(), ends);
    Ok(Reply::done(answer))
}

pub(super) fn get(world: &World, app: App, id: u64, now: Wall) -> Result<Reply, Problem> {
    readable(world, Problem::EngineDownForBackup(id))?;
    let prefix = format!("{}{id}_", app.prefix());
    let Some(repository) = world.repository() else { return Err(Problem::Unknown(id)) };
    let mut found: Vec<(&str, &Snapshot)> = repository.under(&prefix, now).collect();
    if found.is_empty() {
        return Err(Problem::Unknown(id));
    }
    let running = found.iter().any(|(_, snapshot)| snapshot.runs(now));
    // recorded: `os/b100-12-operate-state-1..4`
    if running && app == App::Operate && world.profile.engine == Engine::OpenSearch {
        return Err(Problem::EngineDownForBackup(id));
    }
    found.sort_by_key(|(_, snapshot)| snapshot.starts);
    Ok(app.answer(&backup(world, app, id, &found, now)).into())
}

pub(super) fn list(world: &World, app: App, now: Wall) -> Result<Reply, Problem> {
    readable(world, Problem::EngineDownForList)?;
    let mut sets: BTreeMap<u64, Vec<(&str, &Snapshot)>> = BTreeMap::new();
    for (name, snapshot) in
        world.repository().into_iter().flat_map(|repository| repository.under(app.prefix(), now))
    {
        // They read the snapshot's own note, which is there exactly in what they took.
        if SnapshotName::parse(name).is_none() {
            return Err(Problem::ForeignSnapshot);
        }
        let id = name[app.prefix().len()..].split('_').next().and_then(|id| id.parse().ok());
        sets.entry(id.unwrap_or_default()).or_default().push((name, snapshot));
    }
    let mut sets: Vec<_> = sets.into_iter().collect();
    for (_, found) in &mut sets {
        found.sort_by_key(|(_, snapshot)| std::cmp::Reverse(snapshot.starts));
    }
    sets.sort_by_key(|(_, found)| std::cmp::Reverse(found.first().map(|(_, snapshot)| snapshot.starts)));
    let backups: Vec<Found> = sets.iter().map(|(id, found)| backup(world, app, *id, found, now)).collect();
    Ok(app.answer(&backups).into())
}

pub(super) fn delete(world: &mut World, app: App, id: u64, now: Wall) -> Result<Reply, Problem> {
    ready(world)?;
    let gone = now + world.profile.timings.deletion;
    // The names that this version gives, whatever is there: what an earlier one took stays, behind the same answer.
    let prefix = format!("{}{id}_{}_part_", app.prefix(), world.profile.camunda_version);
    let found = world.repository_mut().is_some_and(|repository| repository.delete(&prefix, now, gone));
    Ok(Reply { effect: found, ..Answer::empty(204).into() })
}

/// The state as 8.6.0 computes it from the snapshots it finds (procedure 3.3).
pub(in crate::sim) fn state(found: &[(&str, &Snapshot)], expected: u32, now: Wall) -> &'static str {
    let any = |word: &str| found.iter().any(|(_, snapshot)| snapshot.state(now) == word);
    let complete = found.len() == expected as usize;
    if complete && found.iter().all(|(_, snapshot)| snapshot.state(now) == "SUCCESS") {
        "COMPLETED"
    } else if any("FAILED") || any("PARTIAL") {
        "FAILED"
    } else if any("IN_PROGRESS") {
        "IN_PROGRESS"
    } else {
        "INCOMPLETE"
    }
}

fn backup(world: &World, app: App, id: u64, found: &[(&str, &Snapshot)], now: Wall) -> Found {
    let state = state(found, App::PARTS, now);
    // `failures` is null on OpenSearch for Operate (recorded), the array otherwise
    let list = app == App::Tasklist || world.profile.engine == Engine::Elasticsearch;
    let details = found.iter().map(|(name, snapshot)| Detail {
        snapshot_name: (*name).to_owned(),
        state: snapshot.state(now),
        start_time: webapp_time(snapshot.starts),
        failures: list.then(|| failures(snapshot, now)),
    });
    Found { backup_id: id, state, failure_reason: reason(state, found, now), details: details.collect() }
}

/// Why a backup failed.
pub(in crate::sim) fn reason(state: &str, found: &[(&str, &Snapshot)], now: Wall) -> Option<String> {
    let with = |word: &str| -> Vec<&str> {
        found.iter().filter(|(_, snapshot)| snapshot.state(now) == word).map(|(name, _)| *name).collect()
    };
    match (state, with("FAILED").join(", ")) {
        ("FAILED", failed) if !failed.is_empty() => {
            Some(format!("There were failures with the following snapshots: {failed}"))
        }
        ("FAILED", _) => Some(format!("Some of the snapshots are partial: {}", with("PARTIAL").join(", "))),
        _ => None,
    }
}

fn failures(snapshot: &Snapshot, now: Wall) -> Vec<String> {
    let failed = if now < snapshot.ends { 0 } else { snapshot.failed_shards() };
    snapshot
        .indices
        .iter()
        .take(failed)
        .map(|index| format!("[{index}][0] primary shard is not allocated"))
        .collect()
}
