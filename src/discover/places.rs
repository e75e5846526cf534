//! From a Service and what runs behind it to a place: port, path, scheme, host.

use super::config::Config;
use super::index::{Index, Process};
use super::names::Member;
use super::objects::{HttpGet, Labels, PortRef, Service};
use super::release::{Found, Note, Place};
use super::rules::{Rule, SHARED_BASE_PATH_KEYS};
use crate::model::Version;

/// A management port with what is known along with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Management {
    pub port: u16,
    pub base_path: String,
    pub actuator: Option<String>,
    pub scheme: &'static str,
    pub evidence: Vec<String>,
}

/// What a member's first process says, with its configuration.
pub(super) struct Asked<'a, 'b> {
    pub index: Index<'a>,
    pub rule: &'static Rule,
    pub process: &'b Process<'a>,
    pub config: &'b Config,
    pub version: Option<&'b Version>,
}

impl Asked<'_, '_> {
    /// The management port of a process. The readiness probe comes first where it asks the actuator: kubelet uses it, so
    /// it is right, and it has port, path and scheme in one place. Then configuration, names, numbers.
    pub fn management(&self) -> Option<Management> {
        let actuator = self.config.text(&["management.endpoints.web.base-path"]);
        let actuator = actuator.map(|f| f.map(|p| clean_path(&p))).filter(|f| f.value != "/actuator");
        let other = actuator.iter().map(|f| format!("{} = {}", f.evidence, f.value));
        if let Some((probe, port, base_path)) = self.probe() {
            let scheme = if probe.scheme.as_deref() == Some("HTTPS") { "https" } else { "http" };
            let evidence =
                format!("readiness probe of {}: port {port}, path {}", self.process.what, probe.path);
            let evidence = [evidence].into_iter().chain(other).collect();
            let actuator = actuator.map(|f| f.value);
            return Some(Management { port, base_path, actuator, scheme, evidence });
        }
        let port = self.own_port();
        let shared = port.is_none();
        let port = port.or_else(|| self.shared_port())?;
        let keys = if shared { SHARED_BASE_PATH_KEYS } else { self.rule.base_path_keys };
        let base_path = self.config.text(keys);
        let ssl = self.config.is_on(&["management.server.ssl.enabled"]);
        let mut evidence = vec![port.evidence];
        evidence.extend(base_path.iter().chain(None).map(|f| f.evidence.clone()));
        evidence.extend(ssl.iter().map(|f| f.evidence.clone()));
        evidence.extend(other);
        Some(Management {
            port: port.value,
            actuator: actuator.map(|f| f.value),
            base_path: base_path.map(|f| clean_path(&f.value)).unwrap_or_default(),
            scheme: if ssl.is_some() { "https" } else { "http" },
            evidence,
        })
    }

    /// A probe that asks the actuator, with its port by number and what is before `/actuator`.
    fn probe(&self) -> Option<(&HttpGet, u16, String)> {
        let template = self.index.template_of(self.process);
        [Some(self.process.container), template].into_iter().flatten().find_map(|container| {
            let probe = container.readiness_probe.as_ref()?.http_get.as_ref()?;
            let (prefix, _) = probe.path.split_once("/actuator")?;
            Some((probe, self.process.port(&probe.port)?, clean_path(prefix)))
        })
    }

    fn own_port(&self) -> Option<Found<u16>> {
        let (rule, what) = (self.rule, &self.process.what);
        if let Some(configured) = self.config.number(rule.port_keys) {
            return Some(configured);
        }
        let ports = &self.process.container.ports;
        let named = ports.iter().find(|p| p.name.as_deref().is_some_and(|n| rule.port_names.contains(&n)));
        let numbered = ports.iter().find(|p| p.container_port == rule.port_number);
        let port = named.or(numbered)?;
        let name = port.name.as_deref().unwrap_or("(unnamed)");
        Some(Found::new(port.container_port, format!("port {name}:{} of {what}", port.container_port)))
    }

    /// The HTTP port, for versions whose management shares it.
    fn shared_port(&self) -> Option<Found<u16>> {
        let since = self.rule.own_port_since.as_ref()?;
        let version = self.version.filter(|v| v.line() < since.line())?;
        let port = self.process.port(&PortRef::Name("http".to_owned()))?;
        let evidence =
            format!("port http:{port} of {}; up to {version}, management shares it", self.process.what);
        Some(Found::new(port, evidence))
    }
}

/// `/`, `camunda/` and `/camunda` as people write them: empty, or with a slash before and none after.
pub(super) fn clean_path(path: &str) -> String {
    let path = path.trim().trim_matches('/');
    if path.is_empty() { String::new() } else { format!("/{path}") }
}

/// An address as the host of an URL.
pub(super) fn host(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// The Service's own number for a port of what is behind it. By number, never by name: the name `http` means management
/// on a gateway up to 8.7, and REST from 8.8 on.
pub(super) fn port_of_service(service: &Service, behind: Option<&Process<'_>>, port: u16) -> Option<u16> {
    let leads = |p: &&super::objects::ServicePort| match (behind, &p.target_port) {
        (Some(process), _) => process.behind(p) == Some(port),
        (None, None) => p.port == port,
        (None, Some(target)) => *target == PortRef::Number(port),
    };
    service.spec.ports.iter().find(leads).map(|p| p.port)
}

/// The place of a component behind a Service.
pub(super) fn place(asked: &Asked<'_, '_>, member: &Member<'_>, notes: &mut Vec<Note>) -> Option<Place> {
    let (rule, metadata) = (asked.rule, &member.service.metadata);
    let Some(management) = asked.management() else {
        notes.push(Note {
            text: format!("the management port of {} behind Service {} was not found: neither its readiness probe nor its configuration nor its ports say it", rule.name, metadata.name),
            flag: Some(rule.flag),
        });
        return None;
    };
    let mut evidence = vec![format!("Service {} ({})", metadata.name, why(member))];
    evidence.extend(management.evidence.iter().cloned());
    let leading = leading(asked, member.service, management.port);
    let dns = if let Some((service, _)) = &leading {
        format!("{service}.{}.svc", metadata.namespace)
    } else {
        let text = format!(
            "no Service leads to port {} of {}; inside the cluster one pod is spoken to by its address",
            management.port, rule.name
        );
        notes.push(Note { text, flag: Some(rule.flag) });
        let ip = asked.process.pod.and_then(|p| p.status.pod_ip.clone());
        ip.map_or_else(|| format!("{}.{}.svc", metadata.name, metadata.namespace), |ip| host(&ip))
    };
    if !member.behind.iter().any(Process::is_ready) {
        let text = format!("no pod of {} is ready behind Service {}", rule.name, metadata.name);
        notes.push(Note { text, flag: None });
    }
    Some(Place {
        namespace: metadata.namespace.clone(),
        service: leading,
        dns,
        selector: member.service.spec.selector.clone(),
        pod: None,
        pod_port: management.port,
        scheme: management.scheme,
        base_path: management.base_path,
        actuator: management.actuator,
        evidence,
    })
}

fn why(member: &Member<'_>) -> String {
    let labels = &member.service.metadata.labels;
    match labels.get(super::rules::COMPONENT).filter(|_| super::rules::is_of_chart(labels)) {
        Some(component) => format!("label {}={component}", super::rules::COMPONENT),
        None => "by what runs behind it; it has no labels of the chart".to_owned(),
    }
}

/// The Service that leads to a port: the component's own, else any other that selects the same pods.
fn leading(asked: &Asked<'_, '_>, own: &Service, port: u16) -> Option<(String, u16)> {
    let selects = |s: &&Service| {
        let labels: &Labels = &asked.process.metadata.labels;
        s.metadata.namespace == own.metadata.namespace && super::index::selects(&s.spec.selector, labels)
    };
    let others = asked.index.objects.services.iter().filter(selects);
    [own].into_iter().chain(others).find_map(|service| {
        let number = port_of_service(service, Some(asked.process), port)?;
        Some((service.metadata.name.clone(), number))
    })
}
