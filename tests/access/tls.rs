//! TLS: who is trusted, by which name, and who we are.

use super::gate::{Authority, server};
use super::{Asks, Gated};

fn tls(identity: &super::gate::Identity, clients: Option<&Authority>) -> Asks {
    Asks { tls: Some(server(identity, clients)), ..Asks::nothing() }
}

#[test]
fn a_private_authority_is_trusted_when_it_is_given() {
    let authority = Authority::new();
    let asks = tls(&authority.issue("localhost", false), None);
    let gated = Gated::new(&asks, &asks);
    let ca = gated.file("ca.pem", &authority.pem);
    gated
        .run(&["check"])
        .expect(12)
        .shows("signed by an authority that is not trusted")
        .shows("--search-ca-file");
    let (search, management) = (format!("--search-ca-file={ca}"), format!("--management-ca-file={ca}"));
    gated.run(&["create", &search, &management]).expect(0).shows("is complete");
    gated.lab.assert_exporting();

    let other = gated.file("other.pem", &Authority::new().pem);
    gated.run(&["check", &format!("--search-ca-file={other}"), &management]).expect(12).shows("not trusted");
}

#[test]
fn the_certificate_s_name_counts_or_the_one_that_is_given() {
    let authority = Authority::new();
    let asks = tls(&authority.issue("elasticsearch.logging.svc", false), None);
    let gated = Gated::new(&asks, &Asks::nothing());
    let ca = format!("--search-ca-file={}", gated.file("ca.pem", &authority.pem));
    gated.run(&["check", &ca]).expect(12).shows("for another name").shows("--search-tls-server-name");
    let name = "--search-tls-server-name=elasticsearch.logging.svc";
    gated.run(&["check", &ca, name]).expect(0);
    gated.run(&["check", &ca, "--search-tls-server-name=else.where"]).expect(12).shows("for another name");
    // A name does not make anybody trusted.
    gated.run(&["check", name]).expect(12).shows("not trusted");
}

#[test]
fn expired_and_self_made_certificates_are_explained() {
    let authority = Authority::new();
    let gated = Gated::new(&tls(&authority.issue("localhost", true), None), &Asks::nothing());
    let ca = format!("--search-ca-file={}", gated.file("ca.pem", &authority.pem));
    gated.run(&["check", &ca]).expect(12).shows("has expired");

    let gated = Gated::new(&tls(&authority.itself(), None), &Asks::nothing());
    let ca = format!("--search-ca-file={}", gated.file("ca.pem", &authority.pem));
    gated.run(&["check", &ca]).expect(12).shows("CA:TRUE").shows("--search-insecure-skip-tls-verify");
    let blind = gated.run(&["check", "--search-insecure-skip-tls-verify"]).expect(0);
    assert!(blind.err.contains("warning") && blind.err.contains("is not checked"), "{}", blind.err);
}

#[test]
fn a_client_certificate_opens_the_door() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let asks = tls(&authority.issue("localhost", false), Some(&clients));
    let gated = Gated::new(&asks, &asks);
    let ca = gated.file("ca.pem", &authority.pem);
    let us = clients.issue("camunda-backup", false);
    let (cert, key) = (gated.file("us.pem", &us.certificate), gated.file("us.key", &us.key));
    let flags = |group: &str, cert: &str, key: &str| {
        [
            format!("--{group}-ca-file={ca}"),
            format!("--{group}-client-cert-file={cert}"),
            format!("--{group}-client-key-file={key}"),
        ]
    };
    let (search, management) = (flags("search", &cert, &key), flags("management", &cert, &key));
    let all: Vec<&str> =
        ["create"].into_iter().chain(search.iter().chain(&management).map(String::as_str)).collect();
    gated.run(&all).expect(0).shows("is complete");
    gated.lab.assert_exporting();

    let without = ["check", &search[0], &management[0]];
    gated.run(&without).expect(12).shows("wants a client certificate").shows("--management-client-cert-file");

    let stranger = Authority::new().issue("somebody", false);
    let (cert, key) = (gated.file("them.pem", &stranger.certificate), gated.file("them.key", &stranger.key));
    let them = flags("search", &cert, &key);
    let all: Vec<&str> =
        ["check"].into_iter().chain(them.iter().chain(&management).map(String::as_str)).collect();
    gated.run(&all).expect(12).shows("refuses the connection");
}
