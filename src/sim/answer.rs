//! Answers, and the error bodies of the different servers.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::clock::{Wall, spring_time};
use crate::client::Response;

/// `application/json`.
pub(super) const JSON: &str = "application/json";
/// What Spring's actuator endpoints say.
pub(super) const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v3+json";
/// What Spring says for problem details, and Operate and Tasklist for their errors.
pub(super) const PROBLEM: &str = "application/problem+json";

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Empty when there is no body.
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

impl Answer {
    /// Anything as JSON.
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::typed(status, JSON, body)
    }

    /// The same with another content type.
    pub(super) fn typed(status: u16, content_type: &'static str, body: &impl Serialize) -> Self {
        // Our own types, with text keys: serialising them cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, content_type, body: body.into() }
    }

    /// Text.
    pub(super) fn text(status: u16, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body: body.into() }
    }

    /// No body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, content_type: "", body: Bytes::new() }
    }

    /// Zeebe's and Optimize's `{"message": ..}`.
    pub(super) fn message(status: u16, message: impl Into<String>) -> Self {
        Self::typed(status, ACTUATOR, &crate::wire::Message { message: message.into() })
    }

    /// Spring's own error object, without a message (`err-zeebe-string-id`).
    pub(super) fn spring(status: u16, path: &str, now: Wall) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let body = json!({
            "timestamp": spring_time(now), "status": status, "error": reason(status), "path": path,
        });
        Self::typed(status, JSON, &body)
    }

    /// Spring's problem details, which the broker answers for a path it does not have (`00-broker-actuator-exporting`).
    pub(super) fn no_endpoint(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let body = json!({
            "type": "about:blank", "title": "Not Found", "status": 404,
            "detail": format!("No endpoint {method} {path}."), "instance": path,
        });
        Self::typed(404, PROBLEM, &body)
    }

    /// What Zeebe 8.5 makes of an error of Spring's; anything else stays as it is (`camunda-8.5.8-elasticsearch/err-*`).
    pub(super) fn into_problem_details(self, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let body = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        if !matches!(self.status, 400 | 404 | 405 | 415)
            || self.body.is_empty()
            || body.get("message").is_some()
        {
            return self;
        }
        let mut body = json!({
            "type": "about:blank", "title": reason(self.status), "status": self.status, "instance": path,
        });
        match self.status {
            400 if path.contains("/exporting/") => body["detail"] = "Type mismatch.".into(),
            400 => body["detail"] = "Parameter mapping failure".into(),
            405 => body["detail"] = "Supported methods: [POST]".into(),
            _ => {}
        }
        Self::typed(self.status, PROBLEM, &body)
    }

    /// An error of Elasticsearch or `OpenSearch`.
    pub(super) fn engine(status: u16, kind: &str, reason: &str) -> Self {
        Self::engine_with(status, &json!({ "type": kind, "reason": reason }))
    }

    /// The same with more fields in the cause.
    pub(super) fn engine_with(status: u16, cause: &Value) -> Self {
        let mut error = json!({ "root_cause": [cause] });
        if let (Some(error), Some(cause)) = (error.as_object_mut(), cause.as_object()) {
            error.extend(cause.clone());
        }
        Self::json(status, &json!({ "error": error, "status": status }))
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        Self { status: answer.status, body: answer.body }
    }
}

/// What the handling of one request comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    /// `None`: the server never answers.
    pub(super) answer: Option<Answer>,
    /// Whether the request changed something.
    pub(super) effect: bool,
    /// The answer comes this much later than the usual latency.
    pub(super) after: std::time::Duration,
}

impl Reply {
    /// The request changed something.
    pub(super) fn done(answer: Answer) -> Self {
        Self { answer: Some(answer), effect: true, after: std::time::Duration::ZERO }
    }

    /// Later than usual.
    pub(super) fn after(mut self, after: std::time::Duration) -> Self {
        self.after = after;
        self
    }

    /// No answer, ever.
    pub(super) fn never() -> Self {
        Self { answer: None, effect: false, after: std::time::Duration::ZERO }
    }
}

impl From<Answer> for Reply {
    /// The request changed nothing.
    fn from(answer: Answer) -> Self {
        Self { answer: Some(answer), effect: false, after: std::time::Duration::ZERO }
    }
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error")
}
