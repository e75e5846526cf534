//! The text for people in an error body, whichever of the many shapes it has.

use serde_json::Value;

/// Longest text we carry into an error message; stack traces and HTML pages are cut.
const LONGEST: usize = 400;

/// Finds the useful sentence in an error body. Recorded shapes: `{"message":..}` (Camunda, Spring problem details),
/// `{"detail":..}`, `{"error":..,"path":..}` (Spring), `{"errorCode":..,"errorMessage":..}` (Optimize),
/// `{"error":{"type":..,"reason":..}}` (Elasticsearch, OpenSearch), plain text (`Unauthorized` of OpenSearch's security).
///
/// `None` when the body is empty or says nothing.
pub fn message_of(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => of_json(&value)?,
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        _ if line.is_empty() => None,
        Some((end, _)) => Some(format!("{}...", &line[..end])),
        None => Some(line),
    }
}

fn of_json(value: &Value) -> Option<String> {
    let text =
        |key: &str| value.get(key).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
    if let Some(error) = value.get("error").filter(|e| e.is_object()) {
        let kind = error.get("type").and_then(Value::as_str).unwrap_or("error");
        let reason = error.get("reason").and_then(Value::as_str).unwrap_or_default();
        let cause =
            innermost(error).filter(|cause| !reason.contains(cause)).map(|cause| format!(": {cause}"));
        return Some(format!("{kind}: {reason}{}", cause.unwrap_or_default()));
    }
    text("message")
        .or_else(|| text("errorMessage"))
        // AWS, before a managed OpenSearch
        .or_else(|| text("Message"))
        .or_else(|| text("detail"))
        .or_else(|| {
            value.get("body").and_then(|b| b.get("message")).and_then(Value::as_str).map(str::to_owned)
        })
        .or_else(|| text("error"))
        .or_else(|| value.as_str().map(str::to_owned))
}

/// The reason at the bottom of an engine's chain of causes: that the disk is full stands there alone (recorded).
fn innermost(error: &Value) -> Option<&str> {
    let causes = std::iter::successors(error.get("caused_by"), |cause| cause.get("caused_by"));
    causes.filter_map(|cause| cause.get("reason")?.as_str()).filter(|reason| !reason.is_empty()).last()
}

#[cfg(test)]
mod tests {
    use super::message_of;

    #[test]
    fn reads_every_recorded_shape() {
        let cases: [(&str, Option<&str>); 9] = [
            (r#"{"message":"Backup with id 1 does not exist"}"#, Some("Backup with id 1 does not exist")),
            (r#"{"timestamp":"t","status":404,"error":"Not Found","path":"/x"}"#, Some("Not Found")),
            (
                r#"{"errorCode":"e","errorMessage":"no repository","detailedMessage":"d"}"#,
                Some("no repository"),
            ),
            (
                r#"{"error":{"root_cause":[],"type":"repository_missing_exception","reason":"[nope] missing"},"status":404}"#,
                Some("repository_missing_exception: [nope] missing"),
            ),
            // Elasticsearch 8.19 and OpenSearch 2.19, asked to verify a repository on a full disk.
            (
                r#"{"error":{"type":"repository_verification_exception","reason":"[r] path  is not accessible on master node","caused_by":{"type":"i_o_exception","reason":"No space left on device"}},"status":500}"#,
                Some(
                    "repository_verification_exception: [r] path is not accessible on master node: No space left on device",
                ),
            ),
            (r#"{"body":{"message":"Leader -2"},"status":500}"#, Some("Leader -2")),
            ("Unauthorized", Some("Unauthorized")),
            ("", None),
            ("{}", None),
        ];
        for (body, expected) in cases {
            assert_eq!(message_of(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn cuts_what_nobody_can_read() {
        let page = format!("<html>{}</html>", "ä".repeat(5000));
        let message = message_of(page.as_bytes()).expect("a text");
        assert!(message.chars().count() <= 403 && message.ends_with("..."));
    }
}
