//! How to log in to the search engine, and whom to trust.

use camunda_backup::discover::{Login, Source, release};
use serde_json::json;

use crate::chart::Chart;
use crate::search_engine::{basic, external_8_7, secret};
use crate::{find, notes, search};

#[test]
fn a_java_trust_store_cannot_be_read() {
    let chart = external_8_7()
        .replace("-XX:+ExitOnOutOfMemoryError", "-XX:+ExitOnOutOfMemoryError -Djavax.net.ssl.trustStore=/usr/local/zeebe/certificates/externaldb.jks")
        .mount("zeebe", "/usr/local/zeebe/certificates/externaldb.jks", "externaldb.jks", &json!({ "secret": { "secretName": "es-tls" } }));
    let release = find(chart);
    assert_eq!(search(&release).ca, None);
    let notes = notes(&release);
    assert!(
        notes.contains("key externaldb.jks of Secret prod/es-tls") && notes.contains("(--search-ca-file)"),
        "{notes}"
    );
}

#[test]
fn a_bundle_that_the_processes_are_pointed_to_can() {
    // 8.10: `global.tls.caBundle` mounts any key of a Secret as ca.crt, and makes a trust store of it for Java.
    let bundle = json!({ "secret": { "secretName": "company-ca", "items": [{ "key": "root.pem", "path": "ca.crt" }] } });
    let chart = Chart::of("8.10")
        .replace("http://camunda-elasticsearch:9200", "https://es.example.com:9200")
        .replace(
            "-XX:+ExitOnOutOfMemoryError",
            "-Djavax.net.ssl.trustStore=/var/camunda/tls-truststore/cacerts",
        )
        .env("zeebe", "SSL_CERT_FILE", "/etc/camunda/tls/ca.crt")
        .mount("zeebe", "/etc/camunda/tls", "", &bundle);
    let release = find(chart);
    assert_eq!(search(&release).ca.as_ref().map(|f| &f.value), Some(&secret("company-ca", "root.pem")));
    assert!(!notes(&release).contains("trust store"), "{}", notes(&release));
}

#[test]
fn passwords_in_plain_are_used_and_never_shown() {
    let in_env = external_8_7().without_env("zeebe", "PASSWORD").without_env("operate", "PASSWORD").env(
        "zeebe",
        "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_AUTHENTICATION_PASSWORD",
        "geheim",
    );
    let in_url = Chart::of("8.8")
        .replace("http://camunda-elasticsearch:9200", "http://camunda:geheim@camunda-elasticsearch:9200");
    for chart in [in_env, in_url] {
        let objects = chart.run();
        let release = release(&objects, None, "prod").expect("found");
        let Source::Given(password) = basic(&search(&release).login).1 else { panic!("given") };
        assert_eq!(password.expose(), "geheim");
        let shown = [
            format!("{release:?}"),
            serde_json::to_string(&release).expect("JSON"),
            notes(&release),
            format!("{objects:?}"),
        ];
        assert!(shown.iter().all(|text| !text.contains("geheim")), "{shown:?}");
    }
}

#[test]
fn a_user_without_a_password_asks_for_it() {
    let release = find(external_8_7().without_env("zeebe", "PASSWORD").without_env("operate", "PASSWORD"));
    assert_eq!(search(&release).login, Login::None);
    assert!(notes(&release).contains("(--search-password-file)"), "{}", notes(&release));
}
