//! The way in: every result in every format.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::deletion::{DeletionView, PruneView};
use super::detail::DetailView;
use super::followed::{self, FollowedView};
use super::resumed::{self, ResumedView};
use super::rights::RightsView;
use super::status::StatusView;
use super::style::Style;
use super::verification::VerificationView;
use super::{deletion, detail, findings, machine, plan, report, sets, status, verification};
use crate::catalogue::Set;
use crate::model::Finding;
use crate::plan::Procedure;
use crate::run::Report;

/// How a result is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with more columns where there are columns.
    Wide,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
    /// `backup/<id>` a line, for shells.
    Name,
}

/// What text for people needs beside the value.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Colour.
    pub style: Style,
    /// The wall clock.
    pub now: Timestamp,
    /// How a command to be typed begins: `kubectl camunda-backup`, with what is needed to reach this release.
    pub program: &'a str,
}

/// What this program is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// Its version.
    pub version: String,
    /// What it was built from, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The versions and topologies of Camunda that it knows.
    pub supports: Vec<String>,
}

/// A result.
#[derive(Debug, Clone, Copy)]
pub enum Document<'a> {
    /// What would run.
    Plan(&'a Procedure),
    /// What speaks against it.
    Findings {
        /// What was found.
        findings: &'a [Finding],
        /// Rights in Kubernetes that are missing.
        rights: &'a [RightsView],
    },
    /// What a command may do.
    Rights(&'a RightsView),
    /// How a run in the cluster ended.
    Followed(&'a FollowedView),
    /// How it went.
    Report {
        /// The story.
        report: &'a Report,
        /// The command that resumes exporting on this very release.
        repair: &'a str,
    },
    /// What became of resuming.
    Resumed(&'a [ResumedView]),
    /// The backups there are.
    Sets(&'a [Set]),
    /// One of them.
    Detail(&'a DetailView),
    /// Whether they are good.
    Verification(&'a VerificationView),
    /// What was deleted.
    Deletion(&'a DeletionView),
    /// What is kept.
    Prune(&'a PruneView),
    /// How the release is.
    Status(&'a StatusView),
    /// What this program is.
    Version(&'a VersionView),
}

/// Writes a result. Many small writes: give a buffered writer.
pub fn write(
    document: &Document<'_>,
    format: Format,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let wide = match format {
        Format::Json => return machine::json(document, out),
        Format::Yaml => return machine::yaml(document, out),
        Format::Name => return names(document, out),
        Format::Table => false,
        Format::Wide => true,
    };
    match document {
        Document::Plan(procedure) => plan::text(procedure, context, out),
        Document::Findings { findings, rights } => findings::text(findings, rights, context, out),
        Document::Rights(view) => write!(out, "{}", view.role),
        Document::Followed(view) => followed::text(view, context, out),
        Document::Report { report, repair } => report::text(report, repair, context, out),
        Document::Resumed(all) => resumed::text(all, context, out),
        Document::Sets(all) => sets::text(all, wide, context, out),
        Document::Detail(view) => detail::text(view, context, out),
        Document::Verification(view) => verification::text(view, context, out),
        Document::Deletion(view) => deletion::text(view, context, out),
        Document::Prune(view) => deletion::prune(view, context, out),
        Document::Status(view) => status::text(view, wide, context, out),
        Document::Version(view) => {
            write!(out, "camunda-backup {}", view.version)?;
            if let Some(commit) = &view.commit {
                write!(out, " ({commit})")?;
            }
            writeln!(out, "\nfor Camunda {}", view.supports.join("; "))
        }
    }
}

fn names(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match document {
        Document::Plan(procedure) => writeln!(out, "backup/{}", procedure.backup_id),
        Document::Report { report, .. } => writeln!(out, "backup/{}", report.backup_id),
        Document::Resumed(all) => all.iter().try_for_each(|r| writeln!(out, "release/{}", r.release)),
        Document::Sets(all) => all.iter().try_for_each(|set| writeln!(out, "backup/{}", set.id)),
        Document::Findings { findings, .. } => {
            findings.iter().try_for_each(|f| writeln!(out, "finding/{}", f.reason))
        }
        Document::Rights(view) => {
            view.rights.iter().try_for_each(|r| writeln!(out, "right/{}/{}", r.resource, r.verb))
        }
        Document::Followed(view) => writeln!(out, "job/{}", view.job),
        Document::Detail(view) => writeln!(out, "backup/{}", view.detail.set.id),
        // Those that can be restored.
        Document::Verification(view) => {
            view.items.iter().filter(|i| i.good).try_for_each(|i| writeln!(out, "backup/{}", i.id))
        }
        Document::Deletion(DeletionView { items, .. }) | Document::Prune(PruneView { items, .. }) => {
            items.iter().try_for_each(|i| writeln!(out, "backup/{}", i.backup_id))
        }
        Document::Status(view) => writeln!(out, "release/{}", view.release),
        Document::Version(view) => writeln!(out, "version/{}", view.version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn names_are_for_shells() {
        let sets = samples::sets();
        let text = samples::written(&Document::Sets(&sets), Format::Name);
        assert_eq!(text, "backup/1764000000\nbackup/1763900000\nbackup/1763800000\nbackup/17\n");
        let report = samples::complete();
        let document = Document::Report { report: &report, repair: "" };
        assert_eq!(samples::written(&document, Format::Name), "backup/1764000000\n");
        assert_eq!(samples::written(&Document::Sets(&[]), Format::Name), "");
    }

    #[test]
    fn the_version_in_two_lines() {
        let view = VersionView {
            version: "0.1.0".to_owned(),
            commit: Some("bbf51cd".to_owned()),
            supports: vec!["8.5-8.7, separate components".to_owned()],
        };
        let text = samples::written(&Document::Version(&view), Format::Table);
        assert_eq!(text, "camunda-backup 0.1.0 (bbf51cd)\nfor Camunda 8.5-8.7, separate components\n");
    }

    /// A pipe whose reader has gone away after some bytes.
    struct Gone(usize);

    impl Write for Gone {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_broken_pipe_is_an_error_in_every_format_of_everything() {
        let (plan, sets) = (samples::plan(), samples::sets());
        let (findings, rights) = samples::rights();
        let followed = samples::followed();
        let (report, status) = (samples::maybe_paused(), samples::status());
        let (detail, verification) = (samples::detail(), samples::verification());
        let (deletion, prune) = (samples::deletion(), samples::prune());
        let documents = [
            Document::Followed(&followed),
            Document::Plan(&plan),
            Document::Findings { findings: &findings, rights: &rights },
            Document::Report { report: &report, repair: "camunda-backup resume" },
            Document::Sets(&sets),
            Document::Detail(&detail),
            Document::Verification(&verification),
            Document::Deletion(&deletion),
            Document::Prune(&prune),
            Document::Status(&status),
        ];
        for document in documents {
            for format in [Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Name] {
                let whole = samples::written(&document, format).len();
                for room in (0..whole).step_by(7) {
                    let error = write(&document, format, &samples::CONTEXT, &mut Gone(room))
                        .expect_err("the reader has gone");
                    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format:?} after {room}");
                }
            }
        }
    }
}
