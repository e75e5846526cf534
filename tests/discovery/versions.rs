//! Versions from images, labels, the chart and the inventory.

use camunda_backup::discover::release;

use crate::chart::Chart;
use crate::{find, notes};

const DIGEST: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn pinned() -> Chart {
    // With a digest the chart writes its own appVersion into the label.
    ["zeebe", "operate", "tasklist", "optimize"].iter().fold(Chart::of("8.7"), |chart, image| {
        chart.replace(&format!("camunda/{image}:8.7.37"), &format!("registry:5000/camunda/{image}{DIGEST}"))
    })
}

fn version(chart: Chart) -> (Option<String>, String) {
    let found = find(chart).version;
    (found.as_ref().map(|f| f.value.to_string()), found.map(|f| f.evidence).unwrap_or_default())
}

#[test]
fn a_digest_leaves_the_label_the_inventory_and_the_chart() {
    let label = |chart: Chart, text: &'static str| {
        chart.each(move |o| {
            for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
                if let Some(label) = o.pointer_mut(&format!("{labels}/app.kubernetes.io~1version")) {
                    *label = text.into();
                }
            }
        })
    };
    let (found, evidence) = version(label(pinned(), "8.7.x"));
    assert_eq!(
        (found.as_deref(), evidence.as_str()),
        (Some("8.7.37"), "inventory in ConfigMap camunda-camunda-platform-release")
    );
    let without = || label(pinned(), "8.7.x").without("ConfigMap", "camunda-platform-release");
    let (found, evidence) = version(without());
    assert_eq!(found.as_deref(), Some("8.7"));
    assert!(
        evidence.starts_with("label app.kubernetes.io/version=8.7.x of pod camunda-zeebe-0"),
        "{evidence}"
    );
    let (found, evidence) =
        version(label(pinned(), "latest").without("ConfigMap", "camunda-platform-release"));
    assert_eq!(found.as_deref(), Some("8.7"));
    assert!(evidence.contains("helm.sh/chart=camunda-platform-12.7.3"), "{evidence}");
    let release = find(
        label(pinned(), "latest")
            .without("ConfigMap", "camunda-platform-release")
            .replace("camunda-platform-12.7.3", "other-1"),
    );
    assert_eq!(release.version, None);
    assert!(notes(&release).contains("(--camunda-version)"), "{}", notes(&release));
}

#[test]
fn a_tag_with_a_digest_and_a_registry_of_ones_own() {
    let chart = Chart::of("8.8").replace(
        "camunda/camunda:8.8.6",
        &format!("registry.example.com:5000/mirror/camunda/camunda:8.8.6-mycorp.2{DIGEST}"),
    );
    assert_eq!(version(chart).0.as_deref(), Some("8.8.6"));
}

#[test]
fn brokers_of_different_versions_are_told() {
    let mut objects = Chart::of("8.7").run();
    objects.pods.iter_mut().find(|p| p.metadata.name == "camunda-zeebe-2").expect("there").spec.containers
        [0]
    .image = "camunda/zeebe:8.7.36".into();
    let release = release(&objects, None, "prod").expect("found");
    assert!(
        notes(&release).contains("8.7.36 of pod camunda-zeebe-2 and image camunda/zeebe:8.7.37"),
        "{}",
        notes(&release)
    );
}
