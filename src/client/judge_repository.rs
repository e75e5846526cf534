//! What the answers about a repository and its snapshots mean, and when a backup is gone.

use std::collections::BTreeMap;

use super::call::{CallError, parse};
use super::judge::partitions_backup;
use super::list::{List, Place, element};
use super::transport::Response;
use crate::model::{Integrity, LifecyclePolicy, Name, PartState, SnapshotDetail, StoredSnapshot, Word};
use crate::wire;

/// Anomalies that are shown; there may be thousands.
const SHOWN: usize = 20;

/// Reads `GET /_snapshot/{repository}/_all?verbose=false`.
pub fn stored_snapshots() -> List<StoredSnapshot> {
    List::new(
        Place::Member("snapshots"),
        |bytes| {
            let s: wire::ListedSnapshot = element(bytes)?;
            Ok(Some(StoredSnapshot { name: s.snapshot.into(), state: s.state, indices: s.indices }))
        },
        |around| {
            let around: wire::SnapshotList = element(around)?;
            Ok(unread(around.failures).and(whole(around.remaining)).map(|()| around.snapshots))
        },
    )
}

/// Elasticsearch answers 200 for a repository that it cannot read, and says so inside.
fn unread(failures: Option<serde_json::Value>) -> Result<(), String> {
    match failures {
        Some(serde_json::Value::Object(failures)) if !failures.is_empty() => {
            let reason = |(name, f): (&String, &serde_json::Value)| {
                let why = f.get("reason").and_then(|r| r.as_str()).unwrap_or("no reason given");
                format!("{name}: {why}")
            };
            Err(format!("not read: {}", failures.iter().map(reason).collect::<Vec<_>>().join("; ")))
        }
        _ => Ok(()),
    }
}

fn whole(remaining: u64) -> Result<(), String> {
    if remaining == 0 { Ok(()) } else { Err(format!("not all was told: {remaining} snapshots are left out")) }
}

/// Reads snapshots that were opened, by name.
pub fn opened_snapshots(response: &Response) -> Result<BTreeMap<Name, SnapshotDetail>, String> {
    let found = parse::<wire::OpenedSnapshots>(response)?;
    unread(found.failures)?;
    whole(found.remaining)?;
    let detail = |s: wire::OpenedSnapshot| {
        let failures = s.failures.iter().map(|f| {
            let (index, reason) = (f.index.as_deref(), f.reason.as_deref());
            format!("{}: {}", index.unwrap_or("?"), reason.unwrap_or("no reason given"))
        });
        let failures = failures.collect();
        let bytes = s.index_details.map(|all| all.values().map(|d| d.size_in_bytes).sum());
        let detail = SnapshotDetail {
            engine: s.version.as_deref().map(Word::of),
            // Without any index there is nothing to be told about.
            bytes: bytes.or_else(|| s.indices.is_empty().then_some(0)),
            indices: s.indices.iter().map(|name| Word::of(name)).collect(),
            started: s.start_time_in_millis.filter(|t| *t > 0),
            // 1970 while it runs.
            ended: s.end_time_in_millis.filter(|t| *t > 0),
            shards_failed: s.shards.map_or(0, |s| s.failed),
            failures,
        };
        (s.snapshot.into(), detail)
    };
    Ok(found.snapshots.into_iter().map(detail).collect())
}

/// Reads the bytes that snapshots hold from `_status`.
pub fn snapshot_bytes(response: &Response) -> Result<BTreeMap<Name, u64>, String> {
    let all = parse::<wire::SnapshotStatuses>(response)?.snapshots;
    Ok(all.into_iter().map(|s| (s.snapshot.into(), s.stats.total.size_in_bytes)).collect())
}

/// Reads the names of all repositories. What they are configured with may be secret, and is not kept.
pub fn repository_names(response: &Response) -> Result<Vec<String>, String> {
    let found = parse::<serde_json::Map<String, serde_json::Value>>(response)?;
    Ok(found.into_iter().map(|(name, _)| name).collect())
}

/// Reads snapshot policies: of Elasticsearch or of OpenSearch. Whatever else answers has none.
pub fn lifecycle_policies(response: &Response) -> Vec<LifecyclePolicy> {
    let ours = |name: String, repository: Option<String>| {
        repository.map(|repository| LifecyclePolicy { name, repository })
    };
    if let Ok(found) = parse::<wire::LifecyclePolicies>(response) {
        return found.into_iter().filter_map(|(name, p)| ours(name, p.policy.repository)).collect();
    }
    let found = parse::<wire::ManagementPolicies>(response).map(|f| f.policies).unwrap_or_default();
    let policy = |p: wire::ManagementPolicy| {
        ours(p.sm_policy.name, p.sm_policy.snapshot_config.and_then(|c| c.repository))
    };
    found.into_iter().filter_map(policy).collect()
}

/// Reads what the engine's own check of a repository found.
pub fn integrity(response: &Response) -> Result<Integrity, String> {
    let found = parse::<wire::VerifiedIntegrity>(response)?;
    if let Some(exception) = found.exception {
        let reason = exception.get("reason").and_then(|r| r.as_str()).unwrap_or("no reason given");
        return Err(format!("the check did not come to its end: {reason}"));
    }
    let Some(results) = found.results else {
        return Err("the check did not come to its end".to_owned());
    };
    let result = results.result.unwrap_or_default();
    let anomalies: Vec<_> = found.log.into_iter().filter_map(|l| l.anomaly).take(SHOWN).collect();
    Ok(Integrity {
        passed: result == "pass" && results.total_anomalies == 0,
        total: results.total_anomalies.max(anomalies.len() as u64),
        anomalies,
        disturbed: result.starts_with("inconclusive"),
    })
}

/// Whether a Zeebe backup is gone, by the answer to the question for it. `Err`: that is not known.
pub fn partitions_gone(answer: Result<&Response, &CallError>) -> Result<bool, String> {
    match answer {
        // 8.9+ goes on listing what was deleted.
        Ok(response) => partitions_backup(response)
            .map(|b| matches!(b.state, PartState::DoesNotExist | PartState::Deleted)),
        Err(error) if error.says_no_backup() => Ok(true),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_list_is_a_list() {
        for body in ["{}", r#"{"responses":[]}"#, r#"{"snapshots":[],"remaining":3}"#] {
            assert!(stored_snapshots().whole(&answer(body)).is_err(), "{body}");
            assert!(opened_snapshots(&answer(body)).is_err(), "{body}");
        }
        assert_eq!(
            stored_snapshots().whole(&answer(r#"{"snapshots":[],"total":0,"remaining":0}"#)),
            Ok(Vec::new())
        );
    }

    #[test]
    fn only_the_components_own_word_says_that_a_backup_is_gone() {
        let not_found = |message: &str, foreign| CallError::Status {
            url: String::new(),
            status: 404,
            message: Some(message.to_owned()),
            foreign,
        };
        for message in ["Backup with id 424242 does not exist", "No backup with id [424242] found."] {
            assert_eq!(partitions_gone(Err(&not_found(message, false))), Ok(true), "{message}");
            assert!(partitions_gone(Err(&not_found(message, true))).is_err(), "{message}");
        }
        for message in [
            "No repository with name [camunda] could be found.",
            "No backup repository configured.",
            "no Route matched with those values",
            "No static resource actuator/backups.",
            "The path /actuator/backups/17 was not found",
            "Backup service does not exist",
        ] {
            assert!(partitions_gone(Err(&not_found(message, false))).is_err(), "{message}");
        }
    }

    fn answer(body: &str) -> Response {
        Response { status: 200, body: body.to_owned().into() }
    }

    #[test]
    fn sizes_and_times_of_an_opened_snapshot() {
        // Recorded on Elasticsearch 8.14.1, shortened.
        let body = r#"{"snapshots":[{"snapshot":"camunda_operate_100_8.6.0_part_1_of_6","version":"8.14.0",
            "indices":["operate-import-position-8.3.0_"],
            "index_details":{"operate-import-position-8.3.0_":{"shard_count":1,"size_in_bytes":25668,"max_segments_per_shard":3}},
            "state":"SUCCESS","start_time_in_millis":1795420243143,"end_time_in_millis":1795420243751,
            "failures":[],"shards":{"total":1,"failed":0,"successful":1}}],"total":1,"remaining":0}"#;
        let found = opened_snapshots(&answer(body)).expect("understood");
        let detail = &found[&Name::from("camunda_operate_100_8.6.0_part_1_of_6")];
        assert_eq!((detail.bytes, detail.started), (Some(25668), Some(1_795_420_243_143)));
        assert_eq!(detail.engine.map(Word::text), Some("8.14.0"));
    }

    #[test]
    fn a_repository_that_cannot_be_read_is_not_an_empty_one() {
        let body = r#"{"snapshots":[],"failures":{"nope":{"type":"repository_missing_exception","reason":"[nope] missing"}},"total":0,"remaining":0}"#;
        for error in
            [stored_snapshots().whole(&answer(body)).err(), opened_snapshots(&answer(body)).map(|_| ()).err()]
        {
            assert_eq!(error.as_deref(), Some("not read: nope: [nope] missing"));
        }
    }

    #[test]
    fn an_integrity_check_passes_only_by_saying_so() {
        let of = |results: &str| integrity(&answer(&format!(r#"{{"log":[],"results":{results}}}"#)));
        assert!(of(r#"{"total_anomalies":0,"result":"pass"}"#).expect("understood").passed);
        assert!(!of(r#"{"total_anomalies":0}"#).expect("understood").passed);
        let disturbed = of(r#"{"total_anomalies":0,"result":"inconclusive due to concurrent writes"}"#);
        assert!(disturbed.is_ok_and(|i| i.disturbed && !i.passed));
        assert!(integrity(&answer(r#"{"log":[]}"#)).is_err());
        let found = integrity(&answer(
            r#"{"log":[{"anomaly":"missing blob"}],"results":{"total_anomalies":1,"result":"fail"}}"#,
        ));
        assert_eq!(found.expect("understood").anomalies, ["missing blob"]);
    }

    #[test]
    fn policies_of_both_engines() {
        let slm = r#"{"nightly":{"version":1,"policy":{"name":"<x>","schedule":"0 30 1 * * ?","repository":"backups","retention":{}}}}"#;
        let sm = r#"{"policies":[{"_id":"x","sm_policy":{"name":"nightly","snapshot_config":{"repository":"backups"}}}],"total_policies":1}"#;
        for body in [slm, sm] {
            let found = lifecycle_policies(&answer(body));
            assert_eq!(
                found,
                [LifecyclePolicy { name: "nightly".to_owned(), repository: "backups".to_owned() }]
            );
        }
        assert_eq!(lifecycle_policies(&answer("{}")), []);
    }
}
