//! What can be seen in advance is seen by `check`, through the binary: under its own code, with what was found, why it
//! matters and what to do; and `create` changes nothing where it is an error.

use std::time::Duration;

use camunda_backup::client::{Http, Request};
use camunda_backup::model::{Component, Engine};
use camunda_backup::sim::{Profile, SimTransport};
use serde_json::{Value, json};

use crate::lab::{Ended, Lab, quick, run};

fn named(name: &str) -> Profile {
    Profile { timings: quick().timings, ..Profile::named(name).expect("a profile") }
}

fn with(change: impl FnOnce(&mut Profile)) -> Lab {
    let mut profile = quick();
    change(&mut profile);
    Lab::new(profile)
}

fn faulty(rule: &str) -> Lab {
    let lab = Lab::quick();
    lab.inject(rule);
    lab
}

/// Something is sent to a server, past the tool.
fn send(lab: &Lab, request: &Request) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let http = Http::new(std::sync::Arc::new(SimTransport::new(lab.sim.clone(), "somebody")));
    runtime.block_on(http.call(request, Duration::from_secs(10))).expect("accepted");
}

fn register(lab: &Lab, name: &str, kind: &str, settings: &Value) {
    let body = json!({ "type": kind, "settings": settings });
    send(lab, &Request::put(Component::Search, format!("/_snapshot/{name}")).with(body));
}

/// `check` finds this, tells what to do about it, and its exit code follows the worst that it found.
#[track_caller]
fn found(checked: &Ended, code: &str, severity: &str) {
    let all = checked.json();
    let findings = all["items"].as_array().unwrap_or_else(|| panic!("findings: {all}"));
    let finding = findings.iter().find(|f| f["reason"] == code);
    let finding = finding.unwrap_or_else(|| panic!("{code} was not found: {all}"));
    assert_eq!(finding["severity"], severity, "{finding}");
    for key in ["detail", "remedy"] {
        assert!(finding[key].as_str().is_some_and(|t| t.len() > 5), "{code} without a {key}: {finding}");
    }
    let errors = findings.iter().any(|f| f["severity"] == "error");
    assert_eq!(checked.code == Some(0), !errors, "{checked:?}");
}

#[track_caller]
fn sees(lab: &Lab, flags: &[&str], code: &str, severity: &str) {
    let check: Vec<&str> = ["check", "-o", "json"].iter().chain(flags).copied().collect();
    found(&lab.run(&check), code, severity);
    if severity == "error" {
        let create: Vec<&str> = ["create"].iter().chain(flags).copied().collect();
        let before = lab.changes().len();
        let refused = lab.run(&create).shows_nothing().says(code).says("nothing was changed");
        assert!(matches!(refused.code, Some(11..=13)), "{refused:?}");
        assert_eq!(lab.changes().len(), before, "{code}: something was changed");
        lab.assert_never_paused();
    }
}

#[test]
fn of_the_cluster() {
    sees(&with(|p| p.pending_change = true), &[], "topology-change-pending", "error");
    sees(&with(|p| p.leaving = vec![0]), &[], "broker-not-active", "error");
    sees(&faulty("gateway GET /actuator/cluster status:500:no"), &[], "topology-unknown", "warning");
    let lab = with(|p| (p.brokers, p.replication) = (3, 3));
    lab.sim.set_broker(2, false);
    sees(&lab, &[], "broker-unreachable", "error");
    let lab = with(|p| p.brokers = 3);
    let one = lab.url(Component::Broker(0));
    sees(&lab, &["--broker-url", &one], "partitions-not-visible", "warning");
    let mut without = lab.command(&["check", "-o", "json"]);
    without.env("BROKER_MANAGEMENT_APIS", "");
    found(&run(without), "exporting-not-visible", "warning");
}

#[test]
fn of_versions() {
    let silent = faulty("* GET /actuator/info status:404");
    sees(&silent, &[], "version-unknown", "error");
    silent.run(&["create"]).expect(11).says("--camunda-version").says("nothing was changed");
    sees(&Lab::quick(), &["--camunda-version", "8.6.1"], "version-given", "warning");
    sees(&Lab::quick(), &["--camunda-version", "8.8.1"], "version-contradicted", "error");
    // Web applications whose backup is switched off are no database.
    for name in ["8.8", "8.9", "8.10"] {
        let off = Lab::new(Profile { web_apps_backup: false, ..named(name) });
        sees(&off, &[], "version-contradicted", "error");
        assert!(off.run(&["check"]).out.contains("camunda.backup.webapps.enabled"), "{name}");
    }
    let lab = Lab::new(named("8.9-rdbms"));
    assert!(!lab.run(&["check"]).expect(0).out.contains("storage-guessed"));
    lab.inject("gateway GET /actuator/exporters status:404");
    sees(&lab, &[], "storage-guessed", "warning");
    sees(&Lab::new(named("8.9")), &[], "known-defect", "warning");
    sees(&Lab::new(named("8.6").on(Engine::OpenSearch)), &[], "part-cannot-be-taken", "error");
    let (one, other) = (Lab::quick(), with(|p| p.camunda_version = "8.6.1".to_owned()));
    sees(&one, &["--optimize-url", &other.url(Component::Optimize)], "versions-differ", "warning");
}

#[test]
fn of_storage() {
    sees(&with(|p| p.zeebe_store_configured = false), &[], "backup-store-not-configured", "error");
    sees(&with(|p| p.repository_configured = false), &[], "repository-not-configured", "error");
    sees(&with(|p| p.repository_registered = false), &[], "repository-missing", "error");
    sees(&faulty("search POST _verify status:500:no"), &[], "repository-not-writable", "error");
    sees(&faulty("search POST _verify status:403:no"), &[], "repository-not-verified", "warning");
    let lab = Lab::quick();
    lab.sim.set_read_only(true);
    sees(&lab, &[], "repository-read-only", "error");
    // What one component alone writes to counts as well.
    let lab = Lab::quick();
    sees(&lab, &["--part-repository", "operate=nowhere"], "repository-missing", "error");
    register(&lab, "old", "fs", &json!({ "location": "/old", "readonly": true }));
    let before = lab.changes().len();
    sees(&lab, &["--part-repository", "tasklist=old"], "repository-read-only", "error");
    assert_eq!(lab.changes().len(), before);

    // Zeebe's own retention is told whatever else is wrong.
    for registered in [true, false] {
        let retention = Profile { native_retention: true, repository_registered: registered, ..named("8.9") };
        sees(&Lab::new(retention), &[], "native-retention", "warning");
    }
    // On a relational database it is the one that deletes as a restore needs it.
    let lab = Lab::new(Profile { native_retention: true, ..named("8.9-rdbms") });
    assert!(!lab.run(&["check"]).expect(0).out.contains("native-retention"));
}

#[test]
fn of_records() {
    sees(&with(|p| p.records = Vec::new()), &[], "records-match-nothing", "error");
    for other in ["zeebe-record2", "zeebe-record-blue", "zeebe-record_blue"] {
        let lab = with(|p| p.records.extend(Profile::records_of(other, "8.6.0", "2026-11-23")));
        sees(&lab, &[], "records-match-too-wide", "error");
        sees_nothing(&lab, &["--records-prefix", other]);
    }
}

#[track_caller]
fn sees_nothing(lab: &Lab, flags: &[&str]) {
    let check: Vec<&str> = ["check", "-o", "json"].iter().chain(flags).copied().collect();
    let checked = lab.run(&check).expect(0).json();
    assert_eq!(checked["items"], json!([]), "{checked}");
}

#[test]
fn of_exporters() {
    let lab = Lab::quick();
    lab.sim.set_export_lag(10, None);
    sees(&lab, &[], "exporters-behind", "warning");
    // One of three that does not tell is one that nobody waits for.
    let lab = with(|p| (p.brokers, p.replication) = (3, 3));
    sees_nothing(&lab, &[]);
    lab.inject("broker-1 GET /actuator/prometheus status:404");
    sees(&lab, &[], "exporter-lag-unknown", "warning");
    // Seen as a whole by the gateway of 8.10, but nobody's metrics.
    let lab = Lab::new(named("8.10"));
    let mut without = lab.command(&["check", "-o", "json"]);
    without.env("BROKER_MANAGEMENT_APIS", "");
    found(&run(without), "exporter-lag-unknown", "warning");
}

#[test]
fn of_other_backups() {
    let taken = |lab: &Lab, who, id: u64| {
        send(lab, &Request::post(who, "/actuator/backups").with(json!({ "backupId": id })));
        // Until it is seen.
        std::thread::sleep(Duration::from_millis(100));
    };
    let lab = faulty("tasklist POST /actuator/backups stuck-in-progress");
    taken(&lab, Component::Tasklist, 17);
    found(&lab.run(&["check", "-o", "json"]), "backup-in-progress", "error");
    let lab = faulty("gateway POST /actuator/backups stuck-in-progress");
    taken(&lab, Component::Gateway, 17);
    found(&lab.run(&["check", "-o", "json"]), "stale-zeebe-backup", "warning");
    let lab = with(|p| p.history = vec![9_000_000_000_000_000_000]);
    sees(&lab, &[], "backup-id-implausible", "error");
}

#[test]
fn of_health() {
    let lab = Lab::quick();
    lab.sim.set_engine(false);
    found(&lab.run(&["check", "-o", "json"]), "component-not-healthy", "warning");
}
