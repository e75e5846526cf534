//! What a version family serves, and where: the simulator's own table, so that a row of `dialect` is tested against data
//! that it did not write.

use super::profile::Profile;
use crate::model::{Component, Engine};

/// Where a family of versions answers, and in which shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Collections under which gateway and brokers serve the partitions' backups.
    pub partitions: &'static [&'static str],
    /// Who serves the common backup of the web applications, and where. Without it Operate and Tasklist have their own.
    pub history: Option<(&'static [Component], &'static str)>,
    /// Brokers nest their partitions by tenant.
    pub by_tenant: bool,
    /// Where the gateway tells the state of exporting over the whole cluster.
    pub exporting: Option<&'static str>,
    /// A backup of the partitions may be asked for without an ID.
    pub bare_start: bool,
    /// Gateway and brokers say what is Spring's own error as problem details.
    pub problem_details: bool,
}

impl Layout {
    /// 8.6 and 8.7 (recorded on 8.6.0).
    pub const SEPARATE: Self = Self {
        partitions: &["/actuator/backups"],
        history: None,
        by_tenant: false,
        exporting: None,
        bare_start: false,
        problem_details: false,
    };
    /// 8.5 (Zeebe recorded on 8.5.8).
    pub const SEPARATE_8_5: Self = Self { problem_details: true, ..Self::SEPARATE };
    /// The orchestration cluster of 8.8 (from the product's sources, not recorded).
    pub const CLUSTER: Self = Self {
        partitions: &["/actuator/backupRuntime"],
        history: Some((&[Component::Gateway], "/actuator/backupHistory")),
        ..Self::SEPARATE
    };
    /// That of 8.9.
    pub const CLUSTER_8_9: Self = Self { bare_start: true, ..Self::CLUSTER };
    /// That of 8.10.
    pub const CLUSTER_8_10: Self =
        Self { by_tenant: true, exporting: Some("/v2/exporting"), ..Self::CLUSTER_8_9 };
    /// Standalone processes of 8.8: the old paths, and the new one for the partitions.
    pub const STANDALONE: Self = Self {
        partitions: &["/actuator/backups", "/actuator/backupRuntime"],
        history: Some((&[Component::Operate, Component::Tasklist], "/actuator/backups")),
        ..Self::SEPARATE
    };

    /// The history's path on this process, if it serves it.
    pub(super) fn history_on(&self, component: Component) -> Option<&'static str> {
        self.history.filter(|(hosts, _)| hosts.contains(&component)).map(|(_, path)| path)
    }
}

impl Profile {
    /// The releases that can be asked for by name.
    pub const NAMES: [&'static str; 9] =
        ["8.5", "8.6", "8.7", "8.8", "8.8-standalone", "8.9", "8.9-rdbms", "8.10", "8.10-rdbms"];

    /// A release by name.
    pub fn named(name: &str) -> Option<Self> {
        let of = |version: &str, layout: Layout| {
            let apart = layout.history.is_none_or(|(hosts, _)| hosts.contains(&Component::Operate));
            Self {
                camunda_version: version.to_owned(),
                records: Self::records_of("zeebe-record", version, "2026-11-23"),
                has_operate: apart,
                has_tasklist: apart,
                layout,
                ..Self::default()
            }
        };
        // The history is not registered there.
        let relational = |version: &str, layout: Layout| Self {
            own_ids: true,
            ..of(version, Layout { history: None, ..layout }).without_web_apps()
        };
        Some(match name {
            "8.5" => of("8.5.8", Layout::SEPARATE_8_5),
            "8.6" => of("8.6.0", Layout::SEPARATE),
            "8.7" => of("8.7.37", Layout::SEPARATE),
            "8.8" => of("8.8.27", Layout::CLUSTER),
            "8.8-standalone" => of("8.8.27", Layout::STANDALONE),
            "8.9" => of("8.9.21", Layout::CLUSTER_8_9),
            "8.9-rdbms" => relational("8.9.21", Layout::CLUSTER_8_9),
            "8.10" => of("8.10.0-alpha4", Layout::CLUSTER_8_10),
            "8.10-rdbms" => relational("8.10.0-alpha4", Layout::CLUSTER_8_10),
            _ => return None,
        })
    }

    /// The same on another engine.
    #[must_use]
    pub fn on(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// The same without Optimize. From 8.8 on nothing exports records then.
    #[must_use]
    pub fn without_optimize(self) -> Self {
        let reads = self.layout.partitions == Layout::SEPARATE.partitions;
        Self { has_optimize: false, records: if reads { self.records } else { Vec::new() }, ..self }
    }

    /// Whether the web applications' data is in a database, which leaves no sign but what is missing.
    pub fn is_relational(&self) -> bool {
        self.layout.bare_start && self.layout.history.is_none()
    }

    fn without_web_apps(self) -> Self {
        Self { has_operate: false, has_tasklist: false, ..self }
    }
}
