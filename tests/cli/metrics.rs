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
    // `verify` adds the states; the last success of a file survives a failure.
    lab.run(&["verify", "--metrics-file", path]).expect(0);
    let text = fs::read_to_string(&file).expect("a file");
    assert!(text.contains("state=\"complete\"} 1\n"), "{text}");
    let success =
        |t: &str| t.lines().find(|l| l.starts_with("camunda_backup_last_success")).map(str::to_owned);
    lab.run(&["verify", "12345", "--metrics-file", path]).expect(14);
    let after = fs::read_to_string(&file).expect("a file");
    assert!(after.contains("exit_code") && after.contains("} 14\n"), "{after}");
    assert_eq!(success(&after), success(&text));
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
