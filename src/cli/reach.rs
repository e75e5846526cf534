//! How a release is reached: by the URLs that were given, or found in Kubernetes and reached through it.
//!
//! Both ways yield the same [`Setup`]; nothing behind it knows which one it was.

use std::collections::BTreeMap;

use super::access::{Fetched, secret_ref};
use super::args::{Access as Way, KubeArgs, ReleaseArgs};
use super::rights::{Asked, Missing, Needs, Where, explained};
use super::setup::{Setup, Usage, base_url};
use super::{Context, engine};
use crate::client::{Endpoint, Http};
use crate::cluster::rights::Command;
use crate::cluster::{
    AccessOptions, Cluster, ClusterError, ForwardTransport, Inventory, LeaseState, PodForward, Records,
    Target,
};
use crate::discover::{self, NotFound, Note, Objects, Place, Release};
use crate::exit::Exit;
use crate::model::{Component, Storage};
use crate::plan::{Configured, Discovered};
use crate::run::{Cancel, Level};

/// The release could not be reached; nothing was changed.
#[derive(Debug)]
pub(crate) struct Unreached {
    pub exit: Exit,
    pub text: String,
    /// Rights that are missing, of which one may be the reason.
    pub missing: Vec<Missing>,
    /// The API said that something is not allowed.
    pub denied: bool,
}

impl Unreached {
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), missing: Vec::new(), denied: false }
    }

    /// For people, with the Role that would help.
    pub fn tell(&self, context: &Context) -> Exit {
        match self.missing.as_slice() {
            [] => context.fail(self.exit, &self.text),
            missing => context.fail(self.exit, format!("{}\n{}", self.text, explained(missing))),
        }
    }
}

impl From<Usage> for Unreached {
    fn from(error: Usage) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<ClusterError> for Unreached {
    fn from(error: ClusterError) -> Self {
        let denied = matches!(error, ClusterError::Forbidden { .. });
        Self { denied, ..Self::new(Exit::NoAccess, error.to_string()) }
    }
}

/// A release in Kubernetes.
#[derive(Clone)]
pub(crate) struct InKubernetes {
    pub cluster: Cluster,
    pub release: Release,
    pub no_lease: bool,
}

impl InKubernetes {
    /// The records of the release's backups.
    pub fn records(&self) -> Records {
        Records::new(&self.cluster, &self.release.namespace, &self.release.name)
    }

    /// What the release's Lease says; `None` where there is none.
    pub async fn lease_state(&self) -> Result<Option<LeaseState>, ClusterError> {
        self.cluster.lease_state(&self.release.namespace, &self.release.name).await
    }
}

/// Whether Kubernetes was asked for, rather than found lying around.
pub(crate) fn asks_for_kubernetes(kube: &KubeArgs) -> bool {
    kube.release.is_some()
        || kube.access != Way::Auto
        || kube.kubeconfig.is_some()
        || kube.context.is_some()
        || kube.cluster.is_some()
        || kube.namespace.is_some()
}

/// Whether there is a Kubernetes to be asked, by what everybody looks at.
fn has_kubernetes() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    set("KUBERNETES_SERVICE_HOST").is_some()
        || set("KUBECONFIG").is_some()
        || set("HOME").is_some_and(|home| std::path::Path::new(&home).join(".kube/config").exists())
}

/// Finds the release and the way to it. Asks, and changes nothing.
pub(crate) async fn reach(
    context: Option<&Context>,
    args: &ReleaseArgs,
    needs: Needs,
) -> Result<Setup, Unreached> {
    warn_of_blind_trust(context, args);
    if !through_kubernetes(args) {
        let setup = Setup::new(args, &Box::pin(fetched(args, None)).await?)?;
        setup.need_gateway()?;
        return Ok(setup);
    }
    let cluster = connect(&args.kube).await?;
    let mut found =
        Sight { forward: forwards(&args.kube, &cluster), release: None, missing: None, denied: false };
    let reached = Box::pin(through(context, args, needs, &cluster, &mut found)).await;
    let Err(mut error) = reached else { return reached };
    error.denied |= found.denied;
    // Who may not do one thing wants to know about all the others at once.
    if found.missing.is_none() && error.denied {
        let asked = found.place(args, &cluster).missing(needs.command).await;
        found.missing = asked.ok();
    }
    error.missing = found.missing.unwrap_or_default();
    // What may not be listed may be there all the same.
    if error.exit == Exit::NotFound && error.missing.iter().any(Missing::is_needed) {
        error.exit = Exit::NoAccess;
    }
    Err(error)
}

/// As [`reach`], for who changes something: unless somebody asks us to stop before.
pub(crate) async fn reach_unless(
    cancel: &Cancel,
    context: &Context,
    args: &ReleaseArgs,
    needs: Needs,
) -> Result<Setup, Unreached> {
    tokio::select! {
        biased;
        () = cancel.reached(Level::Asked) => {
            Err(Unreached::new(Exit::Cancelled, "cancelled; nothing was changed"))
        }
        setup = Box::pin(reach(Some(context), args, needs)) => setup,
    }
}

/// Whether the release is looked for in Kubernetes.
pub(crate) fn through_kubernetes(args: &ReleaseArgs) -> bool {
    let by_url = args.gateway_url.is_some() && !asks_for_kubernetes(&args.kube);
    !by_url && (asks_for_kubernetes(&args.kube) || has_kubernetes())
}

/// The way to the Kubernetes API.
pub(crate) async fn connect(kube: &KubeArgs) -> Result<Cluster, ClusterError> {
    Cluster::connect(&options(kube), |name| std::env::var_os(name)).await
}

fn forwards(kube: &KubeArgs, cluster: &Cluster) -> bool {
    match kube.access {
        Way::Auto => !cluster.in_cluster(),
        Way::PortForward => true,
        Way::Direct => false,
    }
}

/// What has been seen on the way, for what goes wrong later.
struct Sight {
    forward: bool,
    release: Option<Release>,
    /// Rights that are missing, once they were asked for.
    missing: Option<Vec<Missing>>,
    /// Something could not be listed.
    denied: bool,
}

impl Sight {
    fn place<'a>(&'a self, args: &'a ReleaseArgs, cluster: &'a Cluster) -> Where<'a> {
        Where {
            cluster,
            namespace: self.release.as_ref().map_or(cluster.namespace(), |r| &r.namespace),
            release: self.release.as_ref(),
            name: self.release.as_ref().map(|r| r.name.as_str()).or(args.kube.release.as_deref()),
            search: args.search_url.is_none(),
            forward: self.forward,
            no_lease: args.kube.no_lease,
        }
    }
}

async fn through(
    context: Option<&Context>,
    args: &ReleaseArgs,
    needs: Needs,
    cluster: &Cluster,
    sight: &mut Sight,
) -> Result<Setup, Unreached> {
    let (release, objects) = find(context, args, cluster, &mut sight.denied).await?;
    // Resuming takes gateway and brokers alone: a fault in anything else, such as a Secret that may not be read or a
    // repository that nobody names, must not stand in its way.
    let all = needs.command != Command::Resume;
    let mut release = if all { with_foreign_search(release, objects, cluster).await } else { release };
    sight.release = Some(release.clone());
    if needs.asked != Asked::Late {
        let missing = sight.place(args, cluster).missing(needs.command).await?;
        let fatal = needs.asked == Asked::Strictly && missing.iter().any(Missing::is_needed);
        sight.missing = Some(missing);
        if fatal {
            let text = format!(
                "not allowed to do all that is needed ({}); nothing was changed",
                cluster.description()
            );
            return Err(Unreached::new(Exit::NoAccess, text));
        }
    }
    let forward = sight.forward;
    let fetched = Box::pin(fetched(args, Some((cluster, &release.namespace)))).await?;
    let mut given = Setup::new(args, &fetched)?;
    let mut forwards = BTreeMap::new();
    for (component, place) in &release.components {
        // An URL that was given wins over what was found; brokers count as one.
        let overridden = match component {
            Component::Broker(_) => !args.broker_url.is_empty(),
            component => given.endpoints.contains_key(component),
        };
        let wanted = all || matches!(component, Component::Gateway | Component::Broker(_));
        if overridden || !wanted {
            continue;
        }
        let base = base_url(&place.url(), "the URL that was found")?;
        let mut endpoint = Endpoint { actuator: place.actuator.clone(), ..Endpoint::plain(base) };
        given.management.apply(&mut endpoint);
        given.endpoints.insert(*component, endpoint);
        if forward {
            forwards.insert(*component, PodForward::open(cluster, target(place))?);
        }
    }
    if all {
        let engine = async {
            if args.search_url.is_none() {
                engine::search(&mut given, &mut forwards, args, &fetched, &release, cluster, forward).await?;
            }
            engine::storage(&mut given, args, &release)
        };
        let done = engine.await;
        match done {
            // Who looks whether exporting runs must see it, whatever is wrong with the engine.
            Err(error) if needs.command == Command::Look => {
                given.endpoints.remove(&Component::Search);
                forwards.remove(&Component::Search);
                let text = format!("the search engine is not looked at: {}", error.text);
                release.notes.push(Note { text: text.clone(), flag: None });
                release.out_of_reach.insert(Component::Search, text);
            }
            done => done?,
        }
    }
    if !given.endpoints.contains_key(&Component::Gateway) {
        let notes: Vec<_> = release.notes.iter().map(ToString::to_string).collect();
        let text = format!(
            "release {} has no Zeebe gateway that could be found: {}",
            release.name,
            notes.join("; ")
        );
        return Err(Unreached::new(Exit::NotFound, text));
    }
    let transport = ForwardTransport::new(given.endpoints.clone(), forwards)
        .map_err(|e| Unreached::new(Exit::Usage, e.to_string()))?;
    given.request.components = given.endpoints.keys().copied().collect();
    given.request.configured = configured(&release);
    given.request.known.discovered =
        Some(Discovered { out_of_reach: release.out_of_reach.clone(), brokers: args.broker_url.is_empty() });
    given.http = Http::new(std::sync::Arc::new(transport));
    given.connection = connection(args, cluster);
    given.missing = sight.missing.clone().unwrap_or_default();
    let (cluster, no_lease) = (cluster.clone(), args.kube.no_lease);
    given.kubernetes = Some(InKubernetes { cluster, release, no_lease });
    Ok(given)
}

/// What the release's configuration says of itself.
fn configured(release: &Release) -> Configured {
    let storage =
        release.secondary_storage.as_ref().and_then(|kind| match kind.value.to_ascii_lowercase().as_str() {
            "rdbms" => Some(Storage::Relational),
            "elasticsearch" | "opensearch" => Some(Storage::Search),
            _ => None,
        });
    Configured {
        version: release.version.as_ref().map(|v| v.value.clone()),
        topology: Some(release.topology.value),
        storage,
    }
}

/// The flags that were given of how the release is reached, for commands that we tell people to run: without one of them
/// such a command would be refused, or lead elsewhere. None of them is a secret.
pub(super) fn connection(args: &ReleaseArgs, cluster: &Cluster) -> Vec<(&'static str, Option<String>)> {
    let kube = &args.kube;
    let path = |p: &Option<std::path::PathBuf>| p.as_ref().map(|p| p.display().to_string());
    // Only what is not so by itself: what a pod says is typed on a laptop.
    let direct = kube.access == Way::Direct && !cluster.in_cluster();
    let one = [
        ("--kubeconfig", path(&kube.kubeconfig)),
        ("--context", kube.context.clone()),
        ("--cluster", kube.cluster.clone()),
        ("--user", kube.user.clone()),
        ("--as", kube.as_user.clone()),
        ("--access", direct.then(|| "direct".to_owned())),
        ("--gateway-url", args.gateway_url.clone()),
        // Without a Lease the journal is a file, which has to be found again.
        ("--state-dir", path(&args.state_dir).filter(|_| kube.no_lease)),
    ];
    let groups = kube.as_group.iter().map(|group| ("--as-group", Some(group.clone())));
    let brokers = args.broker_url.iter().map(|url| ("--broker-url", Some(url.clone())));
    let given = one.into_iter().chain(groups).chain(brokers);
    let given = given.filter(|(_, value)| value.as_ref().is_some_and(|v| !v.trim().is_empty()));
    given.chain(kube.no_lease.then_some(("--no-lease", None))).collect()
}

pub(super) fn options(kube: &KubeArgs) -> AccessOptions {
    AccessOptions {
        kubeconfig: kube.kubeconfig.clone(),
        context: kube.context.clone(),
        cluster: kube.cluster.clone(),
        user: kube.user.clone(),
        as_user: kube.as_user.clone(),
        as_groups: kube.as_group.clone(),
        namespace: kube.namespace.clone(),
        request_timeout: kube.request_timeout,
    }
}

/// The release among the objects of its namespace. `denied`: not all of them could be listed.
async fn find(
    context: Option<&Context>,
    args: &ReleaseArgs,
    cluster: &Cluster,
    denied: &mut bool,
) -> Result<(Release, Objects), Unreached> {
    let inventory = cluster.inventory(cluster.namespace()).await?;
    for error in &inventory.denied {
        *denied = true;
        if let Some(context) = context {
            context.console.warn(&format!("{error}: what only these tell is not known"));
        }
    }
    let objects = read(inventory, Objects::default())?;
    let mut wanted = args.kube.release.clone();
    loop {
        match discover::release(&objects, wanted.as_deref(), cluster.namespace()) {
            Ok(release) => return Ok((release, objects)),
            Err(NotFound::Ambiguous { candidates }) if wanted.is_none() => {
                let names: Vec<_> = candidates.iter().map(|c| c.name.clone()).collect();
                let interactive = context.is_some();
                let question = "Several releases are in this namespace:";
                wanted = if interactive { super::choose(question, &names) } else { None };
                if wanted.is_none() {
                    let text = NotFound::Ambiguous { candidates }.to_string();
                    return Err(Unreached::new(Exit::NotFound, text));
                }
            }
            Err(error) => {
                let error = with_others(error, wanted.as_deref(), cluster).await;
                let text = format!("{error} (asked: {})", cluster.description());
                return Err(Unreached::new(Exit::NotFound, text));
            }
        }
    }
}

/// The same with what is near in other namespaces, for those who may see it: the namespace is what is most often wrong.
async fn with_others(error: NotFound, wanted: Option<&str>, cluster: &Cluster) -> NotFound {
    let NotFound::None { looked_for, mut near } = error else { return error };
    let everywhere = cluster.charts_everywhere().await.ok();
    let objects = everywhere.and_then(|all| read(all, Objects::default()).ok()).unwrap_or_default();
    let others = discover::releases(&objects).into_iter().filter(|r| r.namespace != cluster.namespace());
    near.extend(others);
    near.sort_by_key(|r| (wanted != Some(r.name.as_str()), r.namespace != cluster.namespace()));
    NotFound::None { looked_for, near }
}

pub(super) fn read(inventory: Inventory, mut objects: Objects) -> Result<Objects, Unreached> {
    for list in inventory.lists {
        let read = objects.add(list);
        read.map_err(|e| {
            Unreached::new(Exit::Bug, format!("an object of the cluster was not understood: {e}"))
        })?;
    }
    Ok(objects)
}

/// The release that is meant, by its name and namespace alone: for what runs in the cluster by itself.
pub(crate) async fn named(
    context: &Context,
    args: &ReleaseArgs,
    cluster: &Cluster,
) -> Result<String, Unreached> {
    Ok(find(Some(context), args, cluster, &mut false).await?.0.name)
}

/// A search engine in another namespace: its Service is looked up there, and where that is not allowed its URL is used as
/// it is configured.
async fn with_foreign_search(release: Release, objects_here: Objects, cluster: &Cluster) -> Release {
    let unseen = release.search.as_ref().and_then(|s| s.unseen_service.clone());
    let Some((namespace, _)) = unseen.filter(|(ns, _)| *ns != release.namespace) else { return release };
    let (name, own) = (release.name.clone(), release.namespace.clone());
    let Ok(inventory) = cluster.services_and_pods(&namespace).await else { return release };
    match read(inventory, objects_here) {
        Ok(both) => discover::release(&both, Some(&name), &own).unwrap_or(release),
        Err(_) => release,
    }
}

pub(super) fn target(place: &Place) -> Target {
    Target {
        namespace: place.namespace.clone(),
        selector: place.selector.clone(),
        pod: place.pod.clone(),
        port: place.pod_port,
    }
}

/// Reads the Secrets that are named in place of files. `within`: the release's cluster, where there is one; else the one
/// that the flags lead to is asked.
pub(crate) async fn fetched(
    args: &ReleaseArgs,
    within: Option<(&Cluster, &str)>,
) -> Result<Fetched, Unreached> {
    let (management, search) = (args.management.access(), args.search.access());
    let named: Vec<_> =
        management.files().chain(search.files()).filter(|f| secret_ref(f, "").is_some()).collect();
    let mut fetched = Fetched::default();
    if named.is_empty() {
        return Ok(fetched);
    }
    let own;
    let (cluster, namespace) = if let Some((cluster, namespace)) = within {
        (cluster, namespace.to_owned())
    } else {
        own = connect(&args.kube).await?;
        (&own, own.namespace().to_owned())
    };
    for file in named {
        let Some(at) = secret_ref(file, &namespace) else { continue };
        let at = at?;
        fetched.0.insert(file.to_owned(), cluster.secret(&at.namespace, &at.name, &at.key).await?);
    }
    Ok(fetched)
}

/// Whoever trusts any certificate sends passwords to anybody who answers.
fn warn_of_blind_trust(context: Option<&Context>, args: &ReleaseArgs) {
    let groups = [
        (
            "--search-insecure-skip-tls-verify",
            "the search engine's",
            args.search.search_insecure_skip_tls_verify,
        ),
        (
            "--management-insecure-skip-tls-verify",
            "the management APIs'",
            args.management.management_insecure_skip_tls_verify,
        ),
    ];
    for (flag, whose, _) in groups.iter().filter(|(_, _, on)| *on) {
        if let Some(context) = context {
            context.console.warn(&format!(
                "{flag}: {whose} certificate is not checked, so that anybody in between can read passwords and change answers"
            ));
        }
    }
}
