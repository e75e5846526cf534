//! One release's lock and journal.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state_dir::{ReleaseKey, StateDir};
use crate::client::BoxFuture;
use crate::model::{BackupId, EndedRun};
use crate::run::{Armed, Journal, JournalError};

/// What the journal file holds. URLs are without credentials; nothing in it is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this shape.
    pub schema: u32,
    /// The gateway's management URL.
    pub gateway: String,
    /// The brokers' management URLs.
    pub brokers: Vec<String>,
    /// The last process that held the release. Whether it lives, the lock knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Which cluster the gateway was when this was armed: behind a forwarded port there may be another one later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What must be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// The last runs that ended before their backup was complete, until it is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<Ended>,
}

/// A run that ended before its backup was complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its backup.
    pub backup_id: BackupId,
    /// On which cluster, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What it left.
    pub run: EndedRun,
}

/// So many of them are kept: a release whose backups fail for months must not grow its journal for ever.
const MOST_ENDED: usize = 100;

impl Entry {
    fn note(&mut self, backup_id: BackupId, run: EndedRun) {
        self.ended.retain(|e| e.backup_id != backup_id);
        self.ended.push(Ended { backup_id, cluster: self.cluster.clone(), run });
        let oldest = self.ended.len().saturating_sub(MOST_ENDED);
        self.ended.drain(..oldest);
    }

    /// What is armed was left by a run that died: noted for its backup, unless that run has left word of its end itself.
    pub fn note_death(&mut self) {
        if let Some(armed) = &self.armed
            && let Some(id) = armed.backup_id
            && !self.ended.iter().any(|e| e.backup_id == id && e.cluster == self.cluster)
        {
            self.note(id, EndedRun::died(&armed.since));
        }
    }
}

/// Who works on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `create`, `resume`, ...
    pub verb: String,
    /// Process ID.
    pub pid: u32,
    /// Since when, in RFC 3339.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` (process {}, since {})", self.verb, self.pid, self.since)
    }
}

/// A release's journal, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// What it holds.
    pub entry: Entry,
    /// Whether its holder lives.
    pub held: bool,
}

/// The release cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A living process holds it.
    #[error("another run holds this release: {}", .0.as_ref().map_or("unknown".to_owned(), ToString::to_string))]
    Held(Option<Holder>),
    /// The files cannot be used.
    #[error("the journal {path} cannot be used: {cause}")]
    Unusable {
        /// Which.
        path: String,
        /// Why.
        cause: io::Error,
    },
}

/// Lock and journal of one release, held until dropped.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    // Held for its lock, which the kernel releases with the last descriptor.
    lock: File,
    entry: Mutex<Entry>,
}

impl FileJournal {
    /// Takes the lock and notes who we are. An armed entry of a dead holder is kept: see [`FileJournal::armed`]. That it
    /// died is noted for its backup, unless it has left word of its end itself.
    ///
    /// Waits up to half a second for a lock: `status` and a guard that finds nothing to do hold it for a moment.
    pub fn open(
        dir: &StateDir,
        key: &ReleaseKey,
        gateway: &str,
        brokers: Vec<String>,
        holder: Holder,
    ) -> Result<Self, OpenError> {
        let (lock_path, path) = (dir.file(key, "lock"), dir.file(key, "json"));
        let unusable = |path: &Path, cause| OpenError::Unusable { path: path.display().to_string(), cause };
        let lock = private()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|e| unusable(&lock_path, e))?;
        let mut attempts = 0;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempts < 10 => {
                    attempts += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::Held(read(&path).ok().flatten().and_then(|e| e.holder)));
                }
                Err(TryLockError::Error(error)) => return Err(unusable(&lock_path, error)),
            }
        }
        let mut before = read(&path).map_err(|e| unusable(&path, e))?.unwrap_or_default();
        before.note_death();
        let entry = Entry {
            schema: 1,
            gateway: gateway.to_owned(),
            // What a dead run knew is worth keeping where this one knows less.
            brokers: if brokers.is_empty() { before.brokers } else { brokers },
            holder: Some(holder),
            cluster: before.cluster.filter(|_| before.armed.is_some()),
            armed: before.armed,
            ended: before.ended,
        };
        write(&path, &entry).map_err(|e| unusable(&path, e))?;
        Ok(Self { path, lock, entry: Mutex::new(entry) })
    }

    /// What a release's journal says, without holding it. `None`: there is no journal.
    pub fn peek(dir: &StateDir, key: &ReleaseKey) -> Result<Option<Peek>, OpenError> {
        let path = dir.file(key, "json");
        let entry = read(&path);
        let entry = entry.map_err(|cause| OpenError::Unusable { path: path.display().to_string(), cause })?;
        let Some(entry) = entry else { return Ok(None) };
        let lock = File::open(dir.file(key, "lock")).ok();
        let held = lock.is_some_and(|l| matches!(l.try_lock_shared(), Err(TryLockError::WouldBlock)));
        Ok(Some(Peek { entry, held }))
    }

    /// Whether a journal could be written here. Leaves at most an empty lock file that nobody holds.
    pub fn probe(dir: &StateDir, key: &ReleaseKey) -> Result<(), OpenError> {
        let path = dir.file(key, "lock");
        let opened = private().create(true).truncate(false).write(true).open(&path);
        opened.map(drop).map_err(|cause| OpenError::Unusable { path: path.display().to_string(), cause })
    }

    /// Lets go of the lock before the value is dropped: nothing is written after that.
    pub fn let_go(&self) {
        // What cannot be unlocked is unlocked by the end of the process.
        let _ = self.lock.unlock();
    }

    /// What is armed: by this process, or by a dead one before it.
    pub fn armed(&self) -> Option<Armed> {
        self.current().armed.clone()
    }

    /// The brokers' URLs that are known.
    pub fn brokers(&self) -> Vec<String> {
        self.current().brokers.clone()
    }

    /// Which cluster was paused, if that was known when it was armed.
    pub fn cluster(&self) -> Option<String> {
        self.current().cluster.clone()
    }

    /// Which cluster is about to be paused. Written with the next arming; what is armed already keeps its cluster.
    pub fn belongs_to(&self, cluster: Option<String>) {
        let mut current = self.current();
        if current.armed.is_none() {
            current.cluster = cluster;
        }
    }

    /// Notes how a run ended whose backup is not complete.
    pub fn ended(&self, backup_id: BackupId, run: EndedRun) -> Result<(), JournalError> {
        let mut next = self.current().clone();
        next.note(backup_id, run);
        self.replace(next)
    }

    /// Forgets it: its backup was deleted.
    pub fn forget(&self, backup_id: BackupId) -> Result<(), JournalError> {
        let mut next = self.current().clone();
        let before = next.ended.len();
        next.ended.retain(|e| e.backup_id != backup_id);
        if next.ended.len() == before { Ok(()) } else { self.replace(next) }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Entry> {
        // A panic while it was held cannot have left a half-written value: it is assigned whole.
        self.entry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set_armed(&self, armed: Option<Armed>) -> Result<(), JournalError> {
        let next = Entry { armed, ..self.current().clone() };
        self.replace(next)
    }

    fn replace(&self, next: Entry) -> Result<(), JournalError> {
        write(&self.path, &next).map_err(|e| JournalError(format!("{}: {e}", self.path.display())))?;
        *self.current() = next;
        Ok(())
    }
}

impl Journal for FileJournal {
    // A few hundred bytes on a local disk: done in place rather than on another thread.
    fn arm<'a>(&'a self, armed: &'a Armed) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move { self.set_armed(Some(armed.clone())) })
    }

    fn disarm(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move { self.set_armed(None) })
    }
}

fn private() -> OpenOptions {
    #[allow(unused_mut, reason = "nothing to set on Windows")]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
        // A link that somebody else put there would have us write where it points.
        options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default());
    }
    options
}

fn read(path: &Path) -> io::Result<Option<Entry>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            // Never taken for "nothing armed": a human must look.
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("not a journal of ours ({e}); look at it, then remove it"),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file so that after a power cut either the old or the new content is there, and when this returns, the new.
fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = private().create(true).truncate(true).write(true).open(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(entry)?)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The rename itself is in the directory. Windows cannot open one, and needs no such call.
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn place() -> (tempfile::TempDir, StateDir, ReleaseKey) {
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = StateDir::locate(Some(temporary.path().join("state")), |_| None).expect("given");
        dir.create().expect("can be made");
        let key = ReleaseKey::of_gateway(&Url::parse("http://127.0.0.1:9600").expect("an URL"), None);
        (temporary, dir, key)
    }

    fn holder(pid: u32) -> Holder {
        Holder { verb: "create".to_owned(), pid, since: "2026-11-23T00:00:00Z".to_owned() }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_file_is_not_followed() {
        let (temporary, dir, key) = place();
        let elsewhere = temporary.path().join("elsewhere");
        fs::write(&elsewhere, "precious").expect("writable");
        std::os::unix::fs::symlink(&elsewhere, dir.file(&key, "lock")).expect("a link");
        assert!(matches!(open(&dir, &key, 1), Err(OpenError::Unusable { .. })));
        assert_eq!(fs::read_to_string(&elsewhere).expect("readable"), "precious");
    }

    fn open(dir: &StateDir, key: &ReleaseKey, pid: u32) -> Result<FileJournal, OpenError> {
        FileJournal::open(
            dir,
            key,
            "http://127.0.0.1:9600/",
            vec!["http://127.0.0.1:9610/".to_owned()],
            holder(pid),
        )
    }

    fn armed() -> Armed {
        Armed { backup_id: BackupId::new(17).ok(), since: "2026-11-23T00:00:01Z".to_owned(), answered: false }
    }

    #[tokio::test]
    async fn an_armed_entry_outlives_its_holder_until_it_is_disarmed() {
        let (_temporary, dir, key) = place();
        let first = open(&dir, &key, 1).expect("free");
        assert_eq!(first.armed(), None);
        first.arm(&armed()).await.expect("writable");
        assert_eq!(
            FileJournal::peek(&dir, &key).expect("readable").map(|p| (p.held, p.entry.armed)),
            Some((true, Some(armed())))
        );
        drop(first);
        assert_eq!(FileJournal::peek(&dir, &key).expect("readable").map(|p| p.held), Some(false));
        let second = open(&dir, &key, 2).expect("free again");
        assert_eq!(second.armed(), Some(armed()));
        second.disarm().await.expect("writable");
        drop(second);
        assert_eq!(open(&dir, &key, 3).expect("free").armed(), None);
    }

    #[tokio::test]
    async fn whether_the_pause_was_answered_outlives_the_holder() {
        let (_temporary, dir, key) = place();
        let first = open(&dir, &key, 1).expect("free");
        first.arm(&armed()).await.expect("writable");
        first.arm(&Armed { answered: true, ..armed() }).await.expect("writable");
        drop(first);
        assert_eq!(open(&dir, &key, 2).expect("free").armed().map(|a| a.answered), Some(true));
        // A journal of an earlier version does not say so: then nothing is taken for granted.
        let old: Armed = serde_json::from_str(r#"{"backup_id":17,"since":"then"}"#).expect("an entry");
        assert!(!old.answered);
    }

    #[tokio::test]
    async fn what_is_armed_keeps_its_cluster() {
        let (_temporary, dir, key) = place();
        let first = open(&dir, &key, 1).expect("free");
        first.belongs_to(Some("one".to_owned()));
        first.arm(&armed()).await.expect("writable");
        drop(first);
        let second = open(&dir, &key, 2).expect("free");
        second.belongs_to(Some("another".to_owned()));
        assert_eq!(second.cluster().as_deref(), Some("one"));
        second.disarm().await.expect("writable");
        drop(second);
        assert_eq!(open(&dir, &key, 3).expect("free").cluster(), None);
    }

    #[test]
    fn how_a_run_ended_outlives_its_holder_until_its_backup_is_deleted() {
        let (_temporary, dir, key) = place();
        let id = |n| BackupId::new(n).expect("in range");
        let run = EndedRun { outcome: "failed".to_owned(), reason: None, begun: [].into(), paused: true };
        let first = open(&dir, &key, 1).expect("free");
        for n in 1..=MOST_ENDED as u64 + 2 {
            first.ended(id(n), run.clone()).expect("writable");
        }
        drop(first);
        let second = open(&dir, &key, 2).expect("free");
        second.forget(id(50)).expect("writable");
        let ended = FileJournal::peek(&dir, &key).expect("readable").expect("there").entry.ended;
        let ids: Vec<_> = ended.iter().map(|e| e.backup_id.get()).collect();
        assert_eq!((ids.len(), ids[0], ids.contains(&50)), (MOST_ENDED - 1, 3, false));
        assert_eq!(ended[0].run, run);
    }

    #[tokio::test]
    async fn who_comes_after_a_run_that_died_in_its_pause_says_so() {
        let id = |n| BackupId::new(n).expect("in range");
        let (_temporary, dir, key) = place();
        let ended = || FileJournal::peek(&dir, &key).expect("readable").expect("there").entry.ended;
        let first = open(&dir, &key, 1).expect("free");
        // Makes sure without a backup: nothing to tell.
        first.arm(&Armed { backup_id: None, ..armed() }).await.expect("writable");
        drop(first);
        let second = open(&dir, &key, 2).expect("free");
        assert_eq!(ended(), []);
        second.arm(&Armed { backup_id: Some(id(7)), ..armed() }).await.expect("writable");
        drop(second);
        let third = open(&dir, &key, 3).expect("free");
        assert_eq!(
            (ended()[0].backup_id, ended()[0].run.outcome.as_str(), ended()[0].run.paused),
            (id(7), "died", true)
        );
        // It could not resume, but could still write.
        third.arm(&Armed { backup_id: Some(id(8)), ..armed() }).await.expect("writable");
        let own = EndedRun { outcome: "failed".to_owned(), ..EndedRun::died("then") };
        third.ended(id(8), own.clone()).expect("writable");
        drop(third);
        drop(open(&dir, &key, 4).expect("free"));
        assert_eq!((ended().len(), ended()[1].run.clone()), (2, own));
    }

    #[test]
    fn a_second_holder_is_refused_and_told_who_the_first_is() {
        let (_temporary, dir, key) = place();
        let _first = open(&dir, &key, 41).expect("free");
        match open(&dir, &key, 42) {
            Err(OpenError::Held(Some(other))) => assert_eq!(other, holder(41)),
            other => panic!("expected to be refused, got {other:?}"),
        }
    }

    #[test]
    fn who_lets_go_keeps_nobody_out() {
        let (_temporary, dir, key) = place();
        let first = open(&dir, &key, 1).expect("free");
        first.let_go();
        assert!(open(&dir, &key, 2).is_ok());
        drop(first);
    }

    #[test]
    fn a_broken_journal_is_not_taken_for_an_empty_one() {
        let (_temporary, dir, key) = place();
        drop(open(&dir, &key, 1).expect("free"));
        fs::write(dir.file(&key, "json"), "{").expect("writable");
        assert!(matches!(open(&dir, &key, 2), Err(OpenError::Unusable { .. })));
        assert!(matches!(FileJournal::peek(&dir, &key), Err(OpenError::Unusable { .. })));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn an_unwritable_place_refuses_to_arm_and_nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_temporary, dir, key) = place();
        let journal = open(&dir, &key, 1).expect("free");
        let mode = |p: &Path| fs::metadata(p).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(dir.path()), mode(&journal.path)), (0o700, 0o600));
        // Works as root too, where permissions do not stop anybody.
        fs::create_dir(journal.path.with_extension("json.new")).expect("free");
        assert!(journal.arm(&armed()).await.is_err());
        assert_eq!(journal.armed(), None);
    }
}
