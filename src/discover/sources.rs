//! The table of where a search engine is configured: which process, which keys, which engine.
//!
//! Sources: configuration reference of Camunda 8.5–8.10 and the rendered configuration of the charts. The first row that
//! yields an address wins. The exporter of the records comes before all of them (see `search.rs`): the records snapshot
//! has to be taken where the records are.

use super::rules::Role;
use crate::model::Engine;

/// One place in the configuration that may name a search engine.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Whose configuration.
    pub roles: &'static [Role],
    /// Which engine it is for; `None` when a type key says it.
    pub engine: Option<Engine>,
    /// Keys with the kind of storage. A row whose engine is not the one that is named there is not in use, although the
    /// charts may render it.
    pub kind: &'static [&'static str],
    /// URL.
    pub url: &'static [&'static str],
    /// Host, where there is no URL.
    pub host: &'static [&'static str],
    /// Port for it.
    pub port: &'static [&'static str],
    /// Whether to speak TLS with it.
    pub tls: &'static [&'static str],
    /// User.
    pub username: &'static [&'static str],
    /// Password.
    pub password: &'static [&'static str],
    /// API key.
    pub api_key: &'static [&'static str],
    /// Requests are signed for AWS.
    pub aws: &'static [&'static str],
    /// A file with a certificate authority, as PEM.
    pub ca_file: &'static [&'static str],
}

const NONE: Row = Row {
    roles: &[],
    engine: None,
    kind: &[],
    url: &[],
    host: &[],
    port: &[],
    tls: &[],
    username: &[],
    password: &[],
    api_key: &[],
    aws: &[],
    ca_file: &[],
};

/// Keys with the kind of secondary storage.
pub(super) const STORAGE_KIND: &[&str] = &["camunda.data.secondary-storage.type", "camunda.database.type"];

const BROKERS: &[Role] = &[Role::Broker, Role::Gateway];
const ELASTICSEARCH: Option<Engine> = Some(Engine::Elasticsearch);
const OPENSEARCH: Option<Engine> = Some(Engine::OpenSearch);

/// Rows of one engine under one prefix, spelled as Camunda spells them up to 8.7 (`camunda.operate.elasticsearch.url`) and
/// from 8.8 on (`camunda.data.secondary-storage.elasticsearch.url`).
macro_rules! row {
    ($roles:expr, $engine:expr, $kind:expr, $prefix:literal) => {
        Row {
            roles: $roles,
            engine: $engine,
            kind: $kind,
            url: &[concat!($prefix, ".url")],
            host: &[concat!($prefix, ".host")],
            port: &[concat!($prefix, ".port")],
            username: &[concat!($prefix, ".username")],
            password: &[concat!($prefix, ".password")],
            api_key: &[concat!($prefix, ".api-key")],
            aws: &[concat!($prefix, ".aws-enabled"), "camunda.database.aws-enabled"],
            ca_file: &[
                concat!($prefix, ".security.certificate-path"),
                concat!($prefix, ".ssl.certificate-path"),
            ],
            ..NONE
        }
    };
}

const OPERATE: &[Role] = &[Role::Operate];
const OPERATE_KIND: &[&str] = &["camunda.operate.database", "camunda.database.type"];
const TASKLIST: &[Role] = &[Role::Tasklist];
const TASKLIST_KIND: &[&str] = &["camunda.tasklist.database", "camunda.database.type"];
const OPTIMIZE: &[Role] = &[Role::Optimize];
const OPTIMIZE_KIND: &[&str] = &["camunda.optimize.database"];

/// The storage of an orchestration cluster.
pub(super) const STORAGE: [Row; 3] = [
    row!(BROKERS, ELASTICSEARCH, STORAGE_KIND, "camunda.data.secondary-storage.elasticsearch"),
    row!(BROKERS, OPENSEARCH, STORAGE_KIND, "camunda.data.secondary-storage.opensearch"),
    row!(BROKERS, None, STORAGE_KIND, "camunda.database"),
];

/// Operate and Tasklist as processes of their own: where they read the records, then where they write.
pub(super) const WEB_APPS: [Row; 8] = [
    row!(OPERATE, ELASTICSEARCH, OPERATE_KIND, "camunda.operate.zeebeElasticsearch"),
    row!(OPERATE, OPENSEARCH, OPERATE_KIND, "camunda.operate.zeebeOpensearch"),
    row!(OPERATE, ELASTICSEARCH, OPERATE_KIND, "camunda.operate.elasticsearch"),
    row!(OPERATE, OPENSEARCH, OPERATE_KIND, "camunda.operate.opensearch"),
    row!(TASKLIST, ELASTICSEARCH, TASKLIST_KIND, "camunda.tasklist.zeebeElasticsearch"),
    row!(TASKLIST, OPENSEARCH, TASKLIST_KIND, "camunda.tasklist.zeebeOpensearch"),
    row!(TASKLIST, ELASTICSEARCH, TASKLIST_KIND, "camunda.tasklist.elasticsearch"),
    row!(TASKLIST, OPENSEARCH, TASKLIST_KIND, "camunda.tasklist.opensearch"),
];

/// Optimize, whose defaults read variables of its own.
pub(super) const OPTIMIZE_ROWS: [Row; 2] = [
    Row {
        roles: OPTIMIZE,
        engine: OPENSEARCH,
        kind: OPTIMIZE_KIND,
        host: &["camunda.optimize.opensearch.host", "opensearch.connection.nodes[0].host"],
        port: &["camunda.optimize.opensearch.http.port", "opensearch.connection.nodes[0].httpPort"],
        tls: &["camunda.optimize.opensearch.ssl.enabled", "opensearch.security.ssl.enabled"],
        username: &["camunda.optimize.opensearch.security.username", "opensearch.security.username"],
        password: &["camunda.optimize.opensearch.security.password", "opensearch.security.password"],
        aws: &["camunda.optimize.opensearch.aws.enabled"],
        ca_file: &["camunda.optimize.opensearch.ssl.certificate", "opensearch.security.ssl.certificate"],
        ..NONE
    },
    Row {
        roles: OPTIMIZE,
        engine: ELASTICSEARCH,
        kind: OPTIMIZE_KIND,
        host: &["optimize.elasticsearch.host", "es.connection.nodes[0].host"],
        port: &["optimize.elasticsearch.http.port", "es.connection.nodes[0].httpPort"],
        tls: &["camunda.optimize.elasticsearch.ssl.enabled", "es.security.ssl.enabled"],
        username: &["camunda.optimize.elasticsearch.security.username", "es.security.username"],
        password: &["camunda.optimize.elasticsearch.security.password", "es.security.password"],
        ca_file: &["camunda.optimize.elasticsearch.ssl.certificate", "es.security.ssl.certificate"],
        ..NONE
    },
];

/// Where exporters are configured, and the classes of those that write records.
pub(super) const EXPORTERS: [&str; 2] = ["zeebe.broker.exporters", "camunda.data.exporters"];

/// Classes of the exporters that write the records' indices, by how they end.
pub(super) const RECORD_EXPORTERS: [(&str, Engine); 2] =
    [(".ElasticsearchExporter", Engine::Elasticsearch), (".OpensearchExporter", Engine::OpenSearch)];
