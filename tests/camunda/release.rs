//! The release under test, its processes, and what may be asked of them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use camunda_backup::client::{self, CallError, Endpoint, Http, HttpTransport, Request};
use camunda_backup::model::{Component, Engine};
use camunda_backup::sim;
use serde_json::Value;

const WHY: &str = "make test-camunda sets it";
/// Long enough for a component to come back on a busy machine; a bound against hanging, not a measurement.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub struct Release {
    http: Http,
    runtime: tokio::runtime::Runtime,
    pub repository: String,
    /// What is different on the engine under test.
    pub on: &'static OnEngine,
    state: tempfile::TempDir,
    optimize: sim::Served,
}

/// What of Camunda 8.5 to 8.7 depends on the engine.
#[derive(Debug)]
pub struct OnEngine {
    pub engine: Engine,
    /// Parts of a backup, in the order of a report.
    pub parts: &'static [&'static str],
    /// Exit code of `check` where Optimize is there, and what speaks against it.
    pub with_optimize: (Option<i32>, Option<&'static str>),
}

const ON_ENGINES: [OnEngine; 2] = [
    OnEngine {
        engine: Engine::Elasticsearch,
        parts: &["optimize", "operate", "tasklist", "records", "zeebe"],
        with_optimize: (Some(0), None),
    },
    OnEngine {
        engine: Engine::OpenSearch,
        parts: &["operate", "tasklist", "records", "zeebe"],
        with_optimize: (Some(14), Some("part-cannot-be-taken")),
    },
];

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: {WHY}"))
}

impl Release {
    pub fn new() -> Self {
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
        let http = Http::new(Arc::new(HttpTransport::new(&endpoints).expect("plain HTTP")));
        let info = Request::get(Component::Search, "/".to_owned());
        let answer = runtime.block_on(http.call(&info, Duration::from_secs(60))).expect("the engine answers");
        let found = client::engine(&answer).expect("an engine").engine;
        let on = ON_ENGINES.iter().find(|o| o.engine == found).expect("a known engine");
        Self {
            http,
            runtime,
            on,
            repository: variable("ELASTIC_SNAPSHOT_REPOSITORY"),
            state: tempfile::tempdir().expect("a directory"),
            optimize,
        }
    }

    /// Any request to any component, as the product sends it.
    pub fn call(&self, request: &Request) -> Result<Value, CallError> {
        let response = self.runtime.block_on(self.http.call(request, Duration::from_secs(60)))?;
        Ok(serde_json::from_slice(&response.body).unwrap_or_default())
    }

    pub fn get(&self, component: Component, path: impl Into<String>) -> Result<Value, CallError> {
        self.call(&Request::get(component, path.into()))
    }

    /// What each partition's exporters do; empty while the broker does not answer.
    pub fn phases(&self) -> Vec<String> {
        let Ok(Value::Object(partitions)) = self.get(Component::Broker(0), "/actuator/partitions") else {
            return Vec::new();
        };
        partitions.values().map(|p| p["exporterPhase"].as_str().unwrap_or("none").to_owned()).collect()
    }

    /// The version that a component says it has.
    pub fn version(&self, component: Component) -> String {
        let info = self.get(component, "/actuator/info").expect("its build");
        info["build"]["version"].as_str().expect("a version").to_owned()
    }

    /// The names of all snapshots in the repository, whosever they are.
    pub fn stored(&self) -> Vec<String> {
        let all = format!("/_snapshot/{}/_all?verbose=false", self.repository);
        let stored = self.get(Component::Search, all).expect("listed");
        let names = stored["snapshots"].as_array().expect("snapshots").iter();
        names.filter_map(|s| s["snapshot"].as_str()).map(str::to_owned).collect()
    }

    pub fn all(&self, phase: &str) -> bool {
        let phases = self.phases();
        !phases.is_empty() && phases.iter().all(|p| p == phase)
    }

    pub fn assert_exporting(&self) {
        assert!(self.all("EXPORTING"), "exporting does not run: {:?}", self.phases());
    }

    /// The release with all that can be backed up on this engine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_with_optimize(arguments);
        if !self.on.parts.contains(&"optimize") {
            command.env_remove("OPTIMIZE_MANAGEMENT_API");
        }
        command
    }

    pub fn command_with_optimize(&self, arguments: &[&str]) -> Command {
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

    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the binary runs");
        println!("$ {arguments:?}\n{}{}", text(&output.stderr), text(&output.stdout));
        output
    }

    /// Starts a backup and returns once exporting is seen paused.
    pub fn paused(&self, arguments: &[&str]) -> Child {
        self.started(arguments, || self.all("SOFT_PAUSED"))
    }

    pub fn started(&self, arguments: &[&str], reached: impl Fn() -> bool) -> Child {
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

    /// Takes a backup, which is complete; its report.
    pub fn backup(&self) -> Value {
        // Zeebe fails a backup when its own snapshot of a partition was taken at the very moment of the checkpoint.
        let output = self.run(&["create", "--retries", "2", "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report = json(&output);
        assert_eq!(report["outcome"], "complete", "{}", text(&output.stderr));
        report
    }

    pub fn assert_complete(&self, id: u64) {
        for component in [Component::Operate, Component::Tasklist] {
            let backup = self.get(component, format!("/actuator/backups/{id}")).expect("listed");
            assert_eq!(backup["state"], "COMPLETED", "{component}: {backup}");
            let details = backup["details"].as_array().expect("details");
            assert_eq!(details.len(), 6, "{component}: {backup}");
            assert!(details.iter().all(|d| d["state"] == "SUCCESS"), "{component}: {backup}");
        }
        let zeebe = self.get(Component::Gateway, format!("/actuator/backups/{id}")).expect("listed");
        assert_eq!(zeebe["state"], "COMPLETED", "{zeebe}");
        assert_eq!(zeebe["details"].as_array().map(Vec::len), Some(self.phases().len()), "{zeebe}");
        let path = format!("/_snapshot/{}/camunda_zeebe_records_backup_{id}", self.repository);
        let records = self.get(Component::Search, path).expect("stored");
        let snapshot = &records["snapshots"][0];
        assert_eq!(snapshot["state"], "SUCCESS", "{records}");
        assert_eq!(snapshot["shards"]["failed"], 0, "{records}");
        assert!(snapshot["indices"].as_array().is_some_and(|i| !i.is_empty()), "{records}");
    }
}

pub fn binary() -> PathBuf {
    // With the panic strategy of a release; STATIC_BINARY names one.
    std::env::var_os("STATIC_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_kubectl-camunda_backup").into(), PathBuf::from)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn drain(child: &mut Child) -> String {
    let mut all = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut all);
    }
    if let Some(stdout) = &mut child.stdout {
        let _ = stdout.read_to_string(&mut all);
    }
    all
}

pub fn finish(mut child: Child) -> (Option<i32>, String) {
    // Read first: a child that waits for a full pipe never ends.
    let said = drain(&mut child);
    let status = child.wait().expect("our child");
    println!("{said}");
    (status.code(), said)
}

pub fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
    assert!(done.success());
}

pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

/// One of the testbed's scripts, to its end: what it printed.
pub fn testbed(script: &str, arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/camunda").join(script);
    let done = Command::new(path).args(arguments).stdin(Stdio::null()).output().expect("the testbed");
    let said = text(&done.stderr);
    assert!(done.status.success(), "testbed: {script} {arguments:?}: {said}");
    // What it had to do to get there, such as restarting a component, is not to pass unseen.
    print!("{said}");
    text(&done.stdout)
}

/// Brings a component back, also when the test fails.
pub struct Away(&'static str);

impl Away {
    pub fn kill(name: &'static str) -> Self {
        testbed("component.sh", &["kill", name]);
        Self(name)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        testbed("component.sh", &["start", self.0]);
    }
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}
