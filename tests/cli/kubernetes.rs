//! The binary and a Kubernetes API in memory, served over TCP: what it finds there, what it asks for, what it tells people
//! to type. The components are given by URL, so that no pod is needed.

use std::path::PathBuf;
use std::process::Command;

use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fake::{FakeApi, How};
use super::lab::{Ended, Lab, Running, run, until};

/// A release in namespace `prod` of an API server, whose processes are the lab's.
struct Place {
    lab: Lab,
    api: FakeApi,
    kubeconfig: PathBuf,
    _runtime: tokio::runtime::Runtime,
}

impl Place {
    /// Without a repository anywhere, and with an engine whose password is in a Secret.
    fn new() -> Self {
        Self::with(Lab::quick(), &json!({ "token": "geheim" }))
    }

    fn with(lab: Lab, user: &Value) -> Self {
        let api = FakeApi::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a port");
        let server = format!("http://{}", listener.local_addr().expect("bound"));
        runtime.spawn(serve(listener, api.clone()));
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{ "name": "lab", "cluster": { "server": server } }],
            "users": [{ "name": "me", "user": user }],
            "contexts": [{ "name": "lab", "context": { "cluster": "lab", "user": "me", "namespace": "prod" } }],
        });
        let kubeconfig = lab.home.path().join("kubeconfig");
        std::fs::write(&kubeconfig, config.to_string()).expect("writable");
        let place = Self { lab, api, kubeconfig, _runtime: runtime };
        place.release("prod", "camunda");
        place
    }

    /// A gateway and a broker, as the chart of 8.6 makes them, as far as anybody looks.
    fn release(&self, namespace: &str, name: &str) {
        let labels = |component: &str| {
            json!({
                "app.kubernetes.io/part-of": "camunda-platform", "app.kubernetes.io/instance": name,
                "app.kubernetes.io/component": component, "app.kubernetes.io/version": "8.6.0",
            })
        };
        let service = |service: &str, component: &str, ip: &str| {
            let metadata = json!({ "name": service, "namespace": namespace, "labels": labels(component) });
            let ports = json!([{ "name": "http", "port": 9600 }]);
            let spec = json!({ "selector": labels(component), "clusterIP": ip, "ports": ports });
            self.put(namespace, "services", &json!({ "metadata": metadata, "spec": spec }));
        };
        service(&format!("{name}-zeebe-gateway"), "zeebe-gateway", "10.0.0.1");
        service(&format!("{name}-zeebe"), "zeebe-broker", "None");
        let exporter = "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_";
        let password = json!({ "secretKeyRef": { "name": "the-engine", "key": "password" } });
        let env = json!([
            { "name": format!("{exporter}CLASSNAME"), "value": "io.camunda.zeebe.exporter.ElasticsearchExporter" },
            { "name": format!("{exporter}ARGS_URL"), "value": "http://elastic.example:9200" },
            { "name": format!("{exporter}ARGS_AUTHENTICATION_USERNAME"), "value": "elastic" },
            { "name": format!("{exporter}ARGS_AUTHENTICATION_PASSWORD"), "valueFrom": password },
        ]);
        let pod = |pod: String, component: &str, container: &str| {
            let metadata = json!({ "name": pod, "namespace": namespace, "labels": labels(component) });
            let container = json!({
                "name": container, "image": "camunda/zeebe:8.6.0", "env": env,
                "ports": [{ "name": "http", "containerPort": 9600 }],
            });
            let ready = json!([{ "type": "Ready", "status": "True" }]);
            let status = json!({ "phase": "Running", "podIP": "10.1.0.1", "conditions": ready });
            let spec = json!({ "containers": [container] });
            self.put(namespace, "pods", &json!({ "metadata": metadata, "spec": spec, "status": status }));
        };
        pod(format!("{name}-zeebe-gateway-0"), "zeebe-gateway", "zeebe-gateway");
        pod(format!("{name}-zeebe-0"), "zeebe-broker", "zeebe");
    }

    fn put(&self, namespace: &str, plural: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().expect("a name");
        self.api.put(&format!("/api/v1/namespaces/{namespace}/{plural}/{name}"), object.clone());
    }

    /// A Lease as a run leaves it that was killed while exporting was paused.
    fn left_by_a_dead_run(&self, holder: Option<&str>) {
        let notes = json!({
            "camunda-backup/verb": "create", "camunda-backup/armed": "resume-exporting",
            "camunda-backup/armed-since": "2026-11-23T00:00:00Z", "camunda-backup/armed-answered": "true",
        });
        let spec = json!({
            "holderIdentity": holder, "leaseDurationSeconds": 1, "leaseTransitions": 0,
            "renewTime": "2026-11-23T00:00:10.000000Z",
        });
        let metadata = json!({ "name": "camunda-backup-camunda", "annotations": notes });
        let path = "/apis/coordination.k8s.io/v1/namespaces/prod/leases/camunda-backup-camunda";
        self.api.put(path, json!({ "metadata": metadata, "spec": spec }));
    }

    fn is_armed(&self) -> bool {
        let lease = self.api.object("/leases/camunda-backup-camunda");
        lease.is_some_and(|l| l["metadata"]["annotations"]["camunda-backup/armed"].is_string())
    }

    /// With gateway and brokers by URL, and nothing else.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.homely(arguments);
        command.env("CAMUNDA_BACKUP_KUBECONFIG", &self.kubeconfig);
        let zeebe = ["GATEWAY_MANAGEMENT_API", "BROKER_MANAGEMENT_APIS"];
        command.envs(self.lab.variables().into_iter().filter(|(name, _)| zeebe.contains(name)));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    /// With all that a backup needs.
    fn whole(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.envs(self.lab.variables());
        command
    }
}

async fn serve(listener: TcpListener, api: FakeApi) {
    while let Ok((stream, _)) = listener.accept().await {
        let api = api.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let client = api.client();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
                    let request = hyper::Request::from_parts(head, Body::from(body.to_vec()));
                    client.send(request).await.map_err(|e| e.to_string())
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

#[test]
fn nothing_about_the_engine_stands_in_the_way_of_resuming() {
    let place = Place::new();
    place.api.fail("GET", "/secrets", usize::MAX, How::Refuse(403, "Forbidden"));
    place.left_by_a_dead_run(None);
    let mut resume = place.command(&["resume", "--if-abandoned", "--release", "camunda"]);
    resume.env("CAMUNDA_BACKUP_SEARCH_PASSWORD_FILE", "secret:not-there/password");
    resume.env("CAMUNDA_BACKUP_PART_REPOSITORIES", "nonsense");
    run(resume).expect(0).shows("runs");
    assert!(!place.is_armed());
    assert!(!place.api.asked().iter().any(|a| a.contains("/secrets")), "{:?}", place.api.asked());
    // Nor in that of the guard: else there would be no backup at all.
    run(place.whole(&["create", "--release", "camunda"])).expect(0).shows("is complete");
    place.lab.assert_exporting();
}

#[test]
fn a_part_that_was_not_found_is_not_left_out_unasked() {
    let place = Place::new();
    // The engine's address is in a Secret, which only its reader can use.
    let pod = "/api/v1/namespaces/prod/pods/camunda-zeebe-0";
    let mut broker = place.api.object(pod).expect("a broker");
    let env = broker["spec"]["containers"][0]["env"].as_array_mut().expect("variables");
    let url = env.iter_mut().find(|e| e["name"].as_str().is_some_and(|n| n.ends_with("ARGS_URL")));
    let from = json!({ "secretKeyRef": { "name": "the-engine", "key": "url" } });
    *url.expect("an address") =
        json!({ "name": "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCH_ARGS_URL", "valueFrom": from });
    place.api.put(pod, broker);
    let without_engine = |arguments: &[&str]| {
        let mut command = place.whole(&[arguments, &["--release", "camunda"]].concat());
        command.env_remove("ELASTIC_ENDPOINT").env_remove("ELASTIC_SNAPSHOT_REPOSITORY");
        run(command)
    };
    let refused = without_engine(&["create"]).expect(13);
    refused
        .says("records: the search engine's address is in key url of Secret prod/the-engine")
        .says("--search-url")
        .says("--leave-out")
        .says("nothing was changed");
    without_engine(&["check"]).expect(14).shows("part-not-found");
    place.lab.assert_never_paused();
    // With the address that is given, and then without it: what is not known is not complete.
    run(place.whole(&["create", "--release", "camunda"])).expect(0).shows("is complete");
    let listed = without_engine(&["list", "-o", "json"]).json();
    assert_eq!(listed["items"][0]["state"], "unknown", "{listed}");
    assert_eq!(listed["items"][0]["parts"]["records"]["state"], "unknown", "{listed}");
    without_engine(&["verify"]).expect(14);
    // A choice, once for all verbs.
    without_engine(&["create", "--leave-out", "records"]).expect(0).shows("is complete");
    without_engine(&["verify", "--leave-out", "records"]).expect(0);
}

#[test]
fn exporting_is_shown_whatever_is_wrong_with_the_engine() {
    let place = Place::new();
    place.api.fail("GET", "/secrets", usize::MAX, How::Refuse(403, "Forbidden"));
    let screen = place.run(&["status", "--release", "camunda"]).expect(0);
    screen.shows("  EXPORTING").shows("search engine is not looked at: not allowed to get secrets");
    // With its password, nobody names a repository.
    place.api.heal();
    place.put(
        "prod",
        "secrets",
        &json!({ "metadata": { "name": "the-engine" }, "data": { "password": "Z2VoZWlt" } }),
    );
    let screen = place.run(&["status", "--release", "camunda", "-o", "json"]).expect(0);
    screen.shows("is not looked at").shows("--repository").shows("\"partition\"");
}

#[test]
fn the_command_that_repairs_leads_to_where_the_run_was() {
    let place = Place::new();
    place.left_by_a_dead_run(None);
    let flags = ["--release", "camunda", "--as", "me", "--as-group", "some one", "--access", "direct"];
    let gateway = place.lab.url(camunda_backup::model::Component::Gateway);
    let screen = place.run(&[&["status"][..], &flags].concat()).expect(0);
    for part in ["--as me", "--as-group 'some one'", "--access direct", &format!("--gateway-url {gateway}")] {
        assert!(screen.out.contains(part), "{part} is missing: {}", screen.out);
    }
}

#[test]
fn a_dead_holder_with_exporting_paused_is_a_problem_with_a_command() {
    let place = Place::new();
    place.left_by_a_dead_run(Some("laptop_1"));
    let screen = place.run(&["status", "--release", "camunda"]).expect(0);
    screen.shows("last sign of life, by its own clock").shows("resume --release camunda");
    place.run(&["resume", "--release", "camunda", "--if-abandoned"]).expect(0).says("is dead");
    assert!(!place.is_armed());
}

#[test]
fn what_check_tells_to_type_looks_at_the_lease_as_well() {
    let place = Place::new();
    place.left_by_a_dead_run(None);
    // Nothing is named, as with a context whose namespace is the release's. (Its pods cannot be reached here.)
    let mut resume = place.lab.homely(&["resume", "--if-abandoned", "--resume-timeout", "1s"]);
    resume.env("KUBECONFIG", &place.kubeconfig);
    let ended = run(resume).expect(30);
    ended.says("EXPORTING MAY STILL BE PAUSED").says("resume --release camunda -n prod");
    assert!(place.is_armed());
    // What was not looked at is not called good.
    place.api.fail("GET", "/api/v1/", usize::MAX, How::Refuse(403, "Forbidden"));
    let mut resume = place.lab.homely(&["resume", "--if-abandoned"]);
    resume.env("KUBECONFIG", &place.kubeconfig);
    let ended = run(resume).expect(10).says("left exporting paused there is not known");
    assert!(!ended.err.contains("nothing to resume"), "{}", ended.err);
}

#[test]
fn a_dead_holder_that_paused_nothing_hides_nobodys_pause() {
    let place = Place::new();
    place.left_by_a_dead_run(Some("laptop_1"));
    let lease = "/apis/coordination.k8s.io/v1/namespaces/prod/leases/camunda-backup-camunda";
    let mut object = place.api.object(lease).expect("put");
    object["metadata"]["annotations"] = json!({ "camunda-backup/verb": "prune" });
    place.api.put(lease, object);
    // A run would take it over.
    let check = run(place.whole(&["check", "--release", "camunda"])).expect(0);
    assert!(!check.out.contains("paused"), "{}", check.out);
    place.lab.sim.set_exporters(&camunda_backup::model::ExporterPhase::SoftPaused);
    run(place.whole(&["check", "--release", "camunda"])).expect(14).shows("exporting-paused-by-others");
    let screen = place.run(&["status", "--release", "camunda"]).expect(0);
    screen.shows("exporting-paused-by-others").shows("laptop_1");
}

#[test]
fn a_signal_while_the_release_is_looked_for_ends_the_run() {
    for verb in [&["create"][..], &["delete", "1", "--yes"], &["prune", "--keep-last", "1"], &["resume"]] {
        let place = Place::new();
        place.api.fail("GET", "/api/v1/", usize::MAX, How::Hang);
        let running = Running::start(place.whole(&[verb, &["--release", "camunda"]].concat()));
        until("the API is asked", || place.api.asked().iter().any(|a| a.contains("/api/v1/")));
        running.signal(Signal::TERM);
        running.wait().expect(22).says("nothing was changed").shows_nothing();
        assert_eq!(place.lab.changes(), []);
    }
}

#[test]
fn what_is_given_up_without_the_lease_is_said() {
    let place = Place::new();
    run(place.whole(&["create", "--release", "camunda", "--no-lease"])).expect(0).says("are not kept out");
    assert!(place.api.object("/leases/camunda-backup-camunda").is_none());
}

#[test]
fn what_died_without_the_lease_is_known_before_it_is_repaired() {
    let place = Place::with(Lab::pausing(), &json!({ "token": "geheim" }));
    let here = ["--release", "camunda", "--no-lease"];
    let killed = place.lab.paused_by(place.whole(&[&["create", "--no-guard"][..], &here].concat()));
    killed.signal(Signal::KILL);
    killed.wait();
    let assert_known = || {
        let listed = run(place.whole(&[&["list", "-o", "json"][..], &here].concat())).expect(0).json();
        assert_eq!(listed["items"][0]["run"]["outcome"], "died", "{listed}");
    };
    assert_known();
    place.run(&[&["resume", "--if-abandoned"][..], &here].concat()).expect(0);
    place.lab.assert_exporting();
    assert_known();
}

#[test]
fn the_lease_is_asked_for_once_by_who_only_looks() {
    let place = Place::new();
    place.left_by_a_dead_run(Some("laptop_1"));
    for verb in ["status", "check", "list"] {
        let before = place.api.asked().len();
        run(place.whole(&[verb, "--release", "camunda"]));
        let asked = place.api.asked().split_off(before);
        let leases = asked.iter().filter(|a| a.contains("/leases/")).count();
        assert_eq!(leases, 1, "{verb}: {asked:?}");
    }
}

#[test]
fn a_lease_that_cannot_be_had_is_worth_another_run_of_a_job() {
    let place = Place::new();
    // Although the API says beforehand that it is allowed.
    place.api.fail("POST", "/leases", usize::MAX, How::Refuse(403, "Forbidden"));
    let refused = run(place.whole(&["create", "--release", "camunda"])).expect(12);
    refused.says("not allowed to create leases").says("--no-lease").says("nothing was changed");
    place.lab.assert_never_paused();
}

#[test]
fn a_release_in_another_namespace_is_near() {
    let place = Place::new();
    place.release("stage", "other");
    let missing = place.run(&["status", "--release", "other"]).expect(10);
    missing.says("Camunda release other in namespace prod").says("other in namespace stage (Camunda 8.6.0");
    place.run(&["status", "-n", "empty"]).expect(10).says("camunda in namespace prod");
    // Who may not see other namespaces hears what there is in this one.
    place.api.fail("GET", "/api/v1/services", usize::MAX, How::Refuse(403, "Forbidden"));
    place.run(&["status", "--release", "other"]).expect(10).says("camunda in namespace prod");
}

#[test]
fn a_job_is_made_from_an_image_with_what_was_typed() {
    let place = Place::new();
    let mut command = place.command(&["create", "--in-cluster", "--release", "camunda", "--image", "x:1"]);
    command.args(["--timeout=1h", "--search-ca-file", "secret:the-engine/ca.crt"]);
    let running = Running::start(command);
    running.heard("Job camunda-backup-camunda-manual-");
    running.signal(Signal::INT);
    running.wait().expect(22).shows("goes on");
    let jobs = place.api.objects("/apis/batch/v1/namespaces/prod/jobs/");
    let args = &jobs[0]["spec"]["template"]["spec"]["containers"][0]["args"];
    let typed = json!([
        "create",
        "--release",
        "camunda",
        "--search-ca-file=secret:the-engine/ca.crt",
        "--timeout=1h"
    ]);
    assert_eq!(*args, typed, "a Secret is there as well as here");
    let refused = |flag: &str, value: &str| {
        place
            .run(&["create", "--in-cluster", "--release", "camunda", "--image", "x:1", flag, value])
            .expect(2)
    };
    refused("--search-ca-file", "/x");
    // Many may read a Job.
    refused("--search-url", "http://elastic:geheim@es:9200").says("credentials do not belong into an URL");
    assert!(!format!("{:?}", place.api.objects("/jobs/")).contains("geheim"));
}

#[test]
fn a_guard_that_does_not_get_ready_does_not_keep_the_run() {
    let home = tempfile::tempdir().expect("a directory");
    let (plugin, waits) = (home.path().join("plugin"), home.path().join("waits"));
    let credential = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": "geheim" } });
    // As one that opens a browser, when it is asked by the guard.
    let script = format!(
        "#!/bin/sh\nif tr '\\0' ' ' </proc/$PPID/cmdline | grep -q guard-process; then\n  echo $$ >{0}.new; mv {0}.new {0}\n  exec sleep 600 >/dev/null 2>&1\nfi\necho '{credential}'\n",
        waits.display()
    );
    std::fs::write(&plugin, script).expect("writable");
    std::fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never" });
    let place = Place::with(Lab::quick(), &json!({ "exec": exec }));
    let running = Running::start(place.whole(&["create", "--release", "camunda"]));
    until("the guard waits for its plugin", || waits.exists());
    running.signal(Signal::INT);
    running.wait().expect(22).says("nothing was changed").shows_nothing();
    place.lab.assert_never_paused();
    let left = std::fs::read_to_string(&waits).expect("a number").trim().parse().expect("a number");
    let _ = kill_process(Pid::from_raw(left).expect("a process"), Signal::KILL);
}
