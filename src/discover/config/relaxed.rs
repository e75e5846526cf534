//! Spring's relaxed binding, reduced to one form per key.

/// The form under which a key is looked up, whoever wrote it: letters and digits in lower case.
///
/// Spring makes `CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME` of `camunda.operate.backup.repositoryName`: upper case, dashes
/// dropped, dots to underscores. People also write `..._REPOSITORY_NAME`, and that binds too (older mappings of Spring,
/// placeholders in the components' own defaults). Dropping every separator covers all of them and lists
/// (`nodes[0].host`, `NODES_0_HOST`); two real keys of Camunda that would become one are not known.
pub(in crate::discover) fn canonical(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn all_spellings_are_one() {
        for spelling in [
            "camunda.data.secondary-storage.elasticsearch.backup.repository-name",
            "camunda.data.secondaryStorage.elasticsearch.backup.repositoryName",
            "CAMUNDA_DATA_SECONDARYSTORAGE_ELASTICSEARCH_BACKUP_REPOSITORYNAME",
            "CAMUNDA_DATA_SECONDARY_STORAGE_ELASTICSEARCH_BACKUP_REPOSITORY_NAME",
        ] {
            assert_eq!(canonical(spelling), "camundadatasecondarystorageelasticsearchbackuprepositoryname");
        }
        assert_eq!(canonical("es.connection.nodes[0].host"), canonical("ES_CONNECTION_NODES_0_HOST"));
    }
}
