//! Comparing JSON by shape: the same keys, with values of the same types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a value looks like. The elements of an array are taken together: what one of them can be, all can.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    types: BTreeSet<&'static str>,
    keys: BTreeMap<String, Shape>,
    /// Keys that not every object had.
    optional: BTreeSet<String>,
    elements: Option<Box<Shape>>,
    objects: usize,
}

impl Shape {
    pub(super) fn of(value: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(value);
        shape
    }

    fn add(&mut self, value: &Value) {
        self.types.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
        match value {
            Value::Array(elements) => {
                for element in elements {
                    self.elements.get_or_insert_default().add(element);
                }
            }
            Value::Object(object) => {
                let new = object.keys().filter(|key| self.objects > 0 && !self.keys.contains_key(*key));
                self.optional.extend(new.cloned());
                let missing = self.keys.keys().filter(|key| !object.contains_key(*key));
                self.optional.extend(missing.cloned());
                self.objects += 1;
                for (key, value) in object {
                    self.keys.entry(key.clone()).or_default().add(value);
                }
            }
            _ => {}
        }
    }

    /// What in this shape does not fit the recorded one, at which place.
    pub(super) fn differences(&self, recorded: &Self, place: &str, found: &mut Vec<String>) {
        if !self.types.is_subset(&recorded.types) {
            found.push(format!("{place}: {:?} instead of {:?}", self.types, recorded.types));
        }
        for key in self.keys.keys().filter(|key| !recorded.keys.contains_key(*key)) {
            found.push(format!("{place}.{key}: not recorded"));
        }
        for (key, shape) in &recorded.keys {
            match self.keys.get(key) {
                Some(own) => own.differences(shape, &format!("{place}.{key}"), found),
                None if recorded.optional.contains(key) => {}
                None => found.push(format!("{place}.{key}: missing")),
            }
        }
        match (&self.elements, &recorded.elements) {
            (Some(own), Some(shape)) => own.differences(shape, &format!("{place}[]"), found),
            (None, None) => {}
            (own, _) => {
                found.push(format!("{place}[]: {} elements", if own.is_some() { "has" } else { "has no" }));
            }
        }
    }
}

#[test]
fn shapes() {
    let compare = |own: &str, recorded: &str| {
        let parse = |text: &str| Shape::of(&serde_json::from_str(text).expect("JSON"));
        let mut found = Vec::new();
        parse(own).differences(&parse(recorded), "", &mut found);
        found.join("; ")
    };
    assert_eq!(compare(r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":2},{"b":3,"c":1}]}"#), "");
    assert_eq!(compare(r#"{"a":1,"x":1}"#, r#"{"a":2,"b":"y"}"#), ".x: not recorded; .b: missing");
    assert_eq!(compare(r#"{"a":null}"#, r#"{"a":2}"#), r#".a: {"null"} instead of {"number"}"#);
    assert_eq!(compare(r#"{"a":[]}"#, r#"{"a":[1]}"#), ".a[]: has no elements");
}
