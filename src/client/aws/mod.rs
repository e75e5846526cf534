//! Requests to a managed OpenSearch are signed for AWS: with which keys, for which region, and when they are renewed.
//!
//! The chain of credentials is written out here instead of taken from an SDK: over our own HTTP client, and without a
//! second one. What it leaves out (single sign-on, `credential_process`, chains of roles) has its keys exported by
//! `aws configure export-credentials`.

mod chain;
mod sign;
mod sources;

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

pub use chain::AwsEnvironment;
pub use sign::AwsKeys;

/// What managed OpenSearch is called in a signature.
const SERVICE: &str = "es";

/// Keys are renewed this long before they end.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// Signs requests, and keeps the keys for it. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct AwsSigner {
    region: String,
    chain: Arc<chain::Chain>,
    keys: Arc<tokio::sync::Mutex<Option<AwsKeys>>>,
    now: fn() -> Timestamp,
}

impl fmt::Debug for AwsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsSigner({})", self.region)
    }
}

impl AwsSigner {
    /// Signs for a region, with what the environment has. Asks nothing yet.
    ///
    /// `now` is the wall clock. Fails where there is no region; one sentence.
    pub fn new(
        region: Option<&str>,
        host: &str,
        environment: AwsEnvironment,
        now: fn() -> Timestamp,
    ) -> Result<Self, String> {
        let region = region.map(str::to_owned).or_else(|| region_of(host)).or_else(|| environment.region());
        let region = region.ok_or_else(|| {
            format!("the AWS region of {host} is not known: give --search-aws-region (AWS_REGION)")
        })?;
        // It becomes part of a host name and of a header.
        if region.is_empty() || !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(format!("{region:?} is not the name of an AWS region"));
        }
        let chain = Arc::new(chain::Chain::new(environment, region.clone())?);
        Ok(Self { region, chain, keys: Arc::default(), now })
    }

    /// Signs for a region with keys that are there.
    pub fn with_keys(region: &str, keys: AwsKeys, now: fn() -> Timestamp) -> Result<Self, String> {
        let signer = Self::new(Some(region), "", AwsEnvironment::new(|_| None), now)?;
        Ok(Self { keys: Arc::new(tokio::sync::Mutex::new(Some(keys))), ..signer })
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Puts a signature on a request. `Err`: why it cannot be signed; nothing was sent.
    pub(super) async fn sign(&self, request: &mut reqwest::Request) -> Result<(), String> {
        let at = (self.now)();
        let keys = self.keys(at).await?;
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let payload = sign::sha256_hex(body);
        let url = request.url();
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let mut headers = vec![
            ("x-amz-date".to_owned(), sign::amz_date(at)),
            ("x-amz-content-sha256".to_owned(), payload.clone()),
        ];
        if let Some(token) = &keys.session_token {
            headers.push(("x-amz-security-token".to_owned(), token.expose_secret().to_owned()));
        }
        let mut signed = headers.clone();
        signed.push(("host".to_owned(), host));
        let signable = sign::Signable {
            method: request.method().as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: &signed,
            payload: &payload,
        };
        let scope = sign::Scope { region: &self.region, service: SERVICE, at };
        headers.push((AUTHORIZATION.to_string(), sign::authorization(&signable, &keys, &scope)));
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| e.to_string())?;
            // The error must not show the value.
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| "the AWS credentials contain what cannot be sent".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    async fn keys(&self, at: Timestamp) -> Result<AwsKeys, String> {
        let mut known = self.keys.lock().await;
        if let Some(keys) = known.as_ref().filter(|k| k.expires.is_none_or(|end| end > at + RENEW_BEFORE)) {
            return Ok(keys.clone());
        }
        match self.chain.keys().await {
            Ok(keys) => Ok(known.insert(keys).clone()),
            // A renewal that fails is no reason to give up keys that are still good.
            Err(error) => match known.as_ref().filter(|k| k.expires.is_some_and(|end| end > at)) {
                Some(keys) => Ok(keys.clone()),
                None => Err(error),
            },
        }
    }

    /// Everything secret that is known at the moment.
    pub(super) fn secrets(&self) -> Vec<String> {
        let Ok(known) = self.keys.try_lock() else { return Vec::new() };
        let of = |keys: &AwsKeys| {
            let token = keys.session_token.as_ref().map(|t| t.expose_secret().to_owned());
            [keys.secret_access_key.expose_secret().to_owned()].into_iter().chain(token).collect::<Vec<_>>()
        };
        known.as_ref().map(of).unwrap_or_default()
    }
}

/// `search-x.eu-central-1.es.amazonaws.com`, `x.aos.eu-central-1.on.aws`: the region stands in the name.
fn region_of(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.');
    let before = [".es.amazonaws.com", ".es.amazonaws.com.cn", ".on.aws"]
        .iter()
        .find_map(|end| host.strip_suffix(end))?;
    before.rsplit('.').next().filter(|region| region.contains('-')).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_name() {
        for (host, region) in [
            ("search-x-abc.eu-central-1.es.amazonaws.com", Some("eu-central-1")),
            ("vpc-x-abc.cn-north-1.es.amazonaws.com.cn", Some("cn-north-1")),
            ("x.aos.us-east-1.on.aws", Some("us-east-1")),
            ("opensearch.example.com", None),
        ] {
            assert_eq!(region_of(host).as_deref(), region, "{host}");
        }
    }

    #[test]
    fn without_a_region_nothing_is_signed() {
        let none = || AwsEnvironment::new(|_| None);
        let error =
            AwsSigner::new(None, "es.example", none(), || Timestamp::UNIX_EPOCH).expect_err("no region");
        assert!(error.contains("--search-aws-region"), "{error}");
        assert!(AwsSigner::new(Some("a/b"), "", none(), || Timestamp::UNIX_EPOCH).is_err());
    }
}
