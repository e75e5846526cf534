//! Which rights each command needs, and whether we have them.
//!
//! The table is the one source: what `check` asks for, the Role that it prints, and what the documentation and the chart
//! grant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use futures_util::stream::{self, StreamExt as _};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use serde::Serialize;

use super::access::{Cluster, within};
use super::error::{Ask, ClusterError};
use super::lease::lease_name;

mod table;

pub use table::table;

/// What rights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Finding the release and how it is configured.
    Discovery,
    /// Reading the search engine's password, by name.
    Secrets,
    /// Finding the Service and pods of a search engine in another namespace.
    SearchElsewhere,
    /// Reaching the components from outside the cluster.
    Forward,
    /// Seeing who holds the release, and what is left to be undone.
    LookAtLock,
    /// Holding the release.
    Lock,
    /// Reading the records of backups.
    ReadRecords,
    /// Writing the record of a backup.
    WriteRecords,
    /// Removing the record of a deleted backup.
    RemoveRecords,
    /// Telling what happens.
    Events,
    /// Starting a run in the cluster, and following it.
    Job,
}

/// A command, as far as rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// `create`
    Create,
    /// `create --in-cluster`, for whoever types it; the Job has an account of its own.
    CreateInCluster,
    /// `check`, `status`
    Look,
    /// `list`, `describe`, `verify`
    List,
    /// `delete`, `prune`
    Delete,
    /// `resume`, and the guard.
    Resume,
}

type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

/// purpose → API group, resources, verbs
pub const RULES: &[(Purpose, &[Rule])] = &[
    (
        Purpose::Discovery,
        &[
            ("", &["services", "pods", "configmaps"], &["list"]),
            ("apps", &["statefulsets", "deployments"], &["list"]),
        ],
    ),
    (Purpose::Secrets, &[("", &["secrets"], &["get"])]),
    (Purpose::SearchElsewhere, &[("", &["services", "pods"], &["list"])]),
    // The stream is asked for with GET; from Kubernetes 1.35 on it also wants `create`.
    (Purpose::Forward, &[("", &["pods"], &["get", "list"]), ("", &["pods/portforward"], &["get", "create"])]),
    (Purpose::LookAtLock, &[("coordination.k8s.io", &["leases"], &["get"])]),
    (Purpose::Lock, &[("coordination.k8s.io", &["leases"], &["get", "create", "update"])]),
    (Purpose::ReadRecords, &[("", &["configmaps"], &["list"])]),
    (Purpose::WriteRecords, &[("", &["configmaps"], &["create", "patch"])]),
    (Purpose::RemoveRecords, &[("", &["configmaps"], &["delete"])]),
    (
        Purpose::Events,
        &[
            ("events.k8s.io", &["events"], &["create"]),
            ("", &["services"], &["get"]),
            ("batch", &["cronjobs"], &["list"]),
        ],
    ),
    (
        Purpose::Job,
        &[
            ("batch", &["cronjobs"], &["get", "list"]),
            ("batch", &["jobs"], &["get", "create", "delete"]),
            ("", &["pods"], &["list"]),
            ("", &["pods/log"], &["get"]),
        ],
    ),
];

impl Command {
    /// All of them.
    pub const ALL: [Command; 6] = [
        Command::Create,
        Command::CreateInCluster,
        Command::Look,
        Command::List,
        Command::Delete,
        Command::Resume,
    ];

    /// The verbs of the command line that it stands for.
    pub fn verbs(self) -> &'static [&'static str] {
        match self {
            Command::Create => &["create"],
            Command::CreateInCluster => &["create --in-cluster"],
            Command::Look => &["check", "status"],
            Command::List => &["list", "describe", "verify"],
            Command::Delete => &["delete", "prune"],
            Command::Resume => &["resume", "resume --if-abandoned"],
        }
    }

    /// What a command needs rights for. `forward`: it runs outside of the cluster.
    pub fn purposes(self, forward: bool) -> Vec<Purpose> {
        use Purpose::{
            Discovery, Events, Forward, Job, Lock, LookAtLock, ReadRecords, RemoveRecords, Secrets,
            WriteRecords,
        };
        let mut purposes = match self {
            // Whoever follows a Job also wants to know what a Job that vanished has left.
            Command::CreateInCluster => return vec![Job, LookAtLock],
            // A backup also prunes, where that is asked for; and who deletes repairs first what a dead run left, and tells.
            Command::Create | Command::Delete => {
                vec![Discovery, Secrets, Lock, WriteRecords, RemoveRecords, Events]
            }
            Command::Look => vec![Discovery, Secrets, LookAtLock],
            Command::List => vec![Discovery, Secrets, LookAtLock, ReadRecords],
            Command::Resume => vec![Discovery, Lock, WriteRecords, Events],
        };
        if forward {
            purposes.push(Forward);
        }
        purposes
    }

    /// Its rights in the release's namespace, without repetitions. Secrets only where some are to be read, and only
    /// those.
    pub fn rights(self, forward: bool, secrets: &[String]) -> Vec<Right> {
        rights_for(&self.purposes(forward), secrets)
    }

    /// Its rights in the search engine's namespace, where that is another one. (In the cluster the engine is spoken to
    /// by the URL that the release itself uses, and nothing has to be found.)
    pub fn rights_elsewhere(self, forward: bool, secrets: &[String]) -> Vec<Right> {
        let forwards: &[Purpose] = if forward { &[Purpose::SearchElsewhere, Purpose::Forward] } else { &[] };
        match self {
            Command::CreateInCluster | Command::Resume => Vec::new(),
            Command::Create | Command::Look | Command::List | Command::Delete => {
                rights_for(&[&[Purpose::Secrets], forwards].concat(), secrets)
            }
        }
    }
}

fn rights_for(purposes: &[Purpose], secrets: &[String]) -> Vec<Right> {
    let mut rights = BTreeSet::new();
    for purpose in purposes {
        for (group, resources, verbs) in RULES.iter().filter(|(p, _)| p == purpose).flat_map(|(_, r)| *r) {
            for (resource, verb) in resources.iter().flat_map(|r| verbs.iter().map(move |v| (r, v))) {
                let names: Vec<_> = match purpose {
                    Purpose::Secrets => secrets.iter().cloned().map(Some).collect(),
                    _ => vec![None],
                };
                for name in names {
                    rights.insert(Right { group, resource, verb, name, needed: purpose.is_needed() });
                }
            }
        }
    }
    // What something else needs as well is needed.
    let needed: BTreeSet<_> = rights.iter().filter(|r| r.needed).map(Right::key).collect();
    rights.into_iter().filter(|r| r.needed || !needed.contains(&r.key())).collect()
}

impl Purpose {
    /// Whether a command fails without it. Records and Events are written when they may be.
    pub fn is_needed(self) -> bool {
        !matches!(
            self,
            Purpose::WriteRecords | Purpose::ReadRecords | Purpose::RemoveRecords | Purpose::Events
        )
    }
}

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Right {
    /// API group; empty for the core's.
    pub group: &'static str,
    /// With a subresource after a slash.
    pub resource: &'static str,
    /// Verb.
    pub verb: &'static str,
    /// Only on this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the command fails without it.
    pub needed: bool,
}

impl Right {
    /// On the release's own Lease alone: a Role may be limited to that (`resourceNames`). What is yet to be created has
    /// no name by which it could be.
    #[must_use]
    pub fn on_release(self, release: &str) -> Self {
        let of_lease = self.resource == "leases" && self.verb != "create";
        if of_lease { Self { name: Some(lease_name(release)), ..self } } else { self }
    }

    fn key(&self) -> (&'static str, &'static str, &'static str, Option<String>) {
        (self.group, self.resource, self.verb, self.name.clone())
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match &self.name {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

impl Cluster {
    /// Those of the rights that we do not have in the namespace, asked for one by one.
    pub async fn missing_rights(
        &self,
        namespace: &str,
        rights: &[Right],
    ) -> Result<Vec<Right>, ClusterError> {
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client().clone());
        let ask = Ask::all("create", "selfsubjectaccessreviews.authorization.k8s.io", "");
        // Each request at a time is a connection of its own: a few, not dozens.
        let answers: Vec<_> = stream::iter(rights)
            .map(|right| {
                let (api, ask) = (&api, &ask);
                async move {
                    let review = review(namespace, right);
                    let params = PostParams::default();
                    within(self.deadline(), ask, api.create(&params, &review)).await.map(|r| (right, r))
                }
            })
            .buffered(4)
            .collect()
            .await;
        let mut missing = Vec::new();
        for answer in answers {
            let (right, review) = answer?;
            if !review.status.is_some_and(|s| s.allowed) {
                missing.push(right.clone());
            }
        }
        Ok(missing)
    }
}

fn review(namespace: &str, right: &Right) -> SelfSubjectAccessReview {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (right.resource, None),
    };
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some(right.verb.to_owned()),
        group: Some(right.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        name: right.name.clone(),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    SelfSubjectAccessReview { spec, ..Default::default() }
}

/// A Role that gives the rights, as YAML for `kubectl apply -f -`.
pub fn role(name: &str, namespace: &str, rights: &[Right]) -> String {
    let mut verbs: BTreeMap<(&str, Option<&str>, &str), BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        verbs.entry((right.group, right.name.as_deref(), right.resource)).or_default().insert(right.verb);
    }
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for ((group, name, resource), verbs) in verbs {
        rules.entry((group, name, verbs.into_iter().collect::<Vec<_>>())).or_default().push(resource);
    }
    let mut yaml = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: {name}\n  namespace: {namespace}\nrules:\n"
    );
    for ((group, name, verbs), resources) in rules {
        let list = |of: &[&str]| of.iter().map(|t| format!("{t:?}")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(yaml, "  - apiGroups: [{group:?}]\n    resources: [{}]", list(&resources));
        if let Some(name) = name {
            let _ = writeln!(yaml, "    resourceNames: [{name:?}]");
        }
        let _ = writeln!(yaml, "    verbs: [{}]", list(&verbs));
    }
    yaml
}

#[cfg(test)]
mod tests;
