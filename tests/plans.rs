//! Plans: for every row of the version table and every set of components, what would run, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camunda_backup::client::Request;
use camunda_backup::dialect::{Dialect, ROWS};
use camunda_backup::model::{
    BackupId, Cluster, Component, ComponentFacts, Engine, EngineFacts, Facts, Part, PartBackup, PartState,
    Positions, Problem, ProblemKind, Reason, Severity, Storage, StoredSnapshot, Version,
};
use camunda_backup::plan::{self, Action, BackupRequest, Discovered, Known, PlanError, Procedure};

const OPTIONAL: [Component; 4] =
    [Component::Operate, Component::Tasklist, Component::Optimize, Component::Search];

fn request(components: BTreeSet<Component>, version: Option<Version>) -> BackupRequest {
    BackupRequest {
        version,
        components,
        repository: Some("camunda-backup".to_owned()),
        ..BackupRequest::default()
    }
}

fn facts(engine: Engine) -> Facts {
    let cluster = Cluster {
        brokers: BTreeMap::from([(0, "ACTIVE".to_owned())]),
        partitions: BTreeSet::from([1, 2, 3]),
        change_pending: false,
    };
    Facts {
        positions: BTreeMap::from([(Component::Broker(0), Ok(Positions::default()))]),
        cluster: Some(Ok(cluster)),
        engine: Some(Ok(EngineFacts { engine, version: "8.14.1".to_owned() })),
        ..Facts::default()
    }
}

/// Every set of components that a row's release may have: the gateway always, the others it knows or not.
fn presences(row: &Dialect) -> Vec<BTreeSet<Component>> {
    let known: Vec<_> =
        OPTIONAL.into_iter().filter(|c| row.routes.iter().any(|r| r.hosts.contains(c))).collect();
    // The fullest first.
    let all = (0..1usize << known.len()).rev().map(|bits| {
        let given = known.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, c)| *c);
        given.chain([Component::Gateway, Component::Broker(0)]).collect()
    });
    all.collect()
}

/// What the gateway of a row answers.
fn answering_like(row: &Dialect, engine: Engine) -> Facts {
    Facts { paths: row.gateway.iter().copied().collect(), elsewhere: row.elsewhere, ..facts(engine) }
}

/// Of the first version that the row holds for.
fn plan_of(row: &Dialect, components: BTreeSet<Component>, engine: Engine) -> Procedure {
    let request = request(components, Some(row.from.clone()));
    let procedure = plan::backup(&request, &answering_like(row, engine), 1_700_000_000).expect("a plan");
    assert_eq!(procedure.dialect, row.name);
    procedure
}

fn plan(version: &Version, components: BTreeSet<Component>, engine: Engine) -> Procedure {
    plan::backup(&request(components, Some(version.clone())), &facts(engine), 1_700_000_000).expect("a plan")
}

fn text(procedure: &Procedure) -> String {
    let mut text = String::new();
    for step in &procedure.steps {
        let marks = match (step.arms, step.releases) {
            (Some(_), _) => " [arms]",
            (_, Some(_)) => " [releases]",
            _ => "",
        };
        writeln!(text, "{}{marks}", step.name).expect("a string");
        match &step.action {
            Action::PauseExporting { request } | Action::ResumeExporting { request } => {
                writeln!(text, "    {}", line(request))
            }
            Action::Start { request, otherwise, .. } => {
                writeln!(text, "    {}", line(request)).expect("a string");
                otherwise.iter().try_for_each(|r| writeln!(text, "    or, if refused: {}", line(r)))
            }
            Action::AwaitExporters { probes } => {
                probes.iter().try_for_each(|r| writeln!(text, "    {} GET {}", r.component, r.path))
            }
            Action::Await { watches } => watches
                .iter()
                .try_for_each(|w| writeln!(text, "    {} GET {}", w.request.component, w.request.path)),
            Action::ConfirmPaused => Ok(()),
        }
        .expect("a string");
    }
    for skipped in &procedure.skipped {
        writeln!(text, "not in it: {} ({})", skipped.part, skipped.reason).expect("a string");
    }
    if let Some(elsewhere) = procedure.elsewhere {
        writeln!(text, "not in it: {elsewhere}").expect("a string");
    }
    text
}

fn line(request: &Request) -> String {
    let body = request.body.as_ref().map(|b| format!(" {b}")).unwrap_or_default();
    format!("{} {} {}{body}", request.component, request.method.name(), request.path)
}

/// The steps by name, on one line.
fn in_brief(procedure: &Procedure) -> String {
    let steps: Vec<_> = procedure.steps.iter().map(|s| s.name.as_str()).collect();
    let skipped: Vec<_> = procedure.skipped.iter().map(|s| s.part.name()).collect();
    let skipped = if skipped.is_empty() { "nothing".to_owned() } else { skipped.join(", ") };
    format!("{}\n  without {skipped}\n", steps.join(" > "))
}

#[test]
fn the_whole_plan_of_every_row_and_engine() {
    for row in ROWS {
        for engine in [Engine::Elasticsearch, Engine::OpenSearch] {
            let all = presences(row).remove(0);
            let mut written = text(&plan_of(row, all, engine));
            for components in &presences(row)[1..] {
                let names: Vec<_> = components.iter().map(ToString::to_string).collect();
                writeln!(written, "\n{}:", names.join(", ")).expect("a string");
                write!(written, "  {}", in_brief(&plan_of(row, components.clone(), engine)))
                    .expect("a string");
            }
            insta::assert_snapshot!(format!("{} on {engine}", row.name), written);
        }
    }
}

#[test]
fn every_row_and_presence_keeps_the_rules() {
    for row in ROWS {
        for components in presences(row) {
            for engine in [Engine::Elasticsearch, Engine::OpenSearch] {
                let context = format!("{} with {components:?} on {engine}", row.name);
                let procedure = plan_of(row, components.clone(), engine);
                assert_eq!(procedure.violations(), Vec::<String>::new(), "{context}");
                let planned: BTreeSet<Part> = procedure.parts().into_iter().collect();
                let skipped: BTreeSet<Part> = procedure.skipped.iter().map(|s| s.part).collect();
                let known: BTreeSet<Part> = row.routes.iter().map(|r| r.part).collect();
                assert!(planned.is_disjoint(&skipped), "{context}");
                assert_eq!(
                    &planned | &skipped,
                    known,
                    "{context}: neither in the plan nor named as left out"
                );
                assert!(planned.contains(&Part::Zeebe), "{context}");
                let pauses = procedure.steps.iter().any(|s| s.arms.is_some());
                assert_eq!(pauses, row.storage == Storage::Search, "{context}");
                // From 8.8 on the web applications' snapshots lie in the pause as well.
                let position = |name: &str| procedure.steps.iter().position(|s| s.name == name);
                if let (Some(history), Some(pause)) = (position("start-history"), position("pause-exporting"))
                {
                    assert!(pause < history, "{context}");
                }
                // What the plan takes is what a set of it is later measured by, unless it can do without.
                let asked = request(components.clone(), Some(row.from.clone()));
                let expected = plan::expected(&asked, &answering_like(row, engine));
                let needed: BTreeSet<_> =
                    planned.iter().copied().filter(|p| row.route(*p).is_some_and(|r| r.needed)).collect();
                let gap = |p: &Part| row.gap(*p, &row.from, engine).is_some();
                let needed: BTreeSet<_> = needed.into_iter().filter(|p| !gap(p)).collect();
                assert_eq!(expected, needed, "{context}");
            }
        }
    }
}

fn with_records(names: &[&str], optimize: bool) -> (BackupRequest, Facts) {
    let row = ROWS.iter().find(|r| r.name == "8.8, orchestration cluster").expect("a row");
    let mut components = BTreeSet::from([Component::Gateway, Component::Broker(0), Component::Search]);
    if optimize {
        components.insert(Component::Optimize);
    }
    let names = names.iter().map(|n| (*n).to_owned()).collect();
    let facts = Facts { record_indices: Some(Ok(names)), ..answering_like(row, Engine::Elasticsearch) };
    (request(components, Some(row.from.clone())), facts)
}

#[test]
fn without_records_there_is_no_snapshot_of_them_and_the_set_does_not_miss_it() {
    let (asked, facts) = with_records(&[], false);
    let planned = plan::backup(&asked, &facts, 1);
    let procedure = planned.as_ref().expect("a plan");
    let skipped: Vec<_> = procedure.skipped.iter().map(|s| s.part).collect();
    assert_eq!(skipped, [Part::Optimize, Part::Records]);
    assert!(procedure.skipped[1].reason.contains("nothing exports records"));
    assert!(!plan::expected(&asked, &facts).contains(&Part::Records));
    let found = |planned: &Result<_, _>, asked: &_, facts: &_| {
        plan::preflight(asked, facts, planned).iter().any(|f| f.reason == Reason::RecordsMatchNothing)
    };
    assert!(!found(&planned, &asked, &facts));

    // Optimize reads them: with it their absence is a wrong prefix.
    let (asked, facts) = with_records(&[], true);
    let planned = plan::backup(&asked, &facts, 1);
    assert!(planned.as_ref().is_ok_and(|p| p.parts().contains(&Part::Records)));
    assert!(found(&planned, &asked, &facts));
    let (asked, facts) = with_records(&["zeebe-record_job_8.8.0_2026-11-23"], false);
    assert!(plan::backup(&asked, &facts, 1).is_ok_and(|p| p.parts().contains(&Part::Records)));
}

#[test]
fn optimize_without_a_backup_on_opensearch_is_refused_or_left_out_by_choice() {
    let components: BTreeSet<_> = OPTIONAL.into_iter().chain([Component::Gateway]).collect();
    let refused = |asked: &BackupRequest, engine| {
        let facts = facts(engine);
        let planned = plan::backup(asked, &facts, 1);
        let findings = plan::preflight(asked, &facts, &planned);
        findings
            .iter()
            .find(|f| f.reason == Reason::PartCannotBeTaken)
            .map(|f| (f.severity, f.remedy.clone()))
    };
    for (version, refuses) in [("8.5.3", true), ("8.6.0", true), ("8.7.0", false), ("8.8.0", false)] {
        let asked = request(components.clone(), Some(version.parse().expect("a version")));
        assert_eq!(refused(&asked, Engine::Elasticsearch), None, "{version}");
        let found = refused(&asked, Engine::OpenSearch);
        assert_eq!(found.is_some(), refuses, "{version}");
        assert!(found.is_none_or(|(s, remedy)| s == Severity::Error && remedy.contains("--leave-out")));
        let without = BackupRequest { leave_out: BTreeSet::from([Part::Optimize]), ..asked };
        assert_eq!(refused(&without, Engine::OpenSearch), None, "{version}");
        let procedure = plan::backup(&without, &facts(Engine::OpenSearch), 1).expect("a plan");
        let skipped = procedure.skipped.iter().find(|s| s.part == Part::Optimize).expect("told");
        assert_eq!(skipped.reason.contains("before 8.7"), refuses, "{}", skipped.reason);
    }
}

#[test]
fn a_given_version_is_told_and_one_that_does_not_fit_is_refused() {
    let row = ROWS.iter().find(|r| r.name == "8.8, orchestration cluster").expect("a row");
    let mut facts = answering_like(row, Engine::Elasticsearch);
    let url = String::new;
    let told =
        ComponentFacts { url: url(), version: Some(Version::full(8, 8, 1)), health: Ok("UP".to_owned()) };
    facts.components.insert(Component::Gateway, told);
    let found = |given: Option<Version>| {
        let asked = request(BTreeSet::from([Component::Gateway]), given);
        let planned = plan::backup(&asked, &facts, 1);
        let given = planned.as_ref().is_ok_and(|p| p.version_given);
        (given, plan::preflight(&asked, &facts, &planned))
    };
    let text = |findings: &[camunda_backup::model::Finding], reason| {
        findings.iter().find(|f| f.reason == reason).map(|f| f.detail.clone())
    };
    let (given, findings) = found(None);
    assert!(!given && text(&findings, Reason::VersionGiven).is_none());
    let (given, findings) = found(Some(Version::full(8, 8, 3)));
    assert!(given);
    assert_eq!(
        text(&findings, Reason::VersionGiven).as_deref(),
        Some("version 8.8.3 was given; the components say 8.8.1")
    );
    assert_eq!(text(&findings, Reason::VersionContradicted), None);
    let (_, findings) = found(Some(Version::full(8, 6, 0)));
    let contradiction = text(&findings, Reason::VersionContradicted).expect("it does not answer like 8.6");
    assert!(contradiction.contains("/actuator/backupRuntime"), "{contradiction}");
}

#[test]
fn another_id_reaches_everything_that_carries_one() {
    let all: BTreeSet<_> = OPTIONAL.into_iter().chain([Component::Gateway, Component::Broker(0)]).collect();
    for row in ROWS {
        let mut renumbered = plan_of(row, all.clone(), Engine::Elasticsearch);
        let asked = BackupRequest {
            backup_id: BackupId::new(1_795_392_000_123).ok(),
            ..request(all.clone(), Some(row.from.clone()))
        };
        let other = plan::backup(&asked, &answering_like(row, Engine::Elasticsearch), 1).expect("a plan");
        renumbered.renumber(other.backup_id);
        // Who asks for an ID leaves nothing to the cluster: that start differs, as it should.
        let rest =
            |p: &Procedure| text(p).lines().filter(|l| !l.contains("backupRuntime")).collect::<String>();
        assert_eq!(rest(&renumbered), rest(&other), "{}", row.name);
    }
}

#[test]
fn what_is_not_given_is_left_out_with_a_reason() {
    let components = BTreeSet::from([Component::Gateway, Component::Operate]);
    let procedure = plan(&Version::full(8, 6, 0), components, Engine::Elasticsearch);
    insta::assert_snapshot!(text(&procedure));
}

/// Discovered, without a way to these.
fn discovered(request: BackupRequest, out_of_reach: &[Component]) -> BackupRequest {
    let why = |c: &Component| (*c, format!("{c} is there, and not found (--x-url)"));
    let found = Discovered { out_of_reach: out_of_reach.iter().map(why).collect(), ..Discovered::default() };
    BackupRequest { known: Known { discovered: Some(found), ..Known::default() }, ..request }
}

#[test]
fn what_the_release_has_and_was_not_found_is_no_choice() {
    let (operate, search) = (Component::Operate, Component::Search);
    let asked = || {
        let found = BTreeSet::from([Component::Gateway, Component::Broker(0), Component::Tasklist]);
        request(found, Some(Version::full(8, 6, 0)))
    };
    let facts = answering_like(&ROWS[0], Engine::Elasticsearch);
    let judged = |request: &BackupRequest| {
        let planned = plan::backup(request, &facts, 1_700_000_000);
        let findings = plan::preflight(request, &facts, &planned);
        let errors = findings.iter().filter(|f| f.reason == Reason::PartNotFound);
        let errors: Vec<_> = errors.map(|f| (f.severity, f.component, f.detail.clone())).collect();
        (errors, plan::expected(request, &facts), planned.expect("a plan").skipped)
    };
    // By URL it is a choice, and a release without them has nothing to be missed.
    for request in [asked(), discovered(asked(), &[])] {
        let (errors, expected, skipped) = judged(&request);
        assert_eq!(errors, []);
        assert_eq!(expected, BTreeSet::from([Part::Tasklist, Part::Zeebe]));
        assert_eq!(skipped.len(), 3);
    }
    let unfound = discovered(asked(), &[operate, search]);
    let (errors, expected, _) = judged(&unfound);
    let error = |c, text: &str| (Severity::Error, Some(c), text.to_owned());
    let told = [
        error(operate, "operate: operate is there, and not found (--x-url)"),
        error(search, "records: search is there, and not found (--x-url)"),
    ];
    assert_eq!(errors, told);
    assert_eq!(expected, BTreeSet::from([Part::Operate, Part::Tasklist, Part::Records, Part::Zeebe]));
    // To do without is a choice too, and an URL that is given is the way.
    let leave_out = BTreeSet::from([Part::Operate, Part::Records]);
    let (errors, expected, skipped) = judged(&BackupRequest { leave_out, ..unfound.clone() });
    assert_eq!((errors, expected), (vec![], BTreeSet::from([Part::Tasklist, Part::Zeebe])));
    assert!(skipped.iter().filter(|s| s.reason.contains("--leave-out")).count() == 2, "{skipped:?}");
    let components = [operate, search].into_iter().chain(unfound.components.clone()).collect();
    assert_eq!(judged(&BackupRequest { components, ..unfound }).0, []);
}

#[test]
fn one_of_two_that_take_the_same_is_enough() {
    let row = ROWS.iter().find(|r| r.name == "8.8-8.10, separate components").expect("a row");
    let found = BTreeSet::from([Component::Gateway, Component::Broker(0), Component::Tasklist]);
    let facts = answering_like(row, Engine::Elasticsearch);
    let errors = |components: BTreeSet<Component>| {
        let asked = discovered(request(components, Some(row.from.clone())), &[Component::Operate]);
        let planned = plan::backup(&asked, &facts, 1_700_000_000);
        let findings = plan::preflight(&asked, &facts, &planned);
        findings.iter().filter(|f| f.reason == Reason::PartNotFound).count()
    };
    assert_eq!(errors(found.clone()), 0);
    assert_eq!(errors(found.into_iter().filter(|c| *c != Component::Tasklist).collect()), 1);
}

#[test]
fn every_part_but_the_partitions_can_be_left_out() {
    for row in ROWS {
        for part in row.routes.iter().map(|r| r.part).filter(|p| *p != Part::Zeebe) {
            let all = presences(row).remove(0);
            let asked = request(all, Some(row.from.clone()));
            let asked = BackupRequest { leave_out: BTreeSet::from([part]), ..asked };
            let facts = answering_like(row, Engine::Elasticsearch);
            let procedure = plan::backup(&asked, &facts, 1_700_000_000).expect("a plan");
            assert_eq!(procedure.violations(), Vec::<String>::new(), "{} without {part}", row.name);
            assert!(procedure.skipped.iter().any(|s| s.part == part), "{} without {part}", row.name);
        }
    }
}

#[test]
fn broken_procedures_are_noticed() {
    let all: BTreeSet<_> = OPTIONAL.into_iter().chain([Component::Gateway, Component::Broker(0)]).collect();
    let good = plan(&Version::full(8, 6, 0), all, Engine::Elasticsearch);
    let broken = |name: &str, change: &dyn Fn(&mut Procedure)| {
        let mut procedure = good.clone();
        change(&mut procedure);
        assert!(!procedure.violations().is_empty(), "not noticed: {name}");
    };
    broken("no release", &|p| {
        p.steps.pop();
    });
    broken("release first", &|p| {
        let last = p.steps.pop().expect("steps");
        p.steps.insert(0, last);
    });
    broken("a step after the release", &|p| {
        let await_zeebe = p.steps[p.steps.len() - 3].clone();
        p.steps.push(await_zeebe);
    });
    broken("a start that nobody awaits", &|p| p.steps.retain(|s| !s.name.starts_with("await-zeebe")));
    broken("an await without a start", &|p| p.steps.retain(|s| s.name != "start-operate"));
    broken("records before the pause", &|p| {
        let i = p.steps.iter().position(|s| s.name == "start-records").expect("there");
        let start = p.steps.remove(i);
        p.steps.insert(0, start);
    });
    broken("a pause that arms nothing", &|p| {
        for step in &mut p.steps {
            step.arms = None;
        }
    });
    broken("exporters waited for under the pause", &|p| {
        let i = p.steps.iter().position(|s| s.name == "await-exporters").expect("there");
        p.steps.swap(i, i + 1);
    });
    broken("another resume than the release", &|p| p.release.request.path.push_str("?x"));
}

#[test]
fn the_id_is_above_everything_that_is_known_anywhere() {
    let id = |n| BackupId::new(n).expect("in range");
    let backup = |n| PartBackup { id: id(n), state: PartState::Completed, failure: None, pieces: Vec::new() };
    let mut facts = facts(Engine::Elasticsearch);
    let now = 1_700_000_000;
    let components = BTreeSet::from([Component::Gateway]);
    let next = |facts: &Facts| {
        let request = request(components.clone(), Some(Version::full(8, 6, 0)));
        plan::backup(&request, facts, now).expect("a plan").backup_id.get()
    };
    assert_eq!(next(&facts), now);
    facts.backups.insert(Part::Operate, Ok(vec![backup(17), backup(now + 5)]));
    assert_eq!(next(&facts), now + 6);
    let snapshot = |name: &str| StoredSnapshot { name: name.into(), state: PartState::Completed, indices: 1 };
    facts.snapshots = Some(Ok(vec![
        snapshot("camunda_zeebe_records_backup_1700000000123"),
        snapshot("other_9999999999999"),
    ]));
    assert_eq!(next(&facts), 1_700_000_000_124);
}

#[test]
fn an_absurd_id_is_not_counted_on_from() {
    let id = |n| BackupId::new(n).expect("in range");
    let mut facts = facts(Engine::Elasticsearch);
    let mut asked = request(BTreeSet::from([Component::Gateway]), Some(Version::full(8, 6, 0)));
    let now = 1_700_000_000;
    let name = "camunda_zeebe_records_backup_9223372036854775806".to_owned();
    facts.snapshots =
        Some(Ok(vec![StoredSnapshot { name: name.into(), state: PartState::Completed, indices: 1 }]));
    let refused = plan::backup(&asked, &facts, now);
    let text = refused.as_ref().expect_err("refused").to_string();
    assert!(
        text.contains("9223372036854775806") && text.contains("snapshot camunda_zeebe_records"),
        "{text}"
    );
    let findings = plan::preflight(&asked, &facts, &refused);
    let finding = findings.iter().find(|f| f.reason == Reason::BackupIdImplausible).expect("a finding");
    assert!(finding.remedy.contains("--backup-id"), "{}", finding.remedy);

    // The way out: one's own ID, which only has to be higher than those that components list.
    asked.backup_id = Some(id(now));
    let planned = plan::backup(&asked, &facts, now);
    let reasons = |facts: &Facts| -> BTreeSet<_> {
        plan::preflight(&asked, facts, &planned).iter().map(|f| f.reason).collect()
    };
    assert!(!reasons(&facts).contains(&Reason::BackupIdNotHigher));
    let backup = PartBackup { id: id(now), state: PartState::Completed, failure: None, pieces: Vec::new() };
    facts.backups.insert(Part::Zeebe, Ok(vec![backup]));
    assert!(reasons(&facts).contains(&Reason::BackupIdNotHigher));
}

#[test]
fn who_may_not_verify_the_repository_may_back_up() {
    let mut facts = facts(Engine::Elasticsearch);
    let asked =
        request(BTreeSet::from([Component::Gateway, Component::Search]), Some(Version::full(8, 6, 0)));
    let planned = plan::backup(&asked, &facts, 1);
    let found = |facts: &Facts, reason| {
        plan::preflight(&asked, facts, &planned).iter().find(|f| f.reason == reason).map(|f| f.severity)
    };
    let problem = |kind| Problem { kind, url: "http://es".to_owned(), text: "HTTP 403".to_owned() };
    facts.repository_verified = Some(Err(problem(ProblemKind::Unauthorized)));
    assert_eq!(found(&facts, Reason::RepositoryNotVerified), Some(Severity::Warning));
    assert_eq!(found(&facts, Reason::RepositoryNotWritable), None);
    facts.repository_verified = Some(Err(problem(ProblemKind::Refused(500))));
    assert_eq!(found(&facts, Reason::RepositoryNotWritable), Some(Severity::Error));
}

#[test]
fn the_version_is_the_gateways_unless_given() {
    let mut facts = facts(Engine::Elasticsearch);
    let components = BTreeSet::from([Component::Gateway, Component::Operate]);
    let unknown = plan::backup(&request(components.clone(), None), &facts, 1).expect_err("no version");
    assert!(matches!(&unknown, PlanError::VersionUnknown { known } if known.contains("8.10")), "{unknown}");
    let found =
        |version| ComponentFacts { url: String::new(), version: Some(version), health: Ok("UP".to_owned()) };
    facts.components.insert(Component::Operate, found(Version::full(8, 7, 1)));
    facts.components.insert(Component::Gateway, found(Version::full(8, 6, 4)));
    let plan = plan::backup(&request(components.clone(), None), &facts, 1).expect("a plan");
    assert_eq!(plan.version, Version::full(8, 6, 4));
    let given = Some(Version::minor(8, 5));
    assert_eq!(
        plan::backup(&request(components.clone(), given), &facts, 1).expect("a plan").version,
        Version::minor(8, 5)
    );
    let unknown = plan::backup(&request(components, Some(Version::full(8, 4, 0))), &facts, 1);
    assert!(matches!(unknown, Err(PlanError::Unsupported(_))), "{unknown:?}");
}
