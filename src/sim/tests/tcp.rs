//! Over TCP, in real time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

async fn served(profile: Profile) -> (Arc<Sim>, Served) {
    let sim = Sim::new(Profile { timings: Timings::quick(), ..profile });
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let served = serve(Arc::clone(&sim), host, &Ports::any()).await.expect("free ports");
    (sim, served)
}

/// Everything the server sends until it closes; nothing when it refuses or drops the connection.
async fn raw(address: SocketAddr, request: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address).await else { return String::new() };
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn send(address: SocketAddr, method: &str, path: &str, kind: &str, body: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n"
    );
    raw(address, &(head + body)).await
}

#[tokio::test]
async fn every_process_has_a_port() {
    let (sim, served) = served(Profile { brokers: 2, ..Profile::default() }).await;
    assert_eq!(served.addresses.keys().copied().collect::<Vec<_>>().len(), sim.components().len());
    let of = |component| served.addresses[&component];
    let json = "application/json";
    let answer = send(of(Component::Operate), "POST", "/actuator/backups", json, r#"{"backupId":7}"#).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("camunda_operate_7_8.6.0_part_1_of_6"),
        "{answer}"
    );
    let answer = send(of(Component::Tasklist), "POST", "/actuator/backups", "text/plain", "7").await;
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    let answer = send(of(Component::Operate), "POST", "/actuator/backups", json, r#"{"backupId":"#).await;
    assert!(answer.contains("JSON parse error: Unexpected end-of-input"), "{answer}");
    let answer = send(of(Component::Gateway), "POST", "/actuator/exporting/pause?soft=true", "", "").await;
    assert!(answer.contains(r#"{"body":null,"status":204,"contentType":null}"#), "{answer}");
    let answer = send(of(Component::Broker(1)), "GET", "/actuator/partitions", "", "").await;
    assert!(
        answer.contains("application/vnd.spring-boot.actuator.v3+json") && answer.contains("SOFT_PAUSED"),
        "{answer}"
    );
    assert!(sim.log().iter().all(|exchange| exchange.client.as_ref() == "tcp"));
    let address = of(Component::Search);
    served.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn faults_are_seen_on_the_wire() {
    let (sim, served) = served(Profile::default()).await;
    let gateway = served.addresses[&Component::Gateway];
    let pause = "/actuator/exporting/pause?soft=true";
    inject(&sim, "gateway POST pause 1 drop-answer");
    assert_eq!(send(gateway, "POST", pause, "", "").await, "");
    assert!(!sim.exporting_runs());
    inject(&sim, "gateway POST resume 1 drop-request");
    assert_eq!(send(gateway, "POST", "/actuator/exporting/resume", "", "").await, "");
    assert!(!sim.exporting_runs());
    inject(&sim, "gateway GET health 1 hang");
    let hanging = send(gateway, "GET", "/actuator/health", "", "");
    assert!(timeout(Duration::from_millis(200), hanging).await.is_err());
    inject(&sim, "gateway GET health 1 panic");
    assert_eq!(send(gateway, "GET", "/actuator/health", "", "").await, "");
    assert!(send(gateway, "POST", "/actuator/exporting/resume", "", "").await.contains("204"));
    assert!(sim.exporting_runs());
}

#[tokio::test]
async fn a_process_that_ends_closes_its_port() {
    let (sim, served) = served(Profile::default()).await;
    let search = served.addresses[&Component::Search];
    let open = TcpStream::connect(search).await.expect("it listens");
    sim.set_engine(false);
    let mut open = open;
    let closed = timeout(Duration::from_secs(5), open.read(&mut [0; 1])).await.expect("closed soon");
    assert!(matches!(closed, Ok(0) | Err(_)));
    for _ in 0..100 {
        if TcpStream::connect(search).await.is_err() {
            break;
        }
        pass(10).await;
    }
    assert!(TcpStream::connect(search).await.is_err(), "refused");
    sim.set_engine(true);
    let mut answer = String::new();
    for _ in 0..100 {
        answer = send(search, "GET", "/", "", "").await;
        if !answer.is_empty() {
            break;
        }
        pass(10).await;
    }
    assert!(answer.contains("You Know, for Search"), "{answer}");
}

#[tokio::test]
async fn the_control_path() {
    let (sim, served) = served(three_brokers()).await;
    let any = served.addresses[&Component::Broker(1)];
    let answer =
        send(any, "POST", "/sandbox/faults", "", "operate GET * status:500\n* * resume 1 hang\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("* * resume 1..1 hang"), "{answer}");
    assert_eq!(sim.faults().len(), 2);
    let answer = send(any, "POST", "/sandbox/faults", "", "operate GET * explode").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("known faults are"), "{answer}");
    assert!(send(any, "POST", "/sandbox/faults", "", "").await.contains("a rule is:"));
    send(any, "DELETE", "/sandbox/faults", "", "").await;
    assert!(sim.faults().is_empty());
    let answer = send(any, "POST", "/sandbox/brokers/2/down", "", "").await;
    assert!(answer.contains(r#""down":["broker-2"]"#) && !sim.is_up(Component::Broker(2)), "{answer}");
    assert!(send(any, "POST", "/sandbox/brokers/9/down", "", "").await.starts_with("HTTP/1.1 400"));
    send(any, "POST", "/sandbox/brokers/2/up", "", "").await;
    send(any, "POST", "/sandbox/components/operate/down", "", "").await;
    assert!(!sim.is_up(Component::Operate) && sim.is_up(Component::Broker(2)));
    let gateway = served.addresses[&Component::Gateway];
    send(gateway, "POST", "/actuator/backups", "application/json", r#"{"backupId":7}"#).await;
    pass(200).await;
    let answer = send(any, "GET", "/sandbox/state?log=1", "", "").await;
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert_eq!(body["backups"]["7"], json!({ "zeebe": "COMPLETED" }), "{body}");
    assert_eq!((&body["exporting"], &body["phases"]["1"]), (&json!(true), &json!("EXPORTING")));
    assert_eq!(body["log"][0]["request"]["path"], "/actuator/backups");
    assert!(send(any, "GET", "/sandbox/nothing", "", "").await.starts_with("HTTP/1.1 404"));
}
