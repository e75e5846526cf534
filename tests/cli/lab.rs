//! A simulated release over TCP, the binary pointed at it, and processes that cannot hang a test.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use camunda_backup::client::Method;
use camunda_backup::model::Component;
use camunda_backup::sim::{Exchange, FaultRule, Ports, Profile, Served, Sim, Timings, serve};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine: a bound against hanging, not a measurement.
const PATIENCE: Duration = Duration::from_secs(300);

pub const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-camunda_backup");

/// Without a place for a journal, without a release, without anything from this shell.
pub fn bare(program: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub fn run(command: Command) -> Ended {
    Running::start(command).wait()
}

/// The binary, without any release.
pub fn alone(arguments: &[&str]) -> Ended {
    run(bare(BINARY, arguments))
}

/// One release, one user's home.
pub struct Lab {
    pub sim: Arc<Sim>,
    pub home: TempDir,
    served: Served,
    _runtime: tokio::runtime::Runtime,
}

/// Everything answers within milliseconds.
pub fn quick() -> Profile {
    Profile { timings: Timings::quick(), ..Profile::default() }
}

impl Lab {
    pub fn new(profile: Profile) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (sim, served) = runtime.block_on(async {
            let sim = Sim::new(profile);
            let served = serve(sim.clone(), [127, 0, 0, 1].into(), &Ports::any()).await;
            (sim, served.expect("loopback has free ports"))
        });
        Self { sim, home: tempfile::tempdir().expect("a directory"), served, _runtime: runtime }
    }

    pub fn quick() -> Self {
        Self::new(quick())
    }

    /// The records snapshot takes so long that the pause is still there when the test looks.
    pub fn pausing() -> Self {
        let timings = Timings { records: Duration::from_secs(600), ..Timings::quick() };
        Self::new(Profile { timings, ..Profile::default() })
    }

    pub fn url(&self, component: Component) -> String {
        format!("http://{}", self.served.addresses[&component])
    }

    pub fn brokers(&self) -> String {
        let brokers = self.served.addresses.keys().filter(|c| matches!(c, Component::Broker(_)));
        brokers.map(|c| self.url(*c)).collect::<Vec<_>>().join(",")
    }

    /// The variables of the Camunda guide, as they are set for this release.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let one = [
            ("OPERATE_MANAGEMENT_API", Component::Operate),
            ("TASKLIST_MANAGEMENT_API", Component::Tasklist),
            ("OPTIMIZE_MANAGEMENT_API", Component::Optimize),
            ("GATEWAY_MANAGEMENT_API", Component::Gateway),
            ("ELASTIC_ENDPOINT", Component::Search),
        ];
        // Not every release has every process.
        let there = one.into_iter().filter(|(_, component)| self.served.addresses.contains_key(component));
        let rest = [
            ("BROKER_MANAGEMENT_APIS", self.brokers()),
            ("ELASTIC_SNAPSHOT_REPOSITORY", "camunda-backup".to_owned()),
        ];
        there.map(|(variable, component)| (variable, self.url(component))).chain(rest).collect()
    }

    /// In this home, without any URL.
    pub fn homely(&self, arguments: &[&str]) -> Command {
        let mut command = bare(BINARY, arguments);
        command.env("HOME", self.home.path());
        command
    }

    /// With the variables of the guide.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.homely(arguments);
        command.envs(self.variables());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts it, and returns once exporting is paused.
    pub fn paused(&self, arguments: &[&str]) -> Running {
        self.paused_by(self.command(arguments))
    }

    pub fn paused_by(&self, command: Command) -> Running {
        let mut running = Running::start(command);
        until("exporting is paused", || {
            assert!(running.is_alive(), "it ended before: {}", running.err.text());
            !self.sim.exporting_runs()
        });
        running
    }

    pub fn inject(&self, rule: &str) {
        self.sim.inject(rule.parse::<FaultRule>().expect("a rule"));
    }

    /// Everything that was asked and is not a question.
    pub fn changes(&self) -> Vec<Exchange> {
        let changes = |e: &Exchange| e.request.method != Method::Get && !e.request.path.ends_with("/_verify");
        self.sim.log().into_iter().filter(changes).collect()
    }

    pub fn assert_never_paused(&self) {
        assert_eq!(self.sim.pauses(), [], "exporting was paused");
    }

    pub fn assert_exporting(&self) {
        assert!(self.sim.exporting_runs(), "exporting does not run: {:?}", self.sim.phases());
    }

    /// Until somebody has resumed exporting, and is done with it: a guard that finds no release any more tries for minutes.
    #[track_caller]
    pub fn repaired(&self) {
        until("somebody has resumed exporting", || self.sim.exporting_runs() && !self.is_armed());
    }

    /// The journal of this release.
    pub fn journal(&self) -> PathBuf {
        let state = self.home.path().join(".local/state/camunda-backup");
        let files = std::fs::read_dir(state).expect("a state directory");
        let mut files = files.map(|f| f.expect("readable").path());
        files.find(|f| f.extension().is_some_and(|e| e == "json")).expect("a journal")
    }

    pub fn is_armed(&self) -> bool {
        let text = std::fs::read(self.journal()).expect("readable");
        let journal: Value = serde_json::from_slice(&text).expect("JSON");
        journal.get("armed").is_some_and(Value::is_object)
    }
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// `None`: killed by a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}\nstdout: {}", self.err, self.out);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not on stderr: {}", self.err);
        self
    }

    #[track_caller]
    pub fn shows(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} is not on stdout: {}", self.out);
        self
    }

    #[track_caller]
    pub fn shows_nothing(self) -> Self {
        assert_eq!(self.out, "", "stdout is for results");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    pub fn last_line(&self) -> &str {
        self.err.lines().last().unwrap_or_default()
    }
}

/// Reads a stream to its end, on a thread of its own.
pub struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let into = text.clone();
        let reader = stream.map(|mut stream| {
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut bytes) {
                    into.lock().expect("no panic").extend_from_slice(&bytes[..n]);
                }
            })
        });
        Self { text, reader }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("no panic")).into_owned()
    }

    fn is_at_its_end(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

/// A process that runs. It does not outlive its test.
pub struct Running {
    command: String,
    child: Child,
    status: Option<ExitStatus>,
    pub out: Stream,
    pub err: Stream,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let words = words.join(" ");
        let mut child = command.spawn().expect("the binary runs");
        let (out, err) = (Stream::of(child.stdout.take()), Stream::of(child.stderr.take()));
        Self { command: words, child, status: None, out, err }
    }

    pub fn is_alive(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("our child");
        }
        self.status.is_none()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("it runs");
    }

    /// Until this is on stderr.
    pub fn heard(&self, text: &str) {
        until(&format!("{text:?} on stderr"), || self.err.text().contains(text));
    }

    /// Whether it has ended, and nobody holds its stdout and stderr any more: the guard neither.
    pub fn is_over(&mut self) -> bool {
        !self.is_alive() && self.out.is_at_its_end() && self.err.is_at_its_end()
    }

    /// Until it is over.
    pub fn wait(self) -> Ended {
        self.wait_within(PATIENCE)
    }

    /// The same, where it may take longer.
    pub fn wait_within(mut self, limit: Duration) -> Ended {
        let (out, err) = (self.out.text.clone(), self.err.text.clone());
        let begun = Instant::now();
        while !self.is_over() {
            if begun.elapsed() >= limit {
                let what = if self.is_alive() { "hangs" } else { "ended, but not who holds its output" };
                panic!("not within {limit:?}: {} {what}: {}", self.command, self.err.text());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        let text = |bytes: &Mutex<Vec<u8>>| {
            String::from_utf8(bytes.lock().expect("no panic").clone()).expect("UTF-8")
        };
        Ended { code: self.status.and_then(|s| s.code()), out: text(&out), err: text(&err) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_alive() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // Its guard may still be at work, and is not to meet the next test.
        let begun = Instant::now();
        while std::thread::panicking() && !self.is_over() && begun.elapsed() < PATIENCE / 5 {
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}
