//! A Camunda release on a real cluster: the objects of the chart, with pods that relay every connection to a sandbox, and
//! the built binary pointed at it, as a plugin from outside and as Jobs.

use std::path::Path;
use std::process::Command;

use camunda_backup::cluster::rights::Command as Needs;
use serde_json::{Value, json};

use super::lab::{BINARY, Ended, Running, bare, run};
use super::rig::{IMAGE, Space, eventually, image, kubectl, load_archive, ours};

/// The image that is shipped.
pub const OURS: &str = "testbed.local/camunda-backup:test";

/// The sandbox's first port; the others follow in the order of its components.
const FIRST: u16 = 9000;
const BROKERS: u16 = 3;

/// The chart's objects, 8.6.
const CHART: &str = include_str!("../fixtures/discovery/8.6-8.7.yaml");

/// Its records snapshot never ends, the first time: exporting stays paused until somebody dies.
pub const STUCK: &[&str] =
    &["--quick", "--fault", "search PUT /_snapshot/camunda-backup/ 1 stuck-in-progress"];
pub const QUICK: &[&str] = &["--quick"];
/// About as quick as a small real one: the pause takes a few seconds.
pub const REALISTIC: &[&str] = &[];

pub struct Camunda {
    pub space: Space,
    home: tempfile::TempDir,
}

impl Camunda {
    pub async fn start(sandbox: &[&str]) -> Self {
        image().await;
        our_image().await;
        let space = Space::new().await;
        let mut args = vec!["sandbox", "--listen", "0.0.0.0", "--brokers", "3"];
        let port = format!("--port={FIRST}");
        args.push(&port);
        args.extend(sandbox);
        let container = json!({ "name": "sandbox", "image": OURS, "imagePullPolicy": "Never", "args": args });
        let spec = json!({ "terminationGracePeriodSeconds": 0, "containers": [container] });
        let labels = json!({ "app": "sandbox" });
        let items = json!([
            { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "sandbox", "labels": labels }, "spec": spec },
            { "apiVersion": "v1", "kind": "Service", "metadata": { "name": "sandbox" },
              "spec": { "clusterIP": "None", "selector": labels } },
        ]);
        space.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": items })).await;
        space.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": chart(&space.name) })).await;
        let this = Self { space, home: tempfile::tempdir().expect("a directory") };
        eventually("all pods are there", async || {
            this.space.kubectl(&["get", "pods", "-o", "name"]).await.lines().count() == 10
        })
        .await;
        this.space.kubectl(&["wait", "pod", "--all", "--for=condition=Ready", "--timeout=300s"]).await;
        this
    }

    /// The plugin on this machine, in the namespace of the release.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(BINARY, arguments);
        command.args(["-n", &self.space.name]).env("HOME", self.home.path());
        command.env("KUBECONFIG", std::env::var_os("KUBECONFIG").unwrap_or_default());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    /// Starts it, and returns once exporting is paused and the records snapshot begun: with [`STUCK`], the one that never
    /// ends is then used up.
    pub fn paused(&self, arguments: &[&str]) -> Running {
        let running = Running::start(self.command(arguments));
        running.heard("exporting is paused");
        running.heard("await-records");
        running
    }

    /// What a broker's, or anybody's, management API says, past everything that is tested.
    pub async fn ask(&self, port: u16, path: &str) -> String {
        let url = format!("/api/v1/namespaces/{}/pods/http:sandbox:{port}/proxy{path}", self.space.name);
        kubectl(&["get", "--raw", &url], None).await
    }

    pub async fn is_exporting(&self) -> bool {
        for broker in 0..BROKERS {
            let partitions = self.ask(FIRST + 4 + broker, "/actuator/partitions").await;
            if partitions.contains("PAUSED") {
                return false;
            }
            assert!(partitions.contains("exporterPhase"), "{partitions}");
        }
        true
    }

    /// Nobody has begun anything.
    pub async fn assert_untouched(&self, context: &str) {
        assert!(self.is_exporting().await, "{context}");
        for port in [FIRST, FIRST + 3] {
            let backups: Value =
                serde_json::from_str(&self.ask(port, "/actuator/backups").await).expect("JSON");
            assert_eq!(backups, json!([]), "{context}");
        }
    }

    pub async fn is_armed(&self) -> bool {
        let state = self.space.cluster.lease_state(&self.space.name, "camunda").await.expect("an answer");
        state.is_some_and(|s| s.armed.is_some())
    }

    /// Until somebody has resumed exporting and says so.
    pub async fn repaired(&self) {
        eventually("exporting runs again and nothing is armed", async || {
            self.is_exporting().await && !self.is_armed().await
        })
        .await;
        eventually("it is told", async || self.events().await.contains("ExportingRepaired")).await;
    }

    /// What `kubectl describe` shows below the gateway's Service.
    pub async fn events(&self) -> String {
        self.space.kubectl(&["describe", "service", "camunda-zeebe-gateway"]).await
    }

    /// An account with the rights that `create` needs in a pod, and only on this release's Lease.
    pub async fn account(&self) {
        let rights = Needs::Create.rights(false, &[]).into_iter().map(|r| r.on_release("camunda"));
        let _ = self.space.account_with("backup", &rights.collect::<Vec<_>>()).await;
    }

    /// A `CronJob` as the chart makes it; it never fires by itself.
    pub async fn cron_job(&self, name: &str, component: &str, args: &[&str]) {
        let labels = json!({ "camunda-backup/release": "camunda", "app.kubernetes.io/component": component });
        let container =
            json!({ "name": "camunda-backup", "image": OURS, "imagePullPolicy": "Never", "args": args });
        // Who is deleted dies at once, as with its node.
        let pod = json!({ "serviceAccountName": "backup", "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0, "containers": [container] });
        let template = json!({ "metadata": { "labels": labels }, "spec": pod });
        let job =
            json!({ "metadata": { "labels": labels }, "spec": { "backoffLimit": 0, "template": template } });
        let spec = json!({ "schedule": "0 0 1 1 *", "jobTemplate": job });
        let metadata = json!({ "name": name, "labels": labels });
        self.space
            .apply(
                &json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec }),
            )
            .await;
    }
}

/// What Helm would install, with relays in place of Camunda.
fn chart(namespace: &str) -> Vec<Value> {
    let text = CHART
        .replace("RELEASE", "camunda")
        .replace("NAMESPACE", namespace)
        .replace("TAG", "8.6.0")
        .replace("CHART", "11.9.0");
    let list: Value = serde_saphyr::from_str(&text).expect("a fixture");
    let mut items = list["items"].as_array().expect("a list").clone();
    for item in &mut items {
        let workload = ["Deployment", "StatefulSet"].contains(&item["kind"].as_str().expect("a kind"));
        item["apiVersion"] = if workload { "apps/v1" } else { "v1" }.into();
        if !workload {
            continue;
        }
        let labels = item["spec"]["template"]["metadata"]["labels"].clone();
        item["spec"]["selector"] = json!({ "matchLabels": labels });
        if item["kind"] == "StatefulSet" {
            item["spec"]["podManagementPolicy"] = "Parallel".into();
        }
        let pod = &mut item["spec"]["template"]["spec"];
        pod["terminationGracePeriodSeconds"] = 1.into();
        let container = &mut pod["containers"][0];
        let relay = match container["name"].as_str().expect("a name") {
            "operate" => ":9600=sandbox:9000",
            "tasklist" => ":9600=sandbox:9001",
            "optimize" => ":8092=sandbox:9002",
            "zeebe-gateway" => ":9600=sandbox:9003",
            "zeebe" => ":9600=sandbox:9004+",
            "elasticsearch" => ":9200=sandbox:9007",
            other => panic!("no relay for {other}"),
        };
        container["image"] = IMAGE.into();
        container["imagePullPolicy"] = "Never".into();
        container["args"] = json!(["relay", relay]);
        let probe = &mut container["readinessProbe"];
        if probe["httpGet"]["path"].as_str().is_some_and(|p| p.starts_with("/actuator")) {
            probe["periodSeconds"] = 1.into();
        } else if !probe.is_null() {
            // Optimize's own page is not simulated.
            container.as_object_mut().expect("an object").remove("readinessProbe");
        }
    }
    items
}

/// The image as it is shipped, around a static binary, made once.
async fn our_image() {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| async {
        let binary =
            std::env::var("STATIC_BINARY").expect("make test-kubernetes builds it and sets STATIC_BINARY");
        let folder = tempfile::tempdir().expect("a directory");
        let archive = folder.path().join("image.tar");
        let archive = archive.to_str().expect("text");
        ours("scripts/image.sh", &["--with", "tar", "--binary", &binary, "--output", archive, OURS]).await;
        load_archive(archive).await;
    })
    .await;
}

/// Copies the libraries that a program is linked to, to where it looks for them.
pub async fn copy_libraries(root: &Path, program: &Path) {
    let linked = tokio::process::Command::new("ldd").arg(program).output().await.expect("ldd");
    let linked = String::from_utf8(linked.stdout).expect("text");
    for file in linked.split_whitespace().filter(|w| w.starts_with('/')).map(Path::new) {
        let to = root.join(file.strip_prefix("/").expect("absolute"));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("writable");
        std::fs::copy(file, to).expect("readable");
    }
}
