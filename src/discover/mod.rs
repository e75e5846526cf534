//! Cluster objects → a release, with the evidence for each finding.
//!
//! Pure: no requests, no clock, no environment; the same objects give the same release. `cluster` fills [`Objects`] with
//! the API's raw JSON, `cli` asks [`release()`] and [`releases()`]; nobody else imports this. Imports `model` alone.
//!
//! Invariants: nothing is found by a built name (labels and selectors, and what the containers are given); no Secret is
//! read, only [`SecretRef`]s come out; a value that may be secret is [`Hidden`]; whatever could not be found is a [`Note`]
//! with the flag that gives it. What differs between charts and versions is a row in `rules`, `sources` or `storage`.

mod brokers;
mod config;
mod find;
mod index;
mod locate;
mod names;
mod objects;
mod places;
mod release;
mod rules;
mod search;
mod sources;
mod storage;
mod topology;
mod version;

pub use find::release;
pub use names::{Candidate, NotFound, releases};
pub use objects::*;
pub use release::{Found, Hidden, Note, Place, Release, SecretRef, Source};
pub use search::{Login, Search};
