//! The simulated release itself: its state behind one lock, its clock, and its observers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::clock::{Clock, NEVER, Wall, timestamp};
use super::exchange::Rules;
use super::incoming::Incoming;
use super::log::{Exchange, Log};
use super::profile::Profile;
use super::repository::Snapshot;
use super::webapp::{App, state};
use super::world::World;
use super::{history, optimize};
use crate::client::{Request, Response, TransportError};
use crate::model::{Component, ExporterPhase, Part, PartState};

/// A simulated release. Share it by `Arc`; every client has a [`super::SimTransport`] of its own.
#[derive(Debug)]
pub struct Sim {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Told whenever a process starts or ends.
    changes: watch::Sender<()>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) world: World,
    pub(super) rules: Rules,
    pub(super) log: Log,
}

impl Sim {
    /// Starts the release. Its time runs with tokio's from here on.
    pub fn new(profile: Profile) -> Arc<Self> {
        let clock = Clock::start(profile.now);
        let world = World::new(profile, clock.base());
        let inner = Inner { world, rules: Rules::default(), log: Log::default() };
        Arc::new(Self { clock, inner: Mutex::new(inner), changes: watch::Sender::new(()) })
    }

    /// Sends one request, as a client called `direct`.
    pub async fn handle(self: &Arc<Self>, request: &Request) -> Result<Response, TransportError> {
        self.exchange(&Arc::from("direct"), Incoming::from(request)).await.map(Response::from)
    }

    /// The state. A panic while it was locked is a simulated one or a failed test: the state is whole in both cases.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Wall {
        self.clock.now()
    }

    pub(super) fn changes(&self) -> &watch::Sender<()> {
        &self.changes
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.since_start(self.now())
    }

    /// The release's time of day.
    pub fn time_of_day(&self) -> jiff::Timestamp {
        timestamp(self.now())
    }

    pub(super) fn since_start(&self, at: Wall) -> Duration {
        at.saturating_sub(self.clock.base())
    }

    /// The processes of the release.
    pub fn components(&self) -> Vec<Component> {
        self.lock().world.profile.components()
    }

    /// Whether this process is there and runs.
    pub fn is_up(&self, component: Component) -> bool {
        let inner = self.lock();
        inner.world.profile.has(component) && !inner.world.down.contains(&component)
    }

    /// Every request so far, in the order of arrival (the last 50,000).
    pub fn log(&self) -> Vec<Exchange> {
        self.lock().log.all()
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.lock().log.len()
    }

    /// What each partition's exporters were told, whether their broker runs or not.
    pub fn phases(&self) -> BTreeMap<u32, ExporterPhase> {
        self.lock().world.zeebe.phases()
    }

    /// Whether every partition is exported: the invariant that the whole tool is about.
    pub fn exporting_runs(&self) -> bool {
        self.phases().values().all(|phase| *phase == ExporterPhase::Exporting)
    }

    /// For how long not every partition was exported, in all.
    pub fn paused_total(&self) -> Duration {
        let now = self.now();
        self.lock().world.zeebe.paused_total(now)
    }

    /// Every such time, since the start: begin, and end unless it goes on.
    pub fn pauses(&self) -> Vec<(Duration, Option<Duration>)> {
        let pauses = self.lock().world.zeebe.pauses().to_vec();
        let end = |to: Wall| (to != NEVER).then(|| self.since_start(to));
        pauses.into_iter().map(|(from, to)| (self.since_start(from), end(to))).collect()
    }

    /// What there really is of a backup now, whether anybody could say so or not. Parts that are not there are missing.
    pub fn parts(&self, id: u64) -> BTreeMap<Part, PartState> {
        let now = self.now();
        parts(&self.lock().world, id, now)
    }

    /// The same for every backup.
    pub fn backups(&self) -> BTreeMap<u64, BTreeMap<Part, PartState>> {
        let now = self.now();
        let inner = self.lock();
        let world = &inner.world;
        let mut ids = world.zeebe.ids(now);
        let names =
            world.repositories.values().flat_map(|repository| repository.visible(now)).map(|(name, _)| name);
        ids.extend(names.filter_map(id_in));
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|id| (id, parts(world, id, now))).collect()
    }
}

fn parts(world: &World, id: u64, now: Wall) -> BTreeMap<Part, PartState> {
    let mut parts = BTreeMap::new();
    if let Some(repository) = world.repositories.get(&world.profile.repository) {
        let series = [
            (Part::Operate, App::Operate.prefix(), App::PARTS),
            (Part::Tasklist, App::Tasklist.prefix(), App::PARTS),
            (Part::Optimize, optimize::PREFIX, optimize::PARTS),
        ];
        for (part, prefix, count) in series {
            let prefix = format!("{prefix}{id}_");
            let found: Vec<(&str, &Snapshot)> = repository.under(&prefix, now).collect();
            if !found.is_empty() {
                parts.insert(part, PartState::parse(state(&found, count, now)));
            }
        }
        let prefix = format!("{}{id}_", history::PREFIX);
        let found: Vec<(&str, &Snapshot)> = repository.under(&prefix, now).collect();
        if !found.is_empty() {
            parts.insert(Part::History, PartState::parse(history::told(&found, now)));
        }
    }
    let name = format!("camunda_zeebe_records_backup_{id}");
    let records = world.repositories.values().find_map(|r| r.snapshots.get(&name)).filter(|s| s.visible(now));
    if let Some(snapshot) = records {
        parts.insert(Part::Records, PartState::parse(snapshot.state(now)));
    }
    if let Some(state) = world.zeebe.state(id, now) {
        parts.insert(Part::Zeebe, state);
    }
    parts
}

/// The ID in a snapshot's name.
fn id_in(name: &str) -> Option<u64> {
    let rest = name.strip_prefix("camunda_")?;
    let rest =
        rest.strip_prefix("zeebe_records_backup_").or_else(|| rest.split_once('_').map(|(_, rest)| rest))?;
    rest.split('_').next()?.parse().ok()
}
