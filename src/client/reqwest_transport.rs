//! The real transport: reqwest on rustls.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::aws::AwsSigner;
use super::credentials::{Credentials, Header};
use super::mask::{Mask, is_data};
use super::tls::{Tls, client_config};
use super::tls_words;
use super::transport::{BoxFuture, Each, Method, Request, Response, Transport, TransportError};
use crate::model::Component;

/// Longest body that is read: a list of ten thousand backups is 34 MB. Nothing is decompressed, so a small answer stays small.
const LONGEST_BODY: usize = 96 * 1024 * 1024;

/// Where a component is.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Base URL: scheme, host, port, and a context path if there is one. Without user info.
    pub base: Url,
    /// How to log in.
    pub credentials: Credentials,
    /// TLS settings.
    pub tls: Tls,
    /// Sent with every request, for whatever stands before the component.
    pub headers: Vec<Header>,
    /// What stands for `/actuator` there (`management.endpoints.web.base-path`): empty, or with a slash before and none after.
    pub actuator: Option<String>,
    /// A unix socket that leads there instead of the URL's host and port, which still name the server.
    pub via: Option<PathBuf>,
}

impl Endpoint {
    /// Without login, trusting the system's certificates.
    pub fn plain(base: Url) -> Self {
        Self {
            base,
            credentials: Credentials::None,
            tls: Tls::default(),
            headers: Vec::new(),
            actuator: None,
            via: None,
        }
    }
}

/// The transport could not be set up. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{component}: {cause}")]
pub struct SetupError {
    /// For whom.
    pub component: Component,
    /// Why.
    pub cause: String,
}

struct Wired {
    base: Url,
    actuator: Option<String>,
    client: reqwest::Client,
    signer: Option<AwsSigner>,
    /// Our own secrets, should a server repeat them.
    mask: Mask,
}

impl Wired {
    fn url(&self, path: &str) -> Url {
        match (&self.actuator, path.strip_prefix("/actuator")) {
            (Some(actuator), Some(rest)) => join(&self.base, &format!("{actuator}{rest}")),
            _ => join(&self.base, path),
        }
    }

    /// Asked for each element of a list: only what a signer has learnt meanwhile is worth a new one.
    fn mask(&self) -> Cow<'_, Mask> {
        match &self.signer {
            None => Cow::Borrowed(&self.mask),
            Some(signer) => Cow::Owned(self.mask.with(signer.secrets().into_iter())),
        }
    }
}

/// Speaks HTTP to each component's endpoint.
pub struct HttpTransport {
    endpoints: BTreeMap<Component, Wired>,
}

impl HttpTransport {
    /// Builds one HTTP client per endpoint, since each may have its own TLS settings and login.
    pub fn new(endpoints: &BTreeMap<Component, Endpoint>) -> Result<Self, SetupError> {
        let endpoints = endpoints.iter().map(|(component, endpoint)| {
            let client =
                http_client(endpoint).map_err(|cause| SetupError { component: *component, cause })?;
            let signer = match &endpoint.credentials {
                Credentials::Aws(signer) => Some(signer.clone()),
                _ => None,
            };
            let secrets = endpoint.credentials.secrets().into_iter();
            let secrets = secrets.chain(endpoint.headers.iter().map(Header::secret));
            let proxy =
                if is_direct(endpoint) { Vec::new() } else { proxy_secrets(|n| std::env::var(n).ok()) };
            let mask = Mask::new(secrets.chain(proxy));
            let (base, actuator) = (endpoint.base.clone(), endpoint.actuator.clone());
            Ok((*component, Wired { base, actuator, client, signer, mask }))
        });
        Ok(Self { endpoints: endpoints.collect::<Result<_, _>>()? })
    }

    /// One exchange, without our own secrets in what comes back.
    async fn masked(&self, request: &Request, each: Option<Each<'_>>) -> Result<Response, TransportError> {
        let wired = self
            .endpoints
            .get(&request.component)
            .ok_or_else(|| TransportError::NotSent(format!("no URL for {} was given", request.component)))?;
        let answer = exchange(wired, request, each).await;
        let mask = wired.mask();
        match answer {
            Ok(response) => Ok(Response { body: mask.body(response.status, response.body), ..response }),
            Err(TransportError::NotSent(cause)) => Err(TransportError::NotSent(mask.text(&cause))),
            Err(TransportError::Lost(cause)) => Err(TransportError::Lost(mask.text(&cause))),
        }
    }
}

/// A client for one endpoint: its login, its TLS settings, no redirects, and the user's proxy unless it is this machine.
pub fn http_client(endpoint: &Endpoint) -> Result<reqwest::Client, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for header in endpoint.credentials.header()?.iter().chain(&endpoint.headers) {
        let (name, value) = header.parsed()?;
        headers.insert(name, value);
    }
    let builder = match &endpoint.via {
        None => reqwest::Client::builder(),
        #[cfg(unix)]
        Some(socket) => reqwest::Client::builder().unix_socket(socket.as_path()),
        #[cfg(not(unix))]
        Some(_) => return Err("this system has no unix sockets".to_owned()),
    };
    // A proxy cannot reach this machine's own ports, nor a socket of ours. Anything else honours the usual variables.
    let builder = if is_direct(endpoint) { builder.no_proxy() } else { builder };
    builder
        .tls_backend_preconfigured(client_config(&endpoint.tls)?)
        .default_headers(headers)
        .user_agent(concat!("camunda-backup/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        // Shorter than any server's or forwarder's: a request that changes something should not meet a dying connection.
        .pool_idle_timeout(Duration::from_secs(5))
        .tcp_keepalive(Duration::from_secs(30))
        .build()
        .map_err(|e| causes(&e))
}

fn is_direct(endpoint: &Endpoint) -> bool {
    use url::Host;
    let loopback = match endpoint.base.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    loopback || endpoint.via.is_some()
}

/// The passwords in the variables that name a proxy: it is told them, and may repeat them.
fn proxy_secrets(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let set = names.iter().flat_map(|n| [(*n).to_owned(), n.to_lowercase()]).filter_map(|n| variable(&n));
    let secrets = set.filter_map(|text| {
        let url = Url::parse(&text).ok().filter(Url::has_host);
        let url = url.or_else(|| Url::parse(&format!("http://{text}")).ok())?;
        let (username, password) = (decoded(url.username()), decoded(url.password()?));
        let written = url.password().map(str::to_owned);
        let forms = Credentials::Basic { username, password: password.into() }.secrets();
        Some(forms.into_iter().chain(written))
    });
    secrets.flatten().collect()
}

fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

/// reqwest's own texts end where it becomes interesting; the causes tell (`connection refused`, `certificate unknown`).
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(c) = cause {
        let said = c.to_string();
        // A wrapper often repeats what it wraps.
        if !said.is_empty() && !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        cause = c.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

impl Transport for HttpTransport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(self.masked(request, None))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: Each<'a>,
    ) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(self.masked(request, Some(each)))
    }

    fn without_secrets(&self, component: Component, body: Bytes) -> Bytes {
        match self.endpoints.get(&component) {
            Some(wired) => wired.mask().body(200, body),
            None => body,
        }
    }

    fn describe(&self, component: Component, path: &str) -> String {
        match self.endpoints.get(&component) {
            Some(wired) => wired.url(path).to_string(),
            None => path.to_owned(),
        }
    }
}

/// Data goes to `each`, when somebody takes it piece by piece; everything else is collected.
async fn exchange(
    wired: &Wired,
    request: &Request,
    mut each: Option<Each<'_>>,
) -> Result<Response, TransportError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut builder = wired.client.request(method, wired.url(&request.path));
    // Metrics are a text, and a server that is asked for JSON refuses (406).
    if request.path.ends_with("/prometheus") {
        builder = builder.header(ACCEPT, "text/plain");
    }
    if let Some(body) = &request.body {
        builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_string());
    }
    let failed = |error: reqwest::Error| {
        let error = error.without_url();
        let refused = tls_words::refused(&error);
        let cause = tls_words::explained(&error, request.component).unwrap_or_else(|| causes(&error));
        if error.is_connect() || error.is_builder() || refused {
            TransportError::NotSent(cause)
        } else {
            TransportError::Lost(cause)
        }
    };
    let mut built = builder.build().map_err(failed)?;
    if let Some(signer) = &wired.signer {
        signer.sign(&mut built).await.map_err(TransportError::NotSent)?;
    }
    let mut response = wired.client.execute(built).await.map_err(failed)?;
    let status = response.status().as_u16();
    let (mut body, mut length, mut streamed) = (Vec::new(), 0, false);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        length += chunk.len();
        if length > LONGEST_BODY {
            return Err(TransportError::Lost(format!("the answer is longer than {LONGEST_BODY} bytes")));
        }
        match &mut each {
            Some(each) if streamed => each(&chunk),
            Some(each) => {
                body.extend_from_slice(&chunk);
                streamed = is_data(status, &body) == Some(true);
                if streamed {
                    each(&std::mem::take(&mut body));
                }
            }
            None => body.extend_from_slice(&chunk),
        }
    }
    Ok(Response { status, body: body.into() })
}

/// Appends a path with query to a base URL that may have a context path, with or without a slash at its end.
fn join(base: &Url, path: &str) -> Url {
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    let mut url = base.clone();
    url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), path));
    url.set_query(query);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_stands_between_us_and_this_machine() {
        let direct = |url: &str| is_direct(&Endpoint::plain(Url::parse(url).expect("an URL")));
        for near in ["http://localhost:9600", "http://127.0.0.2:9600", "http://[::1]:9600/x"] {
            assert!(direct(near), "{near}");
        }
        assert!(!direct("http://elastic.example:9200") && !direct("http://10.0.0.1:9600"));
        let far = Url::parse("http://zeebe-gateway:9600").expect("an URL");
        assert!(is_direct(&Endpoint { via: Some("/run/x".into()), ..Endpoint::plain(far) }));
    }

    #[test]
    fn a_proxy_s_password_is_known_as_it_is_written_and_as_it_is_sent() {
        for written in ["http://user:p%40ss+word@proxy:3128", "user:p%40ss+word@proxy:3128"] {
            let secrets = proxy_secrets(|n| (n == "https_proxy").then(|| written.to_owned()));
            assert_eq!(secrets, ["p@ss+word", "dXNlcjpwQHNzK3dvcmQ=", "p%40ss+word"], "{written}");
        }
        assert!(proxy_secrets(|_| Some("proxy:3128".to_owned())).is_empty());
    }

    #[test]
    fn joins_below_a_context_path() {
        let url = |base: &str, path| join(&Url::parse(base).expect("an URL"), path).to_string();
        assert_eq!(url("http://h:9600", "/actuator/backups"), "http://h:9600/actuator/backups");
        assert_eq!(
            url("http://h/camunda/", "/actuator/x?soft=true"),
            "http://h/camunda/actuator/x?soft=true"
        );
        assert_eq!(url("http://h", "/_snapshot/r/camunda_*"), "http://h/_snapshot/r/camunda_*");
    }

    #[test]
    fn another_path_can_stand_for_actuator() {
        let at = |actuator: &str, component, path| {
            let base = Url::parse("http://h:9600/camunda").expect("an URL");
            let endpoint = Endpoint { actuator: Some(actuator.to_owned()), ..Endpoint::plain(base) };
            let transport = HttpTransport::new(&[(component, endpoint)].into()).expect("a transport");
            transport.describe(component, path)
        };
        let gateway = Component::Gateway;
        assert_eq!(at("/manage", gateway, "/actuator/backups/1"), "http://h:9600/camunda/manage/backups/1");
        assert_eq!(at("", gateway, "/actuator/exporting/resume"), "http://h:9600/camunda/exporting/resume");
        assert_eq!(at("/manage", gateway, "/v2/topology"), "http://h:9600/camunda/v2/topology");
    }
}
