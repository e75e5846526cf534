//! Signatures, checked by arithmetic of the test's own against what really came over the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ring::{digest, hmac};

use super::gate::{Gate, Plan, Seen};
use super::lab::{Lab, run};
use super::{Asks, Gated};

const ID: &str = "AKIDTEST";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().concat()
}

fn encode(text: &str, keep: &str) -> String {
    let byte = |b: u8| match char::from(b) {
        c if c.is_ascii_alphanumeric() || "-_.~".contains(c) || keep.contains(c) => c.to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// What AWS does with a request: everything is computed from what came.
fn verify(seen: &Seen, token: Option<&str>) -> Result<(), String> {
    let value = seen.header("authorization").ok_or("no authorization")?;
    let value = value.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another scheme")?;
    let parts: BTreeMap<_, _> = value.split(", ").filter_map(|p| p.split_once('=')).collect();
    let credential: Vec<_> = parts["Credential"].split('/').collect();
    let [id, day, region, service, "aws4_request"] = credential.as_slice() else {
        return Err("scope".into());
    };
    if (*id, *region, *service) != (ID, "eu-central-1", "es") {
        return Err(format!("signed by {id} for {service} in {region}"));
    }
    if seen.header("x-amz-security-token") != token {
        return Err("another session token".into());
    }
    let names: Vec<_> = parts["SignedHeaders"].split(';').collect();
    if !names.contains(&"host") || (token.is_some() && !names.contains(&"x-amz-security-token")) {
        return Err("not signed: host or token".into());
    }
    let lines: String = names
        .iter()
        .map(|n| format!("{n}:{}\n", seen.header(n).unwrap_or_default()))
        .collect::<Vec<_>>()
        .concat();
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let mut pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(n, v)| format!("{}={}", encode(&n, ""), encode(&v, "")))
        .collect();
    pairs.sort();
    let payload = hex(digest::digest(&digest::SHA256, &seen.body).as_ref());
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{}\n{payload}",
        seen.method,
        encode(path, "/"),
        pairs.join("&"),
        parts["SignedHeaders"]
    );
    let date = seen.header("x-amz-date").ok_or("no date")?;
    let of = format!("{day}/{region}/{service}/aws4_request");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{of}\n{hashed}");
    let sign = |key: &[u8], data: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes()).as_ref().to_vec()
    };
    let key = [*day, *region, *service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, text| sign(&key, text));
    if hex(&sign(&key, &text)) == parts["Signature"] {
        Ok(())
    } else {
        Err("the signature does not match".into())
    }
}

fn signed(token: Option<&'static str>) -> Asks {
    Asks { check: Arc::new(move |seen| verify(seen, token)), ..Asks::nothing() }
}

const FLAGS: [&str; 3] = ["create", "--search-aws-sign", "--search-aws-region=eu-central-1"];

#[test]
fn every_request_of_a_backup_is_signed() {
    let gated = Gated::new(&signed(None), &Asks::nothing());
    let mut command = gated.command(&FLAGS);
    command.env("AWS_ACCESS_KEY_ID", ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    run(command).expect(0).shows("is complete");
    // Among them: patterns and commas in paths, queries, a body.
    let seen = gated.search.seen.lock().expect("no panic");
    assert!(seen.iter().any(|s| s.target.contains('*')) && seen.iter().any(|s| !s.body.is_empty()));
    drop(seen);

    let mut command = gated.command(&["check", "--search-aws-sign", "--search-aws-region=eu-west-1"]);
    command.env("AWS_ACCESS_KEY_ID", ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let ended = run(command).expect(12).shows("search-unauthorized");
    assert!(!(ended.out + &ended.err).contains(SECRET));
}

#[test]
fn keys_come_from_a_profile() {
    let gated = Gated::new(&signed(Some("profile-session-token")), &Asks::nothing());
    let text = format!(
        "[backup]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\naws_session_token = profile-session-token\n"
    );
    let file = gated.file("credentials", &text);
    let mut command = gated.command(&FLAGS);
    command.env("AWS_SHARED_CREDENTIALS_FILE", file).env("AWS_PROFILE", "backup");
    run(command).expect(0).shows("is complete");
}

/// A server of AWS's, or another one: answers what the test says.
pub fn service(answer: impl Fn(&Seen) -> Result<String, String> + Send + Sync + 'static) -> Fake {
    Fake::start(Arc::new(answer))
}

type Answer = Arc<dyn Fn(&Seen) -> Result<String, String> + Send + Sync>;

pub struct Fake {
    pub gate: Gate,
    _upstream: std::net::TcpListener,
}

impl Fake {
    fn start(answer: Answer) -> Self {
        // Behind the gate: writes whatever the gate's check has prepared.
        let upstream = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to: SocketAddr = upstream.local_addr().expect("an address");
        let prepared = Arc::new(std::sync::Mutex::new(String::new()));
        let (give, listener) = (prepared.clone(), upstream.try_clone().expect("a handle"));
        std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            while let Ok((mut stream, _)) = listener.accept() {
                let mut bytes = vec![0; 65536];
                let _ = stream.read(&mut bytes);
                let body = give.lock().expect("no panic").clone();
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        let check = move |seen: &Seen| {
            *prepared.lock().expect("no panic") = answer(seen)?;
            Ok(())
        };
        let gate = Gate::open(Plan { to, tls: None, check: Arc::new(check), path: None });
        Self { gate, _upstream: upstream }
    }

    pub fn url(&self) -> String {
        self.gate.url("127.0.0.1")
    }
}

#[test]
fn keys_come_from_a_web_identity() {
    let sts = service(|seen| {
        let form: BTreeMap<_, _> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
        let good = form["Action"] == "AssumeRoleWithWebIdentity"
            && form["RoleArn"] == "arn:aws:iam::1:role/backup"
            && form["WebIdentityToken"] == "kubernetes-issued-token";
        let keys = format!(
            "<Credentials><AccessKeyId>{ID}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>sts-session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        );
        if good { Ok(keys) } else { Err("AccessDenied".to_owned()) }
    });
    let gated = Gated::new(&signed(Some("sts-session")), &Asks::nothing());
    let with = |role: &str| {
        let mut command = gated.command(&FLAGS);
        command
            .env("AWS_ENDPOINT_URL_STS", sts.url())
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", gated.file("token", "kubernetes-issued-token\n"))
            .env("AWS_ROLE_ARN", role);
        run(command)
    };
    with("arn:aws:iam::1:role/backup").expect(0).shows("is complete");
    // Once for the whole backup.
    assert_eq!(sts.gate.seen.lock().expect("no panic").len(), 1);
    let refused = with("arn:aws:iam::1:role/other").expect(12).says("by web identity").says("HTTP 401");
    assert!(!refused.err.contains("kubernetes-issued-token"), "{}", refused.err);
}

#[test]
fn keys_come_from_the_container_and_from_the_instance() {
    let json = format!(
        r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","Token":"role-session","Expiration":"2099-01-01T00:00:00Z"}}"#
    );
    let keys = json.clone();
    let container = service(move |seen| match (seen.target.as_str(), seen.header("authorization")) {
        ("/v1/credentials", Some("pod-identity")) => Ok(keys.clone()),
        _ => Err("who are you".to_owned()),
    });
    let gated = Gated::new(&signed(Some("role-session")), &Asks::nothing());
    let mut command = gated.command(&FLAGS);
    command
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", container.url()))
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", gated.file("token", "pod-identity"));
    run(command).expect(0).shows("is complete");

    let instance = service(move |seen| match (seen.method.as_str(), seen.target.as_str()) {
        ("PUT", "/latest/api/token") => Ok("imds-token".to_owned()),
        _ if seen.header("x-aws-ec2-metadata-token") != Some("imds-token") => Err("no token".to_owned()),
        (_, "/latest/meta-data/iam/security-credentials/") => Ok("backup-role".to_owned()),
        (_, "/latest/meta-data/iam/security-credentials/backup-role") => Ok(json.clone()),
        _ => Err("not here".to_owned()),
    });
    let mut command = gated.command(&FLAGS);
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url());
    run(command).expect(0).shows("is complete");
}

#[test]
fn without_keys_the_places_are_named() {
    let gated = Gated::before(Lab::quick(), &Asks::nothing(), &Asks::nothing());
    let mut command = gated.command(&FLAGS);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    run(command).expect(12).says("no AWS credentials").says("AWS_WEB_IDENTITY_TOKEN_FILE");
    gated.lab.assert_never_paused();
}
