//! What can be typed about the backups that exist.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::args::{ReleaseArgs, duration};
use super::metrics::MetricsArgs;
use super::setup::Usage;
use crate::catalogue::{Every, Policy, SetState};

/// Arguments of `list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// Only backups in this state; may be repeated, or a list with commas
    #[arg(long, value_enum, value_delimiter = ',', env = "CAMUNDA_BACKUP_STATE", help_heading = "List")]
    pub state: Vec<State>,
    /// Only so many
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_LIMIT", value_parser = count(), help_heading = "List")]
    pub limit: Option<u32>,
    /// In which order: the newest, longest, largest first
    #[arg(long, value_enum, default_value = "id", env = "CAMUNDA_BACKUP_SORT", help_heading = "List")]
    pub sort: Sort,
    /// The other way round
    #[arg(long, help_heading = "List")]
    pub reverse: bool,
    /// Also how much the snapshots weigh; opens each of them, so it takes longer (with Elasticsearch and OpenSearch; the
    /// brokers' backup store tells no sizes)
    #[arg(long, help_heading = "List")]
    pub sizes: bool,
}

/// A state, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    Complete,
    Incomplete,
    InProgress,
    Failed,
    Unknown,
}

impl From<State> for SetState {
    fn from(state: State) -> Self {
        match state {
            State::Complete => SetState::Complete,
            State::Incomplete => SetState::Incomplete,
            State::InProgress => SetState::InProgress,
            State::Failed => SetState::Failed,
            State::Unknown => SetState::Unknown,
        }
    }
}

/// An order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// By ID: the order in which they were taken
    Id,
    /// By the time at which they began
    Started,
    /// By the time they took; needs --sizes, which opens the snapshots
    Duration,
    /// By what they weigh; needs --sizes
    Size,
    /// By state
    State,
}

/// Arguments of `describe`.
#[derive(Debug, Clone, Args)]
pub struct DescribeArgs {
    /// ID of the backup
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// How long a backup may take before a missing part counts
    #[arg(long, value_name = "TIME", default_value = "15m", env = "CAMUNDA_BACKUP_GRACE_FOR_YOUNG", value_parser = long, help_heading = "Judgement")]
    pub young: Duration,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// ID of the backup [default: the newest complete one]
    #[arg(value_name = "ID", conflicts_with_all = ["latest", "all"])]
    pub id: Option<String>,
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// The newest complete backup; this is the default
    #[arg(long, conflicts_with = "all", help_heading = "Judgement")]
    pub latest: bool,
    /// Every backup
    #[arg(long, help_heading = "Judgement")]
    pub all: bool,
    /// Not good when the newest complete backup is older than this: 26h, 2d
    #[arg(long, value_name = "TIME", env = "CAMUNDA_BACKUP_MAX_AGE", value_parser = long, help_heading = "Judgement")]
    pub max_age: Option<Duration>,
    /// Let the search engine check everything in the repository (Elasticsearch 8.16 and later); holds the release's lock,
    /// because nothing may write there meanwhile
    #[arg(long, help_heading = "Judgement")]
    pub deep: bool,
    /// Limit for --deep
    #[arg(long, value_name = "TIME", default_value = "1h", env = "CAMUNDA_BACKUP_DEEP_TIMEOUT", value_parser = long, help_heading = "Judgement")]
    pub deep_timeout: Duration,
    /// How long a backup may take before a missing part counts
    #[arg(long, value_name = "TIME", default_value = "15m", env = "CAMUNDA_BACKUP_GRACE_FOR_YOUNG", value_parser = long, help_heading = "Judgement")]
    pub young: Duration,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

/// Arguments of `delete`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is typed")]
pub struct DeleteArgs {
    /// IDs of the backups
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// Do not ask; without a terminal nobody can be asked
    #[arg(short, long, help_heading = "Deletion")]
    pub yes: bool,
    /// Also the newest complete backup, one that is being taken, one that may belong to another release, and one that the
    /// cluster's own restore needs; never one of which a component could not be asked
    #[arg(long, help_heading = "Deletion")]
    pub force: bool,
    /// Print what would be deleted, and delete nothing
    #[arg(long, help_heading = "Deletion")]
    pub dry_run: bool,
    /// Without a search engine: leave the records snapshots where they are, if there are any
    #[arg(long, help_heading = "Deletion")]
    pub without_records: bool,
    /// Limit for all of it
    #[arg(long, value_name = "TIME", default_value = "1h", env = "CAMUNDA_BACKUP_DELETE_TIMEOUT", value_parser = long, help_heading = "Deletion")]
    pub delete_timeout: Duration,
}

/// Arguments of `prune`.
#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
    /// Print what would be kept and deleted and why, and delete nothing
    #[arg(long, help_heading = "Retention")]
    pub dry_run: bool,
    /// Without a search engine: leave the records snapshots where they are, if there are any
    #[arg(long, help_heading = "Retention")]
    pub without_records: bool,
    /// Limit for all of it
    #[arg(long, value_name = "TIME", default_value = "1h", env = "CAMUNDA_BACKUP_DELETE_TIMEOUT", value_parser = long, help_heading = "Retention")]
    pub delete_timeout: Duration,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

/// Which backups are kept. The newest complete one always is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub struct KeepArgs {
    /// Keep the newest N complete backups
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_KEEP_LAST", value_parser = count())]
    pub keep_last: Option<u32>,
    /// Keep complete backups that are at most so much older than the newest one: 12h, 30d, 8w
    #[arg(long, value_name = "TIME", env = "CAMUNDA_BACKUP_KEEP_WITHIN", value_parser = long)]
    pub keep_within: Option<Duration>,
    /// Keep the newest complete backup of each of the last N hours that have one
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_KEEP_HOURLY", value_parser = count())]
    pub keep_hourly: Option<u32>,
    /// The same for days
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_KEEP_DAILY", value_parser = count())]
    pub keep_daily: Option<u32>,
    /// The same for weeks, which begin on Monday
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_KEEP_WEEKLY", value_parser = count())]
    pub keep_weekly: Option<u32>,
    /// The same for months
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_KEEP_MONTHLY", value_parser = count())]
    pub keep_monthly: Option<u32>,
    /// The same for years
    #[arg(long, value_name = "N", env = "CAMUNDA_BACKUP_KEEP_YEARLY", value_parser = count())]
    pub keep_yearly: Option<u32>,
    /// Delete failed and incomplete backups that are older than this; without it they are kept
    #[arg(long, value_name = "TIME", env = "CAMUNDA_BACKUP_FAILED_AFTER", value_parser = long)]
    pub failed_after: Option<Duration>,
    /// No other release keeps snapshots in this repository: with --failed-after, also delete what the brokers do not know
    #[arg(long, env = "CAMUNDA_BACKUP_REPOSITORY_IS_OURS")]
    pub repository_is_ours: bool,
    /// Also delete backups of the brokers that the cluster's own restore needs without gaps: where the data is in a relational
    /// database, nothing is deleted without this
    #[arg(long, env = "CAMUNDA_BACKUP_ACCEPT_BROKEN_RANGES", value_parser = clap::builder::FalseyValueParser::new())]
    pub accept_broken_ranges: bool,
    /// Time zone in which an hour, a day, a week, a month and a year begin: UTC, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC", env = "CAMUNDA_BACKUP_TIME_ZONE")]
    pub time_zone: String,
}

fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

impl KeepArgs {
    /// The rules in force; the zone by its name.
    pub fn policy(&self) -> Result<Policy, Usage> {
        let zone = jiff::tz::TimeZone::get(&self.time_zone).map_err(|_| {
            Usage(format!("--time-zone: {:?} is not the name of a time zone", self.time_zone))
        })?;
        let every = self.every().into_iter().filter_map(|(every, n)| Some((every, n?)));
        Ok(Policy {
            last: self.keep_last,
            within: self.keep_within,
            every: every.collect::<BTreeMap<_, _>>(),
            failed_after: self.failed_after,
            unproven: self.repository_is_ours,
            broken_ranges: self.accept_broken_ranges,
            zone,
        })
    }

    fn every(&self) -> [(Every, Option<u32>); 5] {
        [
            (Every::Hour, self.keep_hourly),
            (Every::Day, self.keep_daily),
            (Every::Week, self.keep_weekly),
            (Every::Month, self.keep_monthly),
            (Every::Year, self.keep_yearly),
        ]
    }

    /// The rules as they could be typed.
    pub fn rules(&self) -> Vec<String> {
        let time = |d: Duration| match d.as_secs() {
            seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
            seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
            seconds => format!("{seconds}s"),
        };
        let mut rules = Vec::new();
        rules.extend(self.keep_last.map(|n| format!("--keep-last {n}")));
        rules.extend(self.keep_within.map(|d| format!("--keep-within {}", time(d))));
        rules.extend(
            self.every().into_iter().filter_map(|(every, n)| Some(format!("--keep-{} {}", every.name(), n?))),
        );
        rules.extend(self.failed_after.map(|d| format!("--failed-after {}", time(d))));
        rules
    }
}

/// `12h`, `30d`, `8w`: lengths of time that are counted in days, too.
fn long(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a length of time such as 26h, 30d or 8w");
    let (mut total, mut small, mut rest) = (Duration::ZERO, String::new(), text.trim());
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let days = match &rest[digits..digits + letters] {
            "d" => 1,
            "w" => 7,
            "" => return Err(bad()),
            _ => 0,
        };
        if days == 0 {
            small.push_str(&rest[..digits + letters]);
        } else {
            let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
            // A hundred years are "for ever".
            let length =
                number.checked_mul(days * 86_400).filter(|s| *s <= 36_525 * 86_400).ok_or_else(bad)?;
            total += Duration::from_secs(length);
        }
        rest = &rest[digits + letters..];
    }
    if !small.is_empty() {
        total += duration(&small).map_err(|_| bad())?;
    }
    if total.is_zero() { Err(bad()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_days() {
        let hours = |n: u64| Ok(Duration::from_secs(3600 * n));
        assert_eq!(long("26h"), hours(26));
        assert_eq!(long("30d"), hours(720));
        assert_eq!(long("1w2d12h"), hours(228));
        for bad in ["", "30", "d", "0d", "-1d", "1.5d", "99999999999d", "1y", "x"] {
            assert!(long(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
