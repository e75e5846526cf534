//! What is only worth asking about a few sets, or for a judgement: each adds to the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join3;
use futures_util::stream::{self, StreamExt as _};

use super::{ANSWER, VERIFY, ask, ask_list};
use crate::client::{self, Http, Request};
use crate::dialect::{Dialect, Shape, search};
use crate::model::{Answer, BackupId, Component, Engine, Facts, Name, Part, PartBackup};
use crate::plan::{BackupRequest, nearest};

/// Questions under way at the same time: a component is busy with other things, too.
const AT_ONCE: usize = 4;

/// Asks in full for the lists whose brief answer leaves states out, where the repository cannot fill the gap: it could not be
/// asked, or has nothing of that part, because the component keeps its snapshots in one of its own.
pub(super) async fn in_full(http: &Http, request: &BackupRequest, dialect: &Dialect, facts: &mut Facts) {
    let stored: BTreeSet<Part> = facts
        .snapshots
        .iter()
        .flatten()
        .flatten()
        .filter_map(|s| s.name.ours())
        .map(|name| name.part)
        .collect();
    let untold = |part: Part| {
        let listed = facts.backups.get(&part).into_iter().flatten().flatten();
        listed.into_iter().any(|b| !b.state.is_told()) && !stored.contains(&part)
    };
    let routes = dialect.routes.iter().filter(|r| r.shape == Shape::Snapshots && untold(r.part));
    let asked = routes.filter_map(|route| Some((route.part, route.host(&request.components)?, route.base)));
    let asked: Vec<_> = asked.collect();
    for (part, host, base) in asked {
        // What cannot be had stays as it was: not told, and so not judged.
        if let Ok(full) = ask_list(http, &Request::get(host, base), client::snapshots_list()).await {
            facts.backups.insert(part, Ok(full));
        }
    }
}

/// Opens the snapshots and partitions of these sets: times, indices, versions, failures; with `sizes`, what they weigh,
/// where the engine tells.
///
/// Costs the engine a read of each snapshot's own file, so it is asked only for what is shown or judged. What cannot be
/// opened stays as the lists tell it; the first problem is returned.
pub async fn open_sets(
    http: &Http,
    request: &BackupRequest,
    facts: &mut Facts,
    ids: &BTreeSet<BackupId>,
    sizes: bool,
) -> Option<String> {
    let (snapshots, zeebe) = futures_util::future::join(
        snapshots(http, request, facts, ids, sizes),
        partitions(http, request, facts, ids),
    )
    .await;
    let mut problem = None;
    for answer in snapshots {
        match answer {
            Ok(found) => facts.details.extend(found),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    if let Some(Ok(listed)) = facts.backups.get_mut(&Part::Zeebe) {
        let mut opened: BTreeMap<_, _> = zeebe.into_iter().map(|b| (b.id, b)).collect();
        for backup in listed {
            if let Some(opened) = opened.remove(&backup.id) {
                *backup = opened;
            }
        }
    }
    problem
}

type Opened = BTreeMap<Name, crate::model::SnapshotDetail>;

async fn snapshots(
    http: &Http,
    request: &BackupRequest,
    facts: &Facts,
    ids: &BTreeSet<BackupId>,
    sizes: bool,
) -> Vec<Result<Opened, String>> {
    let Some(repository) = request.repository.as_deref() else { return Vec::new() };
    let stored = facts.snapshots.iter().flatten().flatten();
    let wanted = stored.filter(|s| s.name.ours().is_some_and(|name| ids.contains(&name.id)));
    let batches = batches(wanted.map(|s| s.name.to_string()), search::LONGEST_PATH - repository.len());
    let open = facts.engine.iter().flatten().any(|e| e.engine == Engine::OpenSearch);
    let asked = batches.iter().map(|names| async move {
        let host = Component::Search;
        let opened = Request::get(host, search::opened(repository, names, sizes && !open));
        let mut found =
            ask(http, &opened, VERIFY, client::opened_snapshots).await.map_err(|p| p.to_string())?;
        if sizes && open {
            let statuses = Request::get(host, search::statuses(repository, names));
            // A size is a comfort: without it the rest is as good.
            let bytes = ask(http, &statuses, VERIFY, client::snapshot_bytes).await.unwrap_or_default();
            for (name, bytes) in bytes {
                if let Some(detail) = found.get_mut(&name) {
                    detail.bytes = Some(bytes);
                }
            }
        }
        Ok(found)
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
}

/// Names, comma separated, in as few requests as their length allows.
fn batches(names: impl Iterator<Item = String>, longest: usize) -> Vec<String> {
    let mut batches: Vec<String> = Vec::new();
    for name in names {
        match batches.last_mut().filter(|b| b.len() + 1 + name.len() + 120 <= longest) {
            Some(batch) => {
                batch.push(',');
                batch.push_str(&name);
            }
            None => batches.push(name),
        }
    }
    batches
}

/// The list has no times of ending; the single backup has.
async fn partitions(
    http: &Http,
    request: &BackupRequest,
    facts: &Facts,
    ids: &BTreeSet<BackupId>,
) -> Vec<PartBackup> {
    let Some(route) = nearest(request, facts).route(Part::Zeebe) else { return Vec::new() };
    let listed = facts.backups.get(&Part::Zeebe).into_iter().flatten().flatten();
    let wanted: Vec<_> = listed.map(|b| b.id).filter(|id| ids.contains(id)).collect();
    let asked = wanted.into_iter().map(|id| async move {
        let single = Request::get(route.host_or_first(&request.components), format!("{}/{id}", route.base));
        ask(http, &single, ANSWER, client::partitions_backup).await.ok()
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
}

/// What a set is compared with: all repositories, all indices, who else writes or deletes there.
pub async fn surroundings(http: &Http, request: &BackupRequest, facts: &mut Facts) {
    let host = Component::Search;
    if request.components.contains(&host) {
        let repositories = Request::get(host, search::REPOSITORIES);
        let indices = Request::get(host, search::INDICES);
        let policies = async {
            let mut found = Vec::new();
            for path in [search::LIFECYCLE_POLICIES, search::MANAGEMENT_POLICIES] {
                // Most builds have one of them, or none: no answer means nothing.
                if let Ok(response) = http.call(&Request::get(host, path), ANSWER).await {
                    found.extend(client::lifecycle_policies(&response));
                }
            }
            found
        };
        let (repositories, indices, policies) = join3(
            ask(http, &repositories, ANSWER, client::repository_names),
            ask(http, &indices, ANSWER, client::index_names),
            policies,
        )
        .await;
        facts.repositories = Some(repositories);
        facts.indices = Some(indices);
        facts.lifecycle_policies =
            policies.into_iter().filter(|p| Some(&p.repository) == request.repository.as_ref()).collect();
    }
    super::native_retention(http, nearest(request, facts), facts).await;
}

/// Lets the engine check everything in the repository. May take very long; nothing may write there meanwhile.
pub async fn integrity(http: &Http, repository: &str, deadline: Duration) -> Answer<crate::model::Integrity> {
    let check = Request::post(Component::Search, search::verify_integrity(repository));
    ask(http, &check, deadline, client::integrity).await
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::client::{BoxFuture, Response, Transport, TransportError};
    use crate::dialect::IN_BRIEF;
    use crate::model::{PartState, StoredSnapshot};
    use crate::plan::nearest;

    /// An application whose brief list leaves states out.
    #[derive(Default)]
    struct Terse(Mutex<Vec<String>>);

    impl Transport for Terse {
        fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
            self.0.lock().expect("not poisoned").push(request.path.clone());
            let state = if request.path.ends_with(IN_BRIEF) { "" } else { r#","state":"COMPLETED""# };
            let body = format!(r#"[{{"backupId":17{state},"details":[]}}]"#);
            Box::pin(async { Ok(Response { status: 200, body: body.into() }) })
        }

        fn describe(&self, component: Component, path: &str) -> String {
            format!("{component}{path}")
        }
    }

    #[tokio::test]
    async fn a_list_that_leaves_states_out_is_asked_for_in_full_when_the_repository_has_nothing_of_it() {
        let request = BackupRequest {
            components: BTreeSet::from([Component::Operate, Component::Gateway]),
            ..BackupRequest::default()
        };
        let brief = || PartBackup {
            id: BackupId::new(17).expect("in range"),
            state: PartState::default(),
            failure: None,
            pieces: Vec::new(),
        };
        for (name, asked) in [("nightly", 1), ("camunda_operate_17_8.6.0_part_1_of_6", 0)] {
            let server = Arc::new(Terse::default());
            let http = Http::new(server.clone());
            let snapshot = StoredSnapshot { name: name.into(), state: PartState::Completed, indices: 1 };
            let mut facts = Facts {
                backups: BTreeMap::from([(Part::Operate, Ok(vec![brief()]))]),
                snapshots: Some(Ok(vec![snapshot])),
                ..Facts::default()
            };
            let dialect = nearest(&request, &facts);
            in_full(&http, &request, dialect, &mut facts).await;
            let told = facts.backups[&Part::Operate].as_ref().is_ok_and(|b| b[0].state.is_told());
            let sent = server.0.lock().expect("not poisoned").clone();
            assert_eq!((sent.len(), told), (asked, asked == 1), "{name}: {sent:?}");
            assert!(sent.iter().all(|path| !path.contains(IN_BRIEF)), "{sent:?}");
        }
    }

    #[test]
    fn names_are_asked_for_in_paths_that_an_engine_takes() {
        let names: Vec<String> = (0..200).map(|i| format!("camunda_operate_{i}_8.6.0_part_1_of_6")).collect();
        let batches = batches(names.iter().cloned(), search::LONGEST_PATH);
        assert!(batches.len() > 1 && batches.iter().all(|b| b.len() < search::LONGEST_PATH));
        assert_eq!(batches.join(",").split(',').collect::<Vec<_>>(), names);
    }
}
