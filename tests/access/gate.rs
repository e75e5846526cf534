//! What stands before a server: TLS with certificates of its own, and a look at who comes. Refuses with everything that it
//! was told, as bad proxies do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path with query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A refusal that passes for a good answer, as from a proxy with a login page.
pub const WELCOME: &str = "welcome";

/// Lets a request through, or says why not.
pub type Check = Arc<dyn Fn(&Seen) -> Result<(), String> + Send + Sync>;

/// A gate that is open.
pub struct Gate {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    tls: bool,
    _runtime: Arc<tokio::runtime::Runtime>,
}

/// How to make one.
pub struct Plan {
    /// To where.
    pub to: SocketAddr,
    pub tls: Option<Arc<ServerConfig>>,
    pub check: Check,
    /// What stands for what in paths: `("/manage", "/actuator")`.
    pub path: Option<(&'static str, &'static str)>,
}

impl Gate {
    pub fn open(plan: Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime"));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (plan, log) = (Arc::new(plan), seen.clone());
        let encrypted = plan.tls.is_some();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (plan, log) = (plan.clone(), log.clone());
                tokio::spawn(async move {
                    match plan.tls.clone() {
                        None => serve(stream, &plan, &log).await,
                        Some(config) => match TlsAcceptor::from(config).accept(stream).await {
                            Ok(stream) => serve(stream, &plan, &log).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, seen, tls: encrypted, _runtime: runtime }
    }

    pub fn url(&self, host: &str) -> String {
        format!("http{}://{host}:{}", if self.tls { "s" } else { "" }, self.address.port())
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    plan: &Plan,
    log: &Mutex<Vec<Seen>>,
) -> Option<()> {
    let seen = read(&mut stream).await?;
    log.lock().expect("no panic").push(seen.clone());
    let verdict = (plan.check)(&seen);
    if let Err(why) = verdict {
        let told: Vec<_> = seen.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let message =
            format!("{why}; you sent {} and {}", told.join(", "), String::from_utf8_lossy(&seen.body));
        let body = serde_json::json!({ "message": message, "sent": message }).to_string();
        let status = if why == WELCOME { "200 OK" } else { "401 Unauthorized" };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.ok()?;
        return stream.shutdown().await.ok();
    }
    let mut target = seen.target.clone();
    if let Some((outside, inside)) = plan.path {
        target = format!("{inside}{}", target.strip_prefix(outside).unwrap_or("/nowhere"));
    }
    let mut upstream = TcpStream::connect(plan.to).await.ok()?;
    let content = seen.header("content-type").map(|t| format!("content-type: {t}\r\n")).unwrap_or_default();
    let head = format!(
        "{} {target} HTTP/1.1\r\nhost: inside\r\n{content}content-length: {}\r\nconnection: close\r\n\r\n",
        seen.method,
        seen.body.len()
    );
    upstream.write_all(head.as_bytes()).await.ok()?;
    upstream.write_all(&seen.body).await.ok()?;
    tokio::io::copy(&mut upstream, &mut stream).await.ok()?;
    stream.shutdown().await.ok()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&chunk[..n]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |l: &str| l.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let length = headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse().ok());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length.unwrap_or(0) {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        body.extend_from_slice(&chunk[..n]);
    }
    Some(Seen { method, target, headers, body })
}

/// Certificates of a private authority, as PEM.
pub struct Authority {
    pub pem: String,
    params: rcgen::CertificateParams,
    key: rcgen::KeyPair,
}

/// A certificate and its key, as PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        // A name of its own: two of one name differ by their signatures alone.
        let name = format!("authority {:x?}", &key.public_key_raw()[..4]);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, params, key }
    }

    pub fn issue(&self, name: &str, expired: bool) -> Identity {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = rcgen::KeyPair::generate().expect("a key");
        let issuer = rcgen::Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    /// The authority's own certificate and key, as `openssl req -x509` leaves people with.
    pub fn itself(&self) -> Identity {
        Identity { certificate: self.pem.clone(), key: self.key.serialize_pem() }
    }
}

/// A server with this certificate, which may ask for one of its clients.
pub fn server(identity: &Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
    use rustls::pki_types::pem::PemObject as _;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(read(&authority.pem)).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
    Arc::new(builder.with_single_cert(vec![read(&identity.certificate)], key).expect("a pair"))
}
