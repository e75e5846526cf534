//! Plans: for every row of the version table and every set of components, what would run, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camunda_backup::dialect::ROWS;
use camunda_backup::model::{
    BackupId, Cluster, Component, ComponentFacts, Engine, EngineFacts, Facts, Part, PartBackup, PartState,
    Positions, Problem, ProblemKind, Reason, Severity, StoredSnapshot, Version,
};
use camunda_backup::plan::{self, Action, BackupRequest, PlanError, Procedure};

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

/// Every set of components that contains the gateway.
fn presences() -> Vec<BTreeSet<Component>> {
    (0..1usize << OPTIONAL.len())
        .map(|bits| {
            let given = OPTIONAL.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, c)| *c);
            given.chain([Component::Gateway, Component::Broker(0)]).collect()
        })
        .collect()
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
            Action::PauseExporting { request }
            | Action::Start { request, .. }
            | Action::ResumeExporting { request } => {
                let body = request.body.as_ref().map(|b| format!(" {b}")).unwrap_or_default();
                writeln!(text, "    {} {} {}{body}", request.component, request.method.name(), request.path)
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
    text
}

#[test]
fn the_whole_plan_of_every_row_and_engine() {
    let all: BTreeSet<_> = OPTIONAL.into_iter().chain([Component::Gateway, Component::Broker(0)]).collect();
    for row in ROWS {
        for engine in [Engine::Elasticsearch, Engine::OpenSearch] {
            let name = format!("{} on {engine}", row.name);
            insta::assert_snapshot!(name, text(&plan(&row.from, all.clone(), engine)));
        }
    }
}

#[test]
fn every_row_and_presence_keeps_the_rules() {
    for row in ROWS {
        for components in presences() {
            for engine in [Engine::Elasticsearch, Engine::OpenSearch] {
                let procedure = plan(&row.from, components.clone(), engine);
                assert_eq!(procedure.violations(), Vec::<String>::new(), "{} with {components:?}", row.name);
                let planned: BTreeSet<Part> = procedure.parts().into_iter().collect();
                let skipped: BTreeSet<Part> = procedure.skipped.iter().map(|s| s.part).collect();
                let known: BTreeSet<Part> = row.routes.iter().map(|r| r.part).collect();
                assert!(planned.is_disjoint(&skipped), "{components:?}");
                assert_eq!(&planned | &skipped, known, "a part is neither in the plan nor named as left out");
                assert!(planned.contains(&Part::Zeebe));
            }
        }
    }
}

#[test]
fn what_is_not_given_is_left_out_with_a_reason() {
    let components = BTreeSet::from([Component::Gateway, Component::Operate]);
    let procedure = plan(&Version::full(8, 6, 0), components, Engine::Elasticsearch);
    insta::assert_snapshot!(text(&procedure));
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
    let snapshot =
        |name: &str| StoredSnapshot { name: name.to_owned(), state: PartState::Completed, indices: 1 };
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
    facts.snapshots = Some(Ok(vec![StoredSnapshot { name, state: PartState::Completed, indices: 1 }]));
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
    assert_eq!(plan::backup(&request(components.clone(), None), &facts, 1), Err(PlanError::VersionUnknown));
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
