//! What went wrong on a forward, kept until somebody asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::TransportError;

#[derive(Debug, Default, Clone)]
struct Written {
    refused: u64,
    broken: u64,
    text: Option<String>,
}

/// The notes of one forward. Written before the connection is closed, so whoever sees it closed can read why.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Written>);

/// The state before a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    refused: u64,
    broken: u64,
}

impl Notes {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection did not come about: nothing of it reached a pod.
    pub fn refused(&self, text: String) {
        let mut written = self.written();
        written.refused += 1;
        written.text = Some(text);
    }

    /// A connection that stood was ended by the other side.
    pub fn broke(&self, text: Option<String>) {
        let mut written = self.written();
        written.broken += 1;
        written.text = text;
    }

    pub fn last(&self) -> Option<String> {
        self.written().text.clone()
    }

    pub fn mark(&self) -> Mark {
        let written = self.written();
        Mark { refused: written.refused, broken: written.broken }
    }

    /// A request's error with what is known of its connection. Only when all that went wrong since `before` are refused
    /// connections, and the error is that of a closed one, did the request certainly not arrive.
    pub fn explain(&self, before: Mark, error: TransportError) -> TransportError {
        let written = self.written().clone();
        let (refused, broken) = (written.refused > before.refused, written.broken > before.broken);
        let Some(text) = written.text.filter(|_| refused || broken) else { return error };
        match error {
            TransportError::NotSent(_) => TransportError::NotSent(text),
            TransportError::Lost(said) if refused && !broken && is_closed(&said) => {
                TransportError::NotSent(text)
            }
            TransportError::Lost(said) => TransportError::Lost(format!("{said}; {text}")),
        }
    }
}

/// The HTTP client's words for a connection that the other side closed before it answered.
fn is_closed(said: &str) -> bool {
    ["connection closed before message completed", "Broken pipe", "Connection reset"]
        .iter()
        .any(|t| said.contains(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> TransportError {
        TransportError::Lost("connection closed before message completed".to_owned())
    }

    #[test]
    fn only_a_refused_connection_alone_means_that_nothing_was_sent() {
        let notes = Notes::default();
        let before = notes.mark();
        assert_eq!(notes.explain(before, closed()), closed(), "nothing is known");
        notes.refused("no ready pod".to_owned());
        assert_eq!(notes.explain(before, closed()), TransportError::NotSent("no ready pod".to_owned()));
        assert_eq!(notes.explain(notes.mark(), closed()), closed(), "that was before");
        let other = TransportError::Lost("the answer is longer than 1 bytes".to_owned());
        assert!(matches!(notes.explain(before, other), TransportError::Lost(_)));
        notes.broke(Some("pod x was deleted".to_owned()));
        match notes.explain(before, closed()) {
            TransportError::Lost(text) => assert!(text.ends_with("; pod x was deleted"), "{text}"),
            other @ TransportError::NotSent(_) => panic!("it may have arrived: {other}"),
        }
    }
}
