//! The search engine: bundled, external, of an operator, in another namespace.

use camunda_backup::discover::{Hidden, Login, Objects, SecretRef, Source, release};
use camunda_backup::model::Engine;

use crate::chart::Chart;
use crate::{find, notes, search};

pub fn secret(name: &str, key: &str) -> SecretRef {
    SecretRef { namespace: "prod".into(), name: name.into(), key: key.into() }
}

/// User and password.
pub fn basic(login: &Login) -> (Source<String>, Source<Hidden>) {
    match login {
        Login::Basic { username, password } => (username.value.clone(), password.value.clone()),
        other => panic!("{other:?}"),
    }
}

/// 8.7 with `global.elasticsearch.external`, as the chart renders it.
pub fn external_8_7() -> Chart {
    let url = "https://es.example.com:443";
    let password = |chart: Chart, workload, name| chart.secret_env(workload, name, "es-creds", "password");
    let chart = Chart::of("8.7")
        .without("Service", "elasticsearch")
        .without("StatefulSet", "elasticsearch-master")
        .replace("http://camunda-elasticsearch:9200", url)
        .replace("args: {url:", "args: {authentication: {username: \"camunda\"}, url:")
        .replace("type: elasticsearch, clusterName", "type: elasticsearch, username: camunda, clusterName");
    let chart = password(chart, "zeebe", "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_AUTHENTICATION_PASSWORD");
    let chart = password(chart, "zeebe", "CAMUNDA_DATABASE_PASSWORD");
    password(chart, "operate", "CAMUNDA_OPERATE_ZEEBE_ELASTICSEARCH_PASSWORD")
        .set_env("optimize", "OPTIMIZE_ELASTICSEARCH_HTTP_PORT", "443")
        .set_env("optimize", "OPTIMIZE_ELASTICSEARCH_HOST", "es.example.com")
        .env("optimize", "CAMUNDA_OPTIMIZE_ELASTICSEARCH_SSL_ENABLED", "true")
}

#[test]
fn external_with_a_user_and_tls() {
    let release = find(external_8_7());
    let search = search(&release);
    assert_eq!(search.url.value, "https://es.example.com");
    assert_eq!(
        (search.engine, search.place.is_none(), search.unseen_service.is_none()),
        (Some(Engine::Elasticsearch), true, true)
    );
    assert_eq!(
        basic(&search.login),
        (Source::Given("camunda".into()), Source::Secret(secret("es-creds", "password")))
    );
    assert_eq!(search.ca, None, "a certificate of a public authority");
    assert!(release.notes.is_empty(), "{}", notes(&release));
}

/// 8.8 with a cluster of Elastic's operator.
fn eck() -> Chart {
    Chart::of("8.8")
        .without("Service", "elasticsearch")
        .without("StatefulSet", "elasticsearch-master")
        .replace("http://camunda-elasticsearch:9200", "https://search-es-http:9200")
        .replace("camunda-elasticsearch", "search-es-http")
        .env("optimize", "CAMUNDA_OPTIMIZE_ELASTICSEARCH_SSL_ENABLED", "true")
        .with(
            "kind: Service
metadata:
  name: search-es-http
  labels: {common.k8s.elastic.co/type: elasticsearch, elasticsearch.k8s.elastic.co/cluster-name: search}
spec:
  selector: {common.k8s.elastic.co/type: elasticsearch, elasticsearch.k8s.elastic.co/cluster-name: search}
  ports: [{name: https, port: 9200, targetPort: 9200}]
---
kind: StatefulSet
metadata: {name: search-es-default}
spec:
  template:
    metadata: {labels: {common.k8s.elastic.co/type: elasticsearch, elasticsearch.k8s.elastic.co/cluster-name: search}}
    spec: {containers: [{name: elasticsearch, image: 'docker.elastic.co/elasticsearch/elasticsearch:8.18.0', ports: [{name: https, containerPort: 9200}]}]}
",
        )
}

#[test]
fn of_elastics_operator() {
    let release = find(eck());
    let search = search(&release);
    assert_eq!(search.url.value, "https://search-es-http:9200");
    let place = search.place.as_ref().expect("in the cluster");
    assert_eq!((place.url().as_str(), place.pod_port), ("https://search-es-http.prod.svc:9200", 9200));
    assert_eq!(search.ca.as_ref().map(|f| &f.value), Some(&secret("search-es-http-certs-public", "ca.crt")));
    // Nothing in the release logs in: the operator's own user is left.
    assert_eq!(
        basic(&search.login),
        (Source::Given("elastic".into()), Source::Secret(secret("search-es-elastic-user", "elastic")))
    );
    assert!(release.notes.is_empty(), "{}", notes(&release));

    // What the release uses wins over what the operator makes.
    let own = eck().replace("username: \"\"", "username: \"camunda\"").secret_env(
        "zeebe",
        "VALUES_ELASTICSEARCH_PASSWORD",
        "mine",
        "p",
    );
    let release = find(own);
    assert_eq!(
        basic(&self::search(&release).login),
        (Source::Given("camunda".into()), Source::Secret(secret("mine", "p")))
    );
}

#[test]
fn opensearch_of_8_7() {
    let exporter = "io.camunda.zeebe.exporter.ElasticsearchExporter";
    let chart = Chart::of("8.7")
        .without_env("zeebe", "EXPORTERS_ELASTICSEARCH")
        .without_env("optimize", "OPTIMIZE_ELASTICSEARCH")
        .replace(exporter, "io.camunda.zeebe.exporter.opensearch.OpensearchExporter")
        .replace("exporters:\n      elasticsearch:", "exporters:\n      opensearch:")
        .replace(
            "args: {url: \"http://camunda-elasticsearch:9200\", index: {prefix: \"zeebe-record\"}}",
            "args: {url: \"https://os.example.com:443\", authentication: {username: os}}",
        )
        .replace("type: elasticsearch", "type: opensearch")
        .replace("http://camunda-elasticsearch:9200", "https://os.example.com:443")
        .secret_env(
            "zeebe",
            "ZEEBE_BROKER_EXPORTERS_OPENSEARCH_ARGS_AUTHENTICATION_PASSWORD",
            "os-creds",
            "password",
        )
        .env("optimize", "CAMUNDA_OPTIMIZE_DATABASE", "opensearch")
        .env("optimize", "CAMUNDA_OPTIMIZE_OPENSEARCH_HOST", "os.example.com")
        .env("optimize", "CAMUNDA_OPTIMIZE_OPENSEARCH_HTTP_PORT", "443")
        .env("optimize", "CAMUNDA_OPTIMIZE_OPENSEARCH_SSL_ENABLED", "true");
    let release = find(chart);
    let search = search(&release);
    assert_eq!(
        (search.engine, search.url.value.as_str()),
        (Some(Engine::OpenSearch), "https://os.example.com")
    );
    assert_eq!(
        basic(&search.login),
        (Source::Given("os".into()), Source::Secret(secret("os-creds", "password")))
    );
    // The chart writes no prefix for this exporter, which then has its own default.
    assert_eq!(release.records_prefix.value, "zeebe-record");
    assert_eq!(release.secondary_storage.as_ref().map(|f| f.value.as_str()), Some("opensearch"));
    assert!(release.notes.is_empty(), "{}", notes(&release));
}

#[test]
fn opensearch_of_8_9_signed_for_aws() {
    let chart = Chart::of("8.9")
        .replace("type: \"elasticsearch\"", "type: \"opensearch\"")
        .replace(
            "type: \"opensearch\"\n      elasticsearch:",
            "type: \"opensearch\"\n      opensearch:\n        aws-enabled: true",
        )
        .replace("exporters:\n      elasticsearch:", "exporters:\n      opensearch:")
        .replace(
            "io.camunda.zeebe.exporter.ElasticsearchExporter",
            "io.camunda.zeebe.exporter.opensearch.OpensearchExporter",
        )
        .replace(
            "args: {url: \"http://camunda-elasticsearch:9200\",",
            "args: {aws: {enabled: true}, url: \"https://x.es.amazonaws.com\",",
        )
        .without("Deployment", "optimize")
        .without("Service", "optimize");
    let release = find(chart);
    let search = search(&release);
    assert_eq!(search.engine, Some(Engine::OpenSearch));
    assert!(matches!(search.login, Login::AwsSigning(_)), "{:?}", search.login);
    assert!(notes(&release).contains("signed for AWS"), "{}", notes(&release));
}

#[test]
fn the_records_are_where_their_exporter_writes() {
    // 8.9: Optimize, and with it the records, may be in another cluster than the rest.
    let chart = Chart::of("8.9")
        .replace("args: {url: \"http://camunda-elasticsearch:9200\", index: {prefix: \"zeebe-record\"}}", "args: {url: \"http://analytics:9200\", authentication: {username: o, password: \"${VALUES_OPTIMIZE_DATABASE_ELASTICSEARCH_PASSWORD:}\"}, index: {prefix: \"reports\"}}")
        .set_env("optimize", "OPTIMIZE_ELASTICSEARCH_HOST", "analytics")
        .replace("name: zeebe-record", "name: reports")
        .set_env("optimize", "CAMUNDA_OPTIMIZE_BACKUP_REPOSITORY_NAME", "analytics-backup")
        .secret_env("zeebe", "VALUES_OPTIMIZE_DATABASE_ELASTICSEARCH_PASSWORD", "optimize-es", "p");
    let release = find(chart);
    assert_eq!(search(&release).url.value, "http://analytics:9200");
    assert_eq!(basic(&search(&release).login).1, Source::Secret(secret("optimize-es", "p")));
    assert_eq!(release.records_prefix.value, "reports");
    let repository = |part| release.repositories.get(&part).map(|f| f.value.as_str());
    assert_eq!(repository(camunda_backup::model::Part::Records), Some("analytics-backup"));
    assert_eq!(repository(camunda_backup::model::Part::History), Some("camunda-backup"));
    assert!(notes(&release).contains("two search engines"), "{}", notes(&release));
    assert!(notes(&release).contains("Service analytics in namespace prod"), "{}", notes(&release));
}

#[test]
fn in_another_namespace() {
    let chart = || {
        Chart::of("8.7")
            .without("Service", "elasticsearch")
            .without("StatefulSet", "elasticsearch-master")
            .replace("http://camunda-elasticsearch:9200", "http://es.search.svc.cluster.local:9200")
            .set_env("optimize", "OPTIMIZE_ELASTICSEARCH_HOST", "es.search.svc.cluster.local")
    };
    let release_alone = find(chart());
    let engine = search(&release_alone);
    assert_eq!(engine.unseen_service, Some(("search".into(), "es".into())));
    assert!(
        notes(&release_alone).contains("Service es in namespace search")
            && notes(&release_alone).contains("(--search-url)")
    );

    let mut objects = Objects::default();
    chart()
        .with(
            "kind: Service
metadata: {name: es, namespace: search}
spec: {selector: {app: es}, ports: [{port: 9200, targetPort: api}]}
---
kind: StatefulSet
metadata: {name: es, namespace: search}
spec: {template: {metadata: {labels: {app: es}}, spec: {containers: [{name: es, image: 'es:8', ports: [{name: api, containerPort: 19200}]}]}}}
",
        )
        .run_into(&mut objects);
    let release = release(&objects, None, "prod").expect("found");
    let place = search(&release).place.as_ref().expect("seen");
    assert_eq!(
        (place.namespace.as_str(), place.url().as_str(), place.pod_port),
        ("search", "http://es.search.svc:9200", 19200)
    );
    assert!(release.notes.is_empty(), "{}", notes(&release));
}

#[test]
fn services_without_pods_of_their_own() {
    let with = |spec: &str| {
        Chart::of("8.7")
            .without("Service", "elasticsearch")
            .with(&format!("kind: Service\nmetadata: {{name: camunda-elasticsearch}}\nspec: {spec}\n"))
    };
    for (spec, text) in [
        ("{type: ExternalName, externalName: es.example.com}", "only points to es.example.com"),
        ("{ports: [{port: 9200}]}", "has no selector"),
        ("{selector: {app: x}, ports: [{port: 80}]}", "has no port 9200"),
    ] {
        let release = find(with(spec));
        assert!(search(&release).place.is_none());
        assert!(notes(&release).contains(text), "{}", notes(&release));
    }
}

#[test]
fn none_at_all_asks_for_the_flag() {
    let release = find(
        Chart::of("8.8")
            .without("ConfigMap", "zeebe-configuration-unified")
            .without_env("optimize", "OPTIMIZE_ELASTICSEARCH")
            .without("ConfigMap", "optimize-configuration"),
    );
    assert!(release.search.is_none());
    let notes = notes(&release);
    assert!(
        notes.contains("(--search-url)")
            && notes.contains("ConfigMap camunda-zeebe-configuration-unified is mounted"),
        "{notes}"
    );
}

#[test]
fn an_address_in_a_secret_asks_for_the_flag() {
    let chart = Chart::of("8.8")
        .without("ConfigMap", "zeebe-configuration-unified")
        .without_env("optimize", "OPTIMIZE_ELASTICSEARCH")
        .without("ConfigMap", "optimize-configuration")
        .secret_env("zeebe", "CAMUNDA_DATA_SECONDARYSTORAGE_ELASTICSEARCH_URL", "es", "url");
    let release = find(chart);
    assert!(notes(&release).contains("address is in key url of Secret prod/es"), "{}", notes(&release));
}
