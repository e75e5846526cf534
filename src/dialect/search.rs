//! Paths of the search engine's API that hold for every engine and version.

use crate::model::Engine;

/// Which engine, which version.
pub const INFO: &str = "/";

/// One registered repository.
pub fn repository(name: &str) -> String {
    format!("/_snapshot/{name}")
}

/// Lets every node write to the repository and read it back.
pub fn verify(repository: &str) -> String {
    format!("/_snapshot/{repository}/_verify")
}

/// Every snapshot of a repository by name and state, without opening each.
pub fn all_snapshots(repository: &str) -> String {
    format!("/_snapshot/{repository}/_all?verbose=false")
}

/// The indices with exported records. Hidden and closed ones are not asked for: the exporter makes neither.
pub fn record_indices(prefix: &str) -> String {
    format!("/_cat/indices/{prefix}*?h=index&format=json")
}

/// Every registered repository.
pub const REPOSITORIES: &str = "/_snapshot";

/// Every index.
pub const INDICES: &str = "/_cat/indices?h=index&format=json";

/// Snapshot policies: of Elasticsearch, and of OpenSearch's snapshot management. Not every build has them.
pub const LIFECYCLE_POLICIES: &str = "/_slm/policy";
/// See `LIFECYCLE_POLICIES`.
pub const MANAGEMENT_POLICIES: &str = "/_plugins/_sm/policies";

/// Longest request line that we send: Elasticsearch refuses more than 4096 bytes.
pub const LONGEST_PATH: usize = 3500;

/// These snapshots, opened. Elasticsearch also tells sizes; OpenSearch refuses to be asked.
pub fn opened(repository: &str, names: &str, sizes: bool) -> String {
    let sizes = if sizes { "&index_details=true" } else { "" };
    format!("/_snapshot/{repository}/{names}?ignore_unavailable=true{sizes}")
}

/// Bytes and shards of these snapshots: verdicts are never taken from it.
pub fn statuses(repository: &str, names: &str) -> String {
    format!("/_snapshot/{repository}/{names}/_status?ignore_unavailable=true")
}

/// Which of these very names are there.
pub fn present(repository: &str, names: &str) -> String {
    format!("/_snapshot/{repository}/{names}?ignore_unavailable=true&verbose=false")
}

/// What lets a user of the search engine delete a snapshot, on Elasticsearch and on OpenSearch. Elasticsearch's privilege
/// `create_snapshot` does not hold it.
pub const DELETE_RIGHT: &str = "cluster:admin/snapshot/delete";

/// One snapshot, to be deleted.
pub fn snapshot(repository: &str, name: &str) -> String {
    format!("/_snapshot/{repository}/{name}")
}

/// The engine's own check of everything in a repository (Elasticsearch 8.16 and later).
pub fn verify_integrity(repository: &str) -> String {
    format!("/_snapshot/{repository}/_verify_integrity")
}

/// Whether this engine has that check. Asked without it, it would take the path for the name of a snapshot to be taken.
pub fn checks_integrity(engine: Engine, version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|n| n.parse::<u32>().ok());
    engine == Engine::Elasticsearch && (numbers.next(), numbers.next()) >= (Some(8), Some(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_later_elasticsearch_checks_itself() {
        for (engine, version, checks) in [
            (Engine::Elasticsearch, "8.14.1", false),
            (Engine::Elasticsearch, "8.16.0", true),
            (Engine::Elasticsearch, "9.2.0", true),
            (Engine::Elasticsearch, "7.17.0", false),
            (Engine::OpenSearch, "3.6.0", false),
            (Engine::OpenSearch, "9.0.0", false),
        ] {
            assert_eq!(checks_integrity(engine, version), checks, "{engine} {version}");
        }
    }
}
