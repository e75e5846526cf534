//! The port to the world: one request in, one response out.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::model::Component;

/// A boxed future, so that a transport can be chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes the bytes of a body as they arrive.
pub type Each<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// The methods we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Changes something.
    Post,
    /// Changes something.
    Put,
    /// Changes something.
    Delete,
}

impl Method {
    /// `GET`, ...
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// One request to one component. Carries no credentials: the transport adds them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// Who is asked.
    pub component: Component,
    /// How.
    pub method: Method,
    /// Path with query, from `/`, below the component's base URL: `/actuator/backups/17`.
    pub path: String,
    /// JSON body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl Request {
    /// A `GET`.
    pub fn get(component: Component, path: impl Into<String>) -> Self {
        Self { component, method: Method::Get, path: path.into(), body: None }
    }

    /// A `POST` without a body.
    pub fn post(component: Component, path: impl Into<String>) -> Self {
        Self { component, method: Method::Post, path: path.into(), body: None }
    }

    /// A `PUT` without a body.
    pub fn put(component: Component, path: impl Into<String>) -> Self {
        Self { component, method: Method::Put, path: path.into(), body: None }
    }

    /// A `DELETE`.
    pub fn delete(component: Component, path: impl Into<String>) -> Self {
        Self { component, method: Method::Delete, path: path.into(), body: None }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// A whole response: but for lists, these APIs answer in kilobytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Bytes,
}

/// Why there is no response. The one question that matters for a request that changes something: may it have happened?
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection: the request never left.
    #[error("cannot connect: {0}")]
    NotSent(String),
    /// The connection broke after the request left: it may have happened.
    #[error("the connection broke before an answer came: {0}")]
    Lost(String),
}

/// Sends one request to one component and returns its response, whatever its status.
///
/// Implementors: [`super::HttpTransport`] and the sandbox's in-process transport. An implementation sets no deadline of
/// its own shorter than a minute (Zeebe answers some failures only after 15 s): [`super::Http`] sets one for each call.
/// It does not retry, and does not follow redirects.
pub trait Transport: Send + Sync {
    /// Sends the request.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>>;

    /// A part of a body without the secrets that this transport adds to requests, should the server have repeated them. What
    /// [`Transport::send`] returns is so already; what is handed over in pieces is not.
    fn without_secrets(&self, component: Component, body: Bytes) -> Bytes {
        let _ = component;
        body
    }

    /// Sends a request whose answer may be long: what is data (a 2xx that begins like JSON) may be handed to `each` as it
    /// arrives, and the response then has no body. Whatever else comes back is a whole response.
    fn stream<'a>(
        &'a self,
        request: &'a Request,
        _each: Each<'a>,
    ) -> BoxFuture<'a, Result<Response, TransportError>> {
        self.send(request)
    }

    /// Where the request goes, for messages: an URL without credentials.
    fn describe(&self, component: Component, path: &str) -> String;
}
