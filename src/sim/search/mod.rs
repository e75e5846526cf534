//! Elasticsearch and `OpenSearch`: the snapshot API and the little else that is asked (`API.md` section 5,
//! `NOTES.md` section 4).
//!
//! Only the parent imports this. Invariants: a snapshot's name is taken from the moment it is accepted, and nothing
//! but a request or the engine's end takes it away. Each index has one shard.

mod create;
mod read;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Reply};
use super::clock::Wall;
use super::fault::Fault;
use super::incoming::{Incoming, matches};
use super::repository::Repository;
use super::world::World;
use crate::client::Method;
use crate::model::Engine;
use crate::wire::{Accepted, CatIndex};

/// Answers one request.
pub(super) fn handle(world: &mut World, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
    let path = incoming.path().trim_end_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (parts.as_slice(), incoming.method()) {
        ([], Method::Get) => root(world).into(),
        (["_cluster", "health"], Method::Get) => health().into(),
        (["_cat", "indices"], Method::Get) => cat_indices(world, "*", incoming),
        (["_cat", "indices", pattern], Method::Get) => cat_indices(world, pattern, incoming),
        (["_slm", "policy"], Method::Get) => lifecycle_policies(world, incoming).into(),
        (["_snapshot", rest @ ..], method) => snapshot(world, rest, method, incoming, shape, now),
        ([], _) => Answer::json(405, &json!({
            "error": format!("Incorrect HTTP method for uri [/] and method [{}], allowed: [GET, HEAD]", incoming.method().name()),
            "status": 405,
        }))
        .into(),
        ([index, ..], Method::Get) if !index.starts_with('_') => no_index(index).into(),
        _ => no_handler(incoming).into(),
    }
}

fn snapshot(
    world: &mut World,
    path: &[&str],
    method: Method,
    incoming: &Incoming,
    shape: Option<&Fault>,
    now: Wall,
) -> Reply {
    match (path, method) {
        ([] | ["_all" | "*"], Method::Get) => repositories(world, "*").into(),
        (["_status"], Method::Get) => read::status(world, None, "_current", incoming, now).into(),
        ([name], Method::Get) => repositories(world, name).into(),
        ([name], Method::Put | Method::Post) => register(world, name, incoming),
        ([name], Method::Delete) => unregister(world, name, now),
        ([name, "_verify"], Method::Post) => match registered(world, name) {
            Some(_) => {
                Answer::json(200, &json!({ "nodes": { "Bt5qkCe2TVezROjSUGZcuw": { "name": "simulated" } } }))
                    .into()
            }
            None => no_repository(name).into(),
        },
        ([name, "_verify_integrity"], Method::Post) if checks_integrity(world) => {
            integrity(world, name).into()
        }
        ([name, "_status"], Method::Get) => read::status(world, Some(name), "_current", incoming, now).into(),
        ([name, names], Method::Get) => read::list(world, name, names, incoming, now).into(),
        ([name, names, "_status"], Method::Get) => {
            read::status(world, Some(name), names, incoming, now).into()
        }
        ([name, snapshot], Method::Put | Method::Post) => {
            create::create(world, name, snapshot, incoming, shape, now)
        }
        ([name, names], Method::Delete) => create::delete(world, name, names, now),
        _ => no_handler(incoming).into(),
    }
}

fn registered<'a>(world: &'a World, name: &str) -> Option<&'a Repository> {
    world.repositories.get(name).filter(|repository| repository.registered)
}

fn is_open(world: &World) -> bool {
    world.profile.engine == Engine::OpenSearch
}

fn no_repository(name: &str) -> Answer {
    Answer::engine(404, "repository_missing_exception", &format!("[{name}] missing"))
}

fn no_snapshot(repository: &str, name: &str) -> Answer {
    Answer::engine(404, "snapshot_missing_exception", &format!("[{repository}:{name}] is missing"))
}

fn no_index(name: &str) -> Answer {
    let cause = json!({
        "type": "index_not_found_exception", "reason": format!("no such index [{name}]"),
        "resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name,
    });
    Answer::engine_with(404, &cause)
}

fn no_handler(incoming: &Incoming) -> Answer {
    let (method, path) = (incoming.method().name(), incoming.full_path());
    Answer::json(400, &json!({ "error": format!("no handler found for uri [{path}] and method [{method}]") }))
}

/// `GET /`.
fn root(world: &World) -> Answer {
    let body = match world.profile.engine {
        Engine::Elasticsearch => json!({
            "name": "simulated", "cluster_name": "elasticsearch", "cluster_uuid": "mL3pNWHfTxib7zAlxxAW9w",
            "version": {
                "number": world.profile.engine_version(), "build_flavor": "default", "build_type": "docker", "build_hash": "93a57a1a",
                "build_date": "2024-06-10T23:35:17.114581191Z", "build_snapshot": false, "lucene_version": "9.10.0",
                "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "You Know, for Search",
        }),
        Engine::OpenSearch => json!({
            "name": "simulated", "cluster_name": "opensearch", "cluster_uuid": "kxZ57S1BSRioMPk9rvSi1A",
            "version": {
                "distribution": "opensearch", "number": world.profile.engine_version(), "build_type": "docker", "build_hash": "fd9a9d90",
                "build_date": "2025-02-06T00:59:38.404463448Z", "build_snapshot": false, "lucene_version": "9.12.1",
                "minimum_wire_compatibility_version": "7.10.0", "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "The OpenSearch Project: https://opensearch.org/",
        }),
    };
    Answer::json(200, &body)
}

/// Recorded on a build without them: 405. With them (from the documentation): by name.
fn lifecycle_policies(world: &World, incoming: &Incoming) -> Answer {
    let policies = &world.profile.lifecycle_policies;
    if is_open(world) || policies.is_empty() {
        let error = format!(
            "Incorrect HTTP method for uri [{}] and method [GET], allowed: [POST]",
            incoming.full_path()
        );
        return Answer::json(405, &json!({ "error": error, "status": 405 }));
    }
    let policy = |(name, repository): &(String, String)| {
        let body = json!({
            "version": 1, "modified_date_millis": 0,
            "policy": { "name": "<nightly-{now/d}>", "schedule": "0 30 1 * * ?", "repository": repository },
        });
        (name.clone(), body)
    };
    Answer::json(200, &policies.iter().map(policy).collect::<Map<String, Value>>())
}

/// Elasticsearch 8.16 and later.
fn checks_integrity(world: &World) -> bool {
    let mut numbers = world.profile.engine_version().split('.').map_while(|n| n.parse::<u32>().ok());
    !is_open(world) && (numbers.next(), numbers.next()) >= (Some(8), Some(16))
}

/// From the documentation.
fn integrity(world: &World, name: &str) -> Answer {
    let Some(repository) = registered(world, name) else { return no_repository(name) };
    let (log, anomalies) = if repository.damaged {
        (json!([{ "timestamp_in_millis": 0, "anomaly": "missing blob [__abc]" }]), 1)
    } else {
        (json!([]), 0)
    };
    let result = if repository.damaged { "fail" } else { "pass" };
    Answer::json(
        200,
        &json!({
            "log": log,
            "results": {
                "status": { "repository": { "name": name, "uuid": "x", "generation": 3 } },
                "final_repository_generation": 3, "total_anomalies": anomalies, "result": result,
            },
        }),
    )
}

fn read_only(name: &str) -> Answer {
    Answer::engine(
        500,
        "repository_exception",
        &format!("[{name}] cannot delete snapshot from a readonly repository"),
    )
}

fn health() -> Answer {
    Answer::json(
        200,
        &json!({ "cluster_name": "simulated", "status": "green", "timed_out": false, "number_of_nodes": 1 }),
    )
}

/// `GET /_cat/indices/{pattern}?h=index&format=json`: names only, whatever columns are asked for.
fn cat_indices(world: &World, patterns: &str, incoming: &Incoming) -> Reply {
    let found = match resolve(&world.indices, patterns) {
        Ok(found) => found,
        Err(missing) => return no_index(&missing).into(),
    };
    if incoming.query("format") == Some("json") {
        let rows: Vec<CatIndex> = found.into_iter().map(|index| CatIndex { index }).collect();
        return Answer::json(200, &rows).into();
    }
    let text = found.into_iter().fold(String::new(), |text, index| text + &index + "\n");
    Answer::text(200, "text/plain; charset=UTF-8", text).into()
}

/// Names and patterns, comma separated, with `-` for exclusion. A name that is not there is an error, a pattern that
/// matches nothing is not.
fn resolve(indices: &[String], patterns: &str) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = Vec::new();
    for pattern in patterns.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
        match pattern.strip_prefix('-') {
            Some(excluded) => found.retain(|name| !matches(excluded, name)),
            None if pattern == "_all" => found.extend(indices.iter().cloned()),
            None if pattern.contains('*') => {
                found.extend(indices.iter().filter(|name| matches(pattern, name)).cloned());
            }
            None if indices.iter().any(|name| name == pattern) => found.push(pattern.to_owned()),
            None => return Err(pattern.to_owned()),
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn repositories(world: &World, name: &str) -> Answer {
    let body: Map<String, Value> = world
        .repositories
        .iter()
        .filter(|(known, repository)| repository.registered && matches(name, known))
        .map(|(known, r)| (known.clone(), json!({ "type": r.kind, "settings": r.settings })))
        .collect();
    if body.is_empty() && !name.contains('*') { no_repository(name) } else { Answer::json(200, &body) }
}

fn register(world: &mut World, name: &str, incoming: &Incoming) -> Reply {
    let body = incoming.json();
    let Some(kind) = body.and_then(|body| body.get("type")).and_then(Value::as_str) else {
        let reason = "Validation Failed: 1: type is missing;";
        return Answer::engine(400, "action_request_validation_exception", reason).into();
    };
    let settings = body.and_then(|body| body.get("settings")).and_then(Value::as_object).cloned();
    let repository = world.repositories.entry(name.to_owned()).or_default();
    repository.registered = true;
    kind.clone_into(&mut repository.kind);
    repository.settings = settings.unwrap_or_default();
    Reply::done(Answer::json(200, &Accepted { accepted: None, acknowledged: Some(true) }))
}

fn unregister(world: &mut World, name: &str, now: Wall) -> Reply {
    let open = is_open(world);
    let Some(repository) = world.repositories.get_mut(name).filter(|repository| repository.registered) else {
        return no_repository(name).into();
    };
    if repository.snapshots.values().any(|snapshot| snapshot.runs(now)) {
        let reason = "trying to modify or unregister repository that is currently used";
        return if open {
            Answer::engine(500, "illegal_state_exception", reason).into()
        } else {
            let reason = format!("[{name}] {reason} (snapshot is in progress)");
            Answer::engine(409, "repository_conflict_exception", &reason).into()
        };
    }
    repository.registered = false;
    Reply::done(Answer::json(200, &Accepted { accepted: None, acknowledged: Some(true) }))
}
