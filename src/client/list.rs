//! Lists that may be long, read element by element as their bytes arrive: never more than one element is held as text.
//!
//! A list of ten thousand backups is 34 MB of JSON; what is kept of it is a fraction.

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::call::not_understood;
use super::transport::Response;

/// Where the list stands in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the body.
    Body,
    /// It is this member of the body's object.
    Member(&'static str),
}

/// A list that is being read.
///
/// The body is cut at its elements, which are objects; each is read by itself, and what stands around them (with a `0` for
/// each element) is read at the end. So both are checked by the JSON parser, and nothing else is.
pub struct List<T> {
    place: Place,
    /// One element → a value, or nothing that counts.
    read: fn(&[u8]) -> serde_json::Result<Option<T>>,
    /// What stands around → the number of elements in it, or why the list must not be believed.
    end: fn(&[u8]) -> serde_json::Result<Result<usize, String>>,
    found: Vec<T>,
    seen: usize,
    wrong: Option<String>,
    /// A part of the body → the same without our own secrets.
    hide: Box<dyn Fn(Bytes) -> Bytes + Send>,
    /// For the message, should it not be understood.
    head: Vec<u8>,
    around: Vec<u8>,
    element: Vec<u8>,
    /// Open brackets.
    depth: usize,
    at: At,
    text: Text,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Around,
    Between,
    Element,
}

/// Whether it is part of a text, in which brackets mean nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    No,
    Yes,
    Escaped,
}

/// Bytes of a body that a message repeats.
const HEAD: usize = 320;

impl<T> List<T> {
    pub(super) fn new(
        place: Place,
        read: fn(&[u8]) -> serde_json::Result<Option<T>>,
        end: fn(&[u8]) -> serde_json::Result<Result<usize, String>>,
    ) -> Self {
        Self {
            place,
            read,
            end,
            found: Vec::new(),
            seen: 0,
            wrong: None,
            hide: Box::new(|bytes| bytes),
            head: Vec::new(),
            around: Vec::new(),
            element: Vec::new(),
            depth: 0,
            at: At::Around,
            text: Text::No,
        }
    }

    /// What is done to each part before anything is read from it; see [`super::Transport::without_secrets`].
    pub(super) fn hide(&mut self, hide: impl Fn(Bytes) -> Bytes + Send + 'static) {
        self.hide = Box::new(hide);
    }

    /// The next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match (self.text, byte) {
                (Text::Escaped, _) | (Text::No, b'"') => self.text = Text::Yes,
                (Text::Yes, b'\\') => self.text = Text::Escaped,
                (Text::Yes, b'"') => self.text = Text::No,
                (Text::No, b'{' | b'[') => {
                    if self.at == At::Between && self.depth == self.list_depth() && *byte == b'{' {
                        self.around.extend_from_slice(&bytes[from..at]);
                        self.around.push(b'0');
                        (self.at, from) = (At::Element, at);
                    } else if self.depth + 1 == self.list_depth() && *byte == b'[' {
                        self.around.extend_from_slice(&bytes[from..at]);
                        from = at;
                        self.at = if self.is_here() { At::Between } else { At::Around };
                    }
                    self.depth += 1;
                }
                (Text::No, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.at == At::Element && self.depth == self.list_depth() {
                        self.element.extend_from_slice(&bytes[from..=at]);
                        from = at + 1;
                        self.at = At::Between;
                        self.take();
                    }
                    if self.at == At::Between && self.depth < self.list_depth() {
                        self.at = At::Around;
                    }
                }
                (Text::No | Text::Yes, _) => {}
            }
        }
        let rest = if self.at == At::Element { &mut self.element } else { &mut self.around };
        rest.extend_from_slice(&bytes[from..]);
    }

    /// Open brackets around an element.
    fn list_depth(&self) -> usize {
        match self.place {
            Place::Body => 1,
            Place::Member(_) => 2,
        }
    }

    /// Whether the list begins after what was read so far.
    fn is_here(&self) -> bool {
        let Place::Member(name) = self.place else { return true };
        let before = self.around.trim_ascii_end().strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        let before = before.and_then(|b| b.strip_suffix(b"\"")?.strip_suffix(name.as_bytes()));
        before.is_some_and(|b| b.ends_with(b"\""))
    }

    fn take(&mut self) {
        self.seen += 1;
        match (self.read)(&(self.hide)(std::mem::take(&mut self.element).into())) {
            Ok(value) => self.found.extend(value),
            Err(error) => {
                self.wrong.get_or_insert_with(|| format!("element {} of the list: {error}", self.seen));
            }
        }
    }

    /// The whole list. `Err` is why it must not be believed.
    pub fn finish(mut self, status: u16) -> Result<Vec<T>, String> {
        self.around.append(&mut self.element);
        let (head, around) = ((self.hide)(self.head.into()), (self.hide)(self.around.into()));
        let said = |error: &dyn std::fmt::Display| not_understood(status, error, &head);
        if let Some(wrong) = &self.wrong {
            return Err(said(wrong));
        }
        let count = (self.end)(&around).map_err(|error| said(&error))??;
        if count != self.seen {
            return Err(said(&"an element of the list is not an object"));
        }
        Ok(self.found)
    }

    /// The same of a body that is there as a whole.
    pub fn whole(mut self, response: &Response) -> Result<Vec<T>, String> {
        self.push(&response.body);
        self.finish(response.status)
    }
}

/// Reads one element as it is written.
pub(super) fn element<W: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<W> {
    serde_json::from_slice(bytes)
}

/// The end of a list that is the body.
pub(super) fn count(around: &[u8]) -> serde_json::Result<Result<usize, String>> {
    serde_json::from_slice::<Vec<IgnoredAny>>(around).map(|all| Ok(all.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn of_body() -> List<Value> {
        List::new(Place::Body, |bytes| element(bytes).map(Some), count)
    }

    fn of_member() -> List<Value> {
        List::new(
            Place::Member("snapshots"),
            |bytes| element(bytes).map(Some),
            |around| {
                let around: Value = serde_json::from_slice(around)?;
                Ok(around["snapshots"].as_array().map(Vec::len).ok_or_else(|| "no list".to_owned()))
            },
        )
    }

    fn read(mut list: List<Value>, text: &str, size: usize) -> Result<Vec<Value>, String> {
        text.as_bytes().chunks(size.max(1)).for_each(|bytes| list.push(bytes));
        list.finish(200)
    }

    #[test]
    fn nothing_but_the_list_that_is_meant_counts() {
        let body = r#"{"other":[{"a":1}],"x":{"snapshots":[{"b":1}]},"said":"\"snapshots\":[{","snapshots" : [ {"c":[{}]} , {"d":"]}\\"} ],"total":2}"#;
        for size in 1..body.len() {
            let found = read(of_member(), body, size);
            assert_eq!(found, Ok(vec![json!({"c": [{}]}), json!({"d": "]}\\"})]), "{size}");
        }
    }

    #[test]
    fn what_is_no_list_of_objects_is_refused_whole() {
        for body in [
            "",
            " ",
            "{}",
            "[",
            "[{}",
            "[{}]]",
            "[{}{}]",
            "[{},]",
            "[,{}]",
            "[1]",
            "[0,{}]",
            "[[{}]]",
            "[{\"a\":}]",
            "[{}] x",
            "null",
            "\"[{}]\"",
            "{\"a\":[{}]}",
            "<html>",
        ] {
            for size in [1, 1000] {
                assert!(read(of_body(), body, size).is_err(), "{body}");
            }
        }
        for body in [
            "[]",
            "[{}]",
            "{\"snapshots\":{}}",
            "{\"snapshots\":[[{}]]}",
            "{\"snapshots\":[{}]",
            "{\"snapshots\":[1]}",
        ] {
            assert!(read(of_member(), body, 3).is_err(), "{body}");
        }
        let error = read(of_body(), "[{\"a\":}]", 100).expect_err("broken");
        assert!(error.contains("element 1") && error.contains(r#"[{\"a\":}]"#), "{error}");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[\\PC\"\\\\\\[\\]{}:,]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z\"\\\\]{0,4}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_list_of_objects_is_read_as_the_parser_reads_it(
            objects in prop::collection::vec(prop::collection::hash_map("[a-z\"\\\\]{0,4}", values(), 0..4), 0..5),
            beside in values(),
            pretty: bool,
            size in 1_usize..40,
        ) {
            let objects: Vec<Value> =
                objects.into_iter().map(|fields| Value::Object(fields.into_iter().collect())).collect();
            let text = |value: &Value| if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(read(of_body(), &text(&Value::from(objects.clone())), size), Ok(objects.clone()));
            let body = json!({ "failures": beside, "snapshots": objects, "total": [objects.len()] });
            prop_assert_eq!(read(of_member(), &text(&body), size), Ok(objects));
        }
    }
}
