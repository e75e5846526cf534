//! `create --in-cluster`: a Job that takes the backup where no laptop and no network of ours can interrupt it. We only
//! watch: whoever stops watching changes nothing.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Parser as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Context;
use super::args::{Cli, CreateArgs, ReleaseArgs, Verb};
use super::create::{flags, quoted};
use super::reach::{Unreached, connect, connection, named, through_kubernetes};
use super::rights::Where;
use super::setup::{Usage, base_url};
use crate::cluster::rights::Command;
use crate::cluster::{
    Cluster, ClusterError, JobEnd, JobFromImage, JobLimits, JobSource, LimitsOf, StartedJob,
};
use crate::exit::Exit;
use crate::render::{Document, FollowedView, plain_lines};

/// Exit codes with which another run makes no sense: as the chart has it. A failed backup is taken again by `--retries` alone.
fn final_codes() -> Vec<u8> {
    let all = Exit::TABLE.iter().map(|(exit, _)| *exit);
    all.filter(|e| *e != Exit::Done && !e.is_worth_another_run()).map(Exit::code).collect()
}

/// How many pods a Job from an image may have, one after the other.
const PODS: u32 = 3;

/// When Kubernetes ends a Job from an image, in seconds: later than every limit of its own, as the chart has it. Each attempt
/// has its timeout, the time to resume, and ten minutes for what a failed one has begun; before the first a dead run may have
/// to be repaired, after the last there is pruning (half an hour); and all of it once for each pod.
fn deadline(args: &CreateArgs, pods: u32) -> u64 {
    let resume = args.resume_timeout.as_secs();
    let attempt = args.timeout.as_secs().saturating_add(resume).saturating_add(600);
    let attempts = attempt.saturating_mul(u64::from(args.retries) + 1);
    let pod = attempts.saturating_add(resume).saturating_add(1860);
    // The API has signed numbers.
    pod.saturating_mul(u64::from(pods)).min(u64::from(u32::MAX))
}

/// From SIGTERM to the end of a pod, in seconds: the time for resuming, and half a minute.
fn grace(args: &CreateArgs) -> u32 {
    u32::try_from(args.resume_timeout.as_secs().saturating_add(30)).unwrap_or(u32::MAX)
}

/// What Kubernetes has to give a Job from a `CronJob` with these arguments: the chart computes it from its own.
fn limits(container: &[String], pods: u32) -> Option<JobLimits> {
    let words = std::iter::once("camunda-backup").chain(container.iter().map(String::as_str));
    match Cli::try_parse_from(words).ok()?.verb {
        Verb::Create(args) => {
            Some(JobLimits { grace_seconds: grace(&args), deadline_seconds: deadline(&args, pods) })
        }
        _ => None,
    }
}

/// Whether something was typed that a Job's limits are computed from. Else they are as whoever installed it wants them.
fn asks_for_time(words: &[String]) -> bool {
    let flags = ["--timeout=", "--resume-timeout=", "--retries="];
    words.iter().any(|word| flags.iter().any(|flag| word.starts_with(flag)))
}

pub(crate) async fn run(context: &Context, args: CreateArgs) -> Exit {
    match started(context, &args).await {
        Ok((cluster, release, job)) => watch(context, &args, &cluster, &release, &job).await,
        Err(error) => error.tell(context),
    }
}

/// Starts the Job. Everything before that changes nothing.
async fn started(context: &Context, args: &CreateArgs) -> Result<(Cluster, String, StartedJob), Unreached> {
    let usage = |text: String| Err(Unreached::new(Exit::Usage, text));
    if !args.job.files.is_empty() {
        let files = args.job.files.join(", ");
        return usage(format!(
            "{files}: a Job cannot read files of this machine; configure it where the CronJob is installed"
        ));
    }
    without_credentials(&args.release)?;
    if !through_kubernetes(&args.release) {
        return usage(
            "--in-cluster needs a Kubernetes: no kubeconfig was found, or URLs were given".to_owned(),
        );
    }
    let cluster = connect(&args.release.kube).await?;
    match start(context, args, &cluster).await {
        Ok((release, job)) => Ok((cluster, release, job)),
        Err(mut error) => {
            if error.denied {
                let place = Where {
                    cluster: &cluster,
                    namespace: cluster.namespace(),
                    release: None,
                    name: args.release.kube.release.as_deref(),
                    search: false,
                    forward: false,
                    no_lease: false,
                };
                error.missing = place.missing(Command::CreateInCluster).await.unwrap_or_default();
            }
            Err(error)
        }
    }
}

/// What is typed becomes part of the Job, which many may read: an URL with a password in it must not get there.
fn without_credentials(release: &ReleaseArgs) -> Result<(), Usage> {
    let one = [
        ("--gateway-url (GATEWAY_MANAGEMENT_API)", &release.gateway_url),
        ("--operate-url (OPERATE_MANAGEMENT_API)", &release.operate_url),
        ("--tasklist-url (TASKLIST_MANAGEMENT_API)", &release.tasklist_url),
        ("--optimize-url (OPTIMIZE_MANAGEMENT_API)", &release.optimize_url),
        ("--search-url (ELASTIC_ENDPOINT)", &release.search_url),
    ];
    let brokers = release.broker_url.iter().map(|url| ("--broker-url (BROKER_MANAGEMENT_APIS)", url));
    let mut given = one.into_iter().filter_map(|(flag, url)| Some((flag, url.as_ref()?))).chain(brokers);
    given.try_for_each(|(flag, url)| base_url(url, flag).map(drop))
}

async fn start(
    context: &Context,
    args: &CreateArgs,
    cluster: &Cluster,
) -> Result<(String, StartedJob), Unreached> {
    let namespace = cluster.namespace().to_owned();
    let release = release(context, args, cluster, &namespace).await?;
    let source = source(args, cluster, &namespace, &release).await?;
    let mut words = args.job.typed.clone();
    // The one variable of the guide that is about this very backup.
    if let Some(id) = &args.backup_id
        && !words.iter().any(|w| w.starts_with("--backup-id="))
    {
        words.push(format!("--backup-id={id}"));
    }
    let limits = asks_for_time(&words).then_some(limits as LimitsOf);
    let job = cluster.start_job(&namespace, &release, &source, &words, limits).await?;
    let from = match &source {
        JobSource::CronJob(name) => format!("CronJob {name}"),
        JobSource::Image(image) => format!("image {}", image.image),
    };
    context.console.info(&format!("Job {} was started in namespace {namespace}, from {from}", job.name));
    Ok((release, job))
}

/// The release: as given, as the installed `CronJob` says, else looked for.
async fn release(
    context: &Context,
    args: &CreateArgs,
    cluster: &Cluster,
    namespace: &str,
) -> Result<String, Unreached> {
    if let Some(release) = args.release.kube.release.clone().filter(|r| !r.is_empty()) {
        return Ok(release);
    }
    match cluster.releases_with_cron_jobs(namespace).await?.as_slice() {
        [one] => Ok(one.clone()),
        [] => named(context, &args.release, cluster).await,
        several => {
            let question = "CronJobs for several releases are installed in this namespace:";
            super::choose(question, several).ok_or_else(|| {
                let text = format!("{question} {}; name one with --release", several.join(", "));
                Unreached::new(Exit::NotFound, text)
            })
        }
    }
}

async fn source(
    args: &CreateArgs,
    cluster: &Cluster,
    namespace: &str,
    release: &str,
) -> Result<JobSource, Unreached> {
    if let Some(image) = &args.job.image {
        return Ok(JobSource::Image(JobFromImage {
            image: image.clone(),
            service_account: args.job.service_account.clone(),
            grace_seconds: grace(args),
            deadline_seconds: deadline(args, PODS),
            retries: PODS - 1,
            final_codes: final_codes(),
        }));
    }
    if let Some(name) = &args.job.cron_job {
        return Ok(JobSource::CronJob(name.clone()));
    }
    let installed = cluster.backup_cron_jobs(namespace, release).await?;
    match installed.as_slice() {
        [one] => Ok(JobSource::CronJob(one.clone())),
        [] => Err(Unreached::new(
            Exit::NotFound,
            format!(
                "no CronJob for backups of release {release} is installed in namespace {namespace} (looked for the label camunda-backup/release={release}): install the chart, or give --image; nothing was started"
            ),
        )),
        several => Err(Unreached::new(
            Exit::NotFound,
            format!(
                "several CronJobs take backups of release {release}: {}; name one with --cron-job",
                several.join(", ")
            ),
        )),
    }
}

/// Follows the Job to its end, or until somebody has seen enough.
async fn watch(
    context: &Context,
    args: &CreateArgs,
    cluster: &Cluster,
    release: &str,
    job: &StartedJob,
) -> Exit {
    let console = &context.console;
    let follow = cluster.follow_job(job, |line| console.line(plain_lines(line)), |news| console.info(news));
    tokio::pin!(follow);
    let mut interrupts = interrupts();
    let mut stopped = false;
    let end = loop {
        tokio::select! {
            end = &mut follow => break end,
            Some(()) = interrupts.recv() => {
                if stopped {
                    return left(context, job, "not watched any more: it is closing");
                }
                // The log goes on while somebody thinks.
                let asking = asks_to_stop(context, &mut interrupts);
                tokio::pin!(asking);
                let answer = tokio::select! {
                    answer = &mut asking => answer,
                    end = &mut follow => break end,
                };
                if !answer {
                    return left(context, job, "not watched any more: it goes on");
                }
                if let Err(error) = cluster.stop_job(job).await {
                    console.problem(&format!("the Job could not be stopped: {error}; it goes on"));
                    continue;
                }
                stopped = true;
                console.info("the Job is being stopped: it resumes exporting first (Ctrl-C: do not wait for that)");
            }
        }
    };
    ended(context, args, cluster, release, job, end, stopped).await
}

/// Whether the Job is to be stopped. Only a terminal can say so.
async fn asks_to_stop(context: &Context, interrupts: &mut UnboundedReceiver<()>) -> bool {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return false;
    }
    context.console.line(
        "The backup goes on in the cluster. Type `stop` to end it, anything else (or Ctrl-C) to leave it running.".to_owned(),
    );
    let (answer, typed) = tokio::sync::oneshot::channel();
    // A thread of its own: reading from a terminal cannot be interrupted, and must not keep us from ending.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = answer.send(read.map(|_| line).unwrap_or_default());
    });
    tokio::select! {
        typed = typed => typed.is_ok_and(|t| t.trim() == "stop"),
        _ = interrupts.recv() => false,
    }
}

/// Ctrl-C, SIGTERM, SIGHUP: each one is an interruption of the watching, not of the backup.
fn interrupts() -> UnboundedReceiver<()> {
    let (sender, receiver) = unbounded_channel();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            if let Ok(mut stream) = signal(kind) {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while stream.recv().await.is_some() {
                        let _ = sender.send(());
                    }
                });
            }
        }
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.send(());
        }
    });
    receiver
}

fn view(job: &StartedJob) -> FollowedView {
    FollowedView {
        namespace: job.namespace.clone(),
        job: job.name.clone(),
        pod: None,
        exit_code: None,
        problem: None,
        running: false,
    }
}

/// Nobody watches any more, and how to go on watching.
fn left(context: &Context, job: &StartedJob, what: &str) -> Exit {
    let StartedJob { namespace, name, .. } = job;
    context.console.info(&format!("{what}; look with: kubectl -n {namespace} logs -f job/{name}"));
    context.print(&Document::Followed(&FollowedView { running: true, ..view(job) }));
    Exit::Cancelled
}

async fn ended(
    context: &Context,
    args: &CreateArgs,
    cluster: &Cluster,
    release: &str,
    job: &StartedJob,
    end: Result<JobEnd, ClusterError>,
    stopped: bool,
) -> Exit {
    let (view, known) = match end {
        Ok(JobEnd::Exited { code, pod }) => {
            let known = Exit::TABLE.iter().map(|(exit, _)| *exit).find(|e| i32::from(e.code()) == code);
            (FollowedView { pod: Some(pod), exit_code: Some(code), ..view(job) }, known)
        }
        Ok(JobEnd::Failed(problem)) => (FollowedView { problem: Some(problem), ..view(job) }, None),
        Err(error) => {
            let exit = left(context, job, &format!("it cannot be followed any more ({error})"));
            return context.fail(
                if exit == Exit::Cancelled { Exit::NoAccess } else { exit },
                "how it ends is not known",
            );
        }
    };
    let exit = match known {
        Some(exit) => exit,
        None => after_a_death(context, args, cluster, release, &job.namespace, stopped).await,
    };
    if let (None, Some(code)) = (known, view.exit_code) {
        context.console.warn(&format!(
            "its container ended with exit code {code}, which is none of ours: it was killed"
        ));
    }
    context.print(&Document::Followed(&view));
    exit
}

/// A Job without an exit code of ours did not close by itself: its Lease tells what it has left.
async fn after_a_death(
    context: &Context,
    args: &CreateArgs,
    cluster: &Cluster,
    release: &str,
    namespace: &str,
    stopped: bool,
) -> Exit {
    let armed = match cluster.lease_state(namespace, release).await {
        Ok(state) => state.is_some_and(|s| s.armed.is_some()),
        Err(error) => {
            context.console.warn(&format!("whether it has left exporting paused is not known: {error}"));
            true
        }
    };
    if !armed {
        return if stopped { Exit::Cancelled } else { Exit::Failed };
    }
    let command = format!(
        "{} resume --release {} -n {}{}",
        context.called,
        quoted(release),
        quoted(namespace),
        flags(&connection(&args.release, cluster))
    );
    context.console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{command}"));
    Exit::MaybePaused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_from_an_image_starts_again_as_the_charts_do() {
        let chart = include_str!("../../helm/camunda-backup/files/final-exit-codes.json");
        assert_eq!(final_codes(), serde_json::from_str::<Vec<u8>>(chart).expect("numbers"));
    }

    #[test]
    fn a_job_from_an_image_ends_after_all_its_own_limits() {
        let of = |words: &[&str]| {
            let cli = Cli::try_parse_from([&["x", "create"], words].concat()).expect("flags");
            let Verb::Create(args) = cli.verb else { panic!("create") };
            deadline(&args, PODS)
        };
        let words = ["--timeout=1h", "--resume-timeout=5m", "--retries=1"];
        assert_eq!(of(&words), 3 * (2 * (3600 + 300 + 600) + 300 + 1860));
        assert_eq!(
            of(&["--timeout=99h", "--retries=4000000"]),
            u64::from(u32::MAX),
            "the API has signed numbers"
        );
    }

    #[test]
    fn a_job_from_a_cron_job_has_the_time_that_is_typed_beside_what_the_chart_says() {
        let of = |words: &str| {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            limits(&words, 2).map(|l| (l.grace_seconds, l.deadline_seconds))
        };
        let chart = "create --timeout 1h --resume-timeout 5m --retries 1 --on-failure keep --keep-daily 7";
        assert_eq!(of(chart), Some((330, 2 * (2 * (3600 + 300 + 600) + 300 + 1860))));
        let typed = format!("{chart} --timeout=8h --resume-timeout=20m");
        assert_eq!(of(&typed), Some((1230, 2 * (2 * (28_800 + 1200 + 600) + 1200 + 1860))));
        // Of a chart that knows more than we do, nothing is computed.
        assert_eq!(of("create --from-the-future 1"), None);
        assert_eq!(of("verify"), None);
        assert!(asks_for_time(&["--retries=3".to_owned()]) && !asks_for_time(&["--backup-id=1".to_owned()]));
    }
}
