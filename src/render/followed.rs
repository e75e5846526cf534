//! How a run in the cluster ended, in one line: everything else was in its log.

use std::io::{self, Write};

use serde::Serialize;

use super::document::Context;
use super::style::Tone;
use super::text::plain;

/// A Job that was started and followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowedView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub job: String,
    /// The pod that ended last, when one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why there is no exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// It was left running.
    pub running: bool,
}

pub(super) fn text(view: &FollowedView, context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let job = format!("Job {} in namespace {}", view.job, view.namespace);
    let (tone, text) = match (view.exit_code, &view.problem) {
        _ if view.running => (Tone::Plain, format!("{job} goes on.")),
        (Some(0), _) => (Tone::Good, format!("{job} is done.")),
        (Some(code), _) => (Tone::Bad, format!("{job} ended with exit code {code}.")),
        (None, problem) => {
            let problem = problem.as_deref().map(|p| format!(": {}", plain(p))).unwrap_or_default();
            (Tone::Bad, format!("{job} has no exit code{problem}."))
        }
    };
    writeln!(out, "{}", context.style.paint(tone, text))
}
