//! Zeebe: brokers and their partitions, and what gateway and brokers answer (`API.md` sections 3, 4 and 6).
//!
//! Only the parent imports this. Invariants: what a pause does is kept for each replica and outlives its broker's
//! restart; a partition's highest checkpoint only ever grows, whatever becomes of the backup.

mod backups;
mod exporting;
mod partitions;
mod taken;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::answer::Reply;
use super::clock::{NEVER, Wall};
use super::fault::Fault;
use super::incoming::Incoming;
use super::profile::Profile;
use super::world::{not_allowed, not_found};
use crate::client::Method;
use crate::model::{Engine, ExporterPhase};
use taken::Taken;

/// The whole of Zeebe.
#[derive(Debug)]
pub(super) struct Zeebe {
    brokers: Vec<Broker>,
    partitions: Vec<Partition>,
    /// What is in the backup store: for each backup what each partition (from 1, at index 0) put there.
    backups: BTreeMap<u64, Vec<Option<Taken>>>,
    /// Whether the backup store can be reached.
    pub(super) store_up: bool,
    /// Times in which not everything was exported; the last one may be open.
    pauses: Vec<(Wall, Wall)>,
    /// Records that the exporters lag behind, until when.
    pub(super) lag: (i64, Wall),
    start: Wall,
    rate: i64,
    /// The exporter's name.
    exporter: &'static str,
}

#[derive(Debug)]
struct Broker {
    up: bool,
    /// When it was last started or ended.
    since: Wall,
}

#[derive(Debug)]
struct Partition {
    number: u32,
    /// Brokers with a replica, the preferred leader first, and what each replica was told to do.
    replicas: Vec<(u16, ExporterPhase)>,
    /// The highest checkpoint in the log.
    checkpoint: u64,
    /// Records that backups and restarts wrote, on top of those that are processed over time.
    extra: i64,
    /// Where the acknowledged position stands while exporting is paused.
    frozen: Option<i64>,
    /// No broker says that it leads: a change of leader, to whoever looks.
    leader_hidden: bool,
}

impl Zeebe {
    pub(super) fn new(profile: &Profile, start: Wall) -> Self {
        let brokers = profile.brokers.max(1);
        let replication = profile.replication.clamp(1, brokers);
        let partitions = (1..=profile.partitions).map(|number| {
            let replica = |k: u16| {
                let first = u16::try_from((number - 1) % u32::from(brokers)).unwrap_or_default();
                ((first + k) % brokers, profile.exporters.clone())
            };
            let replicas = (0..replication).map(replica).collect();
            Partition { number, replicas, checkpoint: 0, extra: 0, frozen: None, leader_hidden: false }
        });
        let mut zeebe = Self {
            brokers: (0..brokers).map(|_| Broker { up: true, since: Wall::ZERO }).collect(),
            partitions: partitions.collect(),
            backups: BTreeMap::new(),
            store_up: true,
            pauses: Vec::new(),
            lag: (0, Wall::ZERO),
            start,
            rate: i64::from(profile.records_per_second),
            exporter: match profile.engine {
                _ if profile.is_relational() => "rdbms",
                _ if profile.layout.history.is_some() => "camundaexporter",
                Engine::Elasticsearch => "elasticsearch",
                Engine::OpenSearch => "opensearch",
            },
        };
        if profile.exporters != ExporterPhase::Exporting {
            let positions: Vec<i64> = zeebe.partitions.iter().map(|p| zeebe.exported(p, start)).collect();
            zeebe.partitions.iter_mut().zip(positions).for_each(|(p, at)| p.frozen = Some(at));
        }
        zeebe.note_pause(start);
        zeebe
    }

    /// Answers one request to the gateway, or to the broker of that number.
    pub(super) fn handle(
        &mut self,
        broker: Option<u16>,
        profile: &Profile,
        incoming: &Incoming,
        shape: Option<&Fault>,
        now: Wall,
    ) -> Reply {
        let path = incoming.path();
        let reply = match (path, incoming.method()) {
            ("/actuator/cluster" | "/actuator/exporters", Method::Get) => self.topology(profile, path),
            ("/actuator/cluster" | "/actuator/exporters", _) => not_allowed(incoming, now),
            _ => match (
                profile.layout.partitions.iter().find_map(|base| below(path, base)),
                path.strip_prefix("/actuator/exporting/"),
                broker,
            ) {
                (Some(below), _, _) => self.backups(below, profile, incoming, shape, now),
                (_, Some(operation), _) => self.exporting(operation, profile, incoming, shape, now),
                (_, _, Some(broker)) => self.broker(broker, profile, incoming, now),
                _ if profile.layout.exporting == Some(path) => self.exporting_state(incoming, now),
                _ => not_found(incoming, now),
            },
        };
        self.note_pause(now);
        reply
    }

    /// The broker that leads this partition, as long as a majority of its replicas runs.
    fn leader(&self, partition: &Partition) -> Option<u16> {
        let mut up = partition.replicas.iter().map(|(broker, _)| *broker).filter(|broker| self.up(*broker));
        let count = up.clone().count();
        if count * 2 > partition.replicas.len() { up.next() } else { None }
    }

    fn up(&self, broker: u16) -> bool {
        self.brokers.get(usize::from(broker)).is_some_and(|broker| broker.up)
    }

    fn all_led(&self) -> bool {
        self.partitions.iter().all(|partition| self.leader(partition).is_some())
    }

    pub(super) fn hide_leader(&mut self, number: u32, hidden: bool) {
        for partition in self.partitions.iter_mut().filter(|p| p.number == number) {
            partition.leader_hidden = hidden;
        }
    }

    /// Starts or ends a broker. A backup that a partition of it was taking fails; one it had not begun is never taken.
    pub(super) fn set_broker(&mut self, number: u16, up: bool, now: Wall) {
        if self.up(number) == up {
            return;
        }
        if !up {
            let led: BTreeSet<u32> =
                self.partitions.iter().filter(|p| self.leader(p) == Some(number)).map(|p| p.number).collect();
            let slots = self.backups.values_mut().flat_map(|taken| (1..).zip(taken));
            slots
                .filter(|(number, _)| led.contains(number))
                .for_each(|(_, slot)| Taken::interrupt(slot, now));
        }
        if let Some(broker) = self.brokers.get_mut(usize::from(number)) {
            *broker = Broker { up, since: now };
        }
    }

    /// What each partition's exporters do: paused, if any replica is.
    pub(super) fn phases(&self) -> BTreeMap<u32, ExporterPhase> {
        self.partitions.iter().map(|partition| (partition.number, partition.phase())).collect()
    }

    /// Keeps the record of pauses after anything that may have changed the phases.
    fn note_pause(&mut self, now: Wall) {
        let paused = self.phases().values().any(ExporterPhase::is_paused);
        let open = self.pauses.last().is_some_and(|(_, end)| *end == NEVER);
        match (paused, open) {
            (true, false) => self.pauses.push((now, NEVER)),
            (false, true) => {
                if let Some((_, end)) = self.pauses.last_mut() {
                    *end = now;
                }
            }
            _ => {}
        }
    }

    /// Every time in which not everything was exported.
    pub(super) fn pauses(&self) -> &[(Wall, Wall)] {
        &self.pauses
    }

    /// The sum of those times.
    pub(super) fn paused_total(&self, now: Wall) -> Duration {
        self.pauses.iter().map(|(from, to)| (*to).min(now).saturating_sub(*from)).sum()
    }

    fn processed(&self, partition: &Partition, now: Wall) -> i64 {
        let seconds = i64::try_from(now.saturating_sub(self.start).as_secs()).unwrap_or_default();
        2800 + i64::from(partition.number) * 20 + partition.extra + self.rate * seconds
    }

    fn exported(&self, partition: &Partition, now: Wall) -> i64 {
        let (records, until) = self.lag;
        let lag = if now < until { records } else { 0 };
        partition.frozen.unwrap_or_else(|| (self.processed(partition, now) - lag).max(-1))
    }
}

/// What follows a collection's path.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Partition {
    fn phase(&self) -> ExporterPhase {
        let mut phases = self.replicas.iter().map(|(_, phase)| phase);
        let paused = phases.clone().find(|phase| phase.is_paused());
        paused.or_else(|| phases.next()).cloned().unwrap_or(ExporterPhase::Exporting)
    }
}
