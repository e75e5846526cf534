//! Parses, runs, and maps the outcome to an exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS provider for everything that asks for the process's default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(camunda_backup::cli::run(&std::env::args_os().collect::<Vec<_>>()).code())
}
