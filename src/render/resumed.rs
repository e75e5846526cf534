//! What became of resuming, release by release.

use std::io::{self, Write};

use serde::Serialize;

use super::document::Context;
use super::style::Tone;
use super::text::{plain, seen};
use crate::run::Seen;

/// One release that was to be resumed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumedView {
    /// Its gateway's URL.
    pub release: String,
    /// What is known of exporting now.
    #[serde(flatten)]
    pub exporting: ResumedState,
}

/// What is known of exporting after a resume.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ResumedState {
    /// It runs.
    Running {
        /// Where it was seen.
        seen: Seen,
    },
    /// It may still be paused.
    MaybePaused {
        /// Why.
        cause: String,
        /// The command that tries again.
        repair: String,
    },
}

/// One line a release.
pub(super) fn text(all: &[ResumedView], context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    all.iter().try_for_each(|one| {
        let release = &one.release;
        match &one.exporting {
            ResumedState::Running { seen: where_seen } => {
                let tone = if where_seen.brokers > 0 { Tone::Good } else { Tone::Warn };
                let runs = context.style.paint(tone, "exporting runs");
                writeln!(out, "{release}: {runs}: {}", seen(where_seen))
            }
            ResumedState::MaybePaused { cause, .. } => {
                let alarm = context.style.paint(Tone::Bad, "EXPORTING MAY STILL BE PAUSED");
                writeln!(out, "{release}: {alarm}: {}", plain(cause))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::render::{Document, Format, samples};

    #[test]
    fn both_ends() {
        let all = [
            ResumedView {
                release: "http://a:9600/".to_owned(),
                exporting: ResumedState::Running {
                    seen: Seen { partitions: BTreeSet::from([1, 2, 3]), brokers: 1, ..Seen::default() },
                },
            },
            ResumedView {
                release: "http://b:9600/".to_owned(),
                exporting: ResumedState::MaybePaused {
                    cause: "no connection".to_owned(),
                    repair: "camunda-backup resume --gateway-url http://b:9600/".to_owned(),
                },
            },
        ];
        let written = |format| samples::written(&Document::Resumed(&all), format);
        assert_eq!(
            written(Format::Table),
            "http://a:9600/: exporting runs: seen on partitions 1-3 (1 broker asked)\n\
             http://b:9600/: EXPORTING MAY STILL BE PAUSED: no connection\n"
        );
        assert_eq!(written(Format::Name), "release/http://a:9600/\nrelease/http://b:9600/\n");
        let json: serde_json::Value = serde_json::from_str(&written(Format::Json)).expect("JSON");
        assert_eq!(json["kind"], "Resumed");
        assert_eq!(json["items"][0]["state"], "running");
        assert_eq!(json["items"][0]["seen"]["partitions"], serde_json::json!([1, 2, 3]));
        assert_eq!(json["items"][1]["state"], "maybe-paused");
        assert_eq!(json["items"][1]["repair"], "camunda-backup resume --gateway-url http://b:9600/");
    }
}
