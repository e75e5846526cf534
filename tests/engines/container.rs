//! Search engines in containers: start, wait, kill, freeze, and nothing left behind.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use testcontainers::core::{ExecCommand, IntoContainerPort as _, Mount};
use testcontainers::runners::SyncRunner as _;
use testcontainers::{ContainerRequest, GenericImage, ImageExt as _};

use super::product::Product;
use crate::lab::until;

/// Where repositories may be: room for everything, and hardly any. Whoever runs an image may write to both.
pub const SNAPSHOTS: &str = "/tmp/snapshots";
pub const SMALL: &str = "/tmp/small";
const SMALL_BYTES: i64 = 4 << 20;

/// Longer than JVMs take to start side by side on a busy machine.
const START: Duration = Duration::from_secs(300);
const PORT: u16 = 9200;

pub struct Container {
    inner: testcontainers::Container<GenericImage>,
    _reaper: Reaper,
}

/// The image of this run's version, with what every test needs.
pub fn request(product: &Product) -> ContainerRequest<GenericImage> {
    let version = std::env::var(product.version)
        .unwrap_or_else(|_| panic!("{} is not set: make test-engines sets it", product.version));
    GenericImage::new(product.image, &version)
        .with_exposed_port(PORT.tcp())
        .with_label("camunda-backup.test", "true")
        .with_startup_timeout(START)
        .with_env_var("discovery.type", "single-node")
        .with_env_var("path.repo", format!("{SNAPSHOTS},{SMALL}"))
        .with_env_var("cluster.routing.allocation.disk.threshold_enabled", "false")
        // The quick compiler only: half the time to start.
        .with_env_var(product.java, "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1")
        .with_mount(Mount::tmpfs_mount(SMALL).with_size_bytes(SMALL_BYTES).with_mode(0o1777))
}

impl Container {
    pub fn start(request: ContainerRequest<GenericImage>) -> Self {
        let inner = request.start().unwrap_or_else(|e| {
            panic!("no container: {e}\n(make test-engines, or eval \"$(testbed/engines/up.sh)\", starts an engine for containers)")
        });
        let reaper = Reaper::of(inner.id());
        Self { inner, _reaper: reaper }
    }

    /// Where the port is now; another one after a restart, unless it was chosen.
    ///
    /// Not `get_host`, which names the bridge's address wherever `/.dockerenv` exists.
    pub fn address(&self) -> String {
        let port = self.inner.get_host_port_ipv4(PORT.tcp()).expect("the port is published");
        let remote = std::env::var("DOCKER_HOST").is_ok_and(|host| !host.starts_with("unix:"));
        let host =
            if remote { self.inner.get_host().expect("a host").to_string() } else { "127.0.0.1".to_owned() };
        format!("{host}:{port}")
    }

    /// Until it is ready; a container that has ended fails at once, with the end of its log.
    pub fn wait(&self, ready: impl Fn() -> bool) {
        let begun = Instant::now();
        while !ready() {
            let runs = self.inner.is_running().unwrap_or(false);
            assert!(runs && begun.elapsed() < START, "not ready, running: {runs}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    fn log(&self) -> String {
        let text =
            |bytes: Result<Vec<u8>, _>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        let all = text(self.inner.stdout_to_vec()) + &text(self.inner.stderr_to_vec());
        let lines: Vec<_> = all.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.inner.stop_with_timeout(Some(0)).expect("it ends");
        until("the end of the container", || !self.inner.is_running().expect("known"));
    }

    /// A command of the shell, inside; it has to succeed.
    pub fn exec(&self, command: &str) -> String {
        let done = self.inner.exec(ExecCommand::new(["sh", "-c", command])).expect("a shell");
        let mut done = done;
        let (out, err) = (done.stdout_to_vec().expect("read"), done.stderr_to_vec().expect("read"));
        let text = String::from_utf8_lossy(&[out, err].concat()).into_owned();
        assert_eq!(done.exit_code().expect("known"), Some(0), "{command}: {text}");
        text
    }

    pub fn is_running(&self) -> bool {
        self.inner.is_running().expect("known")
    }

    pub fn restart(&self) {
        self.inner.start().expect("it starts");
    }

    /// Its processes stand still while this lives: connections are accepted, and nothing answers.
    pub fn freeze(&self) -> Frozen<'_> {
        // Declared async, but done when it is called.
        self.inner.pause().now_or_never().expect("done").expect("it stands still");
        Frozen(self)
    }
}

pub struct Frozen<'a>(&'a Container);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = self.0.inner.unpause().now_or_never();
    }
}

/// Removes a container when this process has ended, however it did. Containers that all tests of a process share are never
/// dropped, and a killed process drops nothing.
struct Reaper(#[expect(dead_code, reason = "holds the pipe whose end it waits for")] Child);

impl Reaper {
    fn of(id: &str) -> Self {
        let script = "trap '' INT TERM HUP; read -r _; exec docker rm --force --volumes \"$0\"";
        let child = Command::new("sh")
            .args(["-c", script, id])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("a shell"))
    }
}

/// A port for a container that must keep it when it is started again. From below the range that the system gives away, and
/// above those of the testbeds that run beside: an API server from 26443 on, and Camunda from 27000 on, whose components are
/// started again, too.
pub fn free_port() -> u16 {
    let ports = (28_000..32_000).cycle().skip(usize::from(fastrand::u16(..4_000)));
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(4_000).find(is_free).expect("a free port")
}

pub fn with_port(request: ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage> {
    request.with_mapped_port(free_port(), PORT.tcp())
}
