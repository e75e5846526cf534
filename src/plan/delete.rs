//! Request + facts + ID → deletion: exact names, in an order that can be interrupted.
//!
//! What the search engine itself is asked to delete goes first: its user may lack the right to, and then nothing of the set
//! is touched. Zeebe's part goes last, and only when everything else is gone: it is the one part that proves whose set it
//! is, so a deletion that was interrupted can always be repeated.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{BackupRequest, nearest};
use crate::client::{Method, Request};
use crate::dialect::{IN_BRIEF, Route, Shape, search};
use crate::model::{BackupId, Component, Facts, Name, Part, PartBackup, PartState, SnapshotName, id_in_name};

/// How one set is deleted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deletion {
    /// Which.
    pub backup_id: BackupId,
    /// Its parts that are there, in the order of their deletion.
    pub parts: Vec<PartDeletion>,
}

/// How one part is deleted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartDeletion {
    /// Which.
    pub part: Part,
    /// What is sent. Every one can be repeated: what is gone already is done.
    pub requests: Vec<Request>,
    /// How it is seen to be gone.
    pub gone: Gone,
}

impl PartDeletion {
    /// Whether the search engine itself is asked, with the rights of its user that we are.
    pub fn asks_engine(&self) -> bool {
        self.requests.iter().any(|r| r.component == Component::Search)
    }
}

/// How a part is seen to be gone. A component that accepts a deletion has only promised it: the search engine deletes
/// snapshots in its own time (recorded on 8.6.0: Operate still lists a backup as complete after its 204).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Gone {
    /// The repository has none of these very names.
    Snapshots {
        /// The question.
        request: Request,
        /// The names.
        names: BTreeSet<String>,
    },
    /// The component does not list the ID any more. Asked for the ID alone, Operate and Tasklist 8.6 answer 400 and 500
    /// to what is gone, and to what they cannot read: only a list tells the one from the other.
    Listed {
        /// The question.
        request: Request,
    },
    /// Zeebe answers 404 to the ID.
    Partitions {
        /// The question.
        request: Request,
    },
}

/// Computes the deletion of what is known of an ID. Says nothing about whether it may be deleted: that is the catalogue's
/// business.
pub fn deletion(request: &BackupRequest, facts: &Facts, id: BackupId) -> Deletion {
    one(request, facts, &Known::of(facts), id)
}

/// The same for many IDs: what is known is sorted by ID once.
pub fn deletions(
    request: &BackupRequest,
    facts: &Facts,
    ids: impl IntoIterator<Item = BackupId>,
) -> Vec<Deletion> {
    let known = Known::of(facts);
    ids.into_iter().map(|id| one(request, facts, &known, id)).collect()
}

fn one(request: &BackupRequest, facts: &Facts, known: &Known<'_>, id: BackupId) -> Deletion {
    let dialect = nearest(request, facts);
    let context = Context { request, facts, known, id };
    let parts = dialect.routes.iter().filter_map(|route| context.part(route));
    // What an earlier version took, or another topology, has no owner any more: it goes by its names.
    let unrouted = Part::ALL.into_iter().filter(|part| dialect.route(*part).is_none());
    let parts = parts.chain(unrouted.filter_map(|part| context.by_name(part)));
    // Sorted by when: the sort is stable, and keeps the table's order among the others.
    let mut parts: Vec<_> = parts.collect();
    parts.sort_by_key(|p| (p.part == Part::Zeebe, !p.asks_engine()));
    let deletion = Deletion { backup_id: id, parts };
    debug_assert_eq!(deletion.violations(), Vec::<String>::new());
    deletion
}

/// What is known, by ID and part.
#[derive(Default)]
struct Known<'a> {
    listed: BTreeMap<(BackupId, Part), &'a PartBackup>,
    stored: BTreeMap<(BackupId, Part), Vec<&'a Name>>,
}

impl<'a> Known<'a> {
    fn of(facts: &'a Facts) -> Self {
        let mut known = Self::default();
        for (part, backups) in &facts.backups {
            for backup in backups.iter().flatten() {
                if !matches!(backup.state, PartState::DoesNotExist | PartState::Deleted) {
                    known.listed.entry((backup.id, *part)).or_insert(backup);
                }
            }
        }
        for stored in facts.snapshots.iter().flatten().flatten() {
            if let Some(name) = stored.name.ours() {
                known.stored.entry((name.id, name.part)).or_default().push(&stored.name);
            }
        }
        known
    }
}

struct Context<'a> {
    request: &'a BackupRequest,
    facts: &'a Facts,
    known: &'a Known<'a>,
    id: BackupId,
}

impl Context<'_> {
    fn part(&self, route: &Route) -> Option<PartDeletion> {
        let id = self.id;
        let listed = self.known.listed.get(&(id, route.part)).copied();
        let stored = self.stored(route.part);
        let host = route.host_or_first(&self.request.components);
        let by_owner = Request::delete(host, format!("{}/{id}", route.base));
        let (requests, gone) = match (route.shape, listed) {
            (Shape::Partitions, Some(_)) => {
                let look = Request::get(host, format!("{}/{id}", route.base));
                (vec![by_owner], Gone::Partitions { request: look })
            }
            (Shape::Snapshots, Some(backup)) => {
                // The owner may keep its snapshots in a repository of its own, which we do not see.
                let all_seen =
                    !stored.is_empty() && backup.pieces.iter().all(|p| stored.contains(&p.name.to_string()));
                if !all_seen {
                    let brief = format!("{}{IN_BRIEF}", route.base);
                    (vec![by_owner], Gone::Listed { request: Request::get(host, brief) })
                } else if self.are_of_another_version(&stored, host) {
                    (self.one_by_one(&stored), self.snapshots(stored)?)
                } else {
                    (vec![by_owner], self.snapshots(stored)?)
                }
            }
            // Nobody owns the records; of the others the owner does not know, so it would not delete them.
            (Shape::Records, _) | (Shape::Snapshots, None) => {
                (self.one_by_one(&stored), self.snapshots(stored)?)
            }
            (Shape::Partitions, None) => return None,
        };
        Some(PartDeletion { part: route.part, requests, gone })
    }

    fn by_name(&self, part: Part) -> Option<PartDeletion> {
        let stored = self.stored(part);
        Some(PartDeletion { part, requests: self.one_by_one(&stored), gone: self.snapshots(stored)? })
    }

    /// The names in the repository that carry this part and this ID.
    fn stored(&self, part: Part) -> BTreeSet<String> {
        self.known.stored.get(&(self.id, part)).into_iter().flatten().map(ToString::to_string).collect()
    }

    /// Whether their owner runs in another version than the one that took them. Operate and Tasklist delete the names that
    /// their own version would have given, so what was taken before an update stays, after a 204 (camunda/camunda issues
    /// 18869 and 20458; seen on 8.6.0).
    fn are_of_another_version(&self, names: &BTreeSet<String>, owner: Component) -> bool {
        let running = self.facts.components.get(&owner).and_then(|c| c.version.as_ref());
        let other = |running| {
            move |name: &String| {
                SnapshotName::parse(name).is_none_or(|n| n.version().as_ref() != Some(running))
            }
        };
        running.is_some_and(|running| names.iter().any(other(running)))
    }

    fn one_by_one(&self, names: &BTreeSet<String>) -> Vec<Request> {
        let repository = self.request.repository.as_deref().unwrap_or_default();
        let delete = |name: &String| Request::delete(Component::Search, search::snapshot(repository, name));
        names.iter().map(delete).collect()
    }

    fn snapshots(&self, names: BTreeSet<String>) -> Option<Gone> {
        let repository = self.request.repository.as_deref()?;
        if names.is_empty() {
            return None;
        }
        let list = names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        Some(Gone::Snapshots {
            request: Request::get(Component::Search, search::present(repository, &list)),
            names,
        })
    }
}

impl Deletion {
    /// Whether nothing is there to be deleted.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Of these parts alone: what one run of ours has begun.
    #[must_use]
    pub fn only(mut self, parts: &[Part]) -> Self {
        self.parts.retain(|p| parts.contains(&p.part));
        self
    }

    /// What is wrong with the value, if anything: rules that hold for every deletion.
    ///
    /// 1. Every request deletes exactly one thing: this ID of a component, or one snapshot whose name carries this ID.
    /// 2. No request holds a wildcard or a list.
    /// 3. Nothing comes after Zeebe's part.
    /// 4. What the search engine itself is asked for comes before everything else.
    pub fn violations(&self) -> Vec<String> {
        let id = self.backup_id;
        let mut wrong = Vec::new();
        for request in self.parts.iter().flat_map(|p| &p.requests) {
            let path = &request.path;
            let last = path.rsplit('/').next().unwrap_or_default();
            if request.method != Method::Delete {
                wrong.push(format!("{path} is not a deletion"));
            }
            if path.contains(['*', ',', '?', '%']) || last.starts_with('_') {
                wrong.push(format!("{path} may stand for more than one thing"));
            }
            let names_it = match request.component {
                Component::Search => id_in_name(last) == Some(id),
                _ => last == id.to_string(),
            };
            if !names_it {
                wrong.push(format!("{path} does not name {id}"));
            }
        }
        if let Some(i) = self.parts.iter().position(|p| p.part == Part::Zeebe)
            && i + 1 != self.parts.len()
        {
            wrong.push("something comes after Zeebe's part".to_owned());
        }
        if !self.parts.is_sorted_by_key(|p| !p.asks_engine()) {
            wrong.push("the search engine is not asked first".to_owned());
        }
        wrong
    }
}

#[cfg(test)]
#[path = "delete_tests.rs"]
mod tests;
