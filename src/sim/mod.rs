//! One simulated release: Operate, Tasklist, Optimize, the Zeebe gateway and brokers, and the search engine.
//!
//! It answers as real servers of 8.6.0 were recorded to (`tests/fixtures/recorded`), for later versions as their sources
//! say (`layout`, `history`), and keeps their rules: consumed
//! IDs, transient states, a pause that outlives a restart. Two ways in: [`SimTransport`] in process, for tests under
//! tokio's paused time, and [`serve`] over TCP, for the sandbox. Only tests and the sandbox command import this; it
//! imports `model`, `wire` and `client`'s transport, nothing else.
//!
//! Invariants: state changes only while a request is handled or a control is called. What runs in the background is a
//! plan of moments, looked at when asked, so there is no task to wait for and 10,000 old backups cost nothing. Every
//! moment comes from `tokio::time::Instant` on top of [`Profile::now`]. No lock is held across an await.

mod actuator;
mod answer;
mod clock;
mod control;
mod exchange;
mod fault;
mod fault_text;
mod history;
mod incoming;
mod jackson;
mod layout;
mod log;
mod optimize;
mod profile;
mod release;
mod repository;
mod rule;
mod sandbox;
mod search;
mod server;
#[cfg(test)]
mod tests;
mod transport;
mod webapp;
mod world;
mod zeebe;

pub use fault::Fault;
pub use fault_text::InvalidFault;
pub use layout::Layout;
pub use log::{Exchange, Outcome};
pub use profile::{Profile, Timings};
pub use release::Sim;
pub use rule::{FaultRule, InvalidRule};
pub use server::{Ports, Served, serve};
pub use transport::SimTransport;
