//! `${NAME:default}` in configuration files, and `$(NAME)` in the variables of a container.

use super::Value;

/// Placeholders may lead to placeholders; a circle ends here.
const DEEPEST: u8 = 8;

/// Puts values in the place of `${name}` and `${name:default}`; a name without value and default leaves the whole
/// unknown. A text that is one single placeholder may become a reference to a Secret; a Secret within a longer text
/// cannot be known here.
pub(super) fn resolve(text: &str, look_up: &dyn Fn(&str) -> Option<Value>) -> Value {
    within(text, look_up, DEEPEST)
}

fn within(text: &str, look_up: &dyn Fn(&str) -> Option<Value>, depth: u8) -> Value {
    let Some(start) = text.find("${") else { return Value::Text(text.to_owned()) };
    let Some(length) = closing(&text[start + 2..]) else { return Value::Text(text.to_owned()) };
    if depth == 0 {
        return Value::Unknown;
    }
    let (before, inside, after) =
        (&text[..start], &text[start + 2..start + 2 + length], &text[start + 3 + length..]);
    let (name, default) = match inside.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let value = match (look_up(name.trim()), default) {
        (Some(Value::Text(found)), _) => within(&found, look_up, depth - 1),
        (Some(found), _) => found,
        (None, Some(default)) => within(default, look_up, depth - 1),
        (None, None) => Value::Unknown,
    };
    match value {
        Value::Text(value) => match within(after, look_up, depth) {
            Value::Text(rest) => Value::Text(format!("{before}{value}{rest}")),
            other if before.is_empty() && value.is_empty() => other,
            _ => Value::Unknown,
        },
        found if before.is_empty() && after.is_empty() => found,
        _ => Value::Unknown,
    }
}

/// Where the brace that was opened before `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    for (i, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(i);
        }
    }
    None
}

/// Kubernetes' own `$(NAME)`: only names that were declared before, others stay as they are.
pub(super) fn expand(text: &str, look_up: &dyn Fn(&str) -> Option<String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("$(") {
        let Some(end) = rest[start..].find(')').map(|i| start + i) else { break };
        result.push_str(&rest[..start]);
        match look_up(&rest[start + 2..end]) {
            // `$$(NAME)` is Kubernetes' way to write `$(NAME)`.
            Some(value) if !result.ends_with('$') => result.push_str(&value),
            _ => result.push_str(&rest[start..=end]),
        }
        rest = &rest[end + 1..];
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::SecretRef;

    fn look_up(name: &str) -> Option<Value> {
        let secret = SecretRef { namespace: "n".into(), name: "s".into(), key: "k".into() };
        match name {
            "HOST" => Some(Value::Text("es".to_owned())),
            "INDIRECT" => Some(Value::Text("${HOST}-2".to_owned())),
            "CIRCLE" => Some(Value::Text("${CIRCLE}".to_owned())),
            "PASSWORD" => Some(Value::Secret(secret)),
            _ => None,
        }
    }

    #[test]
    fn defaults_nesting_and_circles() {
        let text = |t: &str| match resolve(t, &look_up) {
            Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(text("http://${HOST}:${PORT:9200}/"), "http://es:9200/");
        assert_eq!(text("${NOPE:${HOST:x}}"), "es");
        assert_eq!(text("${NOPE:http://a:1}"), "http://a:1");
        assert_eq!(text("${INDIRECT}"), "es-2");
        assert_eq!(text("${NOPE:}"), "");
        assert_eq!(text("${NOPE"), "${NOPE");
        assert_eq!(resolve("${NOPE}", &look_up), Value::Unknown);
        assert_eq!(resolve("${CIRCLE}", &look_up), Value::Unknown);
    }

    #[test]
    fn a_secret_is_a_reference_only_when_it_stands_alone() {
        assert!(matches!(resolve("${PASSWORD:}", &look_up), Value::Secret(_)));
        assert_eq!(resolve("x${PASSWORD}", &look_up), Value::Unknown);
        assert_eq!(resolve("${HOST}${PASSWORD}", &look_up), Value::Unknown);
    }

    #[test]
    fn kubernetes_expands_what_it_knows() {
        let look_up = |name: &str| (name == "A").then(|| "a".to_owned());
        assert_eq!(expand("$(A).$(B).$(A)", &look_up), "a.$(B).a");
        assert_eq!(expand("$(A", &look_up), "$(A");
        assert_eq!(expand("$$(A)", &look_up), "$$(A)");
    }
}
