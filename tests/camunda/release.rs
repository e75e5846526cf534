//! The release under test, its processes, and what may be asked of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use camunda_backup::client::{self, CallError, Endpoint, Http, HttpTransport, Request};
use camunda_backup::model::{Component, Engine};
use camunda_backup::sim;
use serde_json::Value;

use crate::lab::{self, Ended, Running};

const WHY: &str = "make test-camunda sets it";
/// Long enough for a component to come back on a busy machine; a bound against hanging, not a measurement.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// The same for a script of the testbed, which waits for several.
const PATIENCE_WITH_SCRIPTS: Duration = Duration::from_secs(1800);
/// Zeebe fails a backup when its own snapshot of a partition was taken at the very moment of the checkpoint. That is nothing of
/// ours, and this is how it says so.
pub const SNAPSHOT_MET_CHECKPOINT: &str = "Cannot find a snapshot that can be included in the backup";

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

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ran(arguments, self.command(arguments))
    }

    /// Without Optimize, which has no snapshots in the engine.
    pub fn run_without_optimize(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.env_remove("OPTIMIZE_MANAGEMENT_API");
        ran(arguments, command)
    }

    /// Starts a backup and returns once exporting is seen paused.
    pub fn paused(&self, arguments: &[&str]) -> Running {
        self.started(arguments, |_| self.all("SOFT_PAUSED"))
    }

    /// Starts a run and returns once something is reached, by what is seen or by what it says on stderr.
    pub fn started(&self, arguments: &[&str], reached: impl Fn(&str) -> bool) -> Running {
        let mut run = Running::start(self.command(arguments));
        until(&format!("{arguments:?} gets there"), || {
            let there = reached(&run.err.text());
            assert!(there || run.is_alive(), "it ended before it got there: {}", run.err.text());
            there
        });
        run
    }

    /// Takes a backup, which is complete; its report.
    pub fn backup(&self) -> Value {
        // See `SNAPSHOT_MET_CHECKPOINT`.
        let ended = self.run(&["create", "--retries", "2", "-o", "json"]).expect(0);
        let report = ended.json();
        assert_eq!(report["outcome"], "complete", "{}", ended.err);
        report
    }

    /// The snapshots to restore for a backup, as `describe` names them: all that the engine holds of it, and no other.
    pub fn snapshots_of(&self, id: &str) -> Vec<String> {
        let described = self.run_without_optimize(&["describe", id, "-o", "json"]).expect(0).json();
        let pieces = ["operate", "tasklist", "records"].iter().flat_map(|part| {
            described["pieces"][part].as_array().unwrap_or_else(|| panic!("no {part}: {described}"))
        });
        let named: Vec<String> = pieces.map(|p| p["name"].as_str().expect("a name").to_owned()).collect();
        let mark = format!("_{id}_");
        let held: BTreeSet<String> =
            self.stored().into_iter().filter(|name| format!("{name}_").contains(&mark)).collect();
        assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), held);
        assert_eq!(named.len(), held.len(), "each once: {named:?}");
        named
    }

    /// Loses everything, and restores a backup that is good by the word of `verify`, by the documented steps.
    pub fn restore(&self, options: &[&str], id: &str) {
        self.run_without_optimize(&["verify", id]).expect(0);
        let snapshots = self.snapshots_of(id);
        let snapshots: Vec<&str> = snapshots.iter().map(String::as_str).collect();
        print!("{}", testbed("restore.sh", &[options, &[id], &snapshots].concat()));
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

/// What a test that failed has left paused would fail all that come after it.
impl Drop for Release {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let resume = Request::post(Component::Gateway, "/actuator/exporting/resume");
            eprintln!("exporting is resumed: {:?}", self.call(&resume));
        }
    }
}

fn ran(arguments: &[&str], command: Command) -> Ended {
    let ended = lab::run(command);
    println!("$ {arguments:?} -> {:?}\n{}{}", ended.code, ended.err, ended.out);
    ended
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A disturbance that may come too late, as a backup may be quicker than it: tried until it was in time.
pub fn in_time(mut tried: impl FnMut() -> bool) {
    assert!((0..5).any(|_| tried()), "none of five was in time");
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
#[track_caller]
pub fn testbed(script: &str, arguments: &[&str]) -> String {
    try_testbed(script, arguments).unwrap_or_else(|said| panic!("{said}"))
}

fn try_testbed(script: &str, arguments: &[&str]) -> Result<String, String> {
    let done = Running::start(scripted(script, arguments)).wait_within(PATIENCE_WITH_SCRIPTS);
    if done.code != Some(0) {
        return Err(format!("testbed: {script} {arguments:?}: {}", done.err));
    }
    // What it had to do to get there, such as restarting a component, is not to pass unseen.
    print!("{}", done.err);
    Ok(done.out)
}

/// One of the testbed's scripts.
pub fn scripted(script: &str, arguments: &[&str]) -> Command {
    let mut command =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/camunda").join(script));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A component that is to be taken away at a moment: its processes are looked up before, as a script takes longer than some
/// steps of a backup last.
pub struct Target {
    name: &'static str,
    session: String,
}

impl Target {
    pub fn find(name: &'static str) -> Self {
        let status = testbed("component.sh", &["status", name]);
        let session =
            status.trim_end().trim_end_matches(')').rsplit_once("pid ").expect("it runs").1.to_owned();
        Self { name, session }
    }

    pub fn kill(self) -> Away {
        let done = Command::new("pkill").args(["-KILL", "--session", &self.session]).status().expect("pkill");
        assert!(done.success(), "{} ran", self.name);
        Away(self.name)
    }
}

/// Brings a component back, also when the test fails.
pub struct Away(&'static str);

impl Drop for Away {
    fn drop(&mut self) {
        for verb in ["kill", "start"] {
            if let Err(said) = try_testbed("component.sh", &[verb, self.0]) {
                assert!(std::thread::panicking(), "{said}");
                eprintln!("{said}");
            }
        }
    }
}
