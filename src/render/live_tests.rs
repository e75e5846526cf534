use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;

use super::*;
use crate::render::samples;

/// A terminal of which only the text matters. It wraps as real ones do: a full line ends when one more letter comes.
#[derive(Debug, Clone)]
struct Paper {
    width: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    wrapped: usize,
    flushes: usize,
    gone: bool,
}

impl State {
    fn put(&mut self, c: char, width: usize) {
        match c {
            '\r' => self.column = 0,
            '\n' => (self.row, self.column) = (self.row + 1, 0),
            c => {
                if self.column == width {
                    // Between two lines that end in blanks it is how the lines are kept apart, and not seen.
                    self.wrapped += usize::from(self.lines[self.row].last() != Some(&' '));
                    (self.row, self.column) = (self.row + 1, 0);
                }
                let rows = self.lines.len().max(self.row + 1);
                self.lines.resize(rows, Vec::new());
                let line = &mut self.lines[self.row];
                line.resize(line.len().max(self.column + 1), ' ');
                line[self.column] = c;
                self.column += 1;
            }
        }
    }
}

impl Paper {
    fn new(width: u16) -> Self {
        Self { width, state: Arc::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic while held")
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state();
        if state.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        change(&mut state);
        Ok(())
    }

    fn text(&self) -> String {
        let lines = self.state().lines.iter().map(|l| l.iter().collect::<String>()).collect::<Vec<_>>();
        lines.iter().map(|l| l.trim_end()).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.change(|s| s.row = s.row.saturating_sub(n))
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.change(|s| s.row += n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.change(|s| s.column += n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.change(|s| s.column = s.column.saturating_sub(n))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.change(|s| text.chars().for_each(|c| s.put(c, usize::from(self.width))))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.change(|s| {
            let row = s.row;
            s.column = 0;
            if let Some(line) = s.lines.get_mut(row) {
                line.clear();
            }
        })
    }

    fn flush(&self) -> io::Result<()> {
        self.change(|s| s.flushes += 1)
    }
}

fn live(paper: &Paper) -> Live {
    let width = usize::from(paper.width);
    let target = ProgressDrawTarget::term_like(Box::new(paper.clone()));
    Live::new(target, Style::default(), move || Some(width))
}

#[test]
fn the_moving_lines_are_replaced_and_warnings_stay_above() {
    let paper = Paper::new(60);
    let mut live = live(&paper);
    let events = samples::events();
    let retry = events.iter().position(|e| level(e) == Level::Warn).expect("a warning");
    for event in &events[..=retry] {
        live.event(event);
        live.tick(event.at + Duration::from_secs(1));
    }
    insta::assert_snapshot!(paper.text());
}

#[test]
fn at_the_end_one_line_and_the_warnings_are_left() {
    let paper = Paper::new(200);
    let mut live = live(&paper);
    for event in &samples::events() {
        live.event(event);
    }
    live.finish();
    insta::assert_snapshot!(paper.text());
}

#[test]
fn moving_lines_never_wrap() {
    let paper = Paper::new(24);
    let mut live = live(&paper);
    for event in samples::events().iter().filter(|e| level(e) == Level::Info) {
        live.event(event);
        live.tick(event.at + Duration::from_secs(1));
    }
    assert_eq!(paper.state().wrapped, 0, "{}", paper.text());
}

#[test]
fn ten_pictures_a_second_at_most() {
    let paper = Paper::new(60);
    let mut live = live(&paper);
    samples::events().iter().take(2).for_each(|event| live.event(event));
    let before = paper.state().flushes;
    (0..2000).for_each(|ms| live.tick(Duration::from_millis(10_000 + ms)));
    let drawn = paper.state().flushes - before;
    assert!((10..=21).contains(&drawn), "{drawn} pictures in two seconds");
}

#[test]
fn a_terminal_that_goes_away_ends_nothing() {
    let paper = Paper::new(60);
    let mut live = live(&paper);
    let events = samples::events();
    live.event(&events[0]);
    paper.state().gone = true;
    for event in &events {
        live.event(event);
        live.tick(event.at + Duration::from_secs(1));
    }
    live.finish();
}
