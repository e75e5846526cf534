//! The private socket.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// A fresh directory that nobody else can enter, with a socket in it; removed when dropped.
struct Private {
    directory: PathBuf,
    socket: PathBuf,
}

impl Private {
    fn new() -> io::Result<Self> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = [runtime.filter(|p| p.is_absolute()), Some(std::env::temp_dir()), Some("/tmp".into())];
        let mut problem = io::Error::from(io::ErrorKind::NotFound);
        for place in places.into_iter().flatten() {
            let directory = place.join(format!("camunda-backup-{}", names::random()));
            let socket = directory.join("http");
            if socket.as_os_str().len() > LONGEST {
                continue;
            }
            // Fails when it exists: what somebody else made is not used.
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => return Ok(Self { directory, socket }),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What cannot be removed is an empty directory in a place that is cleared by others.
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_dir(&self.directory);
    }
}
