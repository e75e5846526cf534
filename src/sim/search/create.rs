//! Taking and deleting snapshots.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Answer, Fault, Incoming, Reply, Wall, World, is_open, matches, no_index, no_repository, no_snapshot,
    read_only, resolve,
};
use crate::sim::clock::NEVER;
use crate::sim::repository::{Fate, Pace};
use crate::wire::Accepted;

/// `PUT /_snapshot/{repository}/{snapshot}`. What the body says beyond indices and global state is accepted and
/// ignored, as the engine does with unknown fields.
pub(super) fn create(
    world: &mut World,
    repository: &str,
    name: &str,
    incoming: &Incoming,
    shape: Option<&Fault>,
    now: Wall,
) -> Reply {
    let open = is_open(world);
    let takes = world.profile.timings.records;
    let body = incoming.json();
    let field = |name: &str| body.and_then(|body| body.get(name));
    let Some(store) = world.repositories.get(repository).filter(|repository| repository.registered) else {
        return no_repository(repository).into();
    };
    let invalid = |kind: &str, what: &str| {
        let reason = format!("[{repository}:{name}] Invalid snapshot name [{name}], {what}");
        Reply::from(Answer::engine(400, kind, &reason))
    };
    if name.chars().any(char::is_uppercase) {
        return invalid("invalid_snapshot_name_exception", "must be lowercase");
    }
    if name.starts_with('_') {
        return invalid("invalid_snapshot_name_exception", "must not start with '_'");
    }
    if store.read_only {
        return read_only(repository).into();
    }
    if let Some(taken) = store.snapshots.get(name).filter(|snapshot| now < snapshot.gone) {
        let kind =
            if open { "invalid_snapshot_name_exception" } else { "snapshot_name_already_in_use_exception" };
        let ended = taken.ends <= now;
        return invalid(
            kind,
            if ended {
                "snapshot with the same name already exists"
            } else {
                "snapshot with the same name is already in-progress"
            },
        );
    }
    let patterns = match field("indices") {
        Some(Value::String(patterns)) => patterns.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        _ => "*".to_owned(),
    };
    let indices: Arc<[String]> = match resolve(&world.indices, &patterns) {
        Ok(indices) => indices.into(),
        Err(missing) => return no_index(&missing).into(),
    };
    let global_state = field("include_global_state").and_then(Value::as_bool).unwrap_or(true);
    let Some(store) = world.repositories.get_mut(repository) else { return no_repository(repository).into() };
    // nothing to copy: only the repository's own files are written (0.2 s against 1.2 s: `err-snap-indices-match-nothing`)
    let each = if indices.is_empty() { takes / 6 } else { takes };
    let pace = Pace { starts: now, each, gap: Duration::ZERO };
    store.plan(vec![(name.to_owned(), indices)], &pace, shape);
    let planned = store.snapshots.get_mut(name).map(|snapshot| {
        snapshot.global_state = global_state;
        (snapshot.ends, snapshot.clone())
    });
    if incoming.flag("wait_for_completion") != Some(true) {
        return Reply::done(Answer::json(200, &Accepted { accepted: Some(true), acknowledged: None }));
    }
    match planned {
        Some((NEVER, _)) => Reply { effect: true, ..Reply::never() },
        Some((ends, snapshot)) => {
            let entry = super::read::entry(world, repository, name, &snapshot, true, ends);
            Reply::done(Answer::json(200, &json!({ "snapshot": entry }))).after(ends.saturating_sub(now))
        }
        None => Reply::done(Answer::json(200, &Accepted { accepted: Some(true), acknowledged: None })),
    }
}

/// `DELETE /_snapshot/{repository}/{names}`: answered when they are gone. One that runs is aborted.
pub(super) fn delete(world: &mut World, repository: &str, names: &str, now: Wall) -> Reply {
    let takes = world.profile.timings.deletion;
    let Some(store) = world.repositories.get_mut(repository).filter(|repository| repository.registered)
    else {
        return no_repository(repository).into();
    };
    if store.read_only {
        return read_only(repository).into();
    }
    let mut found = Vec::new();
    for pattern in names.split(',') {
        let before = found.len();
        found.extend(
            store.visible(now).filter(|(name, _)| matches(pattern, name)).map(|(name, _)| name.to_owned()),
        );
        if found.len() == before && !pattern.contains('*') {
            return no_snapshot(repository, pattern).into();
        }
    }
    for name in &found {
        store.snapshots.remove(name);
    }
    let answer = Answer::json(200, &Accepted { accepted: None, acknowledged: Some(true) });
    Reply { effect: !found.is_empty(), ..Reply::done(answer).after(takes) }
}

/// The shards of a snapshot that could not be read, as `failures` lists them.
pub(super) fn shard_failures(fate: Fate, indices: &[String], failed: usize) -> Vec<Value> {
    let status = if fate == Fate::Success { "OK" } else { "INTERNAL_SERVER_ERROR" };
    indices
        .iter()
        .take(failed)
        .map(|index| {
            json!({
                "index": index, "index_uuid": index, "shard_id": 0, "reason": "primary shard is not allocated",
                "status": status,
            })
        })
        .collect()
}
