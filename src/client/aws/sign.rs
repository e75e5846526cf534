//! AWS Signature Version 4, the arithmetic alone: no clock, no I/O.
//!
//! Source: "Create a signed AWS API request" in the IAM user guide. Checked against AWS's published test suite.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};

/// What AWS knows a caller by.
#[derive(Debug, Clone)]
pub struct AwsKeys {
    /// Public half.
    pub access_key_id: String,
    /// Secret half.
    pub secret_access_key: SecretString,
    /// Goes with temporary keys.
    pub session_token: Option<SecretString>,
    /// When they end; keys of a user have no end.
    pub expires: Option<Timestamp>,
}

/// One request, as it goes over the wire.
pub(super) struct Signable<'a> {
    pub method: &'a str,
    /// Path as sent, already encoded once.
    pub path: &'a str,
    /// Query as sent, without the question mark.
    pub query: &'a str,
    /// Headers to sign: names in lower case.
    pub headers: &'a [(String, String)],
    /// SHA-256 of the body in hexadecimal.
    pub payload: &'a str,
}

/// For whom a signature is good.
pub(super) struct Scope<'a> {
    pub region: &'a str,
    pub service: &'a str,
    pub at: Timestamp,
}

/// `20150830T123600Z`
pub(super) fn amz_date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The value of the `Authorization` header.
pub(super) fn authorization(request: &Signable<'_>, keys: &AwsKeys, scope: &Scope<'_>) -> String {
    let (canonical, signed) = canonical(request);
    let date = amz_date(scope.at);
    let day = &date[..8];
    let of = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{of}\n{}", sha256_hex(canonical.as_bytes()));
    let secret = format!("AWS4{}", keys.secret_access_key.expose_secret());
    let key = [day, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, text| mac(&key, text.as_bytes()));
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{of}, SignedHeaders={signed}, Signature={signature}",
        keys.access_key_id
    )
}

/// The canonical request, and the names of the headers in it.
fn canonical(request: &Signable<'_>) -> (String, String) {
    let mut headers: Vec<(&str, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    headers.sort();
    let lines: String = headers.iter().fold(String::new(), |mut all, (name, value)| {
        let _ = writeln!(all, "{name}:{value}");
        all
    });
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    // Every service but S3 encodes the path that was sent once more.
    let path = if request.path.is_empty() { "/".to_owned() } else { encoded(request.path, true) };
    let canonical = format!(
        "{}\n{path}\n{}\n{lines}\n{names}\n{}",
        request.method,
        canonical_query(request.query),
        request.payload
    );
    (canonical, names)
}

fn canonical_query(query: &str) -> String {
    let pairs =
        query.split('&').filter(|p| !p.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<_> = pairs
        .map(|(name, value)| (encoded(&decoded(name), false), encoded(&decoded(value), false)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while i < bytes.len() {
        let pair = text.get(i + 1..i + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[i], pair) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Everything but letters, digits and `-._~` as `%XX`; a path keeps its slashes.
fn encoded(text: &str, path: bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (path && byte == b'/') {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    fn signature(method: &str, path: &str, query: &str, more: &[(&str, &str)], body: &str) -> String {
        let keys = AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
            expires: None,
        };
        let at: Timestamp = "2015-08-30T12:36:00Z".parse().expect("a time");
        let fixed = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        let headers: Vec<_> =
            more.iter().chain(&fixed).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let payload = sha256_hex(body.as_bytes());
        let request = Signable { method, path, query, headers: &headers, payload: &payload };
        let scope = Scope { region: "us-east-1", service: "service", at };
        let value = authorization(&request, &keys, &scope);
        value.split("Signature=").nth(1).expect("a signature").to_owned()
    }

    /// Name, method, path, query, headers, body, signature.
    type Case<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

    /// Names and signatures of AWS's published test suite for Signature Version 4.
    #[test]
    fn signs_as_the_published_test_suite_says() {
        let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let unreserved = format!("{unreserved}={unreserved}");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let trim = [("my-header1", " value1"), ("my-header2", " \"a   b   c\"")];
        #[rustfmt::skip]
        let suite: &[Case<'_>] = &[
            ("get-vanilla", "GET", "/", "", &[], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("post-vanilla", "POST", "/", "", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            ("get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", &[], "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            ("get-vanilla-query-unreserved", "GET", "/", &unreserved, &[], "", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
            ("get-vanilla-utf8-query", "GET", "/", "%E1%88%B4=bar", &[], "", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
            ("get-vanilla-empty-query-key", "GET", "/", "Param1=value1", &[], "", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
            ("get-utf8", "GET", "/ሴ", "", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
            ("get-space", "GET", "/example space/", "", &[], "", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
            ("post-header-key-sort", "POST", "/", "", &[("my-header1", "value1")], "", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
            ("get-header-value-trim", "GET", "/", "", &trim, "", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
            ("post-x-www-form-urlencoded", "POST", "/", "", &form, "Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
            ("post-sts-header-before", "POST", "/", "", &[("x-amz-security-token", TOKEN)], "", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
        ];
        for (name, method, path, query, headers, body, expected) in suite {
            assert_eq!(signature(method, path, query, headers, body), *expected, "{name}");
        }
    }

    #[test]
    fn a_path_is_encoded_once_more_than_it_is_sent() {
        let request = Signable {
            method: "GET",
            path: "/_cat/indices/zeebe-record*",
            query: "h=index&format=json",
            headers: &[],
            payload: "",
        };
        let (canonical, _) = canonical(&request);
        assert!(
            canonical.starts_with("GET\n/_cat/indices/zeebe-record%2A\nformat=json&h=index\n"),
            "{canonical}"
        );
    }
}
