//! Forwards through an API server in memory to a node that speaks the real protocol, and into small HTTP servers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Asked, Response as Answered};

use super::*;
use crate::client::{Endpoint, Request, Transport as _, TransportError};
use crate::cluster::access::Cluster;
use crate::cluster::fake::{FakeApi, How};
use crate::model::Component;

const PODS: &str = "/api/v1/namespaces/prod/pods";

/// What answers on a pod's port.
#[derive(Clone, Copy, PartialEq)]
enum Port {
    /// HTTP; the answer is the pod's name.
    Answers,
    /// Nobody.
    Refuses,
    /// Takes the request and then the node loses the pod.
    Dies,
    /// Takes the request and says nothing.
    Silent,
    /// Whatever listens there.
    Leads(std::net::SocketAddr),
}

#[derive(Clone, Default)]
struct Node {
    pods: Arc<Mutex<BTreeMap<String, Port>>>,
    streams: Arc<AtomicUsize>,
}

impl Node {
    fn set(&self, pod: &str, port: Port) {
        self.pods.lock().expect("no panic").insert(pod.to_owned(), port);
    }

    async fn start(&self) -> kube::Client {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let node = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(node.clone().serve(stream));
            }
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = kube::Config::new(url.parse().expect("an URL"));
        (config.default_retry, config.root_cert) = (false, Some(Vec::new()));
        kube::Client::try_from(config).expect("a client")
    }

    #[expect(clippy::result_large_err, reason = "the callback's signature")]
    async fn serve(self, stream: TcpStream) {
        let mut asked = (String::new(), 0u16);
        let accept = |request: &Asked, mut response: Answered| {
            let parts: Vec<_> = request.uri().path().split('/').collect();
            let port =
                request.uri().query().and_then(|q| q.split("ports=").nth(1)).and_then(|p| p.parse().ok());
            asked = (parts[parts.len() - 2].to_owned(), port.expect("a port"));
            let protocol = "v4.channel.k8s.io".parse().expect("a header");
            response.headers_mut().insert("sec-websocket-protocol", protocol);
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, accept).await.expect("a WebSocket");
        self.streams.fetch_add(1, Ordering::SeqCst);
        let (mut send, mut receive) = socket.split();
        let (pod, port) = asked;
        for channel in 0..2u8 {
            let [low, high] = port.to_le_bytes();
            send.send(Message::binary(vec![channel, low, high])).await.expect("open");
        }
        let does = self.pods.lock().expect("no panic").get(&pod).copied().unwrap_or(Port::Refuses);
        let said = |channel: u8, text: &str| Message::binary([&[channel], text.as_bytes()].concat());
        if does == Port::Refuses {
            let text =
                "failed to execute portforward in network namespace: failed to connect to localhost:9600";
            let _ = send.send(said(1, text)).await;
            let _ = send.close().await;
            return;
        }
        if let Port::Leads(to) = does {
            let (mut read, mut write) = TcpStream::connect(to).await.expect("it listens").into_split();
            let up = async {
                while let Some(Ok(Message::Binary(bytes))) = receive.next().await {
                    write.write_all(&bytes[1..]).await.expect("open");
                }
            };
            let down = async {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = read.read(&mut buffer).await {
                    send.send(Message::binary([&[0], &buffer[..n]].concat())).await.expect("open");
                }
            };
            tokio::select! { () = up => {}, () = down => {} }
            let _ = send.close().await;
            return;
        }
        while let Some(Ok(message)) = receive.next().await {
            let Message::Binary(bytes) = message else { return };
            if !bytes.ends_with(b"\r\n\r\n") {
                continue;
            }
            match does {
                Port::Answers => {
                    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{pod}", pod.len());
                    let _ = send.send(said(0, &text)).await;
                }
                Port::Dies => {
                    let _ = send.send(said(1, "lost connection to pod")).await;
                    let _ = send.close().await;
                    return;
                }
                Port::Silent | Port::Refuses | Port::Leads(_) => {}
            }
        }
    }
}

struct Rig {
    api: FakeApi,
    node: Node,
    transport: ForwardTransport,
}

/// Operate behind a Service, with a forward to it.
async fn rig(pod: Option<&str>) -> Rig {
    let base = url::Url::parse("http://camunda-operate.prod.svc:9600/").expect("an URL");
    rig_at(pod, Endpoint::plain(base)).await
}

async fn rig_at(pod: Option<&str>, endpoint: Endpoint) -> Rig {
    let (api, node) = (FakeApi::default(), Node::default());
    let cluster = Cluster::from_client(api.client_with_node(Some(node.start().await)), "prod");
    let selector = BTreeMap::from([("component".to_owned(), "operate".to_owned())]);
    let target = Target { namespace: "prod".to_owned(), selector, pod: pod.map(str::to_owned), port: 9600 };
    let forward = PodForward::open(&cluster, target).expect("a socket");
    let endpoints = BTreeMap::from([(Component::Operate, endpoint)]);
    let forwards = BTreeMap::from([(Component::Operate, forward)]);
    Rig { api, node, transport: ForwardTransport::new(endpoints, forwards).expect("usable") }
}

impl Rig {
    fn pod(&self, name: &str, ready: bool, port: Port) {
        self.node.set(name, port);
        let ready = if ready { "True" } else { "False" };
        let status = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] });
        let metadata = json!({ "name": name, "labels": { "component": "operate" } });
        self.api.put(&format!("{PODS}/{name}"), json!({ "metadata": metadata, "status": status }));
    }

    async fn get(&self) -> Result<String, TransportError> {
        let response = self.transport.send(&Request::get(Component::Operate, "/actuator/backups")).await?;
        Ok(String::from_utf8_lossy(&response.body).into_owned())
    }

    async fn refused(&self) -> String {
        match self.get().await {
            Err(TransportError::NotSent(text)) => text,
            other => panic!("expected that it was not sent, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn requests_share_a_stream_and_stay_on_one_pod_while_it_lives() {
    let rig = rig(None).await;
    rig.pod("operate-b", true, Port::Answers);
    for _ in 0..3 {
        assert_eq!(rig.get().await.as_deref(), Ok("operate-b"));
    }
    assert_eq!(rig.node.streams.load(Ordering::SeqCst), 1);
    // One that comes before it by name, and its own readiness, change nothing.
    rig.pod("operate-a", true, Port::Answers);
    rig.api.change("operate-b", |p| p["status"]["conditions"][0]["status"] = "False".into());
    assert_eq!(rig.get().await.as_deref(), Ok("operate-b"));
    // A connection that ends makes no difference either.
    let forward = rig.transport.forward(Component::Operate).expect("there is one");
    assert_eq!(forward.pod().as_deref(), Some("operate-b"));
    let mut other = tokio::net::UnixStream::connect(forward.socket()).await.expect("open");
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("open");
    let mut answer = [0; 12];
    other.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(forward.pod().as_deref(), Some("operate-b"));
}

#[tokio::test]
async fn a_pod_that_goes_is_followed_by_a_ready_one() {
    let rig = rig(None).await;
    rig.pod("operate-a", true, Port::Dies);
    rig.pod("operate-b", false, Port::Answers);
    match rig.get().await {
        Err(TransportError::Lost(text)) => assert!(text.contains("lost connection to pod"), "{text}"),
        other => panic!("it may have arrived, so it is lost: {other:?}"),
    }
    // Deleted, with nobody ready; then somebody is.
    rig.api.change("operate-a", |p| p["metadata"]["deletionTimestamp"] = "2026-11-23T00:00:00Z".into());
    let why = rig.refused().await;
    assert!(why.contains("no ready pod with component=operate in namespace prod"), "{why}");
    assert!(why.contains("operate-a is being deleted; operate-b is not ready"), "{why}");
    rig.pod("operate-b", true, Port::Answers);
    assert_eq!(rig.get().await.as_deref(), Ok("operate-b"));
}

#[tokio::test]
async fn a_refused_connection_was_not_sent_and_says_why() {
    let rig = rig(None).await;
    assert!(rig.refused().await.contains("there is none"));
    rig.pod("operate-a", true, Port::Refuses);
    assert_eq!(rig.refused().await, "port 9600 of pod operate-a refuses connections");
    // Another ready one is tried the next time.
    rig.pod("operate-b", true, Port::Answers);
    assert_eq!(rig.get().await.as_deref(), Ok("operate-b"));
    let right = "not allowed to get and create pods/portforward \"operate-b\" in namespace prod";
    let rig = self::rig(None).await;
    rig.pod("operate-b", true, Port::Answers);
    rig.api.fail("GET", "/portforward", 1, How::Refuse(403, "Forbidden"));
    assert!(rig.refused().await.starts_with(right));
    assert_eq!(rig.get().await.as_deref(), Ok("operate-b"));
}

#[tokio::test]
async fn a_broker_is_spoken_to_whether_it_is_ready_or_not() {
    let rig = rig(Some("zeebe-1")).await;
    assert!(rig.refused().await.contains("not found"));
    rig.pod("zeebe-1", false, Port::Answers);
    rig.pod("zeebe-0", true, Port::Answers);
    assert_eq!(rig.get().await.as_deref(), Ok("zeebe-1"));
}

#[tokio::test]
async fn a_frozen_pod_holds_nobody_longer_than_the_deadline() {
    let rig = rig(None).await;
    rig.pod("operate-a", true, Port::Silent);
    let http = crate::client::Http::new(Arc::new(rig.transport));
    let request = Request::post(Component::Operate, "/actuator/backups");
    let began = tokio::time::Instant::now();
    let error = http.call(&request, Duration::from_millis(300)).await.expect_err("nothing answers");
    assert!(error.to_string().contains("no answer within"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(3));
    rig.node.set("operate-a", Port::Answers);
    assert!(http.call(&request, Duration::from_secs(5)).await.is_ok());
}

#[tokio::test]
async fn nobody_else_can_open_the_socket_and_it_does_not_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = rig(None).await;
    let socket = rig.transport.forward(Component::Operate).expect("there is one").socket().to_owned();
    let directory = socket.parent().expect("a folder").to_owned();
    let mode = std::fs::metadata(&directory).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    drop(rig);
    assert!(!directory.exists());
}

#[tokio::test]
async fn tls_ends_in_the_pod_and_its_certificate_is_that_of_the_service() {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    const CERTIFICATE: &str = include_str!("testdata/cert.pem");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/key.pem")).expect("PEM");
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a pair");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let name = stream.get_ref().1.server_name().unwrap_or("nobody").to_owned();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let endpoint = |host: &str, ca: Option<&str>| {
        let base = url::Url::parse(&format!("https://{host}:9200/")).expect("an URL");
        let tls = crate::client::Tls { ca_pem: ca.map(str::to_owned), ..crate::client::Tls::default() };
        Endpoint { tls, ..Endpoint::plain(base) }
    };
    let trusted = rig_at(None, endpoint("camunda-operate.prod.svc", Some(CERTIFICATE))).await;
    trusted.pod("operate-a", true, Port::Leads(address));
    assert_eq!(trusted.get().await.as_deref(), Ok("camunda-operate.prod.svc"), "the name that was asked for");
    for (host, ca) in [("camunda-operate.prod.svc", None), ("other.prod.svc", Some(CERTIFICATE))] {
        let rig = rig_at(None, endpoint(host, ca)).await;
        rig.pod("operate-a", true, Port::Leads(address));
        assert!(rig.refused().await.contains("certificate"), "{host}: it never left");
    }
}
