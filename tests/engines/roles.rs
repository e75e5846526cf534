//! What the search engine's user has to be allowed: what `docs/rbac.md` says (`make generate` writes it from here), and what
//! the tests against real engines try.

use std::fmt::Write as _;

use camunda_backup::dialect::search::DELETE_RIGHT;
use serde_json::{Value, json};

/// The rights of one engine, in its own words.
pub struct Rights {
    engine: &'static str,
    /// To take backups and list them: of the cluster, and of the records' indices.
    backup: &'static [&'static str],
    records: &'static [&'static str],
    /// To verify them as well: of all indices.
    verify: &'static [&'static str],
    /// The body of a role with rights of the cluster and of indices.
    role: fn(&[&str], &[OfIndices<'_>]) -> Value,
}

/// A pattern of indices, and what is allowed there.
type OfIndices<'a> = (&'a str, &'a [&'a str]);

const INDICES: &str = "zeebe-record*";

/// What lets a repository be tried, on both engines.
const TRY: &str = "cluster:admin/repository/verify";

pub const ELASTICSEARCH: Rights = Rights {
    engine: "Elasticsearch",
    backup: &["create_snapshot", "monitor_snapshot", "monitor"],
    records: &["view_index_metadata", "monitor"],
    // It leaves out of a list what may not be seen.
    verify: &[],
    role: |cluster, indices| {
        let of = |(names, privileges): &OfIndices<'_>| json!({ "names": [names], "privileges": privileges });
        json!({ "cluster": cluster, "indices": indices.iter().map(of).collect::<Vec<_>>() })
    },
};

pub const OPENSEARCH: Rights = Rights {
    engine: "OpenSearch",
    backup: &[
        "cluster_monitor",
        "cluster:admin/repository/get",
        "cluster:admin/snapshot/create",
        "cluster:admin/snapshot/get",
        "cluster:admin/snapshot/status",
    ],
    records: &["indices_monitor", "indices:admin/get"],
    // It refuses a list in which something may not be seen.
    verify: &["indices_monitor"],
    role: |cluster, indices| {
        let of = |(patterns, actions): &OfIndices<'_>| json!({ "index_patterns": [patterns], "allowed_actions": actions });
        json!({ "cluster_permissions": cluster, "index_permissions": indices.iter().map(of).collect::<Vec<_>>() })
    },
};

#[allow(dead_code, reason = "of the documentation and of the tests each takes its part")]
impl Rights {
    fn with(&self, more: &[&str]) -> Value {
        let mut indices = vec![(INDICES, self.records)];
        if !self.verify.is_empty() {
            indices.push(("*", self.verify));
        }
        (self.role)(&[self.backup, more].concat(), &indices)
    }

    /// Takes backups, lists and verifies them.
    pub fn backup(&self) -> Value {
        self.with(&[])
    }

    /// The same, with the right to delete.
    pub fn deleting(&self) -> Value {
        self.with(&[DELETE_RIGHT])
    }

    /// The same, with the right to have the repository tried.
    pub fn trying(&self) -> Value {
        self.with(&[TRY])
    }

    /// Of the records' indices alone.
    pub fn only(&self, of_records: &str) -> Value {
        (self.role)(&[], &[(INDICES, &[of_records])])
    }
}

/// For `docs/rbac.md`.
#[allow(dead_code, reason = "of the documentation and of the tests each takes its part")]
pub fn table() -> String {
    let list = |rights: &[&str]| match rights {
        [] => "nothing more".to_owned(),
        rights => rights.iter().map(|r| format!("`{r}`")).collect::<Vec<_>>().join(", "),
    };
    let engines = [&ELASTICSEARCH, &OPENSEARCH];
    let mut table = "| to".to_owned();
    for engine in engines {
        let _ = write!(table, " | {}", engine.engine);
    }
    table += " |\n| --- | --- | --- |\n";
    let mut row = |what: &str, of: &dyn Fn(&Rights) -> String| {
        let _ = writeln!(table, "| {what} | {} | {} |", of(engines[0]), of(engines[1]));
    };
    row("take backups and list them: of the cluster", &|e| list(e.backup));
    row(&format!("and of the indices `{INDICES}`"), &|e| list(e.records));
    row("verify them as well: of all indices (`*`)", &|e| list(e.verify));
    row(
        "delete them as well (`delete`, `prune`, `create` with `--keep-…` or `--on-failure delete`): of the cluster",
        &|_| list(&[DELETE_RIGHT]),
    );
    row("have the repository tried before exporting is paused: of the cluster", &|_| list(&[TRY]));
    table
}
