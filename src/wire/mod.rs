//! The JSON of the servers, as recorded on real ones: `Serialize` and `Deserialize`, nothing else.
//!
//! Both directions, because the sandbox answers with the very types the clients read. Only `client` and `sim` import
//! this; everybody else speaks `model`. Every shape is checked against recorded answers in `tests/wire.rs`.

mod actuator;
mod error_body;
mod exporting;
mod metrics;
mod repository;
mod snapshot;

pub use actuator::*;
pub use error_body::message_of;
pub use exporting::*;
pub use metrics::{Position, positions};
pub use repository::*;
pub use snapshot::*;
