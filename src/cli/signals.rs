//! Signals: each one raises the level of cancellation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Context;
use super::console::Console;
use super::guard::Guard;
use crate::exit::Exit;
use crate::run::{Cancel, Level};

/// What the third signal must know.
#[derive(Clone, Default)]
pub(crate) struct Danger {
    /// Exporting is, or may be, paused by us.
    pub armed: Arc<AtomicBool>,
    /// The guard process, which goes on when we leave.
    pub guard: Arc<Mutex<Option<Guard>>>,
    repair: Arc<Mutex<String>>,
}

impl Danger {
    /// From now on this one goes on when we leave.
    pub fn guarded_by(&self, guard: Option<Guard>) {
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = guard;
    }

    /// The command that resumes exporting, once it is known where.
    pub fn repaired_by(&self, command: &str) {
        command.clone_into(&mut self.repair.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// That command.
    pub fn repair(&self) -> String {
        self.repair.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The guard, if there is one.
    pub fn guard(&self) -> Option<Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Listens for SIGINT, SIGTERM and SIGHUP (elsewhere: Ctrl-C) from now on.
///
/// Call it before anything else: as process 1 of a container, a process without a handler ignores SIGTERM.
pub(crate) fn listen(context: &Context) -> (Cancel, Danger) {
    let (cancel, danger) = (Cancel::default(), Danger::default());
    danger.repaired_by(&format!("{} resume", context.called));
    let console = &context.console;
    // A verb listens once.
    let _ = context.danger.set(danger.clone());
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let ignored = ignored();
        for kind in kinds {
            // `nohup` and a shell's `&` mean it: a handler would undo what they set.
            if kind != SignalKind::terminate() && is_in(ignored, kind.as_raw_value()) {
                continue;
            }
            match signal(kind) {
                Ok(mut stream) => {
                    let (cancel, danger, console) = (cancel.clone(), danger.clone(), console.clone());
                    tokio::spawn(async move {
                        while stream.recv().await.is_some() {
                            heard(&cancel, &danger, &console);
                        }
                    });
                }
                Err(error) => console.warn(&format!("a signal cannot be listened to: {error}")),
            }
        }
        // Ctrl-Z would freeze us with exporting paused, and a frozen process looks alive to its guard.
        let stop = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        if let Ok(mut stream) = signal(stop) {
            let console = console.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    console.warn(
                        "not stopped: a stopped run could leave exporting paused; use Ctrl-C to end it",
                    );
                }
            });
        }
    }
    #[cfg(not(unix))]
    {
        let (cancel, danger, console) = (cancel.clone(), danger.clone(), console.clone());
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                heard(&cancel, &danger, &console);
            }
        });
    }
    (cancel, danger)
}

fn heard(cancel: &Cancel, danger: &Danger, console: &Console) {
    let armed = danger.armed.load(Ordering::SeqCst);
    match cancel.raise() {
        Level::None => {}
        Level::Asked if armed => {
            console.warn("stopping: nothing more is started, exporting is resumed first (again: hurry; a third time: leave at once)");
        }
        Level::Asked => {
            console.warn("stopping: nothing more is started (again: hurry; a third time: leave at once)");
        }
        Level::Insisted => console.warn("hurrying (a third time: leave at once)"),
        Level::Abandoned => {
            let exit = if armed { Exit::MaybePaused } else { Exit::Cancelled };
            if armed && danger.guard().is_some_and(|g| g.is_alive()) {
                console.warn("leaving at once; the guard process goes on resuming exporting");
            }
            if armed {
                console.last_words(&format!(
                    "EXPORTING MAY STILL BE PAUSED. Resume it with:\n{}",
                    danger.repair()
                ));
            }
            console.finish();
            leave(exit);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the third signal means: at once, past every tail; the journal stays armed"
)]
fn leave(exit: Exit) -> ! {
    std::process::exit(i32::from(exit.code()))
}

/// The signals that whoever started us has us ignore. Linux tells; elsewhere we hear all of them.
#[cfg(unix)]
fn ignored() -> u64 {
    std::fs::read_to_string("/proc/self/status").ok().and_then(|status| mask(&status)).unwrap_or_default()
}

#[cfg(unix)]
fn mask(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(unix)]
fn is_in(mask: u64, signal: i32) -> bool {
    u32::try_from(signal - 1).is_ok_and(|bit| bit < 64 && mask >> bit & 1 == 1)
}

/// The guard hears signals, and goes on: it ends by itself when its work or its budget is done.
#[cfg(unix)]
pub(crate) fn ignore() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // Once listened to, a signal does not end the process any more; nobody has to read it.
        drop(signal(kind)?);
    }
    Ok(())
}

/// There are no such signals.
#[cfg(not(unix))]
pub(crate) fn ignore() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_ignores_is_read_as_the_kernel_writes_it() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        let mask = mask(status).expect("a mask");
        // SIGHUP is 1, SIGPIPE 13.
        assert!(is_in(mask, 1) && is_in(mask, 13));
        assert!(!is_in(mask, 2) && !is_in(mask, 15) && !is_in(mask, 0));
        assert_eq!(super::mask("Name:\tx"), None);
    }
}
