//! Faults.

use super::*;
use crate::client::Transport;
use crate::model::{Part, PartState};

const PAUSE: &str = "/actuator/exporting/pause?soft=true";

fn pausing() -> Request {
    Request::post(Component::Gateway, PAUSE)
}

#[tokio::test(start_paused = true)]
async fn a_window_of_requests() {
    let sim = Sim::new(Profile::default());
    pause(&sim).await;
    inject(&sim, "gateway POST /actuator/exporting/resume 2..3 envelope-failure");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(resume(&sim).await);
        pause(&sim).await;
    }
    assert_eq!(seen, [204, 500, 500, 204]);
    let log = sim.log();
    let resumes = log.iter().filter(|exchange| exchange.request.path.ends_with("resume"));
    let outcomes: Vec<(bool, Option<u16>, Option<u16>)> =
        resumes.map(|e| (e.outcome.effect, e.outcome.status, e.outcome.envelope)).collect();
    let (well, ill) = ((true, Some(200), Some(204)), (false, Some(200), Some(500)));
    assert_eq!(outcomes, [well, ill, ill, well]);
    assert!(log.iter().any(|exchange| exchange.outcome.fault.as_deref() == Some("envelope-failure")));
}

#[tokio::test(start_paused = true)]
async fn whether_the_effect_happened() {
    for (fault, effect, lost) in
        [("drop-request", false, true), ("drop-answer", true, true), ("refuse", false, false)]
    {
        let sim = Sim::new(Profile::default());
        inject(&sim, &format!("gateway POST {PAUSE} 1 {fault}"));
        let error = error(&sim, pausing()).await;
        assert_eq!(matches!(error, TransportError::Lost(_)), lost, "{fault}");
        assert_eq!(sim.exporting_runs(), !effect, "{fault}");
        assert_eq!(sim.log().last().map(|exchange| exchange.outcome.effect), Some(effect), "{fault}");
    }
    for (fault, status, effect) in
        [("status:503:busy", 503, false), ("effect-then-status:500", 500, true), ("status:204", 204, false)]
    {
        let sim = Sim::new(Profile::default());
        inject(&sim, &format!("gateway POST {PAUSE} 1 {fault}"));
        assert_eq!(ask(&sim, pausing()).await.0, status);
        assert_eq!(sim.exporting_runs(), !effect, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn part_of_the_partitions_obeys() {
    let sim = Sim::new(Profile::default());
    inject(&sim, "gateway POST pause 1 envelope-partial");
    assert_eq!(pause(&sim).await, 500);
    let paused: Vec<bool> = sim.phases().into_values().map(|phase| phase.is_paused()).collect();
    assert_eq!(paused, [true, true, false]);
    inject(&sim, "gateway POST resume 1 envelope-partial");
    pause(&sim).await;
    assert_eq!(resume(&sim).await, 500);
    assert!(!sim.exporting_runs());
}

#[tokio::test(start_paused = true)]
async fn slow_late_and_never() {
    let within = async |sim: &Arc<Sim>, seconds: u64| {
        let request = pausing();
        tokio::time::timeout(Duration::from_secs(seconds), sim.handle(&request)).await.is_ok()
    };
    let sim = Sim::new(Profile::default());
    inject(&sim, "gateway POST pause 1 slow:10s");
    assert!(!within(&sim, 5).await);
    assert!(!sim.exporting_runs(), "at once");

    let sim = Sim::new(Profile::default());
    inject(&sim, "gateway POST pause 1 late:10s");
    assert!(!within(&sim, 5).await);
    assert!(sim.exporting_runs(), "not yet");
    pass(6000).await;
    assert!(!sim.exporting_runs(), "although the client had given up");

    let sim = Sim::new(Profile::default());
    inject(&sim, "gateway POST pause 1 hang");
    assert!(!within(&sim, 3600).await);
    assert!(sim.exporting_runs());
    assert!(within(&sim, 1).await, "only once");
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_backup() {
    for (rule, part, ends) in [
        ("operate POST * snapshot-partial", Part::Operate, Some(PartState::Failed)),
        ("operate POST * snapshot-failed", Part::Operate, Some(PartState::Failed)),
        ("tasklist POST * stuck-in-progress", Part::Tasklist, Some(PartState::InProgress)),
        ("tasklist POST * stuck-incomplete", Part::Tasklist, Some(PartState::Incomplete)),
        ("optimize POST * stuck-incomplete", Part::Optimize, Some(PartState::Incomplete)),
        ("optimize POST * not-visible", Part::Optimize, None),
        ("gateway POST * partition-failed:2", Part::Zeebe, Some(PartState::Failed)),
        ("gateway POST * partition-lost:3", Part::Zeebe, Some(PartState::Incomplete)),
        ("gateway POST * stuck-in-progress", Part::Zeebe, Some(PartState::InProgress)),
        ("gateway POST * stuck-incomplete", Part::Zeebe, Some(PartState::Incomplete)),
        ("gateway POST * not-visible", Part::Zeebe, None),
        ("search PUT * snapshot-partial", Part::Records, Some(PartState::Partial)),
        ("search PUT * snapshot-failed", Part::Records, Some(PartState::Failed)),
        ("search PUT * stuck-in-progress", Part::Records, Some(PartState::InProgress)),
        ("search PUT * not-visible", Part::Records, None),
    ] {
        let sim = Sim::new(Profile::default());
        inject(&sim, rule);
        for component in [Component::Operate, Component::Tasklist, Component::Optimize, Component::Gateway] {
            assert!((200..300).contains(&take(&sim, component, 5).await.0), "{rule}: accepted");
        }
        let records =
            Request::put(Component::Search, "/_snapshot/camunda-backup/camunda_zeebe_records_backup_5");
        assert_eq!(ask(&sim, records.with(json!({ "indices": "zeebe-record*" }))).await.0, 200, "{rule}");
        pass(600_000).await;
        let parts = sim.parts(5);
        for other in [Part::Operate, Part::Tasklist, Part::Optimize, Part::Zeebe, Part::Records] {
            let expected = if other == part { ends.clone() } else { Some(PartState::Completed) };
            assert_eq!(parts.get(&other), expected.as_ref(), "{rule}: {other}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_backup_says_why() {
    let sim = Sim::new(Profile::default());
    inject(&sim, "operate POST * snapshot-partial");
    take(&sim, Component::Operate, 5).await;
    pass(60_000).await;
    let (_, body) = get(&sim, Component::Operate, "/actuator/backups/5").await;
    assert_eq!(
        body["failureReason"],
        "Some of the snapshots are partial: camunda_operate_5_8.6.0_part_2_of_6"
    );
    assert_eq!(body["details"].as_array().map(Vec::len), Some(2), "none follows it");
    inject(&sim, "gateway POST * partition-failed:2");
    take(&sim, Component::Gateway, 5).await;
    pass(60_000).await;
    let (_, body) = get(&sim, Component::Gateway, "/actuator/backups/5").await;
    assert_eq!((&body["state"], &body["details"][1]["state"]), (&json!("FAILED"), &json!("FAILED")));
    assert!(body["failureReason"].is_string());
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_the_client_and_spares_the_release() {
    let sim = Sim::new(Profile::default());
    inject(&sim, "operate GET * 1 panic");
    let client = SimTransport::new(Arc::clone(&sim), "test");
    let request = Request::get(Component::Operate, "/actuator/backups");
    let panicked = tokio::spawn(async move { client.send(&request).await.is_ok() }).await;
    assert!(panicked.is_err_and(|error| error.is_panic()));
    assert_eq!(get(&sim, Component::Operate, "/actuator/backups").await.0, 200);
    let clients: Vec<Arc<str>> = sim.log().into_iter().map(|exchange| exchange.client).collect();
    assert_eq!(clients.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["test", "direct"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_breaks_its_connections() {
    let sim = Sim::new(three_brokers());
    sim.set_broker(0, false);
    let asking = tokio::spawn({
        let sim = Arc::clone(&sim);
        async move { sim.handle(&taking(Component::Gateway, 1)).await }
    });
    pass(1000).await;
    sim.set_component(Component::Gateway, false);
    assert!(matches!(asking.await.expect("no panic"), Err(TransportError::Lost(_))));
    assert!(matches!(error(&sim, pausing()).await, TransportError::NotSent(_)));
}

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_is_due_wins_and_all_count() {
    let sim = Sim::new(Profile::default());
    inject(&sim, "operate GET * 2 status:500");
    inject(&sim, "operate GET * 2..3 status:503");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(get(&sim, Component::Operate, "/actuator/backups").await.0);
    }
    assert_eq!(seen, [200, 500, 503, 200]);
    inject(&sim, "* * * status:418");
    sim.clear_faults();
    assert_eq!(get(&sim, Component::Operate, "/actuator/backups").await.0, 200);
}
