use super::*;
use crate::dialect::ROWS;

type Paths = BTreeMap<&'static str, bool>;

const OLD: &[(&str, bool)] =
    &[("/actuator/backups", true), ("/actuator/backupRuntime", false), ("/actuator/backupHistory", false)];
const CLUSTER: &[(&str, bool)] =
    &[("/actuator/backups", false), ("/actuator/backupRuntime", true), ("/actuator/backupHistory", true)];
const RELATIONAL: &[(&str, bool)] =
    &[("/actuator/backups", false), ("/actuator/backupRuntime", true), ("/actuator/backupHistory", false)];
const STANDALONE: &[(&str, bool)] =
    &[("/actuator/backups", true), ("/actuator/backupRuntime", true), ("/actuator/backupHistory", false)];

fn find(version: &str, paths: &[(&'static str, bool)]) -> Result<Recognised, Unsupported> {
    let paths: Paths = paths.iter().copied().collect();
    let seen = Seen { topology: None, storage: None, exporters: &[], paths: &paths };
    recognise(ROWS, &version.parse().expect("a version"), &seen)
}

fn row(version: &str, paths: &[(&'static str, bool)]) -> &'static str {
    find(version, paths).expect("a row").dialect.name
}

#[test]
fn patch_levels_and_pre_releases_find_their_row() {
    for version in ["8.5.1", "8.5", "8.6", "8.6.0", "8.7.37", "8.7.0-rc1"] {
        assert_eq!(row(version, &[]), "8.5-8.7, separate components", "{version}");
    }
    for (version, name) in [
        ("8.8.0", "8.8, orchestration cluster"),
        ("8.8.0-alpha3", "8.8, orchestration cluster"),
        ("8.9", "8.9, orchestration cluster"),
        ("8.10.0-alpha2", "8.10, orchestration cluster"),
    ] {
        assert_eq!(row(version, &[]), name, "{version}");
    }
    for version in ["8.4.9", "8.5.0", "8.11.0", "9.0.0", "7.20"] {
        assert!(find(version, &[]).is_err(), "{version} was accepted");
    }
}

#[test]
fn what_answers_decides_between_the_rows_of_a_version() {
    for (version, paths, name) in [
        ("8.6.0", OLD, "8.5-8.7, separate components"),
        ("8.8.1", CLUSTER, "8.8, orchestration cluster"),
        ("8.8.1", STANDALONE, "8.8-8.10, separate components"),
        ("8.9.1", CLUSTER, "8.9, orchestration cluster"),
        ("8.9.1", RELATIONAL, "8.9-8.10, orchestration cluster, relational storage"),
        ("8.10.0-alpha4", CLUSTER, "8.10, orchestration cluster"),
        ("8.10.0", RELATIONAL, "8.9-8.10, orchestration cluster, relational storage"),
        ("8.10.0", STANDALONE, "8.8-8.10, separate components"),
    ] {
        let found = find(version, paths).expect("a row");
        assert_eq!((found.dialect.name, found.contradiction), (name, None), "{version} {paths:?}");
    }
}

#[test]
fn what_is_configured_decides_while_nothing_answers() {
    let paths = Paths::new();
    let version = Version::full(8, 9, 0);
    let name = |topology, storage| {
        let seen = Seen { topology, storage, exporters: &[], paths: &paths };
        recognise(ROWS, &version, &seen).expect("a row").dialect.name
    };
    assert_eq!(name(Some(Topology::Separate), None), "8.8-8.10, separate components");
    let relational = name(Some(Topology::OrchestrationCluster), Some(Storage::Relational));
    assert_eq!(relational, "8.9-8.10, orchestration cluster, relational storage");
}

/// The web applications' backup may be switched off: what is missing then is no sign of a database.
#[test]
fn a_missing_path_alone_makes_no_relational_storage() {
    let paths: Paths = RELATIONAL.iter().copied().collect();
    let version = Version::full(8, 9, 1);
    let of = |exporters: &[&str], storage| {
        let exporters: Vec<_> = exporters.iter().map(|e| (*e).to_owned()).collect();
        let seen = Seen { topology: None, storage, exporters: &exporters, paths: &paths };
        let found = recognise(ROWS, &version, &seen).expect("a row");
        (found.dialect.storage, found.contradiction.is_some(), found.dialect.is_guessed(&seen))
    };
    let (search, relational) = (Storage::Search, Storage::Relational);
    assert_eq!(of(&[], None), (relational, false, true));
    assert_eq!(of(&["rdbms"], None), (relational, false, false));
    assert_eq!(of(&["camundaexporter", "rdbms"], None), (relational, false, false), "in a migration");
    assert_eq!(of(&[], Some(relational)), (relational, false, false));
    for (exporters, storage) in
        [(&["camundaexporter"][..], None), (&["elasticsearch", "camundaexporter"], None), (&[], Some(search))]
    {
        assert_eq!(of(exporters, storage), (search, true, false), "{exporters:?}");
    }
}

#[test]
fn a_version_that_answers_like_another_is_contradicted() {
    for (version, paths) in [("8.6.0", CLUSTER), ("8.6.0", STANDALONE), ("8.8.0", OLD), ("8.8.0", RELATIONAL)]
    {
        let text = find(version, paths).expect("a row").contradiction.expect("a contradiction");
        assert!(text.contains(version) && text.contains("like 8."), "{text}");
    }
    // Nothing there at all: the wrong address, which is told elsewhere.
    let nothing = [("/actuator/backups", false), ("/actuator/backupRuntime", false)];
    assert_eq!(find("8.6.0", &nothing).expect("a row").contradiction, None);
}

#[test]
fn an_unknown_version_is_listed_like_what_it_answers_like() {
    let paths: Paths = CLUSTER.iter().copied().collect();
    let seen = Seen { topology: None, storage: None, exporters: &[], paths: &paths };
    for version in [None, Some(Version::full(8, 11, 0))] {
        let row = nearest(ROWS, version.as_ref(), &seen);
        assert_eq!(row.topology, Topology::OrchestrationCluster, "{version:?}");
    }
}

#[test]
fn says_what_is_known() {
    let text = find("8.5.0", &[]).expect_err("hard pause only").to_string();
    assert!(text.contains("update to 8.5.1") && text.contains("8.5-8.7") && text.contains("8.10"), "{text}");
}

#[test]
fn no_two_rows_of_a_version_answer_alike() {
    for (i, a) in ROWS.iter().enumerate() {
        assert!(a.from < a.until, "{}", a.name);
        for b in &ROWS[i + 1..] {
            let apart = a.until <= b.from || b.until <= a.from;
            let told = a.gateway.iter().any(|(p, there)| b.gateway.contains(&(p, !there)));
            assert!(apart || told, "{} / {}", a.name, b.name);
        }
    }
}

/// `resume` and repairs go by the first row, because they must work without a version.
#[test]
fn every_row_resumes_in_the_same_way() {
    for row in ROWS {
        let of = |r: &Dialect| (r.pause, r.resume, r.phases, r.cluster);
        assert_eq!(of(row), of(&ROWS[0]), "{}", row.name);
    }
}

#[test]
fn every_row_is_whole() {
    for row in ROWS {
        for phase in row.order {
            let super::super::Phase::Take(parts) = phase else { continue };
            for part in *parts {
                assert!(row.route(*part).is_some(), "{}: no route for {part}", row.name);
            }
        }
        assert!(row.routes.iter().all(|r| !r.hosts.is_empty()), "{}", row.name);
    }
}
