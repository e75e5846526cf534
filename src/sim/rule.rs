//! Which requests a fault happens to.

use std::fmt;
use std::str::FromStr;

use super::fault::Fault;
use super::fault_text::InvalidFault;
use crate::client::{Method, Request};
use crate::model::Component;

/// A fault and the requests it happens to. As text, for a command line: who, method, part of the path, which of the
/// matching requests (from 1; left out: all), and the fault; `*` for any:
///
/// - `gateway POST /actuator/exporting/resume 1..3 envelope-failure`: the first three attempts to resume
/// - `operate GET * 5.. status:502:Bad Gateway`: from the fifth request on
/// - `* * * hang`: everything
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// Who is asked; `None` for anybody.
    pub component: Option<Component>,
    /// The method; `None` for any.
    pub method: Option<Method>,
    /// A part of path and query; empty for any.
    pub path: String,
    /// So many matching requests go well first.
    pub skip: usize,
    /// Then so many go wrong; `None` for all.
    pub times: Option<usize>,
    /// What goes wrong.
    pub fault: Fault,
}

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a fault rule: {text:?}: {problem}\n{FORM}")]
pub struct InvalidRule {
    text: String,
    problem: String,
}

const FORM: &str = "a rule is: COMPONENT METHOD PATH [WHICH] FAULT, with * for any, \
                    as in: gateway POST /actuator/exporting/resume 1..3 envelope-failure";

impl FaultRule {
    /// A fault that happens to every request whose path contains this text.
    pub fn always(component: Component, method: Method, path: impl Into<String>, fault: Fault) -> Self {
        Self {
            component: Some(component),
            method: Some(method),
            path: path.into(),
            skip: 0,
            times: None,
            fault,
        }
    }

    /// The same for the first so many.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Whether this request counts for the rule.
    pub fn covers(&self, request: &Request) -> bool {
        self.component.is_none_or(|component| component == request.component)
            && self.method.is_none_or(|method| method == request.method)
            && request.path.contains(&self.path)
            && self.fault.fits(request)
    }

    /// Whether the fault happens to the n-th request (from 0) that counts.
    pub(super) fn happens(&self, n: usize) -> bool {
        n >= self.skip && self.times.is_none_or(|times| n - self.skip < times)
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.component {
            Some(component) => write!(f, "{component} ")?,
            None => f.write_str("* ")?,
        }
        let path = if self.path.is_empty() { "*" } else { &self.path };
        write!(f, "{} {path} ", self.method.map_or("*", Method::name))?;
        match (self.skip, self.times) {
            (0, None) => {}
            (skip, None) => write!(f, "{}.. ", skip + 1)?,
            (skip, Some(times)) => write!(f, "{}..{} ", skip + 1, skip + times)?,
        }
        self.fault.fmt(f)
    }
}

impl FromStr for FaultRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |problem: String| InvalidRule { text: text.to_owned(), problem };
        let mut rest = text.trim();
        let mut word = |what: &str| {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            rest = after.trim_start();
            if word.is_empty() { Err(bad(format!("the {what} is missing"))) } else { Ok(word) }
        };
        let component = component(word("component")?).map_err(bad)?;
        let method = method(word("method")?).map_err(bad)?;
        let path = Some(word("path")?).filter(|path| *path != "*").unwrap_or_default().to_owned();
        let (skip, times) = match rest.split_once(char::is_whitespace) {
            Some((which, after)) if which.starts_with(|c: char| c.is_ascii_digit()) => {
                rest = after.trim_start();
                window(which).ok_or_else(|| bad(format!("{which:?} is not one of 3, 1..3, 3..")))?
            }
            _ => (0, None),
        };
        if rest.is_empty() {
            return Err(bad("the fault is missing".to_owned()));
        }
        let fault = rest.parse().map_err(|error: InvalidFault| bad(error.to_string()))?;
        Ok(Self { component, method, path, skip, times, fault })
    }
}

/// Reads a component's name as it is printed: `operate`, `broker-0`, `search`.
pub(super) fn component(word: &str) -> Result<Option<Component>, String> {
    Ok(Some(match word {
        "*" => return Ok(None),
        "operate" => Component::Operate,
        "tasklist" => Component::Tasklist,
        "optimize" => Component::Optimize,
        "gateway" => Component::Gateway,
        "search" => Component::Search,
        other => match other.strip_prefix("broker-").and_then(|number| number.parse().ok()) {
            Some(number) => Component::Broker(number),
            None => {
                return Err(format!(
                    "{other:?} is not a component; known are operate, tasklist, optimize, gateway, broker-0 (and so \
                     on), search"
                ));
            }
        },
    }))
}

fn method(word: &str) -> Result<Option<Method>, String> {
    Ok(Some(match word.to_ascii_uppercase().as_str() {
        "*" => return Ok(None),
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Err(format!("{word:?} is not a method; known are GET, POST, PUT, DELETE")),
    }))
}

/// `3` is the third only, `1..3` the first three, `3..` all from the third on.
fn window(text: &str) -> Option<(usize, Option<usize>)> {
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (first.parse::<usize>().ok()?, Some(last)),
        None => (text.parse().ok()?, None),
    };
    let skip = first.checked_sub(1)?;
    match last {
        None => Some((skip, Some(1))),
        Some("") => Some((skip, None)),
        Some(last) => Some((skip, Some(last.parse::<usize>().ok()?.checked_sub(skip).filter(|n| *n > 0)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> FaultRule {
        text.parse().expect("a rule")
    }

    #[test]
    fn reads_and_prints() {
        for text in [
            "gateway POST /actuator/exporting/resume 1..3 envelope-failure",
            "operate GET * 5.. status:502:Bad Gateway: try later",
            "* * * hang",
            "broker-2 GET /actuator/partitions 2..2 slow:1500ms",
            "search PUT /_snapshot/ snapshot-partial",
            "* DELETE x late:90000ms",
            "gateway POST /actuator/backups partition-lost:3",
            "gateway POST /actuator/backups effect-then-status:500",
        ] {
            assert_eq!(rule(text).to_string(), text);
        }
        assert_eq!(rule("search get a 2 refuse").to_string(), "search GET a 2..2 refuse");
        let resume = rule("gateway POST /actuator/exporting/resume 1..3 envelope-failure");
        assert_eq!((resume.skip, resume.times), (0, Some(3)));
        assert_eq!([0, 2, 3].map(|n| resume.happens(n)), [true, true, false]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("", "component is missing"),
            ("zeebe GET * hang", "known are operate"),
            ("operate FETCH * hang", "not a method"),
            ("operate GET", "path is missing"),
            ("operate GET *", "fault is missing"),
            ("operate GET * explode", "known faults are refuse, hang"),
            ("operate GET * 3..1 hang", "3..1"),
            ("operate GET * 0 hang", "\"0\""),
            ("operate GET * slow:soon", "slow:2s"),
            ("operate GET * hang:1", "no argument"),
            ("operate GET * status:9", "HTTP status"),
            ("gateway POST * partition-lost", "partition-lost:2"),
        ] {
            let error = text.parse::<FaultRule>().expect_err("not a rule").to_string();
            assert!(error.contains(part) && error.contains("a rule is:"), "{text}: {error}");
        }
    }
}
