//! What can be typed about Kubernetes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::cluster::rights::Command;

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

/// A backup that runs in the cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "In the cluster")]
pub struct JobArgs {
    /// Run as a Job in the cluster, made from the installed `CronJob`, and follow it: the backup then does not depend on
    /// this machine and its network. Flags that are typed go to the Job; variables and files stay here
    #[arg(long)]
    pub in_cluster: bool,
    /// The `CronJob` to make it from, where several are installed for the release
    #[arg(
        long,
        value_name = "NAME",
        env = "CAMUNDA_BACKUP_CRON_JOB",
        requires = "in_cluster",
        conflicts_with = "image"
    )]
    pub cron_job: Option<String>,
    /// Image to run, where no `CronJob` is installed
    #[arg(long, value_name = "IMAGE", env = "CAMUNDA_BACKUP_IMAGE")]
    pub image: Option<String>,
    /// `ServiceAccount` of a Job from --image
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_SERVICE_ACCOUNT")]
    pub service_account: Option<String>,
    /// What was typed for the Job, word by word.
    #[arg(skip)]
    pub typed: Vec<String>,
    /// Flags that were typed and name files of this machine.
    #[arg(skip)]
    pub files: Vec<String>,
}

/// Arguments of `rights`.
#[derive(Debug, Clone, Args)]
pub struct RightsArgs {
    /// The verb; without one: the table of all, as Markdown
    #[arg(value_enum)]
    pub verb: Option<RightsOf>,
    /// Namespace of the release
    #[arg(short, long, value_name = "NAME", env = "CAMUNDA_BACKUP_NAMESPACE")]
    pub namespace: Option<String>,
    /// From where it runs: directly is in a pod
    #[arg(long, value_enum, default_value = "auto", env = "CAMUNDA_BACKUP_ACCESS")]
    pub access: Access,
    /// Secret that the release logs in to the search engine with; may be repeated
    #[arg(long, value_name = "NAME", env = "CAMUNDA_BACKUP_SECRET", value_delimiter = ',')]
    pub secret: Vec<String>,
}

/// The verbs that need rights in Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RightsOf {
    /// `create`, in a pod or from outside
    Create,
    /// `create --in-cluster`
    CreateInCluster,
    /// `check` and `status`
    Check,
    /// `list`, `describe`, `verify`
    List,
    /// `delete`, `prune`
    Delete,
    /// `resume`
    Resume,
}

impl From<RightsOf> for Command {
    fn from(of: RightsOf) -> Self {
        match of {
            RightsOf::Create => Command::Create,
            RightsOf::CreateInCluster => Command::CreateInCluster,
            RightsOf::Check => Command::Look,
            RightsOf::List => Command::List,
            RightsOf::Delete => Command::Delete,
            RightsOf::Resume => Command::Resume,
        }
    }
}
