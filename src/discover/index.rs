//! Questions to the objects: which pods a Service leads to, which port a name means, what a container is.

use super::objects::{
    Condition, ConfigMap, Container, Labels, Metadata, Objects, Pod, PodSpec, PortRef, Service, ServicePort,
    Workload,
};
use super::rules::Role;

/// Whether every pair of `selector` is in `labels`. An empty selector selects nothing: such a Service has endpoints that
/// are made by hand.
pub(super) fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a pod is up. One that is being deleted is not, though its condition may still say so.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let ready = |c: &Condition| c.r#type == "Ready" && c.status == "True";
    pod.metadata.deletion_timestamp.is_none() && pod.status.conditions.iter().any(ready)
}

/// Whether a pod has ended for good.
pub(super) fn is_over(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// What runs, or would run: a pod, or the template of a workload without pods.
#[derive(Debug, Clone)]
pub(super) struct Process<'a> {
    /// `pod camunda-zeebe-0`.
    pub what: String,
    /// Namespace.
    pub namespace: &'a str,
    /// The pod, when there is one.
    pub pod: Option<&'a Pod>,
    /// Labels and name of the pod, or the template's.
    pub metadata: &'a Metadata,
    /// Its spec.
    pub spec: &'a PodSpec,
    /// The container that matters: beside it there may be a mesh's proxy or a log shipper.
    pub container: &'a Container,
}

impl<'a> Process<'a> {
    fn new(
        what: String,
        namespace: &'a str,
        pod: Option<&'a Pod>,
        metadata: &'a Metadata,
        spec: &'a PodSpec,
    ) -> Option<Self> {
        let container =
            Role::of_containers(&spec.containers).map_or(spec.containers.first(), |(_, c)| Some(c))?;
        Some(Self { what, namespace, pod, metadata, spec, container })
    }

    fn of_pod(pod: &'a Pod) -> Option<Self> {
        let what = format!("pod {}", pod.metadata.name);
        Self::new(what, &pod.metadata.namespace, Some(pod), &pod.metadata, &pod.spec)
    }

    /// Whether it is up.
    pub fn is_ready(&self) -> bool {
        self.pod.is_some_and(is_ready)
    }

    /// The number that a port reference means.
    pub fn port(&self, port: &PortRef) -> Option<u16> {
        match port {
            PortRef::Number(number) => Some(*number),
            PortRef::Name(name) => {
                let ports = self.spec.containers.iter().flat_map(|c| &c.ports);
                ports.filter(|p| p.name.as_ref() == Some(name)).map(|p| p.container_port).next()
            }
        }
    }

    /// The pod's port behind a port of a Service.
    pub fn behind(&self, port: &ServicePort) -> Option<u16> {
        port.target_port.as_ref().map_or(Some(port.port), |target| self.port(target))
    }
}

/// The objects with the questions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index<'a> {
    pub objects: &'a Objects,
}

impl<'a> Index<'a> {
    pub fn service(self, namespace: &str, name: &str) -> Option<&'a Service> {
        self.objects.services.iter().find(|s| s.metadata.namespace == namespace && s.metadata.name == name)
    }

    pub fn config_map(self, namespace: &str, name: &str) -> Option<&'a ConfigMap> {
        self.objects.config_maps.iter().find(|c| c.metadata.namespace == namespace && c.metadata.name == name)
    }

    /// What runs behind a selector, by name, the ready ones first; without pods the template that would make them.
    pub fn behind(self, namespace: &str, selector: &Labels) -> Vec<Process<'a>> {
        let pods = self.objects.pods.iter().filter(|p| p.metadata.namespace == namespace && !is_over(p));
        let mut found: Vec<_> =
            pods.filter(|p| selects(selector, &p.metadata.labels)).filter_map(Process::of_pod).collect();
        found.sort_by_key(|p| (!p.is_ready(), natural(&p.metadata.name)));
        if found.is_empty() {
            found.extend(self.templates(namespace, selector));
        }
        found
    }

    /// The workloads whose pods a selector would select.
    fn templates(self, namespace: &str, selector: &Labels) -> impl Iterator<Item = Process<'a>> {
        self.workloads(namespace)
            .filter(move |(_, w)| selects(selector, &w.spec.template.metadata.labels))
            .filter_map(|(kind, w)| {
                let what = format!("{kind} {} (no pods)", w.metadata.name);
                let template = &w.spec.template;
                Process::new(what, &w.metadata.namespace, None, &template.metadata, &template.spec)
            })
    }

    /// The template that a pod was made from. A mesh may rewrite the probes of a pod, not those of its template.
    pub fn template_of(self, process: &Process<'a>) -> Option<&'a Container> {
        let made_from = |labels: &Labels| selects(labels, &process.metadata.labels);
        let mut workloads = self.workloads(process.namespace);
        let (_, workload) = workloads.find(|(_, w)| made_from(&w.spec.template.metadata.labels))?;
        workload.spec.template.spec.containers.iter().find(|c| c.name == process.container.name)
    }

    /// All workloads of a namespace with their kind.
    pub fn workloads(self, namespace: &str) -> impl Iterator<Item = (&'static str, &'a Workload)> {
        let sets = self.objects.stateful_sets.iter().map(|w| ("StatefulSet", w));
        let all = sets.chain(self.objects.deployments.iter().map(|w| ("Deployment", w)));
        all.filter(move |(_, w)| w.metadata.namespace == namespace)
    }
}

/// A name with its trailing number apart, so that `zeebe-10` comes after `zeebe-9`.
pub(super) fn natural(name: &str) -> (&str, Option<u16>) {
    match name.rsplit_once('-') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            (stem, number.parse().ok())
        }
        _ => (name, None),
    }
}
