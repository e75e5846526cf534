//! Brokers one by one.

use camunda_backup::discover::release;
use camunda_backup::model::Component;

use crate::chart::Chart;
use crate::{find, notes, place, search};

#[test]
fn a_missing_broker_is_told() {
    let mut objects = Chart::of("8.7").run();
    objects.pods.retain(|p| p.metadata.name != "camunda-zeebe-1");
    let release = release(&objects, None, "prod").expect("found");
    assert!(release.components.contains_key(&Component::Broker(2)));
    assert!(!release.components.contains_key(&Component::Broker(1)));
    assert!(notes(&release).contains("broker pod camunda-zeebe-1 does not exist"), "{}", notes(&release));
}

#[test]
fn one_that_is_not_ready_or_on_its_way_out_is_told() {
    let mut objects = Chart::of("8.8").run();
    for pod in &mut objects.pods {
        match pod.metadata.name.as_str() {
            "camunda-zeebe-0" => pod.status.conditions.clear(),
            "camunda-zeebe-2" => pod.metadata.deletion_timestamp = Some("2026-01-01T00:00:00Z".into()),
            _ => {}
        }
    }
    let release = release(&objects, None, "prod").expect("found");
    for name in ["camunda-zeebe-0", "camunda-zeebe-2"] {
        assert!(notes(&release).contains(&format!("broker pod {name} is not ready")), "{}", notes(&release));
    }
    // The gateway is looked at where it is up.
    assert!(place(&release, Component::Gateway).evidence[1].contains("pod camunda-zeebe-1"));
}

#[test]
fn a_release_that_is_scaled_down_is_still_found() {
    let release = find(Chart::of("8.8").edit("StatefulSet", "zeebe", |o| o["spec"]["replicas"] = 0.into()));
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600");
    assert!(notes(&release).contains("no broker pod was found"), "{}", notes(&release));
    assert_eq!(release.partitions.map(|p| p.value), Some(3));
    assert_eq!(search(&find(Chart::of("8.8"))).url.value, "http://camunda-elasticsearch:9200");
}

#[test]
fn more_than_ten() {
    let release = find(Chart::of("8.8").edit("StatefulSet", "zeebe", |o| o["spec"]["replicas"] = 12.into()));
    assert_eq!(place(&release, Component::Broker(11)).pod.as_deref(), Some("camunda-zeebe-11"));
    assert_eq!(place(&release, Component::Broker(2)).pod.as_deref(), Some("camunda-zeebe-2"));
}

#[test]
fn other_regions_are_told() {
    let chart =
        Chart::of("8.7").replace("* 1 + 0", "* 2 + 1").replace("clusterSize: \"3\"", "clusterSize: \"6\"");
    let release = find(chart);
    assert_eq!(release.regions.as_ref().map(|r| r.value), Some(2));
    assert!(
        notes(&release).contains("3 of 6 brokers are in this cluster")
            && notes(&release).contains("(--broker-url)"),
        "{}",
        notes(&release)
    );
}

#[test]
fn two_sets_with_the_same_ordinals_are_numbered_by_position() {
    let mut objects = Chart::of("8.10").run();
    let zone: Vec<_> =
        objects.pods.iter().filter(|p| p.metadata.name.starts_with("camunda-zeebe-")).cloned().collect();
    for mut pod in zone {
        pod.metadata.name = pod.metadata.name.replace("zeebe", "zeebe-zone-b");
        objects.pods.push(pod);
    }
    let release = release(&objects, None, "prod").expect("found");
    let pods: Vec<_> =
        (0..6).map(|i| place(&release, Component::Broker(i)).pod.clone().unwrap_or_default()).collect();
    assert_eq!((pods[0].as_str(), pods[3].as_str()), ("camunda-zeebe-0", "camunda-zeebe-zone-b-0"));
}
