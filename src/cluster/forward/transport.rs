//! The HTTP transport over forwards: the same client, with better words for what went wrong.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::PodForward;
use crate::client::{
    BoxFuture, Each, Endpoint, HttpTransport, Request, Response, SetupError, Transport, TransportError,
};
use crate::model::Component;

/// Speaks to some components through forwards, and to the others directly.
pub struct ForwardTransport {
    http: HttpTransport,
    forwards: BTreeMap<Component, PodForward>,
}

impl ForwardTransport {
    /// The endpoints carry the URLs as they are inside the cluster; those that have a forward are reached through it.
    pub fn new(
        mut endpoints: BTreeMap<Component, Endpoint>,
        forwards: BTreeMap<Component, PodForward>,
    ) -> Result<Self, SetupError> {
        for (component, forward) in &forwards {
            if let Some(endpoint) = endpoints.get_mut(component) {
                endpoint.via = Some(forward.socket().to_owned());
            }
        }
        Ok(Self { http: HttpTransport::new(&endpoints)?, forwards })
    }

    /// The forward of a component.
    pub fn forward(&self, component: Component) -> Option<&PodForward> {
        self.forwards.get(&component)
    }
}

impl Transport for ForwardTransport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let Some(forward) = self.forwards.get(&request.component) else {
                return self.http.send(request).await;
            };
            let before = forward.notes().mark();
            self.http.send(request).await.map_err(|error| forward.notes().explain(before, error))
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: Each<'a>,
    ) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let Some(forward) = self.forwards.get(&request.component) else {
                return self.http.stream(request, each).await;
            };
            let before = forward.notes().mark();
            self.http.stream(request, each).await.map_err(|error| forward.notes().explain(before, error))
        })
    }

    fn without_secrets(&self, component: Component, body: Bytes) -> Bytes {
        self.http.without_secrets(component, body)
    }

    fn describe(&self, component: Component, path: &str) -> String {
        self.http.describe(component, path)
    }
}
