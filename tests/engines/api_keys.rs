//! API keys, which Elasticsearch alone has.

use camunda_backup::client::Method;
use serde_json::json;

use crate::engines::secured::{command, secured};
use crate::lab::run;

#[test]
#[ignore = "make test-engines"]
fn an_api_key_does_and_an_expired_one_does_not() {
    let secured = secured();
    let rig = secured.rig("keys");
    let with_key = |expiration: &str| {
        let body = json!({ "name": format!("backup-{expiration}"), "expiration": expiration });
        let key = secured.engine.ask(Method::Post, "/_security/api_key", Some(body));
        let key = key["encoded"].as_str().expect("a key").to_owned();
        let mut command = command(&rig, &["create"], "");
        command.env("CAMUNDA_BACKUP_SEARCH_API_KEY", &key);
        (key, run(command))
    };
    with_key("1d").1.expect(0).shows("is complete");
    let (key, ended) = with_key("1ms");
    let ended = ended.expect(12).says("search-unauthorized");
    assert!(!ended.err.contains(&key), "{}", ended.err);
    rig.assert_unharmed();
}
