//! What the tests against real search engines share. Each of the two test programs runs against one version of one product,
//! and starts three containers of it: one that most tests share, one with security, and one to be killed.

mod concurrent;
mod container;
mod engine;
mod lost;
pub mod product;
mod records;
mod repository;
mod restored;
mod rig;
pub mod roles;
pub mod secured;
mod simulated;
mod storage;
