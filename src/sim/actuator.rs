//! What every Spring process has: the index of its endpoints, its build and its health.

use serde_json::{Map, Value, json};

use super::answer::{ACTUATOR, Answer, Reply};
use super::clock::Wall;
use super::incoming::Incoming;
use super::world::{World, not_allowed};
use crate::client::Method;
use crate::model::Component;

/// One property of the environment, where that is exposed (from Spring's documentation, not recorded).
const RETENTION: &str = "/env/camunda.data.primary-storage.backup.retention.window";

/// Answers these paths, and leaves others alone.
pub(super) fn handle(world: &World, incoming: &Incoming, now: Wall) -> Option<Reply> {
    let component = incoming.request.component;
    let path = incoming.path();
    let below = path.strip_prefix("/actuator")?;
    let reply = match below {
        "" => index(component),
        "/info" => info(world),
        "/health" => health(world, component),
        RETENTION if component == Component::Gateway && world.profile.native_retention => {
            // masked, as a server does by itself
            let property = json!({ "source": "systemEnvironment", "value": "******" });
            Answer::typed(200, ACTUATOR, &json!({ "property": property, "activeProfiles": [] })).into()
        }
        // the brokers have more to say there
        "/prometheus" if !matches!(component, Component::Broker(_)) => {
            let body = "# HELP jvm_threads_live_threads\n# TYPE jvm_threads_live_threads gauge\njvm_threads_live_threads 42.0\n";
            Answer::text(200, "text/plain;version=0.0.4;charset=utf-8", body.to_owned()).into()
        }
        _ => group(world, component, below.strip_prefix("/health/")?),
    };
    Some(if incoming.method() == Method::Get { reply } else { not_allowed(incoming, now) })
}

/// `/actuator`, with the endpoints recorded on 8.6.0 (`00-*-actuator`).
fn index(component: Component) -> Reply {
    const SPRING: [&str; 7] =
        ["prometheus", "health", "health-path", "info", "configprops", "configprops-prefix", "loggers"];
    const ZEEBE: [&str; 6] = ["jobstreams", "clock", "backups", "backups-id", "rebalance", "flowcontrol"];
    let mut names = vec!["self"];
    match component {
        Component::Broker(_) => names.extend(["partitions-operation", "partitions"].iter().chain(&ZEEBE)),
        Component::Gateway => names.extend(&ZEEBE),
        _ => {}
    }
    names.extend(&SPRING);
    match component {
        Component::Broker(_) | Component::Gateway => names.extend(["cluster", "exporters", "exporting"]),
        _ => names.push("backups"),
    }
    let links: Map<String, Value> = names
        .into_iter()
        .map(|name| {
            let (path, templated) = match name {
                "self" => (String::new(), false),
                "backups-id" => ("/backups/{id}".to_owned(), true),
                "partitions-operation" => ("/partitions/{operation}".to_owned(), true),
                "health-path" => ("/health/{*path}".to_owned(), true),
                "configprops-prefix" => ("/configprops/{prefix}".to_owned(), true),
                plain => (format!("/{plain}"), false),
            };
            let link =
                json!({ "href": format!("http://{component}/actuator{path}"), "templated": templated });
            (name.to_owned(), link)
        })
        .collect();
    Answer::typed(200, ACTUATOR, &json!({ "_links": links })).into()
}

/// `/actuator/info`: the same artifact everywhere (`00-*-actuator-info`).
fn info(world: &World) -> Reply {
    let body = json!({
        "build": {
            "artifact": "camunda-zeebe", "java": { "version": "21.0.4" }, "name": "Zeebe Distribution",
            "description": "Zeebe Distribution", "time": "2024-10-02T11:04:00.970Z",
            "version": world.profile.camunda_version, "group": "io.camunda",
        },
    });
    Answer::typed(200, ACTUATOR, &body).into()
}

fn health(world: &World, component: Component) -> Reply {
    let up = world.engine_up();
    match component {
        Component::Gateway => world.zeebe.gateway_health().into(),
        Component::Broker(_) => {
            with(true, &["brokerReady", "brokerStartup", "brokerStatus"], &["readiness", "startup", "status"])
        }
        Component::Operate => {
            with(up, &["indicesCheck", "livenessState", "readinessState"], &["liveness", "readiness"])
        }
        // it never answers then (`esdown-9b-tasklist-health`)
        Component::Tasklist if !up => Reply::never(),
        Component::Tasklist => {
            with(true, &["livenessState", "readinessState", "searchEngineCheck"], &["liveness", "readiness"])
        }
        Component::Optimize | Component::Search => {
            Answer::typed(200, ACTUATOR, &json!({ "status": "UP" })).into()
        }
    }
}

/// Health of components, of which only the check of the engine can fail.
fn with(engine_up: bool, components: &[&str], groups: &[&str]) -> Reply {
    let word = |up: bool| if up { "UP" } else { "DOWN" };
    let parts: Map<String, Value> = components
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "status": word(engine_up || *name != "indicesCheck") })))
        .collect();
    let mut body = json!({ "status": word(engine_up), "components": parts });
    if !groups.is_empty() {
        body["groups"] = json!(groups);
    }
    Answer::typed(if engine_up { 200 } else { 503 }, ACTUATOR, &body).into()
}

/// `/actuator/health/{group}`; a group that is not there is a 404 without a body.
fn group(world: &World, component: Component, name: &str) -> Reply {
    let up = Answer::typed(200, ACTUATOR, &json!({ "status": "UP" }));
    match (component, name) {
        (Component::Gateway, "readiness") => with(true, &["gatewayStarted"], &[]),
        (Component::Broker(_), "readiness") => with(true, &["brokerReady"], &[]),
        (Component::Operate, "readiness") => {
            with(world.engine_up(), &["indicesCheck", "readinessState"], &[])
        }
        (Component::Tasklist, "readiness") if !world.engine_up() => Reply::never(),
        (Component::Tasklist, "readiness") => with(true, &["readinessState", "searchEngineCheck"], &[]),
        (Component::Broker(_), "startup" | "status")
        | (Component::Gateway, "liveness" | "startup")
        | (Component::Operate | Component::Tasklist, "liveness")
        | (Component::Optimize, "readiness") => up.into(),
        _ => Answer::empty(404).into(),
    }
}
