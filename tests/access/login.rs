//! Logins and headers.

use super::{Asks, Gated};

/// `user:pass word` in base64.
const BASIC: &str = "Basic dXNlcjpwYXNzIHdvcmQ=";

#[test]
fn every_kind_of_login_gets_a_whole_backup() {
    let gated = Gated::new(&Asks::header("authorization", BASIC), &Asks::header("x-proxy-token", "abc:123"));
    let password = gated.file("password", "pass word\n");
    let headers = gated.file("headers", "# for the proxy\nX-Proxy-Token: abc:123\nX-Other: 1\n");
    let flags = [
        "create",
        "--search-username=user",
        &format!("--search-password-file={password}"),
        &format!("--management-header-file={headers}"),
    ];
    gated.run(&flags).expect(0).shows("is complete");
    gated.lab.assert_exporting();

    let gated = Gated::new(
        &Asks::header("authorization", "Bearer search-token"),
        &Asks::header("authorization", "Bearer management-token"),
    );
    let mut command = gated.command(&["create"]);
    command.env("CAMUNDA_BACKUP_SEARCH_BEARER_TOKEN", "search-token");
    command.env("CAMUNDA_BACKUP_MANAGEMENT_BEARER_TOKEN", "management-token\n");
    super::lab::run(command).expect(0).shows("is complete");

    let gated =
        Gated::new(&Asks::header("authorization", "ApiKey a-key"), &Asks::header("authorization", BASIC));
    let mut command = gated.command(&["create", "--management-username=user"]);
    command
        .env("CAMUNDA_BACKUP_SEARCH_API_KEY", "a-key")
        .env("CAMUNDA_BACKUP_MANAGEMENT_PASSWORD", "pass word");
    super::lab::run(command).expect(0).shows("is complete");
}

#[test]
fn a_wrong_login_is_no_access_and_nothing_is_changed() {
    let gated = Gated::new(&Asks::header("authorization", BASIC), &Asks::nothing());
    let mut command = gated.command(&["create", "--search-username=user"]);
    command.env("CAMUNDA_BACKUP_SEARCH_PASSWORD", "falsch-geraten");
    let ended = super::lab::run(command).expect(12).says("search-unauthorized").says("nothing was changed");
    assert!(!ended.err.contains("falsch-geraten"), "{}", ended.err);
    gated.lab.assert_never_paused();

    let gated = Gated::new(&Asks::nothing(), &Asks::header("x-proxy-token", "abc"));
    gated.run(&["check"]).expect(12).shows("component-unauthorized").shows("--management-header-file");
}

#[test]
fn another_path_stands_for_actuator() {
    let manage = Asks { path: Some(("/manage", "/actuator")), ..Asks::nothing() };
    let gated = Gated::new(&Asks::nothing(), &manage);
    gated.run(&["check"]).expect(14).shows("endpoint-absent").shows("--management-base-path");
    gated.run(&["create", "--management-base-path=/manage/"]).expect(0).shows("is complete");
    gated.lab.assert_exporting();
}

#[test]
fn two_logins_at_once_are_a_mistake() {
    let gated = Gated::new(&Asks::nothing(), &Asks::nothing());
    let file = gated.file("x", "geheim");
    let with = |flags: &[&str]| gated.run(flags).expect(2).err;
    let token = format!("--search-bearer-token-file={file}");
    let key = format!("--search-api-key-file={file}");
    assert!(with(&["check", &token, &key]).contains("give either"));
    assert!(with(&["check", &token, "--search-aws-sign"]).contains("--search-aws-sign"));
    assert!(with(&["check", "--management-username=user"]).contains("CAMUNDA_BACKUP_MANAGEMENT_PASSWORD"));
    let headers = gated.file("headers", "geheim ohne Namen\n");
    let text = with(&["check", &format!("--management-header-file={headers}")]);
    assert!(text.contains("`Name: value`") && !text.contains("ohne"), "{text}");
}
