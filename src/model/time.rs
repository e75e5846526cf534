//! Times as the components write them.

use jiff::{Timestamp, fmt::strtime};

/// Reads the two ways in which components write a time: Zeebe's RFC 3339 with up to nine digits of a second, and the web
/// applications' `2026-11-23T00:25:20.068+0000`, whose offset has no colon.
pub fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()?.to_timestamp().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_times_of_real_servers() {
        for (text, read) in [
            ("2026-11-23T00:25:20.068+0000", "2026-11-23T00:25:20.068Z"),
            ("2026-11-23T01:25:20.068+0100", "2026-11-23T00:25:20.068Z"),
            ("2026-11-23T00:25:36.94871472Z", "2026-11-23T00:25:36.94871472Z"),
        ] {
            assert_eq!(time(text).map(|t| t.to_string()).as_deref(), Some(read), "{text}");
        }
        for text in ["", "yesterday", "1764000000"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
