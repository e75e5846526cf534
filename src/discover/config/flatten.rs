//! Configuration files as lists of dotted keys: YAML of several documents, and properties.

use serde_json::Value;

/// One document of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// The profiles that it is for (`spring.config.activate.on-profile`), as written.
    pub profiles: Option<String>,
    /// Keys with dots, and their texts.
    pub entries: Vec<(String, String)>,
}

/// Reads a file by its extension. `None` for a file that is neither YAML nor properties, or that cannot be read: what
/// the parser has to say would repeat the file's content, which may hold a password.
pub(super) fn documents(name: &str, text: &str) -> Option<Vec<Document>> {
    match name.rsplit_once('.')?.1 {
        "yaml" | "yml" => yaml(text),
        "properties" => Some(vec![properties(text)]),
        _ => None,
    }
}

fn yaml(text: &str) -> Option<Vec<Document>> {
    // A key that is there twice stops Spring as well; it is not our business to be stricter than to take the last.
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        with_snippet: false,
    };
    let values: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).ok()?;
    let document = |value: &Value| {
        let mut document = Document::default();
        flatten("", value, &mut document.entries);
        document.profiles =
            document.entries.iter().find(|(key, _)| is_activation(key)).map(|(_, profiles)| profiles.clone());
        document
    };
    Some(values.iter().map(document).collect())
}

/// `spring.config.activate.on-profile`, and `spring.profiles` as it was called before.
fn is_activation(key: &str) -> bool {
    matches!(super::canonical(key).as_str(), "springconfigactivateonprofile" | "springprofiles")
}

fn flatten(prefix: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, into);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                flatten(&format!("{prefix}[{i}]"), item, into);
            }
        }
        Value::Null => {}
        Value::String(text) => into.push((prefix.to_owned(), text.clone())),
        Value::Bool(_) | Value::Number(_) => into.push((prefix.to_owned(), value.to_string())),
    }
}

/// `key=value`, `key: value` and comments; no continued lines and no escapes, which configuration of this kind does not
/// use.
fn properties(text: &str) -> Document {
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', '!']));
    let entry = |line: &str| {
        let (key, value) = line.split_once(['=', ':'])?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    Document { profiles: None, entries: lines.filter_map(entry).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_have_dots_of_their_own_and_lists_have_numbers() {
        let text = "camunda.database:\n  type: elasticsearch\nes:\n  connection:\n    nodes:\n      - host: es\n        httpPort: 9200\nempty:\n";
        let documents = documents("application.yaml", text).expect("readable");
        let entry = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(
            documents[0].entries,
            [
                entry("camunda.database.type", "elasticsearch"),
                entry("es.connection.nodes[0].host", "es"),
                entry("es.connection.nodes[0].httpPort", "9200"),
            ]
        );
    }

    #[test]
    fn several_documents_and_their_profiles() {
        let text = "a: 1\n---\nspring.config.activate.on-profile: operate\na: 2\n---\n# nothing\n";
        let documents = documents("application.yml", text).expect("readable");
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1].profiles.as_deref(), Some("operate"));
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        assert_eq!(documents("application.yaml", "password: [geheim"), None);
        assert_eq!(documents("log4j2.xml", "<a/>"), None);
        let properties = documents("x.properties", "# no\na.b = c\n").expect("readable");
        assert_eq!(properties[0].entries, [("a.b".to_owned(), "c".to_owned())]);
    }
}
