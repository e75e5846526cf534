//! The search engine of a release in Kubernetes: the way to it, its credentials, its repository.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::access::{Access, Fetched, aws};
use super::args::{ReleaseArgs, SearchArgs};
use super::reach::{Unreached, target};
use super::setup::{Setup, base_url, valid_name};
use crate::client::{Credentials, Endpoint};
use crate::cluster::{Cluster, PodForward};
use crate::discover::{Hidden, Login, Place, Release, Source};
use crate::exit::Exit;
use crate::model::{Component, Part};

/// The search engine: where it was found, and how to log in.
pub(super) async fn search(
    given: &mut Setup,
    forwards: &mut BTreeMap<Component, PodForward>,
    args: &ReleaseArgs,
    fetched: &Fetched,
    release: &Release,
    cluster: &Cluster,
    forward: bool,
) -> Result<(), Unreached> {
    let Some(search) = &release.search else { return Ok(()) };
    let url = search.place.as_ref().map_or_else(|| search.url.value.clone(), Place::url);
    let mut endpoint = Endpoint::plain(base_url(&url, "the search engine's URL that was found")?);
    let host = endpoint.base.host_str().unwrap_or_default().to_owned();
    Access::to_search(&args.search, &host, fetched)?.apply(&mut endpoint);
    if matches!(endpoint.credentials, Credentials::None) {
        endpoint.credentials = login(&search.login, &args.search, &host, cluster).await?;
    }
    if let (None, Some(ca)) = (&endpoint.tls.ca_pem, &search.ca) {
        let pem = cluster.secret(&ca.value.namespace, &ca.value.name, &ca.value.key).await?;
        endpoint.tls.ca_pem = Some(secrecy::ExposeSecret::expose_secret(&pem).to_owned());
    }
    given.endpoints.insert(Component::Search, endpoint);
    if let (true, Some(place)) = (forward, &search.place) {
        forwards.insert(Component::Search, PodForward::open(cluster, target(place))?);
    }
    Ok(())
}

async fn login(
    login: &Login,
    args: &SearchArgs,
    host: &str,
    cluster: &Cluster,
) -> Result<Credentials, Unreached> {
    match login {
        Login::None => Ok(Credentials::None),
        Login::Basic { username, password } => {
            let username = match &username.value {
                Source::Given(name) => name.clone(),
                Source::Secret(at) => {
                    let name = cluster.secret(&at.namespace, &at.name, &at.key).await?;
                    secrecy::ExposeSecret::expose_secret(&name).to_owned()
                }
            };
            Ok(Credentials::Basic { username, password: secret(&password.value, cluster).await? })
        }
        Login::ApiKey(key) => Ok(Credentials::ApiKey(secret(&key.value, cluster).await?)),
        Login::AwsSigning(_) => Ok(Credentials::Aws(aws(args, host)?)),
    }
}

async fn secret(source: &Source<Hidden>, cluster: &Cluster) -> Result<SecretString, Unreached> {
    match source {
        Source::Given(hidden) => Ok(hidden.expose().into()),
        Source::Secret(at) => Ok(cluster.secret(&at.namespace, &at.name, &at.key).await?),
    }
}

/// Repository and prefix: as given, else as found.
pub(super) fn storage(given: &mut Setup, args: &ReleaseArgs, release: &Release) -> Result<(), Unreached> {
    if args.records_prefix.is_none() {
        valid_name(&release.records_prefix.value, "the records prefix that was found")?;
        given.request.records_prefix.clone_from(&release.records_prefix.value);
    }
    given.request.known.regions = release.regions.as_ref().map(|r| r.value);
    for (part, repository) in release.repositories.iter().filter(|(part, _)| **part != Part::Records) {
        // It becomes part of a path.
        if valid_name(&repository.value, "the repository that was found").is_ok() {
            let known = &mut given.request.known.repositories;
            known.entry(*part).or_insert_with(|| repository.value.clone());
        }
    }
    if given.request.repository.is_none() {
        given.request.repository = release.repositories.get(&Part::Records).map(|r| r.value.clone());
    }
    match (&given.request.repository, given.endpoints.contains_key(&Component::Search)) {
        (None, true) => Err(Unreached::new(
            Exit::Usage,
            "no component of the release names a snapshot repository: give --repository (ELASTIC_SNAPSHOT_REPOSITORY)",
        )),
        (Some(name), true) => Ok(valid_name(name, "the repository")?),
        (_, false) => Ok(()),
    }
}
