//! HTTP: one way to send a request, one error type, and pure functions that judge what came back.
//!
//! Answers become `model` values here; nobody above sees a `wire` type. `Transport` is the port to the world: the
//! `reqwest` one, and the sandbox's in-process one.

mod call;
mod judge;
mod judge_repository;
mod reqwest_transport;
mod tls;
mod transport;

pub use call::{CallError, Http, is_about_no_backup};
pub use judge::*;
pub use judge_repository::*;
pub(crate) use reqwest_transport::causes;
pub use reqwest_transport::{Credentials, Endpoint, HttpTransport, SetupError, http_client};
pub use tls::{ClientIdentity, Tls, client_config};
pub use transport::{BoxFuture, Method, Request, Response, Transport, TransportError};
