//! Pods: what runs, with which ports, variables and files.

use std::fmt;

use serde::Deserialize;

use super::Metadata;

json_objects! {
    /// A pod.
    #[derive(Debug)]
    Pod {
        /// Metadata.
        metadata: Metadata,
        /// Spec.
        spec: PodSpec,
        /// Status.
        status: PodStatus,
    }
    /// Status of a pod.
    #[derive(Debug)]
    PodStatus {
        /// `Running`, `Pending`, `Succeeded`, `Failed`.
        phase: Option<String>,
        /// Conditions, of which `Ready` is read.
        conditions: Vec<Condition>,
        /// Its address.
        #[serde(rename = "podIP")]
        pod_ip: Option<String>,
    }
    /// One condition.
    #[derive(Debug)]
    Condition {
        /// `Ready`, ...
        r#type: String,
        /// `True`, `False`, `Unknown`.
        status: String,
    }
    /// Spec of a pod.
    #[derive(Debug)]
    PodSpec {
        /// Containers, without the init containers.
        containers: Vec<Container>,
        /// Volumes.
        volumes: Vec<Volume>,
        /// The node it is on.
        node_name: Option<String>,
    }
    /// A container.
    #[derive(Debug)]
    Container {
        /// Name.
        name: String,
        /// Image.
        image: String,
        /// Ports that it declares.
        ports: Vec<ContainerPort>,
        /// Environment.
        env: Vec<EnvVar>,
        /// Environment from whole objects.
        env_from: Vec<EnvFrom>,
        /// Mounts.
        volume_mounts: Vec<VolumeMount>,
        /// Readiness probe.
        readiness_probe: Option<Probe>,
    }
    /// A declared port.
    #[derive(Debug)]
    ContainerPort {
        /// Name.
        name: Option<String>,
        /// Number.
        container_port: u16,
    }
    /// A probe.
    #[derive(Debug)]
    Probe {
        /// The only kind that tells something.
        http_get: Option<HttpGet>,
    }
    /// A probe over HTTP.
    #[derive(Debug)]
    HttpGet {
        /// Path, with the context path in it.
        path: String,
        /// Port.
        port: PortRef,
        /// `HTTP` or `HTTPS`.
        scheme: Option<String>,
    }
    /// An environment variable.
    EnvVar {
        /// Name.
        name: String,
        /// Its value; may be a secret that somebody wrote in plain.
        value: Option<String>,
        /// Where the value is.
        value_from: Option<EnvSource>,
    }
    /// Where the value of a variable is.
    #[derive(Debug)]
    EnvSource {
        /// In a Secret.
        secret_key_ref: Option<KeyRef>,
        /// In a `ConfigMap`.
        config_map_key_ref: Option<KeyRef>,
        /// In the pod itself.
        field_ref: Option<FieldRef>,
    }
    /// One key of an object.
    #[derive(Debug)]
    KeyRef {
        /// Name of the object.
        name: String,
        /// Key.
        key: String,
    }
    /// A field of the pod.
    #[derive(Debug)]
    FieldRef {
        /// `metadata.name`, ...
        field_path: String,
    }
    /// Variables from a whole object.
    #[derive(Debug)]
    EnvFrom {
        /// Put before each name.
        prefix: Option<String>,
        /// From a `ConfigMap`.
        config_map_ref: Option<NameRef>,
        /// From a Secret.
        secret_ref: Option<NameRef>,
    }
    /// An object by name.
    #[derive(Debug)]
    NameRef {
        /// Name.
        name: String,
    }
    /// A mount.
    #[derive(Debug)]
    VolumeMount {
        /// Name of the volume.
        name: String,
        /// Where.
        mount_path: String,
        /// One file of it.
        sub_path: Option<String>,
    }
    /// A volume.
    #[derive(Debug)]
    Volume {
        /// Name.
        name: String,
        /// A `ConfigMap`.
        config_map: Option<Projection>,
        /// A Secret.
        secret: Option<Projection>,
        /// Several.
        projected: Option<Projected>,
    }
    /// Several objects in one volume.
    #[derive(Debug)]
    Projected {
        /// They.
        sources: Vec<ProjectedSource>,
    }
    /// One of several objects in a volume.
    #[derive(Debug)]
    ProjectedSource {
        /// A `ConfigMap`.
        config_map: Option<Projection>,
        /// A Secret.
        secret: Option<Projection>,
    }
    /// An object as files.
    #[derive(Debug)]
    Projection {
        /// Name of the object.
        #[serde(alias = "secretName")]
        name: String,
        /// Some keys under other names; empty for all keys.
        items: Vec<KeyToPath>,
    }
    /// One key as a file.
    #[derive(Debug)]
    KeyToPath {
        /// Key.
        key: String,
        /// File.
        path: String,
    }
}

/// A port by number or by the name that the container gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PortRef {
    /// Number.
    Number(u16),
    /// Name.
    Name(String),
}

impl Default for PortRef {
    fn default() -> Self {
        PortRef::Number(0)
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvVar").field("name", &self.name).finish_non_exhaustive()
    }
}
