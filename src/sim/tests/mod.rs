//! Tests of the simulator: against recordings, and of each rule under paused time.

#![expect(clippy::disallowed_methods, reason = "bounds on what must, or must never, answer")]

mod engine;
mod faults;
mod recorded;
mod scale;
mod shape;
mod tcp;
mod webapps;
mod zeebe;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;
use crate::client::{Request, TransportError};
use crate::model::Component;

/// Status and JSON body; `Null` for an empty one.
async fn ask(sim: &Arc<Sim>, request: Request) -> (u16, Value) {
    match sim.handle(&request).await {
        Ok(response) => (response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null)),
        Err(error) => panic!("{request:?}: {error}"),
    }
}

/// The error of a request that gets no answer.
async fn error(sim: &Arc<Sim>, request: Request) -> TransportError {
    sim.handle(&request).await.expect_err("an answer came")
}

async fn get(sim: &Arc<Sim>, component: Component, path: &str) -> (u16, Value) {
    ask(sim, Request::get(component, path)).await
}

async fn delete(sim: &Arc<Sim>, component: Component, path: &str) -> u16 {
    ask(sim, Request::delete(component, path)).await.0
}

/// Starts a backup of one component.
async fn take(sim: &Arc<Sim>, component: Component, id: u64) -> (u16, Value) {
    ask(sim, taking(component, id)).await
}

fn taking(component: Component, id: u64) -> Request {
    Request::post(component, "/actuator/backups").with(json!({ "backupId": id }))
}

/// Pauses softly; the status that counts.
async fn pause(sim: &Arc<Sim>) -> u64 {
    envelope(sim, "/actuator/exporting/pause?soft=true").await
}

async fn resume(sim: &Arc<Sim>) -> u64 {
    envelope(sim, "/actuator/exporting/resume").await
}

async fn envelope(sim: &Arc<Sim>, path: &str) -> u64 {
    let (status, body) = ask(sim, Request::post(Component::Gateway, path)).await;
    assert_eq!(status, 200);
    body["status"].as_u64().expect("an envelope")
}

/// The state of a backup as the component says it, or the HTTP status.
async fn state(sim: &Arc<Sim>, component: Component, id: u64) -> String {
    let (status, body) = get(sim, component, &format!("/actuator/backups/{id}")).await;
    body["state"].as_str().map_or_else(|| status.to_string(), str::to_owned)
}

/// Lets this much of the release's time pass.
async fn pass(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
}

fn inject(sim: &Sim, rule: &str) {
    sim.inject(rule.parse().expect("a rule"));
}

/// Three brokers with a partition each.
fn three_brokers() -> Profile {
    Profile { brokers: 3, ..Profile::default() }
}
