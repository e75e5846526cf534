//! Ways in: TLS, logins, headers, client certificates and signatures, before every server of a release; and that no secret
//! comes out again, whatever goes wrong.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "access/gate.rs"]
mod gate;
#[path = "cli/lab.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this")]
mod lab;

#[path = "access/aws.rs"]
mod aws;
#[path = "access/login.rs"]
mod login;
#[path = "access/secrets.rs"]
mod secrets;
#[path = "access/tls.rs"]
mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use camunda_backup::model::Component;
use gate::{Check, Gate, Plan, Seen};
use lab::Lab;
use rustls::ServerConfig;

/// A gate before each component of a release.
struct Gated {
    lab: Lab,
    search: Gate,
    management: Vec<(Component, Gate)>,
}

/// What every gate asks for.
#[derive(Clone)]
struct Asks {
    tls: Option<Arc<ServerConfig>>,
    check: Check,
    path: Option<(&'static str, &'static str)>,
}

impl Asks {
    fn nothing() -> Self {
        Self { tls: None, check: Arc::new(|_| Ok(())), path: None }
    }

    /// Exactly this header.
    fn header(name: &'static str, value: &'static str) -> Self {
        let check = move |seen: &Seen| match seen.header(name) {
            Some(given) if given == value => Ok(()),
            Some(_) => Err(format!("wrong {name}")),
            None => Err(format!("no {name}")),
        };
        Self { check: Arc::new(check), ..Self::nothing() }
    }
}

impl Gated {
    fn new(search: &Asks, management: &Asks) -> Self {
        Self::before(Lab::quick(), search, management)
    }

    fn before(lab: Lab, search: &Asks, management: &Asks) -> Self {
        let open = |component, asks: &Asks| {
            let to = lab.url(component).trim_start_matches("http://").parse().expect("an address");
            Gate::open(Plan { to, tls: asks.tls.clone(), check: asks.check.clone(), path: asks.path })
        };
        let all = [
            Component::Operate,
            Component::Tasklist,
            Component::Optimize,
            Component::Gateway,
            Component::Broker(0),
        ];
        let gates = all.map(|c| (c, open(c, management))).into_iter().collect();
        let search = open(Component::Search, search);
        Self { search, management: gates, lab }
    }

    /// The variables of the guide, through the gates. `host`: what this machine is called in URLs.
    fn variables(&self, host: &str) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("ELASTIC_ENDPOINT", self.search.url(host)),
            ("ELASTIC_SNAPSHOT_REPOSITORY", "camunda-backup".to_owned()),
        ];
        for (component, gate) in &self.management {
            let variable = match component {
                Component::Operate => "OPERATE_MANAGEMENT_API",
                Component::Tasklist => "TASKLIST_MANAGEMENT_API",
                Component::Optimize => "OPTIMIZE_MANAGEMENT_API",
                Component::Broker(_) => "BROKER_MANAGEMENT_APIS",
                Component::Gateway | Component::Search => "GATEWAY_MANAGEMENT_API",
            };
            all.push((variable, gate.url(host)));
        }
        all
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.lab.homely(arguments);
        command.envs(self.variables("localhost"));
        command
    }

    fn run(&self, arguments: &[&str]) -> lab::Ended {
        lab::run(self.command(arguments))
    }

    /// A file in the user's home.
    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.lab.home.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path.display().to_string()
    }
}
