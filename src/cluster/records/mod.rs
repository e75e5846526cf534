//! What happened, written down for people and for `list`: one `ConfigMap` per backup, and Events.
//!
//! Nothing depends on it but this: a backup whose run left word that it ended badly is not called complete, and may be
//! deleted by its ID without force. Failing to write never fails a backup: what goes wrong comes back as a text to
//! warn with. What must survive for exporting is in the Lease.

mod config_maps;
mod events;
#[cfg(test)]
mod tests;

pub use config_maps::{Record, RecordedPart, Records};
pub use events::{EventLog, Occasion};

/// How long writing may hold up whoever writes.
const WRITE: std::time::Duration = std::time::Duration::from_secs(5);
