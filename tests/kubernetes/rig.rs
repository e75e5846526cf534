//! A namespace, what runs in it, and accounts with few rights.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use camunda_backup::client::{Endpoint, Request, Transport as _, TransportError};
use camunda_backup::cluster::rights::{Right, role};
use camunda_backup::cluster::{AccessOptions, Cluster, ForwardTransport, PodForward, Target};
use camunda_backup::model::Component;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What runs in the pods: the testbed's small HTTP program.
pub const IMAGE: &str = "testbed.local/hello:1";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The wall clock. Tests may read it.
#[expect(clippy::disallowed_methods, reason = "tests stand where the command line stands")]
pub fn clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A namespace of its own, removed afterwards.
pub struct Space {
    pub name: String,
    pub cluster: Cluster,
}

impl Space {
    pub async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let name = format!("cb-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        kubectl(&["create", "namespace", &name], None).await;
        let cluster = connect(&name, None).await;
        // Without it no pod is admitted; a controller that has just lost its API server takes its time.
        eventually("the namespace's account", async || {
            let account =
                ["-n", &name, "get", "serviceaccount", "default", "--ignore-not-found", "-o", "name"];
            !kubectl(&account, None).await.is_empty()
        })
        .await;
        Self { name, cluster }
    }

    /// kubectl in this namespace; must succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        kubectl(&[&["-n", &self.name], arguments].concat(), None).await
    }

    pub async fn apply(&self, object: &Value) {
        kubectl(&["-n", &self.name, "apply", "-f", "-"], Some(&object.to_string())).await;
    }

    /// A Deployment that answers on 8080 with its name, and a Service.
    pub async fn web(&self, name: &str, replicas: u32) {
        image().await;
        let labels = json!({ "app": name });
        let container = json!({
            "name": "hello", "image": IMAGE, "imagePullPolicy": "Never",
            "args": ["serve", ":8080", format!("from {name}")],
            "ports": [{ "name": "http", "containerPort": 8080 }],
            "readinessProbe": { "httpGet": { "path": "/", "port": "http" }, "periodSeconds": 1 },
        });
        let pod = json!({ "terminationGracePeriodSeconds": 1, "containers": [container] });
        let template = json!({ "metadata": { "labels": labels }, "spec": pod });
        self.apply(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
            "spec": { "replicas": replicas, "selector": { "matchLabels": labels }, "template": template },
        }))
        .await;
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
            "spec": { "selector": labels, "ports": [{ "name": "http", "port": 80, "targetPort": "http" }] },
        }))
        .await;
        self.kubectl(&["rollout", "status", &format!("deployment/{name}"), &patience()]).await;
    }

    /// A cluster as seen by an account that has these rules and no more.
    pub async fn account(&self, name: &str, rules: Value) -> Cluster {
        self.kubectl(&["create", "serviceaccount", name]).await;
        let metadata = json!({ "name": name });
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules });
        self.apply(&role).await;
        self.bind(name).await;
        connect(&self.name, Some(format!("system:serviceaccount:{}:{name}", self.name))).await
    }

    /// An account whose Role is the one that we print for these rights.
    pub async fn account_with(&self, name: &str, rights: &[Right]) -> Cluster {
        self.kubectl(&["create", "serviceaccount", name]).await;
        kubectl(&["apply", "-f", "-"], Some(&role(name, &self.name, rights))).await;
        self.bind(name).await;
        connect(&self.name, Some(format!("system:serviceaccount:{}:{name}", self.name))).await
    }

    async fn bind(&self, name: &str) {
        let account = format!("--serviceaccount={}:{name}", self.name);
        self.kubectl(&["create", "rolebinding", name, &format!("--role={name}"), &account]).await;
    }

    /// A forward to the pods of a Deployment.
    pub fn forward(&self, cluster: &Cluster, app: &str, port: u16) -> PodForward {
        let selector = BTreeMap::from([("app".to_owned(), app.to_owned())]);
        let target = Target { namespace: self.name.clone(), selector, pod: None, port };
        PodForward::open(cluster, target).expect("a socket")
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // To look at what a test has made.
        if std::env::var_os("KEEP").is_some() {
            return;
        }
        let arguments = ["delete", "namespace", &self.name, "--wait=false"];
        let _ = std::process::Command::new("kubectl").args(arguments).stdout(Stdio::null()).status();
    }
}

/// Over a forward, under the name that the Service has inside the cluster.
pub fn transport(space: &Space, app: &str, forward: PodForward) -> ForwardTransport {
    let base = format!("http://{app}.{}.svc:80/", space.name).parse().expect("an URL");
    let endpoints = BTreeMap::from([(Component::Gateway, Endpoint::plain(base))]);
    ForwardTransport::new(endpoints, BTreeMap::from([(Component::Gateway, forward)])).expect("usable")
}

pub async fn get(transport: &ForwardTransport) -> Result<String, TransportError> {
    let response = transport.send(&Request::get(Component::Gateway, "/")).await?;
    Ok(String::from_utf8_lossy(&response.body).trim().to_owned())
}

pub async fn connect(namespace: &str, as_user: Option<String>) -> Cluster {
    let options =
        AccessOptions { namespace: Some(namespace.to_owned()), as_user, ..AccessOptions::default() };
    let variable = |name: &str| std::env::var_os(name);
    Cluster::connect(&options, variable).await.expect("KUBECONFIG names a cluster")
}

/// kubectl; must succeed.
pub async fn kubectl(arguments: &[&str], input: Option<&str>) -> String {
    let mut child = Command::new("kubectl")
        .args(arguments)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl");
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes()).await.expect("it reads");
    }
    let done = child.wait_with_output().await.expect("it ends");
    assert!(done.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// A script of the testbed, and what it prints.
pub async fn testbed(script: &str, arguments: &[&str]) -> String {
    ours(&format!("testbed/kube/{script}"), arguments).await
}

/// A script of this repository, and what it prints.
pub async fn ours(script: &str, arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let done = Command::new(&path).args(arguments).output().await.expect("a script");
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Makes the image once, from the testbed's small program.
pub async fn image() {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| async {
        let hello = testbed("hello.sh", &[]).await;
        load(IMAGE, &[hello.trim()]).await;
    })
    .await;
}

/// Makes an image and puts it where pods find it: on the testbed's node, or where the command of `TESTBED_LOAD` puts an
/// archive (`kind load image-archive`).
pub async fn load(name: &str, contents: &[&str]) {
    let folder = tempfile::tempdir().expect("a directory");
    let archive = folder.path().join("image.tar");
    let archive = archive.to_str().expect("text");
    testbed("image.sh", &[&["--output", archive, name], contents].concat()).await;
    load_archive(archive).await;
}

pub async fn load_archive(archive: &str) {
    let Ok(command) = std::env::var("TESTBED_LOAD") else {
        testbed("exec.sh", &["ctr", "-n", "k8s.io", "images", "import", archive]).await;
        return;
    };
    let words: Vec<_> = command.split_whitespace().chain([archive]).collect();
    let done = Command::new(words[0]).args(&words[1..]).output().await.expect("TESTBED_LOAD");
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What has to end by itself, however busy the machine is.
#[expect(clippy::disallowed_methods, reason = "a limit to the patience of a test")]
pub async fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// Longer than anything takes on a busy machine: a bound against hanging, not a measurement.
const PATIENCE: Duration = Duration::from_secs(300);

/// The same for kubectl.
pub fn patience() -> String {
    format!("--timeout={}s", PATIENCE.as_secs())
}

/// Repeats until it is true.
pub async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !is().await {
        assert!(tokio::time::Instant::now() < end, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
