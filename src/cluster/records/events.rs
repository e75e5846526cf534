//! Events: what `kubectl describe service` and `kubectl events` show.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ObjectReference, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ListParams, ObjectMeta, PostParams};

use super::WRITE;
use crate::cluster::access::{Cluster, within};
use crate::cluster::error::Ask;
use crate::cluster::jobs::backup_cron_jobs;
use crate::cluster::names::{self, OURS};

/// The API's limit of a note.
const LONGEST_NOTE: usize = 1024;

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A backup begins.
    Started,
    /// A backup is complete.
    Complete,
    /// A backup failed; exporting runs.
    Failed,
    /// Exporting is paused.
    Paused,
    /// Exporting runs again.
    Resumed,
    /// A dead run had left exporting paused; it runs again.
    Repaired,
    /// Exporting may still be paused.
    StillPaused,
}

impl Occasion {
    /// The Event's reason: what people and alerts look for.
    pub fn reason(self) -> &'static str {
        match self {
            Occasion::Started => "BackupStarted",
            Occasion::Complete => "BackupComplete",
            Occasion::Failed => "BackupFailed",
            Occasion::Paused => "ExportingPaused",
            Occasion::Resumed => "ExportingResumed",
            Occasion::Repaired => "ExportingRepaired",
            Occasion::StillPaused => "ExportingStillPaused",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Occasion::Failed | Occasion::Repaired | Occasion::StillPaused => "Warning",
            Occasion::Started | Occasion::Complete | Occasion::Paused | Occasion::Resumed => "Normal",
        }
    }
}

/// Tells about one release, on its objects.
#[derive(Clone)]
pub struct EventLog {
    cluster: Cluster,
    about: Vec<ObjectReference>,
    instance: String,
    now: fn() -> Timestamp,
}

impl EventLog {
    /// About nothing yet. `instance` is who tells: the holder's identity.
    pub fn new(cluster: &Cluster, instance: &str, now: fn() -> Timestamp) -> Self {
        let instance = instance.chars().take(128).collect();
        Self { cluster: cluster.clone(), about: Vec::new(), instance, now }
    }

    /// About a Service.
    #[must_use]
    pub async fn on_service(mut self, namespace: &str, name: &str) -> Self {
        let api = self.cluster.api::<Service>(namespace);
        let found = within(WRITE, &Ask::one("get", "services", namespace, name), api.get(name)).await;
        // `kubectl describe` finds Events by the object's UID; without one they are still listed.
        let uid = found.ok().and_then(|o| o.metadata.uid);
        self.about.push(reference("v1", "Service", namespace, name, uid));
        self
    }

    /// About the `CronJob`s that take backups of a release, where some are installed. With a warning when they could not
    /// be looked for.
    #[must_use]
    pub async fn on_cron_jobs(mut self, namespace: &str, release: &str) -> (Self, Option<String>) {
        let api = self.cluster.api::<CronJob>(namespace);
        let params = ListParams::default().labels(&backup_cron_jobs(release));
        let listed = within(WRITE, &Ask::all("list", "cronjobs.batch", namespace), api.list(&params)).await;
        let problem = match listed {
            Ok(found) => {
                for object in found.items {
                    let name = object.metadata.name.unwrap_or_default();
                    self.about.push(reference("batch/v1", "CronJob", namespace, &name, object.metadata.uid));
                }
                None
            }
            Err(error) => Some(format!("no Events are written on the release's CronJob: {error}")),
        };
        (self, problem)
    }

    /// Tells it on all objects. What comes back is a warning.
    pub async fn tell(&self, occasion: Occasion, note: &str) -> Option<String> {
        let mut warning = None;
        for about in &self.about {
            let namespace = about.namespace.as_deref().unwrap_or_default();
            let api = self.cluster.api::<Event>(namespace);
            let event = self.event(occasion, note, about);
            let ask = Ask::all("create", "events.events.k8s.io", namespace);
            if let Err(error) = within(WRITE, &ask, api.create(&PostParams::default(), &event)).await {
                warning = Some(format!("the Event {} was not written: {error}", occasion.reason()));
            }
        }
        warning
    }

    fn event(&self, occasion: Occasion, note: &str, about: &ObjectReference) -> Event {
        let name = format!("{}.{}", about.name.as_deref().unwrap_or(OURS), names::random());
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            action: Some("Backup".to_owned()),
            event_time: Some(MicroTime((self.now)())),
            note: Some(cut(note, LONGEST_NOTE)),
            reason: Some(occasion.reason().to_owned()),
            regarding: Some(about.clone()),
            reporting_controller: Some(OURS.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(occasion.kind().to_owned()),
            ..Event::default()
        }
    }
}

fn reference(api: &str, kind: &str, namespace: &str, name: &str, uid: Option<String>) -> ObjectReference {
    ObjectReference {
        api_version: Some(api.to_owned()),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid,
        ..ObjectReference::default()
    }
}

/// At most so many bytes, ending with a whole character.
fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = (0..=longest.saturating_sub(3)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}...", &text[..end])
}
