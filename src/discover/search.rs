//! The search engine: which, where, and how to log in.
//!
//! Every place in the configuration that names one becomes an [`Address`]; the first is taken, because the rows are in
//! the order of how close they are to the exported records.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::config::{Config, Value, canonical};
use super::release::{Found, Hidden, Place, SecretRef, Source};
use super::rules::Role;
use super::sources::{EXPORTERS, OPTIMIZE_ROWS, RECORD_EXPORTERS, Row, STORAGE, WEB_APPS};
use crate::model::Engine;

/// How to log in to the search engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// Not at all.
    None,
    /// User and password.
    Basic {
        /// User.
        username: Found<Source<String>>,
        /// Password.
        password: Found<Source<Hidden>>,
    },
    /// An API key.
    ApiKey(Found<Source<Hidden>>),
    /// Requests are signed for AWS; the evidence says so.
    AwsSigning(String),
}

/// The search engine that holds the exported records; without exported records, the one of the secondary storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Search {
    /// Which one, as configured: the engine itself is asked later.
    pub engine: Option<Engine>,
    /// Scheme, host and port as the processes of the release use them. The host may be a Service's short name, which only
    /// means something in the release's namespace: [`Place::dns`] means the same everywhere in the cluster.
    pub url: Found<String>,
    /// The Service and pods behind the host, when it is a Service of the cluster.
    pub place: Option<Place>,
    /// The host is a Service (namespace, name) that was not among the objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_service: Option<(String, String)>,
    /// How to log in.
    pub login: Login,
    /// Certificates to trust, as PEM.
    pub ca: Option<Found<SecretRef>>,
}

impl Search {
    /// The Secrets that have to be read to log in and to trust it.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let mut all: Vec<_> = self.ca.iter().map(|ca| &ca.value).collect();
        match &self.login {
            Login::Basic { username, password } => {
                all.extend(username.value.secret());
                all.extend(password.value.secret());
            }
            Login::ApiKey(key) => all.extend(key.value.secret()),
            Login::None | Login::AwsSigning(_) => {}
        }
        all
    }
}

/// One place in the configuration that names a search engine.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub role: Role,
    pub engine: Option<Engine>,
    pub url: Url,
    pub evidence: String,
    pub login: Login,
    /// A user without a password, which is worth a note.
    pub half_login: Option<Found<String>>,
    pub ca_file: Option<Found<String>>,
}

impl Address {
    /// Host and port: what makes two addresses the same engine.
    pub fn at(&self) -> (&str, Option<u16>) {
        (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default())
    }
}

/// An exporter that writes records.
#[derive(Debug, Clone)]
pub(super) struct Exporter {
    pub class: Found<String>,
    pub engine: Engine,
    /// Canonical keys begin with this.
    prefix: String,
}

impl Exporter {
    /// An argument of it.
    pub fn argument(&self, config: &Config, name: &str) -> Option<Found<String>> {
        config.text(&[&self.key(name)])
    }

    fn key(&self, name: &str) -> String {
        format!("{}args{}", self.prefix, canonical(name))
    }
}

/// The exporters of records in a broker's configuration, whatever they are called there.
pub(super) fn exporters(config: &Config) -> Vec<Exporter> {
    EXPORTERS.iter().flat_map(|root| exporters_below(config, &canonical(root))).collect()
}

fn exporters_below(config: &Config, root: &str) -> Vec<Exporter> {
    let exporter = |id: String| {
        let class = config.text(&[&format!("{root}{id}classname")])?;
        let (_, engine) = RECORD_EXPORTERS.iter().find(|(end, _)| class.value.ends_with(end))?;
        Some(Exporter { class, engine: *engine, prefix: format!("{root}{id}") })
    };
    config.between(root, "classname").into_iter().filter_map(exporter).collect()
}

/// All addresses, the one nearest to the records first.
pub(super) fn addresses(configs: &BTreeMap<Role, Config>) -> Vec<Address> {
    let mut found = Vec::new();
    if let Some(config) = configs.get(&Role::Broker) {
        found.extend(exporters(config).iter().filter_map(|e| of_exporter(e, config)));
    }
    for row in STORAGE.iter().chain(&WEB_APPS).chain(&OPTIMIZE_ROWS) {
        for role in row.roles {
            found.extend(configs.get(role).and_then(|config| of_row(row, *role, config)));
        }
    }
    found
}

fn of_exporter(exporter: &Exporter, config: &Config) -> Option<Address> {
    let url = exporter.argument(config, "url")?;
    let keys = ["authentication.username", "authentication.password", "authentication.apiKey", "aws.enabled"]
        .map(|name| exporter.key(name));
    let login = login(config, &[&keys[0]], &[&keys[1]], &[&keys[2]], &[&keys[3]]);
    address(Role::Broker, Some(exporter.engine), &url, login, None)
}

fn of_row(row: &Row, role: Role, config: &Config) -> Option<Address> {
    let kind = config.text(row.kind).and_then(|f| engine(&f.value).map(|e| f.map(|_| e)));
    let engine = match (row.engine, kind) {
        (Some(engine), Some(kind)) if engine != kind.value => return None,
        (Some(engine), _) => Some(engine),
        (None, kind) => kind.map(|f| f.value),
    };
    // A storage that is no search engine makes the rows for search engines meaningless, rendered or not.
    if config.text(row.kind).is_some_and(|f| self::engine(&f.value).is_none()) {
        return None;
    }
    let url = config.text(row.url).or_else(|| {
        let host = config.text(row.host)?;
        let port = config.number::<u16>(row.port).map_or(9200, |p| p.value);
        let scheme = if config.is_on(row.tls).is_some() { "https" } else { "http" };
        Some(host.map(|host| format!("{scheme}://{host}:{port}")))
    })?;
    let login = login(config, row.username, row.password, row.api_key, row.aws);
    address(role, engine, &url, login, config.text(row.ca_file))
}

/// An address that is itself in a Secret, which nobody but its reader can use.
pub(super) fn hidden_address(configs: &BTreeMap<Role, Config>) -> Option<Found<SecretRef>> {
    let rows = STORAGE.iter().chain(&WEB_APPS).chain(&OPTIMIZE_ROWS);
    let values = rows.flat_map(|row| {
        let configs = row.roles.iter().filter_map(|role| configs.get(role));
        configs.filter_map(|config| config.get(row.url).or_else(|| config.get(row.host)))
    });
    let brokers = configs.get(&Role::Broker);
    let of_exporters = brokers
        .into_iter()
        .flat_map(|config| exporters(config).into_iter().filter_map(|e| config.get(&[&e.key("url")])));
    of_exporters.chain(values).find_map(|found| match found.value {
        Value::Secret(secret) => Some(Found::new(secret, found.evidence)),
        _ => None,
    })
}

/// The kind of storage as an engine.
pub(super) fn engine(kind: &str) -> Option<Engine> {
    match kind.to_ascii_lowercase().as_str() {
        "elasticsearch" => Some(Engine::Elasticsearch),
        "opensearch" => Some(Engine::OpenSearch),
        _ => None,
    }
}

type HalfLogin = (Login, Option<Found<String>>);

fn address(
    role: Role,
    engine: Option<Engine>,
    url: &Found<String>,
    login: HalfLogin,
    ca_file: Option<Found<String>>,
) -> Option<Address> {
    // Several hosts of one cluster may be given; any of them will do.
    let first = url.value.split(',').next()?.trim();
    let mut parsed = Url::parse(first).ok().filter(|u| u.host_str().is_some())?;
    let (mut login, mut half_login) = login;
    if let (user, Some(password)) = (parsed.username().to_owned(), parsed.password().map(str::to_owned)) {
        if login == Login::None {
            let evidence = format!("in the URL of {}", url.evidence);
            login = Login::Basic {
                username: Found::new(Source::Given(user), evidence.clone()),
                password: Found::new(Source::Given(Hidden::new(password)), evidence),
            };
            half_login = None;
        }
        parsed.set_username("").and_then(|()| parsed.set_password(None)).ok()?;
    }
    parsed.set_query(None);
    parsed.set_fragment(None);
    Some(Address { role, engine, url: parsed, evidence: url.evidence.clone(), login, half_login, ca_file })
}

fn login(config: &Config, username: &[&str], password: &[&str], api_key: &[&str], aws: &[&str]) -> HalfLogin {
    if let Some(signing) = config.is_on(aws) {
        return (Login::AwsSigning(signing.evidence), None);
    }
    if let Some(key) = config.get(api_key) {
        return (Login::ApiKey(hidden(key)), None);
    }
    match (config.get(username), config.get(password)) {
        (Some(username), Some(password)) => {
            let username = username.map(|value| match value {
                Value::Secret(secret) => Source::Secret(secret),
                Value::Text(text) => Source::Given(text),
                Value::Unknown => Source::Given(String::new()),
            });
            (Login::Basic { username, password: hidden(password) }, None)
        }
        (Some(_), None) => (Login::None, config.text(username)),
        _ => (Login::None, None),
    }
}

fn hidden(found: Found<Value>) -> Found<Source<Hidden>> {
    found.map(|value| match value {
        Value::Secret(secret) => Source::Secret(secret),
        Value::Text(text) => Source::Given(Hidden::new(text)),
        Value::Unknown => Source::Given(Hidden::new("")),
    })
}
