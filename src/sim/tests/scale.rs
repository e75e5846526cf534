//! Ten thousand old backups.

use super::*;

#[tokio::test(start_paused = true)]
async fn ten_thousand_backups() {
    let history: Vec<u64> = (0..10_000).map(|n| 1_700_000_000 + n * 3600).collect();
    let last = history.last().copied().unwrap_or_default();
    let sim = Sim::new(Profile { history, timings: Timings::quick(), ..Profile::default() });
    let length = |body: &Value| body.as_array().map(Vec::len);
    assert_eq!(
        length(&get(&sim, Component::Operate, "/actuator/backups?verbose=false").await.1),
        Some(10_000)
    );
    assert_eq!(length(&get(&sim, Component::Gateway, "/actuator/backups").await.1), Some(10_000));
    let all = Request::get(Component::Search, "/_snapshot/camunda-backup/_all?verbose=false");
    let body = sim.handle(&all).await.expect("an answer").body;
    assert!(body.ends_with(br#""total":150000,"remaining":0}"#));
    assert_eq!(take(&sim, Component::Gateway, last).await.0, 409);
    for n in 1..200 {
        assert_eq!(take(&sim, Component::Gateway, last + n).await.0, 202);
        assert_eq!(state(&sim, Component::Operate, last).await, "COMPLETED");
    }
}
