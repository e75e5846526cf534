//! Everything that goes to stderr, written by a thread of its own.
//!
//! A reader that stops reading (a pager, a full pipe) must not stop the run: a write that blocks would leave exporting
//! paused. So the run only hands over lines, and never waits for them to be written.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::ValueEnum;
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::model::Part;
use crate::render::{self, Style};
use crate::run::{Event, Happened};

/// How progress and errors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people; on a terminal a live view.
    Text,
    /// One JSON object a line.
    Json,
}

enum Message {
    Line(String),
    Event(Box<Event>),
    /// A run begins: with a live view, where there is a terminal.
    Begin,
    End,
    /// Everything before it has been written when the sender of the answer is dropped.
    Flush(Sender<()>),
    Finish,
}

/// A handle to the writing thread. Cheap to clone; sending never blocks.
#[derive(Clone)]
pub(crate) struct Console {
    sender: Sender<Message>,
    format: LogFormat,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Console {
    pub fn start(format: LogFormat, verbose: u8, style: Style) -> Self {
        let (sender, receiver) = channel();
        let live =
            format == LogFormat::Text && ::console::Term::stderr().features().is_attended() && verbose == 0;
        let thread = std::thread::spawn(move || write(&receiver, format, style, live));
        let console = Self { sender, format, thread: Arc::new(Mutex::new(Some(thread))) };
        console.trace(verbose);
        console.hear_panics();
        console
    }

    /// A panic in a step is caught, but what it says must not block on a full pipe either, nor break the format.
    fn hear_panics(&self) {
        let console = self.clone();
        std::panic::set_hook(Box::new(move |panic| {
            console.problem(&format!("internal error, please report it: {panic}"));
            let trace = std::backtrace::Backtrace::capture();
            if trace.status() == std::backtrace::BacktraceStatus::Captured {
                console.problem(&trace.to_string());
            }
        }));
    }

    /// The libraries' and our own diagnostics, from `-v` on; before that, our warnings alone: what the libraries warn of
    /// (kube: every refusal of the API server) comes back to us as an error, and is told as we see it.
    fn trace(&self, verbose: u8) {
        let filter = match verbose {
            0 => {
                let layer = tracing_subscriber::fmt::layer().without_time().with_level(false);
                let layer = layer.with_target(false).with_ansi(false).with_writer(Warnings(self.clone()));
                let filter = EnvFilter::new("camunda_backup=warn");
                let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
                return;
            }
            1 => EnvFilter::new("camunda_backup=debug"),
            _ => EnvFilter::new("camunda_backup=trace,info,hyper=debug,reqwest=debug,rustls=info"),
        };
        // Its colours are a feature that is not built in; asking for them all the same is a panic in debug builds.
        let layer = tracing_subscriber::fmt::layer().with_writer(self.clone()).with_ansi(false);
        let registry = tracing_subscriber::registry();
        // A second subscriber in one process is a test's business; the first one stays.
        let _ = match self.format {
            LogFormat::Json => registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init(),
            LogFormat::Text => registry.with(layer.with_target(false).with_filter(filter)).try_init(),
        };
    }

    /// How lines are written.
    pub fn format(&self) -> LogFormat {
        self.format
    }

    /// One line as it is.
    pub fn line(&self, text: String) {
        // The thread lives as long as any handle, unless it panicked; then there is nobody to tell.
        let _ = self.sender.send(Message::Line(text));
    }

    pub fn info(&self, text: &str) {
        self.leveled("info", text, None);
    }

    pub fn warn(&self, text: &str) {
        self.leveled("warn", text, None);
    }

    /// An error that is not yet the end.
    pub fn problem(&self, text: &str) {
        self.leveled("error", text, None);
    }

    /// The error that ends the program with this code.
    pub fn error(&self, exit_code: u8, text: &str) {
        self.leveled("error", text, Some(exit_code));
    }

    /// What must be the last thing on the screen.
    pub fn last_words(&self, text: &str) {
        match self.format {
            LogFormat::Json => self.leveled("error", text, Some(30)),
            LogFormat::Text => self.line(render::plain_lines(text)),
        }
    }

    fn leveled(&self, level: &str, text: &str, exit_code: Option<u8>) {
        self.line(leveled(self.format, level, text, exit_code));
    }

    /// The live view, or the lines, of one run begin.
    pub fn begin(&self) {
        let _ = self.sender.send(Message::Begin);
    }

    pub fn event(&self, event: Event) {
        let _ = self.sender.send(Message::Event(Box::new(event)));
    }

    /// The run is over; what follows are plain lines.
    pub fn end(&self) {
        let _ = self.sender.send(Message::End);
    }

    /// Waits until everything so far is written, at most half a second: a result on stdout comes after what led to it.
    pub fn flush(&self) {
        let (done, written) = channel();
        if self.sender.send(Message::Flush(done)).is_ok() {
            let _ = written.recv_timeout(Duration::from_millis(500));
        }
    }

    /// Waits until everything is written, at most two seconds: a reader that does not read must not keep us.
    pub fn finish(&self) {
        let _ = self.sender.send(Message::Finish);
        let thread = self.thread.lock().ok().and_then(|mut t| t.take());
        let give_up = Instant::now() + Duration::from_secs(2);
        while thread.as_ref().is_some_and(|t| !t.is_finished()) && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A line of our own. What a server said is in it, and must not reach the terminal as it is.
fn leveled(format: LogFormat, level: &str, text: &str, exit_code: Option<u8>) -> String {
    match format {
        LogFormat::Text => {
            let level = if level == "warn" { "warning" } else { level };
            render::plain_lines(&format!("{level}: {text}"))
        }
        LogFormat::Json => {
            let time = super::timestamp().to_string();
            let mut line = serde_json::json!({ "time": time, "level": level, "message": text });
            if let Some(code) = exit_code {
                line["exitCode"] = code.into();
            }
            render::escaped(&line.to_string()).into_owned()
        }
    }
}

impl<'a> MakeWriter<'a> for Console {
    type Writer = TraceLine;

    fn make_writer(&'a self) -> Self::Writer {
        TraceLine { console: self.clone(), bytes: Vec::new() }
    }
}

/// Our own warnings as the warnings that people know.
#[derive(Clone)]
struct Warnings(Console);

impl<'a> MakeWriter<'a> for Warnings {
    type Writer = WarningLine;

    fn make_writer(&'a self) -> Self::Writer {
        WarningLine { console: self.0.clone(), bytes: Vec::new() }
    }
}

/// Collects one warning, and hands it over as a line.
struct WarningLine {
    console: Console,
    bytes: Vec<u8>,
}

impl std::io::Write for WarningLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for WarningLine {
    fn drop(&mut self) {
        self.console.warn(String::from_utf8_lossy(&self.bytes).trim_end());
    }
}

/// Collects one diagnostic, and hands it over as a line.
pub(crate) struct TraceLine {
    console: Console,
    bytes: Vec<u8>,
}

impl std::io::Write for TraceLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for TraceLine {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end();
        self.console.line(match self.console.format {
            LogFormat::Text => render::plain_lines(text),
            LogFormat::Json => as_ours(text).unwrap_or_else(|| text.to_owned()),
        });
    }
}

/// A diagnostic with the keys and words that every other JSON line has.
fn as_ours(text: &str) -> Option<String> {
    let serde_json::Value::Object(mut theirs) = serde_json::from_str(text).ok()? else { return None };
    let time = theirs.shift_remove("timestamp")?;
    let level = theirs.shift_remove("level")?.as_str()?.to_ascii_lowercase();
    let mut line =
        serde_json::Map::from_iter([("time".to_owned(), time), ("level".to_owned(), level.into())]);
    line.extend(theirs);
    Some(render::escaped(&serde_json::Value::Object(line).to_string()).into_owned())
}

/// A live view, and when its run began.
struct Watched {
    live: render::Live,
    began: Instant,
}

/// Lines about a part that is on its way: one when a piece is done, else one in this time. A live view shows them all.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// When a line about a part was last written, and how many of its pieces were done then.
type LastLine = BTreeMap<Part, (u64, Instant)>;

fn is_worth_a_line(event: &Event, last: &mut LastLine) -> bool {
    let Happened::Observed { part, done, .. } = &event.happened else { return true };
    let now = Instant::now();
    if last.get(part).is_some_and(|(before, at)| before == done && now.duration_since(*at) < BETWEEN_LINES) {
        return false;
    }
    last.insert(*part, (*done, now));
    true
}

fn write(receiver: &Receiver<Message>, format: LogFormat, style: Style, terminal: bool) {
    let mut watched: Option<Watched> = None;
    let mut last = LastLine::new();
    let mut began = super::timestamp();
    loop {
        let message = match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(Watched { live, began }) = &mut watched {
                    live.tick(began.elapsed());
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match message {
            Message::Begin => {
                began = super::timestamp();
                last.clear();
                if terminal {
                    let width =
                        || ::console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
                    watched =
                        Some(Watched { live: render::Live::stderr(style, width), began: Instant::now() });
                }
            }
            Message::Event(event) => match &mut watched {
                Some(Watched { live, .. }) => live.event(&event),
                None if !is_worth_a_line(&event, &mut last) => {}
                None => print(|out| match format {
                    LogFormat::Text => render::text_line(&event, began, style, out),
                    LogFormat::Json => render::json_line(&event, began, out),
                }),
            },
            Message::Line(line) => match &mut watched {
                Some(Watched { live, .. }) => live.println(&line),
                None => print(|out| writeln!(out, "{line}")),
            },
            Message::Flush(done) => drop(done),
            Message::End | Message::Finish => {
                if let Some(Watched { live, .. }) = watched.take() {
                    live.finish();
                }
                if matches!(message, Message::Finish) {
                    return;
                }
            }
        }
    }
}

/// One write a line, so that lines of two processes do not mix. Nobody is left to be told when it fails.
fn print(line: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) {
    let mut bytes = Vec::new();
    if line(&mut bytes).is_ok() {
        let _ = std::io::stderr().lock().write_all(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_cannot_move_the_cursor() {
        let text = "HTTP 500: \u{1b}[2J\u{1b}]0;title\u{7}x\nnothing was changed";
        let line = leveled(LogFormat::Text, "error", text, Some(13));
        assert_eq!(line, "error: HTTP 500:  [2J ]0;title x\nnothing was changed");
        let line = leveled(LogFormat::Json, "warn", text, None);
        assert!(!line.chars().any(char::is_control), "{line}");
    }
}
