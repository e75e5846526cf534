//! The brokers' metrics, in the text format of Prometheus: the two that tell how far exporting has come.

/// The last position that a partition has processed.
const PROCESSED: &str = "zeebe_stream_processor_last_processed_position";
/// The last position that an exporter has acknowledged.
const EXPORTED: &str = "zeebe_exporter_last_updated_exported_position";

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The partition, from 1.
    pub partition: u32,
    /// The exporter; `None` for what is processed.
    pub exporter: Option<String>,
    /// Position in the log; -1 before the first one.
    pub at: i64,
}

/// Reads them, and passes over everything else.
pub fn positions(text: &str) -> Vec<Position> {
    text.lines().filter_map(position).collect()
}

fn position(line: &str) -> Option<Position> {
    let (name, rest) = line.split_once('{')?;
    let processed = match name {
        PROCESSED => true,
        EXPORTED => false,
        _ => return None,
    };
    let (labels, value) = rest.rsplit_once('}')?;
    let label = |wanted: &str| {
        let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let mut values =
            pairs.filter(|(name, _)| name.trim() == wanted).map(|(_, v)| v.trim().trim_matches('"'));
        values.next().map(str::to_owned)
    };
    let value: f64 = value.split_whitespace().next()?.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "positions are whole numbers below 2^53")]
    let at = value as i64;
    let exporter = if processed { None } else { Some(label("exporter")?) };
    Some(Position { partition: label("partition")?.parse().ok()?, exporter, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_spellings_and_passes_over_the_rest() {
        let text = "# HELP x y\nzeebe_stream_processor_last_processed_position{partition=\"1\",} 6403.0\n\
                    zeebe_exporter_last_updated_exported_position{exporter=\"elasticsearch\",partition=\"1\"} 6.404E3\n\
                    zeebe_exporter_last_updated_exported_position{partition=\"1\"} 1\n\
                    zeebe_stream_processor_last_processed_position{partition=\"2\"} NaN\njvm_threads 5\n";
        let all = positions(text);
        assert_eq!(
            all,
            [
                Position { partition: 1, exporter: None, at: 6403 },
                Position { partition: 1, exporter: Some("elasticsearch".to_owned()), at: 6404 },
            ]
        );
    }
}
