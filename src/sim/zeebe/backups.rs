//! `/actuator/backups` of the gateway and the brokers (`API.md` sections 3 and 6).

use super::taken::{Taken, aggregate, describe};
use super::{Fault, Incoming, Method, NEVER, Profile, Reply, Wall, Zeebe, not_allowed, not_found};
use crate::model::PartState;
use crate::sim::answer::{ACTUATOR, Answer};
use crate::sim::incoming::Body;
use crate::sim::repository::mix;
use crate::wire::PartitionsBackup;
use serde_json::Value;

impl Zeebe {
    /// A backup that was there before the start.
    pub(in crate::sim) fn remember(&mut self, id: u64, at: Wall) {
        let taken =
            Taken { begins: at, ends: at + std::time::Duration::from_secs(1), failed: None, position: 2000 };
        self.backups.insert(id, vec![Some(taken); self.partitions.len()]);
        for partition in &mut self.partitions {
            partition.checkpoint = partition.checkpoint.max(id);
        }
    }

    /// Everything up to this ID is gone from the store; the IDs stay used.
    pub(in crate::sim) fn forget(&mut self, up_to: u64) {
        self.backups.retain(|id, _| *id > up_to);
    }

    /// This backup was taken from so many partitions.
    pub(in crate::sim) fn shrink(&mut self, id: u64, partitions: usize) {
        if let Some(taken) = self.backups.get_mut(&id) {
            taken.truncate(partitions);
        }
    }

    /// The state of a backup; `None` when there is nothing of it.
    pub(in crate::sim) fn state(&self, id: u64, now: Wall) -> Option<PartState> {
        self.backups.get(&id).and_then(|taken| aggregate(taken, now))
    }

    /// The IDs of all backups of which there is something.
    pub(in crate::sim) fn ids(&self, now: Wall) -> Vec<u64> {
        self.backups.iter().filter(|(_, taken)| aggregate(taken, now).is_some()).map(|(id, _)| *id).collect()
    }

    pub(super) fn backups(
        &mut self,
        below: &str,
        profile: &Profile,
        incoming: &Incoming,
        shape: Option<&Fault>,
        now: Wall,
    ) -> Reply {
        let id = match (below, incoming.method()) {
            ("", Method::Get) => None,
            ("", Method::Post) => return self.take(profile, incoming, shape, now),
            ("", _) => return not_allowed(incoming, now),
            (below, method) => match below.strip_prefix('/').filter(|id| !id.is_empty() && !id.contains('/'))
            {
                None => return not_found(incoming, now),
                Some(_) if matches!(method, Method::Post | Method::Put) => return not_allowed(incoming, now),
                Some(id) => match id.parse::<i64>() {
                    Ok(id) => Some(id),
                    Err(_) => return Answer::spring(400, incoming.full_path(), now).into(),
                },
            },
        };
        if let Some(reply) = self.trouble(profile, true) {
            return reply;
        }
        match (id, incoming.method()) {
            (None, _) => self.list(profile, now).into(),
            (Some(id), Method::Delete) => {
                let id = u64::try_from(id).unwrap_or_default();
                let effect = self.backups.remove(&id).is_some();
                Reply { effect, ..Answer::empty(204).into() }
            }
            (Some(id), _) => self.get(id, profile, now).into(),
        }
    }

    /// Why nothing can be done now.
    fn trouble(&self, profile: &Profile, reads_store: bool) -> Option<Reply> {
        if !profile.zeebe_store_configured {
            let message = "Cannot process backup requests. No backup store is configured. To use this feature, configure \
                           backup in broker configuration.";
            return Some(Answer::message(400, message).into());
        }
        if !self.all_led() {
            let message = "Request from gateway to broker timed out. Request timed out after PT15S";
            return Some(Reply::from(Answer::message(504, message)).after(profile.timings.gateway_timeout));
        }
        if reads_store && !self.store_up {
            let message = "software.amazon.awssdk.core.exception.SdkClientException: Unable to execute HTTP request: \
                           Connection refused: /127.0.0.1:9001";
            return Some(Answer::message(500, message).into());
        }
        None
    }

    fn take(&mut self, profile: &Profile, incoming: &Incoming, shape: Option<&Fault>, now: Wall) -> Reply {
        let wants_none = matches!(incoming.body, Body::None) && profile.layout.bare_start;
        let id = match backup_id(&incoming.body) {
            Err(_) if wants_none && profile.own_ids => self.own_id(now),
            Err(_) if wants_none => 0,
            Ok(_) if profile.own_ids => {
                let message = "Cannot take backup with predetermined backupId when continuous backups are enabled. Use \
                               POST actuator/backupRuntime without specifying a backupId.";
                return Answer::message(400, message).into();
            }
            Ok(id) => id,
            Err(status) => return Answer::spring(status, incoming.full_path(), now).into(),
        };
        let Some(id) = u64::try_from(id).ok().filter(|id| *id > 0) else {
            return Answer::message(400, "A backupId must be provided and it must be > 0").into();
        };
        let trouble = self.trouble(profile, false);
        if trouble.is_some() && !profile.zeebe_store_configured {
            return trouble.unwrap_or_else(|| Answer::empty(400).into());
        }
        // Each partition that can be reached takes it, unless it has had that checkpoint: so the same ID is refused
        // only when all have (`18-retake`).
        let opened = self.open_checkpoint(id, profile, shape, now);
        match (trouble, opened) {
            (Some(reply), effect) => Reply { effect, ..reply },
            (None, false) => {
                let latest =
                    self.partitions.iter().map(|partition| partition.checkpoint).max().unwrap_or_default();
                let message = format!(
                    "Requested backup has id {id}. The latest backup has id {latest}. Id of new backups must be higher \
                     than the previous one. "
                );
                Answer::message(409, message).into()
            }
            (None, true) => {
                let message = format!(
                    "A backup with id {id} has been scheduled. Use GET actuator/backups/{id} to monitor the status."
                );
                // The ID is told from 8.9 on, by tenant as well from 8.10 on.
                let mut body = serde_json::json!({ "message": message });
                if profile.layout.bare_start {
                    body["backupId"] = id.into();
                }
                if profile.layout.by_tenant {
                    body["backupIds"] = serde_json::json!({ "default": id });
                }
                Reply::done(Answer::typed(202, ACTUATOR, &body))
            }
        }
    }

    /// What a cluster calls its own backup: the time in milliseconds, but higher than every earlier one.
    fn own_id(&self, now: Wall) -> i64 {
        let latest = self.partitions.iter().map(|p| p.checkpoint).max().unwrap_or_default();
        let clock = u64::try_from(now.as_millis()).unwrap_or_default();
        i64::try_from(clock.max(latest + 1)).unwrap_or(i64::MAX)
    }

    /// Writes the checkpoint to every partition that can be reached and has not had it. Says whether there was one.
    fn open_checkpoint(&mut self, id: u64, profile: &Profile, shape: Option<&Fault>, now: Wall) -> bool {
        let led: Vec<bool> =
            self.partitions.iter().map(|partition| self.leader(partition).is_some()).collect();
        let positions: Vec<i64> =
            self.partitions.iter().map(|partition| self.processed(partition, now)).collect();
        let count = self.partitions.len();
        let store_up = self.store_up;
        let mut slots = self.backups.remove(&id).unwrap_or_else(|| vec![None; count]);
        let mut begins = now + profile.timings.registration;
        let mut opened = false;
        for (i, partition) in self.partitions.iter_mut().enumerate() {
            if !led[i] || partition.checkpoint >= id {
                continue;
            }
            opened = true;
            partition.checkpoint = id;
            partition.extra += 1;
            let ends = begins + profile.timings.zeebe_partition;
            let mut taken = Taken { begins, ends, failed: None, position: positions[i] + 1 };
            let lost = match shape {
                Some(Fault::NotVisible) => true,
                Some(Fault::PartitionLost(number)) => *number == partition.number,
                Some(Fault::StuckIncomplete) => i > 0,
                Some(Fault::PartitionFailed(number)) if *number == partition.number => {
                    taken.failed = Some("Simulated failure");
                    false
                }
                Some(Fault::StuckInProgress) if i + 1 == count => {
                    taken.ends = NEVER;
                    false
                }
                _ => false,
            };
            // without the store the ID is used up all the same, and nothing ever appears (`s3up-*`)
            if !lost && store_up {
                slots[i] = Some(taken);
            }
            begins += profile.timings.zeebe_spread;
        }
        if slots.iter().any(Option::is_some) {
            self.backups.insert(id, slots);
        }
        opened
    }

    fn get(&self, id: i64, profile: &Profile, now: Wall) -> Answer {
        let taken = u64::try_from(id).ok().and_then(|id| self.backups.get(&id).map(|taken| (id, taken)));
        let backup = taken.and_then(|(id, taken)| Some((id, taken, aggregate(taken, now)?)));
        match backup {
            None => Answer::message(404, format!("Backup with id {id} does not exist")),
            Some((id, taken, state)) => {
                Answer::typed(200, ACTUATOR, &describe(id, taken, state, true, profile, now))
            }
        }
    }

    /// In no order that means anything (recorded: `[100,200,171,172]`), and with less in it.
    fn list(&self, profile: &Profile, now: Wall) -> Answer {
        let mut backups: Vec<PartitionsBackup> = self
            .backups
            .iter()
            .filter_map(|(id, taken)| Some(describe(*id, taken, aggregate(taken, now)?, false, profile, now)))
            .collect();
        backups.sort_by_key(|backup| mix(u128::from(backup.backup_id)) & 0xffff);
        Answer::typed(200, ACTUATOR, &backups)
    }
}

/// The ID in the body, or the status that Spring answers. Unlike the web applications, a decimal is refused.
fn backup_id(body: &Body) -> Result<i64, u16> {
    match body {
        Body::None | Body::Other(_) => Err(415),
        Body::Broken(_) => Err(400),
        Body::Json(value) => match value.get("backupId") {
            Some(Value::Number(number)) => number.as_i64().ok_or(400),
            Some(Value::String(text)) => text.parse().map_err(|_| 400),
            _ => Err(400),
        },
    }
}
