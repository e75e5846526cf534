//! Ways to log in, and ways through: credential plugins, tokens, proxies, certificates, and the account of a pod.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use camunda_backup::cluster::{AccessOptions, Acquired, Cluster, ClusterError, LeaseJournal};
use camunda_backup::run::Journal as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::lease::{armed, options, seventeen};
use super::rig::{Space, ends, get, kubectl, load, transport};

/// The kubeconfig of the tests with changes, and a client made of it.
async fn with(
    directory: &Path,
    space: &Space,
    change: impl FnOnce(&mut Value, &mut Value),
) -> Result<Cluster, ClusterError> {
    let mut config: Value =
        serde_json::from_str(&kubectl(&["config", "view", "--raw", "--minify", "-o", "json"], None).await)
            .expect("JSON");
    let mut user = config["users"][0]["user"].take();
    let mut cluster = config["clusters"][0]["cluster"].take();
    change(&mut user, &mut cluster);
    (config["users"][0]["user"], config["clusters"][0]["cluster"]) = (user, cluster);
    let path = directory.join("config");
    std::fs::write(&path, config.to_string()).expect("writable");
    let options = AccessOptions {
        kubeconfig: Some(path),
        namespace: Some(space.name.clone()),
        ..AccessOptions::default()
    };
    Cluster::connect(&options, |name| std::env::var_os(name).filter(|_| name != "HTTPS_PROXY")).await
}

fn script(directory: &Path, text: &str) -> String {
    let path = directory.join("plugin");
    std::fs::write(&path, format!("#!/bin/sh\necho run >>{}/runs\n{text}\n", directory.display()))
        .expect("writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    path.display().to_string()
}

fn plugin(command: &str) -> Value {
    json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never" } })
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_credential_plugin_logs_in_and_what_it_says_is_not_repeated() {
    let space = Space::new().await;
    let directory = tempfile::tempdir().expect("a directory");
    space.kubectl(&["create", "serviceaccount", "someone"]).await;
    let token = space.kubectl(&["create", "token", "someone"]).await;
    let credential = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": token } });
    let good = script(directory.path(), &format!("echo '{credential}'"));
    let cluster = with(directory.path(), &space, |user, _| *user = plugin(&good)).await.expect("it answers");
    for _ in 0..3 {
        let error = cluster.inventory(&space.name).await.expect_err("it may do nothing").to_string();
        assert!(error.contains(&format!("system:serviceaccount:{}:someone", space.name)), "{error}");
    }
    let runs = std::fs::read_to_string(directory.path().join("runs")).expect("it ran").lines().count();
    assert!(runs <= 3, "the library runs it up to three times a client, and there is one client: {runs}");

    let bad = script(directory.path(), "echo geheim; exit 3");
    let error = with(directory.path(), &space, |user, _| *user = plugin(&bad))
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.contains("credential plugin") && error.contains("exit status: 3") && !error.contains("geheim"),
        "{error}"
    );
    let odd = script(directory.path(), "echo geheim:");
    let error = with(directory.path(), &space, |user, _| *user = plugin(&odd))
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(!error.contains("geheim"), "{error}");
    let error = with(directory.path(), &space, |user, _| *user = plugin("/no/such"))
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(error.contains("cannot be started"), "{error}");

    let wrong = with(directory.path(), &space, |user, _| *user = json!({ "token": "geheim" }))
        .await
        .expect("not asked yet");
    let error = ends("a list", wrong.inventory(&space.name)).await.expect_err("refused");
    assert!(matches!(error, ClusterError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("geheim"));
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn certificates_are_checked_and_names_may_be_given() {
    let space = Space::new().await;
    let directory = tempfile::tempdir().expect("a directory");
    let authority = |cluster: &mut Value| {
        let fields = cluster.as_object_mut().expect("an object");
        fields.retain(|name, _| !name.starts_with("certificate-authority"));
    };
    // Without an authority the system's count; none of them has signed this.
    match with(directory.path(), &space, |_, cluster| authority(cluster)).await {
        Ok(cluster) => {
            let error = cluster.inventory(&space.name).await.expect_err("not trusted").to_string();
            assert!(error.contains("certificate"), "{error}");
        }
        Err(error) => assert!(error.to_string().contains("no CA certificates"), "{error}"),
    }
    let name = |cluster: &mut Value, name: &str| cluster["tls-server-name"] = name.into();
    let other =
        with(directory.path(), &space, |_, cluster| name(cluster, "other.example")).await.expect("usable");
    let error = other.inventory(&space.name).await.expect_err("another name").to_string();
    assert!(error.contains("certificate") && error.contains("other.example"), "{error}");
    let same = with(directory.path(), &space, |_, cluster| name(cluster, "kubernetes.default.svc"))
        .await
        .expect("usable");
    assert!(same.inventory(&space.name).await.is_ok());
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn everything_goes_through_the_proxy_of_the_kubeconfig() {
    let space = Space::new().await;
    space.web("web", 1).await;
    let directory = tempfile::tempdir().expect("a directory");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let through = Arc::new(AtomicUsize::new(0));
    tokio::spawn(proxy(listener, through.clone()));
    let cluster =
        with(directory.path(), &space, |_, cluster| cluster["proxy-url"] = url.as_str().into()).await;
    let cluster = cluster.expect("usable");
    assert!(cluster.inventory(&space.name).await.is_ok());
    // A stream takes one of the connections that were opened for the lists.
    assert!(through.load(Ordering::SeqCst) > 0, "nothing went through the proxy");
    let transport = transport(&space, "web", space.forward(&cluster, "web", 8080));
    assert_eq!(get(&transport).await.as_deref(), Ok("from web"));
}

/// As much of an HTTP proxy as CONNECT needs.
async fn proxy(listener: TcpListener, through: Arc<AtomicUsize>) {
    while let Ok((mut here, _)) = listener.accept().await {
        let through = through.clone();
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(here.read_u8().await.expect("a request"));
            }
            let head = String::from_utf8(head).expect("text");
            let address = head.strip_prefix("CONNECT ").and_then(|h| h.split(' ').next()).expect("CONNECT");
            let mut there = TcpStream::connect(address).await.expect("the API server");
            through.fetch_add(1, Ordering::SeqCst);
            here.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("open");
            let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
        });
    }
}

/// What the next test does in the pod that it has started.
async fn in_a_pod(namespace: String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster =
        Cluster::connect(&AccessOptions::default(), |name| std::env::var_os(name)).await.expect("an account");
    assert!(cluster.in_cluster());
    assert_eq!(cluster.namespace(), namespace);
    println!("{}", cluster.description());
    let space = std::mem::ManuallyDrop::new(Space { name: namespace.clone(), cluster: cluster.clone() });
    assert!(cluster.inventory(&namespace).await.expect("allowed").denied.is_empty());
    let identity = camunda_backup::cluster::holder_identity(std::env::var("HOSTNAME").ok().as_deref());
    match LeaseJournal::acquire(&cluster, options(&space, &identity), |_, _| {}).await {
        Ok(Acquired::Held(journal)) => journal.arm(&seventeen()).await.expect("stored"),
        other => panic!("expected to hold it, got {other:?}"),
    }
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_pod_without_certificates_uses_its_account() {
    use camunda_backup::cluster::rights::Command;
    if let Ok(namespace) = std::env::var("IN_A_POD") {
        return in_a_pod(namespace).await;
    }
    let space = Space::new().await;
    // This very program, with what it is linked to and nothing else.
    let root = tempfile::tempdir().expect("a directory");
    let program = std::env::current_exe().expect("a program");
    std::fs::copy(&program, root.path().join("tests")).expect("readable");
    super::release::copy_libraries(root.path(), &program).await;
    let image = "testbed.local/cluster-tests:1";
    load(image, &[root.path().to_str().expect("text"), "/tests"]).await;
    let _ = space.account_with("backup", &Command::Create.rights(false, &[])).await;
    let container = json!({
        "name": "tests", "image": image, "imagePullPolicy": "Never",
        "args": ["--ignored", "--exact", "access::a_pod_without_certificates_uses_its_account", "--nocapture"],
        "env": [{ "name": "IN_A_POD", "value": space.name }],
    });
    let spec = json!({ "serviceAccountName": "backup", "restartPolicy": "Never", "containers": [container] });
    space
        .apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "run" }, "spec": spec }))
        .await;
    let phase = ["get", "pod", "run", "-o", "jsonpath={.status.phase}"];
    super::rig::eventually("the pod ends", async || {
        ["Succeeded", "Failed"].contains(&space.kubectl(&phase).await.as_str())
    })
    .await;
    let log = space.kubectl(&["logs", "run"]).await;
    assert_eq!(space.kubectl(&phase).await, "Succeeded", "{log}");
    assert!(log.contains("1 passed") && log.contains("in the cluster (https://"), "{log}");
    // Its pod is gone, and what it armed is there.
    assert_eq!(armed(&space).await, Some(seventeen()));
    let state = space.cluster.lease_state(&space.name, "camunda").await.expect("an answer").expect("there");
    assert!(state.holder.is_some_and(|h| h.identity.starts_with("run_")));
}
