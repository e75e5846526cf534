//! What differs between Camunda versions, topologies, storages and engines, as rows of tables. No `if version` anywhere
//! else.
//!
//! A new Camunda release should touch the tables here and their tests only. Imports `model` alone.

mod defects;
mod routes;
mod rows;
pub mod search;
mod select;

/// On the brokers: metrics, among them how far processing and exporting have come. The same in every version (8.5 to 8.10).
pub const METRICS: &str = "/actuator/prometheus";

pub use defects::{DEFECTS, Defect, defects};
pub use rows::{Dialect, Gap, IN_BRIEF, Ids, Phase, ROWS, Restores, Route, Shape, Sign};
pub use select::{Recognised, Seen, Unsupported, candidates, known, nearest, recognise};
