//! The verbs about existing backups: several sets are taken, broken by hand through the servers' own APIs, judged, deleted
//! and pruned. No component is stopped, and nothing but the sets of these tests is broken.

use std::time::{Duration, Instant};

use camunda_backup::client::Request;
use camunda_backup::model::{BackupId, Component, id_in_name};
use serde_json::{Value, json};

use crate::lab::Ended;
use crate::release;

/// The release without Optimize, which has no snapshots in the engine that could be broken.
struct Release(release::Release);

impl Release {
    fn new() -> Self {
        Self(release::Release::new())
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.0.run_without_optimize(arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["-o", "json"]).collect();
        self.run(&arguments).json()
    }

    fn create(&self) -> u64 {
        let report = self.json(&["create"]);
        assert_eq!(report["outcome"], "complete", "{report}");
        report["backupId"].as_u64().expect("an ID")
    }

    /// What the servers themselves still have of a backup.
    fn left(&self, id: u64) -> Vec<String> {
        let of_it = |name: &String| id_in_name(name).map(BackupId::get) == Some(id);
        let mut left: Vec<String> = self.0.stored().into_iter().filter(of_it).collect();
        for component in [Component::Operate, Component::Tasklist, Component::Gateway] {
            let listed = self.0.call(&Request::get(component, "/actuator/backups")).expect("listed");
            if listed.as_array().expect("a list").iter().any(|b| b["backupId"] == id) {
                left.push(component.to_string());
            }
        }
        left
    }

    fn delete_by_hand(&self, component: Component, path: String) {
        self.0.call(&Request::delete(component, path)).expect("deleted by hand");
    }

    fn delete_snapshot(&self, name: &str) {
        self.delete_by_hand(Component::Search, format!("/_snapshot/{}/{name}", self.0.repository));
    }

    /// The name of the `i`th snapshot that Operate or Tasklist took for a backup.
    fn name(&self, part: &str, id: u64, i: usize) -> String {
        let begins = format!("camunda_{part}_{id}_");
        let ends = format!("_part_{i}_of_6");
        let found = self.0.stored().into_iter().find(|n| n.starts_with(&begins) && n.ends_with(&ends));
        found.unwrap_or_else(|| panic!("no snapshot {i} of {part} {id}"))
    }

    /// `verify ID` says that it is not good, for this reason, and `list` and `describe` say so in their way.
    fn assert_broken(&self, id: u64, state: &str, part: &str, reason: &str) {
        // A set so young is otherwise taken for one that is being taken.
        let id_text = id.to_string();
        let ran = self.run(&["verify", &id_text, "--young", "1s", "-o", "json"]);
        assert_eq!(ran.code, Some(14), "{reason}: {}", ran.err);
        let verdict = ran.json();
        assert_eq!(verdict["good"], false, "{reason}");
        assert!(has_reason(&verdict["items"][0]["findings"], part, reason), "{part}: {reason}: {verdict}");
        let listed = self.json(&["list", "--state", state]);
        assert!(
            listed["items"].as_array().expect("items").iter().any(|s| s["id"] == id),
            "{reason}: {listed}"
        );
        let described = self.json(&["describe", &id_text, "--young", "1s"]);
        assert_eq!(described["restorable"], false, "{reason}");
        assert!(has_reason(&described["findings"], part, reason), "{part}: {reason}: {described}");
    }

    /// The finding of `verify` about all sets.
    fn assert_said_of_all(&self, reason: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = ["verify", "-o", "json"].iter().chain(arguments).copied().collect();
        let verdict = self.run(&arguments).json();
        assert!(has_reason(&verdict["findings"], "", reason), "{reason}: {verdict}");
        verdict
    }
}

/// Whether one of the findings is this one, about this part.
fn has_reason(findings: &Value, part: &str, reason: &str) -> bool {
    let said = |f: &Value| f["reason"] == reason && f["detail"].as_str().is_some_and(|d| d.starts_with(part));
    findings.as_array().is_some_and(|all| all.iter().any(said))
}

/// Snapshots made by hand, which are gone again when the test ends, however it ends.
struct ByHand<'a> {
    release: &'a Release,
    names: Vec<String>,
}

impl<'a> ByHand<'a> {
    fn take(release: &'a Release, names: Vec<String>) -> Self {
        Self::take_with(release, names.into_iter().map(|name| (name, json!({}))).collect())
    }

    /// Each with what an application would have noted in it.
    fn take_with(release: &'a Release, snapshots: Vec<(String, Value)>) -> Self {
        let mut taken = Self { release, names: Vec::new() };
        for (name, metadata) in snapshots {
            let path = format!("/_snapshot/{}/{name}?wait_for_completion=true", release.0.repository);
            let mut body = json!({"indices": "zeebe-record_deployment*", "include_global_state": false});
            if metadata != json!({}) {
                body["metadata"] = metadata;
            }
            taken.names.push(name);
            release.0.call(&Request::put(Component::Search, path).with(body)).expect("taken by hand");
        }
        // What is younger than the second that these tests give may still be being taken.
        std::thread::sleep(Duration::from_secs(1));
        taken
    }

    fn are_there(&self) -> bool {
        let stored = self.release.0.stored();
        self.names.iter().all(|name| stored.contains(name))
    }
}

impl Drop for ByHand<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            let path = format!("/_snapshot/{}/{name}", self.release.0.repository);
            let _ = self.release.0.call(&Request::delete(Component::Search, path));
        }
    }
}

/// A repository that the engine has forgotten, and knows again when the test ends.
struct Unregistered<'a> {
    release: &'a Release,
    settings: Value,
}

impl<'a> Unregistered<'a> {
    fn new(release: &'a Release) -> Self {
        let path = format!("/_snapshot/{}", release.0.repository);
        let found = release.0.get(Component::Search, path.clone()).expect("registered");
        release.delete_by_hand(Component::Search, path);
        Self { release, settings: found[&release.0.repository].clone() }
    }
}

impl Drop for Unregistered<'_> {
    fn drop(&mut self) {
        let path = format!("/_snapshot/{}", self.release.0.repository);
        let settings = json!({"type": self.settings["type"], "settings": self.settings["settings"]});
        self.release.0.call(&Request::put(Component::Search, path).with(settings)).expect("registered again");
    }
}

#[test]
#[ignore = "make test-camunda"]
fn several_backups_are_listed_judged_broken_deleted_and_pruned() {
    let release = Release::new();
    let (first, second) = (release.create(), release.create());
    release.0.assert_exporting();

    let listed = release.json(&["list", "--sizes", "--limit", "2"]);
    let items = listed["items"].as_array().expect("items");
    assert_eq!((&items[0]["id"], &items[1]["id"]), (&second.into(), &first.into()));
    for item in items {
        assert_eq!(item["state"], "complete", "{item}");
        assert!(item["sizeBytes"].as_u64().is_some_and(|n| n > 10_000), "{item}");
        assert!(item["durationSeconds"].as_f64().is_some_and(|s| s > 0.5), "{item}");
    }
    assert_eq!(release.run(&["verify", "--max-age", "1h"]).code, Some(0));
    let described = release.json(&["describe", &first.to_string()]);
    assert_eq!(described["restorable"], true, "{described}");
    for (part, pieces) in [("operate", 6), ("tasklist", 6), ("records", 1), ("zeebe", 2)] {
        assert_eq!(described["pieces"][part].as_array().map(Vec::len), Some(pieces), "{part}");
    }
    let deep = release.run(&["verify", "--deep"]);
    assert_eq!(deep.code, Some(0), "without the engine's own check it is only a warning");
    assert!(deep.out.contains("integrity-unsupported"), "{}", deep.out);

    // One after the other, so that each reason stands beside the earlier ones.
    let text = first.to_string();
    let foreign = release.run(&["verify", &text, "--records-prefix", "other", "-o", "json"]);
    assert_eq!(foreign.code, Some(14));
    let verdict = foreign.json();
    assert!(has_reason(&verdict["items"][0]["findings"], "records", "index-prefix-differs"), "{verdict}");
    release.delete_snapshot(&release.name("operate", first, 2));
    release.assert_broken(first, "incomplete", "operate", "snapshots-missing");
    for i in 1..=6 {
        release.delete_snapshot(&release.name("tasklist", first, i));
    }
    release.assert_broken(first, "incomplete", "tasklist", "part-missing");
    release.delete_snapshot(&format!("camunda_zeebe_records_backup_{first}"));
    release.assert_broken(first, "incomplete", "records", "records-missing");
    release.delete_by_hand(Component::Operate, format!("/actuator/backups/{first}"));
    let began = Instant::now();
    while release.left(first).iter().any(|n| n.contains("operate")) {
        assert!(began.elapsed() < release::PATIENCE, "Operate's own deletion");
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("Operate's snapshots went {:.1?} after its 204", began.elapsed());
    release.assert_broken(first, "incomplete", "operate", "part-missing");
    release.assert_said_of_all("orphaned-parts", &["--young", "1s"]);
    assert_eq!(
        release.run(&["verify", &second.to_string()]).code,
        Some(0),
        "the other one is as good as before"
    );

    // Deleted as a whole, and seen to be gone by the servers' own word.
    assert_eq!(release.run(&["delete", &text]).code, Some(2), "nobody can be asked");
    let young = release.run(&["delete", &text, "--yes"]);
    assert_eq!(young.code, Some(13), "somebody might be at it");
    assert!(young.err.contains("set-in-progress"), "{}", young.err);
    assert_eq!(release.run(&["delete", &text, "--yes", "--force"]).code, Some(0));
    assert_eq!(release.left(first), Vec::<String>::new());
    let again = release.json(&["delete", &text, "--yes"]);
    assert_eq!(again["items"][0]["result"], "already-gone");

    let text = second.to_string();
    let refused = release.run(&["delete", &text, "--yes"]);
    assert_eq!(refused.code, Some(13));
    assert!(refused.err.contains("newest-complete"), "{}", refused.err);
    assert!(!release.left(second).is_empty());

    // Zeebe's part gone by hand: it looks like another release's, and needs force.
    release.delete_by_hand(Component::Gateway, format!("/actuator/backups/{second}"));
    release.assert_broken(second, "incomplete", "zeebe", "part-missing");
    let refused = release.run(&["delete", &text, "--yes"]);
    assert_eq!(refused.code, Some(13));
    assert!(refused.err.contains("owner-unknown"), "{}", refused.err);
    assert_eq!(release.run(&["delete", &text, "--yes", "--force"]).code, Some(0));
    assert_eq!(release.left(second), Vec::<String>::new());
    release.0.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn prune_keeps_the_newest_and_is_judged_by_the_servers() {
    let release = Release::new();
    let broken = release.create();
    release.delete_snapshot(&release.name("operate", broken, 6));
    let before = release.json(&["list", "--state", "complete"]);
    let complete: Vec<u64> =
        before["items"].as_array().expect("items").iter().filter_map(|s| s["id"].as_u64()).collect();

    // What a new backup makes superfluous: the oldest one. The broken one is too young: somebody might be at it.
    let keep = complete.len().max(1).to_string();
    let created = release.run(&["create", "--keep-last", &keep, "--failed-after", "1s"]);
    assert_eq!(created.code, Some(0), "{}", created.err);
    assert!(!release.left(broken).is_empty(), "{}", created.out);
    let after = release.json(&["list", "--state", "complete"]);
    let kept: Vec<u64> =
        after["items"].as_array().expect("items").iter().filter_map(|s| s["id"].as_u64()).collect();
    assert_eq!(kept.len(), complete.len().max(1));
    assert_eq!(kept[1..], complete[..complete.len().saturating_sub(1)], "the newest ones");
    if let Some(oldest) = complete.last() {
        assert_eq!(release.left(*oldest), Vec::<String>::new());
    }
    let nothing = release.json(&["prune", "--keep-last", &keep, "--failed-after", "1s"]);
    assert!(
        nothing["decisions"].as_array().expect("decisions").iter().all(|d| d["keep"] == true),
        "{nothing}"
    );
    assert_eq!(release.run(&["verify"]).code, Some(0));
    // It is so young that somebody might be at it.
    assert_eq!(release.run(&["delete", &broken.to_string(), "--yes"]).code, Some(13));
    assert_eq!(release.run(&["delete", &broken.to_string(), "--yes", "--force"]).code, Some(0));
    assert_eq!(release.left(broken), Vec::<String>::new());
    release.0.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn somebody_elses_snapshots_are_never_ours_however_they_are_called() {
    let release = Release::new();
    let id = release.create();
    let text = id.to_string();
    let similar = ByHand::take(
        &release,
        vec![
            format!("camunda_zeebe_records_backup_{id}_copy"),
            format!("camunda_zeebe_records_backup_0{id}"),
            format!("camunda_zeebe_records_backup_{id}0_x"),
            format!("my_{}", release.name("operate", id, 1)),
        ],
    );
    let before = release.json(&["list"]);
    let sets = before["items"].as_array().expect("items");
    assert!(sets.iter().any(|s| s["id"] == id && s["state"] == "complete"), "{before}");
    assert!(!sets.iter().any(|s| s["id"] == id * 10), "{before}");
    assert_eq!(release.run(&["verify", &text]).code, Some(0));
    let described = release.json(&["describe", &text]);
    assert_eq!(described["pieces"]["records"].as_array().map(Vec::len), Some(1), "{described}");

    // These Operate and Tasklist take for their own, and then know of no backup at all.
    for part in ["operate", "tasklist"] {
        let mistaken = ByHand::take(&release, vec![format!("{}_copy", release.name(part, id, 1))]);
        let name = &mistaken.names[0];
        let check = release.run(&["check"]);
        assert_eq!(check.code, Some(14), "{}", check.out);
        assert!(check.out.contains("foreign-snapshot") && check.out.contains(name), "{}", check.out);
        let verdict = release.assert_said_of_all("foreign-snapshot", &[&text]);
        assert!(has_reason(&verdict["items"][0]["findings"], part, "part-unknown"), "{verdict}");
        let refused = release.run(&["delete", &text, "--yes", "--force"]);
        assert_eq!(refused.code, Some(12), "{}", refused.err);
        assert!(refused.err.contains("part-unknown"), "{}", refused.err);
        assert!(mistaken.are_there());
    }
    assert_eq!(release.run(&["check"]).code, Some(0));
    assert_eq!(release.run(&["verify", &text]).code, Some(0), "nothing of it was touched");

    assert_eq!(release.run(&["delete", &text, "--yes", "--force"]).code, Some(0));
    assert_eq!(release.left(id), Vec::<String>::new());
    assert!(similar.are_there(), "{:?}", release.0.stored());
}

#[test]
#[ignore = "make test-camunda"]
fn what_another_version_took_is_not_restorable_and_deleted_all_the_same() {
    let release = Release::new();
    let (older, version) = (18_u64, "8.5.99");
    let note = |i: u64| json!({"backupId": older, "version": version, "partNo": i, "partCount": 6});
    let snapshots = ["operate", "tasklist"].iter().flat_map(|part| {
        (1..=6).map(move |i| (format!("camunda_{part}_{older}_{version}_part_{i}_of_6"), note(i)))
    });
    let before = ByHand::take_with(&release, snapshots.collect());
    for (part, component) in [("operate", Component::Operate), ("tasklist", Component::Tasklist)] {
        let seen = release.0.get(component, format!("/actuator/backups/{older}")).expect("theirs");
        assert_eq!(seen["state"], "COMPLETED", "{seen}");
        release.assert_broken(older, "incomplete", part, "version-differs");
        // Accepted, and nothing happens: they delete the names that their own version gives.
        release.delete_by_hand(component, format!("/actuator/backups/{older}"));
    }
    assert_eq!(release.run(&["delete", "18", "--yes", "--force"]).code, Some(0));
    assert_eq!(release.left(older), Vec::<String>::new());
    assert!(!before.are_there());
}

#[test]
#[ignore = "make test-camunda"]
fn records_without_a_backup_are_nobodys_set() {
    let release = Release::new();
    let complete = release.create();
    // An ID that no cluster of today counts to.
    let id = 17;
    let orphan = ByHand::take(&release, vec![format!("camunda_zeebe_records_backup_{id}")]);
    for part in ["operate", "tasklist", "zeebe"] {
        release.assert_broken(id, "incomplete", part, "part-missing");
    }
    let verdict = release.assert_said_of_all("orphaned-parts", &["--young", "1s"]);
    assert_eq!(verdict["newestComplete"], complete, "{verdict}");
    assert_eq!(verdict["good"], true, "an orphan alone is a warning: {verdict}");
    let refused = release.run(&["delete", "17", "--yes"]);
    assert_eq!(refused.code, Some(13));
    assert!(refused.err.contains("owner-unknown"), "{}", refused.err);
    assert!(orphan.are_there());
    assert_eq!(release.run(&["delete", "17", "--yes", "--force"]).code, Some(0));
    assert_eq!(release.left(id), Vec::<String>::new());
}

#[test]
#[ignore = "make test-camunda"]
fn a_repository_that_is_not_registered_hides_everything_and_loses_nothing() {
    let release = Release::new();
    let id = release.create();
    let text = id.to_string();
    let before = release.left(id);
    let unregistered = Unregistered::new(&release);
    for (arguments, code) in
        [(&["check"][..], 14), (&["create"], 13), (&["verify"], 14), (&["verify", &text], 14)]
    {
        let ran = release.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.err, ran.out);
        let said = ran.out.clone() + &ran.err;
        assert!(said.contains("repository-missing"), "{arguments:?}: {said}");
    }
    let listed = release.json(&["list"]);
    let items = listed["items"].as_array().expect("items");
    assert!(items.iter().all(|s| s["state"] != "complete"), "{listed}");
    let deleted = release.run(&["delete", &text, "--yes", "--force"]);
    assert_eq!(deleted.code, Some(12), "{}", deleted.err);
    drop(unregistered);
    assert_eq!(release.left(id), before, "nothing was deleted");
    assert_eq!(release.run(&["verify", &text]).code, Some(0));
    release.0.assert_exporting();
}
