//! What Operate and Tasklist know, by their own public APIs, and whether Zeebe agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::release::{testbed, until};

/// Longer than an importer on a busy machine rests or works at one batch.
const STALLED: Duration = Duration::from_secs(90);
/// Two of the rests that an importer takes when it finds nothing (5 s).
const QUIET: Duration = Duration::from_secs(12);

pub fn counts() -> Value {
    serde_json::from_str(&testbed("count.sh", &[])).expect("JSON")
}

/// What is told of one process instance, or of something in it: `(kind, instance, the rest)`, as `work.sh data` prints it.
pub type Fact = (String, String, String);

/// The instance in a fact about something that is in none.
const NONE: &str = "-";

/// All that Operate and Tasklist tell: process definitions, process instances, flow nodes, variables with their values,
/// incidents, user tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data(BTreeSet<Fact>);

impl Data {
    pub fn now() -> Self {
        let fact = |line| words(line).map(str::to_owned).into();
        Self(testbed("work.sh", &["data"]).lines().map(fact).collect())
    }

    /// Once the importers have nothing more to add.
    pub fn settled() -> Self {
        let (mut last, mut since) = (Self::now(), Instant::now());
        until("the import settles", || {
            std::thread::sleep(Duration::from_secs(2));
            let now = Self::now();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            since.elapsed() >= QUIET
        });
        last
    }

    /// The process instances of which something is told that ends like this, such as `order ACTIVE`.
    pub fn having(&self, kind: &str, ending: &str) -> BTreeSet<&str> {
        let found = self.0.iter().filter(|(k, _, rest)| k == kind && rest.ends_with(ending));
        found.map(|(_, instance, _)| instance.as_str()).collect()
    }

    /// The key of everything of a kind, with its process instance.
    pub fn keys(&self, kind: &str, ending: &str) -> BTreeMap<&str, &str> {
        let found = self.0.iter().filter(|(k, _, rest)| k == kind && rest.ends_with(ending));
        found.filter_map(|(_, instance, rest)| Some((rest.split(' ').next()?, instance.as_str()))).collect()
    }

    pub fn instances(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(_, instance, _)| instance.as_str()).filter(|instance| *instance != NONE).collect()
    }

    /// `NAME=VALUE` of each variable of a process instance.
    fn variables(&self, instance: &str) -> BTreeSet<&str> {
        let found = self.0.iter().filter(|(kind, of, _)| kind == "variable" && of == instance);
        found.filter_map(|(_, _, rest)| Some(rest.split_once(' ')?.1)).collect()
    }

    /// Where the flow nodes are others than process instances, incidents and user tasks tell, with the instances.
    fn astray(&self) -> Vec<(&str, Vec<&str>)> {
        let at = |node: &str| self.having("flownode", node);
        let waiting: BTreeSet<&str> = at(" review ACTIVE").union(&at(" ship ACTIVE")).copied().collect();
        let agreeing = [
            ("user tasks", at(" review ACTIVE"), self.having("task", " CREATED")),
            ("user tasks that are done", at(" review COMPLETED"), self.having("task", " COMPLETED")),
            ("orders", waiting, self.having("instance", " order ACTIVE")),
            ("orders that are done", at(" shipped COMPLETED"), self.having("instance", " order COMPLETED")),
            ("notifications", at(" sent COMPLETED"), self.having("instance", " notification COMPLETED")),
            ("incidents", at(" approved ACTIVE"), self.having("incident", " ACTIVE")),
        ];
        let differ = agreeing.iter().filter(|(_, nodes, others)| nodes != others);
        differ
            .map(|(what, nodes, others)| (*what, nodes.symmetric_difference(others).copied().collect()))
            .collect()
    }

    /// Without the process instances that a load has started since.
    fn without_load_since(&self, before: &Self) -> Self {
        let known = before.instances();
        let load: BTreeSet<&str> = self.load().difference(&known).copied().collect();
        Self(self.0.iter().filter(|(_, instance, _)| !load.contains(instance.as_str())).cloned().collect())
    }

    /// Process instances that a load has started.
    pub fn load(&self) -> BTreeSet<&str> {
        self.having("variable", "customer=\"load\"")
    }

    #[track_caller]
    pub fn assert_is(&self, expected: &Self) {
        let missing: Vec<_> = expected.0.difference(&self.0).collect();
        let strange: Vec<_> = self.0.difference(&expected.0).collect();
        assert!(missing.is_empty() && strange.is_empty(), "missing: {missing:?}\nnot expected: {strange:?}");
    }
}

/// Waits until something is imported, and helps an importer on that forgot a batch: those of 8.6 may miss a batch that is
/// handed over in the moment in which the one before it ends, and then it lies until the next of its kind comes. A
/// restart reads it again (camunda/camunda#28484). That is nothing of ours, and said when it happens.
pub fn imported(what: &str, holds: impl FnMut() -> bool) {
    assert!(catches_up(what, holds), "{what}: not imported in spite of restarts");
}

fn catches_up(what: &str, mut holds: impl FnMut() -> bool) -> bool {
    for left in (0..3).rev() {
        let begun = Instant::now();
        while begun.elapsed() < STALLED {
            if holds() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        if left == 0 {
            break;
        }
        println!("{what}: not imported within {STALLED:?}, Operate and Tasklist are restarted");
        testbed("component.sh", &["restart", "operate", "tasklist"]);
    }
    false
}

/// Completes user tasks, until it is imported: on a busy machine later than two looks that agree.
pub fn complete(tasks: u64) {
    let completed = || counts()["tasklist"]["tasks"]["completed"].as_u64().expect("a number");
    let before = completed();
    testbed("work.sh", &["complete", &tasks.to_string()]);
    imported("what was completed", || completed() == before + tasks);
}

/// Cancels process instances in Zeebe, until both have imported it.
pub fn cancel(instances: &[&str]) {
    assert_all_answer("cancel", instances, "204");
    imported("what was cancelled", || {
        let now = Data::now();
        let (canceled, waiting) = (now.having("instance", " CANCELED"), now.having("task", " CREATED"));
        instances.iter().all(|i| canceled.contains(i) && !waiting.contains(i))
    });
}

/// Process instances that are in every state, with variables, incidents and user tasks, some of them completed.
pub fn data_in_every_state() -> Data {
    testbed("seed.sh", &["40"]);
    complete(3);
    let seeded = Data::now();
    cancel(&[seeded.having("task", " CREATED").first().expect("one waits at its user task")]);
    imported("where everything is", || Data::now().astray().is_empty());
    let data = Data::settled();
    assert_eq!(data.having("definition", "").len(), 1, "without a process instance");
    // On how many partitions there are some: one process instance was cancelled, and every tenth has an incident, so that
    // all of these are on the same one.
    for (kind, ending, at_least) in [
        ("instance", "order ACTIVE", 2),
        ("instance", "notification COMPLETED", 2),
        ("instance", "order CANCELED", 1),
        ("incident", " ACTIVE", 1),
        ("variable", "express=true", 2),
        ("task", " CREATED", 2),
        ("task", " COMPLETED", 1),
    ] {
        assert!(partitions(data.having(kind, ending)).len() >= at_least, "{kind} {ending}");
    }
    data
}

/// The partitions on which process instances are: the upper 13 bits of a key.
pub fn partitions<'a>(keys: impl IntoIterator<Item = &'a str>) -> BTreeSet<u64> {
    keys.into_iter().map(|key| key.parse::<u64>().expect("a key") >> 51).collect()
}

/// What was imported after a restart comes a little later; what never comes fails, and so does what should not come.
/// Process instances of a load (`work.sh load`) may have come while the backup was taken.
pub fn assert_restored(before: &Data) {
    catches_up("what was restored", || Data::now().without_load_since(before) == *before);
    // Of all, with those that a load has started.
    catches_up("where everything is", || Data::now().astray().is_empty());
    let restored = Data::settled();
    restored.without_load_since(before).assert_is(before);
    assert_eq!(restored.astray(), []);
    assert_zeebe_agrees();
}

/// A job that Zeebe gives out.
#[derive(Debug)]
struct Job {
    instance: String,
    /// `NAME=VALUE` of each.
    variables: BTreeSet<String>,
}

/// By their keys, as `work.sh jobs` prints them.
fn jobs(printed: &str) -> BTreeMap<&str, Job> {
    let job = |line| {
        let [key, instance, variables] = words(line);
        let variables: serde_json::Map<String, Value> = serde_json::from_str(variables).expect("JSON");
        let variables = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (key, Job { instance: instance.to_owned(), variables })
    };
    printed.lines().map(job).collect()
}

/// Two words of a line, and the rest.
fn words(line: &str) -> [&str; 3] {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    words.try_into().unwrap_or_else(|_| panic!("not three words: {line}"))
}

/// Zeebe's part and what it had exported are of one moment: whatever waits by the word of Operate and Tasklist does so in
/// Zeebe, with the same variables, and nothing else. Leaves the orders that waited for a job completed, and every incident tried again.
fn assert_zeebe_agrees() {
    // Given out once, and an answer may hold those of one partition alone.
    let mut printed = String::new();
    let mut data = Data::default();
    catches_up("all that waits", || {
        printed += &testbed("work.sh", &["jobs", "ship"]);
        data = Data::now();
        let jobs = jobs(&printed);
        let waiting: BTreeSet<&str> =
            data.having("task", " CREATED").into_iter().chain(jobs.values().map(|j| &*j.instance)).collect();
        waiting == data.having("instance", "order ACTIVE")
    });
    let jobs = jobs(&printed);
    for job in jobs.values() {
        let told = data.variables(&job.instance);
        assert!(told.iter().copied().eq(job.variables.iter()), "{job:?}: {told:?}");
    }
    let at_a_job: BTreeSet<&str> = jobs.values().map(|job| &*job.instance).collect();
    let at_a_task = data.having("task", " CREATED");
    let waiting: BTreeSet<&str> = at_a_job.union(&at_a_task).copied().collect();
    assert_eq!(waiting, data.having("instance", "order ACTIVE"), "jobs: {jobs:?}");
    assert!(at_a_job.is_disjoint(&at_a_task), "{jobs:?}");
    assert_eq!(partitions(at_a_job.iter().copied()).len(), 2, "of both partitions: {jobs:?}");
    assert_eq!(partitions(at_a_task).len(), 2);

    assert_all_answer("finish", &jobs.keys().copied().collect::<Vec<_>>(), "204");
    let completed: Vec<&str> = data.having("instance", " COMPLETED").into_iter().collect();
    assert_all_answer("cancel", &completed, "404");
    let incidents = data.keys("incident", " ACTIVE");
    let failed: BTreeSet<&str> = incidents.values().copied().collect();
    assert_eq!(failed, data.having("instance", "invoice ACTIVE"));
    assert_all_answer("resolve", &incidents.keys().copied().collect::<Vec<_>>(), "204");
    imported("what Zeebe did", || {
        let now = Data::now();
        let again = now.keys("incident", " ACTIVE");
        // Nothing has changed for them, so each has an incident again, and another one.
        at_a_job.is_subset(&now.having("instance", "order COMPLETED"))
            && again.values().copied().collect::<BTreeSet<_>>() == failed
            && again.keys().all(|key| !incidents.contains_key(key))
    });
}

/// Each of the keys is answered with this status, and there is one. What may have been done was done.
pub fn assert_all_answer(command: &str, keys: &[&str], status: &str) {
    assert!(!keys.is_empty(), "{command}: there is nothing to ask for");
    let lines = testbed("work.sh", &[&[command], keys].concat());
    assert_eq!(lines.lines().count(), keys.len(), "{lines}");
    for line in lines.lines() {
        let good = line.ends_with(&format!(" {status}")) || (status == "204" && line.ends_with(" maybe"));
        assert!(good, "{command}: expected {status}: {line}");
    }
}
