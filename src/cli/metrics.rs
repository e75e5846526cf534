//! The numbers of a run go out: to a file for a collector, to a gateway. What fails here is said, and changes nothing.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use url::Url;

use super::Context;
use super::args::ReleaseArgs;
use super::reach::through_kubernetes;
use super::setup::{Setup, base_url};
use crate::catalogue::{Set, SetState, newest_complete};
use crate::client::{Endpoint, http_client};
use crate::exit::Exit;
use crate::model::BackupId;
use crate::render::{LAST_COMPLETE, LAST_SUCCESS, RunMetrics, metrics, sample_labels};
use crate::run::{Armed, Outcome, Report};

/// How long a gateway may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Where the numbers go.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsArgs {
    /// Write the numbers of the run to this file at its end, for `node_exporter`'s textfile collector
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_METRICS_FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Send them to this Pushgateway, such as `http://pushgateway:9091`
    #[arg(long, value_name = "URL", env = "CAMUNDA_BACKUP_METRICS_PUSH_URL", value_parser = gateway)]
    pub metrics_push_url: Option<Url>,
}

fn gateway(text: &str) -> Result<Url, String> {
    base_url(text, "--metrics-push-url (CAMUNDA_BACKUP_METRICS_PUSH_URL)").map_err(|e| e.to_string())
}

/// What a verb notes down for the end.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    labels: Vec<(&'static str, String)>,
    report: Option<Report>,
    sets: Option<BTreeMap<BackupId, SetState>>,
    /// When the newest complete backup was taken: Unix seconds.
    last_complete: Option<u64>,
    /// Since when exporting is paused by a run: Unix seconds; 0 when it is not.
    paused_since: Option<u64>,
}

impl Notes {
    fn change(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Which release was asked for: what fails before it is found belongs to it, too.
    pub fn asked_for(&self, release: &ReleaseArgs) {
        let kube = &release.kube;
        let labels = if through_kubernetes(release) {
            let given = [("namespace", kube.namespace.clone()), ("release", kube.release.clone())];
            given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        } else {
            // Not the text: a password may be in what is no URL for us.
            let url = release.gateway_url.as_deref().and_then(|text| base_url(text, "").ok());
            url.map(|url| ("release", url.to_string())).into_iter().collect()
        };
        self.change(|noted| noted.labels = labels);
    }

    /// Which release it is.
    pub fn about(&self, setup: &Setup) {
        let labels = match &setup.kubernetes {
            Some(found) => {
                vec![("namespace", found.release.namespace.clone()), ("release", found.release.name.clone())]
            }
            None => vec![("release", setup.need_gateway().map(ToString::to_string).unwrap_or_default())],
        };
        self.change(|noted| noted.labels = labels);
    }

    /// The last attempt at a backup.
    pub fn report(&self, report: &Report) {
        let complete = (report.outcome == Outcome::Complete).then(super::now_unix);
        self.change(|noted| {
            noted.report = Some(report.clone());
            noted.last_complete = complete.or(noted.last_complete);
        });
    }

    /// What the journal says of exporting, or would say after a repair.
    pub fn paused_since(&self, armed: Option<&Armed>) {
        let since = armed.map_or(Some(0), |armed| armed.since.parse().ok().and_then(unix));
        self.change(|noted| noted.paused_since = since);
    }

    /// Which backups there are.
    pub fn sets(&self, sets: &[Set]) {
        let newest = newest_complete(sets).and_then(|s| s.ended.or(s.started)).and_then(unix);
        let sets = sets.iter().map(|s| (s.id, s.state)).collect();
        self.change(|noted| {
            noted.sets = Some(sets);
            noted.last_complete = newest.or(noted.last_complete);
        });
    }

    /// One of them was deleted.
    pub fn gone(&self, id: BackupId) {
        self.change(|noted| {
            if let Some(sets) = &mut noted.sets {
                sets.remove(&id);
            }
        });
    }
}

fn unix(at: Timestamp) -> Option<u64> {
    u64::try_from(at.as_second()).ok()
}

/// The numbers of one verb, and where they go.
pub(crate) struct Numbers<'a> {
    context: &'a Context,
    verb: &'static str,
    to: MetricsArgs,
}

impl<'a> Numbers<'a> {
    /// Before the verb runs. One that changes nothing leaves no numbers.
    pub fn of(
        context: &'a Context,
        verb: &'static str,
        to: &MetricsArgs,
        release: &ReleaseArgs,
        dry_run: bool,
    ) -> Self {
        context.notes.asked_for(release);
        Self { context, verb, to: if dry_run { MetricsArgs::default() } else { to.clone() } }
    }

    /// After it: writes and sends what was noted, where that was asked for. Gives back how it ended.
    pub async fn tell(self, exit: Exit) -> Exit {
        if self.to.metrics_file.is_some() || self.to.metrics_push_url.is_some() {
            tell(self.context, self.verb, &self.to, exit).await;
        }
        exit
    }
}

async fn tell(context: &Context, verb: &str, args: &MetricsArgs, exit: Exit) {
    let noted = std::mem::take(&mut *context.notes.0.lock().unwrap_or_else(PoisonError::into_inner));
    let counts = noted.sets.map(|sets| {
        sets.values().fold(BTreeMap::new(), |mut counts, state| {
            *counts.entry(*state).or_default() += 1;
            counts
        })
    });
    let now = super::now_unix();
    let page = |last_success, last_complete| {
        metrics(&RunMetrics {
            verb,
            labels: &noted.labels,
            exit_code: exit.code(),
            ended: now,
            last_success,
            last_complete,
            paused_since: noted.paused_since,
            report: noted.report.as_ref(),
            sets: counts.as_ref(),
        })
    };
    let success = (exit == Exit::Done).then_some(now);
    if let Some(file) = &args.metrics_file {
        let old = std::fs::read_to_string(file).unwrap_or_default();
        let kept = |now: Option<u64>, name| now.or_else(|| before(&old, name, &noted.labels, verb));
        let page = page(kept(success, LAST_SUCCESS), kept(noted.last_complete, LAST_COMPLETE));
        if let Err(error) = replace(file, &page) {
            context.console.warn(&format!(
                "the metrics could not be written to {}: {error}; the run itself is as it says",
                file.display()
            ));
        }
    }
    if let Some(url) = &args.metrics_push_url
        && let Err(error) = push(url, verb, &noted.labels, page(success, noted.last_complete)).await
    {
        context
            .console
            .warn(&format!("the metrics could not be sent to {url}: {error}; the run itself is as it says"));
    }
}

/// A collector that reads meanwhile sees the old file or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // A collector takes `*.prom` alone, so half a file is never one of them.
    let new = file.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::File::create(&new).and_then(|mut out| {
        out.write_all(text.as_bytes())?;
        out.sync_all()
    });
    let done = written.and_then(|()| std::fs::rename(&new, file));
    if done.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    done
}

/// What the file that was there says of a time, where the same verb wrote it for the same release. A run that does not know
/// its release takes what the verb has left.
fn before(text: &str, name: &str, release: &[(&str, String)], verb: &str) -> Option<u64> {
    let labels = sample_labels(release, verb);
    let same = |line: &&str| match release {
        [] => line.starts_with(name) && line.contains(&labels),
        _ => line.starts_with(&format!("{name}{{{labels}}} ")),
    };
    text.lines().find(same)?.rsplit(' ').next()?.parse().ok()
}

/// POST: what the group has and this page has not, such as the last success before a failure, stays.
async fn push(base: &Url, verb: &str, labels: &[(&str, String)], page: String) -> Result<(), String> {
    let mut url = base.clone();
    url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), group(verb, labels)));
    let client = http_client(&Endpoint::plain(url.clone()))?;
    let sent = client.post(url).timeout(LIMIT).header("content-type", "text/plain; version=0.0.4").body(page);
    let answer = sent.send().await.map_err(|e| crate::client::causes(&e.without_url()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = answer.text().await.unwrap_or_default();
    Err(format!("HTTP {}: {}", status.as_u16(), body.chars().take(300).collect::<String>()))
}

/// The path of a group. A value that is no path segment goes in base64, as the Pushgateway takes it.
fn group(verb: &str, labels: &[(&str, String)]) -> String {
    use std::fmt::Write as _;
    let mut path = "/metrics/job/camunda-backup".to_owned();
    for (name, value) in labels.iter().map(|(n, v)| (*n, v.as_str())).chain([("verb", verb)]) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let _ = if !value.is_empty() && value.chars().all(plain) {
            write!(path, "/{name}/{value}")
        } else {
            write!(path, "/{name}@base64/{}", base64url(value))
        };
    }
    path
}

/// RFC 4648, section 5, with padding; an empty value is one `=`.
fn base64url(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if text.is_empty() {
        return "=".to_owned();
    }
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = (bits >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { char::from(DIGITS[digit as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_paths() {
        let labels = [("namespace", "prod".to_owned()), ("release", "http://h/".to_owned())];
        assert_eq!(
            group("create", &labels),
            "/metrics/job/camunda-backup/namespace/prod/release@base64/aHR0cDovL2gv/verb/create"
        );
        assert_eq!(base64url("ab"), "YWI=");
        assert_eq!(base64url("a"), "YQ==");
        assert_eq!(base64url(""), "=");
    }

    #[test]
    fn the_file_is_replaced_and_keeps_the_last_success() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("camunda.prom");
        let page = format!(
            "# HELP {LAST_SUCCESS} x\n{LAST_SUCCESS}{{release=\"blue\",verb=\"create\"}} 1795421750\n"
        );
        replace(&file, &page).expect("written");
        let text = std::fs::read_to_string(&file).expect("there");
        let blue = [("release", "blue".to_owned())];
        assert_eq!(before(&text, LAST_SUCCESS, &blue, "create"), Some(1_795_421_750));
        assert_eq!(before(&text, LAST_SUCCESS, &[], "create"), Some(1_795_421_750));
        assert_eq!(before(&text, LAST_SUCCESS, &blue, "verify"), None);
        assert_eq!(before(&text, LAST_SUCCESS, &[("release", "green".to_owned())], "create"), None);
        assert_eq!(before(&text, LAST_COMPLETE, &blue, "create"), None);
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1, "nothing else is left");
        assert!(replace(&folder.path().join("no/such/folder.prom"), "").is_err());
    }
}
