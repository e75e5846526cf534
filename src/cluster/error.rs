//! What can go wrong with the Kubernetes API, in sentences that name what to do about it.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

/// One thing that is asked of the API: enough to say what is not allowed, and what would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// `get`, `list`, ... as in a Role.
    pub verb: &'static str,
    /// Plural with its group, and a subresource: `leases.coordination.k8s.io`, `pods/portforward`.
    pub resource: &'static str,
    /// Empty for what is not namespaced.
    pub namespace: String,
    /// Which one, when it is about one.
    pub name: Option<String>,
}

impl Ask {
    /// About all of a kind.
    pub fn all(verb: &'static str, resource: &'static str, namespace: &str) -> Self {
        Self { verb, resource, namespace: namespace.to_owned(), name: None }
    }

    /// About one object.
    pub fn one(verb: &'static str, resource: &'static str, namespace: &str, name: &str) -> Self {
        Self { verb, resource, namespace: namespace.to_owned(), name: Some(name.to_owned()) }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in namespace {}", self.namespace)?;
        }
        Ok(())
    }
}

/// Why the Kubernetes API did not do what was asked. Never contains a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The way to the API server is not known or not usable: kubeconfig, credentials, certificates, proxy.
    #[error("{0}")]
    Access(String),
    /// The credentials are not accepted.
    #[error("the Kubernetes API does not accept these credentials ({said}); it was asked to {ask}")]
    Unauthorized {
        /// For what.
        ask: Ask,
        /// The API server's words.
        said: String,
    },
    /// The credentials are good, the right is missing.
    #[error("not allowed to {ask}: {said}")]
    Forbidden {
        /// For what.
        ask: Ask,
        /// The API server's words.
        said: String,
    },
    /// There is no such object.
    #[error("{ask}: {said}")]
    NotFound {
        /// For what.
        ask: Ask,
        /// The API server's words.
        said: String,
    },
    /// Somebody else was faster.
    #[error("{ask}: {said}")]
    Conflict {
        /// For what.
        ask: Ask,
        /// The API server's words.
        said: String,
    },
    /// Any other refusal.
    #[error("{ask}: HTTP {code}: {said}")]
    Refused {
        /// For what.
        ask: Ask,
        /// HTTP status.
        code: u16,
        /// The API server's words.
        said: String,
    },
    /// No answer: what was asked may have happened.
    #[error("the Kubernetes API did not answer ({cause}); it was asked to {ask}")]
    NoAnswer {
        /// For what.
        ask: Ask,
        /// Why.
        cause: String,
    },
    /// The answer, or an object, is not what it should be.
    #[error("{0}")]
    Unintelligible(String),
    /// Something on this machine.
    #[error("{0}")]
    Local(String),
}

impl ClusterError {
    /// From what the client says.
    pub(super) fn new(ask: Ask, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                let said = match status.message.trim() {
                    "" => status.reason.clone(),
                    message => message.to_owned(),
                };
                // From 1.35 on some refusals end in `is forbidden: ` and nothing.
                let said = said.trim_end_matches([':', ' ']).to_owned();
                match status.code {
                    401 => Self::Unauthorized { ask, said },
                    403 => Self::Forbidden { ask, said },
                    404 => Self::NotFound { ask, said },
                    409 => Self::Conflict { ask, said },
                    code => Self::Refused { ask, code, said },
                }
            }
            kube::Error::Auth(error) => Self::Access(credentials(error)),
            kube::Error::SerdeError(error) => Self::Unintelligible(format!("{ask}: {error}")),
            error => Self::NoAnswer { ask, cause: causes(error) },
        }
    }

    /// No answer in time.
    pub(super) fn late(ask: Ask, deadline: Duration) -> Self {
        Self::NoAnswer { ask, cause: format!("nothing within {} s", deadline.as_secs_f32()) }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            // A server that has just started does not yet know its own tokens.
            Self::NoAnswer { .. } | Self::Unauthorized { .. } => true,
            Self::Refused { code, .. } => *code == 429 || *code >= 500,
            Self::Access(_)
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Unintelligible(_)
            | Self::Local(_) => false,
        }
    }
}

/// What is wrong with credentials. The plugin's output is never shown: it may hold a token.
pub(super) fn credentials(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError;
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            let program = cmd.split_whitespace().next().unwrap_or(cmd);
            format!("the kubeconfig's credential plugin {program} failed ({})", out.status)
        }
        AuthError::AuthExecParse(_) => {
            "the kubeconfig's credential plugin answered something that is not an ExecCredential".to_owned()
        }
        AuthError::AuthExecStart(error) => {
            format!("the kubeconfig's credential plugin cannot be started: {error}")
        }
        error => format!("credentials: {error}"),
    }
}

/// kube's own texts repeat their causes and dump whole objects; the innermost causes tell (`connection refused`).
fn causes(error: &kube::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(c) = cause {
        let said = c.to_string();
        if !said.is_empty() && !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        cause = c.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
