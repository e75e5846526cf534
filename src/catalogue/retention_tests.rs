use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::PartEntry;
use super::super::entries::state;
use super::*;
use crate::model::PartState;

const NOW: i64 = 1_764_000_000;
const HOUR: i64 = 3600;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("in range")
}

fn id(n: u64) -> BackupId {
    BackupId::new(n).expect("in range")
}

fn entry(state: PartState) -> PartEntry {
    PartEntry::Found { state, done: 1, total: Some(1), problem: None }
}

fn set(n: u64, state: SetState, started: Option<i64>) -> Set {
    let part = match state {
        SetState::Complete => entry(PartState::Completed),
        SetState::Failed => entry(PartState::Failed),
        SetState::InProgress => entry(PartState::InProgress),
        SetState::Incomplete => entry(PartState::Incomplete),
        SetState::Unknown => PartEntry::Unknown("away".to_owned()),
    };
    Set {
        parts: BTreeMap::from([(Part::Operate, part), (Part::Zeebe, entry(PartState::Completed))]),
        started: started.and_then(|t| Timestamp::from_second(t).ok()),
        ..Set::bare(id(n), state)
    }
}

/// Complete sets, newest first, taken so many hours ago.
fn taken(hours: &[i64]) -> Vec<Set> {
    let set =
        |(i, ago): (usize, &i64)| set((hours.len() - i) as u64, SetState::Complete, Some(NOW - ago * HOUR));
    hours.iter().enumerate().map(set).collect()
}

fn deleted(decisions: &[Decision]) -> BTreeSet<u64> {
    decisions.iter().filter(|d| !d.keep).map(|d| d.id.get()).collect()
}

fn kept(sets: &[Set], policy: &Policy) -> Vec<u64> {
    retention(sets, policy, now()).iter().filter(|d| d.keep).map(|d| d.id.get()).collect()
}

fn every(rules: &[(Every, u32)]) -> Policy {
    Policy { every: rules.iter().copied().collect(), ..Policy::default() }
}

#[test]
fn no_range_is_broken_unless_that_is_wanted() {
    let mut sets = taken(&[1, 25, 49]);
    sets.push(set(0x10_0000, SetState::Failed, Some(NOW - 500 * HOUR)));
    let policy = Policy { last: Some(1), failed_after: Some(Duration::from_secs(3600)), ..Policy::default() };
    assert_eq!(deleted(&retention(&sets, &policy, now())).len(), 3);
    for set in &mut sets {
        set.elsewhere = Some("the relational database");
    }
    let decisions = retention(&sets, &policy, now());
    assert_eq!(deleted(&decisions), BTreeSet::new());
    assert_eq!(decisions.iter().filter(|d| d.reasons == [Why::RangeWouldBreak]).count(), 3);
    let policy = Policy { broken_ranges: true, ..policy };
    assert_eq!(deleted(&retention(&sets, &policy, now())).len(), 3);
}

#[test]
fn rules_add_up() {
    let sets = taken(&[1, 5, 25, 26, 49, 200, 900]);
    assert_eq!(kept(&sets, &Policy { last: Some(2), ..Policy::default() }), [7, 6]);
    // 2025-11-24 16:00 is now: 1 h and 5 h ago are today, 25 h and 26 h yesterday.
    assert_eq!(kept(&sets, &every(&[(Every::Day, 2)])), [7, 5]);
    assert_eq!(kept(&sets, &every(&[(Every::Day, 2), (Every::Month, 2)])), [7, 5, 1]);
    let within = Duration::from_secs(25 * 3600);
    assert_eq!(kept(&sets, &Policy { within: Some(within), ..Policy::default() }), [7, 6, 5, 4]);
}

#[test]
fn without_a_rule_for_them_complete_sets_are_kept() {
    let mut sets = taken(&[1, 900]);
    sets.push(Set { id: id(9), ..set(9, SetState::Failed, Some(NOW - 900 * HOUR)) });
    let policy = Policy { failed_after: Some(Duration::from_secs(3600)), ..Policy::default() };
    assert_eq!(deleted(&retention(&sets, &policy, now())), BTreeSet::from([9]));
}

#[test]
fn failed_sets_take_no_place_and_go_by_their_own_rule() {
    let mut sets = taken(&[30, 60]);
    sets.insert(0, set(4, SetState::Failed, Some(NOW - HOUR)));
    sets.insert(0, set(5, SetState::Incomplete, Some(NOW - HOUR / 2)));
    let policy = Policy { last: Some(2), ..Policy::default() };
    assert_eq!(kept(&sets, &policy), [5, 4, 2, 1]);
    let policy = Policy { failed_after: Some(Duration::from_secs(45 * 60)), ..policy };
    assert_eq!(kept(&sets, &policy), [5, 2, 1]);
    // Somebody may still be at it.
    sets.insert(0, set(6, SetState::Incomplete, Some(NOW - 600)));
    sets.insert(0, set(7, SetState::Failed, Some(NOW - 600)));
    let policy = Policy { failed_after: Some(Duration::from_secs(1)), ..policy };
    assert_eq!(kept(&sets, &policy), [6, 2, 1]);
}

#[test]
fn what_runs_or_is_not_known_stays() {
    let mut sets = taken(&[1]);
    sets.push(set(2, SetState::InProgress, Some(NOW - 9000 * HOUR)));
    sets.push(set(3, SetState::Unknown, Some(NOW - 9000 * HOUR)));
    let policy = Policy { last: Some(1), failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    assert_eq!(deleted(&retention(&sets, &policy, now())), BTreeSet::new());
}

#[test]
fn while_none_is_complete_nothing_goes() {
    let sets = [set(1, SetState::Failed, Some(NOW - 9000 * HOUR))];
    let policy = Policy { failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    let decisions = retention(&sets, &policy, now());
    assert_eq!(decisions[0].reasons, [Why::NoneComplete]);
}

#[test]
fn when_backups_have_stopped_nothing_more_goes() {
    let sets = taken(&[1000, 1010, 1020]);
    let policy = Policy { within: Some(Duration::from_secs(15 * 3600)), ..Policy::default() };
    assert_eq!(kept(&sets, &policy), [3, 2]);
    // Nor when the clock has jumped ahead by years.
    let later = Timestamp::from_second(NOW + 50_000 * HOUR).expect("in range");
    assert_eq!(deleted(&retention(&sets, &policy, later)), BTreeSet::from([1]));
}

#[test]
fn a_set_from_the_future_takes_no_place() {
    // The clock was a year ahead when it was taken.
    let mut sets = taken(&[1, 25, 49]);
    sets.push(set(4, SetState::Complete, Some(NOW + 9000 * HOUR)));
    sets.push(set(5, SetState::Complete, Some(NOW - 2 * HOUR)));
    assert_eq!(kept(&sets, &every(&[(Every::Day, 3)])), [3, 2, 1, 4, 5]);
    let decisions = retention(&sets, &every(&[(Every::Day, 1)]), now());
    let of = |n| decisions.iter().find(|d| d.id.get() == n).map(|d| d.reasons.clone());
    assert_eq!(of(4), Some(vec![Why::Future]));
    // The newest is the one with the highest ID, whatever its clock said.
    assert_eq!(of(5), Some(vec![Why::NewestComplete]));
}

#[test]
fn ids_that_are_no_times_and_sets_without_times() {
    let sets: Vec<_> = (1..=4).rev().map(|n| set(n, SetState::Complete, None)).collect();
    // Their order is known, ...
    assert_eq!(kept(&sets, &Policy { last: Some(2), ..Policy::default() }), [4, 3]);
    // ... but not in which day they were taken.
    assert_eq!(kept(&sets, &every(&[(Every::Day, 1)])), [4, 3, 2, 1]);
}

#[test]
fn a_day_begins_where_the_zone_says() {
    // 23:30 and 00:30 UTC: two days there, one in Berlin.
    let at = |text: &str| text.parse::<Timestamp>().expect("a time").as_second();
    let sets = [
        set(2, SetState::Complete, Some(at("2025-11-24T00:30:00Z"))),
        set(1, SetState::Complete, Some(at("2025-11-23T23:30:00Z"))),
    ];
    let utc = every(&[(Every::Day, 2)]);
    assert_eq!(kept(&sets, &utc), [2, 1]);
    let berlin = Policy { zone: TimeZone::get("Europe/Berlin").expect("known"), ..utc };
    assert_eq!(kept(&sets, &berlin), [2]);
}

#[test]
fn the_hour_that_a_change_of_clocks_repeats_is_two_hours() {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time").as_second();
    // 02:30 in Berlin, twice.
    let sets = [
        set(2, SetState::Complete, Some(at("2025-10-26T01:30:00Z"))),
        set(1, SetState::Complete, Some(at("2025-10-26T00:30:00Z"))),
    ];
    let zone = TimeZone::get("Europe/Berlin").expect("known");
    assert_eq!(kept(&sets, &Policy { zone, ..every(&[(Every::Hour, 2)]) }), [2, 1]);
}

#[test]
fn what_may_be_another_releases_stays() {
    let mut foreign = set(7, SetState::Incomplete, Some(NOW - 900 * HOUR));
    foreign.parts = BTreeMap::from([
        (Part::Operate, entry(PartState::Completed)),
        (Part::Records, entry(PartState::Completed)),
        (Part::Zeebe, PartEntry::Missing),
    ]);
    assert!(looks_foreign(&foreign));
    let mut unproven = set(6, SetState::Failed, Some(NOW - 900 * HOUR));
    unproven.parts.insert(Part::Zeebe, PartEntry::Missing);
    let ours = set(5, SetState::Failed, Some(NOW - 900 * HOUR));
    let policy = Policy { failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    let complete = taken(&[1]).remove(0);
    let with = |policy: &Policy, sets: &[&Set]| {
        let sets: Vec<_> = sets.iter().map(|s| (*s).clone()).collect();
        deleted(&retention(&sets, policy, now()))
    };
    // What the brokers do not know is another's, as far as anybody can say.
    assert_eq!(with(&policy, &[&unproven, &ours, &complete]), BTreeSet::from([5]));
    // Who says that the repository is this release's alone is believed, until something there looks like another's.
    let told = Policy { unproven: true, ..policy };
    assert_eq!(with(&told, &[&unproven, &ours, &complete]), BTreeSet::from([5, 6]));
    assert_eq!(with(&told, &[&foreign, &unproven, &ours, &complete]), BTreeSet::from([5]));
}

fn states() -> impl Strategy<Value = PartEntry> {
    let found = |state| entry(state);
    prop_oneof![
        8 => Just(found(PartState::Completed)),
        2 => Just(PartEntry::Missing),
        1 => Just(found(PartState::Failed)),
        1 => Just(found(PartState::Incomplete)),
        1 => Just(found(PartState::InProgress)),
        1 => Just(PartEntry::Unknown("away".to_owned())),
    ]
}

/// Complete ones, rests of such, another release's, broken ones, in every mixture of three parts.
fn parts() -> impl Strategy<Value = BTreeMap<Part, PartEntry>> {
    let whole = || entry(PartState::Completed);
    let of = |operate, records, zeebe| {
        BTreeMap::from([(Part::Operate, operate), (Part::Records, records), (Part::Zeebe, zeebe)])
    };
    prop_oneof![
        4 => Just(of(whole(), whole(), whole())),
        1 => Just(of(whole(), whole(), PartEntry::Missing)),
        1 => Just(of(PartEntry::Missing, PartEntry::Missing, whole())),
        5 => (states(), states(), states()).prop_map(move |(o, r, z)| of(o, r, z)),
    ]
}

/// Sets with rising IDs whose clocks jump now and then, and some without any time.
fn histories() -> impl Strategy<Value = Vec<Set>> {
    let ago = prop_oneof![
        8 => (0..4000 * HOUR).prop_map(Some),
        2 => (0..2 * HOUR).prop_map(Some),
        1 => Just(None),
        1 => (-3000 * HOUR..0).prop_map(Some),
    ];
    prop::collection::vec((parts(), ago), 0..40).prop_map(|all| {
        let count = all.len();
        let set = |(i, (parts, ago)): (usize, (BTreeMap<Part, PartEntry>, Option<i64>))| Set {
            state: state(&parts),
            parts,
            ..set((count - i) as u64, SetState::Complete, ago.map(|seconds| NOW - seconds))
        };
        all.into_iter().enumerate().map(set).collect()
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let some = || prop::option::of(1..8u32);
    let zone =
        prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("Pacific/Apia"), Just("America/St_Johns")];
    (
        some(),
        prop::option::of(1..3000u64),
        some(),
        some(),
        some(),
        some(),
        some(),
        prop::option::of(1..3000u64),
        (zone, any::<bool>()),
    )
        .prop_map(|(last, within, h, d, w, m, y, failed, (zone, unproven))| {
            let hours = |n: u64| Duration::from_secs(3600 * n);
            let rules =
                [(Every::Hour, h), (Every::Day, d), (Every::Week, w), (Every::Month, m), (Every::Year, y)];
            Policy {
                last,
                within: within.map(hours),
                every: rules.into_iter().filter_map(|(e, n)| Some((e, n?))).collect(),
                failed_after: failed.map(hours),
                unproven,
                broken_ranges: false,
                zone: TimeZone::get(zone).expect("known"),
            }
        })
}

/// The same rules with larger numbers.
fn more(policy: &Policy, by: u32) -> Policy {
    Policy {
        last: policy.last.map(|n| n + by),
        within: policy.within.map(|d| d + Duration::from_secs(3600) * by),
        every: policy.every.iter().map(|(e, n)| (*e, n + by)).collect(),
        failed_after: policy.failed_after.map(|d| d + Duration::from_secs(3600) * by),
        unproven: policy.unproven,
        broken_ranges: policy.broken_ranges,
        zone: policy.zone.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_complete_set_is_never_deleted(sets in histories(), policy in policies()) {
        let decisions = retention(&sets, &policy, now());
        let complete = || sets.iter().filter(|s| s.state == SetState::Complete);
        let newest = complete().map(|s| s.id).max();
        let by_time = complete().filter(|s| s.started.is_some() && !s.is_from_the_future(now()));
        let by_time = by_time.max_by_key(|s| (s.started, s.id)).map(|s| s.id);
        for (set, decision) in sets.iter().zip(&decisions) {
            prop_assert_eq!(set.id, decision.id);
            prop_assert!(!decision.reasons.is_empty());
            prop_assert!(decision.keep || Some(decision.id) != newest);
            prop_assert!(decision.keep || Some(decision.id) != by_time);
            prop_assert!(decision.keep || newest.is_some(), "none is complete");
            prop_assert!(decision.keep || !set.is_running());
            prop_assert!(decision.keep || !set.parts.values().any(|p| matches!(p, PartEntry::Unknown(_))));
            prop_assert!(decision.keep || is_proven_ours(set) || policy.unproven && !looks_foreign(set));
            prop_assert!(decision.keep || set.state == SetState::Complete || !set.may_be_in_the_making(now())
                || set.state == SetState::Failed);
        }
        // The floor: what is complete stays so for at least one set.
        let left = |d: &&Decision| d.keep && d.state == SetState::Complete;
        prop_assert_eq!(decisions.iter().find(left).is_some(), newest.is_some());
    }

    #[test]
    fn asking_again_deletes_nothing_more(sets in histories(), policy in policies()) {
        let gone = deleted(&retention(&sets, &policy, now()));
        let rest: Vec<Set> = sets.into_iter().filter(|s| !gone.contains(&s.id.get())).collect();
        prop_assert_eq!(deleted(&retention(&rest, &policy, now())), BTreeSet::new());
    }

    #[test]
    fn keeping_more_never_deletes_more(sets in histories(), policy in policies(), by in 1..5u32) {
        let (less, more) = (retention(&sets, &policy, now()), retention(&sets, &more(&policy, by), now()));
        prop_assert!(deleted(&more).is_subset(&deleted(&less)));
    }

    #[test]
    fn one_more_rule_never_deletes_more(sets in histories(), policy in policies(), another in policies()) {
        prop_assume!(policy.keeps());
        let mut both = Policy {
            last: policy.last.max(another.last),
            within: policy.within.max(another.within),
            ..policy.clone()
        };
        for (every, n) in &another.every {
            let there = both.every.entry(*every).or_default();
            *there = (*there).max(*n);
        }
        let (one, two) = (retention(&sets, &policy, now()), retention(&sets, &both, now()));
        prop_assert!(deleted(&two).is_subset(&deleted(&one)));
    }

    #[test]
    fn the_order_in_which_sets_are_told_does_not_matter(sets in histories(), policy in policies()) {
        let turned: Vec<Set> = sets.iter().rev().cloned().collect();
        prop_assert_eq!(deleted(&retention(&sets, &policy, now())), deleted(&retention(&turned, &policy, now())));
    }

    #[test]
    fn time_alone_deletes_no_complete_set(sets in histories(), policy in policies(), hours in 1..90_000i64) {
        // However late it is, or the clock believes it is. (A set from the future is believed once it is past.)
        let sets: Vec<Set> = sets.into_iter().filter(|s| !s.is_from_the_future(now())).collect();
        let later = Timestamp::from_second(NOW + hours * HOUR).expect("in range");
        let complete = |decisions: Vec<Decision>| {
            deleted(&decisions.into_iter().filter(|d| d.state == SetState::Complete).collect::<Vec<_>>())
        };
        let (now, later) = (retention(&sets, &policy, now()), retention(&sets, &policy, later));
        prop_assert_eq!(complete(now), complete(later));
    }

    #[test]
    fn a_new_complete_set_is_kept_and_makes_all_superfluous_ones_go_at_once(sets in histories(), policy in policies()) {
        let mut more = sets.clone();
        more.insert(0, set(1000, SetState::Complete, Some(NOW)));
        let decisions = retention(&more, &policy, now());
        prop_assert!(decisions[0].keep);
        // Whatever `create` makes, what it prunes afterwards it prunes at once: nothing is left for the next time.
        let gone = deleted(&decisions);
        let rest: Vec<Set> = more.into_iter().filter(|s| !gone.contains(&s.id.get())).collect();
        prop_assert_eq!(deleted(&retention(&rest, &policy, now())), BTreeSet::new());
    }
}

/// What is left of a set of which these parts are there and whole.
fn rest(n: u64, started: i64, there: &[Part]) -> Set {
    let all = [Part::Operate, Part::Tasklist, Part::Optimize, Part::Records, Part::Zeebe];
    let one =
        |part: &Part| if there.contains(part) { entry(PartState::Completed) } else { PartEntry::Missing };
    Set {
        parts: all.iter().map(|part| (*part, one(part))).collect(),
        ..set(n, SetState::Incomplete, Some(started))
    }
}

#[test]
fn what_the_brokers_do_not_know_is_never_pruned_whichever_parts_are_there() {
    let others = [Part::Operate, Part::Tasklist, Part::Optimize, Part::Records];
    let policy = Policy { last: Some(1), failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    for mask in 1..16_u32 {
        let there: Vec<_> =
            others.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, p)| *p).collect();
        let mut sets = taken(&[1]);
        sets.push(rest(9, NOW - 900 * HOUR, &there));
        let decisions = retention(&sets, &policy, now());
        assert_eq!(decisions[1].reasons, [Why::OwnerUnknown], "{there:?}");
        // Whoever says that the repository is this release's alone still does not lose what looks whole.
        let decisions = retention(&sets, &Policy { unproven: true, ..policy.clone() }, now());
        assert_eq!(decisions[1].reasons, [Why::OwnerUnknown], "{there:?}");
        if let Some(PartEntry::Found { state, .. }) = sets[1].parts.get_mut(&there[0]) {
            *state = PartState::Failed;
        }
        sets[1].state = SetState::Failed;
        assert_eq!(retention(&sets, &policy, now())[1].reasons, [Why::OwnerUnknown], "{there:?}");
        let decisions = retention(&sets, &Policy { unproven: true, ..policy.clone() }, now());
        assert_eq!(decisions[1].reasons, [Why::FailedLong], "{there:?}");
    }
}

#[test]
fn sets_from_before_the_release_grew_go_by_the_rules_of_complete_ones() {
    // Optimize was added later; the clean-up of failed ones must not eat the history.
    let whole = [Part::Operate, Part::Tasklist, Part::Records, Part::Zeebe];
    let mut sets = taken(&[1]);
    sets[0].id = id(100);
    sets.extend(
        (1..=4).rev().map(|n| rest(n, NOW - (200 - i64::try_from(n).expect("small")) * HOUR, &whole)),
    );
    let policy = Policy { last: Some(3), failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    assert_eq!(kept(&sets, &policy), [100, 4, 3]);
    // They take no place of a complete one.
    sets.push(set(50, SetState::Complete, Some(NOW - 300 * HOUR)));
    assert!(kept(&sets, &Policy { last: Some(2), ..policy.clone() }).contains(&50));
    // Without a rule for complete ones nothing of them goes.
    let only_failed = Policy { last: None, ..policy };
    assert_eq!(deleted(&retention(&sets, &only_failed, now())), BTreeSet::new());
}

#[test]
fn an_interrupted_deletion_is_finished() {
    let mut sets = taken(&[1, 25]);
    sets[0].id = id(100);
    sets[1].id = id(99);
    sets.push(rest(9, NOW - 900 * HOUR, &[Part::Zeebe]));
    let policy = Policy { last: Some(2), ..Policy::default() };
    assert_eq!(deleted(&retention(&sets, &policy, now())), BTreeSet::from([9]));
    // A young one may be one that is being taken.
    sets[2] = rest(101, NOW - 60, &[Part::Zeebe]);
    assert_eq!(deleted(&retention(&sets, &policy, now())), BTreeSet::new());
}

#[test]
fn a_failed_set_with_a_part_on_its_way_is_being_taken() {
    let mut sets = taken(&[1]);
    let mut running = set(9, SetState::Failed, Some(NOW - 900 * HOUR));
    running.parts.insert(Part::Tasklist, entry(PartState::InProgress));
    sets.push(running);
    let policy = Policy { last: Some(1), failed_after: Some(Duration::from_secs(1)), ..Policy::default() };
    assert_eq!(retention(&sets, &policy, now())[1].reasons, [Why::InProgress]);
}

#[test]
fn keeping_the_last_needs_no_clock() {
    // Two were taken while the clock was a year ahead; the newer ones push them out all the same.
    let mut sets = taken(&[1, 25, 49, 73]);
    for set in sets.iter_mut().skip(2) {
        set.started = Timestamp::from_second(NOW + 9000 * HOUR).ok();
    }
    assert_eq!(kept(&sets, &Policy { last: Some(2), ..Policy::default() }), [4, 3]);
    assert_eq!(
        kept(&sets, &every(&[(Every::Day, 2)])),
        [4, 3, 2, 1],
        "a rule that needs the time does not know"
    );
}

#[test]
fn where_ids_and_times_contradict_each_other_the_newest_by_either_stay() {
    // An old cluster counted in milliseconds, the new one counts in seconds.
    let of = |first: u64, ago: i64| {
        (0..3_u32).map(move |n| {
            let began = NOW - (ago + i64::from(n)) * HOUR;
            set(first - u64::from(n), SetState::Complete, Some(began))
        })
    };
    let sets: Vec<_> = of(8999, 900).chain(of(9, 1)).collect();
    assert_eq!(kept(&sets, &Policy { last: Some(1), ..Policy::default() }), [8999, 9]);
    assert_eq!(kept(&sets, &Policy { last: Some(2), ..Policy::default() }), [8999, 8998, 9, 8]);
    // The floor as well.
    let within = Policy { within: Some(Duration::from_secs(1)), ..Policy::default() };
    assert_eq!(kept(&sets, &within), [8999, 9]);
}
