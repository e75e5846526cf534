//! Words that servers repeat in every line: kept once.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

/// A word as a server wrote it, such as `8.6.0` or a state that nobody knows, in four bytes: a list of ten thousand backups
/// has it a hundred thousand times. Kept until the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word(NonZeroU32);

/// Every word that was seen. The n-th is `Word(n)`.
struct Seen {
    texts: Vec<&'static str>,
    words: BTreeMap<&'static str, Word>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen { texts: Vec::new(), words: BTreeMap::new() });

fn seen() -> MutexGuard<'static, Seen> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Word {
    /// The word for a text.
    pub fn of(text: &str) -> Self {
        let mut seen = seen();
        if let Some(word) = seen.words.get(text) {
            return *word;
        }
        // Fewer than 2^32 fit into memory.
        let before = u32::try_from(seen.texts.len()).unwrap_or(u32::MAX);
        let word = Self(NonZeroU32::MIN.saturating_add(before));
        let text: &'static str = String::from(text).leak();
        seen.texts.push(text);
        seen.words.insert(text, word);
        word
    }

    /// The text.
    pub fn text(self) -> &'static str {
        seen().texts[self.0.get() as usize - 1]
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

/// As their texts: the order does not depend on which was seen first.
impl Ord for Word {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self == other { std::cmp::Ordering::Equal } else { self.text().cmp(other.text()) }
    }
}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_its_text() {
        let (b, a) = (Word::of("of a test, b"), Word::of("of a test, a"));
        assert_eq!((b.text(), a.to_string().as_str()), ("of a test, b", "of a test, a"));
        assert_eq!(b, Word::of("of a test, b"));
        assert!(a < b, "by text, although b came first");
        assert_eq!(format!("{a:?}"), r#""of a test, a""#);
    }
}
