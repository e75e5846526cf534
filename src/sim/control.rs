//! What tests and the sandbox can do to the release, in the middle of a run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::clock::NEVER;
use super::release::Sim;
use super::repository::{Fate, Repository, Snapshot};
use super::rule::FaultRule;
use crate::model::{Component, ExporterPhase, PartState};

impl Sim {
    /// Starts or ends a process. What it had in memory is lost: a web application's queue, the engine's running
    /// snapshots, a partition's running backup. A pause is not: brokers keep it.
    pub fn set_component(&self, component: Component, up: bool) {
        let now = self.now();
        self.lock().world.set_up(component, up, now);
        self.changes().send_replace(());
    }

    /// The same for the broker of that number, from 0.
    pub fn set_broker(&self, number: u16, up: bool) {
        self.set_component(Component::Broker(number), up);
    }

    /// The same for the search engine.
    pub fn set_engine(&self, up: bool) {
        self.set_component(Component::Search, up);
    }

    /// Whether the brokers can reach their backup store. Without it a backup is accepted, uses up its ID, and never
    /// exists (`s3down-*`, `s3up-*`).
    pub fn set_backup_store(&self, up: bool) {
        self.lock().world.zeebe.store_up = up;
    }

    /// Whether the engine knows the web applications' repository. The snapshots in it stay.
    pub fn set_repository(&self, registered: bool) {
        let mut inner = self.lock();
        let name = inner.world.profile.repository.clone();
        if let Some(repository) = inner.world.repositories.get_mut(&name) {
            repository.registered = registered;
        }
    }

    /// Everything is updated to this version, on the spot. What the old one took stays as it is.
    pub fn set_version(&self, version: &str) {
        version.clone_into(&mut self.lock().world.profile.camunda_version);
    }

    /// Whether the repository is registered read-only.
    pub fn set_read_only(&self, read_only: bool) {
        self.with_repository(|repository| {
            repository.read_only = read_only;
            repository.settings.insert("readonly".to_owned(), read_only.to_string().into());
        });
    }

    /// Whether the engine's own check of the repository finds damage.
    pub fn set_damaged(&self, damaged: bool) {
        self.with_repository(|repository| repository.damaged = damaged);
    }

    /// Somebody deletes one snapshot by hand. Says whether it was there.
    pub fn delete_snapshot(&self, name: &str) -> bool {
        self.with_repository(|repository| repository.snapshots.remove(name)).flatten().is_some()
    }

    /// A snapshot turns out to be worse than it was.
    pub fn break_snapshot(&self, name: &str, state: &PartState) {
        let fate = if *state == PartState::Partial { Fate::Partial } else { Fate::Failed };
        self.with_repository(|repository| {
            if let Some(snapshot) = repository.snapshots.get_mut(name) {
                snapshot.fate = fate;
            }
        });
    }

    /// Another release that shares the repository has its snapshots there: whole ones, under this ID.
    pub fn add_foreign(&self, id: u64) {
        let now = self.now();
        let world = &mut self.lock().world;
        let names: Vec<String> = world
            .repositories
            .values()
            .flat_map(|r| r.snapshots.keys())
            .filter_map(|name| foreign(name, id))
            .collect();
        let indices: Arc<[String]> = world.profile.records.clone().into();
        if let Some(repository) = world.repository_mut() {
            for name in names {
                repository.snapshots.insert(name, Snapshot::planned(&indices, now, now));
            }
        }
    }

    /// Somebody takes a snapshot by hand.
    pub fn add_snapshot(&self, name: &str) {
        let now = self.now();
        let indices: Arc<[String]> = self.lock().world.profile.records.clone().into();
        let taken = Snapshot::planned(&indices, now, now);
        self.with_repository(|repository| repository.snapshots.insert(name.to_owned(), taken));
    }

    /// The names of all snapshots in the repository, of whomever.
    pub fn snapshots(&self) -> BTreeSet<String> {
        let now = self.now();
        let inner = self.lock();
        inner
            .world
            .repositories
            .values()
            .flat_map(|r| r.visible(now))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The brokers' store was moved or emptied: what is in it up to this ID is gone.
    pub fn forget_partitions(&self, up_to: u64) {
        self.lock().world.zeebe.forget(up_to);
    }

    /// A backup was taken when the cluster had only so many partitions.
    pub fn set_backup_partitions(&self, id: u64, partitions: usize) {
        self.lock().world.zeebe.shrink(id, partitions);
    }

    fn with_repository<T>(&self, change: impl FnOnce(&mut Repository) -> T) -> Option<T> {
        let mut inner = self.lock();
        let name = inner.world.profile.repository.clone();
        inner.world.repositories.get_mut(&name).map(change)
    }

    /// Makes the exporters of all partitions lag behind by so many records, for a time or for ever.
    pub fn set_export_lag(&self, records: u32, gone_after: Option<Duration>) {
        let until = gone_after.map_or(NEVER, |time| self.now().saturating_add(time));
        self.lock().world.zeebe.lag = (i64::from(records), until);
    }

    /// Whether `/actuator/cluster` reports a pending change.
    pub fn set_pending_change(&self, pending: bool) {
        self.lock().world.profile.pending_change = pending;
    }

    /// Somebody else pauses or resumes exporting, on all partitions, at the brokers.
    pub fn set_exporters(&self, phase: &ExporterPhase) {
        let now = self.now();
        self.lock().world.zeebe.set_phase(phase, now);
    }

    /// Whether no broker says that it leads this partition, although all of them answer.
    pub fn hide_leader(&self, partition: u32, hidden: bool) {
        self.lock().world.zeebe.hide_leader(partition, hidden);
    }

    /// Creates and removes indices, as exporters and retention do.
    pub fn set_records(&self, indices: Vec<String>) {
        let world = &mut self.lock().world;
        world.profile.records = indices;
        world.fill_indices();
    }

    /// Puts a fault in force, after those that are.
    pub fn inject(&self, rule: FaultRule) {
        self.lock().rules.add(rule);
    }

    /// The faults in force.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.lock().rules.all().cloned().collect()
    }

    /// Takes all faults away. What they have already caused stays.
    pub fn clear_faults(&self) {
        self.lock().rules.clear();
    }
}

/// The same name under another ID.
fn foreign(name: &str, id: u64) -> Option<String> {
    let ours = crate::model::SnapshotName::parse(name)?;
    Some(name.replacen(&ours.id.to_string(), &id.to_string(), 1))
}
