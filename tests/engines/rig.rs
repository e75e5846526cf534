//! One test's release: a simulated Camunda, a real search engine, a repository and indices of its own.

use std::process::Command;

use camunda_backup::sim::{Profile, Timings};
use serde_json::{Value, json};

use super::container::SNAPSHOTS;
use super::engine::{Engine, shared};
use crate::lab::{Ended, Lab, Running, run};

pub struct Rig {
    pub lab: Lab,
    pub engine: &'static Engine,
    pub repository: String,
    pub prefix: String,
}

/// Without Optimize, which 8.6 cannot back up on OpenSearch.
pub fn quick() -> Profile {
    Profile { timings: Timings::quick(), has_optimize: false, ..Profile::default() }
}

impl Rig {
    /// On the shared engine, with an empty repository and three indices of two documents.
    pub fn new(name: &str) -> Self {
        let rig = Self::bare(name, quick());
        rig.engine.register(&rig.repository, &format!("{SNAPSHOTS}/{name}"), &json!({}));
        rig.engine.fill(&rig.indices(3), 2, 20);
        rig
    }

    /// Without a repository and without indices.
    pub fn bare(name: &str, profile: Profile) -> Self {
        Self::on(shared(), name, profile)
    }

    pub fn on(engine: &'static Engine, name: &str, profile: Profile) -> Self {
        let (repository, prefix) = (format!("camunda-{name}"), format!("{name}-record"));
        Self { lab: Lab::new(profile), engine, repository, prefix }
    }

    /// Names as the exporter makes them.
    pub fn indices(&self, number: usize) -> Vec<String> {
        (0..number).map(|n| format!("{}_kind-{n}_8.6.0_2026-11-24", self.prefix)).collect()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.command(arguments);
        command
            .env("ELASTIC_ENDPOINT", &self.engine.url)
            .env("ELASTIC_SNAPSHOT_REPOSITORY", &self.repository)
            .env("CAMUNDA_BACKUP_RECORDS_PREFIX", &self.prefix);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    pub fn lab_start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// A backup that has to be complete: its ID and the report.
    #[track_caller]
    pub fn create(&self) -> (u64, Value) {
        let report = self.run(&["create", "-o", "json"]).expect(0).json();
        assert_eq!(report["outcome"], "complete", "{report}");
        assert_eq!(report["exporting"]["state"], "resumed", "{report}");
        self.lab.assert_exporting();
        (report["backupId"].as_u64().expect("an ID"), report)
    }

    /// What `list` says about a backup.
    #[track_caller]
    pub fn listed(&self, id: u64) -> Option<Value> {
        let list = self.run(&["list", "-o", "json"]).expect(0).json();
        list["items"].as_array().expect("items").iter().find(|set| set["id"] == id).cloned()
    }

    /// What the repository says about the records of a backup.
    #[track_caller]
    pub fn records(&self, id: u64) -> Option<Value> {
        self.engine.stored(&self.repository, &snapshot_name(id))
    }

    /// The indices in the records snapshot of a backup, sorted.
    #[track_caller]
    pub fn indices_of(&self, id: u64) -> Vec<String> {
        let stored = self.records(id).expect("stored");
        let mut indices: Vec<String> = serde_json::from_value(stored["indices"].clone()).expect("names");
        indices.sort();
        indices
    }

    /// Never paused for longer than the run, and nobody has to look after it.
    #[track_caller]
    pub fn assert_unharmed(&self) {
        self.lab.assert_exporting();
        assert!(!self.lab.is_armed(), "the journal says that something is to be undone");
    }
}

pub fn snapshot_name(id: u64) -> String {
    format!("camunda_zeebe_records_backup_{id}")
}

/// One part of a report.
#[track_caller]
pub fn part(report: &Value, name: &str) -> Value {
    let parts = report["parts"].as_array().expect("parts");
    parts.iter().find(|p| p["part"] == name).cloned().unwrap_or_else(|| panic!("no {name}: {report}"))
}
