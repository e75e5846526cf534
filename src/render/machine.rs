//! JSON and YAML: one envelope, one convention for keys.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::document::Document;
use super::text::{Escaping, is_unseen};
use crate::catalogue::Set;
use crate::run::Exporting;

/// The version of the machine output: it changes when a field changes its meaning or goes away.
pub const SCHEMA: &str = "camunda-backup/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, T> {
    schema_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    value: &'a T,
}

fn envelope<'a, T>(kind: &'static str, value: &'a T) -> Envelope<'a, T> {
    Envelope { schema_version: SCHEMA, kind, value }
}

#[derive(Serialize)]
struct SetList<'a> {
    items: &'a [Set],
}

/// As JSON.
pub(super) fn json(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match document {
        // The only one that may be long: never a tree in memory.
        Document::Sets(items) => {
            serde_json::to_writer_pretty(Escaping(out), &envelope("SetList", &SetList { items }))?;
        }
        _ => serde_json::to_writer_pretty(Escaping(out), &tree(document)?)?,
    }
    writeln!(out)
}

/// As YAML.
pub(super) fn yaml(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let text = match document {
        Document::Sets(items) => serde_saphyr::to_string(&envelope("SetList", &SetList { items })),
        _ => serde_saphyr::to_string(&tree(document)?),
    };
    // A plain scalar has no escapes.
    let text = text.map_err(io::Error::other)?.replace(is_unseen, "\u{fffd}");
    out.write_all(text.as_bytes())
}

fn tree(document: &Document<'_>) -> io::Result<Value> {
    let value = match document {
        Document::Plan(procedure) => serde_json::to_value(envelope("Plan", procedure)),
        Document::Findings { findings, rights } => {
            let mut value =
                serde_json::to_value(envelope("Findings", &serde_json::json!({ "items": findings })))?;
            if !rights.is_empty() {
                value["missingRights"] = serde_json::to_value(rights)?;
            }
            Ok(value)
        }
        Document::Rights(view) => serde_json::to_value(envelope("Rights", view)),
        Document::Followed(view) => serde_json::to_value(envelope("Job", view)),
        Document::Report { report, repair } => {
            let mut value = serde_json::to_value(envelope("Report", report))?;
            value["leftovers"] = serde_json::to_value(report.leftovers())?;
            if matches!(report.exporting, Exporting::MaybePaused { .. }) {
                value["exporting"]["repair"] = Value::from(*repair);
            }
            Ok(value)
        }
        Document::Resumed(all) => {
            serde_json::to_value(envelope("Resumed", &serde_json::json!({ "items": all })))
        }
        Document::Sets(items) => serde_json::to_value(envelope("SetList", &SetList { items })),
        Document::Detail(view) => serde_json::to_value(envelope("Set", view)),
        Document::Verification(view) => serde_json::to_value(envelope("Verification", view)),
        Document::Deletion(view) => serde_json::to_value(envelope("Deletion", view)),
        Document::Prune(view) => serde_json::to_value(envelope("Prune", view)),
        Document::Status(view) => serde_json::to_value(envelope("Status", view)),
        Document::Version(view) => serde_json::to_value(envelope("Version", view)),
    }?;
    Ok(camel_case(value))
}

/// Keys as Kubernetes writes them, whatever the fields of our values are called. Bodies of requests stay as they are
/// sent.
pub(super) fn camel_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let rename = |(key, value): (String, Value)| match key.as_str() {
                "body" => (key, value),
                _ => (camel(&key), camel_case(value)),
            };
            Value::Object(fields.into_iter().map(rename).collect::<Map<_, _>>())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(camel_case).collect()),
        other => other,
    }
}

fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use crate::render::{Format, VersionView};

    fn parsed(document: &Document<'_>) -> Value {
        serde_json::from_str(&samples::written(document, Format::Json)).expect("JSON")
    }

    fn keys_with_underscores(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    found.extend(key.contains('_').then(|| key.clone()));
                    if key != "body" {
                        keys_with_underscores(value, found);
                    }
                }
            }
            Value::Array(all) => all.iter().for_each(|v| keys_with_underscores(v, found)),
            _ => {}
        }
    }

    #[test]
    fn every_kind_has_the_envelope_and_one_convention() {
        let (plan, sets) = (samples::plan(), samples::sets());
        let (findings, rights) = samples::rights();
        let followed = samples::followed();
        let (report, status) = (samples::maybe_paused(), samples::status());
        let (detail, verification) = (samples::detail(), samples::verification());
        let (deletion, prune) = (samples::deletion(), samples::prune());
        let version =
            VersionView { version: "0.1.0".to_owned(), commit: None, supports: vec!["8.6".to_owned()] };
        for (document, kind) in [
            (Document::Plan(&plan), "Plan"),
            (Document::Findings { findings: &findings, rights: &rights }, "Findings"),
            (Document::Rights(&rights[0]), "Rights"),
            (Document::Followed(&followed), "Job"),
            (Document::Report { report: &report, repair: "fix" }, "Report"),
            (Document::Sets(&sets), "SetList"),
            (Document::Detail(&detail), "Set"),
            (Document::Verification(&verification), "Verification"),
            (Document::Deletion(&deletion), "Deletion"),
            (Document::Prune(&prune), "Prune"),
            (Document::Status(&status), "Status"),
            (Document::Version(&version), "Version"),
        ] {
            let json = parsed(&document);
            assert_eq!((&json["schemaVersion"], &json["kind"]), (&SCHEMA.into(), &kind.into()));
            let mut found = Vec::new();
            keys_with_underscores(&json, &mut found);
            assert_eq!(found, Vec::<String>::new(), "{kind}");
            let yaml = samples::written(&document, Format::Yaml);
            let back: Value = serde_saphyr::from_str(&yaml).expect("YAML");
            assert_eq!(back, json, "{yaml}");
        }
    }

    #[test]
    fn a_body_is_printed_as_it_is_sent() {
        let plan = samples::plan();
        let json = parsed(&Document::Plan(&plan));
        let steps = json["steps"].as_array().expect("steps");
        let records = steps.iter().find(|s| s["name"] == "start-records").expect("a step");
        assert_eq!(records["request"]["body"]["feature_states"], serde_json::json!(["none"]));
        assert_eq!(records["deadlineSeconds"], 60);
    }

    #[test]
    fn a_report_says_what_is_left_and_how_to_repair() {
        let report = samples::maybe_paused();
        let json = parsed(&Document::Report { report: &report, repair: "camunda-backup resume" });
        assert_eq!(json["outcome"], "failed");
        assert_eq!(json["cause"]["reason"], "snapshot-failed");
        assert_eq!(json["exporting"]["state"], "maybe-paused");
        assert_eq!(json["exporting"]["repair"], "camunda-backup resume");
        assert_eq!(json["leftovers"], serde_json::json!(["operate", "records"]));
        let report = samples::complete();
        let json = parsed(&Document::Report { report: &report, repair: "camunda-backup resume" });
        assert_eq!(json["exporting"]["repair"], Value::Null);
        assert_eq!(json["exporting"]["pausedSeconds"], 12.345);
    }

    #[test]
    fn a_list_in_yaml() {
        let sets = samples::sets();
        insta::assert_snapshot!(samples::written(&Document::Sets(&sets[..2]), Format::Yaml));
    }
}
