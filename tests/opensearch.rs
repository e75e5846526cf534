//! A real OpenSearch in a container, under a simulated Camunda: `make test-engines`, which runs this for each version of
//! `OPENSEARCH_VERSIONS` (one 2.x and one 3.x). The tests are those of `tests/elasticsearch.rs`, and so is what cannot be
//! reproduced. Beyond that: OpenSearch has no API keys, and a password of its own users does not expire; what expires here is
//! a client certificate. Signed requests (managed OpenSearch) are checked against AWS's test suite (`src/client/aws`).

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "access/gate.rs"]
#[allow(dead_code, reason = "its authorities are what is needed here")]
mod gate;
#[path = "cli/lab.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this")]
mod lab;

mod engines;

use camunda_backup::model::Engine;
use engines::product::{PASSWORD, Product, Security};
use engines::roles;

const PRODUCT: Product = Product {
    engine: Engine::OpenSearch,
    image: "opensearchproject/opensearch",
    version: "OPENSEARCH_VERSION",
    home: "/usr/share/opensearch",
    java: "OPENSEARCH_JAVA_OPTS",
    open: &[("DISABLE_SECURITY_PLUGIN", "true"), ("DISABLE_INSTALL_DEMO_CONFIG", "true")],
    name_taken: "invalid_snapshot_name_exception",
    status_of_partial: "PARTIAL",
    full_disk: "snapshot_missing_exception",
    security: Security {
        on: &[
            ("plugins.security.ssl.http.clientauth_mode", "REQUIRE"),
            ("OPENSEARCH_INITIAL_ADMIN_PASSWORD", PASSWORD),
        ],
        files: [
            "plugins.security.ssl.http.pemcert_filepath",
            "plugins.security.ssl.http.pemkey_filepath",
            "plugins.security.ssl.http.pemtrustedcas_filepath",
        ],
        admin: "admin",
        roles: "/_plugins/_security/api/roles",
        users: "/_plugins/_security/api/internalusers",
        rights: &roles::OPENSEARCH,
        reader: "read",
        user: r#"{"password":"PASSWORD","opendistro_security_roles":["ROLE"]}"#,
    },
};
