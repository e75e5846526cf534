//! The tables: who is who, where the management port is, which chart is which version.
//!
//! Sources: templates and rendered manifests of the Helm charts 8.5–8.10, and their values files. A new chart should
//! touch these tables and `sources.rs` only.

use super::index::Process;
use super::objects::{Container, Labels, Service};
use crate::model::Version;

/// The label with the component's name.
pub(super) const COMPONENT: &str = "app.kubernetes.io/component";
/// The label with the release's name.
pub(super) const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label that all objects of the chart have, and nothing else has.
pub(super) const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "camunda-platform");
/// The label with the image's tag, or with the chart's `8.7.x` where a digest is pinned.
pub(super) const VERSION: &str = "app.kubernetes.io/version";
/// The label with chart and chart version.
pub(super) const CHART: &str = "helm.sh/chart";
/// The annotation that Helm puts on what it made; nobody else writes it.
pub(super) const RELEASE_NAME: &str = "meta.helm.sh/release-name";

/// What a process is for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Gateway,
    Broker,
    Operate,
    Tasklist,
    Optimize,
}

/// Everything that differs between components.
#[derive(Debug)]
pub(super) struct Rule {
    pub role: Role,
    /// For people.
    pub name: &'static str,
    /// `app.kubernetes.io/component` of its Service. The Service alone counts: from 8.8 on, the gateway's Service leads to
    /// pods that are labelled `zeebe-broker`.
    pub component: &'static str,
    /// Names of the container.
    pub containers: &'static [&'static str],
    /// Last part of the image's name, for manifests without the labels.
    pub images: &'static [&'static str],
    /// Keys that set the management port.
    pub port_keys: &'static [&'static str],
    /// Names of the management port. `http` is not among them: it is the management port of a gateway up to 8.7, and the
    /// REST port from 8.8 on.
    pub port_names: &'static [&'static str],
    /// Its number.
    pub port_number: u16,
    /// First version with a management port of its own; before, management shares the HTTP port.
    pub own_port_since: Option<Version>,
    /// Keys that set the path before `/actuator`; empty where no path ever applies.
    pub base_path_keys: &'static [&'static str],
    /// The flag that gives its address.
    pub flag: &'static str,
}

const MANAGEMENT_PATH: &[&str] = &["management.server.base-path"];

/// The rules, in the order in which a process is recognised.
pub(super) static RULES: [Rule; 5] = [
    Rule {
        role: Role::Gateway,
        name: "the Zeebe gateway",
        component: "zeebe-gateway",
        containers: &["zeebe-gateway", "orchestration"],
        images: &["camunda", "zeebe"],
        port_keys: &["management.server.port", "zeebe.gateway.monitoring.port"],
        port_names: &["management", "server"],
        port_number: 9600,
        own_port_since: None,
        base_path_keys: MANAGEMENT_PATH,
        flag: "--gateway-url",
    },
    Rule {
        role: Role::Broker,
        name: "the Zeebe brokers",
        component: "zeebe-broker",
        containers: &["zeebe", "orchestration"],
        images: &["zeebe", "camunda"],
        port_keys: &["management.server.port", "zeebe.broker.network.monitoringApi.port"],
        port_names: &["management", "server"],
        port_number: 9600,
        own_port_since: None,
        base_path_keys: MANAGEMENT_PATH,
        flag: "--broker-url",
    },
    Rule {
        role: Role::Operate,
        name: "Operate",
        component: "operate",
        containers: &["operate"],
        images: &["operate"],
        port_keys: &["management.server.port"],
        port_names: &["management"],
        port_number: 9600,
        own_port_since: Some(Version::minor(8, 6)),
        base_path_keys: MANAGEMENT_PATH,
        flag: "--operate-url",
    },
    Rule {
        role: Role::Tasklist,
        name: "Tasklist",
        component: "tasklist",
        containers: &["tasklist"],
        images: &["tasklist"],
        port_keys: &["management.server.port"],
        port_names: &["management"],
        port_number: 9600,
        own_port_since: Some(Version::minor(8, 6)),
        base_path_keys: MANAGEMENT_PATH,
        flag: "--tasklist-url",
    },
    Rule {
        role: Role::Optimize,
        name: "Optimize",
        component: "optimize",
        containers: &["optimize"],
        images: &["optimize"],
        port_keys: &["management.server.port"],
        port_names: &["management"],
        port_number: 8092,
        own_port_since: None,
        base_path_keys: &[],
        flag: "--optimize-url",
    },
];

/// Keys that set the path of the HTTP port, for processes whose management shares it.
pub(super) const SHARED_BASE_PATH_KEYS: &[&str] = &["server.servlet.context-path"];

/// Major version of the chart, and the Camunda version it installs.
const CHARTS: [(u32, (u32, u32)); 8] = [
    (8, (8, 3)),
    (9, (8, 4)),
    (10, (8, 5)),
    (11, (8, 6)),
    (12, (8, 7)),
    (13, (8, 8)),
    (14, (8, 9)),
    (15, (8, 10)),
];

/// `camunda-platform-12.4.1` is Camunda 8.7.
pub(super) fn version_of_chart(chart: &str) -> Option<Version> {
    let major: u32 = chart.strip_prefix("camunda-platform-")?.split('.').next()?.parse().ok()?;
    CHARTS.iter().find(|(m, _)| *m == major).map(|(_, (major, minor))| Version::minor(*major, *minor))
}

/// The last part of an image's name, without tag and digest: `zeebe` of `registry:5000/mirror/camunda/zeebe:8.7.1@sha256:…`.
pub(super) fn image_name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}

/// The tag of an image.
pub(super) fn image_tag(image: &str) -> Option<&str> {
    let image = image.split('@').next().unwrap_or(image);
    image.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

impl Role {
    /// The rule of a role.
    pub fn rule(self) -> &'static Rule {
        RULES.iter().find(|r| r.role == self).expect("every role has a rule")
    }

    /// What a pod's containers say it is, and which container says so: by image first, which nobody renames by accident.
    pub fn of_containers(containers: &[Container]) -> Option<(Role, &Container)> {
        let find = |matches: &dyn Fn(&Rule, &Container) -> bool| {
            containers.iter().find_map(|c| RULES.iter().find(|r| matches(r, c)).map(|r| (r.role, c)))
        };
        let by_both = |r: &Rule, c: &Container| {
            r.containers.contains(&c.name.as_str()) && r.images.contains(&image_name(&c.image))
        };
        let by_name = |r: &Rule, c: &Container| r.containers.contains(&c.name.as_str());
        // `camunda` alone is too common a name, and brokers and gateways of 8.5–8.7 share an image.
        let by_image = |r: &Rule, c: &Container| match (image_name(&c.image), r.role) {
            ("camunda", _) => r.images.contains(&"camunda") && c.image.contains("camunda/camunda"),
            ("zeebe", Role::Gateway) => c.env.iter().any(|e| e.name == "ZEEBE_STANDALONE_GATEWAY"),
            (image, _) => r.images.contains(&image),
        };
        find(&by_both).or_else(|| find(&by_name)).or_else(|| find(&by_image))
    }
}

/// Whether an object is of the chart.
pub(super) fn is_of_chart(labels: &Labels) -> bool {
    labels.get(PART_OF.0).is_some_and(|v| v == PART_OF.1)
}

impl Rule {
    /// Whether a Service is this component's: by its labels; only where they are missing, by what runs behind it.
    pub fn plays(&self, service: &Service, behind: &[Process<'_>]) -> bool {
        let labels = &service.metadata.labels;
        match labels.get(COMPONENT) {
            Some(component) if is_of_chart(labels) => component == self.component,
            _ if is_of_chart(labels) || !labels.contains_key(PART_OF.0) => {
                let Some((role, container)) =
                    behind.iter().find_map(|p| Role::of_containers(&p.spec.containers))
                else {
                    return false;
                };
                let headless = service.spec.cluster_ip.as_deref() == Some("None");
                match role {
                    // One image, two Services: the headless one is for the brokers, one by one.
                    Role::Gateway | Role::Broker if image_name(&container.image) == "camunda" => {
                        self.role == if headless { Role::Broker } else { Role::Gateway }
                    }
                    role => self.role == role,
                }
            }
            _ => false,
        }
    }
}
