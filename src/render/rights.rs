//! Rights for people and programs.

use std::io::{self, Write};

use serde::Serialize;

/// Rights in one namespace: those that a command needs, or those that are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RightsView {
    /// Where.
    pub namespace: String,
    /// One verb on one resource each.
    pub rights: Vec<RightView>,
    /// A Role that gives them, as YAML.
    pub role: String,
}

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RightView {
    /// API group; empty for the core's.
    pub group: String,
    /// Plural, with a subresource after a slash.
    pub resource: String,
    /// `get`, `create`, ...
    pub verb: String,
    /// Only on the object of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the command fails without it.
    pub needed: bool,
}

/// The Roles, to be copied as they are.
pub(super) fn roles(all: &[RightsView], out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "To be applied with `kubectl apply -f -` by whoever may, and bound to the user or account that runs this:\n"
    )?;
    for rights in all {
        writeln!(out, "---\n{}", rights.role.trim_end())?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn what_is_missing_and_the_role_that_gives_it() {
        let (findings, rights) = samples::rights();
        let document = Document::Findings { findings: &findings, rights: &rights };
        insta::assert_snapshot!(samples::written(&document, Format::Table));
    }
}
