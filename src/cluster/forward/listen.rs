//! The private socket.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::task::{AbortHandle, JoinSet};

use super::Target;
use super::bridge::bridge;
use super::notes::Notes;
use super::pods::Pods;
use crate::cluster::access::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::names;

/// The longest path of a socket that all systems take.
const LONGEST: usize = 100;
/// What the names of our directories begin with; [`names::random`] follows.
const PREFIX: &str = "camunda-backup-";
const SOCKET: &str = "http";

pub(super) struct Shared {
    pub pods: Pods,
    pub notes: Notes,
}

/// A way to one component. Ends, with all its connections, when it is dropped.
pub struct PodForward {
    shared: Arc<Shared>,
    place: Private,
    listener: AbortHandle,
}

impl PodForward {
    /// Makes the socket. Nothing is asked of the API server until something connects to it.
    pub fn open(cluster: &Cluster, target: Target) -> Result<Self, ClusterError> {
        let failed =
            |e: io::Error| ClusterError::Local(format!("no socket for the port-forward can be made: {e}"));
        let place = Private::new().map_err(failed)?;
        let listener = UnixListener::bind(&place.socket).map_err(failed)?;
        let shared = Arc::new(Shared { pods: Pods::new(cluster.clone(), target), notes: Notes::default() });
        let listener = tokio::spawn(serve(listener, shared.clone())).abort_handle();
        Ok(Self { shared, place, listener })
    }

    /// What the HTTP client connects to.
    pub fn socket(&self) -> &Path {
        &self.place.socket
    }

    /// The pod that is spoken to at the moment.
    pub fn pod(&self) -> Option<String> {
        self.shared.pods.current()
    }

    /// Why the last connection was refused or broke.
    pub fn last_problem(&self) -> Option<String> {
        self.notes().last()
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.shared.notes
    }
}

impl Drop for PodForward {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Each connection is a task of a set that ends with the listener.
async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((local, _)) => {
                let shared = shared.clone();
                connections.spawn(async move { bridge(&shared, local).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of the port-forward was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// A fresh directory that nobody else can enter, with a socket in it; removed when dropped. One that was left behind by a
/// killed process is removed by the next that makes one in the same place.
struct Private {
    directory: PathBuf,
    socket: PathBuf,
    /// Locked as long as this process lives, however it ends.
    _lock: fs::File,
}

impl Private {
    fn new() -> io::Result<Self> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = [runtime.filter(|p| p.is_absolute()), Some(std::env::temp_dir()), Some("/tmp".into())];
        let mut problem = io::Error::from(io::ErrorKind::NotFound);
        for place in places.into_iter().flatten() {
            let directory = place.join(format!("{PREFIX}{}", names::random()));
            let socket = directory.join(SOCKET);
            if socket.as_os_str().len() > LONGEST {
                continue;
            }
            // Fails when it exists: what somebody else made is not used.
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => match locked(&directory) {
                    Ok(lock) => {
                        remove_leftovers(&place, &lock);
                        return Ok(Self { directory, socket, _lock: lock });
                    }
                    // Some network file systems lock no directories.
                    Err(error) => {
                        let _ = fs::remove_dir(&directory);
                        problem = error;
                    }
                },
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }
}

fn locked(directory: &Path) -> io::Result<fs::File> {
    let lock = fs::File::open(directory)?;
    lock.try_lock()?;
    Ok(lock)
}

/// What is younger may not be locked yet.
const LEFTOVER: Duration = Duration::from_secs(60);

/// Removes what is named as ours, is older than `own`, belongs to its owner, and is locked by nobody. Others' problems are
/// not ours: what cannot be looked at or removed stays.
fn remove_leftovers(place: &Path, own: &fs::File) {
    let Ok(own) = own.metadata() else { return };
    let Ok(now) = own.modified() else { return };
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(names::is_random);
        // Not of what a link leads to.
        let Some(found) = ours.then(|| entry.metadata().ok()).flatten() else { continue };
        let old = found.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > LEFTOVER));
        if !(old && found.is_dir() && found.uid() == own.uid()) {
            continue;
        }
        let Ok(directory) = fs::File::open(entry.path()) else { continue };
        if directory.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path().join(SOCKET));
            let _ = fs::remove_dir(entry.path());
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What cannot be removed is an empty directory in a place that is cleared by others.
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_dir(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_has_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().expect("a folder");
        let make = |name: &str, age: u64| {
            let path = place.path().join(name);
            fs::create_dir(&path).expect("a folder");
            fs::write(path.join(SOCKET), "").expect("a file");
            let directory = fs::File::open(&path).expect("it is there");
            let made = directory.metadata().and_then(|made| made.modified()).expect("told");
            directory.set_modified(made - Duration::from_secs(age)).expect("ours");
            (path, directory)
        };
        let (dead, _) = make(&format!("{PREFIX}{}", names::random()), 120);
        let (alive, lock) = make(&format!("{PREFIX}{}", names::random()), 120);
        lock.lock().expect("nobody has it");
        let (young, _) = make(&format!("{PREFIX}{}", names::random()), 0);
        let (other, _) = make(&format!("{PREFIX}testbed"), 120);
        let (linked, _) = make("elsewhere", 120);
        let link = place.path().join(format!("{PREFIX}{}", names::random()));
        std::os::unix::fs::symlink(&linked, &link).expect("a link");

        remove_leftovers(place.path(), &fs::File::open(place.path()).expect("it is there"));
        assert!(!dead.exists());
        for stays in [alive, young, other, linked, link] {
            assert!(stays.join(SOCKET).exists(), "{}", stays.display());
        }
    }
}
