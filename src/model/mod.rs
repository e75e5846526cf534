//! The vocabulary: what a backup, a part, a component and a version are.
//!
//! Values only. Nothing here does I/O, reads a clock or knows the JSON of a server; everything else may import it.
//! Closed sets are enums, so that a new member is a compile error everywhere it has to be thought about.

mod ended_run;
mod facts;
mod id;
mod names;
mod part;
mod position;
mod reason;
mod state;
mod time;
mod version;
mod word;

pub use ended_run::EndedRun;
pub use facts::*;
pub use id::{BackupId, InvalidBackupId};
pub use names::{Name, SnapshotName, id_in_name, is_record_of, mistaken_for, records_snapshot};
pub use part::{Component, Engine, Part, Storage, Topology};
pub use position::{Behind, Positions};
pub use reason::{Finding, Reason, Severity};
pub use state::{ExporterPhase, PartState};
pub use time::time;
pub use version::{InvalidVersion, Version};
pub use word::Word;
