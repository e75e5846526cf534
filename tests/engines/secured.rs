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
        let rights = security.rights;
        let users = [
            ("backup", rights.backup()),
            ("deleting", rights.deleting()),
            ("trying", rights.trying()),
            ("reader", rights.only(security.reader)),
        ];
        for (user, role) in users {
            let path = format!("{}/{user}", security.roles);
            engine.wait_for(&Request::put(Component::Search, path).with(role));
            let body = security.user.replace("PASSWORD", PASSWORD).replace("ROLE", user);
            let body: Value = serde_json::from_str(&body).expect("JSON");
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
pub fn command(rig: &Rig, arguments: &[&str], leave_out: &str) -> Command {
    let home = rig.lab.home.path().display();
    let flags = [
        format!("--search-ca-file={home}/ca.pem"),
        format!("--search-tls-server-name={NAME}"),
        format!("--search-client-cert-file={home}/us.pem"),
        format!("--search-client-key-file={home}/us.key"),
    ];
    let mut command = rig.command(arguments);
    command.args(flags.iter().filter(|f| leave_out.is_empty() || !f.contains(leave_out)));
    command
}

fn as_user(mut command: Command, user: &str, password: &str) -> Command {
    command.env("CAMUNDA_BACKUP_SEARCH_USERNAME", user).env("CAMUNDA_BACKUP_SEARCH_PASSWORD", password);
    command
}

fn try_as(rig: &Rig, arguments: &[&str], user: &str, password: &str) -> Ended {
    run(as_user(command(rig, arguments, ""), user, password))
}

/// Backups that this user takes: their IDs.
fn taken(rig: &Rig, number: usize, user: &str) -> Vec<String> {
    let take = || {
        let report = try_as(rig, &["create", "-o", "json"], user, PASSWORD).expect(0).json();
        assert_eq!(report["outcome"], "complete", "{report}");
        report["backupId"].to_string()
    };
    std::iter::repeat_with(take).take(number).collect()
}

/// What there is of all backups, in the engine and in the others.
fn everything(rig: &Rig) -> (Value, Vec<u64>) {
    let path = format!("/_snapshot/{}/_all?verbose=false", rig.repository);
    let backups = rig.lab.sim.backups();
    let parts = backups.iter().flat_map(|(id, parts)| std::iter::repeat_n(*id, parts.len()));
    (rig.engine.get(&path)["snapshots"].clone(), parts.collect())
}

#[test]
#[ignore = "make test-engines"]
fn a_user_with_the_documented_rights_takes_backups_and_looks_at_them() {
    let rig = secured().rig("rights");
    let by = |arguments: &[&str]| try_as(&rig, arguments, "backup", PASSWORD).expect(0);
    let ended = by(&["create"]).shows("is complete");
    assert!(!format!("{}{}", ended.out, ended.err).contains(PASSWORD), "{ended:?}");
    // Who may not have the storage tried first is told so.
    assert!(ended.err.contains("repository-not-verified"), "{}", ended.err);
    rig.assert_unharmed();
    let id = by(&["list", "-o", "json"]).json()["items"][0]["id"].to_string();
    by(&["list"]).shows("complete");
    by(&["describe", &id, "-o", "json"]).shows("zeebe-record_kind_8.6.0_2026-11-24");
    by(&["verify", &id]);
    by(&["status"]);
    by(&["check"]).shows("repository-not-verified");
    for user in ["trying", PRODUCT.security.admin] {
        let checked = try_as(&rig, &["check"], user, PASSWORD).expect(0);
        assert!(!checked.out.contains("repository-not-verified"), "{user}: {checked:?}");
    }
}

#[test]
#[ignore = "make test-engines"]
fn a_user_without_the_right_to_delete_is_told_so_and_every_backup_stays_whole() {
    let rig = secured().rig("kept");
    let ids = taken(&rig, 2, "backup");
    let before = everything(&rig);
    assert!(before.0.as_array().is_some_and(|s| s.len() == 2) && before.1.len() == 6, "{before:?}");
    for arguments in [&["delete", &ids[0], "--yes"][..], &["prune", "--keep-last", "1"]] {
        let refused = try_as(&rig, arguments, "backup", PASSWORD).expect(50);
        let refused = refused.says("deletion-not-allowed").shows("deletion-not-allowed");
        let right = "its user needs cluster:admin/snapshot/delete";
        assert!(refused.says(right).shows(right).out.contains(&ids[0]));
        assert_eq!(everything(&rig), before, "{arguments:?}");
    }
    // As the chart does every night: the backup is good.
    let created = try_as(&rig, &["create", "--keep-last", "1"], "backup", PASSWORD).expect(50);
    created.shows("is complete").says("deletion-not-allowed");
    let listed = try_as(&rig, &["list", "-o", "json"], "backup", PASSWORD).expect(0).json();
    let states: Vec<_> = listed["items"].as_array().expect("items").iter().map(|i| &i["state"]).collect();
    assert_eq!(states, ["complete"; 3], "{listed}");
    try_as(&rig, &["verify", "--all"], "backup", PASSWORD).expect(0);
}

#[test]
#[ignore = "make test-engines"]
fn a_user_with_the_documented_right_to_delete_deletes() {
    let rig = secured().rig("deleting");
    let ids = taken(&rig, 3, "deleting");
    try_as(&rig, &["delete", &ids[0], "--yes"], "deleting", PASSWORD).expect(0);
    let number = |id: &String| id.parse().expect("a number");
    assert_eq!(rig.records(number(&ids[0])), None);
    try_as(&rig, &["prune", "--keep-last", "1"], "deleting", PASSWORD).expect(0);
    assert_eq!(rig.records(number(&ids[1])), None);
    let created = try_as(&rig, &["create", "--keep-last", "1"], "deleting", PASSWORD).expect(0);
    created.shows("1 backup kept, 1 deleted");
    let (snapshots, parts) = everything(&rig);
    assert!(snapshots.as_array().is_some_and(|s| s.len() == 1) && parts.len() == 3, "{snapshots} {parts:?}");
}

#[test]
#[ignore = "make test-engines"]
fn a_wrong_password_and_too_few_rights_are_refused_before_the_pause() {
    let rig = secured().rig("refused");
    let wrong = "surely-not-this-one";
    let ended = try_as(&rig, &["create"], "backup", wrong).expect(12).says("search-unauthorized");
    assert!(!ended.err.contains(wrong), "{}", ended.err);
    try_as(&rig, &["create"], "nobody", PASSWORD).expect(12).says("search-unauthorized");
    try_as(&rig, &["create"], "reader", PASSWORD).expect(12).says("search-unauthorized");
    run(command(&rig, &["create"], "")).expect(12).says("search-unauthorized");
    rig.lab.assert_never_paused();
}

#[test]
#[ignore = "make test-engines"]
fn its_certificate_its_name_and_ours_all_count() {
    let rig = secured().rig("tls");
    let without = |what: &str| {
        run(as_user(command(&rig, &["check"], what), PRODUCT.security.admin, PASSWORD)).expect(12)
    };
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
    try_as(&rig, &["create"], PRODUCT.security.admin, PASSWORD)
        .expect(12)
        .says("search-unreachable")
        .says("client certificate");
    rig.lab.assert_never_paused();
}
