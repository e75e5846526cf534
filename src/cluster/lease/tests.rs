//! Two holders, takeovers, and everything that can go wrong in between, on an API server in memory and under paused time.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::{FakeApi, How};
use crate::model::BackupId;
use crate::run::Journal as _;

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/prod/leases/camunda-backup-camunda";
const NAME: &str = "camunda-backup-camunda";
const DURATION: Duration = Duration::from_secs(30);

/// A wall clock that stands still: only signs of life and the monotonic clock may count.
fn clock() -> Timestamp {
    Timestamp::from_second(1_795_392_000).expect("a time")
}

fn options(identity: &str) -> LeaseOptions {
    LeaseOptions {
        namespace: "prod".to_owned(),
        release: "camunda".to_owned(),
        identity: identity.to_owned(),
        verb: "create".to_owned(),
        duration: DURATION,
        heir_of: None,
        now: clock,
    }
}

fn cluster(api: &FakeApi) -> Cluster {
    Cluster::from_client(api.client(), "prod")
}

async fn acquire(api: &FakeApi, identity: &str) -> Acquired {
    LeaseJournal::acquire(&cluster(api), options(identity), |_, _| {}).await.expect("an answer")
}

async fn held(api: &FakeApi, identity: &str) -> LeaseJournal {
    match acquire(api, identity).await {
        Acquired::Held(journal) => journal,
        other => panic!("expected to hold it, got {other:?}"),
    }
}

fn seventeen() -> Armed {
    Armed { backup_id: BackupId::new(17).ok(), since: "2026-11-23T00:00:01Z".to_owned(), answered: false }
}

fn lease(api: &FakeApi) -> Value {
    api.object(NAME).expect("a Lease")
}

/// What a successor would find.
async fn armed(api: &FakeApi) -> Option<Armed> {
    cluster(api).lease_state("prod", "camunda").await.expect("an answer").and_then(|s| s.armed)
}

#[tokio::test(start_paused = true)]
async fn what_is_armed_is_stored_and_outlives_its_holder() {
    let api = FakeApi::default();
    assert_eq!(cluster(&api).lease_state("prod", "camunda").await, Ok(None));
    let first = held(&api, "a_1").await;
    first.arm(&seventeen()).await.expect("stored");
    assert_eq!(armed(&api).await, Some(seventeen()));
    let object = lease(&api);
    assert_eq!(object["spec"]["holderIdentity"], "a_1");
    assert_eq!(object["metadata"]["annotations"]["camunda-backup/armed"], "resume-exporting");
    drop(first);
    let began = tokio::time::Instant::now();
    let mut told = None;
    let taken =
        LeaseJournal::acquire(&cluster(&api), options("b_2"), |h, d| told = Some((h.clone(), d))).await;
    match taken.expect("an answer") {
        Acquired::TakenOver { journal, from, left } => {
            assert_eq!(from.map(|h| h.identity).as_deref(), Some("a_1"));
            assert_eq!(left, Some(seventeen()));
            assert_eq!(lease(&api)["spec"]["leaseTransitions"], 1);
            journal.disarm().await.expect("stored");
            journal.finish().await.expect("stored");
        }
        other => panic!("expected to take it over, got {other:?}"),
    }
    assert!(
        (DURATION..DURATION + Duration::from_secs(3)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(told.map(|(h, d)| (h.identity, d)), Some(("a_1".to_owned(), DURATION)));
    assert_eq!(armed(&api).await, None);
    assert_eq!(lease(&api)["spec"]["holderIdentity"], Value::Null);
    let began = tokio::time::Instant::now();
    held(&api, "c_3").await;
    assert!(began.elapsed() < Duration::from_secs(1), "one that let go need not be watched");
}

#[tokio::test(start_paused = true)]
async fn whoever_lives_is_not_taken_over_even_when_its_clock_is_far_away() {
    let api = FakeApi::default();
    let first = held(&api, "a_1").await;
    // Its clock says that it has not renewed for a year, and that of a second one stands still. Both live.
    api.change(NAME, |l| l["spec"]["renewTime"] = "2025-01-01T00:00:00.000000Z".into());
    match acquire(&api, "b_2").await {
        Acquired::Busy(holder) => {
            assert_eq!((holder.identity.as_str(), holder.verb.as_str()), ("a_1", "create"));
        }
        other => panic!("expected it to be busy, got {other:?}"),
    }
    tokio::time::sleep(DURATION * 4).await;
    assert!(matches!(acquire(&api, "b_2").await, Acquired::Busy(_)));
    assert!(!first.lost());
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_an_error_and_no_storm() {
    let api = FakeApi::default();
    held(&api, "a_1").await.finish().await.expect("stored");
    api.fail("PUT", "/leases", 3, How::Refuse(409, "Conflict"));
    held(&api, "b_2").await.finish().await.expect("stored");
    api.fail("PUT", "/leases", usize::MAX, How::Refuse(409, "Conflict"));
    let before = api.asked().len();
    let error = LeaseJournal::acquire(&cluster(&api), options("c_3"), |_, _| {}).await.expect_err("refused");
    assert!(matches!(error, ClusterError::Conflict { .. }), "{error}");
    assert!(api.asked().len() - before <= 100, "{} requests", api.asked().len() - before);
}

#[tokio::test(start_paused = true)]
async fn an_heir_need_not_watch() {
    let api = FakeApi::default();
    let first = held(&api, "a_1").await;
    first.arm(&seventeen()).await.expect("stored");
    drop(first);
    let began = tokio::time::Instant::now();
    let heir = LeaseOptions { heir_of: Some("a_1".to_owned()), ..options("guard_2") };
    let taken = LeaseJournal::acquire(&cluster(&api), heir, |_, _| panic!("nobody is watched")).await;
    assert!(matches!(taken, Ok(Acquired::TakenOver { left: Some(_), .. })), "{taken:?}");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn letting_go_while_something_is_armed_leaves_it_for_the_next_one_at_once() {
    let api = FakeApi::default();
    let first = held(&api, "a_1").await;
    first.arm(&seventeen()).await.expect("stored");
    first.finish().await.expect("stored");
    match acquire(&api, "b_2").await {
        Acquired::TakenOver { from: None, left, .. } => assert_eq!(left, Some(seventeen())),
        other => panic!("expected what is left, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_take_at_once_one_holds() {
    let api = FakeApi::default();
    let (a, b) = tokio::join!(acquire(&api, "a_1"), acquire(&api, "b_2"));
    let busy = [&a, &b].iter().filter(|x| matches!(x, Acquired::Busy(_))).count();
    let held = [&a, &b].iter().filter(|x| matches!(x, Acquired::Held(_))).count();
    assert_eq!((held, busy), (1, 1), "{a:?} {b:?}");
    // The same for one that both saw die.
    let api = FakeApi::default();
    drop(held_by(&api, "dead_0").await);
    let (a, b) = tokio::join!(acquire(&api, "a_1"), acquire(&api, "b_2"));
    let busy = [&a, &b].iter().filter(|x| matches!(x, Acquired::Busy(_))).count();
    assert_eq!(busy, 1, "{a:?} {b:?}");
}

async fn held_by(api: &FakeApi, identity: &str) -> LeaseJournal {
    held(api, identity).await
}

#[tokio::test(start_paused = true)]
async fn arming_survives_lost_answers_conflicts_and_a_deleted_lease() {
    for how in [
        How::Lose,
        How::LoseAnswer,
        How::Hang,
        How::Refuse(503, "ServiceUnavailable"),
        How::Refuse(409, "Conflict"),
        How::Refuse(429, "TooManyRequests"),
    ] {
        let api = FakeApi::default();
        let journal = held(&api, "a_1").await;
        api.fail("PUT", NAME, 1, how);
        journal.arm(&seventeen()).await.unwrap_or_else(|e| panic!("{how:?}: {e}"));
        assert_eq!(armed(&api).await, Some(seventeen()), "{how:?}");
        // Somebody edits it, which is no change of holder.
        api.change(NAME, |l| l["metadata"]["labels"]["team"] = "blue".into());
        journal.disarm().await.expect("still ours");
        api.remove(NAME);
        journal.arm(&seventeen()).await.expect("made anew");
        assert_eq!(armed(&api).await, Some(seventeen()), "{how:?}");
        assert!(!journal.lost());
    }
}

#[tokio::test(start_paused = true)]
async fn arming_fails_when_it_is_not_stored() {
    for (how, says) in [
        (How::Refuse(403, "Forbidden"), "not allowed to update leases.coordination.k8s.io"),
        (How::Hang, "did not answer"),
        (How::Lose, "connection reset"),
        (How::Refuse(500, "InternalError"), "HTTP 500"),
    ] {
        let api = FakeApi::default();
        let journal = held(&api, "a_1").await;
        api.fail("PUT", NAME, usize::MAX, how);
        let began = tokio::time::Instant::now();
        let error = journal.arm(&seventeen()).await.expect_err("not stored").to_string();
        assert!(error.contains(says), "{error}");
        assert!(began.elapsed() <= DURATION / 2, "{how:?} took {:?}", began.elapsed());
        assert_eq!(armed(&api).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_successor_makes_it_lost_and_closing_says_whose_it_is() {
    let api = FakeApi::default();
    let journal = held(&api, "a_1").await;
    journal.arm(&seventeen()).await.expect("stored");
    api.change(NAME, |l| l["spec"]["holderIdentity"] = "b_2".into());
    assert!(!journal.lost(), "not noticed yet");
    tokio::time::sleep(DURATION / 3 + Duration::from_secs(2)).await;
    assert!(journal.lost());
    assert!(journal.arm(&seventeen()).await.is_err());
    let error = journal.disarm().await.expect_err("not ours").to_string();
    assert!(error.contains("b_2"), "{error}");
    assert_eq!(armed(&api).await, Some(seventeen()), "the successor's to undo");
    journal.finish().await.expect("nothing to let go of");
    assert_eq!(lease(&api)["spec"]["holderIdentity"], "b_2");
}

#[tokio::test(start_paused = true)]
async fn silence_for_the_whole_duration_makes_it_lost_but_closing_still_works() {
    let api = FakeApi::default();
    let journal = held(&api, "a_1").await;
    journal.arm(&seventeen()).await.expect("stored");
    api.fail("PUT", NAME, usize::MAX, How::Hang);
    tokio::time::sleep(DURATION.saturating_sub(Duration::from_secs(1))).await;
    assert!(!journal.lost());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(journal.lost());
    api.heal();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(journal.lost(), "once lost, nothing more is started");
    assert!(journal.arm(&seventeen()).await.is_err());
    journal.disarm().await.expect("it is still ours");
    assert_eq!(armed(&api).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_short_absence_of_the_server_is_no_loss() {
    let api = FakeApi::default();
    let journal = held(&api, "a_1").await;
    for _ in 0..5 {
        api.fail("PUT", NAME, usize::MAX, How::Lose);
        tokio::time::sleep(DURATION / 2).await;
        api.heal();
        tokio::time::sleep(DURATION / 2).await;
        assert!(!journal.lost());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_deleted_and_taken_by_another_is_lost() {
    let api = FakeApi::default();
    let journal = held(&api, "a_1").await;
    api.remove(NAME);
    let other = held(&api, "b_2").await;
    assert!(journal.arm(&seventeen()).await.is_err());
    assert!(journal.lost() && !other.lost());
}

#[tokio::test(start_paused = true)]
async fn taking_is_refused_without_rights_and_unsure_when_the_answer_is_lost() {
    let api = FakeApi::default();
    api.fail("POST", "/leases", 1, How::Refuse(403, "Forbidden"));
    let refused = LeaseJournal::acquire(&cluster(&api), options("a_1"), |_, _| {}).await;
    match refused {
        Err(ClusterError::Forbidden { ask, .. }) => {
            assert_eq!(
                ask.to_string(),
                "create leases.coordination.k8s.io \"camunda-backup-camunda\" in namespace prod"
            );
        }
        other => panic!("expected to be refused, got {other:?}"),
    }
    api.fail("POST", "/leases", 1, How::LoseAnswer);
    held(&api, "a_1").await;
    // An API server that is away for a while is waited for, one that is gone is not.
    let api = FakeApi::default();
    api.fail("GET", "/leases", 5, How::Lose);
    held(&api, "a_1").await;
    api.fail("GET", "/leases", usize::MAX, How::Lose);
    assert!(matches!(
        LeaseJournal::acquire(&cluster(&api), options("b_2"), |_, _| {}).await,
        Err(ClusterError::NoAnswer { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_edited_entry_is_never_taken_for_nothing() {
    let api = FakeApi::default();
    let notes = json!({ "camunda-backup/armed": "", "camunda-backup/backup-id": "many" });
    api.put(PATH, json!({ "metadata": { "name": NAME, "annotations": notes }, "spec": {} }));
    match acquire(&api, "a_1").await {
        Acquired::TakenOver { left: Some(left), .. } => {
            assert_eq!((left.backup_id, left.since.as_str()), (None, "unknown"));
        }
        other => panic!("expected something left, got {other:?}"),
    }
}

#[test]
fn a_wall_clock_that_jumps_ahead_means_that_the_machine_slept() {
    use std::sync::atomic::{AtomicI64, Ordering};
    static NOW: AtomicI64 = AtomicI64::new(1_795_392_000);
    fn sleeper() -> Timestamp {
        Timestamp::from_second(NOW.load(Ordering::SeqCst)).expect("a time")
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let api = FakeApi::default();
        let awake = LeaseOptions { now: sleeper, ..options("laptop_1") };
        let taken = LeaseJournal::acquire(&cluster(&api), awake, |_, _| {}).await.expect("an answer");
        let Acquired::Held(journal) = taken else { panic!("expected to hold it") };
        assert!(!journal.lost());
        NOW.fetch_add(600, Ordering::SeqCst);
        assert!(journal.lost());
    });
}
