//! What can be typed. Every flag has a variable; a flag wins over its variable.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::console::LogFormat;
use super::set_args::{DeleteArgs, DescribeArgs, KeepArgs, ListArgs, PruneArgs, VerifyArgs};
use crate::render::{Format, Style};

/// Backups of Camunda 8 Self-Managed: whole, in order, and never leaving exporting paused.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 110,
    disable_help_subcommand = true,
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
    Create(CreateArgs),
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
    /// Print the completion script of a shell
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
    /// Watches over a run from a process of its own
    #[command(name = "guard-process", hide = true)]
    Guard,
}

/// Where the release is in Kubernetes; kubectl's flags with kubectl's meaning.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Kubernetes")]
pub struct KubeArgs {
    /// Helm release; where there is one in the namespace it is found by itself
    #[arg(long, value_name = "NAME", env = "CAMUNDA_RELEASE_NAME")]
    pub release: Option<String>,
    /// Namespace of the release
    #[arg(short, long, value_name = "NAME", env = "CAMUNDA_BACKUP_NAMESPACE")]
    pub namespace: Option<String>,
    /// How components are reached: auto means directly in a pod, else by port-forward
    #[arg(long, value_enum, default_value = "auto", env = "CAMUNDA_BACKUP_ACCESS")]
    pub access: Access,
    /// Do without the Lease that keeps two runs apart and remembers a pause: another machine can then neither see this run
    /// nor repair what it leaves
    #[arg(long, env = "CAMUNDA_BACKUP_NO_LEASE", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_lease: bool,
    /// Kubeconfig file [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_CONTEXT")]
    pub context: Option<String>,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_CLUSTER")]
    pub cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_USER")]
    pub user: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "NAME", env = "CAMUNDA_BACKUP_AS")]
    pub as_user: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", value_name = "NAME", env = "CAMUNDA_BACKUP_AS_GROUP", value_delimiter = ',')]
    pub as_group: Vec<String>,
    /// Limit for one request to the API server [default: 20s]
    #[arg(long, value_name = "TIME", env = "CAMUNDA_BACKUP_REQUEST_TIMEOUT", value_parser = crate::cluster::request_timeout)]
    pub request_timeout: Option<Duration>,
}

/// How components in Kubernetes are reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Access {
    /// As fits where we run.
    #[default]
    Auto,
    /// Through the Kubernetes API.
    PortForward,
    /// By their addresses in the cluster.
    Direct,
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
    /// Camunda version, where the components do not tell it
    #[arg(long, value_name = "VERSION", env = "CAMUNDA_BACKUP_CAMUNDA_VERSION")]
    pub camunda_version: Option<String>,
    /// Directory of the journal, which remembers that exporting must be resumed [default: the user's state directory]
    #[arg(long, value_name = "DIR", env = "CAMUNDA_BACKUP_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub management: ManagementArgs,
    #[command(flatten)]
    pub search: SearchArgs,
}

/// One group of flags for access, whichever it is.
pub(crate) struct AccessArgs<'a> {
    pub username: Option<&'a str>,
    pub password: Option<&'a Path>,
    pub api_key: Option<&'a Path>,
    pub bearer_token: Option<&'a Path>,
    pub headers: Option<&'a Path>,
    pub ca: Option<&'a Path>,
    pub client_cert: Option<&'a Path>,
    pub client_key: Option<&'a Path>,
    pub tls_server_name: Option<&'a str>,
    pub insecure_skip_tls_verify: bool,
}

impl<'a> AccessArgs<'a> {
    /// Every file, which may be a Secret's key.
    pub fn files(&self) -> impl Iterator<Item = &'a Path> {
        [self.password, self.api_key, self.bearer_token, self.headers, self.ca, self.client_cert, self.client_key]
            .into_iter()
            .flatten()
    }
}

/// How to log in to the search engine. The password is also read from `CAMUNDA_BACKUP_SEARCH_PASSWORD`, the API key from
/// `CAMUNDA_BACKUP_SEARCH_API_KEY`, the token from `CAMUNDA_BACKUP_SEARCH_BEARER_TOKEN`: never from an argument, which
/// everybody on the machine can read.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Access to the search engine (in place of any FILE: secret:[NAMESPACE/]NAME/KEY)")]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
pub struct SearchArgs {
    /// User of the search engine
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_SEARCH_USERNAME")]
    pub search_username: Option<String>,
    /// File with its password (or the password in `CAMUNDA_BACKUP_SEARCH_PASSWORD`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_SEARCH_PASSWORD_FILE")]
    pub search_password_file: Option<PathBuf>,
    /// File with an API key in its encoded form (or the key in `CAMUNDA_BACKUP_SEARCH_API_KEY`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_SEARCH_API_KEY_FILE")]
    pub search_api_key_file: Option<PathBuf>,
    /// File with a bearer token (or the token in `CAMUNDA_BACKUP_SEARCH_BEARER_TOKEN`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_SEARCH_BEARER_TOKEN_FILE")]
    pub search_bearer_token_file: Option<PathBuf>,
    /// File with headers for a proxy before it, one `Name: value` a line (or in `CAMUNDA_BACKUP_SEARCH_HEADERS`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_SEARCH_HEADER_FILE")]
    pub search_header_file: Option<PathBuf>,
    /// Sign requests for AWS (managed OpenSearch), with credentials from the usual places: variables, profile, web identity,
    /// container, instance
    #[arg(long, env = "CAMUNDA_BACKUP_SEARCH_AWS_SIGN", value_parser = clap::builder::FalseyValueParser::new())]
    pub search_aws_sign: bool,
    /// AWS region to sign for [default: the one in the host's name, else `AWS_REGION`]
    #[arg(long, value_name = "REGION", env = "CAMUNDA_BACKUP_SEARCH_AWS_REGION")]
    pub search_aws_region: Option<String>,
    /// PEM file with the certificates to trust instead of the system's
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_SEARCH_CA_FILE")]
    pub search_ca_file: Option<PathBuf>,
    /// PEM file with a client certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "CAMUNDA_BACKUP_SEARCH_CLIENT_CERT_FILE",
        requires = "search_client_key_file"
    )]
    pub search_client_cert_file: Option<PathBuf>,
    /// PEM file with its key
    #[arg(
        long,
        value_name = "FILE",
        env = "CAMUNDA_BACKUP_SEARCH_CLIENT_KEY_FILE",
        requires = "search_client_cert_file"
    )]
    pub search_client_key_file: Option<PathBuf>,
    /// Name that its certificate must be for, instead of the URL's host
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_SEARCH_TLS_SERVER_NAME")]
    pub search_tls_server_name: Option<String>,
    /// Trust any certificate: for a first try only
    #[arg(long, env = "CAMUNDA_BACKUP_SEARCH_INSECURE_SKIP_TLS_VERIFY", value_parser = clap::builder::FalseyValueParser::new())]
    pub search_insecure_skip_tls_verify: bool,
}

impl SearchArgs {
    pub(crate) fn access(&self) -> AccessArgs<'_> {
        AccessArgs {
            username: self.search_username.as_deref(),
            password: self.search_password_file.as_deref(),
            api_key: self.search_api_key_file.as_deref(),
            bearer_token: self.search_bearer_token_file.as_deref(),
            headers: self.search_header_file.as_deref(),
            ca: self.search_ca_file.as_deref(),
            client_cert: self.search_client_cert_file.as_deref(),
            client_key: self.search_client_key_file.as_deref(),
            tls_server_name: self.search_tls_server_name.as_deref(),
            insecure_skip_tls_verify: self.search_insecure_skip_tls_verify,
        }
    }
}

/// How to get past what stands before the management APIs, which have no login of their own. The password is also read from
/// `CAMUNDA_BACKUP_MANAGEMENT_PASSWORD`, the token from `CAMUNDA_BACKUP_MANAGEMENT_BEARER_TOKEN`.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Access to the management APIs (in place of any FILE: secret:[NAMESPACE/]NAME/KEY)")]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
pub struct ManagementArgs {
    /// User, where a proxy before the management APIs wants one
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_MANAGEMENT_USERNAME")]
    pub management_username: Option<String>,
    /// File with the password (or the password in `CAMUNDA_BACKUP_MANAGEMENT_PASSWORD`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_MANAGEMENT_PASSWORD_FILE")]
    pub management_password_file: Option<PathBuf>,
    /// File with a bearer token (or the token in `CAMUNDA_BACKUP_MANAGEMENT_BEARER_TOKEN`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_MANAGEMENT_BEARER_TOKEN_FILE")]
    pub management_bearer_token_file: Option<PathBuf>,
    /// File with headers, one `Name: value` a line (or in `CAMUNDA_BACKUP_MANAGEMENT_HEADERS`)
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_MANAGEMENT_HEADER_FILE")]
    pub management_header_file: Option<PathBuf>,
    /// Path of the management endpoints, where it is not /actuator
    #[arg(long, value_name = "PATH", env = "CAMUNDA_BACKUP_MANAGEMENT_BASE_PATH")]
    pub management_base_path: Option<String>,
    /// PEM file with the certificates to trust instead of the system's
    #[arg(long, value_name = "FILE", env = "CAMUNDA_BACKUP_MANAGEMENT_CA_FILE")]
    pub management_ca_file: Option<PathBuf>,
    /// PEM file with a client certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "CAMUNDA_BACKUP_MANAGEMENT_CLIENT_CERT_FILE",
        requires = "management_client_key_file"
    )]
    pub management_client_cert_file: Option<PathBuf>,
    /// PEM file with its key
    #[arg(
        long,
        value_name = "FILE",
        env = "CAMUNDA_BACKUP_MANAGEMENT_CLIENT_KEY_FILE",
        requires = "management_client_cert_file"
    )]
    pub management_client_key_file: Option<PathBuf>,
    /// Name that the certificates must be for, instead of the URLs' hosts
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_MANAGEMENT_TLS_SERVER_NAME")]
    pub management_tls_server_name: Option<String>,
    /// Trust any certificate: for a first try only
    #[arg(long, env = "CAMUNDA_BACKUP_MANAGEMENT_INSECURE_SKIP_TLS_VERIFY", value_parser = clap::builder::FalseyValueParser::new())]
    pub management_insecure_skip_tls_verify: bool,
}

impl ManagementArgs {
    pub(crate) fn access(&self) -> AccessArgs<'_> {
        AccessArgs {
            username: self.management_username.as_deref(),
            password: self.management_password_file.as_deref(),
            api_key: None,
            bearer_token: self.management_bearer_token_file.as_deref(),
            headers: self.management_header_file.as_deref(),
            ca: self.management_ca_file.as_deref(),
            client_cert: self.management_client_cert_file.as_deref(),
            client_key: self.management_client_key_file.as_deref(),
            tls_server_name: self.management_tls_server_name.as_deref(),
            insecure_skip_tls_verify: self.management_insecure_skip_tls_verify,
        }
    }

    /// The flags that were given, for commands that we tell people to run. None of them is a secret.
    pub(crate) fn flags(&self) -> Vec<(&'static str, Option<String>)> {
        let path = |p: &Option<PathBuf>| p.as_ref().map(|p| p.display().to_string());
        let all = [
            ("--management-username", self.management_username.clone()),
            ("--management-password-file", path(&self.management_password_file)),
            ("--management-bearer-token-file", path(&self.management_bearer_token_file)),
            ("--management-header-file", path(&self.management_header_file)),
            ("--management-base-path", self.management_base_path.clone()),
            ("--management-ca-file", path(&self.management_ca_file)),
            ("--management-client-cert-file", path(&self.management_client_cert_file)),
            ("--management-client-key-file", path(&self.management_client_key_file)),
            ("--management-tls-server-name", self.management_tls_server_name.clone()),
        ];
        let given = all.into_iter().filter(|(_, value)| value.as_ref().is_some_and(|v| !v.is_empty()));
        let insecure = self.management_insecure_skip_tls_verify;
        given.chain(insecure.then_some(("--management-insecure-skip-tls-verify", None))).collect()
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
}

/// Arguments of `sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Camunda version to behave like
    #[arg(long, value_name = "VERSION", default_value = "8.6.0")]
    pub camunda_version: String,
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
        ];
        for verb in Cli::command().get_subcommands().filter(|v| v.get_name() != "sandbox") {
            for flag in verb.get_arguments().filter(|a| a.get_long().is_some_and(|l| !without.contains(&l))) {
                assert!(flag.get_env().is_some(), "{} --{:?}", verb.get_name(), flag.get_long());
            }
        }
    }
}
