//! The verbs about existing backups: several sets are taken, broken by hand through the servers' own APIs, judged, deleted
//! and pruned. No component is stopped, and nothing but the sets of these tests is broken.

use std::process::Output;
use std::time::{Duration, Instant};

use camunda_backup::client::Request;
use camunda_backup::model::Component;
use serde_json::Value;

use crate::release::{self, text};

/// The release without Optimize, which has no snapshots in the engine that could be broken.
struct Release(release::Release);

impl Release {
    fn new() -> Self {
        Self(release::Release::new())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.0.command(arguments);
        command.env_remove("OPTIMIZE_MANAGEMENT_API");
        let ran = Ran(command.output().expect("the binary runs"));
        println!("$ {arguments:?} -> {:?}\n{}{}", ran.code(), ran.stderr(), ran.stdout());
        ran
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["-o", "json"]).collect();
        let ran = self.run(&arguments);
        serde_json::from_slice(&ran.0.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}{}", ran.stdout(), ran.stderr()))
    }

    fn create(&self) -> u64 {
        let report = self.json(&["create"]);
        assert_eq!(report["outcome"], "complete", "{report}");
        report["backupId"].as_u64().expect("an ID")
    }

    /// What the servers themselves still have of a backup.
    fn left(&self, id: u64) -> Vec<String> {
        let all =
            Request::get(Component::Search, format!("/_snapshot/{}/_all?verbose=false", self.0.repository));
        let stored = self.0.call(&all).expect("listed");
        let names = stored["snapshots"].as_array().expect("snapshots").iter();
        let names = names
            .filter_map(|s| s["snapshot"].as_str())
            .filter(|n| n.contains(&format!("_{id}")))
            .map(str::to_owned);
        let mut left: Vec<String> = names.collect();
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

    /// `verify ID` says that it is not good, for this reason.
    fn assert_broken(&self, id: u64, reason: &str) {
        // A set so young is otherwise taken for one that is being taken.
        let ran = self.run(&["verify", &id.to_string(), "--young", "1s"]);
        assert_eq!(ran.code(), Some(14), "{reason}: {}{}", ran.stderr(), ran.stdout());
        assert!(ran.stdout().contains(reason), "{reason}: {}", ran.stdout());
    }
}

struct Ran(Output);

impl Ran {
    fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    fn stdout(&self) -> String {
        text(&self.0.stdout)
    }

    fn stderr(&self) -> String {
        text(&self.0.stderr)
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
    assert_eq!(release.run(&["verify", "--max-age", "1h"]).code(), Some(0));
    let described = release.json(&["describe", &first.to_string()]);
    assert_eq!(described["restorable"], true, "{described}");
    for (part, pieces) in [("operate", 6), ("tasklist", 6), ("records", 1), ("zeebe", 2)] {
        assert_eq!(described["pieces"][part].as_array().map(Vec::len), Some(pieces), "{part}");
    }
    let deep = release.run(&["verify", "--deep"]);
    assert!(matches!(deep.code(), Some(0)), "without the engine's own check it is only a warning");

    // One after the other, so that each reason stands beside the earlier ones.
    assert_eq!(release.run(&["verify", &first.to_string(), "--records-prefix", "other"]).code(), Some(14));
    release.delete_snapshot(&format!("camunda_tasklist_{first}_8.6.0_part_3_of_6"));
    release.assert_broken(first, "snapshots-missing");
    release.delete_snapshot(&format!("camunda_zeebe_records_backup_{first}"));
    release.assert_broken(first, "records-missing");
    release.delete_by_hand(Component::Operate, format!("/actuator/backups/{first}"));
    let began = Instant::now();
    while release.left(first).iter().any(|n| n.contains("operate")) {
        assert!(began.elapsed() < Duration::from_secs(60), "Operate's own deletion");
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("Operate's snapshots went {:.1?} after its 204", began.elapsed());
    release.assert_broken(first, "part-missing");
    let listed = release.json(&["list", "--state", "incomplete"]);
    assert!(listed["items"].as_array().expect("items").iter().any(|s| s["id"] == first), "{listed}");
    assert_eq!(
        release.run(&["verify", &second.to_string()]).code(),
        Some(0),
        "the other one is as good as before"
    );

    // Deleted as a whole, and seen to be gone by the servers' own word.
    let text = first.to_string();
    assert_eq!(release.run(&["delete", &text]).code(), Some(2), "nobody can be asked");
    let young = release.run(&["delete", &text, "--yes"]);
    assert_eq!(young.code(), Some(13), "somebody might be at it");
    assert!(young.stderr().contains("set-in-progress"), "{}", young.stderr());
    assert_eq!(release.run(&["delete", &text, "--yes", "--force"]).code(), Some(0));
    assert_eq!(release.left(first), Vec::<String>::new());
    let again = release.json(&["delete", &text, "--yes"]);
    assert_eq!(again["items"][0]["result"], "already-gone");

    let text = second.to_string();
    let refused = release.run(&["delete", &text, "--yes"]);
    assert_eq!(refused.code(), Some(13));
    assert!(refused.stderr().contains("newest-complete"), "{}", refused.stderr());
    assert!(!release.left(second).is_empty());

    // Zeebe's part gone by hand: it looks like another release's, and needs force.
    release.delete_by_hand(Component::Gateway, format!("/actuator/backups/{second}"));
    release.assert_broken(second, "part-missing");
    let refused = release.run(&["delete", &text, "--yes"]);
    assert_eq!(refused.code(), Some(13));
    assert!(refused.stderr().contains("owner-unknown"), "{}", refused.stderr());
    assert_eq!(release.run(&["delete", &text, "--yes", "--force"]).code(), Some(0));
    assert_eq!(release.left(second), Vec::<String>::new());
    release.0.assert_exporting();
}

#[test]
#[ignore = "make test-camunda"]
fn prune_keeps_the_newest_and_is_judged_by_the_servers() {
    let release = Release::new();
    let broken = release.create();
    release.delete_snapshot(&format!("camunda_operate_{broken}_8.6.0_part_6_of_6"));
    let before = release.json(&["list", "--state", "complete"]);
    let complete: Vec<u64> =
        before["items"].as_array().expect("items").iter().filter_map(|s| s["id"].as_u64()).collect();

    // What a new backup makes superfluous: the oldest one. The broken one is too young: somebody might be at it.
    let keep = complete.len().max(1).to_string();
    let created = release.run(&["create", "--keep-last", &keep, "--failed-after", "1s"]);
    assert_eq!(created.code(), Some(0), "{}", created.stderr());
    assert!(!release.left(broken).is_empty(), "{}", created.stdout());
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
    assert_eq!(release.run(&["verify"]).code(), Some(0));
    // It is so young that somebody might be at it.
    assert_eq!(release.run(&["delete", &broken.to_string(), "--yes"]).code(), Some(13));
    assert_eq!(release.run(&["delete", &broken.to_string(), "--yes", "--force"]).code(), Some(0));
    assert_eq!(release.left(broken), Vec::<String>::new());
    release.0.assert_exporting();
}
