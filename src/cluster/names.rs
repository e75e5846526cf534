//! Names and labels of the objects that we make.

use sha2::{Digest, Sha256};

/// Who made an object.
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub(super) const OURS: &str = "camunda-backup";
/// Which release an object of ours is about. Not `app.kubernetes.io/instance`: it is not part of that release.
pub(super) const RELEASE: &str = "camunda-backup/release";

/// `camunda-backup-RELEASE` with more after it, as a name that the API allows. A release whose name has to be changed
/// for that, or cut, gets a piece of its hash, so that no two share an object.
pub(super) fn object_name(release: &str, more: &str) -> String {
    let tail = if more.is_empty() { String::new() } else { format!("-{more}") };
    format!("camunda-backup-{}{tail}", fitting(release, 63_usize.saturating_sub(15 + tail.len()), false))
}

/// A release's name as the value of a label.
pub(super) fn label_value(release: &str) -> String {
    fitting(release, 63, true)
}

fn fitting(name: &str, longest: usize, upper: bool) -> String {
    let allowed = |c: char| {
        c.is_ascii_digit() || c == '-' || c.is_ascii_lowercase() || (upper && c.is_ascii_uppercase())
    };
    let good = !name.is_empty()
        && name.len() <= longest
        && name.chars().all(|c| allowed(c) || (upper && matches!(c, '_' | '.')))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if good {
        return name.to_owned();
    }
    let hash = Sha256::digest(name.as_bytes());
    let hash = format!("{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
    let readable: String = name.to_lowercase().chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let readable = readable.trim_matches('-');
    let readable: String = readable.chars().take(longest.saturating_sub(9)).collect();
    if readable.is_empty() { format!("x{hash}") } else { format!("{readable}-{hash}") }
}

/// Something that nobody else has: 16 hex digits.
pub(super) fn random() -> String {
    let mut bytes = [0u8; 8];
    let provider = rustls::crypto::ring::default_provider();
    if provider.secure_random.fill(&mut bytes).is_err() {
        // The standard library seeds its hashers from the operating system as well.
        use std::hash::{BuildHasher, Hasher};
        bytes = std::hash::RandomState::new().build_hasher().finish().to_le_bytes();
    }
    bytes.iter().fold(String::new(), |text, b| text + &format!("{b:02x}"))
}

/// Whether [`random`] may have made it.
pub(super) fn is_random(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_allowed_and_no_two_releases_share_one() {
        assert_eq!(object_name("camunda", ""), "camunda-backup-camunda");
        assert_eq!(object_name("camunda", "17"), "camunda-backup-camunda-17");
        let long = "a".repeat(53);
        for (release, more) in [("Camunda", ""), ("a_b", ""), ("-", ""), (&*long, "1795392000"), ("a.b", "1")]
        {
            let name = object_name(release, more);
            assert!(name.len() <= 63, "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
            assert!(name.ends_with(more) && name.ends_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
        }
        assert_ne!(object_name("Camunda", ""), object_name("camunda", ""));
        assert_ne!(object_name("a_b", ""), object_name("a-b", ""));
        assert_eq!(label_value("Prod_1.x"), "Prod_1.x");
        assert_ne!(random(), random());
        assert!(is_random(&random()) && !is_random("testbed") && !is_random(&random()[1..]));
    }
}
