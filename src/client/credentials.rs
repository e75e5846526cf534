//! How to log in: to a component, and to whatever stands before it.

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::aws::AwsSigner;

/// How to log in.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// User and password.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// An Elasticsearch API key, in its encoded form.
    ApiKey(SecretString),
    /// A bearer token.
    Bearer(SecretString),
    /// Every request is signed for AWS.
    Aws(AwsSigner),
}

impl Credentials {
    /// The header that says it, where it is always the same one.
    pub(super) fn header(&self) -> Result<Option<Header>, String> {
        let value = match self {
            Credentials::None | Credentials::Aws(_) => return Ok(None),
            Credentials::Basic { username, .. } if username.contains(':') => {
                return Err("a user's name for basic authentication has no colon in it (RFC 7617)".to_owned());
            }
            Credentials::Basic { username, password } => {
                let both = format!("{username}:{}", password.expose_secret());
                format!("Basic {}", base64(both.as_bytes()))
            }
            Credentials::ApiKey(key) => format!("ApiKey {}", key.expose_secret()),
            Credentials::Bearer(token) => format!("Bearer {}", token.expose_secret()),
        };
        Ok(Some(Header { name: "authorization".to_owned(), value: value.into() }))
    }

    /// What nobody is to read: as it was given, and as it is sent.
    pub(super) fn secrets(&self) -> Vec<String> {
        let plain = match self {
            Credentials::None | Credentials::Aws(_) => return Vec::new(),
            Credentials::Basic { password, .. } => password,
            Credentials::ApiKey(secret) | Credentials::Bearer(secret) => secret,
        };
        let sent = self.header().ok().flatten().map(|header| header.secret());
        let sent = sent.and_then(|s| s.split_once(' ').map(|(_, value)| value.to_owned()));
        [plain.expose_secret().to_owned()].into_iter().chain(sent).collect()
    }
}

/// A header whose value is nobody's business.
#[derive(Debug, Clone)]
pub struct Header {
    name: String,
    value: SecretString,
}

impl Header {
    /// Reads `Name: value`. The error does not show the value.
    pub fn parse(line: &str) -> Result<Self, String> {
        let (name, value) = line.split_once(':').ok_or("a header is written as `Name: value`")?;
        let header = Self { name: name.trim().to_ascii_lowercase(), value: value.trim().to_owned().into() };
        header.parsed().map(|_| header)
    }

    pub(super) fn parsed(&self) -> Result<(HeaderName, HeaderValue), String> {
        let name = HeaderName::from_bytes(self.name.as_bytes())
            .map_err(|_| "a header is written as `Name: value`, with a name that HTTP allows".to_owned())?;
        let mut value = HeaderValue::from_str(self.value.expose_secret()).map_err(|_| {
            format!(
                "the value for header {} contains what HTTP does not allow, such as a line break",
                self.name
            )
        })?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// The value.
    pub(super) fn secret(&self) -> String {
        self.value.expose_secret().to_owned()
    }
}

/// Standard base64 with padding (RFC 4648). Six lines instead of a dependency for one header.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let six = (group >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        // RFC 4648, section 10
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_header_is_read_and_its_value_never_shown() {
        let header = Header::parse("X-Auth: geheim:1 2").expect("a header");
        assert_eq!((header.name.as_str(), header.secret().as_str()), ("x-auth", "geheim:1 2"));
        assert!(!format!("{header:?}").contains("geheim"));
        for bad in ["geheim", "a b: geheim", ": geheim", "X-Auth: geheim\u{7}"] {
            let error = Header::parse(bad).expect_err(bad);
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
