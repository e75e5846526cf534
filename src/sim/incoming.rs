//! One request as a server sees it: path and query apart, and a body that need not be JSON.

use serde_json::Value;

use crate::client::{Method, Request};

/// The body, as far as the answers depend on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    /// None at all.
    None,
    /// JSON, with the content type for it.
    Json(Value),
    /// Said to be JSON, but is not. Empty text counts.
    Broken(String),
    /// Something with another content type.
    Other(String),
}

/// One request. In-process requests are made from [`Request`]; those over TCP can also be malformed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incoming {
    pub(super) request: Request,
    pub(super) body: Body,
}

impl From<&Request> for Incoming {
    fn from(request: &Request) -> Self {
        let body = request.body.clone().map_or(Body::None, Body::Json);
        Self { request: request.clone(), body }
    }
}

impl Incoming {
    pub(super) fn method(&self) -> Method {
        self.request.method
    }

    /// The path as sent, with the query.
    pub(super) fn full_path(&self) -> &str {
        &self.request.path
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        self.request.path.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query; `Some("")` for one without a value.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.request.path.split_once('?')?;
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v)
    }

    /// Whether a parameter says yes: `wait_for_completion=true`, or without a value.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.query(name).map(|value| matches!(value, "" | "true"))
    }

    /// The JSON body, if it is one.
    pub(super) fn json(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(value) => Some(value),
            _ => None,
        }
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Component;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("zeebe-record*", "zeebe-record_job", true),
            ("zeebe-record*", "operate-x", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn query_is_taken_apart() {
        let incoming = Incoming::from(&Request::get(Component::Search, "/a/b?x=1&verbose=false&z"));
        assert_eq!(incoming.path(), "/a/b");
        assert_eq!((incoming.query("x"), incoming.query("y")), (Some("1"), None));
        assert_eq!(
            (incoming.flag("verbose"), incoming.flag("z"), incoming.flag("q")),
            (Some(false), Some(true), None)
        );
    }
}
