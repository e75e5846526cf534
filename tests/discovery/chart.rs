//! Releases to discover: a fixture of the chart's generation, patched into a setting, with pods made as the cluster would.

use camunda_backup::discover::Objects;
use serde_json::{Value, json};

/// File, Camunda version, chart version.
const GENERATIONS: [(&str, &str, &str); 6] = [
    (include_str!("../fixtures/discovery/8.5.yaml"), "8.5.12", "10.9.0"),
    (include_str!("../fixtures/discovery/8.6-8.7.yaml"), "8.6.23", "11.9.0"),
    (include_str!("../fixtures/discovery/8.6-8.7.yaml"), "8.7.37", "12.7.3"),
    (include_str!("../fixtures/discovery/8.8.yaml"), "8.8.6", "13.1.2"),
    (include_str!("../fixtures/discovery/8.9-8.10.yaml"), "8.9.17", "14.2.0"),
    (include_str!("../fixtures/discovery/8.9-8.10.yaml"), "8.10.0-alpha3", "15.0.0"),
];

/// A release before it runs.
#[derive(Clone)]
pub struct Chart {
    release: String,
    namespace: String,
    items: Vec<Value>,
}

impl Chart {
    /// Release `camunda` in namespace `prod`.
    pub fn of(version: &str) -> Self {
        Self::named(version, "camunda", "prod")
    }

    /// `version` is `8.7`.
    pub fn named(version: &str, release: &str, namespace: &str) -> Self {
        let generation = GENERATIONS.iter().find(|(_, tag, _)| tag.starts_with(&format!("{version}.")));
        let (text, tag, chart) = generation.expect("a known version");
        let text = text
            .replace("RELEASE", release)
            .replace("NAMESPACE", namespace)
            .replace("TAG", tag)
            .replace("CHART", chart);
        let list: Value = serde_saphyr::from_str(&text).expect("a fixture");
        let items = list["items"].as_array().expect("a list").clone();
        Self { release: release.to_owned(), namespace: namespace.to_owned(), items }
    }

    /// Adds objects, as YAML documents.
    pub fn with(mut self, yaml: &str) -> Self {
        self.items.extend(serde_saphyr::from_multiple::<Value>(yaml).expect("objects"));
        self
    }

    /// Changes every object.
    pub fn each(mut self, change: impl Fn(&mut Value)) -> Self {
        self.items.iter_mut().for_each(change);
        self
    }

    /// Changes one object; `name` is without the release.
    pub fn edit(mut self, kind: &str, name: &str, change: impl Fn(&mut Value)) -> Self {
        let full = format!("{}-{name}", self.release);
        let is_it = |o: &&mut Value| o["kind"] == kind && o["metadata"]["name"] == full.as_str();
        change(self.items.iter_mut().find(is_it).unwrap_or_else(|| panic!("no {kind} {full}")));
        self
    }

    /// Takes one object away.
    pub fn without(mut self, kind: &str, name: &str) -> Self {
        let full = format!("{}-{name}", self.release);
        self.items.retain(|o| !(o["kind"] == kind && o["metadata"]["name"] == full.as_str()));
        self
    }

    /// Replaces a text, or a number, everywhere. It must be there: a patch that does nothing tests nothing.
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        let replaced: usize = self.items.iter_mut().map(|item| replace(item, from, to)).sum();
        assert!(replaced > 0, "{from} is not in the fixture");
        self
    }

    /// Changes the first container of a workload.
    pub fn container(self, workload: &str, change: impl Fn(&mut Value)) -> Self {
        let kind = if workload == "zeebe" { "StatefulSet" } else { "Deployment" };
        self.edit(kind, workload, |o| change(&mut o["spec"]["template"]["spec"]["containers"][0]))
    }

    /// Adds to a list in the first container of a workload.
    pub fn push(self, workload: &str, list: &str, item: &Value) -> Self {
        self.container(workload, |c| match &mut c[list] {
            Value::Array(items) => items.push(item.clone()),
            none => *none = json!([item]),
        })
    }

    /// Adds a variable.
    pub fn env(self, workload: &str, name: &str, value: &str) -> Self {
        self.push(workload, "env", &json!({ "name": name, "value": value }))
    }

    /// Changes a variable that is there.
    pub fn set_env(self, workload: &str, name: &str, value: &str) -> Self {
        self.container(workload, |c| {
            let mut env = c["env"].as_array_mut().expect("variables").iter_mut();
            env.find(|e| e["name"] == name).unwrap_or_else(|| panic!("no {name}"))["value"] = value.into();
        })
    }

    /// Adds a variable from a Secret.
    pub fn secret_env(self, workload: &str, name: &str, secret: &str, key: &str) -> Self {
        let from = json!({ "secretKeyRef": { "name": secret, "key": key } });
        self.push(workload, "env", &json!({ "name": name, "valueFrom": from }))
    }

    /// Takes variables away whose names contain a text.
    pub fn without_env(self, workload: &str, part: &str) -> Self {
        self.container(workload, |c| {
            let env = c["env"].as_array_mut().expect("variables");
            env.retain(|e| !e["name"].as_str().is_some_and(|n| n.contains(part)));
        })
    }

    /// Mounts something into a workload.
    pub fn mount(self, workload: &str, path: &str, file: &str, volume: &Value) -> Self {
        let name = format!("extra-{}", path.len());
        let kind = if workload == "zeebe" { "StatefulSet" } else { "Deployment" };
        let mut volume = volume.clone();
        volume["name"] = name.clone().into();
        let mut mount = json!({ "name": name, "mountPath": path });
        if !file.is_empty() {
            mount["subPath"] = file.into();
        }
        self.push(workload, "volumeMounts", &mount).edit(kind, workload, |o| {
            let volumes = o["spec"]["template"]["spec"]["volumes"].as_array_mut().expect("volumes");
            volumes.push(volume.clone());
        })
    }

    /// The objects, with pods.
    pub fn run(self) -> Objects {
        let mut objects = Objects::default();
        self.run_into(&mut objects);
        objects
    }

    /// Adds the objects, with pods.
    pub fn run_into(mut self, objects: &mut Objects) {
        let namespace = self.namespace.clone();
        for item in &mut self.items {
            if item["metadata"]["namespace"].is_null() {
                item["metadata"]["namespace"] = namespace.clone().into();
            }
        }
        let pods: Vec<_> = self.items.iter().flat_map(pods).collect();
        for object in self.items.into_iter().chain(pods) {
            objects.add(object).expect("an object");
        }
    }
}

fn replace(value: &mut Value, from: &str, to: &str) -> usize {
    match value {
        Value::String(text) if text.contains(from) => {
            *text = text.replace(from, to);
            1
        }
        Value::Number(number) if number.to_string() == from => {
            *value = to.parse::<u64>().expect("a number").into();
            1
        }
        Value::Array(items) => items.iter_mut().map(|item| replace(item, from, to)).sum(),
        Value::Object(fields) => fields.values_mut().map(|field| replace(field, from, to)).sum(),
        _ => 0,
    }
}

fn pods(workload: &Value) -> Vec<Value> {
    let kind = workload["kind"].as_str().unwrap_or_default();
    if !matches!(kind, "StatefulSet" | "Deployment") {
        return Vec::new();
    }
    let (metadata, template) = (&workload["metadata"], &workload["spec"]["template"]);
    let name = metadata["name"].as_str().expect("a name");
    let pod = |i: u64| {
        let (pod, owner) = match kind {
            "StatefulSet" => (format!("{name}-{i}"), json!({ "kind": "StatefulSet", "name": name })),
            _ => (
                format!("{name}-7d9f8b6c5-p{i}x"),
                json!({ "kind": "ReplicaSet", "name": format!("{name}-7d9f8b6c5") }),
            ),
        };
        json!({
            "kind": "Pod",
            "metadata": {
                "name": pod,
                "namespace": metadata["namespace"],
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
            "status": {
                "phase": "Running",
                "podIP": format!("10.42.0.{}", 10 + i),
                "conditions": [{ "type": "Ready", "status": "True" }],
            },
        })
    };
    (0..workload["spec"]["replicas"].as_u64().unwrap_or(1)).map(pod).collect()
}
