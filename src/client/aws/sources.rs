//! The places that keys come from. Sources: AWS SDKs and tools reference guide, "Standardized credential providers".

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::chain::AwsEnvironment;
use super::sign::AwsKeys;
use crate::client::reqwest_transport::causes;
use crate::client::tls::{Tls, client_config};

/// Link-local services answer at once or not at all.
const NEAR: Duration = Duration::from_secs(2);
const FAR: Duration = Duration::from_secs(10);

/// Longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// One client for what is near, which no proxy reaches, and one for AWS.
pub(super) struct Clients {
    near: reqwest::Client,
    far: reqwest::Client,
}

impl Clients {
    pub fn new() -> Result<Self, String> {
        let build = |limit: Duration| {
            let config = client_config(&Tls::default())?;
            let builder = reqwest::Client::builder().tls_backend_preconfigured(config);
            Ok::<_, String>(builder.redirect(reqwest::redirect::Policy::none()).timeout(limit))
        };
        let near = build(NEAR)?.no_proxy().build().map_err(|e| causes(&e))?;
        Ok(Self { near, far: build(FAR)?.build().map_err(|e| causes(&e))? })
    }
}

/// Keys in variables.
pub(super) fn variables(env: &AwsEnvironment) -> Option<AwsKeys> {
    Some(AwsKeys {
        access_key_id: env.get("AWS_ACCESS_KEY_ID")?,
        secret_access_key: env.get("AWS_SECRET_ACCESS_KEY")?.into(),
        session_token: env.get("AWS_SESSION_TOKEN").map(SecretString::from),
        expires: None,
    })
}

/// Keys in the profile.
pub(super) fn profile(env: &AwsEnvironment) -> Option<AwsKeys> {
    Some(AwsKeys {
        access_key_id: env.profile("aws_access_key_id")?,
        secret_access_key: env.profile("aws_secret_access_key")?.into(),
        session_token: env.profile("aws_session_token").map(SecretString::from),
        expires: None,
    })
}

/// A token of Kubernetes (IRSA) or another issuer, for which AWS gives keys of a role.
pub(super) struct WebIdentity {
    pub role: String,
    token_file: String,
    session: String,
}

impl WebIdentity {
    pub fn find(env: &AwsEnvironment) -> Option<Self> {
        let either = |variable: &str, key: &str| env.get(variable).or_else(|| env.profile(key));
        Some(Self {
            token_file: either("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")?,
            role: either("AWS_ROLE_ARN", "role_arn")?,
            session: either("AWS_ROLE_SESSION_NAME", "role_session_name")
                .unwrap_or_else(|| "camunda-backup".to_owned()),
        })
    }
}

pub(super) async fn web_identity(
    http: &Clients,
    env: &AwsEnvironment,
    identity: &WebIdentity,
    region: &str,
) -> Result<AwsKeys, String> {
    // Read each time: Kubernetes renews it.
    let token = fs::read_to_string(&identity.token_file)
        .map_err(|e| format!("the token {} cannot be read: {e}", identity.token_file))?;
    let given = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].iter().find_map(|n| env.get(n));
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let base = given.unwrap_or_else(|| format!("https://sts.{region}.{domain}"));
    let mut url = Url::parse(&base).map_err(|e| format!("the endpoint of STS: {e}"))?;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &identity.role)
        .append_pair("RoleSessionName", &identity.session)
        .append_pair("WebIdentityToken", token.trim())
        .finish();
    if url.path().is_empty() {
        url.set_path("/");
    }
    let near = url.host_str().is_some_and(|h| h == "localhost" || h.starts_with("127."));
    let client = if near { &http.near } else { &http.far };
    // In the body, not in the URL: an URL ends up in logs.
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    of_sts(&text(request).await?)
}

fn of_sts(xml: &str) -> Result<AwsKeys, String> {
    let tag = |name: &str| {
        let (_, after) = xml.split_once(&format!("<{name}>"))?;
        after.split_once(&format!("</{name}>")).map(|(value, _)| value.trim().to_owned())
    };
    let missing = |name: &str| format!("the answer has no {name}");
    Ok(AwsKeys {
        access_key_id: tag("AccessKeyId").ok_or_else(|| missing("AccessKeyId"))?,
        secret_access_key: tag("SecretAccessKey").ok_or_else(|| missing("SecretAccessKey"))?.into(),
        session_token: Some(tag("SessionToken").ok_or_else(|| missing("SessionToken"))?.into()),
        expires: tag("Expiration").and_then(|t| t.parse().ok()),
    })
}

/// Where a container is told to ask: ECS, EKS Pod Identity, Greengrass.
pub(super) fn container_place(env: &AwsEnvironment) -> Option<String> {
    let relative = env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    relative
        .map(|path| format!("http://169.254.170.2{path}"))
        .or_else(|| env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
}

pub(super) async fn container(http: &Clients, env: &AwsEnvironment, place: &str) -> Result<AwsKeys, String> {
    let url = Url::parse(place).map_err(|e| e.to_string())?;
    // The rule of the SDKs: plain HTTP only to this machine and to the two link-local services.
    let near = matches!(
        url.host_str(),
        Some("localhost" | "[::1]" | "169.254.170.2" | "169.254.170.23" | "[fd00:ec2::23]")
    ) || url.host_str().is_some_and(|h| h.starts_with("127."));
    if url.scheme() != "https" && !near {
        return Err("plain HTTP is only allowed to this machine".to_owned());
    }
    let token = match env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => {
            Some(fs::read_to_string(&file).map_err(|e| format!("the token {file} cannot be read: {e}"))?)
        }
        None => env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    let client = if near { &http.near } else { &http.far };
    let mut request = client.get(url);
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(token.trim())
            .map_err(|_| "the token contains what cannot be sent".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    of_json(&text(request).await?)
}

/// The role of the EC2 instance, by the second version of its metadata service.
pub(super) async fn instance(http: &Clients, env: &AwsEnvironment) -> Result<AwsKeys, String> {
    let base = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let base = base.unwrap_or_else(|| "http://169.254.169.254".to_owned());
    let base = base.trim_end_matches('/');
    let token = http
        .near
        .put(format!("{base}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "300");
    let token = text(token).await?;
    let mut token = HeaderValue::from_str(token.trim()).map_err(|_| "no token in the answer".to_owned())?;
    token.set_sensitive(true);
    let ask = |path: String| {
        http.near.get(format!("{base}{path}")).header("x-aws-ec2-metadata-token", token.clone())
    };
    let roles = "/latest/meta-data/iam/security-credentials/";
    let role = text(ask(roles.to_owned())).await?;
    let role = role.lines().next().map(str::trim).filter(|r| !r.is_empty()).ok_or("it has no role")?;
    of_json(&text(ask(format!("{roles}{role}"))).await?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Json {
    access_key_id: String,
    secret_access_key: SecretString,
    token: Option<SecretString>,
    expiration: Option<Timestamp>,
}

fn of_json(body: &str) -> Result<AwsKeys, String> {
    // What serde says of a body may quote it.
    let json: Json = serde_json::from_str(body).map_err(|_| "the answer holds no keys".to_owned())?;
    Ok(AwsKeys {
        access_key_id: json.access_key_id,
        secret_access_key: json.secret_access_key,
        session_token: json.token,
        expires: json.expiration,
    })
}

/// The body of a good answer; a bad one only by its status and AWS's code, since it may repeat what was sent.
async fn text(request: reqwest::RequestBuilder) -> Result<String, String> {
    let mut response = request.send().await.map_err(|e| causes(&e.without_url()))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| causes(&e.without_url()))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err("the answer is too long".to_owned());
        }
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    if status.is_success() {
        return Ok(body);
    }
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code =
        code.map(|(code, _)| code).filter(|c| c.len() < 60 && c.bytes().all(|b| b.is_ascii_alphanumeric()));
    Err(format!("HTTP {}{}", status.as_u16(), code.map(|c| format!(" {c}")).unwrap_or_default()))
}
