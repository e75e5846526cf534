//! What a release has and cannot be found, apart from what it does not have: only the latter may be left out unasked.

use camunda_backup::discover::Release;
use camunda_backup::model::Component;
use serde_json::{Value, json};

use crate::chart::Chart;
use crate::{find, notes};

fn out_of_reach(release: &Release) -> Vec<Component> {
    release.out_of_reach.keys().copied().collect()
}

/// Neither a probe nor a port says where the management is.
fn bare(container: &mut Value) {
    container.as_object_mut().expect("a container").remove("readinessProbe");
    container["ports"] = json!([{ "name": "http", "containerPort": 8080 }]);
}

#[test]
fn a_component_without_a_way_to_it_is_there_all_the_same() {
    let release = find(Chart::of("8.7").container("operate", bare));
    assert_eq!(out_of_reach(&release), [Component::Operate]);
    let why = &release.out_of_reach[&Component::Operate];
    assert!(why.contains("management port of Operate") && why.contains("(--operate-url)"), "{why}");

    let nothing_behind = Chart::of("8.7").without("Deployment", "tasklist");
    assert_eq!(out_of_reach(&find(nothing_behind)), [Component::Tasklist]);

    for name in ["operate", "optimize"] {
        let release = find(Chart::of("8.7").without("Service", name));
        let told = notes(&release);
        assert!(told.contains(&format!("runs here (Deployment camunda-{name})")), "{told}");
        assert_eq!(release.out_of_reach.len(), 1, "{told}");
    }
}

#[test]
fn a_component_that_the_release_does_not_have_is_not() {
    for name in ["operate", "tasklist", "optimize"] {
        let release = find(Chart::of("8.7").without("Service", name).without("Deployment", name));
        assert_eq!(out_of_reach(&release), [], "{name}: {}", notes(&release));
    }
    // What another release runs is not this one's.
    let mut objects = Chart::of("8.7").without("Service", "operate").without("Deployment", "operate").run();
    Chart::named("8.7", "other", "prod").run_into(&mut objects);
    let release = camunda_backup::discover::release(&objects, Some("camunda"), "prod").expect("found");
    assert_eq!(out_of_reach(&release), []);
}

#[test]
fn an_engine_whose_address_is_hidden_is_there_all_the_same() {
    let key = "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_URL";
    let hidden = |chart: Chart| {
        let chart = chart.without_env("zeebe", key).secret_env("zeebe", key, "engine", "url");
        chart
            .without_env("optimize", "OPTIMIZE_ELASTICSEARCH")
            .replace("http://camunda-elasticsearch:9200", "")
    };
    let release = find(
        hidden(Chart::of("8.6"))
            .replace("host: camunda-elasticsearch,", "")
            .replace("\"camunda-elasticsearch\"", "\"\""),
    );
    assert!(release.search.is_none());
    let why = &release.out_of_reach[&Component::Search];
    assert!(why.contains("key url of Secret prod/engine") && why.contains("(--search-url)"), "{why}");
}

#[test]
fn a_database_has_no_engine() {
    let chart = || Chart::of("8.9").without("Service", "optimize").without("Deployment", "optimize");
    let storage = |kind: &str| {
        let release = find(
            chart()
                .replace("type: \"elasticsearch\"", &format!("type: \"{kind}\""))
                .replace("http://camunda-elasticsearch:9200", ""),
        );
        assert!(release.search.is_none(), "{kind}: {:?}", release.search);
        out_of_reach(&release)
    };
    assert_eq!(storage("elasticsearch"), [Component::Search]);
    assert_eq!(storage("rdbms"), []);
}
