//! A real Elasticsearch 8 with security, TLS and client certificates, under a simulated Camunda: `make test-engines`.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

#[path = "cli/lab.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this")]
mod lab;

use std::process::Command;

use lab::{Ended, Lab, run};

fn given(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: start this with scripts/test-engines.sh"))
}

struct Secured {
    lab: Lab,
    certs: String,
}

impl Secured {
    fn new() -> Self {
        Self { lab: Lab::quick(), certs: given("SECURED_CERTS") }
    }

    /// With everything that the engine's TLS wants, except what is left out.
    fn command(&self, verb: &str, leave_out: &str) -> Command {
        let certs = &self.certs;
        let flags = [
            format!("--search-ca-file={certs}/ca.pem"),
            format!("--search-tls-server-name={}", given("SECURED_NAME")),
            format!("--search-client-cert-file={certs}/us.pem"),
            format!("--search-client-key-file={certs}/us.key"),
        ];
        let mut command = self.lab.command(&[verb]);
        command.args(flags.iter().filter(|f| leave_out.is_empty() || !f.contains(leave_out)));
        command.env("ELASTIC_ENDPOINT", given("SECURED_URL"));
        command
    }

    fn as_user(&self, verb: &str, user: &str, password: &str) -> Ended {
        let mut command = self.command(verb, "");
        command.env("CAMUNDA_BACKUP_SEARCH_USERNAME", user).env("CAMUNDA_BACKUP_SEARCH_PASSWORD", password);
        run(command)
    }

    fn with_key(&self, verb: &str, key: &str) -> Ended {
        let mut command = self.command(verb, "");
        command.env("CAMUNDA_BACKUP_SEARCH_API_KEY", key);
        run(command)
    }
}

#[test]
#[ignore = "make test-engines"]
fn a_user_with_the_documented_rights_takes_a_backup() {
    let secured = Secured::new();
    let ended =
        secured.as_user("create", "backup", &given("SECURED_PASSWORD")).expect(0).shows("is complete");
    // Without `manage` the storage is not tried first, which is said.
    assert!(ended.err.contains("repository-not-verified"), "{}", ended.err);
    secured.lab.assert_exporting();
    secured.as_user("check", "admin", &given("SECURED_PASSWORD")).expect(0);
}

#[test]
#[ignore = "make test-engines"]
fn an_api_key_does_and_an_expired_one_does_not() {
    let secured = Secured::new();
    secured.with_key("create", &given("SECURED_API_KEY")).expect(0).shows("is complete");
    let key = given("SECURED_EXPIRED_KEY");
    let ended = secured.with_key("create", &key).expect(12).says("search-unauthorized");
    assert!(!ended.err.contains(&key), "{}", ended.err);
    secured.lab.assert_exporting();
}

#[test]
#[ignore = "make test-engines"]
fn a_wrong_password_and_too_few_rights_are_refused_before_the_pause() {
    let secured = Secured::new();
    let wrong = "surely-not-this-one";
    let ended = secured.as_user("create", "backup", wrong).expect(12).says("search-unauthorized");
    assert!(!ended.err.contains(wrong), "{}", ended.err);
    secured.as_user("create", "reader", &given("SECURED_PASSWORD")).expect(12).says("search-unauthorized");
    run(secured.command("create", "")).expect(12).says("search-unauthorized");
    secured.lab.assert_never_paused();
}

#[test]
#[ignore = "make test-engines"]
fn its_certificate_its_name_and_ours_all_count() {
    let secured = Secured::new();
    let without = |what: &str| {
        let mut command = secured.command("check", what);
        command.env("CAMUNDA_BACKUP_SEARCH_USERNAME", "admin");
        command.env("CAMUNDA_BACKUP_SEARCH_PASSWORD", given("SECURED_PASSWORD"));
        run(command).expect(12)
    };
    without("ca-file").shows("not trusted").shows("--search-ca-file");
    without("tls-server-name").shows("for another name").shows("--search-tls-server-name");
    without("client-").shows("client certificate").shows("--search-client-cert-file");
}
