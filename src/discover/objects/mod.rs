//! What discovery reads of the cluster: a few fields of a few kinds, in the shape of the Kubernetes API's JSON.
//!
//! Hand-written for just what the rules look at, so that a fixture is readable and the raw answer of the API can be
//! handed over as it is. Unknown fields are ignored. Secrets have no type here: discovery never sees one.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// Declares structs that read camelCase JSON and take absent fields as empty.
macro_rules! json_objects {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Default, Deserialize)]
            #[serde(default, rename_all = "camelCase")]
            pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }
        )+
    };
}

mod pod;

pub use pod::*;

/// Labels, annotations and selectors.
pub type Labels = BTreeMap<String, String>;

/// The cluster as far as it could be read: one namespace, or several.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// Services.
    pub services: Vec<Service>,
    /// Pods.
    pub pods: Vec<Pod>,
    /// `StatefulSet`s.
    pub stateful_sets: Vec<Workload>,
    /// Deployments.
    pub deployments: Vec<Workload>,
    /// `ConfigMap`s.
    pub config_maps: Vec<ConfigMap>,
}

impl Objects {
    /// Adds one object, or a list as the API or `kubectl get -o json` gives it. Kinds that discovery does not read are
    /// passed over.
    pub fn add(&mut self, mut object: Value) -> Result<(), serde_json::Error> {
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(of) = kind.strip_suffix("List") {
            let Some(Value::Array(items)) = object.get_mut("items").map(Value::take) else { return Ok(()) };
            for mut item in items {
                // The items of a typed list (`ServiceList`) do not repeat their kind.
                if let (Value::Object(fields), false) = (&mut item, of.is_empty()) {
                    fields.insert("kind".to_owned(), of.into());
                }
                self.add(item)?;
            }
            return Ok(());
        }
        match kind.as_str() {
            "Service" => self.services.push(serde_json::from_value(object)?),
            "Pod" => self.pods.push(serde_json::from_value(object)?),
            "StatefulSet" => self.stateful_sets.push(serde_json::from_value(object)?),
            "Deployment" => self.deployments.push(serde_json::from_value(object)?),
            "ConfigMap" => self.config_maps.push(serde_json::from_value(object)?),
            _ => {}
        }
        Ok(())
    }
}

json_objects! {
    /// Name, namespace and what is pinned to an object.
    #[derive(Debug)]
    Metadata {
        /// Name.
        name: String,
        /// Namespace.
        namespace: String,
        /// Labels.
        labels: Labels,
        /// Annotations.
        annotations: Labels,
        /// Who made it.
        owner_references: Vec<OwnerReference>,
        /// It is being deleted.
        deletion_timestamp: Option<String>,
    }
    /// Who made an object.
    #[derive(Debug)]
    OwnerReference {
        /// `StatefulSet`, `ReplicaSet`, ...
        kind: String,
        /// Name.
        name: String,
    }
    /// A Service.
    #[derive(Debug)]
    Service {
        /// Metadata.
        metadata: Metadata,
        /// Spec.
        spec: ServiceSpec,
    }
    /// Spec of a Service.
    #[derive(Debug)]
    ServiceSpec {
        /// Labels of the pods behind it; empty when its endpoints are made by hand.
        selector: Labels,
        /// Ports.
        ports: Vec<ServicePort>,
        /// `None` for a headless Service.
        #[serde(rename = "clusterIP")]
        cluster_ip: Option<String>,
        /// `ClusterIP`, `ExternalName`, ...
        r#type: Option<String>,
        /// Where an `ExternalName` Service points.
        external_name: Option<String>,
    }
    /// A port of a Service.
    #[derive(Debug)]
    ServicePort {
        /// Name; a single port may have none.
        name: Option<String>,
        /// Number.
        port: u16,
        /// The pods' port, when it is not the same number.
        target_port: Option<PortRef>,
    }
    /// A `StatefulSet` or a Deployment.
    #[derive(Debug)]
    Workload {
        /// Metadata.
        metadata: Metadata,
        /// Spec.
        spec: WorkloadSpec,
    }
    /// Spec of a workload.
    #[derive(Debug)]
    WorkloadSpec {
        /// Wanted pods; the API's default is 1.
        replicas: Option<u32>,
        /// Headless Service of a `StatefulSet`.
        service_name: Option<String>,
        /// What its pods are made from.
        template: PodTemplate,
    }
    /// What pods are made from.
    #[derive(Debug)]
    PodTemplate {
        /// Metadata.
        metadata: Metadata,
        /// Spec.
        spec: PodSpec,
    }
    /// A `ConfigMap`.
    ConfigMap {
        /// Metadata.
        metadata: Metadata,
        /// Texts by key; may hold secrets that somebody wrote in plain.
        data: BTreeMap<String, String>,
    }
}

impl fmt::Debug for ConfigMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.data.keys().collect();
        f.debug_struct("ConfigMap").field("name", &self.metadata.name).field("keys", &keys).finish()
    }
}
