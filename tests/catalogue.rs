//! The binary's verbs about existing backups, against a simulated release over TCP.

#![expect(clippy::disallowed_methods, reason = "a real process is given a real time")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use camunda_backup::client::Method;
use camunda_backup::model::{Component, ExporterPhase, PartState};
use camunda_backup::sim::{Ports, Profile, Served, Sim, Timings, serve};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const DAY: u64 = 24 * 3600;

struct Release {
    sim: Arc<Sim>,
    served: Served,
    /// Serves while the tests run.
    _runtime: tokio::runtime::Runtime,
    state: tempfile::TempDir,
    /// IDs of the backups that exist, oldest first.
    ids: Vec<u64>,
}

impl Release {
    fn new(days: u64) -> Self {
        Self::with(days, Profile::default())
    }

    /// One backup a day, the newest an hour old.
    fn with(days: u64, profile: Profile) -> Self {
        Self::timed(days, profile, Timings::quick())
    }

    fn timed(days: u64, profile: Profile, timings: Timings) -> Self {
        let now = jiff::Timestamp::now();
        let seconds = u64::try_from(now.as_second()).expect("after 1970");
        let ids: Vec<u64> = (0..days).rev().map(|n| seconds - 3600 - n * DAY).collect();
        let profile = Profile { history: ids.clone(), timings, now, ..profile };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let guard = runtime.enter();
        let sim = Sim::new(profile);
        let served =
            runtime.block_on(serve(sim.clone(), [127, 0, 0, 1].into(), &Ports::any())).expect("free ports");
        drop(guard);
        Self { sim, served, _runtime: runtime, state: tempfile::tempdir().expect("a directory"), ids }
    }

    fn url(&self, component: Component) -> String {
        format!("http://{}", self.served.addresses[&component])
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-camunda_backup"));
        command
            .args(arguments)
            .env_clear()
            .env("CAMUNDA_BACKUP_STATE_DIR", self.state.path())
            .env("OPERATE_MANAGEMENT_API", self.url(Component::Operate))
            .env("TASKLIST_MANAGEMENT_API", self.url(Component::Tasklist))
            .env("OPTIMIZE_MANAGEMENT_API", self.url(Component::Optimize))
            .env("GATEWAY_MANAGEMENT_API", self.url(Component::Gateway))
            .env("BROKER_MANAGEMENT_APIS", self.url(Component::Broker(0)))
            .env("ELASTIC_ENDPOINT", self.url(Component::Search))
            .env("ELASTIC_SNAPSHOT_REPOSITORY", "camunda-backup")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the binary runs");
        let ran = Ran { output };
        println!("$ {arguments:?} -> {:?}\n{}{}", ran.code(), ran.stderr(), ran.stdout());
        ran
    }

    /// A backup that goes on, once its part of Zeebe was asked for: the last one.
    fn create_until_zeebe(&self, more: &[&str]) -> std::process::Child {
        let mut create = self.command(&["create", "--no-guard"]);
        let mut create =
            create.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let posted = |e: &camunda_backup::sim::Exchange| {
            e.request.component == Component::Gateway
                && e.request.method == Method::Post
                && e.request.path.ends_with("/actuator/backups")
        };
        while !self.sim.log().iter().any(posted) {
            assert!(matches!(create.try_wait(), Ok(None)), "it ended before");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        create
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["-o", "json"]).collect();
        self.run(&arguments).json()
    }

    /// The backups of which something is there.
    fn left(&self) -> BTreeSet<u64> {
        self.sim.backups().into_keys().collect()
    }

    fn newest(&self) -> u64 {
        *self.ids.last().expect("a backup")
    }

    fn snapshot(&self, id: u64, part: &str) -> String {
        let names = self.sim.snapshots();
        let found = names.iter().find(|n| n.contains(&format!("_{id}")) && n.contains(part));
        found.unwrap_or_else(|| panic!("no {part} of {id} in {names:?}")).clone()
    }
}

struct Ran {
    output: Output,
}

impl Ran {
    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout(), self.stderr()))
    }
}

fn ids(list: &Value) -> Vec<u64> {
    list["items"].as_array().expect("items").iter().map(|s| s["id"].as_u64().expect("an ID")).collect()
}

fn reasons(findings: &Value) -> Vec<&str> {
    findings.as_array().expect("findings").iter().map(|f| f["reason"].as_str().expect("a code")).collect()
}

#[test]
fn list_filters_sorts_and_limits() {
    let release = Release::new(5);
    let newest_first: Vec<u64> = release.ids.iter().rev().copied().collect();
    assert_eq!(ids(&release.json(&["list"])), newest_first);
    assert_eq!(ids(&release.json(&["list", "--limit", "2"])), newest_first[..2]);
    assert_eq!(ids(&release.json(&["list", "--reverse", "--limit", "2"])), release.ids[..2]);
    release.sim.break_snapshot(&release.snapshot(newest_first[1], "operate"), &PartState::Failed);
    assert_eq!(ids(&release.json(&["list", "--state", "failed,unknown"])), newest_first[1..2]);
    assert_eq!(ids(&release.json(&["list", "--sort", "state"])).last(), Some(&newest_first[1]));
    let names = release.run(&["list", "-o", "name", "--state", "complete", "--limit", "1"]);
    assert_eq!(names.stdout(), format!("backup/{}\n", newest_first[0]));

    let sized = release.json(&["list", "--sizes", "--sort", "size", "--limit", "1"]);
    assert!(sized["items"][0]["sizeBytes"].as_u64().is_some_and(|n| n > 100_000), "{sized}");
    assert!(sized["items"][0]["durationSeconds"].is_number(), "{sized}");
    assert_eq!(release.json(&["list"])["items"][0]["sizeBytes"], Value::Null, "only when asked for");
    assert_eq!(release.run(&["list", "--sort", "size"]).code(), Some(2));
}

#[test]
fn what_cannot_be_asked_is_unknown_and_never_missing() {
    let release = Release::new(2);
    release.sim.set_component(Component::Tasklist, false);
    let listed = release.json(&["list"]);
    for set in listed["items"].as_array().expect("items") {
        assert_eq!(
            (&set["state"], &set["parts"]["tasklist"]["state"]),
            (&"unknown".into(), &"unknown".into())
        );
    }
    // The repository away: the records are unknown, and so is who owns what.
    release.sim.set_component(Component::Tasklist, true);
    release.sim.set_repository(false);
    let listed = release.json(&["list"]);
    assert_eq!(listed["items"][0]["parts"]["records"]["state"], "unknown", "{listed}");
    for component in release.sim.components() {
        release.sim.set_component(component, false);
    }
    assert_eq!(release.run(&["list"]).code(), Some(12));
    assert_eq!(release.run(&["verify"]).code(), Some(12));
}

#[test]
fn other_names_in_the_repository_are_nobodys_business() {
    let release = Release::new(1);
    release.sim.add_foreign(7);
    let listed = release.json(&["list"]);
    // Camunda's names of an ID that the brokers do not know: seen, and not taken for ours.
    assert_eq!(ids(&listed), [release.newest(), 7]);
    assert_eq!(listed["items"][1]["state"], "incomplete");
    let refused = release.run(&["delete", "7", "--yes"]);
    assert_eq!(refused.code(), Some(13));
    assert!(refused.stderr().contains("owner-unknown"), "{}", refused.stderr());
    assert_eq!(release.run(&["delete", "7", "--yes", "--force"]).code(), Some(0));
    assert_eq!(release.left(), BTreeSet::from([release.newest()]));
}

#[test]
fn describe_tells_everything_about_one_set() {
    let release = Release::new(2);
    let id = release.newest();
    let described = release.json(&["describe", &id.to_string()]);
    assert_eq!((&described["kind"], &described["id"]), (&"Set".into(), &id.into()));
    assert_eq!(described["restorable"], true, "{described}");
    assert_eq!(described["pieces"]["operate"].as_array().map(Vec::len), Some(6));
    assert_eq!(described["pieces"]["zeebe"].as_array().map(Vec::len), Some(3));
    assert!(described["pieces"]["operate"][1]["sizeBytes"].is_number(), "{described}");
    assert!(described["durationSeconds"].is_number());

    assert!(release.sim.delete_snapshot(&release.snapshot(id, "tasklist")));
    let text = release.run(&["describe", &format!("backup/{id}")]);
    assert_eq!(text.code(), Some(0));
    assert!(text.stdout().contains("snapshots-missing") && text.stdout().contains("do: take a new backup"));

    assert_eq!(release.run(&["describe", "5"]).code(), Some(10));
    assert_eq!(release.run(&["describe", "x"]).code(), Some(2));
    release.sim.set_component(Component::Operate, false);
    assert_eq!(release.run(&["describe", "5"]).code(), Some(12), "perhaps only Operate knows it");
}

/// Breaks a good set in one way, and returns the reasons that `verify` gives for it and for all sets.
fn broken(how: impl FnOnce(&Release, u64), arguments: &[&str]) -> (Option<i32>, String) {
    let release = Release::new(3);
    let id = release.newest();
    how(&release, id);
    let id = id.to_string();
    let mut all = vec!["verify", id.as_str()];
    all.extend(arguments);
    let ran = release.run(&all);
    (ran.code(), ran.stdout())
}

#[test]
fn verify_names_every_way_in_which_a_set_is_broken() {
    type How = Box<dyn FnOnce(&Release, u64)>;
    let cases: Vec<(&str, How)> = vec![
        (
            "snapshots-missing",
            Box::new(|r, id| assert!(r.sim.delete_snapshot(&r.snapshot(id, "part_4_of_6")))),
        ),
        (
            "records-missing",
            Box::new(|r, id| assert!(r.sim.delete_snapshot(&format!("camunda_zeebe_records_backup_{id}")))),
        ),
        (
            "snapshot-partial",
            Box::new(|r, id| {
                r.sim.break_snapshot(&format!("camunda_zeebe_records_backup_{id}"), &PartState::Partial);
            }),
        ),
        (
            "part-failed",
            Box::new(|r, id| r.sim.break_snapshot(&r.snapshot(id, "optimize"), &PartState::Failed)),
        ),
        ("part-missing", Box::new(|r, id| r.sim.forget_partitions(id))),
        ("partition-count-differs", Box::new(|r, id| r.sim.set_backup_partitions(id, 2))),
        ("repository-missing", Box::new(|r, _| r.sim.set_repository(false))),
        ("part-unknown", Box::new(|r, _| r.sim.set_component(Component::Operate, false))),
    ];
    for (reason, how) in cases {
        let (code, said) = broken(how, &[]);
        assert_eq!(code, Some(14), "{reason}: {said}");
        assert!(said.contains(reason), "{reason}: {said}");
    }
    let (code, said) = broken(|_, _| {}, &["--records-prefix", "other-record"]);
    assert_eq!(code, Some(14));
    assert!(said.contains("index-prefix-differs"), "{said}");
    assert_eq!(broken(|_, _| {}, &[]).0, Some(0));
}

#[test]
fn verify_judges_the_newest_complete_all_and_their_age() {
    let release = Release::new(3);
    assert_eq!(release.run(&["verify", "--latest", "--max-age", "26h"]).code(), Some(0));
    assert_eq!(release.run(&["verify", "--max-age", "30m"]).code(), Some(14));
    assert_eq!(release.run(&["verify", "--all"]).code(), Some(0));
    // The newest is broken: the newest complete one is still good, and somebody should look.
    release.sim.break_snapshot(&release.snapshot(release.newest(), "operate"), &PartState::Failed);
    let latest = release.json(&["verify"]);
    assert_eq!((&latest["good"], &latest["newestComplete"]), (&true.into(), &release.ids[1].into()));
    assert_eq!(reasons(&latest["findings"]), ["newest-not-complete"]);
    assert_eq!(release.run(&["verify", "--max-age", "24h"]).code(), Some(14));
    let all = release.json(&["verify", "--all"]);
    assert_eq!(all["good"], false);
    let good: Vec<_> = all["items"].as_array().expect("items").iter().map(|i| i["good"].clone()).collect();
    assert_eq!(good, [false, true, true]);
    assert_eq!(release.run(&["verify", "99"]).code(), Some(14));
    assert_eq!(release.run(&["verify", "--all", "--latest"]).code(), Some(2));

    let empty = Release::new(0);
    let none = empty.run(&["verify"]);
    assert_eq!(none.code(), Some(14));
    assert!(none.stdout().contains("no-complete-set"));
}

#[test]
fn verify_sees_a_store_that_was_moved_and_what_lies_around() {
    let release = Release::new(4);
    release.sim.forget_partitions(release.ids[2]);
    let verified = release.json(&["verify"]);
    assert_eq!(verified["good"], true, "the newest is whole: {verified}");
    let found = reasons(&verified["findings"]);
    assert_eq!(found.iter().filter(|r| **r == "orphaned-parts").count(), 3, "{found:?}");
    assert!(found.contains(&"store-moved"), "{found:?}");
}

#[test]
fn verify_deep_asks_the_engine_where_it_can() {
    let old = Release::new(1);
    let told = old.json(&["verify", "--deep"]);
    assert_eq!((&told["good"], reasons(&told["findings"])), (&true.into(), vec!["integrity-unsupported"]));
    let writes = old.sim.log().iter().filter(|e| e.request.path.contains("_verify_integrity")).count();
    assert_eq!(writes, 0, "an old engine would take it for a snapshot's name");

    let release = Release::with(1, Profile { engine_version: "8.17.4".to_owned(), ..Profile::default() });
    assert_eq!(release.run(&["verify", "--deep"]).code(), Some(0));
    release.sim.set_damaged(true);
    let damaged = release.run(&["verify", "--deep"]);
    assert_eq!(damaged.code(), Some(14));
    assert!(damaged.stdout().contains("repository-damaged"), "{}", damaged.stdout());
    assert_eq!(release.run(&["verify"]).code(), Some(0), "only on demand");
}

#[test]
fn delete_asks_refuses_deletes_and_can_be_repeated() {
    let release = Release::new(3);
    let (first, newest) = (release.ids[0].to_string(), release.newest().to_string());
    assert_eq!(release.run(&["delete", &first]).code(), Some(2), "nobody can be asked");
    let planned = release.run(&["delete", &first, "--dry-run"]);
    assert_eq!(planned.code(), Some(0));
    assert!(
        planned.stdout().contains(&format!("gateway DELETE /actuator/backups/{first}")),
        "{}",
        planned.stdout()
    );
    assert_eq!(release.left().len(), 3);

    let refused = release.run(&["delete", &newest, &first, "--yes"]);
    assert_eq!(refused.code(), Some(13));
    assert!(refused.stderr().contains("newest-complete"));
    assert_eq!(release.left().len(), 3, "one refused, none deleted");

    let deleted = release.json(&["delete", &first, "--yes"]);
    assert_eq!(deleted["items"][0]["result"], "gone", "{deleted}");
    assert_eq!(release.left(), release.ids[1..].iter().copied().collect());
    let again = release.json(&["delete", &first, "--yes"]);
    assert_eq!(again["items"][0]["result"], "already-gone", "{again}");

    assert_eq!(release.run(&["delete", &newest, "--yes", "--force"]).code(), Some(0));
    assert_eq!(release.left(), BTreeSet::from([release.ids[1]]));
}

#[test]
fn delete_says_what_is_left_and_finishes_when_repeated() {
    let release = Release::new(2);
    let first = release.ids[0].to_string();
    release.sim.inject("tasklist DELETE /actuator/backups status:403:no".parse().expect("a rule"));
    let left = release.run(&["delete", &first, "--yes", "-o", "json"]);
    assert_eq!(left.code(), Some(50));
    let said = left.json();
    assert_eq!(said["items"][0]["result"], "left");
    let parts = said["items"][0]["report"]["parts"].as_array().expect("parts");
    let of = |part: &str| parts.iter().find(|p| p["part"] == part).cloned().expect("a part");
    assert_eq!(of("records")["result"], "gone");
    assert_eq!(of("operate")["result"], "gone");
    assert_eq!(of("tasklist")["cause"]["reason"], "delete-failed");
    assert_eq!(of("zeebe")["cause"]["reason"], "not-tried");
    release.sim.clear_faults();
    assert_eq!(release.run(&["delete", &first, "--yes"]).code(), Some(0));
    assert_eq!(release.left(), BTreeSet::from([release.newest()]));
}

#[test]
fn who_may_not_delete_in_the_engine_is_told_the_right_and_no_backup_loses_a_part() {
    let release = Release::new(3);
    let first = release.ids[0].to_string();
    release.sim.inject("search DELETE /_snapshot/ status:403:no".parse().expect("a rule"));
    let before = (release.sim.snapshots(), release.sim.backups());
    for arguments in [&["delete", &first, "--yes"][..], &["prune", "--keep-last", "1"]] {
        let refused = release.run(arguments);
        assert_eq!(refused.code(), Some(50), "{arguments:?}");
        for said in [refused.stdout(), refused.stderr()] {
            assert!(said.contains("deletion-not-allowed"), "{arguments:?}: {said}");
            assert!(said.contains("its user needs cluster:admin/snapshot/delete"), "{arguments:?}: {said}");
        }
        assert_eq!((release.sim.snapshots(), release.sim.backups()), before, "{arguments:?}");
    }
    // The backup is good, and what it was to replace is whole.
    let created = release.run(&["create", "--keep-last", "1", "--no-guard"]);
    assert_eq!(created.code(), Some(50), "{}", created.stderr());
    assert_eq!(release.left().len(), 4);
    // What is not allowed is not tried until its time is up.
    release.sim.inject("search PUT /_snapshot/ 1 snapshot-partial".parse().expect("a rule"));
    let failed = release.run(&["create", "--on-failure", "delete", "--no-guard"]);
    assert_eq!(failed.code(), Some(20), "{}", failed.stderr());
    assert_eq!(
        failed.stderr().matches("records is left: deletion-not-allowed").count(),
        1,
        "{}",
        failed.stderr()
    );
    assert!(failed.stderr().contains("not everything of backup"), "{}", failed.stderr());
}

#[test]
fn nothing_is_deleted_on_the_evidence_of_a_server_that_cannot_be_asked() {
    for away in [Component::Operate, Component::Optimize, Component::Search, Component::Gateway] {
        let release = Release::new(3);
        release.sim.set_component(away, false);
        let first = release.ids[0].to_string();
        for arguments in [
            &["delete", &first, "--yes", "--force"][..],
            &["delete", "5", "--yes"],
            &["prune", "--keep-last", "1"],
            &["prune", "--keep-last", "1", "--dry-run"],
        ] {
            let refused = release.run(arguments);
            assert_eq!(refused.code(), Some(12), "{away} {arguments:?}: {}", refused.stderr());
        }
        release.sim.set_component(away, true);
        assert_eq!(release.left().len(), 3, "{away}");
    }
}

#[test]
fn sets_outlive_a_component_that_was_removed() {
    // The repository tells of its snapshots, and they are deleted by name.
    let release = Release::new(3);
    let listed = release.command(&["list", "-o", "json"]).env_remove("OPTIMIZE_MANAGEMENT_API").output();
    let listed: Value = serde_json::from_slice(&listed.expect("runs").stdout).expect("JSON");
    assert_eq!(listed["items"][0]["state"], "complete", "{listed}");
    let bare = release.command(&["prune", "--keep-last", "1"]).env_remove("OPTIMIZE_MANAGEMENT_API").output();
    assert_eq!(bare.expect("runs").status.code(), Some(0));
    assert_eq!(release.left(), BTreeSet::from([release.newest()]));
    let names = release.sim.snapshots();
    assert!(names.iter().all(|n| n.contains(&format!("_{}", release.newest()))), "{names:?}");
}

#[test]
fn prune_keeps_by_rules_and_says_why() {
    let release = Release::new(6);
    assert_eq!(release.run(&["prune"]).code(), Some(2), "without a rule nothing would happen");
    assert_eq!(release.run(&["prune", "--keep-last", "0"]).code(), Some(2));
    assert_eq!(release.run(&["prune", "--keep-last", "1", "--time-zone", "Mars"]).code(), Some(2));
    let planned = release.json(&["prune", "--keep-daily", "2", "--time-zone", "Europe/Berlin", "--dry-run"]);
    assert_eq!((&planned["dryRun"], &planned["timeZone"]), (&true.into(), &"Europe/Berlin".into()));
    let keep = |n: usize| planned["decisions"][n]["keep"].clone();
    assert_eq!((keep(0), keep(1), keep(2)), (true.into(), true.into(), false.into()), "{planned}");
    assert_eq!(planned["decisions"][0]["reasons"][0], "newest-complete");
    assert_eq!(planned["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(release.left().len(), 6);

    let pruned = release.run(&["prune", "--keep-last", "2"]);
    assert_eq!(pruned.code(), Some(0));
    assert!(pruned.stdout().contains("2 backups kept, 4 deleted; rules: --keep-last 2; time zone UTC."));
    assert_eq!(release.left(), release.ids[4..].iter().copied().collect());
    assert_eq!(release.run(&["prune", "--keep-last", "2"]).code(), Some(0), "and again: nothing more");
    assert_eq!(release.left().len(), 2);
}

#[test]
fn a_backup_is_good_although_pruning_after_it_was_stopped() {
    let release = Release::new(3);
    // The backup itself deletes nothing.
    release.sim.inject("operate DELETE * slow:3s".parse().expect("a rule"));
    let child = release.command(&["create", "--keep-last", "1", "-o", "json"]).stdout(Stdio::piped()).spawn();
    let child = child.expect("it runs");
    let deletes = || release.sim.log().iter().any(|e| e.request.method == Method::Delete);
    let begun = Instant::now();
    while !deletes() {
        assert!(begun.elapsed() < Duration::from_secs(300), "nothing is deleted");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = Pid::from_raw(child.id().try_into().expect("small")).expect("a process");
    kill_process(pid, Signal::TERM).expect("it lives");
    let output = child.wait_with_output().expect("our child");
    assert_eq!(output.status.code(), Some(50), "22 would have a Job take another one");
    // What was deleted follows.
    let mut documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let report = documents.next().expect("a report").expect("JSON");
    assert_eq!(report["outcome"], "complete", "{report}");
}

#[test]
fn prune_removes_failed_sets_only_when_told_and_never_the_last_good_one() {
    let release = Release::new(3);
    release.sim.break_snapshot(&release.snapshot(release.ids[0], "operate"), &PartState::Failed);
    release.sim.break_snapshot(&release.snapshot(release.ids[2], "operate"), &PartState::Failed);
    assert_eq!(release.run(&["prune", "--keep-last", "1"]).code(), Some(0));
    assert_eq!(release.left().len(), 3);
    assert_eq!(release.run(&["prune", "--failed-after", "1d"]).code(), Some(0));
    assert_eq!(release.left(), release.ids[1..].iter().copied().collect());
    assert_eq!(release.run(&["prune", "--failed-after", "1m", "--keep-last", "1"]).code(), Some(0));
    assert_eq!(release.left(), BTreeSet::from([release.ids[1]]));
}

#[test]
fn what_a_cluster_on_a_database_restores_from_is_not_deleted_by_rules() {
    for native_retention in [false, true] {
        let named = Profile::named("8.9-rdbms").expect("a profile").without_optimize();
        let release = Release::with(12, Profile { native_retention, ..named });
        let command = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-camunda_backup"));
            command
                .args(arguments)
                .env_clear()
                .env("CAMUNDA_BACKUP_STATE_DIR", release.state.path())
                .env("GATEWAY_MANAGEMENT_API", release.url(Component::Gateway))
                .env("BROKER_MANAGEMENT_APIS", release.url(Component::Broker(0)))
                .stdin(Stdio::null());
            Ran { output: command.output().expect("the binary runs") }
        };
        let zeebe = || {
            let listed = command(&["list", "-o", "json"]);
            serde_json::from_str::<Value>(&listed.stdout()).expect("JSON")["items"]
                .as_array()
                .map_or(0, Vec::len)
        };
        // What the chart does every night, and it is no failure.
        let created = command(&["create", "--keep-daily", "7", "--keep-weekly", "4", "--failed-after", "7d"]);
        assert_eq!(created.code(), Some(0), "{}", created.stderr());
        assert_eq!(zeebe(), 13);
        assert!(created.stdout().contains("range-would-break"), "{}", created.stdout());
        // Who has told the cluster to delete by itself need not hear of it every night.
        let warned = created.stdout().contains("camunda.data.primary-storage.backup.retention");
        assert_eq!(warned, !native_retention, "{}", created.stdout());
        let one = release.ids[3].to_string();
        let refused = command(&["delete", &one, "--yes"]);
        assert_eq!(refused.code(), Some(13), "{}", refused.stderr());
        assert!(refused.stderr().contains("range-would-break"), "{}", refused.stderr());
        assert_eq!(zeebe(), 13);
        assert_eq!(command(&["delete", &one, "--yes", "--force"]).code(), Some(0));
        assert_eq!(command(&["prune", "--keep-last", "5", "--accept-broken-ranges"]).code(), Some(0));
        assert_eq!(zeebe(), 5);
    }
}

#[test]
fn prune_waits_for_nobody_and_warns_of_other_hands() {
    let policies = vec![("nightly".to_owned(), "camunda-backup".to_owned())];
    let release = Release::with(2, Profile { lifecycle_policies: policies, ..Profile::default() });
    let warned = release.json(&["prune", "--keep-last", "1", "--dry-run"]);
    assert_eq!(reasons(&warned["findings"]), ["lifecycle-policy-here"]);

    // A backup of somebody who does not know our lock.
    release.sim.inject("operate POST /actuator/backups stuck-in-progress".parse().expect("a rule"));
    let id = release.newest() + 3600;
    let url = release.url(Component::Operate);
    let body = serde_json::json!({ "backupId": id }).to_string();
    post(&format!("{url}/actuator/backups"), &body);
    std::thread::sleep(std::time::Duration::from_millis(100));
    let refused = release.run(&["prune", "--keep-last", "1"]);
    assert_eq!(refused.code(), Some(13));
    assert!(refused.stderr().contains("set-in-progress"), "{}", refused.stderr());
    assert_eq!(release.left().len(), 3);
    let refused = release.run(&["delete", &id.to_string(), "--yes"]);
    assert_eq!(refused.code(), Some(13));
    assert!(refused.stderr().contains("set-in-progress"));
}

/// A request by hand, with what std has.
fn post(url: &str, body: &str) {
    use std::io::{Read as _, Write as _};
    let (host, path) = url.strip_prefix("http://").and_then(|u| u.split_once('/')).expect("an URL");
    let mut stream = std::net::TcpStream::connect(host).expect("the simulator listens");
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
}

#[test]
fn create_prunes_after_success_only() {
    let release = Release::new(3);
    release.sim.inject("operate POST /actuator/backups 1 snapshot-failed".parse().expect("a rule"));
    let failed = release.run(&["create", "--keep-last", "1", "--no-guard"]);
    assert_eq!(failed.code(), Some(20));
    assert_eq!(release.left().len(), 4, "the failed one stays, and nothing was pruned");
    // The failed one never got to the brokers, so that nothing proves whose it is.
    let rules = ["create", "--keep-last", "1", "--failed-after", "1ms", "--no-guard", "--repository-is-ours"];
    let created = release.run(&rules);
    assert_eq!(created.code(), Some(0), "{}", created.stderr());
    assert_eq!(release.left().len(), 1);
    assert!(created.stdout().contains("1 backup kept, 4 deleted"), "{}", created.stdout());
    assert!(release.sim.exporting_runs());
}

#[test]
fn create_deletes_what_it_has_begun_when_told() {
    let release = Release::new(1);
    release.sim.inject("search PUT /_snapshot/ 1 snapshot-partial".parse().expect("a rule"));
    let failed = release.run(&["create", "--on-failure", "delete", "--no-guard"]);
    assert_eq!(failed.code(), Some(20), "a failure stays one");
    assert!(failed.stderr().contains("nothing of backup"), "{}", failed.stderr());
    assert_eq!(release.left(), BTreeSet::from([release.newest()]));
    assert!(release.sim.exporting_runs());
}

#[test]
fn two_that_change_something_never_interleave() {
    let release = Release::new(3);
    let lock = hold(&release);
    for arguments in [
        &["prune", "--keep-last", "1"][..],
        &["delete", "5", "--yes"],
        &["create", "--no-guard"],
        &["verify", "--deep"],
    ] {
        let refused = release.run(arguments);
        assert_eq!(refused.code(), Some(40), "{arguments:?}: {}", refused.stderr());
    }
    assert_eq!(release.run(&["prune", "--keep-last", "1", "--dry-run"]).code(), Some(0), "looking is free");
    assert_eq!(release.left().len(), 3);
    drop(lock);
    assert_eq!(release.run(&["prune", "--keep-last", "1"]).code(), Some(0));
    assert_eq!(release.left().len(), 1);
}

/// The arguments of the command that a run has printed for deleting what it left.
fn hint(report: &str) -> Vec<String> {
    let line = report.lines().find(|l| l.trim().contains("camunda-backup delete ")).expect("a hint");
    line.split_whitespace().skip_while(|word| *word != "delete").map(str::to_owned).collect()
}

#[test]
fn what_a_failed_run_says_to_delete_can_be_deleted_like_that() {
    let faults = [
        // Long before the brokers hear of the ID; a queue that goes on; all but the brokers' part whole.
        "tasklist POST /actuator/backups 1 snapshot-failed",
        "operate POST /actuator/backups 1 stuck-in-progress",
        "gateway POST /actuator/backups 1 partition-failed:2",
    ];
    for fault in faults {
        let release = Release::new(1);
        release.sim.inject(fault.parse().expect("a rule"));
        let failed = release.run(&["create", "--no-guard", "--timeout", "4s"]);
        assert!(matches!(failed.code(), Some(20 | 21)), "{fault}");
        let hint = hint(&failed.stdout());
        let arguments: Vec<&str> = hint.iter().map(String::as_str).chain(["--yes"]).collect();
        assert_eq!(release.run(&arguments).code(), Some(0), "{fault}");
        assert_eq!(release.left(), BTreeSet::from([release.newest()]), "{fault}");
        // Nobody has left word of the same backup there, so it may be anybody's.
        let elsewhere = Release::new(1);
        elsewhere.sim.inject(fault.parse().expect("a rule"));
        elsewhere.run(&["create", "--no-guard", "--timeout", "4s"]);
        let id = elsewhere.left().last().expect("a backup").to_string();
        let mut other = elsewhere.command(&["delete", &id, "--yes"]);
        let other_state = tempfile::tempdir().expect("a directory");
        let other = other.env("CAMUNDA_BACKUP_STATE_DIR", other_state.path()).output().expect("runs");
        if !fault.starts_with("gateway") {
            assert_eq!(other.status.code(), Some(13), "{fault}");
        }
    }
}

#[test]
fn a_backup_whose_pause_was_lost_is_not_called_complete() {
    let timings = Timings { zeebe_partition: std::time::Duration::from_secs(2), ..Timings::quick() };
    let release = Release::timed(2, Profile::default(), timings);
    let create = release.create_until_zeebe(&["--keep-last", "1"]);
    release.sim.set_exporters(&ExporterPhase::Exporting);
    let failed = Ran { output: create.wait_with_output().expect("ends") };
    assert_eq!(failed.code(), Some(20), "{}{}", failed.stderr(), failed.stdout());
    let listed = release.json(&["list"]);
    // Every part is whole, but not taken in one pause.
    assert_eq!(
        (&listed["items"][0]["state"], &listed["items"][0]["run"]["outcome"]),
        (&"failed".into(), &"failed".into())
    );
    assert!(
        listed["items"][0]["parts"].as_object().expect("parts").values().all(|p| p["state"] == "COMPLETED")
    );
    let id = listed["items"][0]["id"].to_string();
    assert!(release.run(&["list", "--limit", "1"]).stdout().contains("run failed"));
    let verified = release.json(&["verify", &id]);
    assert_eq!(verified["good"], false, "{verified}");
    assert_eq!(reasons(&verified["items"][0]["findings"]), ["run-not-complete"]);
    assert_eq!(release.json(&["verify"])["newestComplete"], release.newest());
    let pruned = release.run(&["prune", "--keep-last", "1"]);
    assert_eq!(pruned.code(), Some(0));
    assert!(release.left().contains(&release.newest()), "the last good one");
    let hint = hint(&failed.stdout());
    let arguments: Vec<&str> = hint.iter().map(String::as_str).chain(["--yes"]).collect();
    assert_eq!(release.run(&arguments).code(), Some(0));
    assert_eq!(release.left(), BTreeSet::from([release.newest()]));
}

#[test]
fn a_backup_whose_run_was_killed_in_its_pause_is_not_called_complete() {
    let timings = Timings { zeebe_partition: std::time::Duration::from_secs(10), ..Timings::quick() };
    let release = Release::timed(2, Profile::default(), timings);
    let mut create = release.create_until_zeebe(&[]);
    create.kill().expect("ours");
    create.wait().expect("ended");
    // Its parts go on. Before anybody resumes exporting, and after it.
    assert_eq!(release.json(&["list"])["items"][0]["run"]["outcome"], "died");
    assert_eq!(release.run(&["resume"]).code(), Some(0));
    let whole = |listed: &Value| {
        let mut parts = listed["items"][0]["parts"].as_object().expect("parts").values();
        parts.all(|p| p["state"] == "COMPLETED")
    };
    let mut listed = release.json(&["list"]);
    while !whole(&listed) {
        std::thread::sleep(std::time::Duration::from_millis(200));
        listed = release.json(&["list"]);
    }
    let newest = &listed["items"][0];
    assert_eq!((&newest["state"], &newest["run"]["outcome"]), (&"failed".into(), &"died".into()), "{newest}");
    let id = newest["id"].to_string();
    let verified = release.json(&["verify", &id]);
    assert_eq!(reasons(&verified["items"][0]["findings"]), ["run-not-complete"]);
    assert_eq!(release.json(&["verify"])["newestComplete"], release.newest());
    assert_eq!(release.run(&["prune", "--keep-last", "1"]).code(), Some(0));
    assert!(release.left().contains(&release.newest()), "the last good one");
}

#[test]
fn what_became_of_an_earlier_run_under_the_same_id_is_forgotten() {
    let release = Release::new(1);
    let id = (release.newest() + 100).to_string();
    let create = || release.run(&["create", "--no-guard", "--backup-id", &id]).code();
    release.sim.inject("search PUT /_snapshot/ status:400:no".parse().expect("a rule"));
    assert_eq!(create(), Some(20));
    release.sim.clear_faults();
    assert_eq!(release.run(&["delete", &id, "--force", "--yes"]).code(), Some(0));
    assert_eq!(create(), Some(0));
    assert_eq!(release.json(&["list"])["items"][0]["state"], "complete");
}

#[test]
fn a_complete_backup_stays_complete_where_only_resuming_failed() {
    let release = Release::new(1);
    release.sim.inject("* POST /actuator/exporting/resume refuse".parse().expect("a rule"));
    let created = release.run(&["create", "--no-guard", "--resume-timeout", "1s"]);
    assert_eq!(created.code(), Some(30));
    release.sim.clear_faults();
    assert_eq!(release.run(&["resume"]).code(), Some(0));
    let listed = release.json(&["list"]);
    assert_eq!(listed["items"][0]["state"], "complete", "{listed}");
    assert_ne!(listed["items"][0]["id"], release.newest());
}

#[test]
fn what_a_run_deletes_after_its_report_it_deletes_under_the_lock() {
    let rules: [(&[&str], &[&str]); 2] = [
        (&["search DELETE camunda_zeebe_records slow:3s"], &["--keep-last", "1"]),
        (
            &["search PUT /_snapshot/ 1 snapshot-partial", "search DELETE camunda_zeebe_records slow:3s"],
            &["--on-failure", "delete"],
        ),
    ];
    for (faults, arguments) in rules {
        let release = Release::new(2);
        for fault in faults {
            release.sim.inject(fault.parse().expect("a rule"));
        }
        let mut create = release.command(&["create", "--no-guard"]);
        let mut create =
            create.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        let deletes = || release.sim.log().iter().any(|e| e.request.method == Method::Delete);
        while !deletes() {
            assert_eq!(create.try_wait().expect("asked"), None, "{arguments:?}: it ended without deleting");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(release.run(&["delete", "5", "--yes"]).code(), Some(40), "{arguments:?}");
        create.wait().expect("ends");
        assert_eq!(release.run(&["delete", "5", "--yes"]).code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn what_is_deleted_while_it_is_being_taken_is_gone_when_nothing_comes_back() {
    // Each of Operate's snapshots can be seen only once the one before it is done.
    let timings = Timings { webapp_snapshot: std::time::Duration::from_millis(1500), ..Timings::quick() };
    let release = Release::timed(1, Profile::default(), timings);
    let id = release.newest() + 3600;
    let url = release.url(Component::Operate);
    post(&format!("{url}/actuator/backups"), &serde_json::json!({ "backupId": id }).to_string());
    while !release.left().contains(&id) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(release.run(&["delete", &id.to_string(), "--yes", "--force"]).code(), Some(0));
    assert!(!release.left().contains(&id));
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(!release.left().contains(&id), "it was called gone");
}

/// Holds the release's lock as a living run does.
fn hold(release: &Release) -> std::fs::File {
    // A run that refuses makes the lock's file.
    assert_eq!(release.run(&["delete", "5", "--yes"]).code(), Some(0));
    let files = std::fs::read_dir(release.state.path()).expect("a directory");
    let lock: Option<PathBuf> =
        files.filter_map(|f| Some(f.ok()?.path())).find(|p| p.extension().is_some_and(|e| e == "lock"));
    let file = std::fs::File::options().write(true).open(lock.expect("a lock")).expect("readable");
    file.try_lock().expect("free");
    file
}

#[test]
fn ten_thousand_backups() {
    // The simulated servers take longer than the binary for this, far longer without optimization.
    let count = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    let release = Release::new(count);
    let listed = release.json(&["list"]);
    assert_eq!(ids(&listed).len() as u64, count);
    let planned = release.json(&[
        "prune",
        "--keep-daily",
        "30",
        "--keep-monthly",
        "24",
        "--keep-yearly",
        "40",
        "--dry-run",
    ]);
    let kept =
        planned["decisions"].as_array().expect("decisions").iter().filter(|d| d["keep"] == true).count();
    assert!((50..100).contains(&kept), "{kept}");
    let requests = release.sim.log().iter().filter(|e| e.request.path.contains("actuator/backups/")).count();
    assert_eq!(requests, 0, "nothing is asked one by one");
}
