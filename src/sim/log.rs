//! What was asked, by whom, and what came of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::client::Request;

/// Entries kept; a sandbox may run for days.
const KEPT: usize = 50_000;

/// One request to the simulated release.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exchange {
    /// When it arrived, since the start.
    #[serde(serialize_with = "seconds")]
    pub at: Duration,
    /// Who sent it: the name given to the transport, or `tcp`.
    #[serde(serialize_with = "text")]
    pub client: Arc<str>,
    /// What was asked.
    pub request: Request,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request. A client that gave up may have seen nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether it changed something.
    pub effect: bool,
    /// The HTTP status of the answer; `None` when there is none, or not yet.
    pub status: Option<u16>,
    /// The status inside the envelope of pause and resume, the one that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<u16>,
    /// The fault that happened to it, in its text form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

fn seconds<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64())
}

fn text<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// The last exchanges, numbered, so that one can be completed later.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Exchange>,
    dropped: usize,
}

impl Log {
    /// Adds one and returns its number.
    pub(super) fn push(&mut self, exchange: Exchange) -> usize {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(exchange);
        self.dropped + self.entries.len() - 1
    }

    /// The outcome of an exchange, as long as it is kept.
    pub(super) fn outcome(&mut self, number: usize) -> Option<&mut Outcome> {
        self.entries.get_mut(number.checked_sub(self.dropped)?).map(|exchange| &mut exchange.outcome)
    }

    pub(super) fn all(&self) -> Vec<Exchange> {
        self.entries.iter().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() + self.dropped
    }
}
