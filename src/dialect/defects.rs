//! Versions with a known defect that concerns backups, as rows. A defect that a backup runs into all the same is judged by
//! what happens, never by this table: it explains beforehand.

use crate::model::{Component, Engine, Version};

/// One defect.
#[derive(Debug)]
pub struct Defect {
    /// Whose version counts, when that component is part of the release.
    pub component: Component,
    /// With this engine only.
    pub engine: Option<Engine>,
    /// First version that has it.
    pub from: Version,
    /// First version that does not.
    pub until: Version,
    /// What happens.
    pub text: &'static str,
}

/// All of them. Sources: issues 33310 (Tasklist on OpenSearch) and 63806 (lost reservation). A defect whose patch levels are
/// not told (29182 and 43104, the stale queue) is no row: it would warn for ever.
pub const DEFECTS: &[Defect] = &[
    Defect {
        component: Component::Tasklist,
        engine: Some(Engine::OpenSearch),
        from: Version::minor(8, 6),
        until: Version::minor(8, 8),
        text: "on OpenSearch, Tasklist may stop after the first of its snapshots: then the part stays incomplete",
    },
    Defect {
        component: Component::Gateway,
        engine: None,
        from: Version::minor(8, 9),
        until: Version::minor(8, 11),
        text: "when the backup store answers slowly, a partition's snapshot may be deleted before it is reserved: that ID then fails for ever, and only a new backup helps (--retries)",
    },
];

/// Those that a component of this version has.
pub fn defects(
    component: Component,
    version: &Version,
    engine: Option<Engine>,
) -> impl Iterator<Item = &'static Defect> {
    DEFECTS.iter().filter(move |d| {
        d.component == component
            && d.from <= *version
            && *version < d.until
            && d.engine.is_none_or(|e| engine == Some(e))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_of_its_component_its_versions_and_its_engine() {
        let count = |component, version: &str, engine| {
            defects(component, &version.parse().expect("a version"), Some(engine)).count()
        };
        assert_eq!(count(Component::Tasklist, "8.6.3", Engine::OpenSearch), 1);
        assert_eq!(count(Component::Tasklist, "8.6.3", Engine::Elasticsearch), 0);
        assert_eq!(count(Component::Tasklist, "8.8.0", Engine::OpenSearch), 0);
        assert_eq!(count(Component::Gateway, "8.9.3", Engine::Elasticsearch), 1);
        assert_eq!(count(Component::Gateway, "8.8.3", Engine::Elasticsearch), 0);
        assert!(DEFECTS.iter().all(|d| d.from < d.until));
    }
}
