//! Asks the release everything that planning, preflight, `status` and `list` need. Changes nothing.
//!
//! All questions that do not depend on each other are asked at once. A question that cannot be answered is a value in
//! [`Facts`], never an error here: what it means is decided by the pure code that reads the facts.

mod sets;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all, join3};

use crate::client::{self, CallError, Http, List, Method, Request, Response};
use crate::dialect::{Dialect, IN_BRIEF, METRICS, Route, Shape, candidates, search};
use crate::model::{
    Answer, Component, ComponentFacts, Facts, Part, PartBackup, Positions, Problem, ProblemKind,
    RepositoryFacts,
};
use crate::plan::{self, BackupRequest, nearest, version};
pub use sets::{integrity, open_sets, surroundings};

/// Zeebe's gateway gives up on its brokers after 15 s; ask longer than that, and hear the reason.
const ANSWER: Duration = Duration::from_secs(20);

/// A list opens every snapshot there is, unless the build knows how not to.
const LIST: Duration = Duration::from_secs(90);

/// A health endpoint can hang for more than a minute while its search engine is away (recorded on Tasklist 8.6.0).
const HEALTH: Duration = Duration::from_secs(5);

/// Writing to a repository and reading it back from every node.
const VERIFY: Duration = Duration::from_secs(60);

/// Between two looks at exporters that are behind: a flush of theirs takes a second.
const LATER: Duration = Duration::from_secs(2);

/// What is asked beside the components themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only what sets are made of: the backups in brief, and the cluster's partitions.
    Backups,
    /// The state of everything, as `status` shows it.
    State,
    /// That, the records' indices, and whether the engine's nodes can write to the repository.
    Preflight,
}

/// Asks.
pub async fn survey(http: &Http, request: &BackupRequest, scope: Scope) -> Facts {
    let mut facts = Facts::default();
    let components = join_all(request.components.iter().map(|c| component(http, *c))).await;
    facts.components = request.components.iter().copied().zip(components).collect();

    let (gateway, exporters) =
        join(gateway(http, request, &facts, scope), exporters(http, request, &facts)).await;
    facts.exporters = exporters;
    facts.paths = gateway.iter().filter_map(|(path, (_, answer))| Some((*path, is_there(answer)?))).collect();
    let dialect = nearest(request, &facts);
    facts.elsewhere = dialect.elsewhere;
    let topology = Request::get(Component::Gateway, dialect.cluster);
    let (backups, engine, cluster) = join3(
        lists(http, request, dialect, scope, gateway),
        search_facts(http, request, dialect, scope),
        ask(http, &topology, ANSWER, client::cluster),
    )
    .await;
    facts.backups = backups.into_iter().collect();
    facts.cluster = Some(cluster);
    (facts.engine, facts.repository, facts.repository_verified, facts.record_indices, facts.snapshots) =
        engine;
    out_of_reach(request, dialect, &mut facts);
    if let (Some(search), Some(Err(problem))) = (facts.components.get_mut(&Component::Search), &facts.engine)
    {
        search.health = Err(problem.clone());
    }
    if scope == Scope::Backups {
        sets::in_full(http, request, dialect, &mut facts).await;
    }
    if scope == Scope::Preflight {
        facts.other_repositories = other_repositories(http, request).await;
        native_retention(http, dialect, &mut facts).await;
    }
    if scope != Scope::Backups {
        let brokers: Vec<_> =
            request.components.iter().copied().filter(|c| matches!(c, Component::Broker(_))).collect();
        let phases = join_all(brokers.iter().map(|b| async {
            let asked = Request::get(*b, dialect.phases);
            ask(http, &asked, ANSWER, client::phases).await
        }));
        let phases = phases.await;
        facts.exporting = brokers.iter().copied().zip(phases).collect();
        if scope == Scope::Preflight {
            facts.positions = positions(http, &brokers).await;
            if facts.all_positions().is_some_and(|p| !p.lag().is_empty()) {
                tokio::time::sleep(LATER).await;
                let later = positions(http, &brokers).await.into_values().flatten();
                facts.positions_later = Some(Positions::merged(later));
            }
        }
        if let (true, Some(path)) = (facts.exporting.is_empty(), dialect.exporting) {
            let asked = Request::get(Component::Gateway, path);
            // Believed where it answers; elsewhere its absence means nothing.
            if let Ok(phases) = ask(http, &asked, ANSWER, client::phases).await {
                facts.exporting.insert(Component::Gateway, Ok(phases));
            }
        }
    }
    facts
}

/// A component that could not be asked because no way to it was found: its part is neither there nor missing.
fn out_of_reach(request: &BackupRequest, dialect: &Dialect, facts: &mut Facts) {
    for route in dialect.routes {
        let Some((host, why)) = plan::out_of_reach(request, route) else { continue };
        let problem = Problem { kind: ProblemKind::NotFound, url: host.to_string(), text: why.to_owned() };
        match route.shape {
            Shape::Records => facts.snapshots = Some(Err(problem)),
            Shape::Snapshots | Shape::Partitions => drop(facts.backups.insert(route.part, Err(problem))),
        }
    }
}

async fn native_retention(http: &Http, dialect: &Dialect, facts: &mut Facts) {
    if let Some(path) = dialect.native_retention {
        facts.native_retention = http.call(&Request::get(Component::Gateway, path), ANSWER).await.is_ok();
    }
}

/// What the web applications write to, where that is known and is not the records' repository.
async fn other_repositories(
    http: &Http,
    request: &BackupRequest,
) -> BTreeMap<String, (Answer<RepositoryFacts>, Option<Answer<usize>>)> {
    let host = Component::Search;
    if !request.components.contains(&host) {
        return BTreeMap::new();
    }
    let others = request.other_repositories();
    let asked = others.keys().map(|name| async move {
        let look = Request::get(host, search::repository(name));
        let found = ask(http, &look, ANSWER, |r| client::repository(r, name)).await;
        let verified = match &found {
            Ok(repository) if repository.is_writable() => {
                let verify = Request::post(host, search::verify(name));
                Some(ask(http, &verify, VERIFY, client::verified_nodes).await)
            }
            _ => None,
        };
        ((*name).to_owned(), (found, verified))
    });
    join_all(asked).await.into_iter().collect()
}

type Listed = Answer<Vec<PartBackup>>;

/// The rows that it may be: of an unknown version, everything that is known.
fn possible(request: &BackupRequest, facts: &Facts) -> Vec<&'static Dialect> {
    let rows = || candidates(request.rows, version(request, facts));
    if rows().next().is_some() { rows().collect() } else { candidates(request.rows, None).collect() }
}

/// The exporters, where a row is told by them. Not every exposure has this endpoint.
async fn exporters(http: &Http, request: &BackupRequest, facts: &Facts) -> Vec<String> {
    let sign = possible(request, facts).into_iter().find_map(|r| r.sign);
    let Some(sign) = sign else { return Vec::new() };
    let asked = Request::get(Component::Gateway, sign.path);
    ask(http, &asked, ANSWER, client::exporters).await.unwrap_or_default()
}

/// Asks the gateway at every path by which rows of this version differ: which of them is there decides.
async fn gateway(
    http: &Http,
    request: &BackupRequest,
    facts: &Facts,
    scope: Scope,
) -> BTreeMap<&'static str, (Shape, Listed)> {
    let rows = possible(request, facts);
    let paths: BTreeMap<_, _> = rows
        .iter()
        .flat_map(|r| r.gateway)
        .map(|(path, _)| {
            let of_gateway = |r: &&Route| r.hosts.contains(&Component::Gateway) && r.base == *path;
            let shape = rows.iter().flat_map(|r| r.routes).find(of_gateway).map(|r| r.shape);
            (*path, shape.unwrap_or(Shape::Partitions))
        })
        .collect();
    let asked = paths.into_iter().map(|(path, shape)| async move {
        (path, (shape, list(http, Component::Gateway, path, shape, scope).await))
    });
    join_all(asked).await.into_iter().collect()
}

async fn positions(http: &Http, brokers: &[Component]) -> BTreeMap<Component, Answer<Positions>> {
    let answers = join_all(brokers.iter().map(|b| async {
        let asked = Request::get(*b, METRICS);
        ask(http, &asked, ANSWER, client::positions).await
    }));
    brokers.iter().copied().zip(answers.await).collect()
}

/// Whether a path is there: an endpoint's own error, a 404 included, is its sign of life. `None`: not known.
fn is_there(answer: &Listed) -> Option<bool> {
    match answer {
        Ok(_) => Some(true),
        Err(problem) => match problem.kind {
            ProblemKind::EndpointAbsent => Some(false),
            ProblemKind::Refused(_) | ProblemKind::Unintelligible => Some(true),
            ProblemKind::Unreachable | ProblemKind::Unauthorized | ProblemKind::NotFound => None,
        },
    }
}

async fn list(http: &Http, host: Component, base: &str, shape: Shape, scope: Scope) -> Listed {
    let brief = if scope == Scope::Backups && shape == Shape::Snapshots { IN_BRIEF } else { "" };
    let read = match shape {
        Shape::Partitions => client::partitions_list(),
        Shape::Snapshots | Shape::Records => client::snapshots_list(),
    };
    ask_list(http, &Request::get(host, format!("{base}{brief}")), read).await
}

async fn ask<T>(
    http: &Http,
    request: &Request,
    deadline: Duration,
    read: impl Fn(&Response) -> Result<T, String>,
) -> Answer<T> {
    debug_assert!(
        request.method == Method::Get || request.path.contains("/_verify"),
        "a survey changes nothing"
    );
    let url = || http.describe(request.component, &request.path);
    let response = http.call(request, deadline).await.map_err(CallError::into_problem)?;
    read(&response).map_err(|text| Problem { kind: ProblemKind::Unintelligible, url: url(), text })
}

/// The same for what may be long.
async fn ask_list<T: Send>(http: &Http, request: &Request, list: List<T>) -> Answer<Vec<T>> {
    let url = || http.describe(request.component, &request.path);
    let read = http.list(request, LIST, list).await.map_err(CallError::into_problem)?;
    read.map_err(|text| Problem { kind: ProblemKind::Unintelligible, url: url(), text })
}

async fn component(http: &Http, component: Component) -> ComponentFacts {
    let url = http.describe(component, "");
    if component == Component::Search {
        // It has no such endpoint: whether it answers shows in its own questions.
        return ComponentFacts { url, version: None, health: Ok("UP".to_owned()) };
    }
    let info = Request::get(component, "/actuator/info");
    let health = Request::get(component, "/actuator/health");
    let (info, health) = join(http.call(&info, HEALTH), http.call(&health, HEALTH)).await;
    // A component that is down says so with 503 and a body of the same shape.
    let health = match health {
        Ok(response) => client::health(&response).map_err(|text| Problem {
            kind: ProblemKind::Unintelligible,
            url: http.describe(component, "/actuator/health"),
            text,
        }),
        Err(error) if error.status() == Some(503) => Ok("DOWN".to_owned()),
        Err(error) => Err(error.into_problem()),
    };
    ComponentFacts { url, version: info.ok().as_ref().and_then(client::version), health }
}

async fn lists(
    http: &Http,
    request: &BackupRequest,
    dialect: &Dialect,
    scope: Scope,
    mut gateway: BTreeMap<&'static str, (Shape, Listed)>,
) -> Vec<(Part, Listed)> {
    let asked = dialect.routes.iter().filter(|r| r.shape != Shape::Records);
    let asked = asked.filter_map(|route| {
        let host = route.host(&request.components)?;
        // What told the row from the others need not be asked again.
        let known = if host == Component::Gateway { gateway.remove(route.base) } else { None };
        let known = known.filter(|(shape, _)| *shape == route.shape).map(|(_, listed)| listed);
        Some((route, host, known))
    });
    let asked: Vec<_> = asked.collect();
    join_all(asked.into_iter().map(|(route, host, known)| async move {
        let answer = match known {
            Some(listed) => listed,
            None => list(http, host, route.base, route.shape, scope).await,
        };
        // A component without any backup may answer 404 with a word of its own instead of an empty list.
        let answer = match answer {
            Err(p) if p.kind == ProblemKind::Refused(404) && client::is_about_no_backup(&p.text) => {
                Ok(Vec::new())
            }
            other => other,
        };
        (route.part, answer)
    }))
    .await
}

type SearchFacts = (
    Option<Answer<crate::model::EngineFacts>>,
    Option<Answer<crate::model::RepositoryFacts>>,
    Option<Answer<usize>>,
    Option<Answer<Vec<String>>>,
    Option<Answer<Vec<crate::model::StoredSnapshot>>>,
);

async fn search_facts(http: &Http, request: &BackupRequest, dialect: &Dialect, scope: Scope) -> SearchFacts {
    let host = Component::Search;
    let (true, Some(name)) = (request.components.contains(&host), request.repository.as_deref()) else {
        return SearchFacts::default();
    };
    let info = Request::get(host, search::INFO);
    let repository = Request::get(host, search::repository(name));
    let all = Request::get(host, search::all_snapshots(name));
    let ((engine, repository), snapshots) = join(
        join(
            ask(http, &info, ANSWER, client::engine),
            ask(http, &repository, ANSWER, |r| client::repository(r, name)),
        ),
        ask_list(http, &all, client::stored_snapshots()),
    )
    .await;
    // Whether there are records at all decides what a whole backup is.
    let records = dialect.route(Part::Records);
    let decides = records.is_some_and(|r| r.may_be_empty);
    let preflight = scope == Scope::Preflight && repository.is_ok();
    let (verified, indices) = join(
        async {
            let verify = Request::post(host, search::verify(name));
            if preflight { Some(ask(http, &verify, VERIFY, client::verified_nodes).await) } else { None }
        },
        async {
            let indices = Request::get(host, search::record_indices(&request.records_prefix));
            let asked = decides || preflight && records.is_some();
            if asked { Some(ask(http, &indices, ANSWER, client::index_names).await) } else { None }
        },
    )
    .await;
    (Some(engine), Some(repository), verified, indices, Some(snapshots))
}
