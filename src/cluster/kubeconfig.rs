//! kubectl's connection flags and files → the client's configuration.
//!
//! We put the configuration together ourselves instead of leaving it to the client library: its own loader stops at the
//! first file of `KUBECONFIG` that is missing, and fails on, or misreads, `NO_PROXY`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::access::AccessOptions;
use super::error::ClusterError;
use super::proxy::{ProxyVariables, with_scheme};

/// An environment: the process's own, or a test's.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A configuration and where it comes from.
pub(super) struct Loaded {
    pub config: Config,
    /// For people: `context prod (https://10.0.0.1:6443)`.
    pub origin: String,
    pub in_cluster: bool,
}

/// Flags first, then `KUBECONFIG`, then the pod that we run in, then `~/.kube/config`.
pub(super) fn load(options: &AccessOptions, variable: Variable<'_>) -> Result<Loaded, ClusterError> {
    let set = |name: &str| variable(name).filter(|v| !v.is_empty());
    let listed: Vec<_> = set("KUBECONFIG")
        .map(|list| std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let explicit = options.kubeconfig.is_some()
        || options.context.is_some()
        || options.cluster.is_some()
        || options.user.is_some()
        || !listed.is_empty();
    let mut loaded = if !explicit && set("KUBERNETES_SERVICE_HOST").is_some() {
        in_cluster()?
    } else {
        from_files(options, &listed, variable)?
    };
    if let Some(namespace) = &options.namespace {
        loaded.config.default_namespace.clone_from(namespace);
    }
    impersonate(options, &mut loaded.config.auth_info)?;
    trust(&mut loaded.config)?;
    loaded.config.connect_timeout = Some(Duration::from_secs(10));
    // Ours are bounded by a deadline; the library's own go on for many minutes and repeat what must not be repeated.
    loaded.config.default_retry = false;
    Ok(loaded)
}

/// The names of the contexts in a file, or in those that kubectl reads. None where there is nothing to be read.
pub fn contexts(file: Option<&Path>) -> Vec<String> {
    let read = file.map_or_else(Kubeconfig::read, Kubeconfig::read_from);
    read.map(|config| config.contexts.into_iter().map(|c| c.name).collect()).unwrap_or_default()
}

fn in_cluster() -> Result<Loaded, ClusterError> {
    let config = Config::incluster().map_err(|e| {
        let why = format!(
            "this runs in a pod (KUBERNETES_SERVICE_HOST is set) without a usable ServiceAccount: {e}"
        );
        ClusterError::Access(format!("{why}; see automountServiceAccountToken, or give --kubeconfig"))
    })?;
    let origin = format!("in the cluster ({})", config.cluster_url);
    Ok(Loaded { config, origin, in_cluster: true })
}

fn from_files(
    options: &AccessOptions,
    listed: &[PathBuf],
    variable: Variable<'_>,
) -> Result<Loaded, ClusterError> {
    let file = match (&options.kubeconfig, listed.is_empty()) {
        (Some(file), _) => read(file)?,
        (None, false) => merged(listed)?,
        (None, true) => {
            let home = ["HOME", "USERPROFILE"].iter().find_map(|n| variable(n).filter(|v| !v.is_empty()));
            let path = home.map(|h| PathBuf::from(h).join(".kube/config")).filter(|p| p.exists());
            let path = path.ok_or_else(|| {
                access("no kubeconfig: neither --kubeconfig nor KUBECONFIG is given, there is no ~/.kube/config, and this does not run in a pod")
            })?;
            read(&path)?
        }
    };
    let chosen = choose(options, &file)?;
    let server = chosen.cluster.server.clone().unwrap_or_default();
    let url: http::Uri = server
        .parse()
        .map_err(|e| access(format!("cluster {}: server {server:?}: {e}", chosen.cluster_name)))?;
    if url.scheme().is_none() || url.host().is_none() {
        return Err(access(format!("cluster {}: server {server:?} is not an URL", chosen.cluster_name)));
    }
    let mut config = Config::new(url);
    if let Some(namespace) = chosen.namespace.filter(|n| !n.is_empty()) {
        config.default_namespace = namespace;
    }
    config.accept_invalid_certs = chosen.cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = chosen.cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&chosen.cluster.tls_server_name);
    config.proxy_url = proxy(&chosen.cluster, &config.cluster_url, variable)?;
    let for_plugins = ExecAuthCluster::try_from(&chosen.cluster)
        .map_err(|e| access(format!("cluster {}: {e}", chosen.cluster_name)))?;
    if let Some(pem) = &for_plugins.certificate_authority_data {
        config.root_cert =
            Some(certificates(pem).map_err(|e| access(format!("cluster {}: {e}", chosen.cluster_name)))?);
    }
    config.auth_info = chosen.user;
    if let Some(plugin) = &mut config.auth_info.exec
        && plugin.provide_cluster_info
    {
        plugin.cluster = Some(for_plugins);
    }
    let origin = format!("context {} ({})", chosen.context_name, config.cluster_url);
    Ok(Loaded { config, origin, in_cluster: false })
}

struct Chosen {
    context_name: String,
    cluster_name: String,
    cluster: Cluster,
    user: AuthInfo,
    namespace: Option<String>,
}

fn choose(options: &AccessOptions, file: &Kubeconfig) -> Result<Chosen, ClusterError> {
    let names = |of: Vec<&str>| if of.is_empty() { "none".to_owned() } else { of.join(", ") };
    let contexts = || names(file.contexts.iter().map(|c| c.name.as_str()).collect());
    let current = file.current_context.clone().filter(|c| !c.is_empty());
    let context_name = options.context.clone().or(current).ok_or_else(|| {
        access(format!("the kubeconfig has no current context: give --context (there are: {})", contexts()))
    })?;
    let context = file.contexts.iter().find(|c| c.name == context_name).and_then(|c| c.context.clone());
    let context = context.ok_or_else(|| {
        access(format!("the kubeconfig has no context {context_name:?} (there are: {})", contexts()))
    })?;
    let cluster_name = options.cluster.clone().unwrap_or(context.cluster);
    let cluster = file.clusters.iter().find(|c| c.name == cluster_name).and_then(|c| c.cluster.clone());
    let cluster = cluster.ok_or_else(|| {
        let there = names(file.clusters.iter().map(|c| c.name.as_str()).collect());
        access(format!("the kubeconfig has no cluster {cluster_name:?} (there are: {there})"))
    })?;
    let find =
        |name: &String| file.auth_infos.iter().find(|u| u.name == *name).and_then(|u| u.auth_info.clone());
    let user = match (&options.user, &context.user) {
        (Some(name), _) => {
            find(name).ok_or_else(|| access(format!("the kubeconfig has no user {name:?}")))?
        }
        // As kubectl: a context may name a user that is not there.
        (None, Some(name)) => find(name).unwrap_or_default(),
        (None, None) => AuthInfo::default(),
    };
    Ok(Chosen { context_name, cluster_name, cluster, user, namespace: context.namespace })
}

/// As kubectl: files of the list that do not exist are passed over.
fn merged(paths: &[PathBuf]) -> Result<Kubeconfig, ClusterError> {
    let there: Vec<_> = paths.iter().filter(|p| p.exists()).collect();
    if there.is_empty() {
        let list = paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(access(format!("no file of KUBECONFIG exists: {list}")));
    }
    there.into_iter().try_fold(Kubeconfig::default(), |all, path| {
        all.merge(read(path)?).map_err(|e| access(format!("KUBECONFIG: {}: {e}", path.display())))
    })
}

fn read(path: &Path) -> Result<Kubeconfig, ClusterError> {
    Kubeconfig::read_from(path).map_err(|error| {
        let why = match error {
            KubeconfigError::ReadConfig(error, _) => error.to_string(),
            // The parser quotes the lines around its complaint, and those may hold a token.
            KubeconfigError::Parse(error) => match error.location() {
                Some(at) => format!("not a kubeconfig (line {}, column {})", at.line(), at.column()),
                None => "not a kubeconfig".to_owned(),
            },
            error => error.to_string(),
        };
        access(format!("kubeconfig {}: {why}", path.display()))
    })
}

fn proxy(
    cluster: &Cluster,
    server: &http::Uri,
    variable: Variable<'_>,
) -> Result<Option<http::Uri>, ClusterError> {
    let text = |n: &str| variable(n).and_then(|v| v.into_string().ok());
    // What the kubeconfig says is meant for this server: no exceptions apply, as with kubectl.
    let (proxy, whose) = match cluster.proxy_url.as_deref().filter(|p| !p.is_empty()) {
        Some(proxy) => (Some(with_scheme(proxy)), "proxy-url of the kubeconfig"),
        None => (ProxyVariables::read(text).for_server(server), "HTTPS_PROXY or HTTP_PROXY"),
    };
    // An URL of a proxy may hold a password: it is not repeated.
    let parse =
        |p: String| p.parse().map_err(|_| access(format!("{whose} is not an URL such as http://proxy:3128")));
    proxy.map(parse).transpose()
}

fn impersonate(options: &AccessOptions, auth: &mut AuthInfo) -> Result<(), ClusterError> {
    if let Some(user) = &options.as_user {
        auth.impersonate = Some(user.clone());
    }
    if !options.as_groups.is_empty() {
        auth.impersonate_groups = Some(options.as_groups.clone());
    }
    if auth.impersonate_groups.as_ref().is_some_and(|g| !g.is_empty()) && auth.impersonate.is_none() {
        return Err(access("--as-group needs --as: a group is impersonated along with a user"));
    }
    Ok(())
}

/// Where nothing names a CA, the system's roots count. The library's verifier fails where there are none, even for plain
/// HTTP, and a container from scratch has none: so it is given the roots, or the reason.
fn trust(config: &mut Config) -> Result<(), ClusterError> {
    if config.root_cert.is_some() || config.root_cert_file.is_some() || !cfg!(target_os = "linux") {
        return Ok(());
    }
    let roots: Vec<_> =
        rustls_native_certs::load_native_certs().certs.into_iter().map(|c| c.as_ref().to_vec()).collect();
    let needed = config.cluster_url.scheme_str() == Some("https") && !config.accept_invalid_certs;
    if roots.is_empty() && needed {
        return Err(access(
            "the kubeconfig names no certificate authority for the cluster, and this system has no CA certificates (SSL_CERT_FILE names a bundle)",
        ));
    }
    config.root_cert = Some(roots);
    Ok(())
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|e| format!("the certificate authority is not PEM: {e}"))?;
    if found.is_empty() {
        return Err("the certificate authority holds no certificate".to_owned());
    }
    Ok(found.into_iter().map(|c| c.as_ref().to_vec()).collect())
}

fn access(text: impl Into<String>) -> ClusterError {
    ClusterError::Access(text.into())
}

#[cfg(test)]
mod tests;
