//! What differs between Camunda versions, topologies, storages and engines, as rows of tables. No `if version` anywhere
//! else.
//!
//! A new Camunda release should touch the tables here and their tests only. Imports `model` alone.

mod routes;
mod rows;
pub mod search;
mod select;

pub use rows::{Dialect, Gap, IN_BRIEF, Ids, Phase, ROWS, Route, Shape};
pub use select::{Recognised, Seen, Unsupported, candidates, known, nearest, recognise};
