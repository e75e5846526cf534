//! What can be typed. Every flag has a variable; a flag wins over its variable.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

pub use super::access_args::{ManagementArgs, SearchArgs};
use super::console::LogFormat;
pub use super::kube_args::{Access, JobArgs, KubeArgs, RightsArgs};
use super::metrics::MetricsArgs;
use super::set_args::{DeleteArgs, DescribeArgs, KeepArgs, ListArgs, PruneArgs, VerifyArgs};
use crate::model::Part;
use crate::render::{Format, Style};
use crate::sim::Profile;

/// Backups of Camunda 8 Self-Managed: whole, in order, and never leaving exporting paused.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 110,
    disable_help_subcommand = true,
    // A Job adds what is typed to what its CronJob says: the last one counts.
    args_override_self = true,
    after_help = "Exit codes: 0 done, 2 usage, 10 not found, 11 unsupported version, 12 no access, 13 preflight found \
                  problems, 14 check or verify found the state not good, 20 backup failed, 21 deadline, 22 cancelled \
                  (exporting runs in all of these), 30 EXPORTING MAY STILL BE PAUSED, 40 another run holds the \
                  release, 50 delete or prune left something behind."
)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Global {
    /// How results are printed on stdout
    #[arg(short, long, global = true, value_enum, default_value = "table", env = "CAMUNDA_BACKUP_OUTPUT")]
    pub output: OutputFormat,
    /// How progress and errors are written to stderr
    #[arg(long, global = true, value_enum, default_value = "text", env = "CAMUNDA_BACKUP_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// Show every exchange with the servers; twice: with the libraries' own messages
    #[arg(short, long, global = true, action = ArgAction::Count, env = "CAMUNDA_BACKUP_VERBOSE")]
    pub verbose: u8,
    /// Use colors: auto means on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, default_value = "auto", env = "CAMUNDA_BACKUP_COLOR")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Table => Format::Table,
            OutputFormat::Wide => Format::Wide,
            OutputFormat::Json => Format::Json,
            OutputFormat::Yaml => Format::Yaml,
            OutputFormat::Name => Format::Name,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    fn on(self, terminal: bool) -> Style {
        let wanted = || std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let color = match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && wanted() && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
        };
        Style { color }
    }

    pub fn for_stdout(self) -> Style {
        self.on(std::io::IsTerminal::is_terminal(&std::io::stdout()))
    }

    pub fn for_stderr(self) -> Style {
        self.on(std::io::IsTerminal::is_terminal(&std::io::stderr()))
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Take one backup of the whole release
    Create(Box<CreateArgs>),
    /// Find out whether a backup could be taken, without taking one
    Check(CheckArgs),
    /// Show the release on one screen: components, exporting, who works on it, the last complete backup
    Status(StatusArgs),
    /// List the backups, joined over all components
    #[command(
        after_help = "A component that cannot be asked makes its part unknown, never missing. Of a repository that is shared, \
                      only snapshots with Camunda's names are looked at."
    )]
    List(ListArgs),
    /// Show everything about one backup: its snapshots and partitions, what is missing, what to do
    Describe(DescribeArgs),
    /// Find out whether a backup can be restored here; exit code 14 when not
    #[command(after_help = "For alerting:\n  camunda-backup verify --latest --max-age 26h")]
    Verify(VerifyArgs),
    /// Delete backups, all their parts, and see that they are gone
    #[command(
        after_help = "Deletes exact names only. Refuses the newest complete backup, one that is being taken, one that may belong \
                      to another release (--force), and one of which a component cannot be asked (always). What was \
                      interrupted can be repeated."
    )]
    Delete(DeleteArgs),
    /// Delete the backups that no rule keeps
    #[command(
        after_help = "Rules add up: a backup is kept when one of them keeps it. Only complete backups count; the newest complete \
                      one is always kept, and while none is complete nothing is deleted. Without any --keep rule all complete \
                      ones are kept. --keep-within counts back from the newest complete backup, so that nothing more is \
                      deleted when backups have stopped.\n\nExample:\n  camunda-backup prune --keep-daily 7 --keep-weekly 5 \
                      --keep-monthly 12 --failed-after 7d --dry-run"
    )]
    Prune(PruneArgs),
    /// Resume exporting, and see that it runs
    Resume(ResumeArgs),
    /// Run a simulated release on loopback, for trying and training
    Sandbox(SandboxArgs),
    /// Print the rights in Kubernetes that a verb needs, as a Role
    Rights(RightsArgs),
    /// Print the completion script of a shell
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man {
        /// Where to
        folder: PathBuf,
    },
    /// Watches over a run from a process of its own
    #[command(name = "guard-process", hide = true)]
    Guard,
}

/// Where the release is.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Components by URL")]
pub struct ReleaseArgs {
    #[command(flatten)]
    pub kube: KubeArgs,
    /// Management URL of the Zeebe gateway
    #[arg(long, value_name = "URL", env = "GATEWAY_MANAGEMENT_API")]
    pub gateway_url: Option<String>,
    /// Management URL of a broker, to see the exporting state; once for each broker
    #[arg(long, value_name = "URL", env = "BROKER_MANAGEMENT_APIS", value_delimiter = ',')]
    pub broker_url: Vec<String>,
    /// Management URL of Operate; without it, Operate is not in the backup
    #[arg(long, value_name = "URL", env = "OPERATE_MANAGEMENT_API")]
    pub operate_url: Option<String>,
    /// Management URL of Tasklist; without it, Tasklist is not in the backup
    #[arg(long, value_name = "URL", env = "TASKLIST_MANAGEMENT_API")]
    pub tasklist_url: Option<String>,
    /// Management URL of Optimize; without it, Optimize is not in the backup
    #[arg(long, value_name = "URL", env = "OPTIMIZE_MANAGEMENT_API")]
    pub optimize_url: Option<String>,
    /// URL of Elasticsearch; without it, the exported records are not in the backup
    #[arg(long, value_name = "URL", env = "ELASTIC_ENDPOINT")]
    pub search_url: Option<String>,
    /// Snapshot repository for the records snapshot
    #[arg(long, value_name = "NAME", env = "ELASTIC_SNAPSHOT_REPOSITORY")]
    pub repository: Option<String>,
    /// Snapshot repository of a part that has another one, as PART=NAME (operate, tasklist, history, optimize): it is checked
    /// too; may be repeated [default: what is configured]
    #[arg(long, value_name = "PART=NAME", env = "CAMUNDA_BACKUP_PART_REPOSITORIES", value_delimiter = ',')]
    pub part_repository: Vec<String>,
    /// Take a backup although the brokers are spread over several regions: of this region's search engine alone
    #[arg(long, env = "CAMUNDA_BACKUP_ACCEPT_MULTI_REGION", value_parser = clap::builder::FalseyValueParser::new())]
    pub accept_multi_region: bool,
    /// Prefix of the indices with exported records [default: what is configured, else zeebe-record]
    #[arg(long, value_name = "PREFIX", env = "CAMUNDA_BACKUP_RECORDS_PREFIX")]
    pub records_prefix: Option<String>,
    /// Camunda version, where the components do not tell it; it wins over what they tell, and that is said
    #[arg(long, value_name = "VERSION", env = "CAMUNDA_BACKUP_CAMUNDA_VERSION")]
    pub camunda_version: Option<String>,
    /// A part to do without although its component is there: Optimize 8.5 and 8.6 on OpenSearch have no backup. Without any
    /// other one a restored Camunda lacks that data
    #[arg(long, value_name = "PART", env = "CAMUNDA_BACKUP_LEAVE_OUT", value_enum, value_delimiter = ',')]
    pub leave_out: Vec<LeaveOut>,
    /// Directory of the journal, which remembers that exporting must be resumed [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "CAMUNDA_BACKUP_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub management: ManagementArgs,
    #[command(flatten)]
    pub search: SearchArgs,
}

/// A part that a backup can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum LeaveOut {
    /// Optimize's indices: its reports are then not in the backup.
    Optimize,
    /// Operate's indices (8.5 to 8.7).
    Operate,
    /// Tasklist's indices (8.5 to 8.7).
    Tasklist,
    /// The web applications' indices (8.8 and later).
    History,
    /// The exported records: what is not imported yet, and what Optimize reads.
    Records,
}

impl From<LeaveOut> for Part {
    fn from(part: LeaveOut) -> Self {
        match part {
            LeaveOut::Optimize => Part::Optimize,
            LeaveOut::Operate => Part::Operate,
            LeaveOut::Tasklist => Part::Tasklist,
            LeaveOut::History => Part::History,
            LeaveOut::Records => Part::Records,
        }
    }
}

/// Arguments of `create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// ID of the backup: higher than every earlier one [default: Unix time in seconds, or the highest known ID + 1]
    #[arg(long, value_name = "ID", env = "BACKUP_ID", help_heading = "Backup")]
    pub backup_id: Option<String>,
    /// Print what would be done, and do nothing
    #[arg(long, help_heading = "Backup")]
    pub dry_run: bool,
    /// Limit for one attempt at a whole backup: 90s, 30m, 2h
    #[arg(long, value_name = "TIME", default_value = "3h", env = "CAMUNDA_BACKUP_TIMEOUT", value_parser = duration, help_heading = "Backup")]
    pub timeout: Duration,
    /// Limit for the time in which exporting is paused
    #[arg(long, value_name = "TIME", default_value = "1h", env = "CAMUNDA_BACKUP_PAUSE_TIMEOUT", value_parser = duration, help_heading = "Backup")]
    pub pause_timeout: Duration,
    /// How long to go on trying to resume exporting before giving up with exit code 30
    #[arg(long, value_name = "TIME", default_value = "5m", env = "CAMUNDA_BACKUP_RESUME_TIMEOUT", value_parser = duration, help_heading = "Backup")]
    pub resume_timeout: Duration,
    /// How long to wait, before exporting is paused, until the exporters have exported what was processed; 0s: do not wait
    #[arg(long, value_name = "TIME", default_value = "5m", env = "CAMUNDA_BACKUP_WAIT_FOR_EXPORTERS", value_parser = duration_or_none, help_heading = "Backup")]
    pub wait_for_exporters: Duration,
    /// How long a part may be in doubt (not found, INCOMPLETE, errors) without anything moving [default: 2 to 6 minutes]
    #[arg(long, value_name = "TIME", env = "CAMUNDA_BACKUP_GRACE", value_parser = duration, help_heading = "Backup")]
    pub grace: Option<Duration>,
    /// After a failed backup, how often to take a whole new one under a new ID
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        env = "CAMUNDA_BACKUP_RETRIES",
        help_heading = "Backup"
    )]
    pub retries: u32,
    /// What becomes of the parts of a backup that failed: delete them once exporting runs again, or keep them for a look
    #[arg(
        long,
        value_enum,
        default_value = "keep",
        env = "CAMUNDA_BACKUP_ON_FAILURE",
        help_heading = "Backup"
    )]
    pub on_failure: OnFailure,
    /// Do not start the process that resumes exporting when this one is killed
    #[arg(long, env = "CAMUNDA_BACKUP_NO_GUARD", value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Backup")]
    pub no_guard: bool,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    /// After a complete backup: prune by these rules
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

/// What becomes of a failed backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// It stays until it is deleted or pruned
    Keep,
    /// What was begun of it is deleted, after exporting runs again
    Delete,
}

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
}

/// Arguments of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
}

/// Arguments of `resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// Only where a run that died left exporting paused; without URLs: every release in the journal
    #[arg(long, help_heading = "Resume")]
    pub if_abandoned: bool,
    /// How long to go on trying
    #[arg(long, value_name = "TIME", default_value = "5m", env = "CAMUNDA_BACKUP_RESUME_TIMEOUT", value_parser = duration, help_heading = "Resume")]
    pub resume_timeout: Duration,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

/// Arguments of `sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Release to behave like [default: what fits to --camunda-version, else 8.6]
    #[arg(long, value_name = "NAME", value_parser = Profile::NAMES)]
    pub profile: Option<String>,
    /// Camunda version to show [default: a patch level of the profile's]
    #[arg(long, value_name = "VERSION")]
    pub camunda_version: Option<String>,
    /// Search engine to behave like
    #[arg(long, value_name = "NAME", value_enum, default_value = "elasticsearch")]
    pub engine: SandboxEngine,
    /// Number of brokers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub brokers: u16,
    /// Number of partitions
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub partitions: u32,
    /// First of the ports that are listened on; 0 takes free ones
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Address to listen on; anybody who reaches it can do anything with the simulated release
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub listen: std::net::IpAddr,
    /// Number of complete backups that exist already
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub history: u64,
    /// Leave Optimize out
    #[arg(long)]
    pub no_optimize: bool,
    /// Answer within milliseconds instead of seconds
    #[arg(long)]
    pub quick: bool,
    /// Take so many times longer for a backup than the usual twelve seconds
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    pub slow: u32,
    /// Make something fail, such as `gateway POST /actuator/exporting/resume 1..3 envelope-failure`; may be repeated
    #[arg(long, value_name = "RULE")]
    pub fault: Vec<String>,
}

/// A length of time, or none: `0`, `0s`.
fn duration_or_none(text: &str) -> Result<Duration, String> {
    let nothing = matches!(text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic()), "0");
    if nothing { Ok(Duration::ZERO) } else { duration(text) }
}

/// What the sandbox's search engine behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SandboxEngine {
    /// Elasticsearch 8.14
    Elasticsearch,
    /// OpenSearch 2.19
    Opensearch,
}

/// `90s`, `30m`, `2h`, `1h30m`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a length of time such as 90s, 30m or 2h");
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let scale = match &rest[..letters] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(bad()),
        };
        let step = u32::try_from(number).ok().and_then(|n| scale.checked_mul(n)).ok_or_else(bad)?;
        total = total.checked_add(step).ok_or_else(bad)?;
        rest = &rest[letters..];
    }
    // Time is added to an instant later on; ten years are "for ever", and cannot overflow.
    let longest = Duration::from_secs(3600 * 24 * 3650);
    if total.is_zero() || total > longest { Err(bad()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "5", "s", "-1s", "1.5h", "1d", "0s", "99999999999h", "5m3"] {
            assert!(duration(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn every_flag_but_plain_switches_has_a_variable() {
        let without = [
            "help",
            "version",
            "dry-run",
            "if-abandoned",
            "yes",
            "force",
            "latest",
            "all",
            "deep",
            "sizes",
            "reverse",
            "in-cluster",
            "without-records",
        ];
        for verb in Cli::command().get_subcommands().filter(|v| v.get_name() != "sandbox") {
            for flag in verb.get_arguments().filter(|a| a.get_long().is_some_and(|l| !without.contains(&l))) {
                assert!(flag.get_env().is_some(), "{} --{:?}", verb.get_name(), flag.get_long());
            }
        }
    }
}
