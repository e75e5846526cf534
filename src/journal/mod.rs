//! Lock and journal without Kubernetes: two files per release in the user's state directory.
//!
//! - `NAME.lock` is held with an advisory lock of the operating system by whoever works on the release. The kernel lets
//!   go of it when the process dies, however it dies, so a held lock means a living holder.
//! - `NAME.json` says what must be undone. It is replaced atomically and synced to the disk before a pause is sent. It
//!   also keeps how runs ended whose backups were not complete, until these are deleted.
//!
//! Armed journal and free lock: the run died while exporting was, or may have been, paused. Whoever takes the lock next
//! repairs that first. The lock reaches as far as the state directory: two machines do not see each other.

mod file;
mod state_dir;

pub use file::{Ended, Entry, FileJournal, Holder, OpenError, Peek};
pub use state_dir::{ReleaseKey, StateDir, StateDirError};
