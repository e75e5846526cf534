//! Operate, Tasklist and Optimize.

use super::*;
use crate::model::{Part, PartState};

/// Every state from the `POST` until it is completed, without repetitions, with the number of snapshots.
async fn states(sim: &Arc<Sim>, component: Component, id: u64) -> Vec<(String, usize)> {
    let mut seen: Vec<(String, usize)> = Vec::new();
    for _ in 0..2000 {
        let (status, body) = get(sim, component, &format!("/actuator/backups/{id}")).await;
        let word = body["state"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        let parts = body["details"].as_array().map_or(0, Vec::len);
        if seen.last() != Some(&(word.clone(), parts)) {
            seen.push((word.clone(), parts));
        }
        if word == "COMPLETED" {
            break;
        }
        pass(40).await;
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn incomplete_between_two_snapshots() {
    let sim = Sim::new(Profile::default());
    for (component, unknown) in [(Component::Operate, "400"), (Component::Tasklist, "500")] {
        take(&sim, component, 7).await;
        let seen = states(&sim, component, 7).await;
        let mut expected = vec![(unknown.to_owned(), 0)];
        for part in 1..=6 {
            expected.push(("IN_PROGRESS".to_owned(), part));
            expected.push((if part < 6 { "INCOMPLETE" } else { "COMPLETED" }.to_owned(), part));
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn optimize_has_two_snapshots() {
    let sim = Sim::new(Profile::default());
    let (status, body) = take(&sim, Component::Optimize, 7).await;
    assert_eq!((status, body["message"].is_string()), (202, true));
    let words: Vec<String> =
        states(&sim, Component::Optimize, 7).await.into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["404", "IN_PROGRESS", "INCOMPLETE", "IN_PROGRESS", "COMPLETED"]);
    let (status, body) = take(&sim, Component::Optimize, 7).await;
    assert_eq!((status, body["errorMessage"].is_string()), (409, true));
    assert_eq!(take(&sim, Component::Optimize, 6).await.0, 202);
    sim.set_engine(false);
    assert_eq!(state(&sim, Component::Optimize, 7).await, "502");
}

#[tokio::test(start_paused = true)]
async fn a_second_backup_waits() {
    let sim = Sim::new(Profile::default());
    take(&sim, Component::Operate, 7).await;
    pass(1000).await;
    assert_eq!(take(&sim, Component::Operate, 5).await.0, 200);
    pass(6000).await;
    assert_eq!(state(&sim, Component::Operate, 5).await, "400", "has not begun");
    pass(10_000).await;
    let (_, list) = get(&sim, Component::Operate, "/actuator/backups").await;
    let ids: Vec<u64> =
        list.as_array().expect("a list").iter().filter_map(|b| b["backupId"].as_u64()).collect();
    assert_eq!(ids, [5, 7], "newest first, by time");
    let parts: Vec<&str> = list[0]["details"]
        .as_array()
        .expect("details")
        .iter()
        .filter_map(|detail| detail["snapshotName"].as_str())
        .collect();
    assert_eq!(parts.first(), Some(&"camunda_operate_5_8.6.0_part_6_of_6"), "the last part first");
}

#[tokio::test(start_paused = true)]
async fn a_restart_loses_the_queue_and_keeps_what_the_engine_does() {
    let sim = Sim::new(Profile::default());
    take(&sim, Component::Operate, 7).await;
    pass(1000).await;
    sim.set_component(Component::Operate, false);
    assert!(matches!(
        error(&sim, Request::get(Component::Operate, "/actuator/backups/7")).await,
        TransportError::NotSent(_)
    ));
    sim.set_component(Component::Operate, true);
    pass(60_000).await;
    assert_eq!(state(&sim, Component::Operate, 7).await, "INCOMPLETE");
    // it is free for the next one
    take(&sim, Component::Operate, 8).await;
    pass(20_000).await;
    assert_eq!(state(&sim, Component::Operate, 8).await, "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn the_snapshots_are_the_engine_s() {
    let sim = Sim::new(Profile { history: vec![7], ..Profile::default() });
    assert_eq!(state(&sim, Component::Operate, 7).await, "COMPLETED");
    let name = "/_snapshot/camunda-backup/camunda_operate_7_8.6.0_part_3_of_6";
    assert_eq!(delete(&sim, Component::Search, name).await, 200);
    assert_eq!(state(&sim, Component::Operate, 7).await, "INCOMPLETE");
    assert_eq!(sim.parts(7)[&Part::Operate], PartState::Incomplete);
    assert_eq!(sim.parts(7)[&Part::Tasklist], PartState::Completed);
}

#[tokio::test(start_paused = true)]
async fn deletion_is_asynchronous_and_frees_the_id() {
    let sim = Sim::new(Profile { history: vec![7], ..Profile::default() });
    for component in [Component::Operate, Component::Tasklist, Component::Optimize] {
        assert_eq!(delete(&sim, component, "/actuator/backups/7").await, 204);
        assert_eq!(state(&sim, component, 7).await, "COMPLETED");
        let refused = take(&sim, component, 7).await.0;
        assert!(refused == 400 || refused == 409, "{refused}");
        pass(2000).await;
        assert!(state(&sim, component, 7).await.starts_with(['4', '5']));
        assert!((200..300).contains(&take(&sim, component, 7).await.0));
    }
}

#[tokio::test(start_paused = true)]
async fn tasklist_never_says_how_it_is_without_the_engine() {
    let sim = Sim::new(Profile::default());
    sim.set_engine(false);
    let health = Request::get(Component::Tasklist, "/actuator/health");
    let answer = tokio::time::timeout(Duration::from_secs(90), sim.handle(&health)).await;
    assert!(answer.is_err(), "it answered");
    sim.set_engine(true);
    assert_eq!(ask(&sim, health).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_does_not_answer() {
    let sim = Sim::new(Profile { has_optimize: false, ..Profile::default() });
    assert!(matches!(error(&sim, taking(Component::Optimize, 1)).await, TransportError::NotSent(_)));
    assert!(!sim.components().contains(&Component::Optimize));
}

#[tokio::test(start_paused = true)]
async fn tasklist_prints_for_people() {
    let sim = Sim::new(Profile::default());
    let answer = sim.handle(&taking(Component::Tasklist, 3)).await.expect("an answer");
    let text = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    assert!(
        text.starts_with("{\n  \"scheduledSnapshots\" : [ \"camunda_tasklist_3_8.6.0_part_1_of_6\", "),
        "{text}"
    );
}
