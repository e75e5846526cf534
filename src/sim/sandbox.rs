//! The control path of a release that is served over TCP: `/sandbox/..` on every port.
//!
//! | request | effect |
//! | --- | --- |
//! | `GET /sandbox/state` | phases, pauses, backups, faults and the last 200 requests (`?log=N` for more) |
//! | `POST /sandbox/faults` | puts rules in force, one a line (see [`FaultRule`]) |
//! | `GET`, `DELETE /sandbox/faults` | lists them, takes them away |
//! | `POST /sandbox/brokers/{i}/{up\|down}` | starts or ends a broker |
//! | `POST /sandbox/components/{name}/{up\|down}` | the same for any process; its own port closes |
//! | `POST /sandbox/store/{up\|down}` | whether the brokers reach the backup store |
//! | `POST /sandbox/repository/{up\|down}` | whether the engine knows the repository |

use serde_json::{Value, json};

use super::answer::Answer;
use super::release::Sim;
use super::rule::{FaultRule, component};
use crate::model::Component;

/// Requests in the state, unless more are asked for.
const LOG: usize = 200;

/// Answers a request to the control path; `None` for any other path.
pub(super) fn handle(sim: &Sim, method: &str, path_and_query: &str, body: &str) -> Option<Answer> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let parts: Vec<&str> = path.strip_prefix("/sandbox/")?.split('/').collect();
    let answer = match (method, parts.as_slice()) {
        ("GET", ["state"]) => {
            let log = query.strip_prefix("log=").and_then(|n| n.parse().ok()).unwrap_or(LOG);
            Answer::json(200, &state(sim, log))
        }
        ("GET", ["faults"]) => faults(sim),
        ("POST", ["faults"]) => match rules(body) {
            Ok(rules) => {
                for rule in rules {
                    sim.inject(rule);
                }
                faults(sim)
            }
            Err(problem) => bad(&problem),
        },
        ("DELETE", ["faults"]) => {
            sim.clear_faults();
            faults(sim)
        }
        ("POST", [kind @ ("store" | "repository"), word @ ("up" | "down")]) => {
            let up = *word == "up";
            if *kind == "store" {
                sim.set_backup_store(up);
            } else {
                sim.set_repository(up);
            }
            Answer::json(200, &state(sim, 0))
        }
        ("POST", [kind @ ("brokers" | "components"), name, word @ ("up" | "down")]) => {
            let found = match *kind {
                "brokers" => name
                    .parse()
                    .map(Component::Broker)
                    .map_err(|_| format!("{name:?} is not a broker's number")),
                _ => component(name).and_then(|found| found.ok_or_else(|| "which component?".to_owned())),
            };
            match found {
                Ok(component) if sim.components().contains(&component) => {
                    sim.set_component(component, *word == "up");
                    Answer::json(200, &state(sim, 0))
                }
                Ok(component) => bad(&format!("this release has no {component}")),
                Err(problem) => bad(&problem),
            }
        }
        _ => Answer::json(404, &json!({ "message": format!("no {method} {path}; see GET /sandbox/state") })),
    };
    Some(answer)
}

fn bad(problem: &str) -> Answer {
    Answer::json(400, &json!({ "message": problem }))
}

fn rules(body: &str) -> Result<Vec<FaultRule>, String> {
    let lines: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // without any line: the complaint about an empty one, which says what a rule looks like
    let lines = if lines.is_empty() { vec![""] } else { lines };
    lines
        .into_iter()
        .map(|line| line.parse().map_err(|error: super::InvalidRule| error.to_string()))
        .collect()
}

fn faults(sim: &Sim) -> Answer {
    let faults: Vec<String> = sim.faults().iter().map(FaultRule::to_string).collect();
    Answer::json(200, &json!({ "faults": faults }))
}

fn state(sim: &Sim, log: usize) -> Value {
    let down: Vec<Component> =
        sim.components().into_iter().filter(|component| !sim.is_up(*component)).collect();
    let faults: Vec<String> = sim.faults().iter().map(FaultRule::to_string).collect();
    let all = sim.log();
    json!({
        "seconds": sim.elapsed().as_secs_f64(),
        "exporting": sim.exporting_runs(),
        "phases": sim.phases(),
        "pausedSeconds": sim.paused_total().as_secs_f64(),
        "down": down,
        "faults": faults,
        "backups": sim.backups(),
        "requests": sim.requests(),
        "log": &all[all.len().saturating_sub(log)..],
    })
}
