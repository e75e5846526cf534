//! Where the journals are, and which one belongs to a release.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use url::Url;

/// The directory of all journals of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

/// There is no place for the journal.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Neither flag nor environment names one.
    #[error("no place for the journal: give --state-dir, or set XDG_STATE_HOME or HOME")]
    Nowhere,
    /// It cannot be used.
    #[error("the state directory {path} cannot be used: {cause}")]
    Unusable {
        /// Which.
        path: String,
        /// Why.
        cause: io::Error,
    },
}

/// Names the journal of one release: the gateway's address in readable form, and a hash of its whole URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseKey(String);

impl ReleaseKey {
    /// The key of the release behind a gateway. `within`: the Kubernetes cluster in which the gateway's name means
    /// something; two clusters may well have the same names.
    pub fn of_gateway(gateway: &Url, within: Option<&str>) -> Self {
        // One machine by three names: one release, and one lock.
        let mut canonical = gateway.clone();
        if is_loopback(gateway) {
            // An http or https URL takes any host.
            let _ = canonical.set_host(Some("127.0.0.1"));
        }
        let whole = canonical.as_str().trim_end_matches('/').to_owned() + within.unwrap_or_default();
        let readable: String = canonical
            .host_str()
            .unwrap_or("gateway")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' })
            .take(80)
            .collect();
        let port = gateway.port_or_known_default().unwrap_or(0);
        let hash = Sha256::digest(whole.as_bytes());
        Self(format!("{readable}-{port}-{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]))
    }
}

/// The names of this machine itself.
fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "localhost." | "127.0.0.1" | "[::1]"))
}

impl StateDir {
    /// `flag` first, then `$XDG_STATE_HOME/camunda-backup`, `$HOME/.local/state/camunda-backup`, and on Windows
    /// `%LOCALAPPDATA%\camunda-backup`.
    pub fn locate(
        flag: Option<PathBuf>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, StateDirError> {
        let set = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let path = flag
            .or_else(|| set("XDG_STATE_HOME").map(|p| p.join("camunda-backup")))
            .or_else(|| set("LOCALAPPDATA").map(|p| p.join("camunda-backup")))
            .or_else(|| set("HOME").map(|p| p.join(".local/state/camunda-backup")));
        path.map(Self).ok_or(StateDirError::Nowhere)
    }

    /// Makes it, readable by its owner only.
    pub fn create(&self) -> Result<(), StateDirError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let unusable = |cause| StateDirError::Unusable { path: self.0.display().to_string(), cause };
        builder.create(&self.0).map_err(unusable)?;
        self.ours().map_err(unusable)
    }

    /// Whoever may write here can say that nothing is paused, or hold the lock for ever.
    #[cfg(unix)]
    fn ours(&self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let found = fs::metadata(&self.0)?;
        let us = rustix::process::geteuid().as_raw();
        let wrong = if found.uid() != us && found.uid() != 0 {
            format!("it belongs to user {}, and this is user {us}", found.uid())
        } else if found.mode() & 0o002 != 0 && found.mode() & 0o1000 == 0 {
            format!("everybody may write there (mode {:o})", found.mode() & 0o7777)
        } else {
            return Ok(());
        };
        let text = format!("{wrong}; give one of your own with --state-dir, or `chmod 700` it");
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the shape of the other systems")]
    fn ours(&self) -> io::Result<()> {
        Ok(())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, key: &ReleaseKey, extension: &str) -> PathBuf {
        self.0.join(format!("{}.{extension}", key.0))
    }

    /// All releases that have a journal here. A directory that cannot be read is not one without journals.
    pub fn keys(&self) -> Result<Vec<ReleaseKey>, StateDirError> {
        let unusable = |cause| StateDirError::Unusable { path: self.0.display().to_string(), cause };
        let files = match fs::read_dir(&self.0) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(error)),
        };
        let mut keys = Vec::new();
        for file in files {
            let name = file.map_err(unusable)?.file_name();
            keys.extend(name.to_str().and_then(|n| n.strip_suffix(".json")).map(str::to_owned));
        }
        keys.sort();
        Ok(keys.into_iter().map(ReleaseKey).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(flag: Option<&str>, set: &[(&str, &str)]) -> Option<String> {
        let variable = |n: &str| set.iter().find(|(k, _)| *k == n).map(|(_, v)| OsString::from(v));
        StateDir::locate(flag.map(PathBuf::from), variable).ok().map(|d| d.0.display().to_string())
    }

    #[test]
    fn the_flag_wins_then_xdg_then_home() {
        let all = [("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(locate(Some("/f"), &all).as_deref(), Some("/f"));
        assert_eq!(locate(None, &all).as_deref(), Some("/x/camunda-backup"));
        let empty = [("XDG_STATE_HOME", ""), ("HOME", "/h")];
        assert_eq!(locate(None, &empty).as_deref(), Some("/h/.local/state/camunda-backup"));
        assert_eq!(locate(None, &[]), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_everybody_may_write_to_is_no_place_for_a_journal() {
        use std::os::unix::fs::PermissionsExt as _;
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = StateDir(temporary.path().join("state"));
        dir.create().expect("ours");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        let error = dir.create().expect_err("everybody's").to_string();
        assert!(error.contains("mode 777") && error.contains("--state-dir"), "{error}");
    }

    #[test]
    fn only_a_directory_that_is_not_there_is_empty() {
        let temporary = tempfile::tempdir().expect("a directory");
        let absent = StateDir(temporary.path().join("absent"));
        assert_eq!(absent.keys().ok(), Some(Vec::new()));
        // A file in its place cannot be read either, also not by root.
        let file = temporary.path().join("file");
        fs::write(&file, "").expect("writable");
        assert!(StateDir(file).keys().is_err());
    }

    #[test]
    fn two_gateways_never_share_a_key() {
        let key = |url: &str| ReleaseKey::of_gateway(&Url::parse(url).expect("an URL"), None).0;
        assert_eq!(key("http://127.0.0.1:9600"), key("http://127.0.0.1:9600/"));
        assert_ne!(key("http://127.0.0.1:9600/a"), key("http://127.0.0.1:9600/b"));
        assert_ne!(key("http://127.0.0.1:9600"), key("http://127.0.0.1:9601"));
        assert!(key("http://[::2]:9600").starts_with("___2_-9600-"));
    }

    #[test]
    fn this_machine_has_one_key_by_whatever_name() {
        let key = |url: &str| ReleaseKey::of_gateway(&Url::parse(url).expect("an URL"), None).0;
        for name in ["http://localhost:9600", "http://LOCALHOST:9600/", "http://[::1]:9600"] {
            assert_eq!(key(name), key("http://127.0.0.1:9600"), "{name}");
        }
    }
}
