//! One simulated release, one journal, and the way `create` goes: repair first, survey, plan, preflight, drive.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use camunda_backup::client::{Http, Method, Transport};
use camunda_backup::dialect::{Dialect, ROWS};
use camunda_backup::exit::Exit;
use camunda_backup::model::{Component, Finding, Part, PartState, Severity};
use camunda_backup::plan::{self, BackupRequest, Checked, Limits};
use camunda_backup::run::{
    Cancel, Event, Events, Exporting, Journal as _, MemoryJournal, Outcome, Report, World, drive, release,
};
use camunda_backup::sim::{Profile, Sim, SimTransport};
use camunda_backup::survey::{Scope, survey};

/// The time from which IDs are made; later runs get the next one by the rule "highest + 1".
pub const NOW: u64 = 1_795_392_000;

/// A release and the journal that its runs share.
pub struct Rig {
    pub profile: Profile,
    pub sim: Arc<Sim>,
    pub journal: Arc<MemoryJournal>,
    pub cancel: Cancel,
    pub limits: Limits,
    pub components: BTreeSet<Component>,
    /// The table of versions.
    pub rows: &'static [Dialect],
    /// When the simulation began.
    pub began: tokio::time::Instant,
}

/// How one `create` ended.
#[derive(Debug)]
pub enum Ran {
    /// An earlier run's pause could not be repaired.
    NotRepaired,
    /// Preflight refused.
    Refused(Vec<Finding>),
    /// It ran.
    Driven(Box<Report>, Vec<Event>),
}

impl Ran {
    pub fn report(&self) -> &Report {
        match self {
            Ran::Driven(report, _) => report,
            other => panic!("expected a run, got {other:?}"),
        }
    }

    pub fn exit(&self) -> Exit {
        match self {
            Ran::NotRepaired => Exit::MaybePaused,
            Ran::Refused(findings) => Exit::of_findings(findings).expect("refused for a reason"),
            Ran::Driven(report, _) => Exit::of_report(report),
        }
    }

    pub fn is_complete(&self) -> bool {
        matches!(self, Ran::Driven(report, _) if report.outcome == Outcome::Complete)
    }
}

impl Rig {
    pub fn new(profile: Profile) -> Self {
        let sim = Sim::new(profile.clone());
        let components = sim.components().into_iter().collect();
        Self {
            profile,
            sim,
            journal: Arc::new(MemoryJournal::default()),
            cancel: Cancel::default(),
            limits: Limits::default(),
            components,
            rows: ROWS,
            began: tokio::time::Instant::now(),
        }
    }

    /// A successor: the same release and journal, nobody has asked it to stop.
    pub fn next(&self) -> Self {
        Self {
            profile: self.profile.clone(),
            sim: self.sim.clone(),
            journal: self.journal.clone(),
            cancel: Cancel::default(),
            limits: self.limits,
            components: self.components.clone(),
            rows: self.rows,
            began: self.began,
        }
    }

    pub fn http(&self, name: &str) -> Http {
        let transport: Arc<dyn Transport> = Arc::new(SimTransport::new(self.sim.clone(), name));
        Http::new(transport)
    }

    pub fn request(&self) -> BackupRequest {
        BackupRequest {
            components: self.components.clone(),
            repository: Some("camunda-backup".to_owned()),
            limits: self.limits,
            rows: self.rows,
            ..BackupRequest::default()
        }
    }

    /// Does what a run does first when its predecessor died.
    pub async fn repair(&self, name: &str) -> bool {
        let Some(left) = self.journal.armed() else { return true };
        let settle = Duration::from_secs(if left.answered { 1 } else { 30 });
        let brokers = self.components.iter().copied().filter(|c| matches!(c, Component::Broker(_)));
        let order = plan::release(&ROWS[0], brokers, None);
        let (events, _heard) = Events::channel();
        let released =
            release(&self.http(name), &order, self.limits.release, settle, &self.cancel, &events).await;
        if released.result.is_ok() {
            self.journal.disarm().await.expect("memory");
        }
        released.result.is_ok()
    }

    /// One `create`.
    pub async fn create(&self, name: &str) -> Ran {
        self.create_as(name, &self.request()).await
    }

    pub async fn create_as(&self, name: &str, request: &BackupRequest) -> Ran {
        if !self.repair(name).await {
            return Ran::NotRepaired;
        }
        let http = self.http(name);
        let facts = survey(&http, request, Scope::Preflight).await;
        let planned = plan::backup(request, &facts, NOW + self.sim.elapsed().as_secs());
        let findings = plan::preflight(request, &facts, &planned);
        let Ok(procedure) = planned else { return Ran::Refused(findings) };
        let Some(checked) = Checked::new(procedure, &findings) else { return Ran::Refused(findings) };
        let (events, mut heard) = Events::channel();
        let world = World {
            http,
            journal: self.journal.clone(),
            cancel: self.cancel.clone(),
            events,
            limits: self.limits,
            now: || "2026-11-23T00:00:00Z".to_owned(),
        };
        let report = drive(&world, &checked).await;
        drop(world);
        let mut all = Vec::new();
        while let Ok(event) = heard.try_recv() {
            all.push(event);
        }
        Ran::Driven(Box::new(report), all)
    }

    /// Everything that must be true after a run, whatever happened to it.
    pub fn assert_safe(&self, ran: &Ran, context: &str) {
        let armed = self.journal.armed().is_some();
        match ran {
            Ran::NotRepaired => assert!(armed, "{context}: not repaired, and the journal forgot it"),
            Ran::Refused(findings) => {
                assert!(findings.iter().any(|f| f.severity == Severity::Error), "{context}");
                assert!(!armed, "{context}: refused with an armed journal");
            }
            Ran::Driven(report, _) => {
                match &report.exporting {
                    Exporting::MaybePaused { .. } => {
                        assert!(armed, "{context}: maybe paused, but the journal is not armed");
                        assert_eq!(Exit::of_report(report), Exit::MaybePaused, "{context}");
                    }
                    Exporting::Untouched | Exporting::Resumed { .. } => {
                        assert!(!armed, "{context}: an armed journal after {report:?}");
                        assert!(
                            self.sim.exporting_runs(),
                            "{context}: exporting is {:?} after {report:?}",
                            self.sim.phases()
                        );
                    }
                }
                if report.outcome == Outcome::Complete {
                    self.assert_complete(report, context);
                }
            }
        }
        self.assert_order(context);
    }

    /// A backup that is called complete is complete by the servers' own state.
    pub fn assert_complete(&self, report: &Report, context: &str) {
        let parts = self.sim.parts(report.backup_id.get());
        for part in report.parts.iter().map(|p| p.part) {
            let state = parts.get(&part);
            assert_eq!(
                state,
                Some(&PartState::Completed),
                "{context}: {part} of a complete backup: {parts:?}"
            );
        }
    }

    /// The order of the guide, by the effects that the servers saw.
    pub fn assert_order(&self, context: &str) {
        let layout = self.profile.layout;
        let pause_first = layout.history.is_some();
        let relational = self.profile.is_relational();
        let mut paused = false;
        for exchange in self.sim.log() {
            let request = &exchange.request;
            if !exchange.outcome.effect || request.method == Method::Get {
                continue;
            }
            let path = &request.path;
            match self.part_started(request) {
                Some(_) if relational => assert!(!paused, "{context}: {path} in a pause"),
                Some(Part::Records | Part::Zeebe) => {
                    assert!(paused, "{context}: {path} while exporting was not paused");
                }
                Some(_) => assert_eq!(paused, pause_first, "{context}: {path}: is exporting paused?"),
                None if path.contains("/exporting/pause") => {
                    assert!(path.ends_with("soft=true"), "{context}: a hard pause");
                    assert!(!relational, "{context}: a pause that nobody needs");
                    paused = true;
                }
                None if path.contains("/exporting/resume") => paused = false,
                None => {}
            }
        }
    }

    fn part_started(&self, request: &camunda_backup::client::Request) -> Option<Part> {
        let path = request.path.as_str();
        let layout = &self.profile.layout;
        let history =
            layout.history.is_some_and(|(hosts, at)| hosts.contains(&request.component) && at == path);
        match (request.component, request.method) {
            (_, Method::Post) if history => Some(Part::History),
            (Component::Operate, Method::Post) => Some(Part::Operate),
            (Component::Tasklist, Method::Post) => Some(Part::Tasklist),
            (Component::Optimize, Method::Post) => Some(Part::Optimize),
            (Component::Gateway, Method::Post) if layout.partitions.contains(&path) => Some(Part::Zeebe),
            (Component::Search, Method::Put) => Some(Part::Records),
            _ => None,
        }
    }
}

/// Two virtual days: far above every limit of a run, so that reaching it means a hang.
pub async fn bounded<T>(context: &str, work: impl Future<Output = T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "a bound against hanging, in virtual time")]
    let done = tokio::time::timeout(Duration::from_secs(2 * 24 * 3600), work).await;
    done.unwrap_or_else(|_| panic!("{context}: hangs"))
}
