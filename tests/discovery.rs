//! Objects as the charts of 8.5–8.10 make them, in many settings → the release, with the evidence.

#[path = "discovery/brokers.rs"]
mod brokers;
#[path = "discovery/chart.rs"]
mod chart;
#[path = "discovery/config.rs"]
mod config;
#[path = "discovery/login_and_trust.rs"]
mod login_and_trust;
#[path = "discovery/names.rs"]
mod names;
#[path = "discovery/out_of_reach.rs"]
mod out_of_reach;
#[path = "discovery/ports_and_paths.rs"]
mod ports_and_paths;
#[path = "discovery/search_engine.rs"]
mod search_engine;
#[path = "discovery/storage.rs"]
mod storage;
#[path = "discovery/versions.rs"]
mod versions;

use camunda_backup::discover::{Place, Release, Search, release};
use camunda_backup::model::{Component, Engine, Part, Topology};
use chart::Chart;

fn find(chart: Chart) -> Release {
    release(&chart.run(), None, "prod").expect("one release")
}

fn place(release: &Release, component: Component) -> &Place {
    release.components.get(&component).unwrap_or_else(|| panic!("no {component}: {:#?}", release.notes))
}

/// The whole release, as a person reads it.
fn snapshot(name: &str, release: &Release) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("fixtures/discovery/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_json_snapshot!(name, release));
}

#[test]
fn charts_as_they_are() {
    for version in ["8.5", "8.6", "8.7", "8.8", "8.9", "8.10"] {
        let release = find(Chart::of(version));
        assert!(release.notes.is_empty(), "{version}: {:#?}", release.notes);
        snapshot(version, &release);
    }
}

#[test]
fn the_same_things_are_found_in_every_version() {
    for (version, split) in
        [("8.5", true), ("8.6", true), ("8.7", true), ("8.8", false), ("8.9", false), ("8.10", false)]
    {
        let release = find(Chart::of(version));
        let topology = if split { Topology::Separate } else { Topology::OrchestrationCluster };
        assert_eq!(release.topology.value, topology, "{version}");
        let found = release.version.as_ref().expect("a version").value.to_string();
        assert!(found.starts_with(&format!("{version}.")), "{version}: {found}");
        assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600");
        assert_eq!(place(&release, Component::Optimize).url(), "http://camunda-optimize.prod.svc:8092");
        assert_eq!(
            place(&release, Component::Broker(2)).url(),
            "http://camunda-zeebe-2.camunda-zeebe.prod.svc:9600"
        );
        assert_eq!(release.components.contains_key(&Component::Operate), split, "{version}");
        assert_eq!(release.components.len(), if split { 7 } else { 5 }, "{version}");
        let search = release.search.as_ref().expect("a search engine");
        assert_eq!(
            (search.engine, search.url.value.as_str()),
            (Some(Engine::Elasticsearch), "http://camunda-elasticsearch:9200")
        );
        assert_eq!(
            search.place.as_ref().map(|p| (p.dns.as_str(), p.pod_port)),
            Some(("camunda-elasticsearch.prod.svc", 9200))
        );
        let parts: Vec<_> = if split {
            vec![Part::Operate, Part::Tasklist, Part::Optimize, Part::Records]
        } else {
            vec![Part::History, Part::Optimize, Part::Records]
        };
        assert_eq!(release.repositories.keys().copied().collect::<Vec<_>>(), parts, "{version}");
        assert!(release.repositories.values().all(|r| r.value == "camunda-backup"), "{version}");
        assert_eq!(release.records_prefix.value, "zeebe-record");
        assert_eq!(release.backup_store.as_ref().map(|s| s.value.as_str()), Some("S3"), "{version}");
        assert_eq!(
            (release.partitions.map(|p| p.value), release.brokers.map(|b| b.value)),
            (Some(3), Some(3))
        );
    }
}

/// Which notes there are, in one text.
fn notes(release: &Release) -> String {
    release.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn search(release: &Release) -> &Search {
    release.search.as_ref().unwrap_or_else(|| panic!("no search engine: {:#?}", release.notes))
}
