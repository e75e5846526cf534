//! How a release's processes are cut, and how many of them there are meant to be.

use super::config::Config;
use super::names::Group;
use super::release::Found;
use super::rules::{COMPONENT, Role, image_name};
use crate::model::Topology;

/// Operate or Tasklist with a Service of its own: separate. Else a gateway Service that leads to brokers: an
/// orchestration cluster.
pub(super) fn find(group: &Group<'_>) -> Found<Topology> {
    let web_app = group.members.iter().find(|m| matches!(m.role, Role::Operate | Role::Tasklist));
    if let Some(member) = web_app {
        let evidence =
            format!("{} has a Service of its own: {}", member.role.rule().name, member.service.metadata.name);
        return Found::new(Topology::Separate, evidence);
    }
    let gateways = group.members.iter().filter(|m| m.role == Role::Gateway);
    for gateway in gateways {
        let service = &gateway.service.metadata.name;
        if gateway.service.spec.selector.get(COMPONENT).is_some_and(|c| c == "zeebe-broker") {
            let evidence = format!("the gateway's Service {service} leads to brokers");
            return Found::new(Topology::OrchestrationCluster, evidence);
        }
        if let Some(process) = gateway.behind.iter().find(|p| image_name(&p.container.image) == "camunda") {
            let evidence =
                format!("image {} of {} behind Service {service}", process.container.image, process.what);
            return Found::new(Topology::OrchestrationCluster, evidence);
        }
    }
    Found::new(
        Topology::Separate,
        "the gateway is a process of its own; neither Operate nor Tasklist has a Service",
    )
}

const PARTITIONS: &[&str] = &["camunda.cluster.partition-count", "zeebe.broker.cluster.partitionsCount"];
const BROKERS: &[&str] = &["camunda.cluster.size", "zeebe.broker.cluster.clusterSize"];

/// Number of partitions, as the brokers are configured.
pub(super) fn partitions(brokers: &Config) -> Option<Found<u32>> {
    brokers.number(PARTITIONS)
}

/// Number of brokers in all regions, as they are configured.
pub(super) fn brokers(brokers: &Config) -> Option<Found<u32>> {
    brokers.number(BROKERS)
}

/// Number of regions. The charts write the node ID into the start script as `ordinal * regions + region`; nothing else
/// of the rendered objects says it.
pub(super) fn regions(brokers: &Config) -> Option<Found<u32>> {
    brokers.scripts.iter().find_map(|(path, text, origin)| {
        let after = text.split("##*-} * ").nth(1)?;
        let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(Found::new(digits.parse().ok()?, format!("node ID in {name} of {origin}")))
    })
}
