//! Findings for people: what is wrong, where, and what to do.

use std::io::{self, Write};

use super::document::Context;
use super::rights::{self, RightsView};
use super::style::Tone;
use super::text::{count, plain, spoken};
use crate::model::{Finding, Severity};

/// Errors first, then the Roles for what is not allowed, and a last line that says what follows from all of it.
pub(super) fn text(
    findings: &[Finding],
    missing: &[RightsView],
    context: &Context<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = context.style;
    let of = |severity| findings.iter().filter(move |f| f.severity == severity);
    list(findings, context, out)?;
    rights::roles(missing, out)?;
    let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
    match (errors, warnings) {
        (0, 0) => writeln!(out, "{}", style.paint(Tone::Good, "Nothing speaks against a backup.")),
        (0, _) => {
            writeln!(out, "{}, no error: a backup can be taken.", count(warnings, "warning"))
        }
        _ => {
            let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
            writeln!(out, "{errors}, {warnings}: no backup can be taken before the errors are mended.")
        }
    }
}

/// One paragraph each, errors first.
pub(super) fn list(findings: &[Finding], context: &Context<'_>, out: &mut dyn Write) -> io::Result<()> {
    let style = context.style;
    let of = |severity| findings.iter().filter(move |f| f.severity == severity);
    for finding in of(Severity::Error).chain(of(Severity::Warning)) {
        let (tone, word) = match finding.severity {
            Severity::Error => (Tone::Bad, "error"),
            Severity::Warning => (Tone::Warn, "warning"),
        };
        write!(out, "{}{:pad$}{}", style.paint(tone, word), "", finding.reason, pad = 9 - word.len())?;
        match &finding.component {
            Some(component) => writeln!(out, " ({component})")?,
            None => writeln!(out)?,
        }
        writeln!(out, "         {}", plain(&finding.detail))?;
        writeln!(out, "         do: {}\n", plain(&spoken(&finding.remedy, context.program)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::render::{Document, Format, samples};

    #[test]
    fn errors_come_first() {
        let findings = samples::findings();
        insta::assert_snapshot!(samples::written(
            &Document::Findings { findings: &findings, rights: &[] },
            Format::Table
        ));
    }

    #[test]
    fn nothing_found_is_said_too() {
        let text = samples::written(&Document::Findings { findings: &[], rights: &[] }, Format::Table);
        assert_eq!(text, "Nothing speaks against a backup.\n");
        let warnings = &samples::findings()[..1];
        let text = samples::written(&Document::Findings { findings: warnings, rights: &[] }, Format::Table);
        assert!(text.ends_with("1 warning, no error: a backup can be taken.\n"), "{text}");
    }
}
