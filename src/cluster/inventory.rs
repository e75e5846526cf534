//! What discovery looks at: the objects of a namespace as the API gives them, and Secrets by name.

use futures_util::future::join_all;
use http::Request;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::ListParams;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::access::Cluster;
use super::error::{Ask, ClusterError};

/// A kind that discovery reads.
struct Kind {
    list: &'static str,
    root: &'static str,
    plural: &'static str,
    resource: &'static str,
    /// Objects of ours are not part of any release, and there may be thousands.
    selector: &'static str,
}

const fn kind(list: &'static str, root: &'static str, plural: &'static str, resource: &'static str) -> Kind {
    Kind { list, root, plural, resource, selector: "" }
}

const KINDS: [Kind; 5] = [
    kind("ServiceList", "/api/v1", "services", "services"),
    kind("PodList", "/api/v1", "pods", "pods"),
    kind("StatefulSetList", "/apis/apps/v1", "statefulsets", "statefulsets.apps"),
    kind("DeploymentList", "/apis/apps/v1", "deployments", "deployments.apps"),
    Kind {
        selector: "app.kubernetes.io/managed-by!=camunda-backup",
        ..kind("ConfigMapList", "/api/v1", "configmaps", "configmaps")
    },
];

/// The Services of Camunda's charts, by the label that nothing else has.
const CHARTS: Kind = Kind {
    selector: "app.kubernetes.io/part-of=camunda-platform",
    ..kind("ServiceList", "/api/v1", "services", "services")
};

const PAGE: usize = 250;

/// The objects of one namespace.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// One list a kind, as the API gives it: `{"kind": "ServiceList", "items": [...]}`.
    pub lists: Vec<Value>,
    /// Kinds that we may not list. What only they tell must be given by flags.
    pub denied: Vec<ClusterError>,
}

impl Cluster {
    /// Lists everything that discovery reads. A kind that we may not list is left out and named; when none may be
    /// listed, or the API cannot be asked, that is the error.
    pub async fn inventory(&self, namespace: &str) -> Result<Inventory, ClusterError> {
        self.lists(&KINDS, namespace).await
    }

    /// The namespaces, for those who may list them.
    pub async fn namespaces(&self) -> Result<Vec<String>, ClusterError> {
        let api: Api<Namespace> = Api::all(self.client().clone());
        let found =
            self.ask(&Ask::all("list", "namespaces", ""), api.list_metadata(&ListParams::default())).await?;
        Ok(found.items.into_iter().filter_map(|n| n.metadata.name).collect())
    }

    /// Only Services and pods: enough to reach what a Service leads to.
    pub async fn services_and_pods(&self, namespace: &str) -> Result<Inventory, ClusterError> {
        self.lists(&KINDS[..2], namespace).await
    }

    /// The Services of Camunda's charts in all namespaces, for those who may list them: enough to name the releases.
    pub async fn charts_everywhere(&self) -> Result<Inventory, ClusterError> {
        self.lists(&[CHARTS], "").await
    }

    async fn lists(&self, kinds: &[Kind], namespace: &str) -> Result<Inventory, ClusterError> {
        let (mut lists, mut denied) = (Vec::new(), Vec::new());
        for answer in join_all(kinds.iter().map(|kind| self.list_all(kind, namespace))).await {
            match answer {
                Ok(list) => lists.push(list),
                Err(error @ ClusterError::Forbidden { .. }) => denied.push(error),
                Err(error) => return Err(error),
            }
        }
        match denied.first() {
            Some(error) if lists.is_empty() => Err(error.clone()),
            _ => Ok(Inventory { lists, denied }),
        }
    }

    /// All pages of one list; of all namespaces when none is named.
    async fn list_all(&self, kind: &Kind, namespace: &str) -> Result<Value, ClusterError> {
        let ask = Ask::all("list", kind.resource, namespace);
        let (mut items, mut next, mut restarts) = (Vec::new(), String::new(), 0);
        loop {
            let uri = {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.append_pair("limit", &PAGE.to_string());
                for (name, value) in [("continue", next.as_str()), ("labelSelector", kind.selector)] {
                    if !value.is_empty() {
                        query.append_pair(name, value);
                    }
                }
                let within =
                    if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
                format!("{}{within}/{}?{}", kind.root, kind.plural, query.finish())
            };
            let request = || async {
                let request = Request::get(&uri).body(Vec::new()).map_err(kube::Error::HttpError)?;
                self.client().request::<Value>(request).await
            };
            let mut page = match self.read(&ask, request).await {
                Ok(page) => page,
                // The place in the list is too old: from the beginning.
                Err(ClusterError::Refused { code: 410, .. }) if restarts < 3 => {
                    restarts += 1;
                    items.clear();
                    next.clear();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) else {
                return Err(ClusterError::Unintelligible(format!("{ask}: the answer has no items")));
            };
            items.extend(more.into_iter().map(without_bookkeeping));
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => token.clone_into(&mut next),
                _ => return Ok(json!({ "kind": kind.list, "items": items })),
            }
        }
    }

    /// One key of a Secret. Secrets are only ever read by name, and never listed.
    pub async fn secret(&self, namespace: &str, name: &str, key: &str) -> Result<SecretString, ClusterError> {
        let ask = Ask::one("get", "secrets", namespace, name);
        let api = self.api::<Secret>(namespace);
        let mut data = self.read(&ask, || api.get(name)).await?.data.unwrap_or_default();
        let Some(value) = data.remove(key) else {
            let keys: Vec<_> = data.keys().map(String::as_str).collect();
            let there = if keys.is_empty() {
                "it is empty".to_owned()
            } else {
                format!("it has {}", keys.join(", "))
            };
            return Err(ClusterError::Unintelligible(format!(
                "Secret {namespace}/{name} has no key {key}: {there}"
            )));
        };
        let text = String::from_utf8(value.0).map_err(|_| {
            ClusterError::Unintelligible(format!("key {key} of Secret {namespace}/{name} is not a text"))
        })?;
        Ok(SecretString::from(text))
    }
}

/// Which field was set by whom is half of a pod's size.
fn without_bookkeeping(mut object: Value) -> Value {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.shift_remove("managedFields");
    }
    object
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::cluster::fake::{FakeApi, How};

    fn there() -> (FakeApi, Cluster) {
        let api = FakeApi::default();
        for i in 0..600 {
            let metadata = json!({ "name": format!("s-{i}"), "managedFields": [{ "manager": "helm" }] });
            api.put(&format!("/api/v1/namespaces/prod/services/s-{i}"), json!({ "metadata": metadata }));
        }
        for (name, by) in [("camunda-configuration", "Helm"), ("camunda-backup-camunda-17", "camunda-backup")]
        {
            let metadata = json!({ "name": name, "labels": { "app.kubernetes.io/managed-by": by } });
            api.put(&format!("/api/v1/namespaces/prod/configmaps/{name}"), json!({ "metadata": metadata }));
        }
        let secret =
            json!({ "metadata": { "name": "es" }, "data": { "password": "Z2VoZWlt", "bin": "/w==" } });
        api.put("/api/v1/namespaces/prod/secrets/es", secret);
        let cluster = Cluster::from_client(api.client(), "prod");
        (api, cluster)
    }

    fn items<'a>(inventory: &'a Inventory, kind: &str) -> &'a [Value] {
        let list = inventory.lists.iter().find(|l| l["kind"] == kind).expect("a list of each kind");
        list["items"].as_array().expect("items")
    }

    #[tokio::test(start_paused = true)]
    async fn all_pages_of_all_kinds_without_what_is_ours() {
        let (api, cluster) = there();
        // An API server that restarts, and one that forgot where we were.
        api.fail("GET", "/pods", 2, How::Lose);
        api.fail("GET", "continue=250", 1, How::Refuse(410, "Expired"));
        let inventory = cluster.inventory("prod").await.expect("an answer");
        assert_eq!(items(&inventory, "ServiceList").len(), 600);
        assert!(items(&inventory, "ServiceList")[0]["metadata"]["managedFields"].is_null());
        assert_eq!(items(&inventory, "ConfigMapList").len(), 1);
        assert_eq!((items(&inventory, "PodList").len(), inventory.denied.len()), (0, 0));
        assert!(!api.asked().iter().any(|a| a.contains("/secrets")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_not_be_listed_is_named() {
        let (api, cluster) = there();
        api.fail("GET", "/deployments", 9, How::Refuse(403, "Forbidden"));
        let inventory = cluster.inventory("prod").await.expect("the rest");
        assert_eq!(inventory.lists.len(), 4);
        let denied: Vec<_> = inventory.denied.iter().map(ToString::to_string).collect();
        assert_eq!(denied, ["not allowed to list deployments.apps in namespace prod: Forbidden by the test"]);
        api.fail("GET", "/", 9, How::Refuse(403, "Forbidden"));
        assert!(matches!(cluster.inventory("prod").await, Err(ClusterError::Forbidden { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_read_by_name_and_never_shown() {
        let (api, cluster) = there();
        let password = cluster.secret("prod", "es", "password").await.expect("there");
        assert_eq!(password.expose_secret(), "geheim");
        assert!(!format!("{password:?}").contains("geheim"));
        let error = cluster.secret("prod", "es", "user").await.expect_err("no such key").to_string();
        assert!(error.contains("no key user: it has bin, password") && !error.contains("geheim"), "{error}");
        assert!(cluster.secret("prod", "es", "bin").await.is_err());
        api.fail("GET", "/secrets/es", 1, How::Hang);
        let error = cluster.secret("prod", "es", "password").await.expect_err("no answer").to_string();
        assert!(error.contains("nothing within 20 s"), "{error}");
    }
}
