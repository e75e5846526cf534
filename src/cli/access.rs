//! How to log in and whom to trust, as given: for the search engine and for the management APIs, by the same rules.
//!
//! A secret is in a file, in a variable, or in a Kubernetes Secret (`secret:[NAMESPACE/]NAME/KEY` in place of a file);
//! never in an argument, which everybody on the machine can read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::access_args::{AccessArgs, ManagementArgs, SearchArgs};
use super::setup::Usage;
use crate::client::{AwsEnvironment, AwsSigner, ClientIdentity, Credentials, Endpoint, Header, Tls};
use crate::discover::SecretRef;

/// What stands in place of a file's name for a key of a Secret.
const SECRET: &str = "secret:";

/// What the Secrets hold that were named, by the text that named them.
#[derive(Default)]
pub(crate) struct Fetched(pub BTreeMap<PathBuf, SecretString>);

/// The Secret that is named in place of a file; a Secret without a namespace is in the release's.
pub(crate) fn secret_ref(place: &Path, namespace: &str) -> Option<Result<SecretRef, Usage>> {
    let named = place.to_str()?.strip_prefix(SECRET)?;
    let wrong =
        || Usage(format!("{SECRET}{named}: a key of a Secret is written as {SECRET}[NAMESPACE/]NAME/KEY"));
    let mut parts: Vec<_> = named.split('/').collect();
    if parts.len() == 2 {
        parts.insert(0, namespace);
    }
    Some(match parts.as_slice() {
        [namespace, name, key] if parts.iter().all(|p| !p.is_empty()) => {
            let [namespace, name, key] = [namespace, name, key].map(|s| (*s).to_owned());
            Ok(SecretRef { namespace, name, key })
        }
        _ => Err(wrong()),
    })
}

/// The access that one group of flags describes.
pub(crate) struct Given<'a> {
    /// `search`, `management`: flags begin with it.
    group: &'static str,
    args: &'a AccessArgs<'a>,
    fetched: &'a Fetched,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub credentials: Credentials,
    pub tls: Tls,
    pub headers: Vec<Header>,
    /// What stands for `/actuator`.
    pub actuator: Option<String>,
}

impl Access {
    /// For the search engine. `host` tells the region, where requests are signed for AWS.
    pub fn to_search(args: &SearchArgs, host: &str, fetched: &Fetched) -> Result<Self, Usage> {
        let given = Given { group: "search", args: &args.access(), fetched };
        let mut access = given.read()?;
        if args.search_aws_sign {
            if !matches!(access.credentials, Credentials::None) {
                return Err(Usage("--search-aws-sign: give no other credentials with it".to_owned()));
            }
            access.credentials = Credentials::Aws(aws(args, host)?);
        }
        Ok(access)
    }

    /// For everything else.
    pub fn to_management(args: &ManagementArgs, fetched: &Fetched) -> Result<Self, Usage> {
        let given = Given { group: "management", args: &args.access(), fetched };
        let path = args.management_base_path.as_deref().map(|p| p.trim().trim_matches('/'));
        if path.is_some_and(|p| p.contains(['?', '#', '\\']) || p.contains(char::is_whitespace)) {
            return Err(Usage(
                "--management-base-path (CAMUNDA_BACKUP_MANAGEMENT_BASE_PATH): a path such as /actuator"
                    .to_owned(),
            ));
        }
        let actuator = path.filter(|p| *p != "actuator");
        let actuator = actuator.map(|p| if p.is_empty() { String::new() } else { format!("/{p}") });
        Ok(Self { actuator, ..given.read()? })
    }

    /// The same place, with this access.
    pub fn apply(&self, endpoint: &mut Endpoint) {
        endpoint.credentials = self.credentials.clone();
        endpoint.tls = self.tls.clone();
        endpoint.headers.clone_from(&self.headers);
        if self.actuator.is_some() {
            endpoint.actuator.clone_from(&self.actuator);
        }
    }
}

/// Signs for AWS, with what the environment has.
pub(crate) fn aws(args: &SearchArgs, host: &str) -> Result<AwsSigner, Usage> {
    let environment = AwsEnvironment::new(|name| std::env::var(name).ok());
    let region = args.search_aws_region.as_deref().filter(|r| !r.is_empty());
    AwsSigner::new(region, host, environment, super::timestamp).map_err(Usage)
}

impl Given<'_> {
    fn flag(&self, name: &str) -> String {
        let variable = self.variable(&format!("{name}-file"));
        format!("--{}-{name}-file ({variable})", self.group)
    }

    fn variable(&self, name: &str) -> String {
        format!("CAMUNDA_BACKUP_{}_{name}", self.group).to_ascii_uppercase().replace('-', "_")
    }

    fn read(&self) -> Result<Access, Usage> {
        Ok(Access {
            credentials: self.credentials()?,
            tls: self.tls()?,
            headers: self.headers()?,
            actuator: None,
        })
    }

    fn credentials(&self) -> Result<Credentials, Usage> {
        let (group, args) = (self.group, self.args);
        // Only the search engine has such keys.
        let key = if group == "search" { self.secret("api-key", args.api_key)? } else { None };
        let token = self.secret("bearer-token", args.bearer_token)?;
        let password = self.secret("password", args.password)?;
        let username = args.username.map(str::to_owned).filter(|u| !u.is_empty());
        let user = self.variable("username");
        match (username, password, key, token) {
            (None, None, None, None) => Ok(Credentials::None),
            (None, None, Some(key), None) => Ok(Credentials::ApiKey(key)),
            (None, None, None, Some(token)) => Ok(Credentials::Bearer(token)),
            (Some(username), Some(password), None, None) => Ok(Credentials::Basic { username, password }),
            (Some(_), None, None, None) => Err(Usage(format!(
                "--{group}-username ({user}) needs a password: --{group}-password-file or {}",
                self.variable("password")
            ))),
            (None, Some(_), None, None) => {
                Err(Usage(format!("a password was given without --{group}-username ({user})")))
            }
            _ if group == "search" => {
                Err(Usage("give either an API key, or a bearer token, or a user with a password".to_owned()))
            }
            _ => Err(Usage("give either a bearer token, or a user with a password".to_owned())),
        }
    }

    fn tls(&self) -> Result<Tls, Usage> {
        let args = self.args;
        let ca_pem = args.ca.map(|f| self.file(f, &self.flag("ca"))).transpose()?;
        let identity = match (args.client_cert, args.client_key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity {
                certificate_pem: self.file(certificate, &self.flag("client-cert"))?,
                key_pem: self.file(key, &self.flag("client-key"))?.into(),
            }),
            _ => None,
        };
        let server_name = args.tls_server_name.map(str::to_owned).filter(|n| !n.is_empty());
        Ok(Tls { ca_pem, identity, server_name, insecure_skip_verify: args.insecure_skip_tls_verify })
    }

    fn headers(&self) -> Result<Vec<Header>, Usage> {
        let text = match args_file(self.args.headers) {
            Some(file) => Some(self.file(file, &self.flag("header"))?),
            None => std::env::var(self.variable("headers")).ok(),
        };
        let lines = text.iter().flat_map(|t| t.lines()).map(str::trim);
        let lines = lines.filter(|l| !l.is_empty() && !l.starts_with('#'));
        let of = || format!("--{}-header-file ({})", self.group, self.variable("headers"));
        lines.map(|line| Header::parse(line).map_err(|e| Usage(format!("{}: {e}", of())))).collect()
    }

    /// A secret from a file, or from a variable. The file wins: it was asked for.
    fn secret(&self, name: &str, file: Option<&Path>) -> Result<Option<SecretString>, Usage> {
        let (file, flag) = (args_file(file), self.flag(name));
        let text = match file {
            Some(file) => Some(self.file(file, &flag)?),
            None => std::env::var(self.variable(name)).ok(),
        };
        // An editor's line break at the end is not part of the secret.
        let text = text.map(|t| t.trim_end_matches(['\n', '\r']).to_owned()).filter(|t| !t.is_empty());
        match (text, file) {
            (None, Some(file)) => Err(Usage(format!("{flag}: {} is empty", file.display()))),
            (text, _) => Ok(text.map(SecretString::from)),
        }
    }

    fn file(&self, file: &Path, flag: &str) -> Result<String, Usage> {
        if let Some(text) = self.fetched.0.get(file) {
            return Ok(text.expose_secret().to_owned());
        }
        fs::read_to_string(file).map_err(|e| Usage(format!("{flag}: {} cannot be read: {e}", file.display())))
    }
}

/// A variable that is set but empty counts as not given.
fn args_file(file: Option<&Path>) -> Option<&Path> {
    file.filter(|f| !f.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_with_or_without_its_namespace() {
        let named = |text: &str| secret_ref(Path::new(text), "camunda").map(|r| r.map(|s| s.to_string()));
        assert_eq!(named("/run/password"), None);
        assert_eq!(named("secret:es/password"), Some(Ok("key password of Secret camunda/es".to_owned())));
        assert_eq!(named("secret:logging/es/ca.crt"), Some(Ok("key ca.crt of Secret logging/es".to_owned())));
        for bad in ["secret:", "secret:es", "secret:a/b/c/d", "secret:/es/x"] {
            assert!(matches!(named(bad), Some(Err(_))), "{bad}");
        }
    }
}
