//! The rights that a command needs on a release in Kubernetes: asked for all at once, told all at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Context;
use super::args::{Access, RightsArgs};
use crate::cluster::rights::{Command, Right, role, table};
use crate::cluster::{Cluster, ClusterError};
use crate::discover::Release;
use crate::exit::Exit;
use crate::model::{Finding, Reason, Severity};
use crate::render::{Document, RightView, RightsView};

/// What the Role is called that we print.
const ROLE: &str = "camunda-backup";

/// When rights are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Only when something was denied, to say what else is missing.
    Late,
    /// Before anything is done; what is missing is told together with everything else that is wrong.
    First,
    /// Before anything is done, and nothing is done when one is missing.
    Strictly,
}

/// Which rights, and when they are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    pub command: Command,
    pub asked: Asked,
}

impl Needs {
    pub fn late(command: Command) -> Self {
        Self { command, asked: Asked::Late }
    }

    /// For a command that changes something, unless it only shows what it would do.
    pub fn of_change(command: Command, dry_run: bool) -> Self {
        Self { command, asked: if dry_run { Asked::Late } else { Asked::Strictly } }
    }

    pub fn first(command: Command) -> Self {
        Self { command, asked: Asked::First }
    }
}

/// Rights that we do not have in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub namespace: String,
    pub rights: Vec<Right>,
}

/// Where a command works, as far as that is known.
pub(crate) struct Where<'a> {
    pub cluster: &'a Cluster,
    pub namespace: &'a str,
    /// Found already; else its Secrets are not known yet.
    pub release: Option<&'a Release>,
    /// Its name, found or typed.
    pub name: Option<&'a str>,
    /// The search engine was found, not given by its URL.
    pub search: bool,
    pub forward: bool,
    pub no_lease: bool,
}

impl Where<'_> {
    /// Asks for all rights of a command, and returns those that are missing.
    pub async fn missing(&self, command: Command) -> Result<Vec<Missing>, ClusterError> {
        let mut secrets: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let search = self.release.and_then(|r| r.search.as_ref()).filter(|_| self.search);
        for at in search.map(|s| s.secrets()).unwrap_or_default() {
            let names = secrets.entry(&at.namespace).or_default();
            if !names.contains(&at.name) {
                names.push(at.name.clone());
            }
        }
        let mut needed = vec![(
            self.namespace,
            command.rights(self.forward, secrets.get(self.namespace).map_or(&[], Vec::as_slice)),
        )];
        let place = search.and_then(|s| s.place.as_ref().map(|p| p.namespace.as_str()));
        let unseen = search.and_then(|s| s.unseen_service.as_ref().map(|(namespace, _)| namespace.as_str()));
        for elsewhere in place.or(unseen).into_iter().chain(secrets.keys().copied()) {
            if needed.iter().all(|(namespace, _)| *namespace != elsewhere) {
                let names = secrets.get(elsewhere).map_or(&[][..], Vec::as_slice);
                needed.push((elsewhere, command.rights_elsewhere(self.forward, names)));
            }
        }
        let mut missing = Vec::new();
        for (namespace, mut rights) in needed {
            rights.retain(|r| !(self.no_lease && r.resource == "leases"));
            if let Some(name) = self.name {
                rights = rights.into_iter().map(|r| r.on_release(name)).collect();
            }
            let rights = self.cluster.missing_rights(namespace, &rights).await?;
            if !rights.is_empty() {
                missing.push(Missing { namespace: namespace.to_owned(), rights });
            }
        }
        Ok(missing)
    }
}

impl Missing {
    /// Whether the command fails for it.
    pub fn is_needed(&self) -> bool {
        self.rights.iter().any(|r| r.needed)
    }

    fn list(&self, needed: bool) -> String {
        let list: Vec<_> = self.rights.iter().filter(|r| r.needed == needed).map(Right::to_string).collect();
        list.join(", ")
    }

    /// What is missing, and what is missing but not needed.
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |needed, severity, what: &str| {
            let list = self.list(needed);
            let detail = format!("in namespace {}{what}: {list}", self.namespace);
            let finding = Finding { severity, ..Finding::new(Reason::RightMissing, None, detail) };
            (!list.is_empty()).then_some(finding)
        };
        let optional = ", without which no record and no Event is written";
        [finding(true, Severity::Error, ""), finding(false, Severity::Warning, optional)]
            .into_iter()
            .flatten()
            .collect()
    }

    pub fn view(&self) -> RightsView {
        let view = |r: &Right| RightView {
            group: r.group.to_owned(),
            resource: r.resource.to_owned(),
            verb: r.verb.to_owned(),
            name: r.name.clone(),
            needed: r.needed,
        };
        RightsView {
            namespace: self.namespace.clone(),
            rights: self.rights.iter().map(view).collect(),
            role: role(ROLE, &self.namespace, &self.rights),
        }
    }
}

/// What is missing, for an error: all of it, and the Roles that would give it.
pub(crate) fn explained(missing: &[Missing]) -> String {
    let mut text = String::new();
    for Missing { namespace, rights } in missing {
        let _ = writeln!(text, "rights that are missing in namespace {namespace}:");
        for right in rights {
            let _ =
                writeln!(text, "  {right}{}", if right.needed { "" } else { " (not needed, but useful)" });
        }
    }
    text.push_str("to be applied with `kubectl apply -f -` by whoever may, and bound to this user:\n");
    for Missing { namespace, rights } in missing {
        let _ = writeln!(text, "---\n{}", role(ROLE, namespace, rights).trim_end());
    }
    text.trim_end().to_owned()
}

/// `rights`: the Role of a verb, or the table of all.
pub(crate) fn run(context: &Context, args: &RightsArgs) -> Exit {
    let Some(command) = args.verb.map(Command::from) else {
        context.write(|out| out.write_all(table().as_bytes()));
        return Exit::Done;
    };
    let forward = args.access != Access::Direct;
    let namespace = args.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let rights = Missing { namespace, rights: command.rights(forward, &args.secret) };
    context.print(&Document::Rights(&rights.view()));
    Exit::Done
}
