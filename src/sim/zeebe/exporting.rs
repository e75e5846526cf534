//! `POST /actuator/exporting/{pause,resume}`: HTTP 200 for success and for failure (`API.md` sections 4 and 6).

use serde_json::{Value, json};

use super::{
    ExporterPhase, Fault, Incoming, Method, Partition, Profile, Reply, Wall, Zeebe, not_allowed, not_found,
};
use crate::sim::answer::Answer;
use crate::wire::ExportingEnvelope;

impl Zeebe {
    pub(super) fn exporting(
        &mut self,
        operation: &str,
        profile: &Profile,
        incoming: &Incoming,
        shape: Option<&Fault>,
        now: Wall,
    ) -> Reply {
        if operation.is_empty() || operation.contains('/') {
            return not_found(incoming, now);
        }
        if incoming.method() != Method::Post {
            return not_allowed(incoming, now);
        }
        let phase = match (operation, incoming.query("soft")) {
            ("resume", _) => ExporterPhase::Exporting,
            ("pause", Some("true")) => ExporterPhase::SoftPaused,
            ("pause", None | Some("false" | "")) => ExporterPhase::Paused,
            ("pause", Some(_)) => return Answer::spring(400, incoming.full_path(), now).into(),
            _ => return failure(None).into(),
        };
        match shape {
            Some(Fault::EnvelopeFailure) => {
                let partition = self.partitions.last().map_or(1, |partition| partition.number);
                return failure(Some(&self.leader_unknown(partition, profile))).into();
            }
            Some(Fault::EnvelopePartial) => {
                let last = self.partitions.last().map(|partition| partition.number);
                let effect = self.tell(&phase, now, |partition, _| Some(partition) != last);
                return Reply { effect, ..failure(Some(&not_connected(0))).into() };
            }
            _ => {}
        }
        // all replicas must be known, not only a majority of them
        let dead: Vec<(u16, Wall)> = (0..)
            .zip(&self.brokers)
            .filter(|(_, broker)| !broker.up)
            .map(|(number, b)| (number, b.since))
            .collect();
        let missing = |partition: &&Partition| partition.replicas.iter().any(|(broker, _)| !self.up(*broker));
        let Some(partition) = self.partitions.iter().find(missing) else {
            self.tell(&phase, now, |_, _| true);
            return Reply::done(Answer::json(
                200,
                &ExportingEnvelope { body: None, status: 204, content_type: None },
            ));
        };
        // A broker that just died: the gateway still asks it, and the others have obeyed by then. Recorded for pause
        // only (`11-pause`); a resume is taken to be refused as a whole, as it was recorded later (`16-resume`).
        let (number, since) = dead.first().copied().unwrap_or_default();
        if phase.is_paused()
            && now.saturating_sub(since) < profile.timings.gateway_notices
            && dead.len() < self.brokers.len()
        {
            let up: Vec<bool> = self.brokers.iter().map(|broker| broker.up).collect();
            let effect =
                self.tell(&phase, now, |_, broker| up.get(usize::from(broker)).copied().unwrap_or_default());
            return Reply { effect, ..failure(Some(&not_connected(number))).into() };
        }
        let message = match self.leader(partition) {
            None => self.leader_unknown(partition.number, profile),
            Some(_) => format!(
                "Expected {} members of partition {} but found {}, current topology: {}",
                partition.replicas.len(),
                partition.number,
                partition.replicas.iter().filter(|(broker, _)| self.up(*broker)).count(),
                self.topology_text(profile),
            ),
        };
        failure(Some(&message)).into()
    }

    /// Somebody pauses or resumes everything, past the gateway.
    pub(in crate::sim) fn set_phase(&mut self, phase: &ExporterPhase, now: Wall) {
        self.tell(phase, now, |_, _| true);
        self.note_pause(now);
    }

    /// Tells the chosen replicas (partition, broker) what to do. Says whether there was any.
    pub(super) fn tell(
        &mut self,
        phase: &ExporterPhase,
        now: Wall,
        chosen: impl Fn(u32, u16) -> bool,
    ) -> bool {
        let positions: Vec<i64> =
            self.partitions.iter().map(|partition| self.exported(partition, now)).collect();
        let mut told = false;
        for (partition, position) in self.partitions.iter_mut().zip(positions) {
            let number = partition.number;
            for (_, replica) in partition.replicas.iter_mut().filter(|(broker, _)| chosen(number, *broker)) {
                *replica = phase.clone();
                told = true;
            }
            partition.frozen = partition.phase().is_paused().then(|| partition.frozen.unwrap_or(position));
        }
        told
    }

    fn leader_unknown(&self, partition: u32, profile: &Profile) -> String {
        let topology = self.topology_text(profile);
        format!("Leader -2 of partition {partition} is not known, current topology: {topology}")
    }

    fn topology_text(&self, profile: &Profile) -> String {
        let leaders: Vec<String> = self
            .partitions
            .iter()
            .filter_map(|partition| {
                self.leader(partition).map(|leader| format!("{}={leader}", partition.number))
            })
            .collect();
        let brokers: Vec<usize> =
            (0..).zip(&self.brokers).filter(|(_, b)| b.up).map(|(number, _)| number).collect();
        let partitions: Vec<u32> = self.partitions.iter().map(|partition| partition.number).collect();
        format!(
            "BrokerClusterStateImpl{{partitionLeaders={{{}}}, brokers={brokers:?}, partitions={partitions:?}, \
             clusterSize={}, partitionsCount={}, replicationFactor={}}}",
            leaders.join(", "),
            self.brokers.len(),
            partitions.len(),
            profile.replication,
        )
    }
}

/// `11-pause`.
fn not_connected(broker: u16) -> String {
    let address = format!("127.0.0.1:265{}1", broker + 1);
    format!(
        "Failed to connect channel for address {address} (resolved: null) : \
         io.netty.channel.AbstractChannel$AnnotatedConnectException: finishConnect(..) failed: Connection refused: \
         /{address}"
    )
}

/// The exception in the envelope, with a stack trace as long as the real one.
fn failure(message: Option<&str>) -> Answer {
    let frame = |class: &str, method: &str, app: bool| -> Value {
        let module = if app { Value::Null } else { "java.base".into() };
        let version = if app { Value::Null } else { "25.0.3".into() };
        let loader = if app { "app".into() } else { Value::Null };
        json!({
            "classLoaderName": loader, "moduleName": module, "moduleVersion": version, "methodName": method,
            "fileName": format!("{class}.java"), "lineNumber": 111,
            "className": format!("io.camunda.zeebe.gateway.admin.exporting.{class}"), "nativeMethod": false,
        })
    };
    let mut trace = vec![
        frame("ExportingControlService", "validateTopology", true),
        frame("ExportingControlService", "broadcastOnTopology", true),
        frame("ExportingEndpoint", "post", true),
    ];
    trace.extend((0..35).map(|_| frame("DirectMethodHandleAccessor", "invoke", false)));
    let body = json!({
        "body": {
            "cause": null, "stackTrace": trace, "message": message, "suppressed": [], "localizedMessage": message,
        },
        "status": 500,
        "contentType": null,
    });
    Answer::json(200, &body)
}
