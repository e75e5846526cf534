//! From the address of a search engine to the Service behind it, and to what its TLS needs.
//!
//! Sources: DNS names of Services; labels and Secrets that Elastic's operator (ECK) makes; how the charts mount
//! certificates.

use std::collections::BTreeMap;

use super::config::{Config, secret_at};
use super::index::Index;
use super::objects::{PortRef, Service};
use super::places::clean_path;
use super::release::{Found, Hidden, Note, Place, SecretRef, Source};
use super::rules::Role;
use super::search::{Address, Login, Search};

/// The label with the name of the cluster that ECK made a Service for.
const ECK_CLUSTER: &str = "elasticsearch.k8s.elastic.co/cluster-name";

/// What a host name is.
#[derive(Debug)]
enum Host<'a> {
    Service(&'a Service),
    /// A Service by its name (namespace, name), not among the objects.
    Unseen(String, String),
    Outside,
}

/// `es`, `es.ns`, `es.ns.svc`, `es.ns.svc.cluster.local`, and a pod's name before any of the long ones.
fn host<'a>(index: Index<'a>, host: &str, namespace: &str) -> Host<'a> {
    let labels: Vec<_> = host.trim_end_matches('.').split('.').collect();
    let (name, namespace, certain) = match labels.iter().position(|l| *l == "svc") {
        Some(svc) if svc >= 2 => (labels[svc - 2], labels[svc - 1], true),
        _ => match labels.as_slice() {
            [name] => (*name, namespace, true),
            // Could be a name of the outside world as well: only what is there counts.
            [name, namespace] => (*name, *namespace, false),
            _ => return Host::Outside,
        },
    };
    match index.service(namespace, name) {
        Some(service) => Host::Service(service),
        None if certain => Host::Unseen(namespace.to_owned(), name.to_owned()),
        None => Host::Outside,
    }
}

/// Makes a search engine of the first address, with what the other addresses of the same engine add.
pub(super) fn search(
    index: Index<'_>,
    namespace: &str,
    addresses: &[Address],
    configs: &BTreeMap<Role, Config>,
    notes: &mut Vec<Note>,
) -> Option<Search> {
    let first = addresses.first()?;
    let same: Vec<_> = addresses.iter().filter(|a| a.at() == first.at()).collect();
    let host = host(index, first.url.host_str().unwrap_or_default(), namespace);
    let (service, unseen_service) = match host {
        Host::Service(service) => (Some(service), None),
        Host::Unseen(namespace, name) => {
            let text = format!(
                "the search engine is Service {name} in namespace {namespace} ({}), which was not seen",
                first.evidence
            );
            notes.push(Note { text, flag: Some("--search-url") });
            (None, Some((namespace, name)))
        }
        Host::Outside => (None, None),
    };
    let https = first.url.scheme() == "https";
    let login = same.iter().find(|a| a.login != Login::None).map(|a| a.login.clone());
    let login = login.or_else(|| service.and_then(eck_login)).unwrap_or(Login::None);
    note_login(&login, &same, notes);
    Some(Search {
        engine: same.iter().find_map(|a| a.engine),
        url: Found::new(first.url.to_string().trim_end_matches('/').to_owned(), first.evidence.clone()),
        place: service.and_then(|s| place(index, s, first, notes)),
        unseen_service,
        login,
        ca: if https { ca(namespace, service, &same, configs, notes) } else { None },
    })
}

fn place(index: Index<'_>, service: &Service, address: &Address, notes: &mut Vec<Note>) -> Option<Place> {
    let metadata = &service.metadata;
    if let Some(external) = &service.spec.external_name {
        let text = format!(
            "the search engine's Service {} only points to {external}; outside the cluster that address has to be given",
            metadata.name
        );
        notes.push(Note { text, flag: Some("--search-url") });
        return None;
    }
    if service.spec.selector.is_empty() {
        let text = format!(
            "the search engine's Service {} has no selector: there are no pods to forward to",
            metadata.name
        );
        notes.push(Note { text, flag: Some("--search-url") });
        return None;
    }
    let number = address.url.port_or_known_default()?;
    let Some(port) = service.spec.ports.iter().find(|p| p.port == number) else {
        let text = format!(
            "the search engine's Service {} has no port {number} ({})",
            metadata.name, address.evidence
        );
        notes.push(Note { text, flag: Some("--search-url") });
        return None;
    };
    let behind = index.behind(&metadata.namespace, &service.spec.selector);
    let pod_port = behind.iter().find_map(|p| p.behind(port)).or(match &port.target_port {
        Some(PortRef::Number(number)) => Some(*number),
        // A name that no pod explains: the number is the same in every known chart.
        _ => Some(port.port),
    })?;
    if !behind.iter().any(super::index::Process::is_ready) {
        let text = format!("no pod of the search engine is ready behind Service {}", metadata.name);
        notes.push(Note { text, flag: None });
    }
    Some(Place {
        namespace: metadata.namespace.clone(),
        service: Some((metadata.name.clone(), number)),
        dns: format!("{}.{}.svc", metadata.name, metadata.namespace),
        selector: service.spec.selector.clone(),
        pod: None,
        pod_port,
        scheme: if address.url.scheme() == "https" { "https" } else { "http" },
        base_path: clean_path(address.url.path()),
        actuator: None,
        evidence: vec![format!("{} names Service {}", address.evidence, metadata.name)],
    })
}

fn eck_cluster(service: &Service) -> Option<&String> {
    service.metadata.labels.get(ECK_CLUSTER)
}

/// The user that ECK makes. Used where the release logs in nowhere that can be seen.
fn eck_login(service: &Service) -> Option<Login> {
    let cluster = eck_cluster(service)?;
    let evidence = format!(
        "Service {} is of Elastic's operator, whose clusters have the user elastic",
        service.metadata.name
    );
    let secret = SecretRef {
        namespace: service.metadata.namespace.clone(),
        name: format!("{cluster}-es-elastic-user"),
        key: "elastic".to_owned(),
    };
    Some(Login::Basic {
        username: Found::new(Source::Given("elastic".to_owned()), evidence.clone()),
        password: Found::new(Source::<Hidden>::Secret(secret), evidence),
    })
}

fn note_login(login: &Login, same: &[&Address], notes: &mut Vec<Note>) {
    if let Login::AwsSigning(evidence) = login {
        let text = format!(
            "requests to the search engine are signed for AWS ({evidence}), here with the credentials of whoever runs this tool: variables, profile, web identity, container, instance"
        );
        notes.push(Note { text, flag: Some("--search-aws-region") });
    }
    if let (Login::None, Some(half)) = (login, same.iter().find_map(|a| a.half_login.as_ref())) {
        let text = format!(
            "the user {} of the search engine is configured ({}), its password was not found",
            half.value, half.evidence
        );
        notes.push(Note { text, flag: Some("--search-password-file") });
    }
}

/// Certificates to trust: the ones of ECK, a bundle that the processes are pointed to, a file that is configured. A Java
/// trust store is none of them.
fn ca(
    namespace: &str,
    service: Option<&Service>,
    same: &[&Address],
    configs: &BTreeMap<Role, Config>,
    notes: &mut Vec<Note>,
) -> Option<Found<SecretRef>> {
    if let Some((service, cluster)) = service.and_then(|s| Some((s, eck_cluster(s)?))) {
        // `tls.crt` beside it is the server's own chain; `ca.crt` is there unless somebody gave a certificate of their own.
        let secret = SecretRef {
            namespace: service.metadata.namespace.clone(),
            name: format!("{cluster}-es-http-certs-public"),
            key: "ca.crt".to_owned(),
        };
        return Some(Found::new(
            secret,
            format!("label {ECK_CLUSTER}={cluster} of Service {}", service.metadata.name),
        ));
    }
    let mounted = |config: &Config, file: Found<String>| {
        let secret = secret_at(&config.secrets, &file.value, namespace)?;
        Some(Found::new(secret, format!("{} = {}", file.evidence, file.value)))
    };
    let configured = same.iter().find_map(|a| mounted(configs.get(&a.role)?, a.ca_file.clone()?));
    let bundle = || configs.values().find_map(|config| mounted(config, config.text(&["SSL_CERT_FILE"])?));
    let found = configured.or_else(bundle);
    if found.is_none() {
        let store = configs.values().find_map(|config| {
            let file = config.text(&["javax.net.ssl.trustStore"])?;
            let secret = secret_at(&config.secrets, &file.value, namespace);
            Some((file, secret))
        });
        let why = match store {
            Some((_, Some(secret))) => {
                format!("the release trusts it by a Java trust store ({secret}), which this tool cannot read")
            }
            Some((file, None)) => format!(
                "the release trusts it by a Java trust store ({}), which this tool cannot read",
                file.value
            ),
            None => return None,
        };
        let text = format!("the search engine speaks TLS, and {why}; give its certificate authority as PEM");
        notes.push(Note { text, flag: Some("--search-ca-file") });
    }
    found
}
