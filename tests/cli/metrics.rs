//! The numbers of a run, in a file and at a gateway.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::lab::Lab;

/// One request, answered with a status; gives back what was sent.
fn gateway(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("somebody");
        let (mut request, mut piece) = (String::new(), [0; 4096]);
        while !(request.contains("\r\n\r\n")
            && request.ends_with('\n')
            && request.contains("camunda_backup_exit_code{"))
        {
            let read = peer.read(&mut piece).expect("readable");
            assert!(read > 0, "{request}");
            request.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        write!(peer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .expect("writable");
        request
    });
    (url, heard)
}

#[test]
fn a_run_leaves_its_numbers_in_a_file_and_at_a_gateway() {
    let lab = Lab::quick();
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("camunda.prom");
    let (url, heard) = gateway("202 Accepted");
    let path = file.to_str().expect("UTF-8");
    lab.run(&["create", "--metrics-file", path, "--metrics-push-url", &url]).expect(0);
    let text = fs::read_to_string(&file).expect("a file");
    for name in ["exit_code{", "last_success_timestamp_seconds{", "pause_seconds{", "duration_seconds{"] {
        assert!(text.contains(&format!("\ncamunda_backup_{name}")), "{name}: {text}");
    }
    assert!(text.contains("part=\"zeebe\"}"), "{text}");
    let request = heard.join().expect("a request");
    assert!(request.starts_with("POST /metrics/job/camunda-backup/release@base64/"), "{request}");
    assert!(request.contains("/verb/create HTTP/1.1"), "{request}");
    // What another verb has left in the file is not its own success.
    lab.run(&["verify", "12345", "--metrics-file", path]).expect(14);
    let text = fs::read_to_string(&file).expect("a file");
    assert!(!text.contains("last_success"), "{text}");
    assert!(value(&text, "last_complete_timestamp_seconds").is_some(), "{text}");
    // `verify` adds the states; the last success of a file survives a failure.
    lab.run(&["verify", "--metrics-file", path]).expect(0);
    let text = fs::read_to_string(&file).expect("a file");
    assert!(text.contains("state=\"complete\"} 1\n"), "{text}");
    lab.run(&["verify", "12345", "--metrics-file", path]).expect(14);
    let after = fs::read_to_string(&file).expect("a file");
    assert_eq!(value(&after, "exit_code").as_deref(), Some("14"), "{after}");
    for kept in ["last_success_timestamp_seconds", "last_complete_timestamp_seconds"] {
        assert!(value(&text, kept).is_some(), "{text}");
        assert_eq!(value(&after, kept), value(&text, kept));
    }
}

/// The value of a metric that has one sample.
fn value(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|l| l.starts_with(&format!("camunda_backup_{name}{{")))?;
    line.rsplit(' ').next().map(str::to_owned)
}

#[test]
fn a_run_that_never_found_its_release_is_counted_as_its_own() {
    let lab = Lab::quick();
    let (url, heard) = gateway("202 Accepted");
    let arguments = ["create", "--metrics-push-url", &url, "--release", "camunda", "-n", "prod"];
    // There is no kubeconfig.
    let mut command = lab.homely(&arguments);
    command.env_remove("KUBECONFIG");
    crate::lab::run(command).expect(12);
    let request = heard.join().expect("a request");
    assert!(
        request.starts_with("POST /metrics/job/camunda-backup/namespace/prod/release/camunda/verb/create "),
        "{request}"
    );
    assert!(request.contains("namespace=\"prod\",release=\"camunda\",verb=\"create\""), "{request}");
}

#[test]
fn resume_tells_since_when_exporting_is_paused() {
    let lab = Lab::pausing();
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("guard.prom");
    let path = file.to_str().expect("UTF-8");
    let guard = || {
        lab.run(&["resume", "--if-abandoned", "--metrics-file", path]).expect(0);
        let text = fs::read_to_string(&file).expect("a file");
        value(&text, "exporting_paused_since_timestamp_seconds")
            .expect("told")
            .parse::<u64>()
            .expect("a time")
    };
    assert_eq!(guard(), 0);
    let now = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.expect("after 1970").as_secs()
    };
    let began = now();
    let run = lab.paused(&["create", "--no-guard"]);
    let since = guard();
    assert!((began..=now()).contains(&since), "{since}");
    run.signal(rustix::process::Signal::KILL);
    run.wait();
    // Repaired.
    assert_eq!(guard(), 0);
    lab.assert_exporting();
}

#[test]
fn numbers_that_cannot_be_delivered_are_said_and_change_nothing() {
    let lab = Lab::quick();
    let (url, heard) = gateway("500 Oops");
    let arguments =
        ["verify", "12345", "--metrics-file", "/no/such/folder/x.prom", "--metrics-push-url", &url];
    let ended = lab.run(&arguments).expect(14);
    ended.says("the metrics could not be written to /no/such/folder/x.prom").says("HTTP 500");
    heard.join().expect("a request");
    lab.run(&["create", "--metrics-push-url", "http://u:geheim@h:1"]).expect(2).says("credentials");
    lab.assert_never_paused();
}
