//! Is a set restorable here? Everything that speaks against it, each with its reason.
//!
//! A part is judged by what is there, not by what its owner calls it; a component that could not be asked makes a set
//! neither good nor bad, and never good. Sources of the rules: the restore pages of the guide (same version to the patch
//! level, on relational storage the same minor version or the next, same number of partitions, same prefixes, every snapshot of the ID).

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::detail::{Detail, PieceDetail};
use super::entries::{PartEntry, SetState};
use crate::dialect::Restores;
use crate::model::{Component, Facts, Finding, Part, PartState, Reason, Severity, Version, is_record_of};

/// What a set is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    /// What was found of the release: versions, partitions, indices, repositories.
    pub facts: &'a Facts,
    /// Prefix of the exported records' indices.
    pub records_prefix: &'a str,
    /// The version, where the components do not tell it.
    pub version: Option<&'a Version>,
    /// Into which versions a backup of this release can be restored.
    pub restores: Restores,
    /// The time.
    pub now: Timestamp,
    /// How long a set may take before a missing part counts: another run may be at it.
    pub grace: Duration,
}

/// Who is asked for a part.
fn owner(part: Part) -> Component {
    match part {
        Part::Operate => Component::Operate,
        Part::Tasklist => Component::Tasklist,
        Part::Optimize => Component::Optimize,
        Part::Records => Component::Search,
        Part::History | Part::Zeebe => Component::Gateway,
    }
}

/// Everything that speaks against restoring this set here, errors first.
pub fn judge(detail: &Detail, measure: &Measure<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(started) = detail.set.started.filter(|_| detail.set.is_from_the_future(measure.now)) {
        let text = format!("it says that it began at {started}");
        findings.push(Finding::new(Reason::FromTheFuture, None, text));
    }
    if let Some(run) = detail.set.run.as_ref().filter(|_| detail.set.is_spoiled()) {
        let why = run.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
        let text = format!("its run ended as {}{why}", run.outcome);
        findings.push(Finding::new(Reason::RunNotComplete, None, text));
    }
    let young = detail.set.is_younger_than(measure.grace, measure.now);
    if detail.set.state == SetState::InProgress {
        findings.push(Finding::new(Reason::StillRunning, None, "a part is being taken"));
    } else if young && detail.set.state == SetState::Incomplete {
        let detail =
            format!("it began less than {} s ago: a part may still be to come", measure.grace.as_secs());
        findings.push(Finding::new(Reason::StillRunning, None, detail));
    }
    for (part, entry) in &detail.set.parts {
        let pieces = detail.pieces.get(part).map_or(&[][..], Vec::as_slice);
        let about = |reason, text: String| Finding::new(reason, owner(*part), format!("{part}: {text}"));
        if !(young && unfinished(entry)) {
            findings.extend(state(*part, entry, pieces, measure).map(|(reason, text)| about(reason, text)));
        }
        let wrong = contents(*part, entry, pieces, measure);
        findings.extend(wrong.into_iter().map(|(reason, text)| about(reason, text)));
    }
    findings.extend(mixed(detail));
    findings.extend(not_checked(detail, measure));
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}

/// That it was taken in the middle of an update. Optimize has patch levels of its own.
fn mixed(detail: &Detail) -> Option<Finding> {
    let pieces = detail.pieces.iter().filter(|(part, _)| **part != Part::Optimize);
    let made: BTreeSet<(&Version, Part)> =
        pieces.flat_map(|(part, p)| p.iter().filter_map(|p| Some((p.version.as_ref()?, *part)))).collect();
    let versions: BTreeSet<&Version> = made.iter().map(|(version, _)| *version).collect();
    let of = |version: &Version| {
        made.iter().filter(|(v, _)| *v == version).map(|(_, part)| part.name()).collect::<Vec<_>>()
    };
    let text: Vec<_> = versions.iter().map(|v| format!("{v} ({})", of(v).join(", "))).collect();
    (versions.len() > 1).then(|| {
        Finding::new(Reason::VersionsDiffer, None, format!("its parts were made by {}", text.join(", ")))
    })
}

/// Checks that belong to the verdict and could not be made: without them nobody may say "restorable".
fn not_checked(detail: &Detail, measure: &Measure<'_>) -> Vec<Finding> {
    let not = |component, text: String| Finding::new(Reason::CheckNotMade, component, text);
    let facts = measure.facts;
    let mut findings = Vec::new();
    let parts = detail.set.parts.keys().filter(|p| **p != Part::Records);
    let silent: BTreeSet<Component> = parts
        // A version that was given is that of the release; Optimize has patch levels of its own.
        .filter(|p| measure.version.is_none() || **p == Part::Optimize)
        .map(|p| owner(*p))
        .filter(|c| facts.components.get(c).is_some_and(|c| c.version.is_none()))
        .collect();
    for component in silent {
        let text = "the running version is not known, so it is not compared";
        let finding = not(component, text.to_owned());
        // Nobody can give Optimize's: that must not make every backup of it bad.
        let severity = if component == Component::Optimize { Severity::Warning } else { finding.severity };
        findings.push(Finding { severity, ..finding });
    }
    if let Some(Err(problem)) = &facts.cluster {
        findings
            .push(not(Component::Gateway, format!("the number of partitions is not compared: {problem}")));
    }
    if let Some(Err(problem)) = &facts.engine {
        findings.push(not(Component::Search, format!("the engine's version is not compared: {problem}")));
    }
    if let Some(Err(problem)) = &facts.indices {
        findings.push(not(Component::Search, format!("index prefixes are not compared: {problem}")));
    }
    findings
}

/// What another run may still bring to its end.
fn unfinished(entry: &PartEntry) -> bool {
    match entry {
        PartEntry::Missing => true,
        PartEntry::Unknown(_) => false,
        PartEntry::Found { state, .. } => matches!(state, PartState::Incomplete | PartState::DoesNotExist),
    }
}

/// Why a part is not whole.
fn state(
    part: Part,
    entry: &PartEntry,
    pieces: &[PieceDetail],
    measure: &Measure<'_>,
) -> Option<(Reason, String)> {
    let said = |fallback: &str| {
        let failures = pieces.iter().flat_map(|p| &p.failures).next();
        entry
            .problem()
            .map(str::to_owned)
            .or_else(|| failures.cloned())
            .unwrap_or_else(|| fallback.to_owned())
    };
    match entry {
        PartEntry::Unknown(problem) => Some((Reason::PartUnknown, problem.clone())),
        PartEntry::Missing if part == Part::Records => {
            Some((Reason::RecordsMissing, "there is no snapshot of the exported records".to_owned()))
        }
        PartEntry::Missing => Some((Reason::PartMissing, "it was asked, and has no such backup".to_owned())),
        PartEntry::Found { state, done, .. } => match state {
            PartState::Completed | PartState::InProgress => None,
            PartState::Failed if part == Part::Records => Some((Reason::SnapshotFailed, said("it failed"))),
            PartState::Failed | PartState::Incompatible => {
                let broken = pieces.iter().any(|p| p.state == PartState::Partial);
                let reason = if broken { Reason::SnapshotPartial } else { Reason::PartFailed };
                Some((reason, said(&format!("it is {state}"))))
            }
            PartState::Partial => Some((Reason::SnapshotPartial, said("a snapshot lacks shards"))),
            PartState::Unknown(word) => {
                Some((Reason::PartUnknown, format!("its owner says {word:?}, which is not understood")))
            }
            PartState::Incomplete | PartState::DoesNotExist | PartState::Deleted => {
                Some(incomplete(part, *done, pieces, measure, &said("it was begun and never finished")))
            }
        },
    }
}

/// Which pieces are not there.
fn incomplete(
    part: Part,
    done: u64,
    pieces: &[PieceDetail],
    measure: &Measure<'_>,
    said: &str,
) -> (Reason, String) {
    let whole = |p: &&PieceDetail| p.state == PartState::Completed;
    match part {
        Part::Zeebe if !pieces.is_empty() => {
            let taken: BTreeSet<u32> = pieces.iter().filter(whole).filter_map(|p| p.partition).collect();
            let all = partitions(measure.facts);
            // Whole in itself: the cluster has more partitions by now.
            let contiguous = taken.last().is_some_and(|last| *last as usize == taken.len());
            if contiguous
                && taken.len() == pieces.len()
                && all.as_ref().is_some_and(|all| all.len() > taken.len())
            {
                return differs(taken.len(), all.map_or(0, |a| a.len()));
            }
            (Reason::PartitionsMissing, said.to_owned())
        }
        Part::Records if done == 0 => (Reason::RecordsEmpty, "the snapshot holds no index".to_owned()),
        Part::Operate | Part::Tasklist | Part::History | Part::Optimize => {
            let of = pieces.iter().filter_map(|p| p.nth).map(|(_, n)| n).max().unwrap_or_default();
            let there: BTreeSet<u32> =
                pieces.iter().filter(whole).filter_map(|p| p.nth).map(|(i, _)| i).collect();
            // A name that anybody can write must not be counted up to.
            let missing: Vec<_> =
                (1..=of.min(1000)).filter(|i| !there.contains(i)).map(|i| i.to_string()).collect();
            if missing.is_empty() {
                (Reason::PartUnfinished, said.to_owned())
            } else {
                let text = format!("snapshot {} of {of} is not there, or not whole", missing.join(", "));
                (Reason::SnapshotsMissing, text)
            }
        }
        Part::Records | Part::Zeebe => (Reason::PartUnfinished, said.to_owned()),
    }
}

fn differs(taken: usize, now: usize) -> (Reason, String) {
    (Reason::PartitionCountDiffers, format!("it was taken from {taken} partitions, the cluster has {now}"))
}

fn partitions(facts: &Facts) -> Option<BTreeSet<u32>> {
    match &facts.cluster {
        Some(Ok(cluster)) if !cluster.partitions.is_empty() => Some(cluster.partitions.clone()),
        _ => None,
    }
}

/// What is wrong with what is there, whole or not.
fn contents(
    part: Part,
    entry: &PartEntry,
    pieces: &[PieceDetail],
    measure: &Measure<'_>,
) -> Vec<(Reason, String)> {
    let mut wrong = Vec::new();
    let counts: BTreeSet<u32> = pieces.iter().filter_map(|p| p.nth).map(|(_, n)| n).collect();
    let places: BTreeSet<_> = pieces.iter().filter_map(|p| p.nth).collect();
    let beyond = places.iter().any(|(i, n)| *i == 0 || i > n);
    if counts.len() > 1 || beyond || places.len() < pieces.iter().filter(|p| p.nth.is_some()).count() {
        let named: Vec<_> = counts.iter().map(|n| format!("of {n}")).collect();
        let text = format!("{} snapshots whose names say {}", pieces.len(), named.join(" and "));
        wrong.push((Reason::PartCountDiffers, text));
    }
    if part == Part::Zeebe {
        let taken: BTreeSet<u32> = pieces.iter().filter_map(|p| p.partition).collect();
        if let Some(all) = partitions(measure.facts)
            && entry.is_complete()
            && !taken.is_empty()
            && taken != all
        {
            wrong.push(differs(taken.len(), all.len()));
        }
    }
    wrong.extend(versions(part, pieces, measure));
    wrong.extend(prefix(part, pieces, measure));
    if let Some(Ok(engine)) = &measure.facts.engine {
        let newer = pieces
            .iter()
            .filter_map(|p| p.engine_version.as_deref())
            .find(|v| line(v) > line(&engine.version));
        if let Some(newer) = newer {
            let text = format!("taken by version {newer} of the search engine, {} runs", engine.version);
            wrong.push((Reason::EngineOlder, text));
        }
    }
    let shards: u32 = pieces.iter().map(|p| p.shards_failed).sum();
    if shards > 0 && entry.is_complete() {
        wrong.push((Reason::SnapshotPartial, format!("{shards} shards are not in it")));
    }
    // Only where the owner answered is "not listed" something it said.
    let answered = matches!(measure.facts.backups.get(&part), Some(Ok(_)));
    let unlisted = pieces.iter().filter(|p| !p.listed).count();
    if part != Part::Records && answered && unlisted > 0 {
        let text = format!("{unlisted} of its snapshots in the repository are not listed by {}", owner(part));
        wrong.push((Reason::SnapshotsUnlisted, text));
    }
    // The owner of a part tells of snapshots that are not where the set's others are.
    let gone = pieces.iter().filter(|p| p.listed && p.stored == Some(false)).count();
    if gone > 0 {
        let all = gone == pieces.len();
        let reason = if all { Reason::SnapshotsElsewhere } else { Reason::SnapshotsNotInRepository };
        wrong.push((reason, format!("{gone} of {} snapshots are not in the repository", pieces.len())));
    }
    wrong
}

/// Major and minor: `8.14` of `8.14.0`, and of `8.14.0-8.14.3`, which an engine says when it is not sure.
fn line(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-']).map_while(|n| n.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

fn versions(part: Part, pieces: &[PieceDetail], measure: &Measure<'_>) -> Vec<(Reason, String)> {
    let taken: BTreeSet<&Version> = pieces.iter().filter_map(|p| p.version.as_ref()).collect();
    let names = || taken.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut wrong = Vec::new();
    if part == Part::Zeebe && taken.len() > 1 {
        wrong.push((Reason::BrokerVersionsDiffer, format!("made by brokers of {}", names())));
    }
    let component = measure.facts.components.get(&owner(part)).and_then(|c| c.version.as_ref());
    // A version that was given is that of the release; Optimize has patch levels of its own.
    let given = measure.version.filter(|_| part != Part::Optimize);
    // Optimize keeps its own rule: it is snapshots wherever it is.
    let rule = if part == Part::Optimize { Restores::Exact } else { measure.restores };
    if part != Part::Records
        && let Some(running) = component.or(given)
        && taken.iter().any(|v| !rule.into_version(v, running))
    {
        wrong.push((Reason::VersionDiffers, format!("made by {}, running is {running}", names())));
    }
    wrong
}

fn prefix(part: Part, pieces: &[PieceDetail], measure: &Measure<'_>) -> Option<(Reason, String)> {
    let inside: Vec<&str> =
        pieces.iter().filter_map(|p| p.indices.as_ref()).flatten().map(String::as_str).collect();
    let first = inside.first()?;
    let text = match part {
        Part::Records => {
            let prefix = measure.records_prefix;
            let foreign = inside.iter().find(|name| !is_record_of(prefix, name))?;
            format!("it holds {foreign}, whose prefix is not {prefix}")
        }
        Part::Operate | Part::Tasklist | Part::History | Part::Optimize => {
            let Some(Ok(here)) = &measure.facts.indices else { return None };
            // Indices of a day come and go, and versions change names: all of them gone means another prefix.
            if here.is_empty()
                || inside.iter().any(|name| here.binary_search_by(|h| h.as_str().cmp(name)).is_ok())
            {
                return None;
            }
            format!("none of its {} indices, such as {first}, exists here", inside.len())
        }
        Part::Zeebe => return None,
    };
    Some((Reason::IndexPrefixDiffers, text))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
