//! A real Elasticsearch in a container, under a simulated Camunda: `make test-engines`, which runs this for each version of
//! `ELASTICSEARCH_VERSIONS` (one 8.x and one 9.x). The binary is judged as its users see it, the engine by its own word.
//!
//! What a real one cannot be brought to, and the simulator stands for (`tests/faults.rs`, `tests/schedules.rs`):
//!
//! - an answer that is lost after its effect, or an effect that comes after the client has given up;
//! - a snapshot whose state is `FAILED` or `INCOMPATIBLE`: what fails here is `PARTIAL` or not there at all;
//! - a snapshot that is accepted and never seen, or that stands still for ever;
//! - repositories of types `s3`, `gcs`, `azure` and `url`: their plugins and their stores are not there;
//! - several nodes: each cluster here has one.
//!
//! An image that is built from packages (`testbed/engines`) is not the whole product. A plugin of ours
//! (`testbed/engines/image/MissingParts.java`) answers `GET /` there, by which the tool knows the engine, and brings the text
//! analysis that the security index is defined with. Not there are the engine's own check of a repository (`verify --deep`; 8.16
//! and later), so that what is tested is how that is said, and snapshot lifecycle policies, which are tested on no real engine.
//! `make test` prints for each image whether it was built here.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "access/gate.rs"]
#[allow(dead_code, reason = "its authorities are what is needed here")]
mod gate;
#[path = "cli/lab.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this")]
mod lab;

#[path = "engines/api_keys.rs"]
mod api_keys;
mod engines;

use camunda_backup::model::Engine;
use engines::product::{PASSWORD, Product, Security};
use engines::roles;

const PRODUCT: Product = Product {
    engine: Engine::Elasticsearch,
    image: "elasticsearch",
    version: "ELASTICSEARCH_VERSION",
    home: "/usr/share/elasticsearch",
    java: "ES_JAVA_OPTS",
    open: &[("xpack.security.enabled", "false")],
    name_taken: "snapshot_name_already_in_use_exception",
    status_of_partial: "SUCCESS",
    full_disk: "No space left on device",
    security: Security {
        on: &[
            ("xpack.security.enabled", "true"),
            ("xpack.security.authc.api_key.enabled", "true"),
            ("xpack.security.http.ssl.enabled", "true"),
            ("xpack.security.http.ssl.client_authentication", "required"),
            ("ELASTIC_PASSWORD", PASSWORD),
        ],
        files: [
            "xpack.security.http.ssl.certificate",
            "xpack.security.http.ssl.key",
            "xpack.security.http.ssl.certificate_authorities",
        ],
        admin: "elastic",
        roles: "/_security/role",
        users: "/_security/user",
        rights: &roles::ELASTICSEARCH,
        reader: "read",
        user: r#"{"password":"PASSWORD","roles":["ROLE"]}"#,
    },
};
