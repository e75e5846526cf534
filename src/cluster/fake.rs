//! An API server in memory, for tests: objects with resource versions, conflicts, lists with pages, missing rights, and
//! faults on demand. What it does not know, it answers with 404.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub enum How {
    /// It is refused with this status and reason.
    Refuse(u16, &'static str),
    /// No answer ever comes, and nothing happens.
    Hang,
    /// The connection breaks before anything happened.
    Lose,
    /// It happens, but the answer is lost.
    LoseAnswer,
}

#[derive(Debug)]
struct Fault {
    method: &'static str,
    path: String,
    times: usize,
    how: How,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    faults: Vec<Fault>,
    asked: Vec<String>,
    /// `verb group/resource/subresource` that access reviews deny.
    denied: Vec<String>,
}

/// The server; clones share it.
#[derive(Debug, Clone, Default)]
pub struct FakeApi(Arc<Mutex<State>>);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl FakeApi {
    /// A client of this server.
    pub fn client(&self) -> kube::Client {
        self.client_with_node(None)
    }

    /// A client of this server, which hands port-forwards on to a node.
    pub fn client_with_node(&self, node: Option<kube::Client>) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (server, node) = (server.clone(), node.clone());
            async move { server.answer(request, node).await }
        });
        kube::Client::new(service, "default")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next requests with this method, and this text in their path, fail.
    pub fn fail(&self, method: &'static str, path: &str, times: usize, how: How) {
        self.state().faults.push(Fault { method, path: path.to_owned(), times, how });
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Lets access reviews deny this.
    pub fn deny(&self, verb_and_resource: &str) {
        self.state().denied.push(verb_and_resource.to_owned());
    }

    /// What was asked, as `METHOD path?query`.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// An object by the end of its path.
    pub fn object(&self, path_end: &str) -> Option<Value> {
        let state = self.state();
        state.objects.iter().find(|(p, _)| p.ends_with(path_end)).map(|(_, o)| o.clone())
    }

    /// All objects below a path.
    pub fn objects(&self, path: &str) -> Vec<Value> {
        let state = self.state();
        state.objects.iter().filter(|(p, _)| p.contains(path)).map(|(_, o)| o.clone()).collect()
    }

    /// Puts an object there, as somebody else would.
    pub fn put(&self, path: &str, mut object: Value) {
        let mut state = self.state();
        state.stamp(&mut object);
        state.objects.insert(path.to_owned(), object);
    }

    /// Removes objects by the end of their path, as somebody else would.
    pub fn remove(&self, path_end: &str) {
        self.state().objects.retain(|p, _| !p.ends_with(path_end));
    }

    /// Changes an object by the end of its path, as somebody else would.
    pub fn change(&self, path_end: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let found = state.objects.iter().find(|(p, _)| p.ends_with(path_end));
        let Some((path, mut object)) = found.map(|(p, o)| (p.clone(), o.clone())) else { return };
        change(&mut object);
        state.stamp(&mut object);
        state.objects.insert(path, object);
    }

    async fn answer(
        self,
        request: Request<Body>,
        node: Option<kube::Client>,
    ) -> Result<Response<Body>, Failure> {
        let (method, uri) = (request.method().as_str().to_owned(), request.uri().clone());
        let (parts, body) = request.into_parts();
        let raw = body.collect_bytes().await?;
        let how = {
            let mut state = self.state();
            state.asked.push(format!("{method} {uri}"));
            let path = uri.to_string();
            let fault =
                state.faults.iter_mut().find(|f| f.times > 0 && f.method == method && path.contains(&f.path));
            fault.map(|f| {
                f.times -= 1;
                f.how
            })
        };
        match how {
            Some(How::Hang) => std::future::pending().await,
            Some(How::Lose) => return Err("connection reset by peer".into()),
            Some(How::Refuse(code, reason)) => {
                return Ok(refusal(code, reason, &format!("{reason} by the test")));
            }
            Some(How::LoseAnswer) | None => {}
        }
        if let (Some(node), true) = (node, uri.path().ends_with("/portforward")) {
            return Ok(node.send(Request::from_parts(parts, Body::from(raw))).await?);
        }
        let body: Value = if raw.is_empty() { Value::Null } else { serde_json::from_slice(&raw)? };
        let done = self.state().apply(&method, uri.path(), uri.query().unwrap_or_default(), body);
        if matches!(how, Some(How::LoseAnswer)) {
            return Err("connection reset by peer".into());
        }
        Ok(match done {
            Ok(object) => response(200, &object),
            Err((code, reason, message)) => refusal(code, reason, &message),
        })
    }
}

type Done = Result<Value, (u16, &'static str, String)>;

impl State {
    fn stamp(&mut self, object: &mut Value) {
        self.version += 1;
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = format!("uid-{}", self.version).into();
        }
    }

    fn store(&mut self, path: String, mut object: Value) -> Value {
        self.stamp(&mut object);
        self.objects.insert(path, object.clone());
        object
    }

    fn apply(&mut self, method: &str, path: &str, query: &str, body: Value) -> Done {
        if path.ends_with("/selfsubjectaccessreviews") {
            return Ok(self.review(body));
        }
        let missing = || (404, "NotFound", format!("{path} not found"));
        let there = self.objects.get(path).cloned();
        match (method, there) {
            ("GET", Some(object)) => Ok(object),
            ("GET", None) if !path.rsplit('/').next().unwrap_or_default().contains(['-', '.']) => {
                Ok(self.list(path, query))
            }
            ("GET" | "PUT" | "DELETE", None) => Err(missing()),
            ("POST", _) => {
                let mut object = body;
                if object["metadata"]["name"].is_null() {
                    let prefix = object["metadata"]["generateName"].as_str().unwrap_or_default().to_owned();
                    object["metadata"]["name"] = format!("{prefix}{}", self.version + 1).into();
                }
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let path = format!("{path}/{name}");
                if self.objects.contains_key(&path) {
                    return Err((409, "AlreadyExists", format!("{path} already exists")));
                }
                Ok(self.store(path, object))
            }
            ("PUT", Some(old)) => {
                if body["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
                    let text =
                        "the object has been modified; please apply your changes to the latest version";
                    return Err((409, "Conflict", text.to_owned()));
                }
                Ok(self.store(path.to_owned(), body))
            }
            ("PATCH", old) => {
                let mut object = old.unwrap_or(Value::Null);
                merge(&mut object, body);
                Ok(self.store(path.to_owned(), object))
            }
            ("DELETE", Some(object)) => {
                self.objects.remove(path);
                Ok(object)
            }
            (method, _) => Err((405, "MethodNotAllowed", format!("{method} {path}"))),
        }
    }

    fn list(&self, path: &str, query: &str) -> Value {
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let selector = query.get("labelSelector").map(String::as_str).unwrap_or_default();
        let items: Vec<_> = self
            .objects
            .iter()
            .filter(|(p, _)| is_in(path, p))
            .map(|(_, o)| o)
            .filter(|o| selected(selector, &o["metadata"]["labels"]))
            .collect();
        let number = |name| query.get(name).and_then(|v: &String| v.parse::<usize>().ok());
        let (from, limit) = (number("continue").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
        let end = from.saturating_add(limit);
        let next = if end < items.len() { end.to_string() } else { String::new() };
        let page: Vec<_> = items.into_iter().skip(from).take(limit).collect();
        json!({ "kind": "List", "metadata": { "continue": next }, "items": page })
    }

    fn review(&self, mut review: Value) -> Value {
        let asked = &review["spec"]["resourceAttributes"];
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let mut right = format!("{} {}/{}", text("verb"), text("group"), text("resource"));
        if !text("subresource").is_empty() {
            right = format!("{right}/{}", text("subresource"));
        }
        review["status"] = json!({ "allowed": !self.denied.contains(&right) });
        review
    }
}

/// Whether an object is in a list: of one namespace, or of all.
fn is_in(list: &str, object: &str) -> bool {
    let item = |list: &str| {
        object.strip_prefix(list).and_then(|r| r.strip_prefix('/')).is_some_and(|r| !r.contains('/'))
    };
    let Some((root, plural)) = list.rsplit_once('/').filter(|(root, _)| !root.contains("/namespaces")) else {
        return item(list);
    };
    let within = object.strip_prefix(root).and_then(|r| r.strip_prefix("/namespaces/")?.split_once('/'));
    match within {
        Some((namespace, _)) => item(&format!("{root}/namespaces/{namespace}/{plural}")),
        None => item(list),
    }
}

fn selected(selector: &str, labels: &Value) -> bool {
    selector.split(',').filter(|t| !t.is_empty()).all(|term| match term.split_once("!=") {
        Some((key, value)) => labels[key] != value,
        None => term.split_once('=').is_some_and(|(key, value)| labels[key] == value),
    })
}

fn merge(into: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !into.is_object() {
                *into = json!({});
            }
            for (name, value) in fields {
                merge(&mut into[name], value);
            }
        }
        value => *into = value,
    }
}

fn response(code: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string().into_bytes()));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response
}

fn refusal(code: u16, reason: &str, message: &str) -> Response<Body> {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message });
    response(code, &status)
}
