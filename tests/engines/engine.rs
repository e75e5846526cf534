//! What tests ask a search engine by themselves, through the library's own transport.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use camunda_backup::client::{
    Endpoint, HttpTransport, Method, Request, Response, Transport as _, http_client,
};
use camunda_backup::model::Component;
use serde_json::{Value, json};
use testcontainers::{ContainerRequest, GenericImage};

use super::container::{self, Container};
use super::product::Product;
use crate::lab::until;

/// What some answers take: a deletion beside a throttled snapshot 27 s (recorded).
const ANSWER: Duration = Duration::from_secs(120);

pub struct Engine {
    pub container: Container,
    pub url: String,
    transport: HttpTransport,
    runtime: tokio::runtime::Runtime,
}

/// The one that most tests share: without security, never killed.
pub fn shared() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::open(&crate::PRODUCT, |request| request))
}

impl Engine {
    /// Without security.
    pub fn open(
        product: &Product,
        change: impl Fn(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>,
    ) -> Self {
        let request = with_variables(container::request(product), product.open);
        let container = Container::start(change(request));
        let url = format!("http://{}", container.address());
        let engine = Self::at(container, &url, |_| ());
        engine.wait("/_cluster/health?wait_for_status=yellow&timeout=1s");
        // Two hundred indices are made more quickly without replicas that never are.
        let template = json!({
            "index_patterns": ["*-record*"],
            "template": { "settings": { "number_of_replicas": 0 } },
        });
        engine.ask(Method::Put, "/_index_template/tests", Some(template));
        engine
    }

    /// In this container, asked in this way.
    pub fn at(container: Container, url: &str, access: impl Fn(&mut Endpoint)) -> Self {
        let mut endpoint = Endpoint::plain(url.parse().expect("an URL"));
        access(&mut endpoint);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let endpoints = BTreeMap::from([(Component::Search, endpoint)]);
        let transport = HttpTransport::new(&endpoints).expect("a transport");
        Self { container, url: url.to_owned(), transport, runtime }
    }

    /// Until this is answered well.
    pub fn wait(&self, path: &str) {
        self.wait_for(&Request::get(Component::Search, path));
    }

    pub fn wait_for(&self, request: &Request) {
        let good = |response: Response| (200..300).contains(&response.status);
        self.container.wait(|| self.send(request, Duration::from_secs(5)).is_some_and(good));
    }

    fn send(&self, request: &Request, limit: Duration) -> Option<Response> {
        self.runtime.block_on(async {
            tokio::time::timeout(limit, self.transport.send(request)).await.ok().and_then(Result::ok)
        })
    }

    /// Whatever it answers.
    #[track_caller]
    pub fn answer(&self, request: &Request) -> Response {
        self.send(request, ANSWER).unwrap_or_else(|| panic!("no answer: {request:?}"))
    }

    /// Its answer, which has to be a good one.
    #[track_caller]
    pub fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = Request { component: Component::Search, method, path: path.to_owned(), body };
        let response = self.answer(&request);
        let text = String::from_utf8_lossy(&response.body);
        assert!((200..300).contains(&response.status), "{path}: {} {text}", response.status);
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Status and type of an answer that is a refusal.
    #[track_caller]
    pub fn refusal(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let request = Request { component: Component::Search, method, path: path.to_owned(), body };
        let response = self.answer(&request);
        let value: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        (response.status, value["error"]["type"].as_str().unwrap_or_default().to_owned())
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ask(Method::Get, path, None)
    }

    /// Registers a repository of type `fs`.
    #[track_caller]
    pub fn register(&self, name: &str, location: &str, settings: &Value) {
        let mut all = json!({ "location": location });
        all.as_object_mut().expect("an object").extend(settings.as_object().cloned().unwrap_or_default());
        let path = format!("/_snapshot/{name}?verify=false");
        self.ask(Method::Put, &path, Some(json!({ "type": "fs", "settings": all })));
    }

    /// So many indices with so many documents of so many bytes each, in one request: what compresses well says nothing
    /// about bytes, so it is random.
    #[track_caller]
    pub fn fill(&self, indices: &[String], documents: usize, bytes: usize) {
        self.fill_in(indices, 0..documents, bytes);
    }

    #[track_caller]
    fn fill_in(&self, indices: &[String], numbers: Range<usize>, bytes: usize) {
        let mut lines = String::new();
        for index in indices {
            for number in numbers.clone() {
                let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(bytes).collect();
                let action = json!({ "index": { "_index": index, "_id": number.to_string() } });
                let _ = writeln!(lines, "{action}\n{}", json!({ "key": number, "text": text }));
            }
        }
        // The transport sends JSON, and a bulk request is lines of it.
        let client = http_client(&Endpoint::plain(self.url.parse().expect("an URL"))).expect("a client");
        let request = client.post(format!("{}/_bulk?refresh=true&timeout=5m", self.url));
        let request = request.header("content-type", "application/x-ndjson").body(lines);
        let answer: Value = self.runtime.block_on(async {
            let text = request.send().await.expect("an answer").text().await.expect("a body");
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
        });
        assert_eq!(answer["errors"], false, "{answer}");
    }

    /// An index of so many bytes, in documents of 100,000 that nothing compresses, and in several files: an engine with few
    /// threads for snapshots lets another one have its turn between two files.
    #[track_caller]
    pub fn fill_bytes(&self, index: &str, bytes: usize) {
        let body = json!({ "settings": { "number_of_replicas": 0 }, "mappings": { "dynamic": false } });
        self.ask(Method::Put, &format!("/{index}"), Some(body));
        let documents = bytes / 100_000;
        for first in (0..documents).step_by(40) {
            self.fill_in(&[index.to_owned()], first..documents.min(first + 40), 100_000);
        }
    }

    /// A snapshot as somebody takes one by hand.
    #[track_caller]
    pub fn snapshot(&self, repository: &str, name: &str, body: Value) {
        let path = format!("/_snapshot/{repository}/{name}?wait_for_completion=true");
        self.ask(Method::Put, &path, Some(body));
    }

    /// What the repository says about a snapshot; `None`: it is not there.
    #[track_caller]
    pub fn stored(&self, repository: &str, name: &str) -> Option<Value> {
        let response =
            self.answer(&Request::get(Component::Search, format!("/_snapshot/{repository}/{name}")));
        let value: Value = serde_json::from_slice(&response.body).expect("JSON");
        match response.status {
            200 => value["snapshots"].get(0).cloned(),
            404 => None,
            other => panic!("{other}: {value}"),
        }
    }

    #[track_caller]
    pub fn ended(&self, repository: &str, name: &str) -> Option<Value> {
        let mut last = None;
        until("the end of the snapshot", || {
            last = self.stored(repository, name);
            last.as_ref().is_none_or(|s| s["state"] != "IN_PROGRESS")
        });
        last
    }

    /// Every document of these indices, by index and `_id`.
    #[track_caller]
    pub fn documents(&self, pattern: &str) -> BTreeMap<(String, String), Value> {
        let found = self.get(&format!("/{pattern}/_search?size=10000&track_total_hits=true"));
        let hits = found["hits"]["hits"].as_array().unwrap_or_else(|| panic!("no hits: {found}"));
        assert_eq!(found["hits"]["total"]["value"], hits.len(), "{found}");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        hits.iter().map(|hit| ((text(&hit["_index"]), text(&hit["_id"])), hit["_source"].clone())).collect()
    }

    pub fn delete_indices(&self, names: &[String]) {
        // Line by line: a request line may not be longer than 4096 bytes.
        for some in names.chunks(40) {
            self.ask(Method::Delete, &format!("/{}", some.join(",")), None);
        }
    }
}

pub fn with_variables(
    request: ContainerRequest<GenericImage>,
    variables: &[(&str, &str)],
) -> ContainerRequest<GenericImage> {
    use testcontainers::ImageExt as _;
    variables.iter().fold(request, |request, (name, value)| request.with_env_var(*name, *value))
}
