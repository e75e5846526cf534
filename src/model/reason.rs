//! Reasons: every way in which something can be wrong, with a stable code, and what to do about it.
//!
//! A code is part of the contract with users (it is in the JSON and in the documentation); its sentences are not.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Component;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; a backup can be taken.
    Warning,
    /// A backup must not be started.
    Error,
}

macro_rules! reasons {
    ($( $(#[doc = $doc:literal])+ $name:ident = $code:literal, $severity:ident, $remedy:literal; )+) => {
        /// Why something is not good. The comment of each is its explanation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $( $(#[doc = $doc])+ $name, )+ }

        impl Reason {
            /// All of them.
            pub const ALL: &[Reason] = &[ $( Reason::$name, )+ ];

            /// The stable code.
            pub fn code(self) -> &'static str { match self { $( Reason::$name => $code, )+ } }

            /// What it means.
            pub fn explanation(self) -> &'static str { match self { $( Reason::$name => concat!($( $doc ),+).trim_ascii(), )+ } }

            /// What to do.
            pub fn remedy(self) -> &'static str { match self { $( Reason::$name => $remedy, )+ } }

            /// How bad it is when found before a backup.
            pub fn severity(self) -> Severity { match self { $( Reason::$name => Severity::$severity, )+ } }
        }
    };
}

reasons! {
    // Found before a backup.
    /// A component does not answer.
    ComponentUnreachable = "component-unreachable", Error,
        "check that it runs and that the URL is its management port (Operate and Tasklist 8.6+: 9600; gateway and brokers: 9600; Optimize: 8092)";
    /// A component refuses us.
    ComponentUnauthorized = "component-unauthorized", Error,
        "check that the URL is the management port, which needs no login by itself; for a proxy before it: --management-username, --management-bearer-token-file or --management-header-file";
    /// There is no backup endpoint at this address.
    EndpointAbsent = "endpoint-absent", Error,
        "check that the URL is the management port with its context path (where it has another than /actuator: --management-base-path), that the version is the one expected, and that the backups endpoint is exposed";
    /// The release has the component of this part, and no way to it was found.
    PartNotFound = "part-not-found", Error,
        "give what is missing with the flag that is named, or take, list and verify backups without this part: --leave-out (CAMUNDA_BACKUP_LEAVE_OUT)";
    /// A component reports that it is not healthy.
    ComponentNotHealthy = "component-not-healthy", Warning,
        "look at the component's health endpoint and log";
    /// An answer could not be understood.
    AnswerNotUnderstood = "answer-not-understood", Error,
        "check what answers at this address; run again with -v to see the exchange";
    /// The web application has no snapshot repository configured.
    RepositoryNotConfigured = "repository-not-configured", Error,
        "set the application's backup repository name (for Operate 8.5-8.7: camunda.operate.backup.repositoryName) and restart it";
    /// The Zeebe brokers have no backup store configured.
    BackupStoreNotConfigured = "backup-store-not-configured", Error,
        "configure zeebe.broker.data.backup.store on every broker and restart them";
    /// The component lists no backups because it fails inside.
    ListFailed = "list-failed", Error,
        "look at the component's log; its search engine or backup store may be unreachable";
    /// The search engine does not answer.
    SearchUnreachable = "search-unreachable", Error,
        "check --search-url, and that the engine runs";
    /// The search engine refuses our credentials.
    SearchUnauthorized = "search-unauthorized", Error,
        "check the user and password or the API key, and that it may read and create snapshots";
    /// No repository of this name is registered in the search engine.
    RepositoryMissing = "repository-missing", Error,
        "register it, or name the right one with --repository";
    /// The repository is registered read-only.
    RepositoryReadOnly = "repository-read-only", Error,
        "register it without readonly, or name another one with --repository";
    /// A repository of this type can only be read.
    RepositoryTypeReadOnly = "repository-type-read-only", Error,
        "register one that can be written to: s3, gcs, azure, hdfs or fs; url is for restoring from elsewhere";
    /// The search engine's nodes cannot write to the repository.
    RepositoryNotWritable = "repository-not-writable", Error,
        "check the storage behind the repository and its credentials on every node of the search engine";
    /// We may not ask the search engine whether its nodes can write to the repository.
    RepositoryNotVerified = "repository-not-verified", Warning,
        "allow it (cluster privilege manage, or cluster:admin/repository/verify) to have the storage tried before exporting is paused";
    /// No index carries the records prefix.
    RecordsMatchNothing = "records-match-nothing", Error,
        "give the exporter's index prefix with --records-prefix; leave --search-url out to take a backup without records";
    /// The records prefix also matches indices of something else.
    RecordsMatchTooWide = "records-match-too-wide", Error,
        "give the other cluster a prefix that does not begin with this one";
    /// The given backup ID is not higher than every ID that is known.
    BackupIdNotHigher = "backup-id-not-higher", Error,
        "leave --backup-id out, or give a higher one: an ID can never be used twice, not even after a deletion";
    /// The highest ID that is known lies far in the future, so the next one is not derived from it.
    BackupIdImplausible = "backup-id-implausible", Error,
        "find out where it comes from, and delete it if it is a mistake; or give the next ID yourself with --backup-id: higher than every one that Zeebe ever saw";
    /// A web application is taking a backup at the moment.
    BackupInProgress = "backup-in-progress", Error,
        "wait until it has ended; when it never does, restart that application: it may hold a stale queue";
    /// Zeebe reports an unfinished backup although exporting runs.
    StaleZeebeBackup = "stale-zeebe-backup", Warning,
        "when it never ends, delete it: an unfinished backup keeps the log from being compacted";
    /// Exporting is already paused, and not by a run of ours.
    ExportingPausedByOthers = "exporting-paused-by-others", Error,
        "find out who paused it; when nobody needs it any more: camunda-backup resume";
    /// A run has left exporting paused, and nobody has resumed it yet.
    AbandonedPause = "abandoned-pause", Error,
        "resume it now: camunda-backup resume --if-abandoned; the next create does it by itself before it begins";
    /// No broker's management API was given, so the exporting state cannot be seen.
    ExportingNotVisible = "exporting-not-visible", Warning,
        "give --broker-url for every broker: then pausing and resuming are seen, not only believed";
    /// A broker's exporting state cannot be seen.
    BrokerUnreachable = "broker-unreachable", Error,
        "pausing and resuming need every broker: bring it back first, or correct --broker-url";
    /// A partition has no leader among the brokers that were asked.
    PartitionWithoutLeader = "partition-without-leader", Error,
        "wait until the cluster is healthy: pausing and resuming need a leader for every partition";
    /// Not every partition can be seen on the brokers that were given.
    PartitionsNotVisible = "partitions-not-visible", Warning,
        "give --broker-url for every broker of the cluster";
    /// Exporters are behind what is processed.
    ExportersBehind = "exporters-behind", Warning,
        "a backup waits for them (--wait-for-exporters); when they do not move, look at the brokers' log and at the search engine";
    /// Not every broker tells how far exporting has come, so not every exporter is waited for.
    ExporterLagUnknown = "exporter-lag-unknown", Warning,
        "give every --broker-url, and expose the brokers' metrics (/actuator/prometheus): what exporters have not acknowledged is exported again after a restore";
    /// The cluster's topology is being changed.
    TopologyChangePending = "topology-change-pending", Error,
        "wait until the change is done: GET /actuator/cluster of the gateway shows it";
    /// The gateway does not tell the cluster's topology.
    TopologyUnknown = "topology-unknown", Warning,
        "look at GET /actuator/cluster of the gateway: a change that is going on cannot be seen without it";
    /// A broker of the topology is not active.
    BrokerNotActive = "broker-not-active", Error,
        "bring the cluster to its full size first: pausing and resuming need every broker";
    /// We are not allowed to do everything in Kubernetes that this needs.
    RightMissing = "right-missing", Error,
        "have the printed Role applied, and bound to this user or account";
    /// Something about the release in Kubernetes is odd, or could not be found.
    DiscoveryNote = "discovery-note", Warning,
        "correct it, or give what is missing with the flag that is named";
    /// The Camunda version could not be found out.
    VersionUnknown = "version-unknown", Error,
        "give --camunda-version";
    /// This tool does not know how to back up this version.
    VersionUnsupported = "version-unsupported", Error,
        "use a release of camunda-backup that knows this version";
    /// The version was given, so nothing was made of what the components say.
    VersionGiven = "version-given", Warning,
        "leave --camunda-version out where the components tell their version";
    /// The gateway does not answer like the version that it should be.
    VersionContradicted = "version-contradicted", Error,
        "check that the URL is the gateway's management port; leave --camunda-version out, or give the one that fits; where /actuator/backupHistory alone is missing, switch the web applications' backup on (camunda.backup.webapps.enabled)";
    /// Only a path that is missing says that the web applications' data is in a database.
    StorageGuessed = "storage-guessed", Warning,
        "see that the gateway answers at /actuator/exporters; if the data is in a search engine after all, this backup lacks it: switch the web applications' backup on (camunda.backup.webapps.enabled)";
    /// This version has no backup of this part on this search engine.
    PartCannotBeTaken = "part-cannot-be-taken", Error,
        "update to a version that has it, or take the backup without it: --leave-out optimize";
    /// The cluster made the ID of its backup, and did not tell it.
    IdNotTold = "id-not-told", Error,
        "look into the list of backups: there may be one that was not waited for; take a new one";
    /// Components run different versions.
    VersionsDiffer = "versions-differ", Warning,
        "a backup can only be restored into the very versions that made it: finish the upgrade first";
    /// The version has a known defect that concerns backups.
    KnownDefect = "known-defect", Warning,
        "update as soon as there is a patch level without it; until then, know what may happen";

    /// The brokers are spread over several regions, each with a search engine of its own.
    MultiRegion = "multi-region", Error,
        "there is no coordinated procedure for it: exporting and Zeebe are backed up for all regions, everything else for this one alone; --accept-multi-region takes such a backup";
    /// The brokers are spread over several regions, and a backup of one region's search engine was asked for.
    MultiRegionAccepted = "multi-region-accepted", Warning,
        "take the other regions' snapshots in the same pause, or restore their search engines from this region's";

    // Found while a backup runs, or in a finished one.
    /// A component reports that its part failed.
    PartFailed = "part-failed", Error,
        "look at the component's log; take a new backup: a failed one cannot be continued";
    /// A snapshot lacks shards.
    SnapshotPartial = "snapshot-partial", Error,
        "bring the search engine to green health, then take a new backup";
    /// A snapshot failed.
    SnapshotFailed = "snapshot-failed", Error,
        "look at the search engine's log and its repository, then take a new backup";
    /// The records snapshot holds no indices.
    RecordsEmpty = "records-empty", Error,
        "check --records-prefix";
    /// The records snapshot lacks indices that existed when it was taken.
    RecordsIndicesMissing = "records-indices-missing", Error,
        "take a new backup";
    /// Not every snapshot of the part is there.
    SnapshotsMissing = "snapshots-missing", Error,
        "take a new backup";
    /// Not every partition is in the Zeebe backup.
    PartitionsMissing = "partitions-missing", Error,
        "check that every partition has a leader, then take a new backup";
    /// The partitions were backed up by brokers of different versions.
    BrokerVersionsDiffer = "broker-versions-differ", Error,
        "finish the rolling upgrade, then take a new backup";
    /// The part did not move on for too long.
    NoProgress = "no-progress", Error,
        "look at the component's log; a restart of the component may be needed";
    /// A backup that was accepted, or may have been, was never seen.
    NeverSeen = "never-seen", Error,
        "look at the component's log, then take a new backup";
    /// The component says that another backup is running.
    AnotherBackupRunning = "another-backup-running", Error,
        "wait for it; when `camunda-backup list` shows none in progress, the component holds a stale queue: restart its pod, then take a new backup";
    /// The component refused to start its part.
    StartRefused = "start-refused", Error,
        "see the component's own words";
    /// The ID is taken.
    IdTaken = "id-taken", Error,
        "take a new backup under a higher ID";
    /// The exporters did not catch up in time, so exporting was not paused.
    ExporterLag = "exporter-lag", Error,
        "look at the brokers' log and at the search engine's health; after a broker's restart an idle cluster may stay a few records behind until something happens in it; give more time with --wait-for-exporters, or go without waiting with --wait-for-exporters 0s";
    /// Exporting could not be paused.
    PauseFailed = "pause-failed", Error,
        "pausing needs every broker and a leader for every partition: check the cluster's health";
    /// Exporting did not stay paused to the end.
    PauseLost = "pause-lost", Error,
        "take a new backup: records may have been acknowledged after the snapshot, so this one may lose data when restored";
    /// The component stopped answering.
    StoppedAnswering = "stopped-answering", Error,
        "check that it runs, then take a new backup";
    /// The journal could not be written.
    JournalFailed = "journal-failed", Error,
        "make the place of the journal writable (--state-dir): without it exporting is not paused";
    /// The lock on the release was lost.
    LockLost = "lock-lost", Error,
        "see who holds it with: camunda-backup status";
    /// The program itself failed.
    Panicked = "internal-error", Error,
        "this is a bug: report it with the output of the run with -v";

    // Found in the sets: by describe and verify.
    /// A part that every backup of this release has is not in this set.
    PartMissing = "part-missing", Error,
        "it cannot be restored as a whole: take a new backup, then delete this one";
    /// The set has no snapshot of the exported records, although this release exports them.
    RecordsMissing = "records-missing", Error,
        "without them a restored Operate, Tasklist or Optimize lacks what was not imported yet: take a new backup";
    /// A part was begun and never finished.
    PartUnfinished = "part-unfinished", Error,
        "it will not be finished any more: take a new backup, then delete this one";
    /// The component that knows a part could not be asked, or says something that is not understood.
    PartUnknown = "part-unknown", Error,
        "make the component answer, or give its URL, then look again: until then nothing is said about the set, and nothing of it is deleted";
    /// The backup is being taken.
    StillRunning = "still-running", Warning,
        "look again when it has ended";
    /// The snapshots there are do not fit the number in their names.
    PartCountDiffers = "part-count-differs", Error,
        "snapshots were deleted or added by hand, or two backups were mixed: take a new backup, then delete this one";
    /// The part was made by another version than the one that runs.
    VersionDiffers = "version-differs", Error,
        "a backup is restored into the very version that made it, to the patch level (on a relational database into the same minor version or the next): take a new backup after every update, and keep the old version's images as long as its backups";
    /// The Zeebe backup has another number of partitions than the cluster.
    PartitionCountDiffers = "partition-count-differs", Error,
        "restore it into a cluster with the number of partitions that it was taken from";
    /// The indices in the snapshots do not carry the prefix that is in use.
    IndexPrefixDiffers = "index-prefix-differs", Error,
        "restore it into a release with the same index prefix; correct --records-prefix if it is wrong here";
    /// A snapshot was taken by a newer search engine than the one that runs.
    EngineOlder = "engine-older-than-snapshot", Error,
        "restore it with a search engine of at least that version";
    /// Snapshots lie in the repository that no component lists.
    SnapshotsUnlisted = "snapshots-unlisted", Warning,
        "they may belong to another release that shares the repository; look at them with describe, delete them if they are yours";
    /// A component lists snapshots of which the repository has only some.
    SnapshotsNotInRepository = "snapshots-not-in-repository", Error,
        "snapshots were deleted behind the component's back: take a new backup, then delete this one";
    /// A component lists snapshots of which the repository has none.
    SnapshotsElsewhere = "snapshots-elsewhere", Warning,
        "the component keeps them in a repository of its own, or they were deleted behind its back: look at its configuration";
    /// No search engine was given, so nobody knows of the records snapshots.
    RecordsNotAsked = "records-not-asked", Warning,
        "give --search-url and --repository; without the records snapshot a restored Operate, Tasklist or Optimize lacks what was not imported yet";
    /// Failed sets are kept because nothing proves that they are this release's.
    KeptUnproven = "kept-unproven", Warning,
        "look at them with describe and delete them by their ID with --force, or say --repository-is-ours when no other release keeps snapshots there";
    /// A check that belongs to the verdict could not be made.
    CheckNotMade = "check-not-made", Error,
        "make the component answer, or give --camunda-version, then look again: until then nobody knows whether it can be restored";
    /// The set says that it began in the future.
    FromTheFuture = "from-the-future", Error,
        "a clock is or was wrong: its age is not known; correct the clock and take a new backup";
    /// IDs and times of the complete sets contradict each other.
    IdsOutOfOrder = "ids-out-of-order", Warning,
        "the cluster was installed anew or restored, or a clock jumped; what is newest by either is kept: delete the older cluster's sets once they are not needed";
    /// The run that took it ended before it was complete, and exporting went on.
    RunNotComplete = "run-not-complete", Error,
        "a restored Operate, Tasklist or Optimize may lack records, although every part is there: take a new backup, then delete this one";
    /// Only some parts of a set are left, and nobody works on it.
    OrphanedParts = "orphaned-parts", Warning,
        "they take space and cannot be restored as a whole: delete the set, once you are sure that it is yours";
    /// Every older set lacks its Zeebe part.
    StoreMoved = "store-moved", Warning,
        "the brokers' backup store was moved or emptied, or Zeebe's own retention deletes there: the older sets can only be restored with the old store";
    /// Every older set lacks this part.
    RepositoryChanged = "repository-changed", Warning,
        "the snapshot repository was renamed or moved, or the component was added later: the older sets can only be restored with what they were taken with";
    /// There is no complete set.
    NoCompleteSet = "no-complete-set", Error,
        "take a backup now: camunda-backup create";
    /// The newest complete set is older than allowed.
    TooOld = "too-old", Error,
        "find out why no later backup is complete: camunda-backup list; look at the log of the job that takes them";
    /// The newest set is not complete, although an older one is.
    NewestNotComplete = "newest-not-complete", Warning,
        "look at it: camunda-backup describe";
    /// The search engine found damage in the repository.
    RepositoryDamaged = "repository-damaged", Error,
        "register a new repository and take a new backup there at once; the engine cannot mend this one";
    /// The search engine could not check the repository to its end.
    IntegrityUnknown = "integrity-unknown", Error,
        "see the engine's own words; nothing may write to the repository meanwhile";
    /// This search engine has no integrity check.
    IntegrityUnsupported = "integrity-unsupported", Warning,
        "only Elasticsearch 8.16 and later have one; rehearse a restore instead";

    // Found by delete and prune, and why sets are kept.
    /// The cluster's own restore needs the brokers' backups without gaps, so none of them is deleted.
    RangeWouldBreak = "range-would-break", Warning,
        "let the cluster delete them, from the oldest on: camunda.data.primary-storage.backup.retention.window; prune --accept-broken-ranges and delete --force delete them all the same: what is left can then only be restored by its ID";
    /// Nothing of this set is there.
    SetNotFound = "set-not-found", Error,
        "look at what there is: camunda-backup list";
    /// It is the newest complete set.
    NewestComplete = "newest-complete", Error,
        "take a new backup first; --force deletes it all the same";
    /// The set is being taken.
    SetInProgress = "set-in-progress", Error,
        "wait until it has ended; --force deletes what is there of it all the same, if it hangs";
    /// Nothing proves that this set belongs to this release.
    OwnerUnknown = "owner-unknown", Error,
        "its snapshots may belong to another release that shares the repository; --force deletes them all the same";
    /// A part is still there after its deletion.
    StillThere = "still-there", Error,
        "repeat the deletion: what is gone already does no harm";
    /// A component refused a deletion, or did not answer.
    DeleteFailed = "delete-failed", Error,
        "see the component's own words; then repeat the deletion: what is gone already does no harm";
    /// The search engine does not let its user delete snapshots.
    DeletionNotAllowed = "deletion-not-allowed", Error,
        "give the search engine's user cluster:admin/snapshot/delete (docs/rbac.md), then repeat the deletion; the snapshots that are deleted with its rights go first, so that until then the backup stays whole";
    /// A part was not deleted because an earlier one is still there.
    NotTried = "not-tried", Error,
        "repeat the deletion";
    /// A snapshot of somebody else's begins like a web application's own.
    ForeignSnapshot = "foreign-snapshot", Warning,
        "keep it under another name, or in a repository of its own: Operate and Tasklist read every snapshot whose name begins with camunda_operate_ or camunda_tasklist_ as a backup of theirs, and list nothing at all when they cannot";
    /// A snapshot lifecycle policy of the search engine writes to the same repository.
    LifecyclePolicyHere = "lifecycle-policy-here", Warning,
        "it deletes only its own snapshots; give it a repository of its own, so that it cannot be confused with backups";
    /// Zeebe deletes its own backups by a retention of its own.
    NativeRetention = "native-retention", Warning,
        "it deletes Zeebe's part alone and so breaks whole sets: turn it off, and leave it to prune";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One thing found before a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What kind.
    pub reason: Reason,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// What exactly, with names and values.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// A finding with its reason's own severity and remedy.
    pub fn new(reason: Reason, component: impl Into<Option<Component>>, detail: impl Into<String>) -> Self {
        Self {
            severity: reason.severity(),
            reason,
            component: component.into(),
            detail: detail.into(),
            remedy: reason.remedy().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_plain() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{reason}");
            assert!(!reason.explanation().is_empty() && !reason.remedy().is_empty(), "{reason}");
        }
    }
}
