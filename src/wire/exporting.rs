//! `POST /actuator/exporting/{pause,resume}`: the answer whose HTTP status says nothing.

use serde::{Deserialize, Serialize};

/// What a server answers with HTTP 200, for success *and* for failure (recorded on 8.6.0): the endpoint's own response,
/// serialised as a plain object. Success is `{"body":null,"status":204,"contentType":null}`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ExportingEnvelope {
    /// Null, or the exception.
    pub body: Option<ExportingFailure>,
    /// The status that counts: 204 or 500.
    pub status: u16,
    /// Null.
    #[serde(default)]
    pub content_type: Option<serde_json::Value>,
}

/// The exception in the envelope. The real one carries a stack trace of tens of kilobytes beside the message.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ExportingFailure {
    /// `Leader -2 of partition 1 is not known, ...`
    #[serde(default)]
    pub message: Option<String>,
}
