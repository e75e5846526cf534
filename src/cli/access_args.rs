//! What can be typed about access: to the search engine, and to the management APIs. No secret is among it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

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
        [
            self.password,
            self.api_key,
            self.bearer_token,
            self.headers,
            self.ca,
            self.client_cert,
            self.client_key,
        ]
        .into_iter()
        .flatten()
    }
}

/// How to log in to the search engine. The password is also read from `CAMUNDA_BACKUP_SEARCH_PASSWORD`, the API key from
/// `CAMUNDA_BACKUP_SEARCH_API_KEY`, the token from `CAMUNDA_BACKUP_SEARCH_BEARER_TOKEN`: never from an argument, which
/// everybody on the machine can read.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(
    next_help_heading = "Access to the search engine (in place of any FILE: secret:[NAMESPACE/]NAME/KEY)"
)]
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
#[command(
    next_help_heading = "Access to the management APIs (in place of any FILE: secret:[NAMESPACE/]NAME/KEY)"
)]
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
