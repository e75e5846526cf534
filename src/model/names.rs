//! Snapshot names: how a backup ID is written into them, and read from them.
//!
//! Sources: names recorded on Camunda 8.6.0; the 8.8+ `webapps` name from the product's source.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{BackupId, Part, Version, Word};

/// The name of a piece of a backup. Lists have hundreds of thousands of them, so a name of ours is kept as what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A snapshot of a backup.
    Ours(SnapshotName),
    /// A partition of Zeebe.
    Partition(u32),
    /// Anything else.
    Other(Box<str>),
}

impl Name {
    /// What it says, when it is the name of a snapshot of a backup.
    pub fn ours(&self) -> Option<&SnapshotName> {
        match self {
            Name::Ours(name) => Some(name),
            Name::Partition(_) | Name::Other(_) => None,
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        SnapshotName::parse(text).map_or_else(|| Name::Other(text.into()), Name::Ours)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Ours(name) => name.fmt(f),
            Name::Partition(number) => write!(f, "partition {number}"),
            Name::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A snapshot name taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName {
    /// The part it belongs to.
    pub part: Part,
    /// The backup ID.
    pub id: BackupId,
    /// `i` and `n` of `part_i_of_n`.
    nth: (u32, u32),
    /// The version as it is written: builds may have one that is none of ours. `None` for the records, which are one piece.
    written: Option<Word>,
}

/// The name of the records snapshot, as the Camunda guide gives it.
pub fn records_snapshot(id: BackupId) -> String {
    format!("camunda_zeebe_records_backup_{id}")
}

/// Whether an index holds records that were exported under this very prefix. An exporter's names are
/// `<prefix>_<value type>_<version>_<date>`, and a value type has no underscore: where the version comes later, the exporter
/// has a longer prefix that begins with ours, which another cluster may have (`zeebe-record` and `zeebe-record_blue`).
pub fn is_record_of(prefix: &str, index: &str) -> bool {
    let Some(rest) = index.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { return false };
    let is_version = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    rest.split('_').position(is_version).is_none_or(|at| at <= 1)
}

impl SnapshotName {
    /// Reads `camunda_<application>_<id>_<version>_part_<i>_of_<n>` or the name of a records snapshot. `None` for any
    /// other name: a repository may be shared, and what is not ours is not touched.
    ///
    /// Strictly: what is read is written again and must be the same name. `…_0017` or `…_my_copy_part_1_of_6` is somebody's
    /// own snapshot, and deleting backup 17 must not take it along.
    pub fn parse(name: &str) -> Option<Self> {
        Self::read(name).filter(|read| read.to_string() == name)
    }

    fn read(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("camunda_")?;
        if let Some(id) = rest.strip_prefix("zeebe_records_backup_") {
            return Some(Self { part: Part::Records, id: id.parse().ok()?, nth: (0, 0), written: None });
        }
        let (application, rest) = rest.split_once('_')?;
        let part = match application {
            "operate" => Part::Operate,
            "tasklist" => Part::Tasklist,
            "webapps" => Part::History,
            "optimize" => Part::Optimize,
            _ => return None,
        };
        let (id, rest) = rest.split_once('_')?;
        let (version, piece) = rest.split_once("_part_")?;
        let (i, n) = piece.split_once("_of_")?;
        let nth = (i.parse().ok()?, n.parse().ok()?);
        let version = Some(version).filter(|v| !v.is_empty() && !v.contains('_'))?;
        Some(Self { part, id: id.parse().ok()?, nth, written: Some(Word::of(version)) })
    }

    /// `(i, n)` of `part_i_of_n`; the records snapshot is one piece.
    pub fn nth(&self) -> Option<(u32, u32)> {
        self.written.map(|_| self.nth)
    }

    /// Version of the component that took it.
    pub fn version(&self) -> Option<Version> {
        self.written?.text().parse().ok()
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let application = match self.part {
            Part::Operate => "operate",
            Part::Tasklist => "tasklist",
            Part::History => "webapps",
            Part::Optimize => "optimize",
            Part::Records | Part::Zeebe => return f.write_str(&records_snapshot(self.id)),
        };
        let ((i, n), written) = (self.nth, self.written.map_or("", Word::text));
        write!(f, "camunda_{application}_{}_{written}_part_{i}_of_{n}", self.id)
    }
}

/// What the names of a part's snapshots begin with, where a web application takes them.
const APPLICATIONS: [(&str, Part); 4] = [
    ("camunda_operate_", Part::Operate),
    ("camunda_tasklist_", Part::Tasklist),
    ("camunda_webapps_", Part::History),
    ("camunda_optimize_", Part::Optimize),
];

/// The part that a snapshot may be mistaken for: its name begins like that of a part, and is none. Applications look by
/// the beginning alone, and fail at a snapshot without their metadata (seen on Operate and Tasklist 8.6.0).
pub fn mistaken_for(name: &str) -> Option<Part> {
    let begins = APPLICATIONS.iter().find(|(prefix, _)| name.starts_with(prefix));
    begins.filter(|_| SnapshotName::parse(name).is_none()).map(|(_, part)| *part)
}

/// The backup ID in a snapshot's name, when it is one of ours.
pub fn id_in_name(name: &str) -> Option<BackupId> {
    SnapshotName::parse(name).map(|n| n.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_of_real_servers() {
        let name = SnapshotName::parse("camunda_operate_100_8.6.0_part_1_of_6").expect("ours");
        assert_eq!((name.part, name.id.get(), name.nth()), (Part::Operate, 100, Some((1, 6))));
        assert_eq!(name.version(), Some(Version::full(8, 6, 0)));
        let name = SnapshotName::parse("camunda_webapps_7_8.8.0_part_5_of_7").expect("ours");
        assert_eq!((name.part, name.nth()), (Part::History, Some((5, 7))));
        let id = BackupId::new(100).expect("in range");
        let name = SnapshotName::parse(&records_snapshot(id)).expect("ours");
        assert_eq!((name.part, name.id, name.nth()), (Part::Records, id, None));
    }

    #[test]
    fn a_name_is_its_text_whoever_it_belongs_to() {
        for (text, ours) in [
            ("camunda_operate_100_8.6.0_part_1_of_6", true),
            ("camunda_zeebe_records_backup_100", true),
            ("camunda_operate_100_my-build_part_10_of_10", true),
            ("camunda_operate_0100_8.6.0_part_1_of_6", false),
            ("partition 1", false),
            ("", false),
        ] {
            let name = Name::from(text);
            assert_eq!((name.to_string().as_str(), name.ours().is_some()), (text, ours));
        }
        assert_eq!(Name::Partition(7).to_string(), "partition 7");
        // A list of ten thousand backups has a hundred and fifty thousand.
        assert!(size_of::<Name>() <= 24, "{}", size_of::<Name>());
    }

    #[test]
    fn records_of_a_longer_prefix_are_not_ours() {
        let ours = |name| is_record_of("zeebe-record", name);
        for name in [
            "zeebe-record_process-instance_8.6.0_2026-11-23",
            "zeebe-record_job_8.10.0-alpha4_2026-11-23",
            "zeebe-record_job_8.6.0_2026-11-23_10",
            "zeebe-record_broken",
        ] {
            assert!(ours(name), "{name}");
        }
        for name in [
            "zeebe-record2_process_8.6.0_2026-11-23",
            "zeebe-record-blue_process_8.6.0_2026-11-23",
            "zeebe-record_blue_process_8.6.0_2026-11-23",
            "zeebe-record_dev_1_job_8.6.0_2026-11-23",
            "zeebe-record",
        ] {
            assert!(!ours(name), "{name}");
        }
    }

    #[test]
    fn leaves_other_peoples_names_alone() {
        for name in [
            "nightly-2026",
            "camunda_operate_x_8.6.0_part_1_of_6",
            "camunda_operate_100",
            "camunda_operate_100_8.6.0_part_1",
            "camunda_zeebe_records_backup_",
            "camunda_other_1_8.6.0_part_1_of_2",
            "camunda_zeebe_records_backup_0017",
            "camunda_operate_017_8.6.0_part_1_of_6",
            "camunda_operate_17_8.6.0_part_+1_of_6",
            "camunda_operate_17_8.6.0_part_01_of_06",
            "camunda_operate_17_my_copy_part_1_of_6",
            "camunda_operate_17__part_1_of_6",
        ] {
            assert_eq!(SnapshotName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn knows_what_an_application_would_take_for_its_own() {
        for (name, part) in [
            ("camunda_operate_17_8.6.0_part_1_of_6_copy", Some(Part::Operate)),
            ("camunda_tasklist_old", Some(Part::Tasklist)),
            ("camunda_operate_17_8.6.0_part_1_of_6", None),
            ("my_camunda_operate_17_8.6.0_part_1_of_6", None),
            ("camunda_zeebe_records_backup_17_copy", None),
        ] {
            assert_eq!(mistaken_for(name), part, "{name}");
        }
    }
}
