//! HTTP: one way to send a request, one error type, and pure functions that judge what came back.
//!
//! Answers become `model` values here; nobody above sees a `wire` type. `Transport` is the port to the world: the
//! `reqwest` one, and the sandbox's in-process one.

mod aws;
mod call;
mod credentials;
mod judge;
mod judge_repository;
mod list;
mod mask;
mod reqwest_transport;
mod tls;
mod tls_words;
mod transport;

pub use aws::{AwsEnvironment, AwsKeys, AwsSigner};
pub use call::{CallError, Http, is_about_no_backup};
pub use credentials::{Credentials, Header};
pub use judge::*;
pub use judge_repository::*;
pub use list::List;
pub(crate) use reqwest_transport::causes;
pub use reqwest_transport::{Endpoint, HttpTransport, SetupError, http_client};
pub use tls::{ClientIdentity, Tls, client_config};
pub use transport::{BoxFuture, Each, Method, Request, Response, Transport, TransportError};
