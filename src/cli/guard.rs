//! The guard: a small process that outlives a run, and resumes exporting when the run dies.
//!
//! The run starts it before it pauses and holds its standard input open. The first line there is an order; `done` ends
//! it. The end of the input without `done` means that the run is dead, however it died: the kernel closes the pipe. The
//! guard then takes the lock, which the kernel has freed as well, and does what the journal says.
//!
//! A run that is frozen (stopped, or stuck in the kernel) closes no pipe. So it says `armed` when it arms and `disarmed`
//! when that is over, and one that is armed for longer than all its limits together is ended first.
//!
//! It sits in a session of its own, so that nothing that is sent to the run's terminal or process group reaches it.

use std::io::{self, BufRead as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::args::ReleaseArgs;
use super::chronicle::{Chronicle, note_death};
use super::console::{Console, LogFormat};
use super::lock::{Lock, NotOpened, open};
use super::reach::reach;
use super::repair::repair;
use super::rights::Needs;
use super::setup::Setup;
use crate::cluster;
use crate::exit::Exit;
use crate::plan::Limits;
use crate::render::Style;
use crate::run::{Armed, Cancel, Level};

/// How much longer than its limits a run may take: requests run to their own deadlines, and a late pause is watched for.
const MARGIN: Duration = Duration::from_secs(120);

/// How long a guard may take until it is ready: it finds the release as its run has done.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// How long a guard that is told to end may take.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// What the run tells its guard. Secrets are not in it: they are in the files and variables that it names.
#[derive(Clone, Serialize, Deserialize)]
struct Order {
    release: ReleaseArgs,
    /// Who the run is in the Lease, which its guard inherits.
    identity: Option<String>,
    /// The run's process.
    run: u32,
    budget_seconds: u64,
    /// After how long with an armed journal the run counts as frozen.
    overdue_seconds: u64,
    json: bool,
    /// The command that repairs, should the guard fail.
    repair: String,
}

/// The run's end of the guard. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guard {
    order: Arc<Order>,
    process: Arc<Mutex<Process>>,
}

struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    armed: bool,
}

impl Guard {
    /// Starts the guard, and returns when it is ready to outlive us. The error is one sentence.
    ///
    /// It looks for the release itself, which may take a while and run a credential plugin that waits for somebody: until
    /// then signs of life go on and signals are heard.
    pub async fn start(
        release: &ReleaseArgs,
        identity: Option<String>,
        limits: &Limits,
        json: bool,
        repair: &str,
        cancel: &Cancel,
    ) -> Result<Self, String> {
        let order = Order {
            release: Setup::of_zeebe(release),
            identity,
            run: std::process::id(),
            budget_seconds: limits.release.as_secs().max(1),
            overdue_seconds: (limits.paused + limits.release + MARGIN).as_secs(),
            json,
            repair: repair.to_owned(),
        };
        let (mut child, pipes) = spawn()?;
        let words = order.clone();
        let greeting = tokio::task::spawn_blocking(move || greet(pipes, &words));
        tokio::pin!(greeting);
        let ready = tokio::select! {
            ready = &mut greeting => ready.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())),
            () = cancel.reached(Level::Asked) => Err(io::Error::other("asked to stop")),
            () = tokio::time::sleep(READY_WITHIN) => {
                Err(io::Error::other(format!("it was not ready within {} s", READY_WITHIN.as_secs())))
            }
        };
        let process = match ready {
            Ok(stdin) => Process { child, stdin: Some(stdin), armed: false },
            Err(error) => return Err(failed(&mut child, &error)),
        };
        Ok(Self { order: Arc::new(order), process: Arc::new(Mutex::new(process)) })
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        matches!(self.process().child.try_wait(), Ok(None))
    }

    /// A resume is due from now on, or is not any more.
    pub fn armed(&self, armed: bool) {
        let mut process = self.process();
        process.armed = armed;
        process.say(if armed { ARMED } else { DISARMED });
    }

    /// Another one in place of one that ended. Takes as long as a start.
    fn restart(&self) -> Result<(), String> {
        let fresh = Process::start(&self.order)?;
        let mut process = self.process();
        let armed = process.armed;
        // Dismissed while we were at it: then nobody wants this one either.
        let wanted = process.stdin.is_some();
        let mut other = std::mem::replace(&mut *process, fresh);
        process.armed = armed;
        if !wanted {
            process.dismiss();
        } else if armed {
            process.say(ARMED);
        }
        let _ = other.child.try_wait();
        Ok(())
    }

    /// Looks after the guard until it is aborted: a run whose guard was killed is a run without one.
    pub async fn look_after(self, console: Console) {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if self.is_alive() {
                continue;
            }
            console.warn("the guard process has ended: starting another one");
            let guard = self.clone();
            match tokio::task::spawn_blocking(move || guard.restart()).await {
                Ok(Ok(())) => console.info("a new guard process watches over this run"),
                Ok(Err(error)) => {
                    console.warn(&format!("there is no guard process at the moment: {error}"));
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                Err(_) => return,
            }
        }
    }

    /// The run ends in an orderly way: the guard is not needed any more.
    pub fn dismiss(&self) {
        self.process().dismiss();
    }
}

/// The ends of a guard's input and output.
type Pipes = (ChildStdin, ChildStdout);

fn spawn() -> Result<(Child, Pipes), String> {
    let own = std::env::current_exe().map_err(|e| format!("the program's own file cannot be found: {e}"))?;
    let mut child = Command::new(own)
        .arg("guard-process")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|e| format!("the guard process cannot be started: {e}"))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok((child, (stdin, stdout))),
        _ => Err(failed(&mut child, &io::ErrorKind::BrokenPipe.into())),
    }
}

/// Gives the order, and waits until the guard is ready.
fn greet((mut stdin, stdout): Pipes, order: &Order) -> io::Result<ChildStdin> {
    serde_json::to_writer(&stdin, order)?;
    stdin.write_all(b"\n")?;
    let mut ready = String::new();
    io::BufReader::new(stdout).read_line(&mut ready)?;
    if ready.trim() == "ready" { Ok(stdin) } else { Err(io::Error::other(ready.trim().to_owned())) }
}

/// Ends a guard that is of no use, and says why it is.
fn failed(child: &mut Child, error: &io::Error) -> String {
    let _ = child.kill();
    let _ = child.wait();
    format!("the guard process does not work: {error}")
}

impl Process {
    fn start(order: &Order) -> Result<Self, String> {
        let (mut child, pipes) = spawn()?;
        match greet(pipes, order) {
            Ok(stdin) => Ok(Self { child, stdin: Some(stdin), armed: false }),
            Err(error) => Err(failed(&mut child, &error)),
        }
    }

    /// A line fits into the pipe even when nobody reads it. A guard that is gone is found by looking.
    fn say(&mut self, word: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(format!("{word}\n").as_bytes());
        }
    }

    fn dismiss(&mut self) {
        self.say(DONE);
        self.stdin = None;
        let give_up = Instant::now() + LEAVES_WITHIN;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= give_up {
                // Frozen, most likely. It must not keep us.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

const ARMED: &str = "armed";
const DISARMED: &str = "disarmed";
const DONE: &str = "done";

/// How the guard's wait ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Dismissed,
    /// The kernel closed the pipe.
    Died,
    /// Armed for longer than its limits allow: frozen.
    Overdue,
}

fn wait(heard: &Receiver<String>, limit: Duration) -> End {
    let mut overdue_at: Option<Instant> = None;
    loop {
        let next = match overdue_at {
            None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => heard.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        match next.as_deref() {
            Ok(DONE) => return End::Dismissed,
            Ok(ARMED) => {
                overdue_at.get_or_insert_with(|| Instant::now() + limit);
            }
            Ok(DISARMED) => overdue_at = None,
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return End::Died,
            Err(RecvTimeoutError::Timeout) => return End::Overdue,
        }
    }
}

/// Ends a run that is frozen, which frees its lock. Only while it is our parent: a number may be somebody else's later.
#[cfg(unix)]
fn end_run(run: u32) -> Result<(), String> {
    use rustix::process::{Pid, Signal, getppid, kill_process};
    let run = i32::try_from(run).ok().and_then(Pid::from_raw);
    match run {
        Some(run) if getppid() == Some(run) => {
            kill_process(run, Signal::KILL).map_err(|e| format!("it cannot be ended: {e}"))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn end_run(_run: u32) -> Result<(), String> {
    Err("it must be ended by hand".to_owned())
}

/// The guard itself.
pub(crate) fn main() -> Exit {
    // Read by a thread, because a frozen run neither says anything nor closes the pipe.
    let (sender, heard) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let order = heard.recv().ok().and_then(|l| serde_json::from_str::<Order>(&l).ok());
    let Some(order) = order else {
        let _ = writeln!(io::stderr(), "error: guard-process is started by camunda-backup itself");
        return Exit::Usage;
    };
    #[cfg(unix)]
    if let Err(error) = rustix::process::setsid() {
        let _ = writeln!(io::stderr(), "error: the guard cannot leave its session: {error}");
        return Exit::Bug;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: the guard's runtime cannot start: {error}");
            return Exit::Bug;
        }
    };
    // Who ends the run with a signal to all its processes must not end its guard first: deaf from the beginning.
    let deaf = {
        let _context = runtime.enter();
        super::signals::ignore()
    };
    if let Err(error) = deaf {
        let _ = writeln!(io::stderr(), "warning: the guard cannot ignore a signal: {error}");
    }
    // Everything that can fail is done now, while somebody is there to hear of it.
    let setup =
        match runtime.block_on(reach(None, &order.release, Needs::late(cluster::rights::Command::Resume))) {
            Ok(setup) => setup,
            Err(error) => {
                let _ = writeln!(io::stdout(), "{}", error.text.replace('\n', " "));
                return error.exit;
            }
        };
    if writeln!(io::stdout(), "ready").and_then(|()| io::stdout().flush()).is_err() {
        return Exit::Bug;
    }
    let end = wait(&heard, Duration::from_secs(order.overdue_seconds));
    if end == End::Dismissed {
        return Exit::Done;
    }
    let format = if order.json { LogFormat::Json } else { LogFormat::Text };
    let console = Console::start(format, 0, Style { color: false });
    if end == End::Overdue {
        console.warn(&format!(
            "guard: process {} has had exporting paused for longer than its limits allow: ending it",
            order.run
        ));
        if let Err(error) = end_run(order.run) {
            console.problem(&format!("guard: process {} hangs, and {error}", order.run));
        }
    }
    let exit = runtime.block_on(take_over(&order, &setup, &console));
    console.finish();
    exit
}

async fn take_over(order: &Order, setup: &Setup, console: &Console) -> Exit {
    let give_up = Instant::now() + Duration::from_secs(order.budget_seconds);
    let mut told = false;
    let opened = loop {
        match open(setup, "guard", order.identity.clone(), console).await {
            // Whoever holds the release now repairs it before anything else; but it may die over it.
            Err(NotOpened::Held(text)) if Instant::now() < give_up => {
                if !told {
                    console.info(&format!("guard: waiting: {text}"));
                    told = true;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            opened => break opened,
        }
    };
    let journal = match opened {
        Ok(journal) => journal,
        Err(NotOpened::Held(text)) => {
            console.warn(&format!("guard: leaving the release to its holder: {text}"));
            return Exit::Held;
        }
        Err(NotOpened::Unusable(error)) => {
            console.error(Exit::MaybePaused.code(), &format!("guard: {error}"));
            console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{}", order.repair));
            return Exit::MaybePaused;
        }
    };
    let chronicle = Chronicle::of(setup, journal.identity(), console);
    let exit = match journal.armed() {
        Some(armed) => {
            let (resumed, ()) = tokio::join!(
                resume(order, setup, &journal, &armed, console),
                note_death(setup.kubernetes.as_ref(), &armed, console),
            );
            match &resumed {
                Ok(()) => chronicle.repaired(&armed.since),
                Err(cause) => chronicle.still_paused(cause, &order.repair),
            }
            resumed.map_or(Exit::MaybePaused, |()| Exit::Done)
        }
        None => Exit::Done,
    };
    journal.finish().await;
    chronicle.finish().await;
    exit
}

async fn resume(
    order: &Order,
    setup: &Setup,
    journal: &Lock,
    armed: &Armed,
    console: &Console,
) -> Result<(), String> {
    console.warn(&format!(
        "guard: the run died while exporting was paused (since {}): resuming it",
        armed.since
    ));
    let budget = Duration::from_secs(order.budget_seconds);
    let brokers = setup.broker_components();
    let left = journal.left();
    let cancel = Cancel::default();
    let released =
        repair(&setup.http, &brokers, Some(journal), &left, budget, &cancel, console, "guard: ").await;
    match released.result {
        Ok(seen) => {
            console.info(&format!("guard: exporting runs again ({})", super::repair::seen(&seen)));
            Ok(())
        }
        Err(cause) => {
            console.error(Exit::MaybePaused.code(), &format!("guard: {cause}"));
            console.last_words(&format!("EXPORTING MAY STILL BE PAUSED. Resume it with:\n{}", order.repair));
            Err(cause)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const NEVER: Duration = Duration::from_secs(3600);

    fn after(words: &[&str], limit: Duration, closed: bool) -> End {
        let (sender, heard) = channel();
        for word in words {
            sender.send((*word).to_owned()).expect("the receiver is there");
        }
        let _open = (!closed).then_some(sender);
        wait(&heard, limit)
    }

    #[test]
    fn a_frozen_run_is_overdue_only_while_it_is_armed() {
        assert_eq!(after(&[ARMED], SOON, false), End::Overdue);
        // Armed once more, with the answer noted, is the same pause.
        assert_eq!(after(&[ARMED, ARMED], SOON, false), End::Overdue);
        assert_eq!(after(&[ARMED, DISARMED], SOON, true), End::Died);
        assert_eq!(after(&[ARMED], NEVER, true), End::Died);
        assert_eq!(after(&[], SOON, true), End::Died);
        assert_eq!(after(&[ARMED, DONE], NEVER, true), End::Dismissed);
        assert_eq!(after(&[DONE], NEVER, false), End::Dismissed);
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_is_not_the_parent_is_left_alone() {
        let mut other = Command::new("sleep").arg("60").spawn().expect("sleep");
        assert_eq!(end_run(other.id()), Ok(()));
        assert!(matches!(other.try_wait(), Ok(None)), "it lives");
        other.kill().expect("ours");
        other.wait().expect("ended");
    }

    #[cfg(unix)]
    #[test]
    fn a_guard_that_is_stopped_does_not_keep_the_run() {
        let mut child = Command::new("sleep").arg("600").stdin(Stdio::piped()).spawn().expect("sleep");
        let stdin = child.stdin.take();
        let mut process = Process { child, stdin, armed: true };
        let began = Instant::now();
        process.dismiss();
        assert!(began.elapsed() < LEAVES_WITHIN * 3);
        assert!(!matches!(process.child.try_wait(), Ok(None)), "it ended");
    }
}
