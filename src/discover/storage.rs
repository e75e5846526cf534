//! Where backups go, and which indices hold the exported records.

use std::collections::BTreeMap;

use super::config::Config;
use super::release::{Found, Note};
use super::rules::Role;
use super::search::{Address, Exporter, exporters};
use crate::model::{Component, Part, Topology};

/// One key that names the snapshot repository of a part. The first that is set counts.
struct Row {
    part: Part,
    topology: Topology,
    roles: &'static [Role],
    keys: &'static [&'static str],
    /// How people set it.
    variable: &'static str,
}

const OPTIMIZE_KEYS: &[&str] = &[
    "CAMUNDA_OPTIMIZE_BACKUP_REPOSITORY_NAME",
    "es.backup.repositoryName",
    "opensearch.backup.repositoryName",
    "backup.repositoryName",
];

/// Sources: backup guides 8.5–8.10; the keys of 8.8 are read by 8.9 as well, and those of 8.7 by 8.8.
const ROWS: [Row; 5] = [
    Row {
        part: Part::Operate,
        topology: Topology::Separate,
        roles: &[Role::Operate],
        keys: &["camunda.operate.backup.repositoryName"],
        variable: "CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME",
    },
    Row {
        part: Part::Tasklist,
        topology: Topology::Separate,
        roles: &[Role::Tasklist],
        keys: &["camunda.tasklist.backup.repositoryName"],
        variable: "CAMUNDA_TASKLIST_BACKUP_REPOSITORYNAME",
    },
    Row {
        part: Part::History,
        topology: Topology::OrchestrationCluster,
        roles: &[Role::Gateway, Role::Broker],
        keys: &[
            "camunda.data.secondary-storage.elasticsearch.backup.repository-name",
            "camunda.data.secondary-storage.opensearch.backup.repository-name",
            "camunda.data.backup.repository-name",
            "camunda.operate.backup.repositoryName",
            "camunda.tasklist.backup.repositoryName",
        ],
        variable: "CAMUNDA_DATA_BACKUP_REPOSITORYNAME",
    },
    Row {
        part: Part::Optimize,
        topology: Topology::Separate,
        roles: &[Role::Optimize],
        keys: OPTIMIZE_KEYS,
        variable: "CAMUNDA_OPTIMIZE_BACKUP_REPOSITORY_NAME",
    },
    Row {
        part: Part::Optimize,
        topology: Topology::OrchestrationCluster,
        roles: &[Role::Optimize],
        keys: OPTIMIZE_KEYS,
        variable: "CAMUNDA_OPTIMIZE_BACKUP_REPOSITORY_NAME",
    },
];

/// The repository of each part, and a proposal for the records.
pub(super) fn repositories(
    configs: &BTreeMap<Role, Config>,
    topology: Topology,
    addresses: &[Address],
    notes: &mut Vec<Note>,
) -> BTreeMap<Part, Found<String>> {
    let mut found = BTreeMap::new();
    for row in ROWS.iter().filter(|r| r.topology == topology) {
        let mut asked = row.roles.iter().filter_map(|role| configs.get(role)).peekable();
        if asked.peek().is_none() {
            continue;
        }
        match asked.find_map(|config| config.text(row.keys)) {
            Some(repository) => drop(found.insert(row.part, repository)),
            None if is_relational(configs) && row.part == Part::History => {}
            None => notes.push(Note {
                text: format!("no snapshot repository is configured for the {} backup, which will be refused; set {} for it", row.part, row.variable),
                flag: None,
            }),
        }
    }
    match of_records(&found, addresses) {
        Some(repository) => drop(found.insert(Part::Records, repository)),
        None if addresses.is_empty() => {}
        None => notes.push(Note {
            text: "no component names a snapshot repository that the records snapshot could go to".to_owned(),
            flag: Some("--repository"),
        }),
    }
    found
}

/// The repository has to be in the engine that holds the records: the one of a component that uses the same engine.
fn of_records(found: &BTreeMap<Part, Found<String>>, addresses: &[Address]) -> Option<Found<String>> {
    let records = addresses.first()?;
    let uses = |part: Part| {
        let roles: &[Role] = match part {
            Part::Operate => &[Role::Operate],
            Part::Tasklist => &[Role::Tasklist],
            Part::Optimize => &[Role::Optimize],
            Part::History | Part::Records | Part::Zeebe => &[Role::Broker, Role::Gateway],
        };
        // The records' exporter is configured at the brokers, too; it says nothing about the history.
        let mut own = addresses.iter().skip(1).filter(|a| roles.contains(&a.role)).peekable();
        own.peek().is_none() || own.any(|a| a.at() == records.at())
    };
    let (part, repository) = found.iter().find(|(part, _)| uses(**part))?;
    let evidence = format!("the {part} backup uses it in the same engine: {}", repository.evidence);
    Some(Found::new(repository.value.clone(), evidence))
}

const STORAGE_KEYS: &[&str] = super::sources::STORAGE_KIND;

/// The kind of secondary storage, as configured.
pub(super) fn secondary_storage(configs: &BTreeMap<Role, Config>) -> Option<Found<String>> {
    [Role::Broker, Role::Gateway, Role::Operate].iter().find_map(|role| configs.get(role)?.text(STORAGE_KEYS))
}

fn is_relational(configs: &BTreeMap<Role, Config>) -> bool {
    secondary_storage(configs).is_some_and(|f| f.value.eq_ignore_ascii_case("rdbms"))
}

/// What the exporters and `zeebe.name` of Optimize say the prefix is when nobody sets it.
const DEFAULT_PREFIX: &str = "zeebe-record";

/// The exporter of the records, and the prefix of its indices.
pub(super) fn records(
    configs: &BTreeMap<Role, Config>,
    notes: &mut Vec<Note>,
) -> (Option<Found<String>>, Found<String>) {
    let brokers = configs.get(&Role::Broker);
    let exporter = brokers.and_then(|c| exporters(c).into_iter().next().map(|e| (c, e)));
    let optimize =
        configs.get(&Role::Optimize).and_then(|c| c.text(&["zeebe.name", "CAMUNDA_OPTIMIZE_ZEEBE_NAME"]));
    let of_exporter =
        exporter.as_ref().and_then(|(config, e): &(&Config, Exporter)| e.argument(config, "index.prefix"));
    let operate = || {
        let config = configs.get(&Role::Operate)?;
        config.text(&["camunda.operate.zeebeElasticsearch.prefix", "camunda.operate.zeebeOpensearch.prefix"])
    };
    let default = || Found::new(DEFAULT_PREFIX.to_owned(), "default: nothing sets another");
    let prefix = of_exporter.or_else(|| match exporter {
        // The exporter has its own default; what others expect does not change it.
        Some(_) => None,
        None => operate().or_else(|| optimize.clone()),
    });
    let prefix = prefix.unwrap_or_else(default);
    if let Some(reads) = optimize.filter(|o| o.value != prefix.value) {
        notes.push(Note {
            text: format!(
                "Optimize reads records from {}* ({}), but they are written to {}* ({})",
                reads.value, reads.evidence, prefix.value, prefix.evidence
            ),
            flag: Some("--records-prefix"),
        });
    }
    (exporter.map(|(_, e)| e.class), prefix)
}

/// Where the brokers put their backups.
pub(super) fn backup_store(brokers: &Config) -> Option<Found<String>> {
    brokers.text(&[
        "camunda.data.primary-storage.backup.store",
        "camunda.data.backup.store",
        "zeebe.broker.data.backup.store",
    ])
}

/// Clusters that make backup IDs themselves refuse ours (8.9 and later).
pub(super) fn own_ids(brokers: &Config) -> Option<Found<String>> {
    const PREFIX: &str = "camunda.data.primary-storage.backup";
    let schedule = brokers.text(&[&format!("{PREFIX}.schedule"), &format!("{PREFIX}.checkpoint-interval")]);
    schedule.filter(|f| !f.value.eq_ignore_ascii_case("none")).or_else(|| {
        brokers.is_on(&[&format!("{PREFIX}.continuous")]).map(|f| f.map(|_| "continuous".to_owned()))
    })
}

/// Other engines beside the one of the records: their snapshots are seen by their components only.
pub(super) fn other_engines(addresses: &[Address]) -> Option<Note> {
    let records = addresses.first()?;
    let other = addresses.iter().find(|a| a.at() != records.at())?;
    Some(Note {
        text: format!(
            "the release uses two search engines: {} ({}) and {} ({}); the records snapshot is taken in the first",
            records.url, records.evidence, other.url, other.evidence
        ),
        flag: Some("--search-url"),
    })
}

/// The component that takes a part, for notes.
pub(super) const fn component(role: Role) -> Option<Component> {
    match role {
        Role::Gateway => Some(Component::Gateway),
        Role::Operate => Some(Component::Operate),
        Role::Tasklist => Some(Component::Tasklist),
        Role::Optimize => Some(Component::Optimize),
        Role::Broker => None,
    }
}
