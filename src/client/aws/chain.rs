//! Where the keys come from: the usual places, in the usual order.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::sign::AwsKeys;
use super::sources;

type Variable = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables that AWS's own tools read, behind a function so that tests have an environment of their own.
#[derive(Clone)]
pub struct AwsEnvironment {
    variable: Arc<Variable>,
}

impl AwsEnvironment {
    /// An environment.
    pub fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { variable: Arc::new(variable) }
    }

    /// A variable; empty counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|v| !v.is_empty())
    }

    /// The region that is set: by variable, else in the profile.
    pub(super) fn region(&self) -> Option<String> {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|n| self.get(n))
            .or_else(|| self.profile("region"))
    }

    /// The profile's name.
    pub(super) fn profile_name(&self) -> String {
        self.get("AWS_PROFILE").unwrap_or_else(|| "default".to_owned())
    }

    /// A value of the profile: from the credentials file, else from the configuration file.
    pub(super) fn profile(&self, key: &str) -> Option<String> {
        let name = self.profile_name();
        let files = [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")];
        files.iter().find_map(|(variable, file)| {
            let home = || Some(PathBuf::from(self.get("HOME")?).join(".aws").join(file));
            let path = self.get(variable).map(PathBuf::from).or_else(home)?;
            of_profile(&fs::read_to_string(path).ok()?, &name, key)
        })
    }
}

/// `[name]`, or `[profile name]` in the configuration file; then `key = value`.
fn of_profile(text: &str, profile: &str, key: &str) -> Option<String> {
    let mut within = false;
    for line in text.lines().map(str::trim).filter(|l| !l.starts_with(['#', ';'])) {
        if let Some(title) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            let title = title.trim();
            within = title.strip_prefix("profile ").map_or(title, str::trim) == profile;
        } else if within
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim().to_owned()).filter(|v| !v.is_empty());
        }
    }
    None
}

/// Asks one place after the other.
pub(super) struct Chain {
    environment: AwsEnvironment,
    region: String,
    http: sources::Clients,
}

impl Chain {
    pub fn new(environment: AwsEnvironment, region: String) -> Result<Self, String> {
        Ok(Self { environment, region, http: sources::Clients::new()? })
    }

    /// The first place that is set up decides: when it fails, the next one would be somebody else.
    pub async fn keys(&self) -> Result<AwsKeys, String> {
        let (env, http) = (&self.environment, &self.http);
        if let Some(keys) = sources::variables(env) {
            return Ok(keys);
        }
        if let Some(keys) = sources::profile(env) {
            return Ok(keys);
        }
        if let Some(identity) = sources::WebIdentity::find(env) {
            let keys = sources::web_identity(http, env, &identity, &self.region).await;
            return keys.map_err(|e| format!("AWS credentials by web identity ({}): {e}", identity.role));
        }
        if let Some(place) = sources::container_place(env) {
            let keys = sources::container(http, env, &place).await;
            return keys.map_err(|e| format!("AWS credentials of the container ({place}): {e}"));
        }
        if env.get("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Err(self.nothing("the instance is not to be asked (AWS_EC2_METADATA_DISABLED)"));
        }
        sources::instance(http, env).await.map_err(|e| self.nothing(&format!("the instance: {e}")))
    }

    fn nothing(&self, instance: &str) -> String {
        format!(
            "no AWS credentials: AWS_ACCESS_KEY_ID is not set, profile {:?} has no keys, AWS_WEB_IDENTITY_TOKEN_FILE and \
             AWS_CONTAINER_CREDENTIALS_FULL_URI are not set, and {instance}",
            self.environment.profile_name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_aws_writes_them() {
        let text = "# mine\n[default]\naws_access_key_id = A\n\n[profile prod]\nregion=eu-west-1\naws_access_key_id= B\n";
        assert_eq!(of_profile(text, "default", "aws_access_key_id").as_deref(), Some("A"));
        assert_eq!(of_profile(text, "prod", "aws_access_key_id").as_deref(), Some("B"));
        assert_eq!(of_profile(text, "prod", "region").as_deref(), Some("eu-west-1"));
        assert_eq!(of_profile(text, "default", "region"), None);
    }
}
