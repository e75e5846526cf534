//! Security and TLS: users, roles, API keys, a private authority, client certificates. In a container of its own.

use std::process::Command;
use std::sync::OnceLock;

use camunda_backup::client::{ClientIdentity, Credentials, Method, Request, Tls};
use camunda_backup::model::Component;
use serde_json::{Value, json};

use super::container::{self, Container, SNAPSHOTS};
use super::engine::{Engine, with_variables};
use super::product::PASSWORD;
use super::rig::{Rig, quick};
use crate::PRODUCT;
use crate::gate::{Authority, Identity};
use crate::lab::{Ended, run};

/// What its certificate is for: neither an address nor a name that leads there.
const NAME: &str = "search.test";

/// Everything that a client of it needs.
pub struct Secured {
    pub engine: Engine,
    authority: Authority,
    clients: Authority,
    us: Identity,
}

pub fn secured() -> &'static Secured {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    SECURED.get_or_init(Secured::start)
}

impl Secured {
    fn start() -> Self {
        use testcontainers::ImageExt as _;
        let (authority, clients) = (Authority::new(), Authority::new());
        let (server, us) = (authority.issue(NAME, false), clients.issue("us", false));
        let security = &PRODUCT.security;
        let files = [
            ("tls/http.pem", &server.certificate),
            ("tls/http.key", &server.key),
            ("tls/clients.pem", &clients.pem),
        ];
        let mut request = with_variables(container::request(&PRODUCT), security.on);
        for (setting, (file, text)) in security.files.iter().zip(files) {
            let path = format!("{}/config/{file}", PRODUCT.home);
            request = request.with_env_var(*setting, file).with_copy_to(path, text.clone().into_bytes());
        }
        let container = Container::start(request);
        let url = format!("https://{}", container.address());
        let engine = Engine::at(container, &url, |endpoint| {
            endpoint.credentials =
                Credentials::Basic { username: security.admin.to_owned(), password: PASSWORD.into() };
            endpoint.tls = Tls {
                ca_pem: Some(authority.pem.clone()),
                identity: Some(ClientIdentity {
                    certificate_pem: us.certificate.clone(),
                    key_pem: us.key.clone().into(),
                }),
                server_name: Some(NAME.to_owned()),
                insecure_skip_verify: false,
            };
        });
        // It answers before it knows its users.
        let role = |name: &str, body: &str| {
            let body: Value = serde_json::from_str(body).expect("JSON");
            Request::put(Component::Search, format!("{}/{name}", security.roles)).with(body)
        };
        engine.wait_for(&role("backup", security.backup_role));
        engine.ask(
            Method::Put,
            &role("reader", security.reader_role).path,
            role("", security.reader_role).body,
        );
        for user in ["backup", "reader"] {
            let body = security.user.replace("PASSWORD", PASSWORD).replace("ROLE", user);
            let body = serde_json::from_str(&body).expect("JSON");
            engine.ask(Method::Put, &format!("{}/{user}", security.users), Some(body));
        }
        let record = json!({ "a": 1 });
        engine.ask(Method::Put, "/zeebe-record_kind_8.6.0_2026-11-24/_doc/1?refresh=true", Some(record));
        Self { engine, authority, clients, us }
    }

    /// A test's release on it, with the files of its TLS.
    pub fn rig(&'static self, name: &str) -> Rig {
        let mut rig = Rig::on(&self.engine, name, quick());
        "zeebe-record".clone_into(&mut rig.prefix);
        self.engine.register(&rig.repository, &format!("{SNAPSHOTS}/{name}"), &json!({}));
        for (file, text) in
            [("ca.pem", &self.authority.pem), ("us.pem", &self.us.certificate), ("us.key", &self.us.key)]
        {
            std::fs::write(rig.lab.home.path().join(file), text).expect("writable");
        }
        rig
    }
}

/// With everything that its TLS wants, except what is left out.
pub fn command(rig: &Rig, verb: &str, leave_out: &str) -> Command {
    let home = rig.lab.home.path().display();
    let flags = [
        format!("--search-ca-file={home}/ca.pem"),
        format!("--search-tls-server-name={NAME}"),
        format!("--search-client-cert-file={home}/us.pem"),
        format!("--search-client-key-file={home}/us.key"),
    ];
    let mut command = rig.command(&[verb]);
    command.args(flags.iter().filter(|f| leave_out.is_empty() || !f.contains(leave_out)));
    command
}

fn as_user(mut command: Command, user: &str, password: &str) -> Command {
    command.env("CAMUNDA_BACKUP_SEARCH_USERNAME", user).env("CAMUNDA_BACKUP_SEARCH_PASSWORD", password);
    command
}

fn try_as(rig: &Rig, verb: &str, user: &str, password: &str) -> Ended {
    run(as_user(command(rig, verb, ""), user, password))
}

#[test]
#[ignore = "make test-engines"]
fn a_user_with_the_documented_rights_takes_a_backup() {
    let rig = secured().rig("rights");
    let ended = try_as(&rig, "create", "backup", PASSWORD).expect(0).shows("is complete");
    assert!(!format!("{}{}", ended.out, ended.err).contains(PASSWORD), "{ended:?}");
    // Who may not have the storage tried first is told so.
    let untried = ended.err.contains("repository-not-verified");
    assert_eq!(untried, !PRODUCT.security.backup_may_verify, "{}", ended.err);
    rig.assert_unharmed();
    try_as(&rig, "list", "backup", PASSWORD).expect(0).shows("complete");
    try_as(&rig, "check", PRODUCT.security.admin, PASSWORD).expect(0);
}

#[test]
#[ignore = "make test-engines"]
fn a_wrong_password_and_too_few_rights_are_refused_before_the_pause() {
    let rig = secured().rig("refused");
    let wrong = "surely-not-this-one";
    let ended = try_as(&rig, "create", "backup", wrong).expect(12).says("search-unauthorized");
    assert!(!ended.err.contains(wrong), "{}", ended.err);
    try_as(&rig, "create", "nobody", PASSWORD).expect(12).says("search-unauthorized");
    try_as(&rig, "create", "reader", PASSWORD).expect(12).says("search-unauthorized");
    run(command(&rig, "create", "")).expect(12).says("search-unauthorized");
    rig.lab.assert_never_paused();
}

#[test]
#[ignore = "make test-engines"]
fn its_certificate_its_name_and_ours_all_count() {
    let rig = secured().rig("tls");
    let without =
        |what: &str| run(as_user(command(&rig, "check", what), PRODUCT.security.admin, PASSWORD)).expect(12);
    without("ca-file").shows("not trusted").shows("--search-ca-file");
    without("tls-server-name").shows("for another name").shows("--search-tls-server-name");
    without("client-").shows("client certificate").shows("--search-client-cert-file");
    let mut plain = as_user(rig.command(&["check"]), PRODUCT.security.admin, PASSWORD);
    plain.env("ELASTIC_ENDPOINT", rig.engine.url.replace("https:", "http:"));
    run(plain).expect(12).shows("search-unreachable");
    rig.lab.assert_never_paused();
}

#[test]
#[ignore = "make test-engines"]
fn a_certificate_of_ours_that_has_expired_is_refused() {
    let secured = secured();
    let rig = secured.rig("expired");
    let expired = secured.clients.issue("us", true);
    std::fs::write(rig.lab.home.path().join("us.pem"), expired.certificate).expect("writable");
    std::fs::write(rig.lab.home.path().join("us.key"), expired.key).expect("writable");
    try_as(&rig, "create", PRODUCT.security.admin, PASSWORD)
        .expect(12)
        .says("search-unreachable")
        .says("client certificate");
    rig.lab.assert_never_paused();
}
