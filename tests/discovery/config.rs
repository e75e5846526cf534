//! Configuration from variables, whole objects, files, imports and options, in their precedence.

use camunda_backup::model::Part;
use serde_json::json;

use crate::chart::Chart;
use crate::{find, notes};

/// The repository of a part, with the evidence.
fn repository(chart: Chart, part: Part) -> (String, String) {
    let release = find(chart);
    release.repositories.get(&part).map(|f| (f.value.clone(), f.evidence.clone())).unwrap_or_default()
}

/// Without the fixture's own setting.
fn unset(version: &str) -> Chart {
    let workload = if version == "8.7" { "operate" } else { "zeebe" };
    Chart::of(version).without_env(workload, "REPOSITORY")
}

const MAP: &str = "kind: ConfigMap
metadata: {name: backup-env}
data: {CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME: from-map, BACKUP_REPOSITORYNAME: from-prefix}
";

#[test]
fn whole_objects_and_single_variables() {
    let from_map = |from| unset("8.7").with(MAP).push("operate", "envFrom", &from);
    let (value, evidence) =
        repository(from_map(json!({ "configMapRef": { "name": "backup-env" } })), Part::Operate);
    assert_eq!(value, "from-map");
    assert!(evidence.contains("from ConfigMap backup-env"), "{evidence}");
    let prefixed = json!({ "prefix": "CAMUNDA_OPERATE_", "configMapRef": { "name": "backup-env" } });
    assert_eq!(repository(from_map(prefixed), Part::Operate).0, "from-prefix");
    // A variable of its own wins, wherever it stands.
    let both = from_map(json!({ "configMapRef": { "name": "backup-env" } })).env(
        "operate",
        "CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME",
        "own",
    );
    assert_eq!(repository(both, Part::Operate).0, "own");
    let key = json!({ "name": "CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME", "valueFrom": { "configMapKeyRef": { "name": "backup-env", "key": "BACKUP_REPOSITORYNAME" } } });
    assert_eq!(
        repository(unset("8.7").with(MAP).push("operate", "env", &key), Part::Operate).0,
        "from-prefix"
    );
}

#[test]
fn what_is_in_secrets_and_missing_objects_is_told() {
    let chart = unset("8.7")
        .push("operate", "envFrom", &json!({ "secretRef": { "name": "hidden-env" } }))
        .push("operate", "envFrom", &json!({ "configMapRef": { "name": "gone" } }));
    let notes = notes(&find(chart));
    assert!(notes.contains("Secret hidden-env gives variables to pod camunda-operate"), "{notes}");
    assert!(notes.contains("ConfigMap gone gives variables to"), "{notes}");
    assert!(
        notes.contains("no snapshot repository is configured for the operate backup")
            && notes.contains("CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME"),
        "{notes}"
    );
}

#[test]
fn variables_win_over_files_and_options_over_variables() {
    let file = || {
        Chart::of("8.7")
            .replace("camunda.operate:", "camunda.operate:\n  backup: {repositoryName: from-file}")
    };
    assert_eq!(repository(file().without_env("operate", "REPOSITORY"), Part::Operate).0, "from-file");
    assert_eq!(repository(file(), Part::Operate).0, "camunda-backup");
    let (value, evidence) = repository(
        file().env("operate", "JAVA_OPTS", "-Xmx1g -Dcamunda.operate.backup.repository-name=option"),
        Part::Operate,
    );
    assert_eq!(value, "option");
    assert!(evidence.starts_with("-Dcamunda.operate.backup.repository-name in env JAVA_OPTS"), "{evidence}");
}

#[test]
fn placeholders_and_several_documents() {
    let text = "camunda.operate:\n  backup: {repositoryName: \"${BACKUP_REPOSITORY:fallback}\"}";
    let chart = || unset("8.7").replace("camunda.operate:", text);
    assert_eq!(repository(chart(), Part::Operate).0, "fallback");
    assert_eq!(repository(chart().env("operate", "BACKUP_REPOSITORY", "given"), Part::Operate).0, "given");
    let empty = unset("8.7")
        .replace("camunda.operate:", "camunda.operate:\n  backup: {repositoryName: \"${NOT_THERE}\"}");
    assert_eq!(repository(empty, Part::Operate).0, "");

    let document = "camunda.operate.backup.repositoryName: first\n---\ncamunda.operate.backup.repositoryName: second\n---\nspring.config.activate.on-profile: night\ncamunda.operate.backup.repositoryName: third\n---\ncamunda.operate:";
    let chart = || unset("8.7").replace("camunda.operate:", document);
    assert_eq!(repository(chart(), Part::Operate).0, "second");
    assert_eq!(
        repository(chart().env("operate", "SPRING_PROFILES_ACTIVE", "auth,night"), Part::Operate).0,
        "third"
    );
    // `zeebe.name` and `ZEEBE_NAME` are two names: no circle.
    let release = find(
        Chart::of("8.8")
            .replace(
                "prefix: \"zeebe-record\"",
                "prefix: \"${ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_INDEX_PREFIX:mine}\"",
            )
            .replace("name: zeebe-record", "name: mine"),
    );
    assert_eq!(release.records_prefix.value, "mine");
}

/// 8.9 with an extra file, as `orchestration.extraConfiguration` mounts it.
fn extra(import: &str) -> Chart {
    let text = "camunda.data.secondary-storage.elasticsearch.backup.repository-name: from-extra";
    let map = format!(
        "kind: ConfigMap\nmetadata: {{name: extra}}\ndata:\n  backup.yaml: |\n    {text}\n  application-night.yaml: |\n    {}\n",
        text.replace("extra", "night")
    );
    let chart = unset("8.9").with(&map).mount(
        "zeebe",
        "/usr/local/camunda/config/backup.yaml",
        "backup.yaml",
        &json!({ "configMap": { "name": "extra" } }),
    );
    if import.is_empty() {
        chart
    } else {
        chart.replace("spring:\n", &format!("spring:\n  config:\n    import:\n      - {import}\n"))
    }
}

#[test]
fn extra_files_count_when_they_are_imported() {
    let (value, evidence) =
        repository(extra("optional:file:/usr/local/camunda/config/backup.yaml"), Part::History);
    assert_eq!(value, "from-extra");
    assert!(evidence.ends_with("in backup.yaml of ConfigMap extra"), "{evidence}");
    // They win over the file that imports them; one that nothing imports is a guess, below everything else.
    let both = |import| {
        extra(import)
            .replace("username: \"\"", "username: \"\"\n        backup: {repository-name: from-file}")
    };
    assert_eq!(repository(both("file:/usr/local/camunda/config/"), Part::History).0, "from-extra");
    assert_eq!(repository(both(""), Part::History).0, "from-file");
    let (value, evidence) = repository(extra(""), Part::History);
    assert_eq!(value, "from-extra");
    assert!(evidence.ends_with("(nothing seems to import it)"), "{evidence}");
}

#[test]
fn files_of_active_profiles_and_whole_folders() {
    let night = extra("").mount(
        "zeebe",
        "/usr/local/camunda/config/extra",
        "",
        &json!({ "configMap": { "name": "extra" } }),
    );
    assert_eq!(repository(night.clone(), Part::History).0, "from-extra");
    assert_eq!(
        repository(night.env("zeebe", "SPRING_PROFILES_ACTIVE", "broker,night"), Part::History).0,
        "from-night"
    );
    let projected = json!({ "projected": { "sources": [{ "secret": { "name": "s" } }, { "configMap": { "name": "extra", "items": [{ "key": "backup.yaml", "path": "application.yaml" }] } }] } });
    let chart = unset("8.9").with("kind: ConfigMap\nmetadata: {name: extra}\ndata: {backup.yaml: 'camunda.data.backup.repositoryName: projected'}\n");
    assert_eq!(repository(chart.mount("zeebe", "/etc/extra", "", &projected), Part::History).0, "projected");
}

#[test]
fn a_file_that_cannot_be_read_is_told_without_its_text() {
    let release = find(Chart::of("8.7").replace("zeebe:\n  broker:", "geheim: [\nzeebe:\n  broker:"));
    let notes = notes(&release);
    assert!(
        notes.contains(
            "application.yaml of pod camunda-zeebe-0 (ConfigMap camunda-zeebe-configuration) is not readable"
        ) && !notes.contains("geheim"),
        "{notes}"
    );
    // What the variables say is still there.
    assert_eq!(crate::search(&release).url.value, "http://camunda-elasticsearch:9200");
}
