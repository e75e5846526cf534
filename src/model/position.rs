//! How far processing and exporting have come: positions in each partition's log.

use std::collections::BTreeMap;

use serde::Serialize;

/// What the metrics of one or more brokers say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Positions {
    /// The last processed position of each partition.
    pub processed: BTreeMap<u32, i64>,
    /// The last position that an exporter has acknowledged, by partition and exporter.
    #[serde(skip)]
    pub exported: BTreeMap<(u32, String), i64>,
}

/// An exporter that has not come as far as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// From 1.
    pub partition: u32,
    /// Its ID: `elasticsearch`, `camundaexporter`, ...
    pub exporter: String,
    /// Records, at least one.
    pub records: u64,
}

impl Positions {
    /// Several brokers together. Of a partition that more than one knows, the furthest counts: positions only grow, and a
    /// broker that does not lead any more keeps its last ones.
    pub fn merged(all: impl IntoIterator<Item = Positions>) -> Self {
        all.into_iter().fold(Self::default(), |mut merged, one| {
            for (partition, at) in one.processed {
                let known = merged.processed.entry(partition).or_insert(at);
                *known = at.max(*known);
            }
            for (who, at) in one.exported {
                let known = merged.exported.entry(who).or_insert(at);
                *known = at.max(*known);
            }
            merged
        })
    }

    /// Which exporters have not come as far as this, by partition. A partition without an exporter waits for nobody.
    pub fn behind(&self, target: &BTreeMap<u32, i64>) -> Vec<Behind> {
        let lag = |((partition, exporter), at): (&(u32, String), &i64)| {
            let missing = target.get(partition)?.saturating_sub(*at);
            let records = u64::try_from(missing).ok().filter(|n| *n > 0)?;
            Some(Behind { partition: *partition, exporter: exporter.clone(), records })
        };
        self.exported.iter().filter_map(lag).collect()
    }

    /// Which exporters are behind what is processed.
    pub fn lag(&self) -> Vec<Behind> {
        self.behind(&self.processed)
    }
}

impl Behind {
    /// Several of them in one line: `partition 1: 500 records (elasticsearch), partition 2: ...`.
    pub fn line(all: &[Behind]) -> String {
        let one = |b: &Behind| {
            let s = if b.records == 1 { "" } else { "s" };
            format!("partition {}: {} record{s} ({})", b.partition, b.records, b.exporter)
        };
        all.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(processed: &[(u32, i64)], exported: &[(u32, &str, i64)]) -> Positions {
        Positions {
            processed: processed.iter().copied().collect(),
            exported: exported.iter().map(|(p, e, at)| ((*p, (*e).to_owned()), *at)).collect(),
        }
    }

    #[test]
    fn the_furthest_counts_and_every_exporter_must_follow() {
        let leader = positions(&[(1, 100)], &[(1, "es", 100), (1, "custom", 90)]);
        let former = positions(&[(1, 40), (2, 7)], &[(1, "es", 40), (2, "es", -1)]);
        let both = Positions::merged([former, leader]);
        assert_eq!(
            Behind::line(&both.lag()),
            "partition 1: 10 records (custom), partition 2: 8 records (es)"
        );
        assert_eq!(positions(&[(1, 100)], &[]).lag(), [], "without an exporter there is no lag");
        assert_eq!(positions(&[(1, -1)], &[(1, "es", 5)]).lag(), []);
    }
}
