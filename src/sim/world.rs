//! Everything there is in the release, and which server answers what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Answer, Reply};
use super::clock::Wall;
use super::fault::Fault;
use super::incoming::Incoming;
use super::profile::Profile;
use super::repository::{Repository, Snapshot, mix};
use super::webapp::App;
use super::zeebe::Zeebe;
use super::{actuator, history, optimize, search, webapp};
use crate::model::Component;

/// The state of the release.
#[derive(Debug)]
pub(super) struct World {
    pub(super) profile: Profile,
    /// Processes that do not run. Brokers are in here, too.
    pub(super) down: BTreeSet<Component>,
    pub(super) repositories: BTreeMap<String, Repository>,
    /// All indices of the engine.
    pub(super) indices: Vec<String>,
    pub(super) zeebe: Zeebe,
    /// Until when a web application works through its queue.
    pub(super) busy: BTreeMap<Component, Wall>,
    ids: u128,
}

impl World {
    pub(super) fn new(profile: Profile, start: Wall) -> Self {
        let mut world = Self {
            down: BTreeSet::new(),
            repositories: BTreeMap::new(),
            indices: Vec::new(),
            zeebe: Zeebe::new(&profile, start),
            busy: BTreeMap::new(),
            ids: 0,
            profile,
        };
        world.fill_indices();
        world.fill_repository(start);
        world
    }

    /// Operate's, Tasklist's and Optimize's indices are those that their snapshots hold.
    pub(super) fn fill_indices(&mut self) {
        let mut indices = self.profile.records.clone();
        if self.profile.layout.history.is_some() {
            indices.extend((1..=history::PARTS).flat_map(|p| history::indices(p).to_vec()));
        }
        for component in self.profile.components() {
            for part in 1..=App::PARTS {
                match App::in_layout(component, &self.profile) {
                    Some(app) => indices.extend(app.indices(part).iter().cloned()),
                    None if component == Component::Optimize => {
                        indices.extend(optimize::indices(part).iter().cloned());
                    }
                    None => {}
                }
            }
        }
        indices.sort();
        self.indices = indices;
    }

    fn fill_repository(&mut self, start: Wall) {
        let mut snapshots = Vec::with_capacity(self.profile.history.len() * 15);
        let mut ids = self.profile.history.clone();
        ids.sort_unstable();
        let records: Arc<[String]> = self.profile.records.clone().into();
        let second = Duration::from_secs(1);
        for (i, id) in ids.iter().enumerate() {
            let begun = taken_at(*id, ids.len() - i, start);
            let mut add = |name: String, indices: &Arc<[String]>, n: u32| {
                let starts = begun + second * n;
                snapshots.push((name, Snapshot::planned(indices, starts, starts + second)));
            };
            for app in [Component::Operate, Component::Tasklist]
                .into_iter()
                .filter_map(|c| App::in_layout(c, &self.profile))
            {
                for part in 1..=App::PARTS {
                    add(app.snapshot(*id, part, &self.profile), &app.indices(part), part);
                }
            }
            if self.profile.layout.history.is_some() {
                for part in 1..=history::PARTS {
                    add(history::snapshot(*id, part, &self.profile), &history::indices(part), part);
                }
            }
            if self.profile.has_optimize {
                for part in 1..=optimize::PARTS {
                    add(optimize::snapshot(*id, part, &self.profile), &optimize::indices(part), part);
                }
            }
            if !records.is_empty() && !self.profile.is_relational() {
                add(format!("camunda_zeebe_records_backup_{id}"), &records, 8);
            }
            self.zeebe.remember(*id, begun + second * 10);
        }
        let repository = Repository {
            registered: self.profile.repository_registered,
            read_only: false,
            damaged: false,
            kind: "fs".to_owned(),
            settings: [("location".to_owned(), "/backups/elasticsearch".into())].into_iter().collect(),
            snapshots: snapshots.into_iter().collect(),
        };
        self.repositories.insert(self.profile.repository.clone(), repository);
    }

    /// Answers one request. `shape` is the fault for the handler, if there is one.
    pub(super) fn handle(&mut self, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
        let mut reply = self.ask(incoming, shape, now);
        let of_zeebe = matches!(incoming.request.component, Component::Gateway | Component::Broker(_));
        if of_zeebe && self.profile.layout.problem_details {
            reply.answer = reply.answer.map(|a| a.into_problem_details(incoming.full_path()));
        }
        reply
    }

    fn ask(&mut self, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
        let component = incoming.request.component;
        let common = match component {
            Component::Search => None,
            _ => actuator::handle(self, incoming, now),
        };
        if let Some(reply) = common {
            return reply;
        }
        if let Some(path) = self.profile.layout.history_on(component).filter(|_| self.profile.web_apps_backup)
            && let Some(below) = incoming.path().strip_prefix(path)
        {
            let below = below.to_owned();
            return history::handle(self, &below, incoming, shape, now);
        }
        match component {
            Component::Operate | Component::Tasklist if self.profile.layout.history.is_some() => {
                not_found(incoming, now)
            }
            Component::Operate => webapp::handle(self, App::Operate, incoming, shape, now),
            Component::Tasklist => webapp::handle(self, App::Tasklist, incoming, shape, now),
            Component::Optimize => optimize::handle(self, incoming, shape, now),
            Component::Gateway => self.zeebe.handle(None, &self.profile, incoming, shape, now),
            Component::Broker(number) => self.zeebe.handle(Some(number), &self.profile, incoming, shape, now),
            Component::Search => search::handle(self, incoming, shape, now),
        }
    }

    pub(super) fn engine_up(&self) -> bool {
        !self.down.contains(&Component::Search)
    }

    /// The web applications' repository, if the engine has it registered.
    pub(super) fn repository(&self) -> Option<&Repository> {
        self.repositories.get(&self.profile.repository).filter(|repository| repository.registered)
    }

    /// The same, to change it.
    pub(super) fn repository_mut(&mut self) -> Option<&mut Repository> {
        self.repositories.get_mut(&self.profile.repository).filter(|repository| repository.registered)
    }

    /// Starts or ends a process, with what that does to work in progress.
    pub(super) fn set_up(&mut self, component: Component, up: bool, now: Wall) {
        let changed = if up { self.down.remove(&component) } else { self.down.insert(component) };
        if let Component::Broker(number) = component {
            self.zeebe.set_broker(number, up, now);
        }
        if up || !changed {
            return;
        }
        if component == Component::Search {
            self.repositories.values_mut().for_each(|repository| repository.cut(now));
            self.busy.clear();
        }
        // the queue of snapshots to come is in the process's memory
        let prefix = match App::in_layout(component, &self.profile) {
            Some(app) => app.prefix(),
            None if self.profile.layout.history_on(component).is_some() => {
                self.busy.remove(&history::QUEUE);
                history::PREFIX
            }
            None if component == Component::Optimize => optimize::PREFIX,
            None => return,
        };
        self.busy.remove(&component);
        self.repositories.values_mut().for_each(|repository| repository.forget_plans(prefix, now));
    }

    /// An identifier such as Operate's errors carry: different every time, the same in every run.
    pub(super) fn uuid(&mut self) -> String {
        self.ids += 1;
        let h = mix(mix(self.ids ^ 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834));
        let part = |shift: u32, bits: u32| (h >> shift) & ((1 << bits) - 1);
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            part(0, 32),
            part(32, 16),
            part(48, 12),
            part(60, 12),
            part(72, 48)
        )
    }
}

/// When an old backup was taken: its ID, where that is a plausible time in seconds or milliseconds, else some days ago.
fn taken_at(id: u64, nth_last: usize, start: Wall) -> Wall {
    const EARLIEST: Wall = Duration::from_secs(1_000_000_000);
    [Duration::from_secs(id), Duration::from_millis(id)]
        .into_iter()
        .find(|at| (EARLIEST..start).contains(at))
        .unwrap_or_else(|| start.saturating_sub(Duration::from_secs(86_400 * nth_last as u64)))
}

/// The answer to a method that a path does not have.
pub(super) fn not_allowed(incoming: &Incoming, now: Wall) -> Reply {
    Answer::spring(405, incoming.full_path(), now).into()
}

/// The answer to a path that is not there.
pub(super) fn not_found(incoming: &Incoming, now: Wall) -> Reply {
    match incoming.request.component {
        Component::Broker(_) => Answer::no_endpoint(incoming.method().name(), incoming.full_path()).into(),
        _ => Answer::spring(404, incoming.full_path(), now).into(),
    }
}
