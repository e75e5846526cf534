//! All findings about one release, put together.

use std::collections::BTreeMap;

use super::config::Config;
use super::index::{Index, Process};
use super::names::{Group, Member, NotFound, choose};
use super::objects::Objects;
use super::places::{Asked, place};
use super::release::{Found, Note, Place, Release};
use super::rules::{RULES, Role, is_of_chart};
use super::{brokers, locate, search, storage, topology, version};
use crate::model::{Component, Topology, Version};

/// Finds a release: `wanted` by its name, or the only one in the namespace.
pub fn release(objects: &Objects, wanted: Option<&str>, namespace: &str) -> Result<Release, NotFound> {
    let index = Index { objects };
    let group = choose(index, wanted, namespace)?;
    let roles = roles(&group);
    let version = version::find(&group, index);
    let topology = topology::find(&group);
    let configs: BTreeMap<_, _> = roles
        .iter()
        .filter_map(|(role, member)| Some((*role, Config::of(member.behind.first()?, index))))
        .collect();
    let mut notes = Vec::new();
    if version.is_none() {
        notes.push(Note {
            text: "the version was not found: no image has a tag, no label and no inventory say it"
                .to_owned(),
            flag: Some("--camunda-version"),
        });
    }
    notes.extend(versions_differ(&group));
    let components = components(index, &roles, &configs, version.as_ref().map(|f| &f.value), &mut notes);
    notes.extend(absent(&roles, &topology));
    let addresses = search::addresses(&configs);
    let search = locate::search(index, group.namespace, &addresses, &configs, &mut notes);
    let secondary_storage = storage::secondary_storage(&configs);
    let repositories = storage::repositories(&configs, topology.value, &addresses, &mut notes);
    let (records_exporter, records_prefix) = storage::records(&configs, &mut notes);
    notes.extend(storage::other_engines(&addresses));
    if search.is_none() {
        let text = match search::hidden_address(&configs) {
            Some(hidden) => {
                format!("the search engine's address is in {} ({})", hidden.value, hidden.evidence)
            }
            None => {
                format!(
                    "no Elasticsearch or OpenSearch was found in the configuration of {}",
                    asked(&configs)
                )
            }
        };
        notes.push(Note { text, flag: Some("--search-url") });
    }
    let brokers_config = configs.get(&Role::Broker);
    let brokers = brokers_config.and_then(topology::brokers);
    let regions = brokers_config.and_then(topology::regions);
    let here = components.keys().filter(|c| matches!(c, Component::Broker(_))).count();
    notes.extend(brokers::elsewhere(here, brokers.as_ref(), regions.as_ref()));
    if let Some(own) = brokers_config.and_then(storage::own_ids) {
        let text = format!(
            "the cluster takes backups of its own and makes their IDs ({}): it refuses an ID from outside",
            own.evidence
        );
        notes.push(Note { text, flag: None });
    }
    let unseen: std::collections::BTreeSet<_> = configs.values().flat_map(|c| &c.unseen).collect();
    notes.extend(unseen.into_iter().map(|text| Note { text: text.clone(), flag: None }));
    Ok(Release {
        name: group.name.clone(),
        namespace: group.namespace.to_owned(),
        version,
        topology,
        components,
        search,
        secondary_storage,
        repositories,
        records_prefix,
        records_exporter,
        backup_store: brokers_config.and_then(storage::backup_store),
        partitions: brokers_config.and_then(topology::partitions),
        brokers,
        regions,
        notes,
    })
}

/// The Service that counts for each role: of the chart rather than somebody's own, headless for brokers and not for
/// others, with something behind it, by name.
fn roles<'g, 'a>(group: &'g Group<'a>) -> BTreeMap<Role, &'g Member<'a>> {
    let headless = |m: &Member<'_>| m.service.spec.cluster_ip.as_deref() == Some("None");
    let rank = |m: &&Member<'_>| {
        (
            !is_of_chart(&m.service.metadata.labels),
            headless(m) != (m.role == Role::Broker),
            !m.behind.iter().any(|p| p.pod.is_some()),
            m.service.metadata.name.clone(),
        )
    };
    let best = |role: Role| group.members.iter().filter(|m| m.role == role).min_by_key(rank);
    RULES.iter().filter_map(|r| Some((r.role, best(r.role)?))).collect()
}

fn components<'a>(
    index: Index<'a>,
    roles: &BTreeMap<Role, &Member<'a>>,
    configs: &BTreeMap<Role, Config>,
    version: Option<&Version>,
    notes: &mut Vec<Note>,
) -> BTreeMap<Component, Place> {
    let mut found = BTreeMap::new();
    for (role, member) in roles {
        let rule = role.rule();
        let (Some(process), Some(config)) = (member.behind.first(), configs.get(role)) else {
            let text =
                format!("nothing runs behind Service {} of {}", member.service.metadata.name, rule.name);
            notes.push(Note { text, flag: Some(rule.flag) });
            continue;
        };
        let asked = Asked { index, rule, process, config, version };
        match storage::component(*role) {
            Some(component) => drop(place(&asked, member, notes).map(|p| found.insert(component, p))),
            // One by one, because each pod is asked itself; the place of the Service is for its note alone.
            None if asked.management().is_none() => drop(place(&asked, member, notes)),
            None => {
                let management =
                    |process: &Process<'a>| Asked { index, rule, process, config, version }.management();
                found.extend(brokers::places(index, member, management, notes));
            }
        }
    }
    if !found.keys().any(|c| matches!(c, Component::Broker(_))) {
        notes.push(Note {
            text: "no broker pod was found: without the brokers it cannot be seen whether exporting runs"
                .to_owned(),
            flag: Some("--broker-url"),
        });
    }
    found
}

/// Web applications that a split release usually has.
fn absent(roles: &BTreeMap<Role, &Member<'_>>, topology: &Found<Topology>) -> Vec<Note> {
    let expected = match topology.value {
        Topology::Separate => [Role::Operate, Role::Tasklist].as_slice(),
        Topology::OrchestrationCluster => &[],
    };
    let absent = expected.iter().filter(|r| !roles.contains_key(r)).map(|r| r.rule());
    absent
        .map(|rule| Note {
            text: format!("{} has no Service in this release: its part is left out of the backup", rule.name),
            flag: Some(rule.flag),
        })
        .collect()
}

/// Brokers of different versions: an update is going on, or it was left half done.
fn versions_differ(group: &Group<'_>) -> Option<Note> {
    let brokers = group.members.iter().filter(|m| m.role == Role::Broker);
    let mut versions: Vec<_> = brokers.flat_map(version::of_images).collect();
    versions.sort_by(|a, b| a.value.cmp(&b.value));
    versions.dedup_by(|a, b| a.value == b.value);
    let [first, .., last] = versions.as_slice() else { return None };
    let text = format!("the brokers run different versions: {} and {}", first.evidence, last.evidence);
    Some(Note { text, flag: None })
}

fn asked(configs: &BTreeMap<Role, Config>) -> String {
    configs.keys().map(|role| role.rule().name).collect::<Vec<_>>().join(", ")
}
