//! The way into the release for a client in the same process.

use std::sync::Arc;

use super::incoming::Incoming;
use super::release::Sim;
use crate::client::{BoxFuture, Request, Response, Transport, TransportError};
use crate::model::Component;

/// One client's connection to a [`Sim`]. No network, no threads: works under tokio's paused time.
#[derive(Debug, Clone)]
pub struct SimTransport {
    sim: Arc<Sim>,
    name: Arc<str>,
}

impl SimTransport {
    /// A client of that name, which appears in [`Sim::log`].
    pub fn new(sim: Arc<Sim>, name: &str) -> Self {
        Self { sim, name: Arc::from(name) }
    }
}

impl Transport for SimTransport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(
            async move { self.sim.exchange(&self.name, Incoming::from(request)).await.map(Response::from) },
        )
    }

    fn describe(&self, component: Component, path: &str) -> String {
        format!("http://{component}.simulated{path}")
    }
}
