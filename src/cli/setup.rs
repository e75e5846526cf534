//! What was typed → what it means: URLs, credentials, request. Every complaint names the flag and the variable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use url::Url;

use super::access::{Access, Fetched};
use super::args::{ReleaseArgs, SearchArgs};
use super::reach::InKubernetes;
use super::rights::Missing;
use crate::client::{Endpoint, Http, HttpTransport};
use crate::journal::{ReleaseKey, StateDir};
use crate::model::{BackupId, Component, Facts, Part, Version};
use crate::plan::{self, BackupRequest, Known};

/// The exporter's own default.
const DEFAULT_RECORDS_PREFIX: &str = "zeebe-record";

/// A usage error: exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub String);

/// Everything about the release that was given.
pub(crate) struct Setup {
    pub endpoints: BTreeMap<Component, Endpoint>,
    /// The way to them.
    pub http: Http,
    /// Where it was found, when it was found in Kubernetes.
    pub kubernetes: Option<InKubernetes>,
    /// Flags of the connection to Kubernetes that were given, for commands that we tell people to run.
    pub connection: Vec<(&'static str, Option<String>)>,
    /// Rights in Kubernetes that were asked for and are missing.
    pub missing: Vec<Missing>,
    pub request: BackupRequest,
    pub state_dir: Option<std::path::PathBuf>,
    /// Access to all management APIs.
    pub management: Access,
    /// Its flags, for commands that we tell people to run.
    pub management_flags: Vec<(&'static str, Option<String>)>,
}

impl Setup {
    /// What was given by URL.
    pub fn new(args: &ReleaseArgs, fetched: &Fetched) -> Result<Self, Usage> {
        let single = [
            (Component::Gateway, &args.gateway_url, "--gateway-url (GATEWAY_MANAGEMENT_API)"),
            (Component::Operate, &args.operate_url, "--operate-url (OPERATE_MANAGEMENT_API)"),
            (Component::Tasklist, &args.tasklist_url, "--tasklist-url (TASKLIST_MANAGEMENT_API)"),
            (Component::Optimize, &args.optimize_url, "--optimize-url (OPTIMIZE_MANAGEMENT_API)"),
            (Component::Search, &args.search_url, "--search-url (ELASTIC_ENDPOINT)"),
        ];
        let mut endpoints = BTreeMap::new();
        // A variable that is set but empty counts as not given.
        for (component, url, flag) in single {
            if let Some(url) = url.as_deref().filter(|u| !u.trim().is_empty()) {
                endpoints.insert(component, plain(base_url(url, flag)?));
            }
        }
        for (i, url) in args.broker_url.iter().filter(|u| !u.trim().is_empty()).enumerate() {
            let i = u16::try_from(i)
                .map_err(|_| Usage("too many --broker-url (BROKER_MANAGEMENT_APIS)".to_owned()))?;
            let base = base_url(url, "--broker-url (BROKER_MANAGEMENT_APIS)")?;
            // Counted twice, one broker would pass for a whole cluster of two.
            let twice = |(c, e): (&Component, &Endpoint)| matches!(c, Component::Broker(_)) && e.base == base;
            if endpoints.iter().any(twice) {
                return Err(Usage(format!("--broker-url (BROKER_MANAGEMENT_APIS): {base} is given twice")));
            }
            endpoints.insert(Component::Broker(i), plain(base));
        }
        let management = Access::to_management(&args.management, fetched)?;
        for (component, endpoint) in &mut endpoints {
            if *component == Component::Search {
                let host = endpoint.base.host_str().unwrap_or_default();
                Access::to_search(&args.search, host, fetched)?.apply(endpoint);
            } else {
                management.apply(endpoint);
            }
        }
        let repository = args.repository.clone().filter(|r| !r.is_empty());
        if let Some(name) = &repository {
            valid_name(name, "--repository (ELASTIC_SNAPSHOT_REPOSITORY)")?;
        }
        let records_prefix = args.records_prefix.clone().unwrap_or_else(|| DEFAULT_RECORDS_PREFIX.to_owned());
        valid_name(&records_prefix, "--records-prefix (CAMUNDA_BACKUP_RECORDS_PREFIX)")?;
        if endpoints.contains_key(&Component::Search) && repository.is_none() {
            return Err(Usage(
                "--search-url (ELASTIC_ENDPOINT) needs --repository (ELASTIC_SNAPSHOT_REPOSITORY): where the records snapshot goes".to_owned(),
            ));
        }
        let version = match args.camunda_version.as_deref().filter(|v| !v.is_empty()) {
            Some(text) => Some(
                text.parse::<Version>()
                    .map_err(|e| Usage(format!("--camunda-version (CAMUNDA_BACKUP_CAMUNDA_VERSION): {e}")))?,
            ),
            None => None,
        };
        let mut repositories = BTreeMap::new();
        for text in args.part_repository.iter().filter(|t| !t.trim().is_empty()) {
            let flag = "--part-repository (CAMUNDA_BACKUP_PART_REPOSITORIES)";
            let pair = text.split_once('=');
            let part = pair.and_then(|(part, _)| Part::ALL.into_iter().find(|p| p.name() == part.trim()));
            match (part, pair) {
                (Some(part), Some((_, name))) if !matches!(part, Part::Records | Part::Zeebe) => {
                    valid_name(name.trim(), flag)?;
                    repositories.insert(part, name.trim().to_owned());
                }
                _ => {
                    return Err(Usage(format!(
                        "{flag}: {text:?} is not PART=NAME, where PART is operate, tasklist, history or optimize (the records' repository is --repository)"
                    )));
                }
            }
        }
        let request = BackupRequest {
            version,
            components: endpoints.keys().copied().collect(),
            repository,
            records_prefix,
            known: Known { repositories, accept_multi_region: args.accept_multi_region, ..Known::default() },
            leave_out: args.leave_out.iter().map(|part| (*part).into()).collect(),
            ..BackupRequest::default()
        };
        let transport = HttpTransport::new(&endpoints).map_err(|e| Usage(e.to_string()))?;
        let http = Http::new(Arc::new(transport));
        Ok(Self {
            endpoints,
            http,
            kubernetes: None,
            connection: Vec::new(),
            missing: Vec::new(),
            request,
            state_dir: args.state_dir.clone(),
            management,
            management_flags: args.management.flags(),
        })
    }

    /// Only gateway and brokers: all that resuming needs. A fault in anything else must not stand in its way.
    pub fn of_zeebe(args: &ReleaseArgs) -> ReleaseArgs {
        ReleaseArgs {
            operate_url: None,
            tasklist_url: None,
            optimize_url: None,
            search_url: None,
            repository: None,
            part_repository: Vec::new(),
            records_prefix: None,
            camunda_version: None,
            leave_out: Vec::new(),
            search: SearchArgs::default(),
            ..args.clone()
        }
    }

    /// Everything needs the gateway: it takes the partitions, and it pauses and resumes.
    pub fn need_gateway(&self) -> Result<&Url, Usage> {
        self.endpoints.get(&Component::Gateway).map(|e| &e.base).ok_or_else(|| {
            Usage(
                "no gateway was given: --gateway-url (GATEWAY_MANAGEMENT_API) is the management URL of the Zeebe gateway, such as http://localhost:9600"
                    .to_owned(),
            )
        })
    }

    pub fn with_backup_id(mut self, text: Option<&str>) -> Result<Self, Usage> {
        if let Some(text) = text.filter(|t| !t.is_empty()) {
            let id: BackupId = text.parse().map_err(|e| Usage(format!("--backup-id (BACKUP_ID): {e}")))?;
            self.request.backup_id = Some(id);
        }
        Ok(self)
    }

    /// Brokers that are known from elsewhere than the command line.
    pub fn add_brokers(&mut self, urls: &[String]) {
        for (i, url) in (0u16..).zip(urls) {
            if let Ok(base) = Url::parse(url) {
                let mut endpoint = Endpoint::plain(base);
                self.management.apply(&mut endpoint);
                self.endpoints.insert(Component::Broker(i), endpoint);
            }
        }
        if let Ok(transport) = HttpTransport::new(&self.endpoints) {
            self.http = Http::new(Arc::new(transport));
        }
    }

    /// What the release is called: its name in Kubernetes, else where its gateway is.
    pub fn name(&self) -> String {
        match &self.kubernetes {
            Some(found) => format!("{} in namespace {}", found.release.name, found.release.namespace),
            None => self.need_gateway().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The brokers.
    pub fn broker_components(&self) -> Vec<Component> {
        self.endpoints.keys().copied().filter(|c| matches!(c, Component::Broker(_))).collect()
    }

    /// The brokers' URLs, in their order.
    pub fn brokers(&self) -> Vec<String> {
        let broker =
            |(c, e): (&Component, &Endpoint)| matches!(c, Component::Broker(_)).then(|| e.base.to_string());
        self.endpoints.iter().filter_map(broker).collect()
    }

    /// The parts that a whole backup of what was given has, by what was found.
    pub fn expected_parts(&self, facts: &Facts) -> BTreeSet<Part> {
        plan::expected(&self.request, facts)
    }

    pub fn journal_place(&self) -> Result<(StateDir, ReleaseKey), String> {
        let gateway = self.need_gateway().map_err(|e| e.to_string())?;
        let within = self.kubernetes.as_ref().map(|k| k.cluster.description());
        Ok((self.state_dir()?, ReleaseKey::of_gateway(gateway, within)))
    }

    pub fn state_dir(&self) -> Result<StateDir, String> {
        StateDir::locate(self.state_dir.clone(), |n| std::env::var_os(n)).map_err(|e| e.to_string())
    }
}

fn plain(base: Url) -> Endpoint {
    Endpoint::plain(base)
}

/// Reads a base URL. `/actuator` at its end is what people copy from a browser, and is taken off.
pub(crate) fn base_url(text: &str, flag: &str) -> Result<Url, Usage> {
    let text = text.trim();
    // The text itself may hold a password: it is never repeated.
    let mut url =
        Url::parse(text).map_err(|e| Usage(format!("{flag}: not an URL such as http://host:9600 ({e})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Usage(format!("{flag}: an URL begins with http:// or https:// and names a host")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Usage(format!(
            "{flag}: credentials do not belong into an URL; use --search-username and --search-password-file, or --management-username and --management-password-file"
        )));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Usage(format!("{flag}: a base URL has no query and no fragment")));
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/actuator").unwrap_or(path).to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Names that become part of a path or a pattern: no wildcard, no separator, nothing that would mean something else there.
pub(crate) fn valid_name(name: &str, flag: &str) -> Result<(), Usage> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "/\\*?\"<>|,#%&=+:".contains(c);
    if name.is_empty() || name.starts_with(['_', '-', '.']) || name.chars().any(bad) {
        return Err(Usage(format!("{flag}: {name:?} is not a name that the search engine allows")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        let ok = |text| base_url(text, "--x").map(|u| u.to_string());
        assert_eq!(ok("http://h:9600"), Ok("http://h:9600/".to_owned()));
        assert_eq!(ok(" http://h:9600/actuator/ "), Ok("http://h:9600/".to_owned()));
        assert_eq!(ok("https://h/camunda/"), Ok("https://h/camunda".to_owned()));
        for bad in ["", "h:9600", "localhost", "ftp://h", "http://", "http://h?x=1", "http://h#x"] {
            assert!(ok(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_password_in_an_url_is_refused_and_not_repeated() {
        let error =
            base_url("http://elastic:geheim@h:9200", "--search-url").expect_err("refused").to_string();
        assert!(error.contains("--search-password-file") && !error.contains("geheim"), "{error}");
        let error =
            base_url("http//elastic:geheim@h:92000", "--search-url").expect_err("refused").to_string();
        assert!(!error.contains("geheim"), "{error}");
    }

    #[test]
    fn names_that_could_mean_something_else_are_refused() {
        for bad in ["", "*", "a/b", "a,b", "_all", "a b", "../x", "a?x", "a#"] {
            assert!(valid_name(bad, "--repository").is_err(), "{bad:?} was accepted");
        }
        for good in ["camunda-backup", "camunda_backup", "zeebe-record", "Backups.2026"] {
            assert!(valid_name(good, "--repository").is_ok(), "{good:?} was refused");
        }
    }
}
