//! What can be read: a broker's partitions and metrics, the cluster's topology, health.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{
    ExporterPhase, Incoming, Method, Partition, Profile, Reply, Wall, Zeebe, not_allowed, not_found,
};
use crate::sim::answer::{ACTUATOR, Answer};
use crate::sim::clock::millis_time;

impl Zeebe {
    /// What only brokers have.
    pub(super) fn broker(&mut self, broker: u16, profile: &Profile, incoming: &Incoming, now: Wall) -> Reply {
        match (incoming.path(), incoming.method()) {
            ("/actuator/partitions", Method::Get) => self.partitions(broker, profile, now).into(),
            ("/actuator/partitions", _) => not_allowed(incoming, now),
            ("/actuator/prometheus", Method::Get) => {
                Answer::text(200, "text/plain;version=0.0.4;charset=utf-8", self.metrics(broker, now)).into()
            }
            // pauses and resumes this broker's partitions only (`err-partitions-op-pause`)
            ("/actuator/partitions/pauseExporting", Method::Post) => {
                let effect = self.tell(&ExporterPhase::Paused, now, |_, at| at == broker);
                Reply { effect, ..self.partitions(broker, profile, now).into() }
            }
            ("/actuator/partitions/resumeExporting", Method::Post) => {
                let effect = self.tell(&ExporterPhase::Exporting, now, |_, at| at == broker);
                Reply { effect, ..self.partitions(broker, profile, now).into() }
            }
            _ => not_found(incoming, now),
        }
    }

    fn of_broker(&self, broker: u16) -> impl Iterator<Item = (&Partition, &ExporterPhase)> {
        self.partitions.iter().filter_map(move |partition| {
            let replica = partition.replicas.iter().find(|(at, _)| *at == broker)?;
            Some((partition, &replica.1))
        })
    }

    fn partitions(&self, broker: u16, profile: &Profile, now: Wall) -> Answer {
        let mut body = Map::new();
        for (partition, phase) in self.of_broker(broker) {
            let leads = !partition.leader_hidden && self.leader(partition) == Some(broker);
            let processed = self.processed(partition, now);
            let state = json!({
                "role": if leads { "LEADER" } else { "FOLLOWER" },
                "processedPosition": processed,
                "snapshotId": format!("1-1-{}-{}-0", processed - 10, processed - 9),
                "processedPositionInSnapshot": processed - 10,
                "streamProcessorPhase": if leads { "PROCESSING" } else { "REPLAY" },
                "exporterPhase": phase,
                "exportedPosition": self.exported(partition, now),
                "clock": { "instant": millis_time(now), "modificationType": "None", "modification": {} },
            });
            body.insert(partition.number.to_string(), state);
        }
        let body = Value::Object(body);
        let body = if profile.layout.by_tenant { json!({ "default": body }) } else { body };
        Answer::typed(200, ACTUATOR, &body)
    }

    /// The state over all replicas, as 8.10 tells it at once.
    pub(super) fn exporting_state(&self, incoming: &Incoming, now: Wall) -> Reply {
        if incoming.method() != Method::Get {
            return not_allowed(incoming, now);
        }
        let mut phases = self.partitions.iter().flat_map(|p| p.replicas.iter().map(|(_, phase)| phase));
        let first = phases.next().unwrap_or(&ExporterPhase::Exporting);
        let word = if phases.all(|p| p == first) { first.name() } else { "MIXED" };
        Answer::json(200, &json!({ "status": word })).into()
    }

    fn metrics(&self, broker: u16, now: Wall) -> String {
        let mut text = String::new();
        let mut gauge =
            |name: &str, help: &str, value: &dyn Fn(&Partition, &ExporterPhase) -> (String, i64)| {
                // writing into a String cannot fail
                let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
                for (partition, phase) in self.of_broker(broker) {
                    let (labels, value) = value(partition, phase);
                    let _ = writeln!(text, "{name}{{{labels}partition=\"{}\",}} {value}.0", partition.number);
                }
            };
        gauge(
            "zeebe_stream_processor_last_processed_position",
            "The last position the stream processor has processed.",
            &|partition, _| (String::new(), self.processed(partition, now)),
        );
        gauge(
            "zeebe_exporter_last_updated_exported_position",
            "The last exported position which was also updated/commited by the exporter.",
            &|partition, _| (format!("exporter=\"{}\",", self.exporter), self.exported(partition, now)),
        );
        gauge("zeebe_exporter_state", "Describes the phase of the exporter", &|_, phase| {
            let state = match phase {
                ExporterPhase::Paused => 1,
                ExporterPhase::SoftPaused => 2,
                _ => 0,
            };
            (String::new(), state)
        });
        text
    }

    /// `/actuator/cluster` and `/actuator/exporters`: the configuration, which a pause does not change. The gateway asks
    /// the first broker for it (`nobroker-cluster`).
    pub(super) fn topology(&self, profile: &Profile, path: &str) -> Reply {
        if !self.up(0) {
            let message = "Expected to send a message with subject 'topology-query' to member '0', but member is not \
                           known. Known members are '[Member{id=gateway, address=127.0.0.1:26502, properties={}}]'.";
            return Answer::json(502, &crate::wire::Message { message: message.to_owned() }).into();
        }
        if path == "/actuator/exporters" {
            return Answer::json(200, &json!([{ "exporterId": self.exporter, "status": "ENABLED" }])).into();
        }
        let config = json!({ "exporting": { "exporters": [{ "id": self.exporter, "state": "ENABLED" }] } });
        let brokers: Vec<Value> = (0..)
            .zip(&self.brokers)
            .map(|(broker, _)| {
                let partitions: Vec<Value> = self
                    .of_broker(broker)
                    .map(|(p, _)| json!({ "id": p.number, "state": "ACTIVE", "priority": 1, "config": config }))
                    .collect();
                let state = if profile.leaving.contains(&broker) { "LEAVING" } else { "ACTIVE" };
                json!({
                    "id": broker, "state": state, "version": 0, "lastUpdatedAt": "0000-01-01T00:00:00Z",
                    "partitions": partitions,
                })
            })
            .collect();
        let mut body = json!({ "version": 1, "brokers": brokers });
        if profile.pending_change {
            body["pendingChange"] = json!({
                "id": 2, "status": "IN_PROGRESS", "completed": [],
                "pending": [{ "operation": "PARTITION_JOIN", "brokerId": 0, "partitionId": 1, "priority": 1 }],
            });
        }
        Answer::json(200, &body).into()
    }

    /// The gateway's health, from the leaders it knows (`16-health`, `nobroker-health`).
    pub(in crate::sim) fn gateway_health(&self) -> Answer {
        let led: Vec<(u32, bool)> = self
            .partitions
            .iter()
            .map(|partition| (partition.number, self.leader(partition).is_some()))
            .collect();
        let (status, word) = match led.iter().filter(|(_, led)| *led).count() {
            0 => (503, "DOWN"),
            some if some < led.len() => (200, "DEGRADED"),
            _ => (200, "UP"),
        };
        let aware = if status == 503 { "DOWN" } else { "UP" };
        let mut cluster = json!({ "status": word });
        if status == 200 {
            let details: Map<String, Value> = led
                .iter()
                .map(|(number, led)| {
                    let health = if *led { "HEALTHY" } else { "UNHEALTHY" };
                    (format!("Partition {number}"), health.into())
                })
                .collect();
            cluster["details"] = details.into();
        }
        let awareness = |name: &str| {
            json!({
                "status": "UP",
                "details": {
                    "derivedFrom": name, "wasEverUp": true, "maxDowntime": "PT5M",
                    "lastSeenDelegateHealthStatus": { "status": aware },
                },
            })
        };
        let disk = json!({
            "total": 270_553_174_016_u64, "free": 70_577_700_864_u64, "threshold": 10_485_760, "path": "/lab/.",
            "exists": true,
        });
        let body = json!({
            "status": word,
            "components": {
                "clusterHealth": cluster,
                "diskSpace": { "status": "UP", "details": disk },
                "gatewayClusterAwareness": { "status": aware },
                "gatewayPartitionLeaderAwareness": { "status": aware },
                "gatewayStarted": { "status": "UP" },
                "livenessGatewayClusterAwareness": awareness("ClusterAwarenessHealthIndicator"),
                "livenessGatewayPartitionLeaderAwareness": awareness("PartitionLeaderAwarenessHealthIndicator"),
                "livenessMemory": { "status": "UP", "details": { "threshold": 0.01 } },
                "ping": { "status": "UP" },
            },
            "groups": ["liveness", "readiness", "startup"],
        });
        Answer::typed(status, ACTUATOR, &body)
    }
}
