//! Columns as kubectl prints them: capitals above, two spaces between, nothing at the end of a line.

use std::io::{self, Write};

use super::style::{Style, Tone};
use super::text::plain;

/// One cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell in a tone.
    pub fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Self { text: plain(text.as_ref()), tone }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(Tone::Plain, text)
    }
}

/// Rows of cells. (Not `comfy-table`: it pads the last column too, and keeps several strings a cell, which counts with
/// ten thousand rows.)
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Column heads.
    pub fn new<'a>(heads: impl IntoIterator<Item = &'a str>) -> Self {
        Self { rows: vec![heads.into_iter().map(|h| Cell::new(Tone::Dim, h)).collect()] }
    }

    /// Without heads.
    pub fn bare() -> Self {
        Self::default()
    }

    /// One more row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (i, cell) in row.iter().enumerate() {
                match widths.get_mut(i) {
                    Some(width) => *width = cell.width().max(*width),
                    None => widths.push(cell.width()),
                }
            }
        }
        for row in &self.rows {
            let last = row.iter().rposition(|c| !c.text.is_empty()).unwrap_or_default();
            for (i, (cell, width)) in row.iter().zip(&widths).enumerate().take(last + 1) {
                write!(out, "{}", style.paint(cell.tone, &cell.text))?;
                if i < last {
                    write!(out, "{:pad$}", "", pad = width - cell.width() + 2)?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}
