//! The release over TCP: every process on a port of its own, with the control path on all of them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming as HyperBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::answer::Answer;
use super::incoming::{Body, Incoming};
use super::release::Sim;
use super::sandbox;
use crate::client::{Method, Request};
use crate::model::Component;

/// Largest request body; the real ones have some hundred bytes.
const LARGEST: usize = 1 << 20;

/// Ports for the processes; a process that is not named gets any free one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(BTreeMap<Component, u16>);

impl Ports {
    /// Any free ports.
    pub fn any() -> Self {
        Self::default()
    }

    /// The ports that people know: 9600 for the gateway, 9610 and up for the brokers, 9681 Operate, 9682 Tasklist, 8092
    /// Optimize, 9200 for the engine.
    pub fn usual() -> Self {
        let fixed = [
            (Component::Gateway, 9600),
            (Component::Operate, 9681),
            (Component::Tasklist, 9682),
            (Component::Optimize, 8092),
            (Component::Search, 9200),
        ];
        let brokers = (0..64).map(|number| (Component::Broker(number), 9610 + number));
        Self(fixed.into_iter().chain(brokers).collect())
    }

    /// The same with this one.
    #[must_use]
    pub fn with(mut self, component: Component, port: u16) -> Self {
        self.0.insert(component, port);
        self
    }

    fn of(&self, component: Component) -> u16 {
        self.0.get(&component).copied().unwrap_or(0)
    }
}

/// A release that is being served. Ends when it is dropped.
#[derive(Debug)]
pub struct Served {
    /// Where each process listens.
    pub addresses: BTreeMap<Component, SocketAddr>,
    tasks: JoinSet<()>,
}

impl Served {
    /// Ends it, and waits until all ports are closed.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Serves every process of the release on this host.
pub async fn serve(sim: Arc<Sim>, host: IpAddr, ports: &Ports) -> io::Result<Served> {
    let mut addresses = BTreeMap::new();
    let mut tasks = JoinSet::new();
    for component in sim.components() {
        let listener = TcpListener::bind((host, ports.of(component))).await?;
        let address = listener.local_addr()?;
        addresses.insert(component, address);
        tasks.spawn(listen(Arc::clone(&sim), component, address, listener));
    }
    Ok(Served { addresses, tasks })
}

/// Listens while the process runs; a process that does not run refuses connections, as a closed port does.
async fn listen(sim: Arc<Sim>, component: Component, address: SocketAddr, listener: TcpListener) {
    let mut listener = Some(listener);
    loop {
        let Some(open) = listener.take() else {
            sim.until(component, true).await;
            match TcpListener::bind(address).await {
                Ok(open) => listener = Some(open),
                // somebody else took the port meanwhile
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            continue;
        };
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = open.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(connection(Arc::clone(&sim), component, stream))),
                    // out of file descriptors: do not spin
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
                Some(_) = connections.join_next() => {}
                _ = sim.until_down(component) => break,
            }
        }
        // dropping them closes port and connections
    }
}

/// Serves one connection. A request whose answer is lost ends it without one.
async fn connection(sim: Arc<Sim>, component: Component, stream: TcpStream) {
    let service = service_fn(move |request| {
        let sim = Arc::clone(&sim);
        async move {
            let answer = answer(&sim, component, request).await;
            answer.map(respond).ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset))
        }
    });
    // the client sees the error as a broken connection, and that is what it is for
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(sim: &Arc<Sim>, component: Component, request: http::Request<HyperBody>) -> Option<Answer> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = Limited::new(body, LARGEST).collect().await.ok()?.to_bytes();
    if let Some(answer) = sandbox::handle(sim, head.method.as_str(), &path, &String::from_utf8_lossy(&body)) {
        return Some(answer);
    }
    let method = match head.method.as_str() {
        "GET" | "HEAD" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Some(Answer::empty(405)),
    };
    let kind = head.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let body = read(&body, kind);
    let json = match &body {
        Body::Json(value) => Some(value.clone()),
        _ => None,
    };
    let incoming = Incoming { request: Request { component, method, path, body: json }, body };
    sim.exchange(&Arc::from("tcp"), incoming).await.ok()
}

/// The body as the servers judge it.
fn read(body: &[u8], kind: Option<&str>) -> Body {
    match kind {
        None if body.is_empty() => Body::None,
        // what Spring assumes without a content type
        None => Body::Other("application/octet-stream".to_owned()),
        Some(kind) if kind.starts_with("application/json") => match serde_json::from_slice(body) {
            Ok(value) => Body::Json(value),
            Err(_) => Body::Broken(String::from_utf8_lossy(body).into_owned()),
        },
        Some(kind) => Body::Other(kind.to_owned()),
    }
}

fn respond(answer: Answer) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::new(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if !answer.content_type.is_empty() {
        let kind = http::HeaderValue::from_static(answer.content_type);
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    response
}
