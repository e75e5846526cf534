//! The released binary against a real Camunda 8.6.0 and a real Elasticsearch, judged through the servers' own APIs.
//!
//! Started by `make test-camunda`, which sets the variables of the Camunda guide. Optimize has no package: the sandbox's
//! stands next to the real others. Every test leaves exporting running and every component up.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use camunda_backup::client::{Endpoint, Http, HttpTransport, Method, Request};
use camunda_backup::model::Component;
use camunda_backup::sim;
use serde_json::Value;

const WHY: &str = "make test-camunda sets it";
/// Long enough for a component to come back on a busy machine; a bound against hanging, not a measurement.
const PATIENCE: Duration = Duration::from_secs(240);

struct Release {
    http: Http,
    runtime: tokio::runtime::Runtime,
    repository: String,
    state: tempfile::TempDir,
    optimize: sim::Served,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: {WHY}"))
}

impl Release {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let urls = [
            (Component::Operate, variable("OPERATE_MANAGEMENT_API")),
            (Component::Tasklist, variable("TASKLIST_MANAGEMENT_API")),
            (Component::Gateway, variable("GATEWAY_MANAGEMENT_API")),
            (Component::Broker(0), variable("BROKER_MANAGEMENT_APIS")),
            (Component::Search, variable("ELASTIC_ENDPOINT")),
        ];
        let endpoints: BTreeMap<_, _> = urls
            .into_iter()
            .map(|(component, url)| {
                let base = url.parse().expect("an URL");
                (component, Endpoint::plain(base))
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let profile = sim::Profile { timings: sim::Timings::quick(), ..sim::Profile::default() };
        let optimize = runtime
            .block_on(sim::serve(sim::Sim::new(profile), [127, 0, 0, 1].into(), &sim::Ports::any()))
            .expect("loopback has free ports");
        Self {
            http: Http::new(Arc::new(HttpTransport::new(&endpoints).expect("plain HTTP"))),
            runtime,
            repository: variable("ELASTIC_SNAPSHOT_REPOSITORY"),
            state: tempfile::tempdir().expect("a directory"),
            optimize,
        }
    }

    fn get(&self, component: Component, path: &str) -> Result<Value, String> {
        let request = Request { component, method: Method::Get, path: path.to_owned(), body: None };
        self.runtime
            .block_on(self.http.get::<Value>(&request, Duration::from_secs(20)))
            .map_err(|e| e.to_string())
    }

    /// What each partition's exporters do; empty while the broker does not answer.
    fn phases(&self) -> Vec<String> {
        let Ok(Value::Object(partitions)) = self.get(Component::Broker(0), "/actuator/partitions") else {
            return Vec::new();
        };
        partitions.values().map(|p| p["exporterPhase"].as_str().unwrap_or("none").to_owned()).collect()
    }

    fn all(&self, phase: &str) -> bool {
        let phases = self.phases();
        !phases.is_empty() && phases.iter().all(|p| p == phase)
    }

    fn assert_exporting(&self) {
        assert!(self.all("EXPORTING"), "exporting does not run: {:?}", self.phases());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env("CAMUNDA_BACKUP_STATE_DIR", self.state.path())
            .env(
                "OPTIMIZE_MANAGEMENT_API",
                format!("http://{}", self.optimize.addresses[&Component::Optimize]),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the binary runs");
        println!("$ {arguments:?}\n{}{}", text(&output.stderr), text(&output.stdout));
        output
    }

    /// Starts a backup and returns once exporting is seen paused.
    fn paused(&self, arguments: &[&str]) -> Child {
        self.started(arguments, || self.all("SOFT_PAUSED"))
    }

    fn started(&self, arguments: &[&str], reached: impl Fn() -> bool) -> Child {
        let mut child = self.command(arguments).spawn().expect("the binary runs");
        let begun = Instant::now();
        while !reached() {
            if let Some(status) = child.try_wait().expect("our child") {
                panic!("ended ({status}) before it got there: {}", drain(&mut child));
            }
            assert!(begun.elapsed() < PATIENCE, "did not get there");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    fn assert_complete(&self, id: u64) {
        for component in [Component::Operate, Component::Tasklist] {
            let backup = self.get(component, &format!("/actuator/backups/{id}")).expect("listed");
            assert_eq!(backup["state"], "COMPLETED", "{component}: {backup}");
            let details = backup["details"].as_array().expect("details");
            assert_eq!(details.len(), 6, "{component}: {backup}");
            assert!(details.iter().all(|d| d["state"] == "SUCCESS"), "{component}: {backup}");
        }
        let zeebe = self.get(Component::Gateway, &format!("/actuator/backups/{id}")).expect("listed");
        assert_eq!(zeebe["state"], "COMPLETED", "{zeebe}");
        assert_eq!(zeebe["details"].as_array().map(Vec::len), Some(self.phases().len()), "{zeebe}");
        let path = format!("/_snapshot/{}/camunda_zeebe_records_backup_{id}", self.repository);
        let records = self.get(Component::Search, &path).expect("stored");
        let snapshot = &records["snapshots"][0];
        assert_eq!(snapshot["state"], "SUCCESS", "{records}");
        assert_eq!(snapshot["shards"]["failed"], 0, "{records}");
        assert!(snapshot["indices"].as_array().is_some_and(|i| !i.is_empty()), "{records}");
    }
}

fn binary() -> std::path::PathBuf {
    // The released one: what users run, with its own panic strategy.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/kubectl-camunda_backup")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn drain(child: &mut Child) -> String {
    let mut all = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut all);
    }
    if let Some(stdout) = &mut child.stdout {
        let _ = stdout.read_to_string(&mut all);
    }
    all
}

fn finish(mut child: Child) -> (Option<i32>, String) {
    // Read first: a child that waits for a full pipe never ends.
    let said = drain(&mut child);
    let status = child.wait().expect("our child");
    println!("{said}");
    (status.code(), said)
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
    assert!(done.success());
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

fn component(action: &str, name: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/camunda/component.sh");
    let done = Command::new(script).args([action, name]).stdout(Stdio::null()).status().expect("the testbed");
    assert!(done.success(), "testbed: {action} {name}");
}

/// Brings a component back, also when the test fails.
struct Away(&'static str);

impl Away {
    fn kill(name: &'static str) -> Self {
        component("kill", name);
        Self(name)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        component("start", self.0);
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

#[test]
#[ignore = "make test-camunda"]
fn a_backup_is_complete_by_the_servers_own_word() {
    let release = Release::new();
    let check = release.run(&["check"]);
    assert_eq!(check.status.code(), Some(0));
    let plan = json(&release.run(&["create", "--dry-run", "-o", "json"]));
    assert_eq!(plan["kind"], "Plan");
    let output = release.run(&["create", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let report = json(&output);
    assert_eq!(report["outcome"], "complete", "{report}");
    assert_eq!(report["exporting"]["state"], "resumed", "{report}");
    let parts: Vec<_> =
        report["parts"].as_array().expect("parts").iter().map(|p| p["part"].clone()).collect();
    assert_eq!(parts, ["optimize", "operate", "tasklist", "records", "zeebe"]);
    let id = report["backupId"].as_u64().expect("an ID");
    release.assert_complete(id);
    release.assert_exporting();
    println!(
        "paused {} s, servers {} s",
        report["exporting"]["pausedSeconds"], report["exporting"]["serverSeconds"]
    );

    let listed = json(&release.run(&["list", "-o", "json"]));
    let found =
        listed["items"].as_array().expect("items").iter().find(|s| s["id"] == id).cloned().expect("listed");
    assert_eq!(found["state"], "complete", "{found}");
    // The same ID again is refused before anything starts.
    let again = release.run(&["create", "--backup-id", &id.to_string()]);
    assert_eq!(again.status.code(), Some(13), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("backup-id-not-higher"));
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn kill_9_while_paused_is_repaired_by_the_guard() {
    let release = Release::new();
    let child = release.paused(&["create"]);
    signal(&child, "-KILL");
    let took = until("exporting runs again", || release.all("EXPORTING"));
    println!("exporting ran again {} ms after kill -9", took.as_millis());
    let (code, said) = finish(child);
    assert_eq!(code, None, "killed");
    assert!(said.contains("guard: exporting runs again"), "{said}");
    assert_eq!(release.run(&["resume", "--if-abandoned"]).status.code(), Some(0));
}

#[test]
#[ignore = "make test-camunda"]
fn kill_9_without_a_guard_is_shown_and_repaired_by_whoever_comes_next() {
    let release = Release::new();
    let child = release.paused(&["create", "--no-guard"]);
    signal(&child, "-KILL");
    finish(child);
    assert!(release.all("SOFT_PAUSED"), "nobody was there to resume it");
    let check = release.run(&["check"]);
    assert_eq!(check.status.code(), Some(14));
    assert!(text(&check.stdout).contains("abandoned-pause"));
    // Needs no URL: the journal knows them.
    let mut bare = release.command(&["resume", "--if-abandoned"]);
    for name in [
        "GATEWAY_MANAGEMENT_API",
        "BROKER_MANAGEMENT_APIS",
        "OPERATE_MANAGEMENT_API",
        "TASKLIST_MANAGEMENT_API",
        "OPTIMIZE_MANAGEMENT_API",
        "ELASTIC_ENDPOINT",
    ] {
        bare.env_remove(name);
    }
    let resumed = bare.output().expect("the binary runs");
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    release.assert_exporting();

    let child = release.paused(&["create", "--no-guard"]);
    signal(&child, "-KILL");
    finish(child);
    let next = release.run(&["create"]);
    assert_eq!(next.status.code(), Some(0));
    assert!(text(&next.stderr).contains("resuming it first"), "{}", text(&next.stderr));
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn sigterm_while_paused_ends_with_exporting_running() {
    let release = Release::new();
    let child = release.paused(&["create"]);
    signal(&child, "-TERM");
    let took = until("exporting runs again", || release.all("EXPORTING"));
    println!("exporting ran again {} ms after SIGTERM", took.as_millis());
    let (code, said) = finish(child);
    assert_eq!(code, Some(22), "{said}");
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn somebody_elses_pause_is_left_alone() {
    let release = Release::new();
    let pause = Request::post(Component::Gateway, "/actuator/exporting/pause?soft=true");
    release.runtime.block_on(release.http.call(&pause, Duration::from_secs(20))).expect("paused by hand");
    until("paused", || release.all("SOFT_PAUSED"));
    let refused = release.run(&["create"]);
    let still = release.all("SOFT_PAUSED");
    let resumed = release.run(&["resume"]);
    assert_eq!(refused.status.code(), Some(13));
    assert!(text(&refused.stderr).contains("exporting-paused-by-others"));
    assert!(still, "it was not ours to resume");
    assert_eq!(resumed.status.code(), Some(0));
    release.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn a_component_that_is_down_stops_a_backup_before_it_begins() {
    let release = Release::new();
    let away = Away::kill("tasklist");
    let output = release.run(&["create"]);
    assert_eq!(output.status.code(), Some(12));
    assert!(text(&output.stderr).contains("component-unreachable"));
    release.assert_exporting();
    drop(away);
}

#[test]
#[ignore = "make test-camunda"]
fn the_engine_that_dies_while_paused_fails_the_backup_and_exporting_runs() {
    let release = Release::new();
    let child = release.paused(&["create", "--grace", "5s"]);
    let away = Away::kill("engine");
    let (code, said) = finish(child);
    release.assert_exporting();
    assert_eq!(code, Some(20), "{said}");
    drop(away);
}

#[test]
#[ignore = "make test-camunda"]
fn a_broker_that_dies_while_paused_is_waited_for() {
    let release = Release::new();
    let child = release.paused(&["create", "--grace", "5s"]);
    let away = Away::kill("broker-0");
    // Nothing can be resumed now; the run goes on trying until the broker is back.
    drop(away);
    let (code, said) = finish(child);
    assert!(matches!(code, Some(20 | 0)), "{said}");
    release.assert_exporting();
    let next = release.run(&["create"]);
    assert_eq!(next.status.code(), Some(0));
}
