//! All findings about one release, put together.

use std::collections::BTreeMap;

use super::config::Config;
use super::index::{Index, Process, is_over};
use super::names::{Group, Member, NotFound, choose};
use super::objects::{Labels, Objects};
use super::places::{Asked, place};
use super::release::{Found, Note, Place, Release};
use super::rules::{COMPONENT, INSTANCE, RULES, Role, Rule, is_of_chart};
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
    let mut out_of_reach = BTreeMap::new();
    let told = version.as_ref().map(|f| &f.value);
    let components = components(index, &roles, &configs, told, &mut notes, &mut out_of_reach);
    absent(&roles, &topology, &group, index, &mut notes, &mut out_of_reach);
    let addresses = search::addresses(&configs);
    let search = locate::search(index, group.namespace, &addresses, &configs, &mut notes);
    let repositories = storage::repositories(&configs, topology.value, &addresses, &mut notes);
    let (records_exporter, records_prefix) = storage::records(&configs, &mut notes);
    notes.extend(storage::other_engines(&addresses));
    let secondary_storage = storage::secondary_storage(&configs);
    if search.is_none() {
        let hidden = search::hidden_address(&configs);
        let needs_none =
            || secondary_storage.as_ref().is_some_and(|kind| search::engine(&kind.value).is_none());
        let is_there = hidden.is_some() || !needs_none();
        let text = match hidden {
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
        let component = is_there.then_some(Component::Search);
        miss(component, Note { text, flag: Some("--search-url") }, &mut notes, &mut out_of_reach);
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
        out_of_reach,
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
    out_of_reach: &mut BTreeMap<Component, String>,
) -> BTreeMap<Component, Place> {
    let mut found = BTreeMap::new();
    for (role, member) in roles {
        let rule = role.rule();
        let (Some(process), Some(config)) = (member.behind.first(), configs.get(role)) else {
            let text =
                format!("nothing runs behind Service {} of {}", member.service.metadata.name, rule.name);
            miss(storage::component(*role), Note { text, flag: Some(rule.flag) }, notes, out_of_reach);
            continue;
        };
        let asked = Asked { index, rule, process, config, version };
        match storage::component(*role) {
            Some(component) => match place(&asked, member, notes) {
                Some(place) => drop(found.insert(component, place)),
                // What it was not found for is the last thing that was noted.
                None => out_of_reach.extend(notes.last().map(|note| (component, note.to_string()))),
            },
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

/// Notes what was not found; and of which component, where the release has it.
fn miss(
    component: Option<Component>,
    note: Note,
    notes: &mut Vec<Note>,
    out_of_reach: &mut BTreeMap<Component, String>,
) {
    out_of_reach.extend(component.map(|c| (c, note.to_string())));
    notes.push(note);
}

/// Web applications without a Service: those that run all the same, and those that a split release usually has.
fn absent(
    roles: &BTreeMap<Role, &Member<'_>>,
    topology: &Found<Topology>,
    group: &Group<'_>,
    index: Index<'_>,
    notes: &mut Vec<Note>,
    out_of_reach: &mut BTreeMap<Component, String>,
) {
    for role in [Role::Operate, Role::Tasklist, Role::Optimize] {
        let rule = role.rule();
        let usual = topology.value == Topology::Separate && role != Role::Optimize;
        let running = runs(rule, group, index);
        let text = match &running {
            _ if roles.contains_key(&role) => continue,
            Some(what) => format!("{} runs here ({what}), but no Service of it was found", rule.name),
            None if usual => {
                format!("{} has no Service in this release: its part is left out of the backup", rule.name)
            }
            None => continue,
        };
        let component = storage::component(role).filter(|_| running.is_some());
        miss(component, Note { text, flag: Some(rule.flag) }, notes, out_of_reach);
    }
}

/// What runs of a component, or would, by the labels of the chart.
fn runs(rule: &Rule, group: &Group<'_>, index: Index<'_>) -> Option<String> {
    let is_it = |labels: &Labels| {
        let has = |key: &str, value: &str| labels.get(key).is_some_and(|v| v == value);
        is_of_chart(labels) && has(COMPONENT, rule.component) && has(INSTANCE, &group.name)
    };
    let mut workloads = index.workloads(group.namespace);
    let workload = workloads.find(|(_, w)| is_it(&w.spec.template.metadata.labels));
    let pod = || {
        let mut pods = index.objects.pods.iter().filter(|p| p.metadata.namespace == group.namespace);
        pods.find(|p| !is_over(p) && is_it(&p.metadata.labels)).map(|p| format!("pod {}", p.metadata.name))
    };
    workload.map(|(kind, w)| format!("{kind} {}", w.metadata.name)).or_else(pod)
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
