//! JSON printed as Tasklist prints it: `"a" : 1`, objects on lines of their own, arrays on one line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Jackson's default pretty printer.
#[derive(Default)]
struct Jackson {
    depth: usize,
    filled: bool,
}

impl Jackson {
    fn line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        writeln!(writer)?;
        writer.write_all("  ".repeat(self.depth).as_bytes())
    }
}

impl Formatter for Jackson {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.filled = false;
        writer.write_all(b"[ ")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.filled { b" ]" } else { b"]" })?;
        self.filled = true;
        Ok(())
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.filled {
            self.line(writer)?;
        } else {
            writer.write_all(b" ")?;
        }
        self.filled = true;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b"," })?;
        self.line(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

/// Serialises in that form.
pub(super) fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    // Our own types into memory: cannot fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut text, Jackson::default()));
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_recorded() {
        let value = serde_json::json!({
            "scheduledSnapshots": ["a", "b"], "none": [], "details": [{"state": "SUCCESS", "failures": []}, {"x": {}}],
        });
        let text = String::from_utf8(super::pretty(&value)).expect("UTF-8");
        assert_eq!(
            text,
            "{\n  \"scheduledSnapshots\" : [ \"a\", \"b\" ],\n  \"none\" : [ ],\n  \"details\" : [ {\n    \"state\" \
             : \"SUCCESS\",\n    \"failures\" : [ ]\n  }, {\n    \"x\" : { }\n  } ]\n}"
        );
    }
}
