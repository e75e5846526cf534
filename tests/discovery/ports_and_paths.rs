//! Management ports and context paths.

use camunda_backup::discover::{PortRef, release};
use camunda_backup::model::Component;
use serde_json::{Value, json};

use crate::chart::Chart;
use crate::{find, notes, place};

fn no_probe(container: &mut Value) {
    container.as_object_mut().expect("a container").remove("readinessProbe");
}

#[test]
fn the_probe_has_the_context_path_in_it() {
    let probe =
        |path: &'static str| move |c: &mut Value| c["readinessProbe"]["httpGet"]["path"] = path.into();
    let release = find(
        Chart::of("8.5")
            .container("operate", probe("/operate/actuator/health/readiness"))
            .container("zeebe-gateway", probe("/zeebe/actuator/health/readiness"))
            .container("optimize", probe("/optimize/api/readyz")),
    );
    assert_eq!(place(&release, Component::Operate).url(), "http://camunda-operate.prod.svc:80/operate");
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600/zeebe");
    // Optimize's management port never has a prefix, whatever its web port has.
    assert_eq!(place(&release, Component::Optimize).url(), "http://camunda-optimize.prod.svc:8092");

    let release = find(Chart::of("8.9").container("zeebe", probe("/camunda/actuator/health/readiness")));
    assert_eq!(
        place(&release, Component::Gateway).url(),
        "http://camunda-zeebe-gateway.prod.svc:9600/camunda"
    );
    assert_eq!(place(&release, Component::Broker(1)).base_path, "/camunda");
}

#[test]
fn without_probes_the_configuration_says_it() {
    // 8.5: management shares the HTTP port and its path.
    let shared = Chart::of("8.5")
        .container("operate", no_probe)
        .container("tasklist", no_probe)
        .env("operate", "MANAGEMENT_SERVER_BASE_PATH", "/not-used-on-a-shared-port")
        .env("operate", "SERVER_SERVLET_CONTEXT_PATH", "operate/")
        .replace("camunda.tasklist:", "server.servlet.contextPath: /tasklist\ncamunda.tasklist:");
    let release = find(shared);
    assert_eq!(place(&release, Component::Operate).url(), "http://camunda-operate.prod.svc:80/operate");
    assert_eq!(place(&release, Component::Tasklist).url(), "http://camunda-tasklist.prod.svc:80/tasklist");
    assert_eq!(place(&release, Component::Tasklist).pod_port, 8080);
    // 8.7: a port and a path of its own.
    let own = Chart::of("8.7")
        .container("operate", no_probe)
        .env("operate", "SERVER_SERVLET_CONTEXT_PATH", "/web")
        .env("operate", "MANAGEMENT_SERVER_BASE_PATH", "/operate");
    let release = find(own);
    assert_eq!(place(&release, Component::Operate).url(), "http://camunda-operate.prod.svc:9600/operate");
    let release =
        find(Chart::of("8.8").container("zeebe", no_probe).replace("base-path: \"/\"", "base-path: \"/c8\""));
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600/c8");
}

#[test]
fn the_port_called_http_is_not_the_same_everywhere() {
    for (version, container) in [("8.7", "zeebe-gateway"), ("8.8", "zeebe")] {
        let release = find(Chart::of(version).container(container, no_probe));
        let gateway = place(&release, Component::Gateway);
        assert_eq!(
            (gateway.pod_port, gateway.url().as_str()),
            (9600, "http://camunda-zeebe-gateway.prod.svc:9600"),
            "{version}"
        );
    }
}

#[test]
fn ports_of_ones_own() {
    let to = |from: &'static str, to: &'static str| move |c: Chart| c.replace(from, to);
    // A number of one's own, under the name http.
    let release = find(to("9600", "9601")(Chart::of("8.7")));
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9601");
    assert_eq!(place(&release, Component::Operate).pod_port, 9601);
    // A name of one's own, as the values file of 8.8 allows; and one more on top of the probe's absence.
    let release = find(
        Chart::of("8.8")
            .each(|o| {
                for ports in ["/spec/ports", "/spec/template/spec/containers/0/ports"] {
                    for port in o.pointer_mut(ports).and_then(Value::as_array_mut).into_iter().flatten() {
                        if port["name"] == "server" {
                            port["name"] = "mgmt".into();
                        }
                    }
                }
            })
            .container("zeebe", no_probe),
    );
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600");
    // The Service has another number than the pod.
    let release = find(Chart::of("8.7").edit("Service", "operate", |s| {
        s["spec"]["ports"][1] = json!({ "name": "x", "port": 81, "targetPort": "management" });
    }));
    let operate = place(&release, Component::Operate);
    assert_eq!((operate.url().as_str(), operate.pod_port), ("http://camunda-operate.prod.svc:81", 9600));
}

#[test]
fn an_address_of_the_new_kind_is_written_as_urls_want_it() {
    let chart = Chart::of("8.7")
        .edit("Service", "operate", |s| drop(s["spec"]["ports"].as_array_mut().expect("ports").pop()));
    let mut objects = chart.run();
    objects.pods.iter_mut().for_each(|pod| pod.status.pod_ip = Some("fd00::7".to_owned()));
    let release = release(&objects, None, "prod").expect("one release");
    assert_eq!(place(&release, Component::Operate).url(), "http://[fd00::7]:9600");
}

#[test]
fn a_service_that_does_not_lead_there_is_told() {
    let release = find(
        Chart::of("8.7")
            .edit("Service", "operate", |s| drop(s["spec"]["ports"].as_array_mut().expect("ports").pop())),
    );
    let operate = place(&release, Component::Operate);
    assert_eq!((operate.service.clone(), operate.url().as_str()), (None, "http://10.42.0.10:9600"));
    assert!(notes(&release).contains("no Service leads to port 9600 of Operate"), "{}", notes(&release));
    // Another Service may.
    let other = "kind: Service\nmetadata: {name: operate-mgmt}\nspec:\n  selector: {app.kubernetes.io/component: operate}\n  ports: [{port: 9600}]\n";
    let release = find(
        Chart::of("8.7")
            .edit("Service", "operate", |s| drop(s["spec"]["ports"].as_array_mut().expect("ports").pop()))
            .with(other),
    );
    assert_eq!(place(&release, Component::Operate).url(), "http://operate-mgmt.prod.svc:9600");
}

#[test]
fn nothing_to_go_by_asks_for_the_flag() {
    let bare = |c: &mut Value| {
        no_probe(c);
        c["ports"] = json!([{ "name": "http", "containerPort": 8080 }]);
    };
    let release = find(Chart::of("8.7").container("operate", bare));
    assert!(!release.components.contains_key(&Component::Operate));
    assert!(
        notes(&release).contains("management port of Operate") && notes(&release).contains("(--operate-url)"),
        "{}",
        notes(&release)
    );
}

#[test]
fn a_mesh_puts_its_proxy_first_and_rewrites_the_probe() {
    let mut objects = Chart::of("8.7")
        .container("zeebe-gateway", |c| {
            c["readinessProbe"]["httpGet"]["path"] = "/zeebe/actuator/health/readiness".into();
        })
        .run();
    for pod in &mut objects.pods {
        let probe = pod.spec.containers[0].readiness_probe.as_mut().and_then(|p| p.http_get.as_mut());
        if let Some(http) = probe {
            http.path = "/app-health/x/readyz".into();
            http.port = PortRef::Number(15020);
        }
        let proxy = json!({ "name": "istio-proxy", "image": "istio/proxyv2:1.22", "ports": [{ "name": "management", "containerPort": 15000 }] });
        pod.spec.containers.insert(0, serde_json::from_value(proxy).expect("a container"));
    }
    let release = release(&objects, None, "prod").expect("found");
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600/zeebe");
    assert_eq!(release.version.map(|v| v.value.to_string()).as_deref(), Some("8.7.37"));
}

#[test]
fn https_and_other_paths_of_the_actuator() {
    let release = find(
        Chart::of("8.10")
            .container("zeebe", |c| c["readinessProbe"]["httpGet"]["scheme"] = "HTTPS".into())
            .env("zeebe", "MANAGEMENT_ENDPOINTS_WEB_BASE_PATH", "/manage"),
    );
    assert_eq!(place(&release, Component::Broker(0)).scheme, "https");
    assert_eq!(place(&release, Component::Broker(0)).actuator.as_deref(), Some("/manage"));
    assert_eq!(place(&release, Component::Gateway).actuator.as_deref(), Some("/manage"));
}
