//! Listing snapshots and their progress.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::create::shard_failures;
use super::{Answer, Incoming, Wall, World, is_open, matches, no_repository, no_snapshot, registered};
use crate::sim::clock::{millis, millis_time};
use crate::sim::repository::{Repository, Snapshot, uuid};

/// Bytes of one shard, and the files they are in.
const SHARD: (u64, u64) = (120_238, 15);

/// One snapshot of a list. Borrowed, and not the wire's type: a list may have a hundred thousand of them, and the word
/// for a finished one is `SUCCESS`.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    snapshot: &'a str,
    uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_store_index_shallow_copy: Option<bool>,
    indices: &'a [String],
    data_streams: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    include_global_state: Option<bool>,
    state: &'static str,
    #[serde(flatten)]
    times: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_states: Option<[(); 0]>,
    /// Elasticsearch, when asked for (recorded on 8.14.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    index_details: Option<Map<String, Value>>,
}

/// What only the full form has.
#[derive(Debug, Serialize)]
struct Times {
    start_time: String,
    start_time_in_millis: i64,
    end_time: String,
    end_time_in_millis: i64,
    duration_in_millis: i64,
    failures: Vec<Value>,
    shards: Value,
}

/// One snapshot in full or, with `verbose=false`, in brief.
pub(super) fn entry<'a>(
    world: &World,
    repository: &'a str,
    name: &'a str,
    snapshot: &'a Snapshot,
    full: bool,
    now: Wall,
) -> Entry<'a> {
    let open = is_open(world);
    let running = now < snapshot.ends;
    let failed = if running { 0 } else { snapshot.failed_shards() };
    let end = if running { Wall::ZERO } else { snapshot.ends };
    let took = if running { 0 } else { millis(snapshot.ends) - millis(snapshot.starts) };
    let total = snapshot.indices.len();
    let times = full.then(|| Times {
        start_time: millis_time(snapshot.starts),
        start_time_in_millis: millis(snapshot.starts),
        end_time: millis_time(end),
        end_time_in_millis: millis(end),
        duration_in_millis: took,
        failures: shard_failures(snapshot.fate, &snapshot.indices, failed),
        shards: json!({ "total": total, "failed": failed, "successful": snapshot.copied_shards(now) }),
    });
    Entry {
        snapshot: name,
        uuid: uuid(name, snapshot.starts),
        repository: (!open).then_some(repository),
        version_id: full.then_some(if open { 136_407_827 } else { 8_505_000 }),
        version: full.then_some(if open { "2.19.0" } else { "8.14.0" }),
        remote_store_index_shallow_copy: (full && open).then_some(false),
        indices: &snapshot.indices,
        data_streams: [],
        include_global_state: full.then_some(snapshot.global_state),
        state: snapshot.state(now),
        times,
        feature_states: (full && !open).then_some([]),
        index_details: None,
    }
}

fn index_details(snapshot: &Snapshot) -> Map<String, Value> {
    let details = json!({ "shard_count": 1, "size_in_bytes": SHARD.0, "max_segments_per_shard": 3 });
    snapshot.indices.iter().map(|index| (index.clone(), details.clone())).collect()
}

/// The snapshots that these names and patterns stand for, by name.
fn find<'a>(
    store: &'a Repository,
    repository: &str,
    names: &str,
    world: &World,
    incoming: &Incoming,
    now: Wall,
) -> Result<Vec<(&'a str, &'a Snapshot)>, Answer> {
    let mut found: Vec<(&str, &Snapshot)> = Vec::new();
    let lenient = incoming.flag("ignore_unavailable") == Some(true);
    for pattern in names.split(',') {
        let before = found.len();
        match pattern {
            "_all" | "*" => found.extend(store.visible(now)),
            "_current" => found.extend(store.visible(now).filter(|(_, snapshot)| snapshot.runs(now))),
            pattern if pattern.contains('*') => {
                let fixed = pattern.split('*').next().unwrap_or_default();
                let under = store.visible(now).skip_while(|(name, _)| *name < fixed);
                let under = under.take_while(|(name, _)| name.starts_with(fixed));
                found.extend(under.filter(|(name, _)| matches(pattern, name)));
                // an error on OpenSearch, an empty list on Elasticsearch
                if found.len() == before && is_open(world) && !lenient {
                    return Err(no_snapshot(repository, pattern));
                }
            }
            name => match store.snapshots.get_key_value(name).filter(|(_, snapshot)| snapshot.visible(now)) {
                Some((name, snapshot)) => found.push((name, snapshot)),
                None if lenient => {}
                None => return Err(no_snapshot(repository, name)),
            },
        }
    }
    found.sort_by_key(|(name, _)| *name);
    found.dedup_by_key(|(name, _)| *name);
    Ok(found)
}

/// `GET /_snapshot/{repository}/{names}`.
pub(super) fn list(world: &World, repository: &str, names: &str, incoming: &Incoming, now: Wall) -> Answer {
    let open = is_open(world);
    let sorting: Vec<&str> = ["index_details", "order", "size", "sort"]
        .into_iter()
        .filter(|name| incoming.query(name).is_some())
        .collect();
    if open && !sorting.is_empty() {
        let list = sorting.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", ");
        let reason = format!("request [{}] contains unrecognized parameters: {list}", incoming.path());
        return Answer::engine(400, "illegal_argument_exception", &reason);
    }
    let Some(store) = registered(world, repository) else {
        // Recorded: 8.14 answers 200 and says so inside; 8.17 and later, and OpenSearch, answer 404.
        if open || world.profile.is_engine_from(8, 17) {
            return no_repository(repository);
        }
        let mut failures = Map::new();
        let missing =
            json!({ "type": "repository_missing_exception", "reason": format!("[{repository}] missing") });
        failures.insert(repository.to_owned(), missing);
        return Answer::json(
            200,
            &json!({ "snapshots": [], "failures": failures, "total": 0, "remaining": 0 }),
        );
    };
    let mut found = match find(store, repository, names, world, incoming, now) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let full = incoming.flag("verbose") != Some(false);
    if full {
        found.sort_by_key(|(_, snapshot)| snapshot.starts);
    }
    if incoming.query("order") == Some("desc") {
        found.reverse();
    }
    let all = found.len();
    let size = incoming.query("size").and_then(|size| size.parse::<usize>().ok()).unwrap_or(all);
    found.truncate(size);
    let shown = found.len();
    let sized = full && incoming.flag("index_details") == Some(true);
    let entries = found.iter().map(|(name, snapshot)| {
        let index_details = sized.then(|| index_details(snapshot));
        Entry { index_details, ..entry(world, repository, name, snapshot, full, now) }
    });
    let entries = entries.collect();
    let counts = (!open).then_some((all, all - shown));
    Answer::json(
        200,
        &List { snapshots: entries, total: counts.map(|c| c.0), remaining: counts.map(|c| c.1) },
    )
}

#[derive(Serialize)]
struct List<'a> {
    snapshots: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<usize>,
}

/// `GET /_snapshot/{repository}/{names}/_status`, or of what runs in all repositories.
pub(super) fn status(
    world: &World,
    repository: Option<&str>,
    names: &str,
    incoming: &Incoming,
    now: Wall,
) -> Answer {
    let mut list = Vec::new();
    let chosen =
        world.repositories.iter().filter(|(name, r)| r.registered && repository.is_none_or(|n| n == **name));
    let mut any = false;
    for (name, store) in chosen {
        any = true;
        match find(store, name, names, world, incoming, now) {
            Ok(found) => {
                list.extend(found.iter().map(|(snapshot, s)| progress(world, name, snapshot, s, now)));
            }
            Err(answer) => return answer,
        }
    }
    match repository {
        Some(name) if !any => no_repository(name),
        _ => Answer::json(200, &json!({ "snapshots": list })),
    }
}

/// Says `SUCCESS` once all shards are copied: before `GET` does, and for a partial one on Elasticsearch.
fn progress(world: &World, repository: &str, name: &str, snapshot: &Snapshot, now: Wall) -> Value {
    let total = snapshot.indices.len();
    let ended = now >= snapshot.ends;
    let failed = if ended { snapshot.failed_shards() } else { 0 };
    let done = snapshot.copied_shards(now);
    let copied = done + snapshot.failed_shards() == total;
    let state = match snapshot.state(now) {
        "IN_PROGRESS" if copied => "SUCCESS",
        "IN_PROGRESS" => "STARTED",
        "PARTIAL" if is_open(world) => "PARTIAL",
        "FAILED" => "FAILED",
        _ => "SUCCESS",
    };
    let begun = now > snapshot.starts;
    let waiting = total - done - failed;
    let (initializing, started) = if begun { (0, waiting) } else { (waiting, 0) };
    let amount = |shards: usize| json!({ "file_count": shards as u64 * SHARD.1, "size_in_bytes": shards as u64 * SHARD.0 });
    let mut amounts = json!({ "incremental": amount(if begun { total - failed } else { 0 }) });
    // absent before the first file and after the end
    if !ended && done > 0 {
        amounts["processed"] = amount(done);
    }
    amounts["total"] = amount(total - failed);
    amounts["start_time_in_millis"] = millis(snapshot.starts).into();
    amounts["time_in_millis"] = millis(now.min(snapshot.ends).saturating_sub(snapshot.starts)).into();
    json!({
        "snapshot": name, "repository": repository, "uuid": uuid(name, snapshot.starts), "state": state,
        "include_global_state": snapshot.global_state,
        "shards_stats": {
            "initializing": initializing, "started": started, "finalizing": 0, "done": done, "failed": failed,
            "total": total,
        },
        "stats": amounts,
        "indices": {},
    })
}
