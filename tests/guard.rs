//! What the program leaves behind when it could not finish, and how it repairs that: the binary against a simulated
//! release on loopback, with journals as runs that died leave them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use camunda_backup::journal::{FileJournal, Holder, ReleaseKey, StateDir};
use camunda_backup::model::Component;
use camunda_backup::run::{Armed, Journal as _};
use camunda_backup::sim::{Ports, Profile, Served, Sim, Timings, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::Instant;
use url::Url;

struct Place {
    _temporary: tempfile::TempDir,
    state: PathBuf,
    served: Served,
}

impl Place {
    async fn new() -> Self {
        let sim = Sim::new(Profile { timings: Timings::quick(), ..Profile::default() });
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let served = serve(Arc::clone(&sim), host, &Ports::any()).await.expect("free ports");
        let temporary = tempfile::tempdir().expect("a directory");
        let state = temporary.path().join("state");
        Self { _temporary: temporary, state, served }
    }

    fn url(&self, component: Component) -> String {
        format!("http://{}/", self.served.addresses[&component])
    }

    /// A journal as a run leaves it that dies while exporting is paused.
    async fn left(&self, cluster: Option<&str>, answered: bool) {
        let dir = StateDir::locate(Some(self.state.clone()), |_| None).expect("given");
        dir.create().expect("can be made");
        let gateway = Url::parse(&self.url(Component::Gateway)).expect("an URL");
        let key = ReleaseKey::of_gateway(&gateway, None);
        let holder = Holder { verb: "create".to_owned(), pid: 1, since: "then".to_owned() };
        let journal = FileJournal::open(&dir, &key, gateway.as_str(), Vec::new(), holder).expect("free");
        journal.belongs_to(cluster.map(str::to_owned));
        let armed = Armed { backup_id: None, since: "then".to_owned(), answered };
        journal.arm(&armed).await.expect("writable");
    }

    async fn exporting(&self, what: &str) -> String {
        send(self.served.addresses[&Component::Gateway], "POST", &format!("/actuator/exporting/{what}")).await
    }

    async fn is_paused(&self) -> bool {
        send(self.served.addresses[&Component::Broker(0)], "GET", "/actuator/partitions")
            .await
            .contains("PAUSED")
    }

    fn resume(&self, more: &[&str]) -> Command {
        let mut command = program(&self.state);
        command.args(["resume", "--gateway-url", &self.url(Component::Gateway)]);
        command.args(["--broker-url", &self.url(Component::Broker(0))]).args(more);
        command
    }
}

fn program(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-camunda_backup"));
    command.env_clear().env("CAMUNDA_BACKUP_STATE_DIR", state);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether anything in a state directory is armed.
fn is_armed(state: &Path) -> bool {
    let files = fs::read_dir(state).expect("readable").map(|f| f.expect("readable").path());
    let journals = files.filter(|f| f.extension().is_some_and(|e| e == "json"));
    let mut all = journals.map(|f| fs::read_to_string(f).expect("readable"));
    all.any(|text| text.contains("\"armed\""))
}

async fn send(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_arrives_after_its_run_died_does_not_stay() {
    let place = Place::new().await;
    place.left(None, false).await;
    let began = Instant::now();
    let run = tokio::spawn(place.resume(&[]).output());
    // It was held up on its way, well past the first resume.
    tokio::time::sleep(Duration::from_secs(8)).await;
    place.exporting("pause").await;
    let output = run.await.expect("no panic").expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(began.elapsed() >= Duration::from_secs(30), "it stays as long as a pause may arrive");
    let told = stderr(&output);
    assert!(told.contains("exporting runs again") && told.contains("arrived late"), "{told}");
    assert!(!place.is_paused().await && !is_armed(&place.state));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_at_the_same_address_is_left_alone() {
    let place = Place::new().await;
    place.left(Some("version 8.5.0, brokers 7, partitions 9"), true).await;
    place.exporting("pause").await;
    let output = place.resume(&["--if-abandoned", "--resume-timeout", "1s"]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(30), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("is another cluster than the one that was paused"),
        "{}",
        stderr(&output)
    );
    assert!(place.is_paused().await, "whoever paused that one is still at it");
    assert!(is_armed(&place.state));

    // It is the same one, updated since: whoever names it knows that.
    assert!(stderr(&output).contains("updated or scaled since"), "{}", stderr(&output));
    let output = place.resume(&[]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("resumed all the same"), "{}", stderr(&output));
    assert!(!place.is_paused().await && !is_armed(&place.state));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_address_leaves_nothing_armed() {
    let temporary = tempfile::tempdir().expect("a directory");
    let mut command = program(temporary.path());
    command.args(["resume", "--resume-timeout", "1s", "--gateway-url", "http://127.0.0.1:1"]);
    let output = command.output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(30), "{}", stderr(&output));
    assert!(!is_armed(temporary.path()));

    // What a dead run left is not forgotten for want of a connection.
    let place = Place::new().await;
    place.left(None, true).await;
    let command = place.resume(&["--resume-timeout", "1s"]);
    let Place { _temporary, state, served } = place;
    served.shutdown().await;
    let mut command = command;
    let output = command.output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(30), "{}", stderr(&output));
    assert!(is_armed(&state));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_cannot_be_read_is_not_empty() {
    let temporary = tempfile::tempdir().expect("a directory");
    let file = temporary.path().join("file");
    fs::write(&file, "").expect("writable");
    let output = program(&file).args(["resume", "--if-abandoned"]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(30), "{}", stderr(&output));
    assert!(!stderr(&output).contains("nothing to resume"), "{}", stderr(&output));
}
