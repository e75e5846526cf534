//! The version: from images, labels, the chart, and the release's own inventory.

use serde_json::Value;

use super::index::Index;
use super::names::{Group, Member};
use super::release::Found;
use super::rules::{CHART, Role, VERSION, image_tag, version_of_chart};
use crate::model::Version;

/// The brokers speak for the release; the others have patch levels of their own.
const ORDER: [Role; 5] = [Role::Broker, Role::Gateway, Role::Operate, Role::Tasklist, Role::Optimize];

/// The best of all sources: the first that knows the patch level, else the first at all.
pub(super) fn find(group: &Group<'_>, index: Index<'_>) -> Option<Found<Version>> {
    let all = candidates(group, index);
    all.iter().find(|f| f.value.patch.is_some()).or(all.first()).cloned()
}

type Source = fn(&Member<'_>) -> Vec<Found<Version>>;

fn candidates(group: &Group<'_>, index: Index<'_>) -> Vec<Found<Version>> {
    let mut members: Vec<_> = group.members.iter().collect();
    members.sort_by_key(|m| ORDER.iter().position(|r| *r == m.role));
    let sources: [Source; 3] = [of_images, of_labels, of_charts];
    let mut found: Vec<_> =
        sources.iter().flat_map(|source| members.iter().flat_map(|m| source(m))).collect();
    found.extend(of_inventory(group, index));
    found
}

/// Versions by image tag of what is behind a Service.
pub(super) fn of_images(member: &Member<'_>) -> Vec<Found<Version>> {
    let image = |p: &super::index::Process<'_>| {
        let image = &p.container.image;
        Some(Found::new(parse(image_tag(image)?)?, format!("image {image} of {}", p.what)))
    };
    member.behind.iter().filter_map(image).collect()
}

fn of_labels(member: &Member<'_>) -> Vec<Found<Version>> {
    let pods = member.behind.iter().map(|p| (p.what.clone(), &p.metadata.labels));
    let service = (format!("Service {}", member.service.metadata.name), &member.service.metadata.labels);
    let label = |(what, labels): (String, &super::objects::Labels)| {
        let text = labels.get(VERSION)?;
        Some(Found::new(parse(text)?, format!("label {VERSION}={text} of {what}")))
    };
    pods.chain([service]).filter_map(label).collect()
}

fn of_charts(member: &Member<'_>) -> Vec<Found<Version>> {
    let metadata = &member.service.metadata;
    let chart = metadata.labels.get(CHART);
    let version = chart.and_then(|chart| {
        let evidence = format!("label {CHART}={chart} of Service {}", metadata.name);
        Some(Found::new(version_of_chart(chart)?, evidence))
    });
    version.into_iter().collect()
}

/// The inventory that the charts leave as a `ConfigMap` with the key `info`: a list of releases with their components.
fn of_inventory(group: &Group<'_>, index: Index<'_>) -> Vec<Found<Version>> {
    const BROKERS: [&str; 3] = ["zeebe", "zeebeGateway", "orchestration"];
    let maps = index.objects.config_maps.iter().filter(|c| c.metadata.namespace == group.namespace);
    let inventories = maps
        .filter_map(|c| Some((&c.metadata.name, serde_saphyr::from_str::<Value>(c.data.get("info")?).ok()?)));
    let mut found = Vec::new();
    for (name, inventory) in inventories {
        let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(str::to_owned);
        let entries = inventory.as_array().map(Vec::as_slice).unwrap_or_default();
        let own = |e: &&Value| {
            text(e, "name").is_none_or(|n| n == group.name)
                && text(e, "namespace").is_none_or(|n| n == group.namespace)
        };
        for entry in entries.iter().filter(own) {
            let components =
                entry.get("components").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let brokers = components
                .iter()
                .filter(|c| text(c, "id").is_some_and(|id| BROKERS.iter().any(|b| id.starts_with(b))));
            let evidence = format!("inventory in ConfigMap {name}");
            found.extend(
                brokers.filter_map(|c| parse(&text(c, "version")?)).map(|v| Found::new(v, evidence.clone())),
            );
            // The release's own `version` is the chart's.
            let chart =
                text(entry, "version").and_then(|v| version_of_chart(&format!("camunda-platform-{v}")));
            found.extend(chart.map(|v| Found::new(v, evidence.clone())));
        }
    }
    found
}

/// Reads what people write into tags and labels: `8.7.37`, `8.7.x`, `8.9.0-alpha4`, `8.7.2-mycorp.1`. An addition of
/// one's own says nothing about the version; as a pre-release it would sort before it.
fn parse(text: &str) -> Option<Version> {
    const PRE: [&str; 4] = ["alpha", "beta", "rc", "snapshot"];
    let text = text.trim().trim_start_matches('v');
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(n, p)| (n, Some(p)));
    let numbers = numbers.strip_suffix(".x").unwrap_or(numbers);
    let version: Version = numbers.parse().ok()?;
    let pre = pre.filter(|p| PRE.iter().any(|known| p.to_ascii_lowercase().starts_with(known)));
    Some(Version { pre: pre.map(str::to_owned), ..version })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn tags_and_labels_of_all_kinds() {
        let read = |text| parse(text).map(|v| v.to_string());
        for (text, version) in [
            ("8.7.37", Some("8.7.37")),
            ("v8.6.1", Some("8.6.1")),
            ("8.7.x", Some("8.7")),
            ("8.9.0-alpha4", Some("8.9.0-alpha4")),
            ("8.7.2-mycorp.1", Some("8.7.2")),
            ("8.10-SNAPSHOT", Some("8.10-SNAPSHOT")),
            ("latest", None),
            ("8", None),
            ("SNAPSHOT", None),
        ] {
            assert_eq!(read(text).as_deref(), version, "{text}");
        }
    }
}
