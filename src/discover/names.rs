//! Which releases there are, and which one is meant.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::index::{Index, Process};
use super::objects::{Objects, Service};
use super::rules::{COMPONENT, INSTANCE, PART_OF, RELEASE_NAME, RULES, Role};
use super::{topology, version};
use crate::model::{Topology, Version};

/// A release that could be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Version, as far as it is known.
    pub version: Option<Version>,
    /// How its processes are cut.
    pub topology: Topology,
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in namespace {}", self.name, self.namespace)?;
        if let Some(version) = &self.version {
            write!(f, " (Camunda {version}, {})", self.topology)?;
        }
        Ok(())
    }
}

/// The release is not there, or it is not clear which one is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// None.
    #[error("there is no {looked_for}{}", near_text(near))]
    None {
        /// What was looked for, and where.
        looked_for: String,
        /// What is there instead.
        near: Vec<Candidate>,
    },
    /// Several.
    #[error("there are several Camunda releases; say which one with --release:{}", list(candidates))]
    Ambiguous {
        /// They.
        candidates: Vec<Candidate>,
    },
}

fn list(candidates: &[Candidate]) -> String {
    candidates.iter().fold(String::new(), |mut text, candidate| {
        let _ = write!(text, "\n  {candidate}");
        text
    })
}

fn near_text(near: &[Candidate]) -> String {
    if near.is_empty() {
        return ". No Camunda release was seen at all: is it another namespace (-n) or context (--context)? A release without Helm's labels is reached by URLs: --gateway-url, --search-url, ...".to_owned();
    }
    format!(". There is (--release, -n):{}", list(near))
}

/// A Service with its part in a release.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub role: Role,
    pub service: &'a Service,
    /// What runs behind it, the ready ones first.
    pub behind: Vec<Process<'a>>,
    /// The release's name; `None` when nothing says one.
    pub owner: Option<&'a str>,
}

impl<'a> Member<'a> {
    /// The release that a Service is of. Its selector comes first, because it cannot be changed afterwards and says what
    /// the pods are labelled with; some delivery tools write their own name over the label of the Service.
    fn owner(service: &'a Service, behind: &[Process<'a>]) -> Option<&'a str> {
        let metadata = &service.metadata;
        let of_selector = service.spec.selector.get(INSTANCE);
        let of_pods = || behind.iter().find_map(|p| p.metadata.labels.get(INSTANCE));
        let owner = of_selector
            .or_else(|| metadata.annotations.get(RELEASE_NAME))
            .or_else(|| metadata.labels.get(INSTANCE))
            .or_else(of_pods);
        owner.map(String::as_str)
    }

    /// Whether somebody may call its release so.
    fn answers_to(&self, name: &str) -> bool {
        let metadata = &self.service.metadata;
        let names = [
            self.owner,
            metadata.labels.get(INSTANCE).map(String::as_str),
            metadata.annotations.get(RELEASE_NAME).map(String::as_str),
        ];
        names.contains(&Some(name))
    }
}

/// The Services of one release.
#[derive(Debug, Clone)]
pub(super) struct Group<'a> {
    pub name: String,
    pub namespace: &'a str,
    pub members: Vec<Member<'a>>,
}

impl Group<'_> {
    fn candidate(&self, index: Index<'_>) -> Candidate {
        Candidate {
            name: self.name.clone(),
            namespace: self.namespace.to_owned(),
            version: version::find(self, index).map(|f| f.value),
            topology: topology::find(self).value,
        }
    }
}

/// All releases that have a gateway: without one there is nothing to pause and nothing to back up.
pub(super) fn groups<'a>(index: Index<'a>) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(&str, Option<&str>), Vec<Member<'a>>> = BTreeMap::new();
    for service in &index.objects.services {
        let namespace = service.metadata.namespace.as_str();
        let behind = index.behind(namespace, &service.spec.selector);
        let owner = Member::owner(service, &behind);
        for rule in RULES.iter().filter(|r| r.plays(service, &behind)) {
            let member = Member { role: rule.role, service, behind: behind.clone(), owner };
            groups.entry((namespace, owner)).or_default().push(member);
        }
    }
    let with_gateway = groups.into_iter().filter_map(|((namespace, owner), members)| {
        let gateway = members.iter().find(|m| m.role == Role::Gateway)?;
        // Nothing names it: people know it by its Service.
        let name = owner.unwrap_or(&gateway.service.metadata.name).to_owned();
        Some(Group { name, namespace, members })
    });
    with_gateway.collect()
}

/// All releases in what could be read, by namespace and name.
pub fn releases(objects: &Objects) -> Vec<Candidate> {
    let index = Index { objects };
    groups(index).iter().map(|g| g.candidate(index)).collect()
}

/// The one that is meant: `wanted` by name, or the only one of the namespace.
pub(super) fn choose<'a>(
    index: Index<'a>,
    wanted: Option<&str>,
    namespace: &str,
) -> Result<Group<'a>, NotFound> {
    let all = groups(index);
    let candidates = |groups: &[&Group<'_>]| groups.iter().map(|g| g.candidate(index)).collect::<Vec<_>>();
    let meant: Vec<_> = all
        .iter()
        .filter(|g| g.namespace == namespace)
        .filter(|g| wanted.is_none_or(|w| g.name == w || g.members.iter().any(|m| m.answers_to(w))))
        .collect();
    // A name of its own wins over a label that another tool wrote.
    let exact: Vec<_> = meant.iter().copied().filter(|g| wanted == Some(g.name.as_str())).collect();
    match (exact.as_slice(), meant.as_slice()) {
        ([one], _) | (_, [one]) => Ok((*one).clone()),
        (_, []) => {
            let mut near: Vec<_> = all.iter().collect();
            near.sort_by_key(|g| (wanted != Some(g.name.as_str()), g.namespace != namespace));
            let what =
                wanted.map_or_else(|| "Camunda release".to_owned(), |w| format!("Camunda release {w}"));
            Err(NotFound::None {
                looked_for: format!(
                    "{what} in namespace {namespace}: looked for a Service with the labels {}={} and {}=zeebe-gateway",
                    PART_OF.0, PART_OF.1, COMPONENT
                ),
                near: candidates(&near),
            })
        }
        _ => Err(NotFound::Ambiguous { candidates: candidates(&meant) }),
    }
}
