//! One request with one deadline, and one error type that knows whether the request may have happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::list::List;
use super::transport::{Method, Request, Response, Transport, TransportError};
use crate::model::{Component, Problem, ProblemKind};
use crate::wire::message_of;

/// Sends requests to the components of one release. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    transport: Arc<dyn Transport>,
    /// A request that may change something has left.
    changed: Arc<AtomicBool>,
}

/// Why a request has no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection: nothing happened.
    #[error("{url}: {cause}")]
    NotSent {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// The answer was lost, or did not come in time: it may have happened.
    #[error("{url}: {cause}")]
    NoAnswer {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// An HTTP status that is not 2xx.
    #[error("{url}: HTTP {status}{}", .message.as_ref().map(|m| format!(": {m}")).unwrap_or_default())]
    Status {
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// The sentence in the body.
        message: Option<String>,
        /// The answer is not the endpoint's own, but that of something else at this address.
        foreign: bool,
    },
    /// A 2xx whose body could not be understood.
    #[error("{url}: {cause}")]
    Unintelligible {
        /// Where.
        url: String,
        /// What was wrong.
        cause: String,
    },
}

/// Whether the sentence of a 404 speaks of a backup that is not there; see [`CallError::says_no_backup`].
pub fn is_about_no_backup(message: &str) -> bool {
    // The sentences themselves: a gateway's "/actuator/backups was not found" speaks of backups as well.
    let said = |start: &str, end: &str| {
        let from = message.strip_prefix("HTTP 404: ").unwrap_or(message);
        from.starts_with(start) && from.trim_end().ends_with(end)
    };
    said("Backup with id ", " does not exist")
        || said("No backup with id [", "] found.")
        || said("No Optimize backup", " could be found.")
}

impl CallError {
    /// Whether it is the component's own word that there is no such backup, or none at all: a 404 that speaks of a backup
    /// (recorded: `No backup with id [1] found.`, "Backup with id 1 does not exist", "No Optimize backup with ID …"). A 404
    /// about the repository, of a gateway in between, or of Spring says nothing about backups.
    pub fn says_no_backup(&self) -> bool {
        let CallError::Status { status: 404, foreign: false, message: Some(message), .. } = self else {
            return false;
        };
        is_about_no_backup(message)
    }

    /// The HTTP status, when there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            CallError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The server's own sentence, when there was one.
    pub fn message(&self) -> Option<&str> {
        match self {
            CallError::Status { message, .. } => message.as_deref(),
            _ => None,
        }
    }

    /// Whether a web application cannot read the backup that it is asked for: what Operate answers on OpenSearch for as long
    /// as one of its snapshots is in progress, from the first look on, and when OpenSearch is gone (recorded on 8.6.0:
    /// `os/b100-12-operate-state-1..4`). To an ID that it does not know it says so instead (404).
    pub fn says_busy(&self) -> bool {
        let start = "Exception occurred when searching for backup with ID [";
        self.status() == Some(400) && self.message().is_some_and(|m| m.starts_with(start))
    }

    /// The engine's word that a snapshot is not there, in a repository that is (recorded: `snapshot-unknown`).
    pub fn says_no_snapshot(&self) -> bool {
        self.status() == Some(404) && self.message().is_some_and(|m| m.contains("snapshot_missing"))
    }

    /// As an answer to a read-only question.
    pub fn into_problem(self) -> Problem {
        let kind = match &self {
            CallError::NotSent { .. } | CallError::NoAnswer { .. } => ProblemKind::Unreachable,
            CallError::Status { status: 401 | 403, .. } => ProblemKind::Unauthorized,
            CallError::Status { foreign: true, .. } => ProblemKind::EndpointAbsent,
            CallError::Status { status, .. } => ProblemKind::Refused(*status),
            CallError::Unintelligible { .. } => ProblemKind::Unintelligible,
        };
        let (url, text) = match self {
            CallError::NotSent { url, cause }
            | CallError::NoAnswer { url, cause }
            | CallError::Unintelligible { url, cause } => (url, cause),
            CallError::Status { url, status, message, foreign } => {
                let text = match (message, foreign) {
                    (Some(m), false) => format!("HTTP {status}: {m}"),
                    (_, true) => format!("HTTP {status}: no such endpoint at this address"),
                    (None, false) => format!("HTTP {status}"),
                };
                (url, text)
            }
        };
        Problem { kind, url, text }
    }
}

impl Http {
    /// Speaks through a transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, changed: Arc::default() }
    }

    /// Where a request goes, for messages.
    pub fn describe(&self, component: Component, path: &str) -> String {
        self.transport.describe(component, path)
    }

    /// Whether a request that may change something ever left us. All that had no connection count for nothing.
    pub fn may_have_changed(&self) -> bool {
        self.changed.load(Ordering::SeqCst)
    }

    /// Sends the request; any 2xx is `Ok`. The deadline covers the whole exchange, body included.
    ///
    /// A request that changes something must not be raced against anything else: it runs to this deadline.
    pub async fn call(&self, request: &Request, deadline: Duration) -> Result<Response, CallError> {
        self.within(request, deadline, self.transport.send(request)).await
    }

    /// A `GET` of what may be long: read as it arrives, and never held as a whole. The inner `Err` is why it was not
    /// understood.
    pub async fn list<T: Send>(
        &self,
        request: &Request,
        deadline: Duration,
        mut list: List<T>,
    ) -> Result<Result<Vec<T>, String>, CallError> {
        let (transport, component) = (Arc::clone(&self.transport), request.component);
        list.hide(move |bytes| transport.without_secrets(component, bytes));
        let mut each = |bytes: &[u8]| list.push(bytes);
        let response = self.within(request, deadline, self.transport.stream(request, &mut each)).await?;
        // What was not handed over in pieces is a whole.
        Ok(list.whole(&response))
    }

    async fn within(
        &self,
        request: &Request,
        deadline: Duration,
        sent: impl Future<Output = Result<Response, TransportError>>,
    ) -> Result<Response, CallError> {
        let url = self.transport.describe(request.component, &request.path);
        let started = tokio::time::Instant::now();
        #[expect(clippy::disallowed_methods, reason = "the one place: a deadline on a whole exchange")]
        let answer = tokio::time::timeout(deadline, sent).await;
        let took = started.elapsed();
        if request.method != Method::Get && !matches!(answer, Ok(Err(TransportError::NotSent(_)))) {
            self.changed.store(true, Ordering::SeqCst);
        }
        let result = match answer {
            Err(_) => Err(CallError::NoAnswer {
                url,
                cause: format!("no answer within {} s", deadline.as_secs_f32()),
            }),
            Ok(Err(TransportError::NotSent(cause))) => Err(CallError::NotSent { url, cause }),
            Ok(Err(error @ TransportError::Lost(_))) => {
                Err(CallError::NoAnswer { url, cause: error.to_string() })
            }
            Ok(Ok(response)) if (200..300).contains(&response.status) => Ok(response),
            Ok(Ok(response)) => Err(CallError::Status {
                url,
                status: response.status,
                message: message_of(&response.body),
                foreign: is_foreign(&response),
            }),
        };
        tracing::debug!(
            component = %request.component,
            method = request.method.name(),
            path = %request.path,
            took_ms = took.as_millis(),
            outcome = match &result { Ok(r) => format!("HTTP {}", r.status), Err(e) => e.to_string() },
            "exchange"
        );
        result
    }

    /// A `GET` whose body is JSON.
    pub async fn get<T: DeserializeOwned>(
        &self,
        request: &Request,
        deadline: Duration,
    ) -> Result<T, CallError> {
        let response = self.call(request, deadline).await?;
        parse(&response).map_err(|cause| CallError::Unintelligible {
            url: self.describe(request.component, &request.path),
            cause,
        })
    }
}

/// Reads a JSON body.
pub(super) fn parse<T: DeserializeOwned>(response: &Response) -> Result<T, String> {
    serde_json::from_slice(&response.body)
        .map_err(|error| not_understood(response.status, &error, &response.body))
}

/// What is said of a body that is not what it should be.
pub(super) fn not_understood(status: u16, error: &dyn std::fmt::Display, body: &[u8]) -> String {
    format!("HTTP {status} with a body that was not understood ({error}): {}", head(body))
}

/// The beginning of what is not what it should be. Of JSON only its own sentence or its keys: a good answer is not masked, and
/// a value may be somebody's secret.
fn head(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(serde_json::Value::Object(object)) => message_of(body).unwrap_or_else(|| {
            let keys: Vec<_> = object.keys().take(8).map(String::as_str).collect();
            format!(
                "an object with {}",
                if keys.is_empty() { "nothing in it".to_owned() } else { keys.join(", ") }
            )
        }),
        Ok(serde_json::Value::Array(_)) => "a list".to_owned(),
        Ok(_) => "a single value".to_owned(),
        Err(_) => format!("{:?}", String::from_utf8_lossy(body).chars().take(80).collect::<String>()),
    }
}

/// Spring's own 404, a redirect, or a web page: what answers here is not the management endpoint. The endpoints' own 404s
/// carry a `message`, those of the REST API a `title` in capitals.
fn is_foreign(response: &Response) -> bool {
    match response.status {
        300..400 => true,
        404 | 405 => match serde_json::from_slice::<serde_json::Value>(&response.body) {
            Ok(body) => is_of_spring(&body),
            Err(_) => true,
        },
        _ => false,
    }
}

/// In one of its two forms: the error object (`{"timestamp","status","error","path"}`: recorded on 8.6.0), or problem
/// details with nothing but the status in words (`{"type","title":"Not Found","status","instance"}`: recorded on Zeebe
/// 8.5.8, and on the brokers of 8.6.0 with a `detail`).
fn is_of_spring(body: &serde_json::Value) -> bool {
    let (has, message) = (|key| body.get(key).is_some(), body.get("message"));
    let title = body.get("title").and_then(serde_json::Value::as_str);
    // Spring can be told to add a message to its error object; its `path` and `error` remain.
    has("path") && (message.is_none() || has("error"))
        || message.is_none() && has("instance") && matches!(title, Some("Not Found" | "Method Not Allowed"))
}
