//! Records and Events on an API server in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::cluster::access::Cluster;
use crate::cluster::fake::{FakeApi, How};
use crate::model::{BackupId, Part};

fn clock() -> Timestamp {
    Timestamp::from_second(1_795_392_000).expect("a time")
}

fn record(id: u64) -> Record {
    let pieces = vec!["camunda_operate_17_8.6.0_part_1_of_6".to_owned()];
    Record {
        schema: Record::SCHEMA,
        release: "camunda".to_owned(),
        backup_id: BackupId::new(id).expect("in range"),
        outcome: "running".to_owned(),
        started: "2026-11-23T00:00:00Z".to_owned(),
        finished: None,
        reason: None,
        versions: BTreeMap::from([("gateway".to_owned(), "8.6.0".to_owned())]),
        partitions: Some(3),
        paused_seconds: None,
        exporting_paused: false,
        parts: BTreeMap::from([(Part::Operate, RecordedPart { state: "started".to_owned(), pieces })]),
        skipped: BTreeMap::new(),
        elsewhere: None,
        written_by: "0.1.0".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_is_told_where_it_could_not_tell_itself() {
    let api = FakeApi::default();
    let records = Records::new(&Cluster::from_client(api.client(), "prod"), "prod", "camunda");
    let done = Record { outcome: "complete".to_owned(), ..record(18) };
    assert_eq!((records.write(&record(17)).await, records.write(&done).await), (None, None));
    for id in [17, 18, 19] {
        let id = BackupId::new(id).expect("in range");
        assert_eq!(records.died(id, "then", "2026-11-23T01:00:00Z".to_owned()).await, None);
    }
    let (found, _) = records.list().await.expect("an answer");
    assert_eq!(found.values().map(|r| r.outcome.as_str()).collect::<Vec<_>>(), ["died", "complete", "died"]);
    let ended = records.ended().await.expect("an answer");
    let (id, run) = ended.first_key_value().expect("the one that died");
    // 19 had not been able to write that it began.
    assert_eq!((ended.len(), id.get(), run.paused), (2, 17, true));
    assert_eq!(run.reason.as_deref(), Some("it died while exporting was paused (since then)"));
}

#[tokio::test(start_paused = true)]
async fn a_record_is_written_again_listed_and_removed() {
    let api = FakeApi::default();
    let records = Records::new(&Cluster::from_client(api.client(), "prod"), "prod", "camunda");
    assert_eq!(records.write(&record(17)).await, None);
    assert_eq!(records.write(&record(18)).await, None);
    let done = Record { outcome: "complete".to_owned(), ..record(17) };
    assert_eq!(records.write(&done).await, None);
    let labels = api.object("/camunda-backup-camunda-17").expect("there")["metadata"]["labels"].clone();
    assert_eq!(labels["camunda-backup/outcome"], "complete");
    api.put(
        "/api/v1/namespaces/prod/configmaps/camunda-backup-camunda-x",
        json!({ "metadata": { "name": "x", "labels": labels } }),
    );
    let (found, warnings) = records.list().await.expect("an answer");
    assert_eq!(found.values().cloned().collect::<Vec<_>>(), [done, record(18)]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(records.remove(record(17).backup_id).await, None);
    assert_eq!(records.remove(record(17).backup_id).await, None, "it is gone already");
    assert_eq!(records.list().await.expect("an answer").0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn runs_that_ended_badly_leave_word_of_what_they_began() {
    let api = FakeApi::default();
    let records = Records::new(&Cluster::from_client(api.client(), "prod"), "prod", "camunda");
    let part = |state: &str| RecordedPart { state: state.to_owned(), pieces: Vec::new() };
    let parts = [(Part::Operate, part("failed")), (Part::Zeebe, part("not-started"))];
    let ended = |id, outcome: &str, reason: &str| Record {
        outcome: outcome.to_owned(),
        finished: Some("2026-11-23T00:01:00Z".to_owned()),
        reason: Some(reason.to_owned()),
        parts: parts.clone().into(),
        ..record(id)
    };
    let paused =
        Record { exporting_paused: true, ..ended(18, "deadline", "--timeout passed in await-zeebe") };
    let died = Record { outcome: "failed".to_owned(), ..record(21) };
    for record in [
        ended(17, "failed", "await-operate: part-failed: no"),
        paused,
        ended(19, "failed", "start-operate: id-taken: no"),
        ended(20, "complete", ""),
        died,
        record(22),
    ] {
        assert_eq!(records.write(&record).await, None);
    }
    let found = records.ended().await.expect("an answer");
    let told: Vec<_> =
        found.iter().map(|(id, r)| (id.get(), r.begun.iter().copied().collect(), r.paused)).collect();
    let operate = vec![Part::Operate];
    // A taken ID proves nothing; without an end there is no word of one.
    assert_eq!(told, [(17, operate.clone(), false), (18, operate, true), (19, vec![], false)]);
}

#[tokio::test(start_paused = true)]
async fn failing_to_write_is_a_warning_and_takes_no_time() {
    let api = FakeApi::default();
    let cluster = Cluster::from_client(api.client(), "prod");
    let records = Records::new(&cluster, "prod", "camunda");
    api.fail("PATCH", "/configmaps", 1, How::Refuse(403, "Forbidden"));
    let warning = records.write(&record(17)).await.expect("a warning");
    assert!(warning.contains("not allowed to create and patch configmaps"), "{warning}");
    api.fail("GET", "/services", 1, How::Hang);
    api.fail("POST", "/events", 1, How::Hang);
    let began = tokio::time::Instant::now();
    let events = EventLog::new(&cluster, "pod_1", clock).on_service("prod", "camunda-zeebe-gateway").await;
    let warning = events.tell(Occasion::Started, "backup 17").await.expect("a warning");
    assert!(warning.contains("BackupStarted"), "{warning}");
    assert!(began.elapsed() <= WRITE * 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_about_the_very_service_and_its_note_fits() {
    let api = FakeApi::default();
    let service = json!({ "metadata": { "name": "gateway", "uid": "uid-of-gateway" } });
    api.put("/api/v1/namespaces/prod/services/gateway", service);
    let cluster = Cluster::from_client(api.client(), "prod");
    let events = EventLog::new(&cluster, "pod_1", clock).on_service("prod", "gateway").await;
    let labels = json!({ "camunda-backup/release": "camunda" });
    let cron_job = json!({ "metadata": { "name": "nightly", "uid": "uid-of-nightly", "labels": labels } });
    api.put("/apis/batch/v1/namespaces/prod/cronjobs/nightly", cron_job);
    let (events, warning) = events.on_cron_jobs("prod", "camunda").await;
    assert_eq!(warning, None);
    assert_eq!(events.tell(Occasion::StillPaused, &"ü".repeat(600)).await, None);
    let written = api.objects("/apis/events.k8s.io/v1/namespaces/prod/events/");
    assert_eq!(written.len(), 2);
    let about = written.iter().find(|e| e["regarding"]["kind"] == "Service").expect("one on the Service");
    assert_eq!(about["regarding"]["uid"], "uid-of-gateway");
    assert!(written.iter().any(|e| e["regarding"]["uid"] == "uid-of-nightly"), "{written:?}");
    assert_eq!((&about["type"], &about["reason"]), (&json!("Warning"), &json!("ExportingStillPaused")));
    let note = about["note"].as_str().expect("a note");
    assert!(note.len() <= 1024 && note.ends_with("ü..."), "{}", note.len());
}
