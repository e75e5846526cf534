//! The simulator, which the other tests take for an engine, answers as this one does: status, kind of error, and the fields
//! that a good answer has.

use std::collections::BTreeSet;
use std::sync::Arc;

use camunda_backup::client::{Request, Response, Transport as _};
use camunda_backup::model::Component;
use camunda_backup::sim::{Sim, SimTransport};
use serde_json::{Value, json};

use super::rig::{Rig, quick};

/// What was answered, as far as the two must agree.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    error: String,
    count: Option<usize>,
}

fn questions(repository: &str, index: &str) -> Vec<Request> {
    let get = |path: &str| Request::get(Component::Search, path.replace("REPO", repository));
    let put = |path: &str, indices: &str| {
        Request::put(Component::Search, path.replace("REPO", repository))
            .with(json!({ "indices": indices, "feature_states": ["none"] }))
    };
    let delete = |path: &str| Request::delete(Component::Search, path.replace("REPO", repository));
    vec![
        get("/_snapshot/nowhere"),
        get("/_snapshot/nowhere/_all?verbose=false"),
        put("/_snapshot/nowhere/x", index),
        Request::post(Component::Search, "/_snapshot/nowhere/_verify"),
        delete("/_snapshot/nowhere/x"),
        get("/_snapshot/REPO/nothing"),
        get("/_snapshot/REPO/nothing/_status"),
        delete("/_snapshot/REPO/nothing"),
        get("/_snapshot/REPO/nothing*"),
        get("/_snapshot/REPO/nothing?ignore_unavailable=true&verbose=false"),
        get("/_snapshot/REPO/nothing/_status?ignore_unavailable=true"),
        put("/_snapshot/REPO/taken?wait_for_completion=true", index),
        put("/_snapshot/REPO/taken", index),
        put("/_snapshot/REPO/Capital", index),
        put("/_snapshot/REPO/x", "not-there"),
        put("/_snapshot/REPO/empty?wait_for_completion=true", "nothing-at-all*"),
        get("/_snapshot/REPO/_all?verbose=false"),
        get("/_snapshot/REPO/taken"),
        get("/_snapshot/REPO/taken,empty?ignore_unavailable=true"),
        get("/_snapshot/REPO/taken/_status"),
        get("/_snapshot/REPO/_all?size=1&sort=start_time&order=desc"),
        get("/_cat/indices/nothing-at-all*?h=index&format=json"),
        Request::post(Component::Search, format!("/_snapshot/{repository}/_verify")),
        delete("/_snapshot/REPO/empty"),
        delete("/_snapshot/REPO/empty"),
    ]
}

fn read(response: &Response) -> (Answer, BTreeSet<String>) {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let snapshots = body["snapshots"].as_array();
    let first = snapshots.and_then(|s| s.first()).and_then(Value::as_object);
    let fields = first.map(|s| s.keys().cloned().collect()).unwrap_or_default();
    let answer = Answer {
        status: response.status,
        error: body["error"]["type"].as_str().unwrap_or_default().to_owned(),
        count: snapshots.map(Vec::len),
    };
    (answer, fields)
}

#[test]
#[ignore = "make test-engines"]
fn the_simulator_answers_as_it_does() {
    let rig = Rig::new("simulated");
    let index = rig.indices(1)[0].clone();
    let version = rig.engine.get("/")["version"]["number"].as_str().expect("a version").to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sim = runtime.block_on(async {
        Sim::new(camunda_backup::sim::Profile {
            engine: crate::PRODUCT.engine,
            engine_version: version,
            repository: rig.repository.clone(),
            records: vec![index.clone()],
            ..quick()
        })
    });
    let transport = SimTransport::new(Arc::clone(&sim), "a test");
    let mut wrong = Vec::new();
    for question in questions(&rig.repository, &index) {
        let (real, real_fields) = read(&rig.engine.answer(&question));
        let simulated = runtime.block_on(transport.send(&question)).expect("an answer");
        let (simulated, fields) = read(&simulated);
        let unknown: Vec<_> = fields.difference(&real_fields).collect();
        if real != simulated || !unknown.is_empty() {
            let what = format!("{} {}", question.method.name(), question.path);
            wrong
                .push(format!("{what}\n  real {real:?}\n  simulated {simulated:?}, only there: {unknown:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
