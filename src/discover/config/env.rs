//! The environment of a container, as far as it can be known without reading Secrets.

use super::placeholder::expand;
use super::{Entry, Value};
use crate::discover::index::{Index, Process};
use crate::discover::objects::{EnvSource, EnvVar};
use crate::discover::release::SecretRef;

/// What a container's environment is, and what of it could not be seen.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Later ones win over earlier ones of the same name, as in Kubernetes.
    pub variables: Vec<Entry>,
    /// What could not be seen, for people.
    pub unseen: Vec<String>,
}

impl Environment {
    pub fn of(process: &Process<'_>, index: Index<'_>) -> Self {
        let mut environment = Self::default();
        let container = process.container;
        for from in &container.env_from {
            let prefix = from.prefix.as_deref().unwrap_or_default();
            if let Some(reference) = &from.config_map_ref {
                let Some(object) = index.config_map(process.namespace, &reference.name) else {
                    environment.unseen.push(format!(
                        "ConfigMap {} gives variables to {}, and was not found",
                        reference.name, process.what
                    ));
                    continue;
                };
                for (key, text) in &object.data {
                    let name = format!("{prefix}{key}");
                    let evidence =
                        format!("env {name} of {}, from ConfigMap {}", process.what, reference.name);
                    environment.variables.push(Entry {
                        key: name,
                        value: Value::Text(text.clone()),
                        evidence,
                    });
                }
            }
            if let Some(reference) = &from.secret_ref {
                environment.unseen.push(format!(
                    "Secret {} gives variables to {}; which ones cannot be seen without reading it",
                    reference.name, process.what
                ));
            }
        }
        for variable in &container.env {
            let entry = environment.read(variable, process, index);
            environment.variables.push(entry);
        }
        environment
    }

    fn read(&mut self, variable: &EnvVar, process: &Process<'_>, index: Index<'_>) -> Entry {
        let mut evidence = format!("env {} of {}", variable.name, process.what);
        let value = match &variable.value_from {
            None => {
                let text = variable.value.as_deref().unwrap_or_default();
                Value::Text(expand(text, &|name| self.text(name)))
            }
            Some(EnvSource { secret_key_ref: Some(key), .. }) => Value::Secret(SecretRef {
                namespace: process.namespace.to_owned(),
                name: key.name.clone(),
                key: key.key.clone(),
            }),
            Some(EnvSource { config_map_key_ref: Some(key), .. }) => {
                evidence = format!("{evidence}, from ConfigMap {}", key.name);
                let text = index.config_map(process.namespace, &key.name).and_then(|c| c.data.get(&key.key));
                text.map_or(Value::Unknown, |t| Value::Text(t.clone()))
            }
            Some(EnvSource { field_ref: Some(field), .. }) => field_of_pod(&field.field_path, process),
            Some(_) => Value::Unknown,
        };
        Entry { key: variable.name.clone(), value, evidence }
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.variables.iter().rfind(|e| e.key == name).map(|e| &e.value) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The options that are given to the virtual machine as `-Dkey=value`: they win over variables.
    pub fn java_options(&self) -> Vec<Entry> {
        const NAMES: [&str; 3] = ["JAVA_TOOL_OPTIONS", "JAVA_OPTS", "JDK_JAVA_OPTIONS"];
        let variables = self.variables.iter().filter(|e| NAMES.contains(&e.key.as_str()));
        let options = variables.flat_map(|e| match &e.value {
            Value::Text(text) => {
                text.split_whitespace().map(|option| (option, &e.evidence)).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        });
        let option = |(option, evidence): (&str, &String)| {
            let (key, value) = option.strip_prefix("-D")?.split_once('=')?;
            let evidence = format!("-D{key} in {evidence}");
            Some(Entry {
                key: key.to_owned(),
                value: Value::Text(value.trim_matches('"').to_owned()),
                evidence,
            })
        };
        options.filter_map(option).collect()
    }
}

fn field_of_pod(path: &str, process: &Process<'_>) -> Value {
    // A template has no name and no address yet.
    let Some(pod) = process.pod else { return Value::Unknown };
    match path {
        "metadata.name" => Value::Text(pod.metadata.name.clone()),
        "metadata.namespace" => Value::Text(pod.metadata.namespace.clone()),
        "status.podIP" => pod.status.pod_ip.clone().map_or(Value::Unknown, Value::Text),
        "spec.nodeName" => pod.spec.node_name.clone().map_or(Value::Unknown, Value::Text),
        _ => Value::Unknown,
    }
}
