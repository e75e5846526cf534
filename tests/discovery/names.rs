//! Which release is meant, and which objects are its.

use camunda_backup::discover::{Objects, release, releases};
use camunda_backup::model::{Component, Topology};
use serde_json::{Value, json};

use crate::chart::Chart;
use crate::{find, notes, place, search};

#[test]
fn a_release_called_like_a_component_gives_its_name_to_that_component() {
    // The charts leave the component's name out where the release's name has it already.
    let operate = Chart::named("8.7", "operate-prod", "prod").replace("operate-prod-operate", "operate-prod");
    let release = find(operate);
    assert_eq!(release.name, "operate-prod");
    assert_eq!(place(&release, Component::Operate).url(), "http://operate-prod.prod.svc:9600");
    assert_eq!(place(&release, Component::Tasklist).url(), "http://operate-prod-tasklist.prod.svc:9600");

    let zeebe = Chart::named("8.8", "zeebe", "prod").replace("zeebe-zeebe", "zeebe");
    let release = find(zeebe);
    assert_eq!(release.name, "zeebe");
    assert_eq!(place(&release, Component::Gateway).url(), "http://zeebe-gateway.prod.svc:9600");
    assert_eq!(place(&release, Component::Broker(0)).url(), "http://zeebe-0.zeebe.prod.svc:9600");

    for name in ["camunda-platform", "my-camunda", "c8-tasklist", "optimize"] {
        let release = find(Chart::named("8.6", name, "prod"));
        assert_eq!((release.name.as_str(), release.components.len()), (name, 7));
    }
}

#[test]
fn overridden_names_do_not_matter() {
    let release =
        find(Chart::of("8.7").replace("camunda-operate", "processes").replace("camunda-zeebe", "engine"));
    assert_eq!(release.name, "camunda");
    assert_eq!(place(&release, Component::Operate).url(), "http://processes.prod.svc:9600");
    assert_eq!(place(&release, Component::Gateway).url(), "http://engine-gateway.prod.svc:9600");
    assert_eq!(place(&release, Component::Broker(1)).url(), "http://engine-1.engine.prod.svc:9600");
    assert!(release.notes.is_empty(), "{}", notes(&release));
}

#[test]
fn several_in_a_namespace_have_to_be_named() {
    let mut objects = Chart::named("8.7", "blue", "prod").run();
    Chart::named("8.8", "green", "prod").run_into(&mut objects);
    Chart::named("8.6", "blue", "test").run_into(&mut objects);
    let all: Vec<_> = releases(&objects).iter().map(ToString::to_string).collect();
    assert_eq!(
        all,
        [
            "blue in namespace prod (Camunda 8.7.37, separate components)",
            "green in namespace prod (Camunda 8.8.6, orchestration cluster)",
            "blue in namespace test (Camunda 8.6.23, separate components)",
        ]
    );
    let error = release(&objects, None, "prod").expect_err("ambiguous");
    insta::assert_snapshot!(error, @r"
    there are several Camunda releases; say which one with --release:
      blue in namespace prod (Camunda 8.7.37, separate components)
      green in namespace prod (Camunda 8.8.6, orchestration cluster)
    ");
    let green = release(&objects, Some("green"), "prod").expect("green");
    assert_eq!(search(&green).url.value, "http://green-elasticsearch:9200");
    assert_eq!(green.components.len(), 5);
    let blue = release(&objects, None, "test").expect("the only one there");
    assert_eq!(blue.version.map(|v| v.value.to_string()).as_deref(), Some("8.6.23"));
}

#[test]
fn what_is_not_there_is_said_with_what_is_near() {
    let mut objects = Chart::named("8.7", "blue", "prod").run();
    Chart::named("8.8", "green", "test").run_into(&mut objects);
    let error = release(&objects, Some("green"), "prod").expect_err("elsewhere");
    insta::assert_snapshot!(error, @r"
    there is no Camunda release green in namespace prod: looked for a Service with the labels app.kubernetes.io/part-of=camunda-platform and app.kubernetes.io/component=zeebe-gateway. There is (--release, -n):
      green in namespace test (Camunda 8.8.6, orchestration cluster)
      blue in namespace prod (Camunda 8.7.37, separate components)
    ");
    let error = release(&Objects::default(), None, "prod").expect_err("nothing");
    insta::assert_snapshot!(error, @"there is no Camunda release in namespace prod: looked for a Service with the labels app.kubernetes.io/part-of=camunda-platform and app.kubernetes.io/component=zeebe-gateway. No Camunda release was seen at all: is it another namespace (-n) or context (--context)? A release without Helm's labels is reached by URLs: --gateway-url, --search-url, ...");
}

#[test]
fn a_delivery_tool_may_write_its_own_name_over_the_label() {
    let chart = Chart::of("8.7").each(|o| {
        if o["kind"] == "Service" && !o["metadata"]["labels"].is_null() {
            o["metadata"]["labels"]["app.kubernetes.io/instance"] = "argo-camunda".into();
        }
    });
    let objects = chart.run();
    for name in ["camunda", "argo-camunda"] {
        assert_eq!(release(&objects, Some(name), "prod").expect("by either name").name, "camunda");
    }
}

#[test]
fn somebodys_own_service_is_not_another_release() {
    let own = "kind: Service\nmetadata: {name: zeebe-lb}\nspec:\n  type: LoadBalancer\n  selector: {app.kubernetes.io/component: zeebe-gateway}\n  ports: [{name: grpc, port: 26500}]\n";
    let release = find(Chart::of("8.7").with(own));
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600");
    assert!(release.notes.is_empty(), "{}", notes(&release));
}

#[test]
fn without_labels_the_images_say_what_is_what() {
    let strip = |o: &mut Value| {
        let app = o["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let labels = |of: &mut Value, app: &str| *of = json!({ "app": app });
        labels(&mut o["metadata"]["labels"], "x");
        if !o["spec"]["selector"].is_null() {
            labels(&mut o["spec"]["selector"], &app);
        }
        if !o["spec"]["template"].is_null() {
            labels(&mut o["spec"]["template"]["metadata"]["labels"], &app);
        }
    };
    let release = find(Chart::of("8.7").each(strip).without("Service", "elasticsearch"));
    assert_eq!(release.name, "camunda-zeebe-gateway", "named after its Service");
    assert_eq!(release.topology.value, Topology::Separate);
    assert_eq!(release.components.len(), 7, "{}", notes(&release));
    assert!(place(&release, Component::Operate).evidence[0].contains("no labels of the chart"));

    // One set of pods behind both Services.
    let release = find(Chart::of("8.8").each(strip).each(|o| {
        if o["metadata"]["name"] == "camunda-zeebe-gateway" {
            o["spec"]["selector"] = json!({ "app": "camunda-zeebe" });
        }
    }));
    assert_eq!(release.topology.value, Topology::OrchestrationCluster);
    assert_eq!(place(&release, Component::Gateway).url(), "http://camunda-zeebe-gateway.prod.svc:9600");
    assert_eq!(
        place(&release, Component::Broker(0)).url(),
        "http://camunda-zeebe-0.camunda-zeebe.prod.svc:9600"
    );
}

#[test]
fn raw_answers_of_the_api_can_be_handed_over() {
    let mut objects = Objects::default();
    let services = json!({ "kind": "ServiceList", "apiVersion": "v1", "items": [
        { "metadata": { "name": "a", "namespace": "n", "creationTimestamp": "x" },
          "spec": { "clusterIP": "None", "ports": [{ "port": 80, "targetPort": "http", "protocol": "TCP" }] } }
    ] });
    objects.add(services).expect("a list");
    objects.add(json!({ "kind": "List", "items": [{ "kind": "ConfigMap", "metadata": { "name": "c" } }, { "kind": "Secret" }] })).expect("a list");
    assert_eq!((objects.services.len(), objects.config_maps.len()), (1, 1));
    assert_eq!(objects.services[0].spec.cluster_ip.as_deref(), Some("None"));
}
