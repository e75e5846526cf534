//! `create --in-cluster`: a Job that takes the backup where no laptop and no network of ours can interrupt it. We only
//! watch: whoever stops watching changes nothing.

use std::io::{BufRead as _, IsTerminal as _};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Context;
use super::args::CreateArgs;
use super::reach::{Unreached, connect, named, through_kubernetes};
use super::rights::Where;
use crate::cluster::rights::Command;
use crate::cluster::{Cluster, ClusterError, JobEnd, JobFromImage, JobSource, StartedJob};
use crate::exit::Exit;
use crate::render::{Document, FollowedView, plain_lines};

/// Exit codes with which another run makes no sense.
const FINAL: [Exit; 6] =
    [Exit::Usage, Exit::NotFound, Exit::Unsupported, Exit::NoAccess, Exit::Preflight, Exit::Held];

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
    let job = cluster.start_job(&namespace, &release, &source, &words).await?;
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
        // From SIGTERM to the end: the time for resuming, and half a minute.
        let grace = args.resume_timeout.as_secs().saturating_add(30);
        return Ok(JobSource::Image(JobFromImage {
            image: image.clone(),
            service_account: args.job.service_account.clone(),
            grace_seconds: u32::try_from(grace).unwrap_or(u32::MAX),
            retries: 2,
            final_codes: FINAL.iter().map(|e| e.code()).collect(),
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
    let mut command = format!("{} resume --release {release} -n {namespace}", context.called);
    if let Some(name) = &args.release.kube.context {
        command = format!("{command} --context {name}");
    }
    context.console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{command}"));
    Exit::MaybePaused
}
