//! The brokers, one by one: each is asked itself what its exporters do.

use super::index::{Index, Process, natural};
use super::names::Member;
use super::places::Management;
use super::release::{Found, Note, Place};
use crate::model::Component;

/// One place per broker pod. The number is the pod's ordinal; where several `StatefulSet`s have the same ordinals, it is
/// the position.
pub(super) fn places<'a>(
    index: Index<'a>,
    member: &Member<'a>,
    management: impl Fn(&Process<'a>) -> Option<Management>,
    notes: &mut Vec<Note>,
) -> Vec<(Component, Place)> {
    let mut pods: Vec<_> = member.behind.iter().filter(|p| p.pod.is_some()).collect();
    pods.sort_by_key(|p| natural(&p.metadata.name));
    let mut ordinals: Vec<_> = pods.iter().map(|p| natural(&p.metadata.name).1).collect();
    ordinals.sort_unstable();
    ordinals.dedup();
    let distinct = ordinals.len() == pods.len() && !ordinals.contains(&None);
    notes.extend(missing(index, member));
    let place = |(position, process): (usize, &&Process<'a>)| {
        let ordinal = natural(&process.metadata.name).1.filter(|_| distinct);
        let number = ordinal.or_else(|| u16::try_from(position).ok())?;
        Some((Component::Broker(number), place(index, member, process, &management(process)?)))
    };
    pods.iter().enumerate().filter_map(place).collect()
}

fn place(index: Index<'_>, member: &Member<'_>, process: &Process<'_>, management: &Management) -> Place {
    let (pod, namespace) = (&process.metadata.name, process.namespace);
    let headless = member.service.spec.cluster_ip.as_deref() == Some("None");
    // A pod's name is resolved under the Service that its StatefulSet names.
    let service = owner(index, process)
        .and_then(|set| set.spec.service_name.clone())
        .or_else(|| headless.then(|| member.service.metadata.name.clone()));
    let port = super::places::port_of_service(member.service, Some(process), management.port);
    let mut evidence = vec![format!("pod {pod} behind Service {}", member.service.metadata.name)];
    evidence.extend(management.evidence.iter().cloned());
    Place {
        namespace: namespace.to_owned(),
        service: port.map(|port| (member.service.metadata.name.clone(), port)),
        dns: match (service, process.pod.and_then(|p| p.status.pod_ip.clone())) {
            (Some(service), _) => format!("{pod}.{service}.{namespace}.svc"),
            (None, Some(ip)) => super::places::host(&ip),
            (None, None) => format!("{}.{namespace}.svc", member.service.metadata.name),
        },
        selector: member.service.spec.selector.clone(),
        pod: Some(pod.clone()),
        pod_port: management.port,
        scheme: management.scheme,
        base_path: management.base_path.clone(),
        actuator: management.actuator.clone(),
        evidence,
    }
}

fn owner<'a>(index: Index<'a>, process: &Process<'_>) -> Option<&'a super::objects::Workload> {
    let set = process.metadata.owner_references.iter().find(|o| o.kind == "StatefulSet")?;
    let mut sets = index.objects.stateful_sets.iter();
    sets.find(|w| w.metadata.namespace == process.namespace && w.metadata.name == set.name)
}

/// Brokers that should be there and are not: pausing and resuming need all of them.
fn missing(index: Index<'_>, member: &Member<'_>) -> Vec<Note> {
    const NEED_ALL: &str = "exporting can be neither paused nor resumed without it";
    let sets = index.objects.stateful_sets.iter().filter(|w| {
        w.metadata.namespace == member.service.metadata.namespace
            && super::index::selects(&member.service.spec.selector, &w.spec.template.metadata.labels)
    });
    let mut notes = Vec::new();
    for set in sets {
        for ordinal in 0..set.spec.replicas.unwrap_or(1) {
            let name = format!("{}-{ordinal}", set.metadata.name);
            let text = match member.behind.iter().find(|p| p.pod.is_some() && p.metadata.name == name) {
                None => format!("broker pod {name} does not exist; {NEED_ALL}"),
                Some(process) if !process.is_ready() => format!("broker pod {name} is not ready; {NEED_ALL}"),
                Some(_) => continue,
            };
            notes.push(Note { text, flag: None });
        }
    }
    notes
}

/// Brokers that are not of this release, in other regions: they cannot be asked from here.
pub(super) fn elsewhere(
    here: usize,
    configured: Option<&Found<u32>>,
    regions: Option<&Found<u32>>,
) -> Option<Note> {
    let regions = regions.filter(|r| r.value > 1)?;
    let configured = configured.filter(|b| usize::try_from(b.value).is_ok_and(|all| all > here))?;
    Some(Note {
        text: format!(
            "{here} of {} brokers are in this cluster; the others are in other regions ({} regions, {})",
            configured.value, regions.value, regions.evidence
        ),
        flag: Some("--broker-url"),
    })
}
