//! Our own secrets, where a server repeats them: a proxy's error page shows the request, a failing server its headers.

use bytes::Bytes;

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Secrets that must not come back in a message.
#[derive(Clone, Default)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    pub fn new(secrets: impl Iterator<Item = String>) -> Self {
        let mut secrets: Vec<_> = secrets.filter(|s| !s.is_empty()).collect();
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

    /// A body. Good answers in JSON are data, in which a short password may be the name of something; everything else is
    /// only ever shown.
    pub fn body(&self, status: u16, body: Bytes) -> Bytes {
        if is_data(status, &body) != Some(false) || self.0.is_empty() {
            return body;
        }
        let text = String::from_utf8_lossy(&body);
        let masked = self.text(&text);
        if masked == text { body } else { masked.into() }
    }
}

/// Whether a body is data: a good answer that begins like JSON. `None`: so far there is nothing in it.
pub(super) fn is_data(status: u16, body: &[u8]) -> Option<bool> {
    let first = body.iter().find(|b| !b.is_ascii_whitespace());
    if (200..300).contains(&status) { first.map(|b| b"{[".contains(b)) } else { Some(false) }
}

/// Every occurrence that is a word of its own: the password `camunda` is not hidden in `camunda_operate_1`.
fn hidden(text: &str, secret: &str) -> String {
    let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        out.push_str(before);
        let glued = before.chars().next_back().is_some_and(inner) || after.chars().next().is_some_and(inner);
        // What is long is no word of a language: then it is hidden wherever it stands.
        out.push_str(if glued && secret.len() < 12 { secret } else { HIDDEN });
        rest = after;
    }
    out + rest
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
}
