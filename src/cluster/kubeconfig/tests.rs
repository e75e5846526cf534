//! Files, flags and environments.

use std::fs;

use super::*;

const CONFIG: &str = "
apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: prod, context: {cluster: prod, user: admin, namespace: camunda}}
- {name: test, context: {cluster: test, user: nobody}}
clusters:
- {name: prod, cluster: {server: 'https://api.prod:6443', insecure-skip-tls-verify: true}}
- {name: test, cluster: {server: 'http://127.0.0.1:8001', proxy-url: 'proxy.test:3128'}}
users:
- {name: admin, user: {token: geheim}}
- {name: reader, user: {token: lesbar}}
";

struct Place {
    directory: tempfile::TempDir,
    set: Vec<(&'static str, String)>,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), set: Vec::new() }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, text).expect("writable");
        path.display().to_string()
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.set.push((name, value.into()));
        self
    }

    fn load(&self, options: &AccessOptions) -> Result<Loaded, String> {
        let variable = |n: &str| self.set.iter().find(|(k, _)| *k == n).map(|(_, v)| OsString::from(v));
        load(options, &variable).map_err(|e| e.to_string())
    }
}

#[test]
fn flags_choose_in_the_file_and_overrule_it() {
    let place = Place::new();
    let path = place.file("config", CONFIG);
    let place = place.set("KUBECONFIG", path);
    let loaded = place.load(&AccessOptions::default()).expect("usable");
    assert_eq!(loaded.origin, "context prod (https://api.prod:6443/)");
    assert_eq!(loaded.config.default_namespace, "camunda");
    assert!(loaded.config.accept_invalid_certs && !loaded.config.default_retry && !loaded.in_cluster);
    let some = |text: &str| Some(text.to_owned());
    let options =
        AccessOptions { context: some("test"), namespace: some("mine"), ..AccessOptions::default() };
    let loaded = place.load(&options).expect("usable");
    assert_eq!(
        (loaded.config.default_namespace.as_str(), loaded.config.auth_info.token.is_some()),
        ("mine", false)
    );
    assert_eq!(loaded.config.proxy_url.map(|u| u.to_string()).as_deref(), Some("http://proxy.test:3128/"));
    let options = AccessOptions {
        user: some("reader"),
        cluster: some("test"),
        as_user: some("jane"),
        as_groups: vec!["ops".to_owned()],
        ..AccessOptions::default()
    };
    let auth = place.load(&options).expect("usable").config.auth_info;
    assert_eq!(
        (auth.impersonate.as_deref(), auth.impersonate_groups),
        (Some("jane"), Some(vec!["ops".to_owned()]))
    );
    let wrong = |options| place.load(&options).err().expect("refused");
    assert!(
        wrong(AccessOptions { context: some("x"), ..AccessOptions::default() })
            .contains("there are: prod, test")
    );
    assert!(wrong(AccessOptions { user: some("x"), ..AccessOptions::default() }).contains("no user \"x\""));
    let alone = AccessOptions { as_groups: vec!["ops".to_owned()], ..AccessOptions::default() };
    assert!(wrong(alone).contains("--as-group needs --as"));
}

#[test]
fn lists_are_merged_and_what_is_not_there_is_passed_over() {
    let place = Place::new();
    let (first, second) = CONFIG.split_once("clusters:").expect("in two");
    let first = place.file("a", first);
    let second = place.file("b", &format!("clusters:{second}"));
    let missing = place.directory.path().join("missing").display().to_string();
    let list = std::env::join_paths([missing.as_str(), "", &first, &second]).expect("a list");
    let list = list.into_string().expect("a text");
    let place = place.set("KUBECONFIG", list).set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    assert_eq!(
        place.load(&AccessOptions::default()).map(|l| l.config.default_namespace),
        Ok("camunda".to_owned())
    );
    let place = Place::new().set("KUBECONFIG", missing);
    assert!(
        place
            .load(&AccessOptions::default())
            .err()
            .expect("refused")
            .contains("no file of KUBECONFIG exists")
    );
}

#[test]
fn a_pod_uses_its_account_unless_something_else_is_asked_for() {
    let place = Place::new();
    place.file(".kube/config", CONFIG);
    let home = place.directory.path().display().to_string();
    let place = place.set("HOME", home);
    assert!(place.load(&AccessOptions::default()).is_ok());
    let place = place.set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let context = AccessOptions { context: Some("prod".to_owned()), ..AccessOptions::default() };
    assert!(place.load(&context).is_ok());
    let error = place.load(&AccessOptions::default()).err().expect("there is no account here");
    assert!(error.contains("without a usable ServiceAccount"), "{error}");
    let nothing = Place::new().load(&AccessOptions::default()).err().expect("nothing is given");
    assert!(nothing.starts_with("no kubeconfig"), "{nothing}");
}

#[test]
fn exceptions_from_the_proxy_are_about_the_server_and_may_be_written_loosely() {
    for (none, expected) in [("other,", Some("http://proxy:1/")), ("api.prod,,", None), (".prod", None)] {
        let place = Place::new();
        let path = place.file("config", CONFIG);
        let place = place.set("KUBECONFIG", path).set("HTTPS_PROXY", "proxy:1").set("NO_PROXY", none);
        let proxy = place.load(&AccessOptions::default()).map(|l| l.config.proxy_url.map(|u| u.to_string()));
        assert_eq!(proxy, Ok(expected.map(str::to_owned)), "NO_PROXY={none}");
    }
}

#[test]
fn a_broken_file_is_named_without_its_content() {
    let place = Place::new();
    let path = place.file("config", &CONFIG.replace("{token: geheim}", "{token: geheim, [}"));
    let options = AccessOptions { kubeconfig: Some(path.clone().into()), ..AccessOptions::default() };
    let error = place.load(&options).err().expect("refused");
    assert!(error.contains(&path) && error.contains("line") && !error.contains("geheim"), "{error}");
    let server = place.file("other", &CONFIG.replace("https://api.prod:6443", "api.prod"));
    let options = AccessOptions { kubeconfig: Some(server.into()), ..AccessOptions::default() };
    assert!(place.load(&options).err().expect("refused").contains("is not an URL"));
}
