//! Operate and Tasklist 8.6.0: `/actuator/backups` (`API.md` section 2).
//!
//! Only the parent imports this. Invariants: the state of a backup is computed from the snapshots in the repository,
//! never remembered; the two differ in nothing but their errors and their printing.

mod problem;
mod work;

use std::sync::Arc;

use serde::Serialize;

use super::answer::{Answer, JSON, Reply};
use super::clock::Wall;
use super::fault::Fault;
use super::incoming::Incoming;
use super::jackson;
use super::profile::Profile;
use super::world::{World, not_allowed, not_found};
use crate::client::Method;
use crate::model::Component;
pub(super) use problem::{backup_id, path_id};
use work::{delete, get, list, take};
pub(super) use work::{reason, state};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    Operate,
    Tasklist,
}

impl App {
    /// Snapshots of one backup.
    pub(super) const PARTS: u32 = 6;

    /// The application behind a component.
    pub(super) fn of(component: Component) -> Option<Self> {
        match component {
            Component::Operate => Some(Self::Operate),
            Component::Tasklist => Some(Self::Tasklist),
            _ => None,
        }
    }

    /// The same, where it is there and takes backups of its own.
    pub(super) fn in_layout(component: Component, profile: &Profile) -> Option<Self> {
        Self::of(component).filter(|_| profile.has(component) && profile.layout.history.is_none())
    }

    pub(super) fn component(self) -> Component {
        match self {
            Self::Operate => Component::Operate,
            Self::Tasklist => Component::Tasklist,
        }
    }

    /// What the names of its snapshots begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Operate => "camunda_operate_",
            Self::Tasklist => "camunda_tasklist_",
        }
    }

    /// `camunda_operate_100_8.6.0_part_1_of_6`.
    pub(super) fn snapshot(self, id: u64, part: u32, profile: &Profile) -> String {
        format!("{}{id}_{}_part_{part}_of_{}", self.prefix(), profile.camunda_version, Self::PARTS)
    }

    /// What that snapshot holds (a selection of the recorded indices; parts 3 and 5 are empty: `b100-63-snapshots`).
    pub(super) fn indices(self, part: u32) -> Arc<[String]> {
        let names: &[&str] = match (self, part) {
            (Self::Operate, 1) => &["operate-import-position-8.3.0_"],
            (Self::Operate, 2) => &["operate-list-view-8.3.0_"],
            (Self::Operate, 4) => {
                &["operate-variable-8.3.0_", "operate-incident-8.3.1_", "operate-event-8.3.0_"]
            }
            (Self::Operate, 6) => &["operate-process-8.3.0_", "operate-decision-8.3.0_"],
            (Self::Tasklist, 1) => &["tasklist-import-position-8.2.0_"],
            (Self::Tasklist, 2) => &["tasklist-task-8.5.0_", "tasklist-process-instance-8.3.0_"],
            (Self::Tasklist, 4) => &["tasklist-variable-8.3.0_", "tasklist-task-variable-8.3.0_"],
            (Self::Tasklist, 6) => &["tasklist-process-8.4.0_", "tasklist-form-8.4.0_"],
            _ => &[],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Tasklist prints for people.
    fn answer(self, body: &impl Serialize) -> Answer {
        match self {
            Self::Operate => Answer::json(200, body),
            Self::Tasklist => Answer { status: 200, content_type: JSON, body: jackson::pretty(body).into() },
        }
    }
}

/// Answers one request to `/actuator/backups..`.
pub(super) fn handle(
    world: &mut World,
    app: App,
    incoming: &Incoming,
    shape: Option<&Fault>,
    now: Wall,
) -> Reply {
    let below = incoming.path().strip_prefix("/actuator/backups");
    let result = match (below, incoming.method()) {
        (Some(""), Method::Get) => list(world, app, now),
        (Some(""), Method::Post) => take(world, app, incoming, shape, now),
        (Some(""), _) => return not_allowed(incoming, now),
        (Some(below), method) => {
            match below.strip_prefix('/').filter(|id| !id.is_empty() && !id.contains('/')) {
                None => return not_found(incoming, now),
                Some(id) => match method {
                    Method::Get => path_id(id).and_then(|id| get(world, app, id, now)),
                    Method::Delete => path_id(id).and_then(|id| delete(world, app, id, now)),
                    Method::Post | Method::Put => return not_allowed(incoming, now),
                },
            }
        }
        (None, _) => return not_found(incoming, now),
    };
    result.unwrap_or_else(|problem| problem.answer(world, app, incoming, now).into())
}
