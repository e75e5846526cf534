//! Repositories, records, stores and kinds of storage.

use camunda_backup::model::Part;

use crate::chart::Chart;
use crate::{find, notes, search};

#[test]
fn operate_and_tasklist_may_use_different_repositories() {
    let release =
        find(Chart::of("8.6").set_env("operate", "CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME", "operate-backup"));
    let repository = |part| release.repositories.get(&part).map(|f| f.value.as_str());
    assert_eq!(repository(Part::Operate), Some("operate-backup"));
    assert_eq!(repository(Part::Tasklist), Some("camunda-backup"));
    assert_eq!(repository(Part::Records), Some("operate-backup"));
}

#[test]
fn keys_of_older_versions_are_still_read() {
    for key in [
        "CAMUNDA_DATA_BACKUP_REPOSITORYNAME",
        "CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME",
        "CAMUNDA_DATA_SECONDARY_STORAGE_ELASTICSEARCH_BACKUP_REPOSITORY_NAME",
    ] {
        let release = find(Chart::of("8.9").without_env("zeebe", "REPOSITORY").env("zeebe", key, "old"));
        assert_eq!(release.repositories.get(&Part::History).map(|f| f.value.as_str()), Some("old"), "{key}");
    }
    let release = find(
        Chart::of("8.8")
            .without_env("optimize", "REPOSITORY")
            .replace("es: {connection:", "es: {backup: {repositoryName: in-file}, connection:"),
    );
    assert_eq!(release.repositories.get(&Part::Optimize).map(|f| f.value.as_str()), Some("in-file"));
}

#[test]
fn none_is_told_with_what_to_set() {
    let release =
        find(Chart::of("8.8").without_env("zeebe", "REPOSITORY").without_env("optimize", "REPOSITORY"));
    assert!(release.repositories.is_empty());
    let notes = notes(&release);
    for text in
        ["CAMUNDA_DATA_BACKUP_REPOSITORYNAME", "CAMUNDA_OPTIMIZE_BACKUP_REPOSITORY_NAME", "(--repository)"]
    {
        assert!(notes.contains(text), "{text}: {notes}");
    }
}

#[test]
fn records_with_a_prefix_of_ones_own() {
    let prefixed = || Chart::of("8.7").replace("zeebe-record", "acme");
    assert_eq!(find(prefixed()).records_prefix.value, "acme");
    let release = find(prefixed().replace("name: acme", "name: zeebe-record"));
    assert_eq!(release.records_prefix.value, "acme");
    assert!(
        notes(&release).contains("Optimize reads records from zeebe-record*")
            && notes(&release).contains("(--records-prefix)"),
        "{}",
        notes(&release)
    );
}

#[test]
fn an_exporter_may_have_any_name() {
    let release = find(
        Chart::of("8.8")
            .replace("      elasticsearch:\n        className", "      myRecords:\n        className"),
    );
    assert_eq!(
        release.records_exporter.map(|f| f.evidence).as_deref(),
        Some(
            "zeebe.broker.exporters.myRecords.className in application.yaml of ConfigMap camunda-zeebe-configuration-unified"
        )
    );
    assert_eq!(release.records_prefix.value, "zeebe-record");
}

#[test]
fn without_optimize_there_is_no_exporter_of_records() {
    let release =
        find(Chart::of("8.8").without("Service", "optimize").without("Deployment", "optimize").replace(
            "io.camunda.zeebe.exporter.ElasticsearchExporter",
            "io.camunda.exporter.CamundaExporter",
        ));
    assert!(!release.has_optimize());
    assert_eq!(release.records_exporter, None);
    assert_eq!(release.records_prefix.value, "zeebe-record");
    assert_eq!(search(&release).url.value, "http://camunda-elasticsearch:9200");
    assert!(release.notes.is_empty(), "{}", notes(&release));
}

#[test]
fn relational_storage_beside_optimize() {
    // The chart still renders the block of the search engine, for Optimize's sake.
    let chart = Chart::of("8.9")
        .without_env("zeebe", "REPOSITORY")
        .replace("type: \"elasticsearch\"", "type: \"rdbms\"");
    let release = find(chart);
    assert_eq!(release.secondary_storage.as_ref().map(|f| f.value.as_str()), Some("rdbms"));
    assert!(!release.repositories.contains_key(&Part::History));
    assert_eq!(release.repositories.get(&Part::Records).map(|f| f.value.as_str()), Some("camunda-backup"));
    assert!(!notes(&release).contains("history"), "{}", notes(&release));
}

#[test]
fn clusters_that_make_their_own_ids_are_told() {
    for (key, value, told) in [
        ("CAMUNDA_DATA_PRIMARYSTORAGE_BACKUP_CONTINUOUS", "true", true),
        ("CAMUNDA_DATA_PRIMARYSTORAGE_BACKUP_SCHEDULE", "PT6H", true),
        ("CAMUNDA_DATA_PRIMARYSTORAGE_BACKUP_SCHEDULE", "none", false),
        ("CAMUNDA_DATA_PRIMARYSTORAGE_BACKUP_CONTINUOUS", "false", false),
    ] {
        let notes = notes(&find(Chart::of("8.9").env("zeebe", key, value)));
        assert_eq!(notes.contains("refuses an ID from outside"), told, "{key}={value}: {notes}");
    }
}

#[test]
fn web_applications_that_are_switched_off_are_told() {
    let release = find(Chart::of("8.7").without("Service", "tasklist").without("Deployment", "tasklist"));
    assert!(
        notes(&release).contains("Tasklist has no Service in this release")
            && notes(&release).contains("(--tasklist-url)"),
        "{}",
        notes(&release)
    );
}
