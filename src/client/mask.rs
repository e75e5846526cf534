//! Our own secrets, where a server repeats them: a proxy's error page shows the request, a failing server its headers.

use bytes::Bytes;
use serde_json::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Keys under which answers have texts for people: messages, reasons of failures, causes.
const FOR_PEOPLE: [&str; 11] = [
    "message",
    "localizedMessage",
    "errorMessage",
    "detailedMessage",
    "detail",
    "error",
    "reason",
    "cause",
    "failureReason",
    "failures",
    "stackTrace",
];

/// Secrets that must not come back in a message.
#[derive(Clone, Default)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    pub fn new(secrets: impl Iterator<Item = String>) -> Self {
        // Inside a JSON text a quote or a backslash of a password looks different.
        let forms = |secret: String| {
            let quoted = serde_json::Value::from(secret.as_str()).to_string();
            let escaped = quoted.trim_matches('"').to_owned();
            [Some(escaped).filter(|e| *e != secret), Some(secret)].into_iter().flatten()
        };
        let mut secrets: Vec<_> = secrets.filter(|s| !s.is_empty()).flat_map(forms).collect();
        // One secret may be part of another: the longer one first.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        Self(secrets)
    }

    pub fn with(&self, more: impl Iterator<Item = String>) -> Self {
        Self::new(self.0.iter().cloned().chain(more))
    }

    /// A message, without them.
    pub fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| hidden(&text, secret))
    }

    /// A body. In a good answer in JSON only the texts for people are masked: the rest is data, in which a short password
    /// may be the name of something. Everything else is only ever shown.
    pub fn body(&self, status: u16, body: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&body);
        // A list of ten thousand backups is not taken apart for a password that is part of a word in it.
        if !self.0.iter().any(|secret| places(&text, secret).next().is_some()) {
            return body;
        }
        let data = (200..300).contains(&status).then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
        let masked = match data {
            Some(mut value) => {
                self.texts(&mut value, false);
                value.to_string()
            }
            None => self.text(&text),
        };
        masked.into()
    }

    fn texts(&self, value: &mut Value, for_people: bool) {
        match value {
            Value::String(text) if for_people => *text = self.text(text),
            Value::Array(all) => all.iter_mut().for_each(|one| self.texts(one, for_people)),
            Value::Object(all) => {
                for (key, one) in all.iter_mut() {
                    self.texts(one, for_people || FOR_PEOPLE.contains(&key.as_str()));
                }
            }
            _ => {}
        }
    }
}

/// Whether a body is data: a good answer that begins like JSON. `None`: so far there is nothing in it.
pub(super) fn is_data(status: u16, body: &[u8]) -> Option<bool> {
    let first = body.iter().find(|b| !b.is_ascii_whitespace());
    if (200..300).contains(&status) { first.map(|b| b"{[".contains(b)) } else { Some(false) }
}

/// Where a secret is to be hidden: every occurrence that is a word of its own. The password `camunda` is not hidden in
/// `camunda_operate_1`.
fn places<'a>(text: &'a str, secret: &'a str) -> impl Iterator<Item = usize> + use<'a> {
    let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(secret).map(|(at, _)| at).filter(move |at| {
        let (before, after) = (&text[..*at], &text[at + secret.len()..]);
        let glued = before.chars().next_back().is_some_and(inner) || after.chars().next().is_some_and(inner);
        // What is long is no word of a language: then it is hidden wherever it stands.
        !glued || secret.len() >= 12
    })
}

fn hidden(text: &str, secret: &str) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for at in places(text, secret) {
        out.push_str(&text[from..at]);
        out.push_str(HIDDEN);
        from = at + secret.len();
    }
    out + &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(secrets: &[&str]) -> Mask {
        Mask::new(secrets.iter().map(|s| (*s).to_owned()))
    }

    #[test]
    fn what_a_server_repeats_is_hidden() {
        let mask = mask(&["camunda", "a-long-secret-token", ""]);
        assert_eq!(
            mask.text("login camunda failed for xa-long-secret-tokenx"),
            "login (hidden) failed for x(hidden)x"
        );
        assert_eq!(mask.text("camunda_operate_1, my-camunda"), "camunda_operate_1, my-camunda");
    }

    #[test]
    fn data_stays_as_it_is() {
        let mask = mask(&["camunda"]);
        let body = |status, text: &'static str| mask.body(status, Bytes::from_static(text.as_bytes()));
        assert_eq!(body(200, r#"{"repository":"camunda"}"#), r#"{"repository":"camunda"}"#);
        assert_eq!(body(200, "<p>camunda</p>"), "<p>(hidden)</p>");
        assert_eq!(body(401, r#"{"message":"camunda"}"#), r#"{"message":"(hidden)"}"#);
    }

    #[test]
    fn the_texts_for_people_in_a_good_answer_are_no_data() {
        let mask = mask(&["camunda"]);
        let body = |text: &'static str| mask.body(200, Bytes::from_static(text.as_bytes()));
        assert_eq!(
            body(r#"{"body":{"message":"login camunda failed","id":123.0},"status":500}"#),
            r#"{"body":{"message":"login (hidden) failed","id":123.0},"status":500}"#
        );
        assert_eq!(body(r#"{"message":"camunda" "#), r#"{"message":"(hidden)" "#, "not JSON after all");
    }

    #[test]
    fn a_secret_is_known_as_it_looks_inside_json() {
        let mask = mask(&[r#"pass"wo\rd"#]);
        let body = serde_json::json!({ "message": r#"you sent pass"wo\rd here"# }).to_string();
        assert_eq!(mask.body(401, body.into()), r#"{"message":"you sent (hidden) here"}"#);
    }
}
