//! What can go wrong with one request, as values.

use std::time::Duration;

use crate::client::{Method, Request};
use crate::model::Component;

/// One fault. The first group happens to any request, the second to pause and resume, the third shapes what becomes of
/// a backup and applies when the request that starts it is handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No connection.
    Refuse,
    /// The request arrives and nothing ever comes back; no effect.
    Hang,
    /// The connection breaks before the request has an effect.
    DropRequest,
    /// The request has its effect, then the connection breaks.
    DropAnswer,
    /// The request has its effect at once, the answer comes late.
    Slow(Duration),
    /// The request waits in a queue: effect and answer come late, the effect also when the client has given up.
    Late(Duration),
    /// This status, with a message; no effect.
    Status(u16, Option<String>),
    /// The request has its effect, and this is the answer.
    EffectThenStatus(u16),
    /// The handler panics, before any effect.
    Panic,

    /// HTTP 200 with `"status":500` in the body; no effect (recorded: a partition without a leader).
    EnvelopeFailure,
    /// The same answer, but every partition except the last one did it (recorded: a broker that just died).
    EnvelopePartial,

    /// A snapshot lacks shards: of the web applications and Optimize the second one, and none follows it.
    SnapshotPartial,
    /// The same with a snapshot that failed.
    SnapshotFailed,
    /// This partition's backup fails.
    PartitionFailed(u32),
    /// This partition never takes the backup: `DOES_NOT_EXIST` for ever.
    PartitionLost(u32),
    /// The second snapshot (Zeebe: the last partition; records: the snapshot) stays in progress for ever.
    StuckInProgress,
    /// Nothing follows the first snapshot (Zeebe: the first partition): incomplete for ever.
    StuckIncomplete,
    /// Accepted, but never seen.
    NotVisible,
}

impl Fault {
    /// Whether it can happen to this request at all. A fault that cannot does not use up its occurrences.
    pub fn fits(&self, request: &Request) -> bool {
        let starts = Start::of(request);
        match self {
            Self::EnvelopeFailure | Self::EnvelopePartial => {
                request.method == Method::Post && request.path.starts_with("/actuator/exporting/")
            }
            Self::SnapshotPartial | Self::SnapshotFailed => {
                matches!(starts, Some(Start::WebApp | Start::Records))
            }
            Self::PartitionFailed(_) | Self::PartitionLost(_) => starts == Some(Start::Zeebe),
            Self::StuckIncomplete => matches!(starts, Some(Start::WebApp | Start::Zeebe)),
            Self::StuckInProgress | Self::NotVisible => starts.is_some(),
            Self::Refuse
            | Self::Hang
            | Self::DropRequest
            | Self::DropAnswer
            | Self::Slow(_)
            | Self::Late(_)
            | Self::Status(..)
            | Self::EffectThenStatus(_)
            | Self::Panic => true,
        }
    }

    /// Whether it is for the handler, not for the way there and back.
    pub(super) fn is_for_handler(&self) -> bool {
        !matches!(
            self,
            Self::Refuse
                | Self::Hang
                | Self::DropRequest
                | Self::DropAnswer
                | Self::Slow(_)
                | Self::Late(_)
                | Self::Status(..)
                | Self::EffectThenStatus(_)
                | Self::Panic
        )
    }
}

/// A request that starts a part of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    WebApp,
    Records,
    Zeebe,
}

impl Start {
    fn of(request: &Request) -> Option<Self> {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.component, request.method) {
            (Component::Operate | Component::Tasklist | Component::Optimize, Method::Post) => {
                (path == "/actuator/backups").then_some(Self::WebApp)
            }
            (Component::Gateway | Component::Broker(_), Method::Post) => {
                let name = path.strip_prefix("/actuator/backup").filter(|name| !name.contains('/'))?;
                Some(if name.ends_with("History") { Self::WebApp } else { Self::Zeebe })
            }
            (Component::Search, Method::Put) => {
                let mut names = path.strip_prefix("/_snapshot/")?.split('/');
                (names.next().is_some() && names.next().is_some() && names.next().is_none())
                    .then_some(Self::Records)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_only_where_it_means_something() {
        let pause = Request::post(Component::Gateway, "/actuator/exporting/pause?soft=true");
        let zeebe = Request::post(Component::Gateway, "/actuator/backups");
        let operate = Request::post(Component::Operate, "/actuator/backups");
        let poll = Request::get(Component::Operate, "/actuator/backups/1");
        let records = Request::put(Component::Search, "/_snapshot/r/s?wait_for_completion=false");
        let register = Request::put(Component::Search, "/_snapshot/r");
        let fits = |fault: &Fault| {
            [&pause, &zeebe, &operate, &poll, &records, &register].map(|request| fault.fits(request))
        };
        assert_eq!(fits(&Fault::EnvelopeFailure), [true, false, false, false, false, false]);
        assert_eq!(fits(&Fault::PartitionLost(1)), [false, true, false, false, false, false]);
        assert_eq!(fits(&Fault::SnapshotPartial), [false, false, true, false, true, false]);
        assert_eq!(fits(&Fault::StuckIncomplete), [false, true, true, false, false, false]);
        assert_eq!(fits(&Fault::NotVisible), [false, true, true, false, true, false]);
        assert_eq!(fits(&Fault::Hang), [true; 6]);
    }
}
