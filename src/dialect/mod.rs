//! What differs between Camunda versions and topologies, as rows of tables. No `if version` anywhere else.
//!
//! A new Camunda release should touch the tables here and their tests only. Imports `model` alone.

mod defects;
mod rows;
pub mod search;
mod select;

/// On the brokers: metrics, among them how far processing and exporting have come. The same in every version (8.5 to 8.10).
pub const METRICS: &str = "/actuator/prometheus";

pub use defects::{DEFECTS, Defect, defects};
pub use rows::{Dialect, IN_BRIEF, Phase, ROWS, Route, Shape};
pub use select::{Unsupported, select};
