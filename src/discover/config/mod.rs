//! The configuration of one process, put together as Spring does it: files, variables, options, in their precedence.
//!
//! The charts have no values for backups: people set `env:`, `envFrom:`, `extraConfiguration:` or a whole
//! `configuration:`. So what counts is what the container gets, not what a chart would write.
//!
//! From weak to strong: extra files that nothing seems to import; `application.yaml` (Optimize:
//! `environment-config.yaml`), its later documents over its earlier ones; `application-<active profile>.yaml`; imported
//! files; variables (a container's own over `envFrom`); `-D` options. Private to `discover`. Values may be secrets in plain:
//! nothing here is shown, except keys and places.

mod env;
mod flatten;
mod mounts;
mod placeholder;
mod relaxed;

use std::collections::BTreeMap;

use env::Environment;
use flatten::{Document, documents};
use mounts::{Mounts, file_name};
pub(super) use mounts::{SecretMount, secret_at};
pub(super) use relaxed::canonical;

use super::index::{Index, Process};
use super::release::{Found, SecretRef};

/// A configured value, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Secret(SecretRef),
    /// It is there, and cannot be known from here.
    Unknown,
}

/// A key as somebody wrote it, with its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub key: String,
    pub value: Value,
    pub evidence: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}

/// The whole configuration of a process.
#[derive(Debug, Default)]
pub(super) struct Config {
    entries: BTreeMap<String, Entry>,
    /// Where Secrets are mounted.
    pub secrets: Vec<SecretMount>,
    /// Other texts that are mounted, such as `startup.sh`: path, text, origin.
    pub scripts: Vec<(String, String, String)>,
    /// What could not be seen, for people.
    pub unseen: Vec<String>,
}

/// Keys that name further files.
const IMPORTS: [&str; 3] = ["springconfigimport", "springconfigadditionallocation", "springconfiglocation"];

impl Config {
    pub fn of(process: &Process<'_>, index: Index<'_>) -> Self {
        let environment = Environment::of(process, index);
        let options = environment.java_options();
        let mounts =
            Mounts::of(process.spec, process.container, |name| index.config_map(process.namespace, name));
        let unseen_maps = mounts
            .unseen
            .iter()
            .map(|name| format!("ConfigMap {name} is mounted into {}, and was not found", process.what));
        let mut config = Self {
            secrets: mounts.secrets.clone(),
            unseen: environment.unseen.iter().cloned().chain(unseen_maps).collect(),
            ..Self::default()
        };
        let mut variables = environment.variables;
        variables.extend(options);
        config.add_files(&mounts, process, &variables);
        config.add(&variables);
        config
    }

    fn add<'e>(&mut self, entries: impl IntoIterator<Item = &'e Entry>) {
        for entry in entries {
            self.entries.insert(canonical(&entry.key), entry.clone());
        }
    }

    fn add_files(&mut self, mounts: &Mounts<'_>, process: &Process<'_>, variables: &[Entry]) {
        let (mut base, mut profiled, mut extra) = (Vec::new(), Vec::new(), Vec::new());
        for file in &mounts.files {
            let name = file_name(&file.path);
            let Some(documents) = documents(name, file.text) else {
                if is_base(name) {
                    self.unseen.push(format!("{name} of {} ({}) is not readable", process.what, file.origin));
                }
                self.scripts.push((file.path.clone(), file.text.to_owned(), file.origin.clone()));
                continue;
            };
            let target = match name.split('.').next() {
                Some("application" | "environment-config") => &mut base,
                Some(stem) if stem.starts_with("application-") => &mut profiled,
                _ => &mut extra,
            };
            target.push((file.path.as_str(), documents, format!("{name} of {}", file.origin)));
        }
        // What is always read, and the variables over it, say which of the rest is read.
        for (_, documents, origin) in &base {
            self.add_documents(documents.iter().filter(|d| d.profiles.is_none()), origin);
        }
        self.add(variables);
        let in_use = self.text(&["spring.profiles.active"]).map(|f| f.value).unwrap_or_default();
        let (imported, ignored): (Vec<_>, Vec<_>) = extra.iter().partition(|(path, ..)| self.imports(path));
        let active = |d: &&Document| d.profiles.as_deref().is_none_or(|wanted| is_active(wanted, &in_use));
        self.entries.clear();
        for (_, documents, origin) in ignored {
            self.add_documents(
                documents.iter().filter(active),
                &format!("{origin} (nothing seems to import it)"),
            );
        }
        for (_, documents, origin) in &base {
            self.add_documents(documents.iter().filter(active), origin);
        }
        for (path, documents, origin) in &profiled {
            let profile =
                file_name(path).trim_start_matches("application-").split('.').next().unwrap_or_default();
            if is_active(profile, &in_use) {
                self.add_documents(documents.iter().filter(active), origin);
            }
        }
        for (_, documents, origin) in imported {
            self.add_documents(documents.iter().filter(active), origin);
        }
    }

    fn add_documents<'d>(&mut self, documents: impl IntoIterator<Item = &'d Document>, origin: &str) {
        for (key, text) in documents.into_iter().flat_map(|d| &d.entries) {
            let entry = Entry {
                key: key.clone(),
                value: Value::Text(text.clone()),
                evidence: format!("{key} in {origin}"),
            };
            self.entries.insert(canonical(key), entry);
        }
    }

    /// Whether something names a file, or a folder that it is in, as further configuration.
    fn imports(&self, path: &str) -> bool {
        let folder = path.strip_suffix(file_name(path)).unwrap_or_default();
        let mut values = self.entries.iter().filter(|(key, _)| IMPORTS.iter().any(|i| key.starts_with(i)));
        values.any(|(_, entry)| match &entry.value {
            Value::Text(text) => text.split(',').map(str::trim).any(|location| {
                location.ends_with(path)
                    || location.ends_with(&format!("/{}", file_name(path)))
                    || location.ends_with(folder)
            }),
            _ => false,
        })
    }

    /// The value of an entry, with its placeholders filled in.
    fn value(&self, entry: &Entry) -> Value {
        match &entry.value {
            Value::Text(text) => placeholder::resolve(text, &|name| self.placeholder(name)),
            other => other.clone(),
        }
    }

    /// A variable by its very name, or a key by any of its spellings. `ZEEBE_NAME` does not mean `zeebe.name`, else
    /// `zeebe.name: ${ZEEBE_NAME:zeebe-record}` would be a circle.
    fn placeholder(&self, name: &str) -> Option<Value> {
        let entry = self.entries.get(&canonical(name))?;
        (entry.key == name || name.contains('.')).then(|| entry.value.clone())
    }

    /// The first of some keys that has a value; an empty text is none: the charts write many.
    pub fn get(&self, keys: &[&str]) -> Option<Found<Value>> {
        keys.iter().find_map(|key| {
            let entry = self.entries.get(&canonical(key))?;
            match self.value(entry) {
                Value::Unknown => None,
                Value::Text(text) if text.trim().is_empty() => None,
                value => Some(Found::new(value, entry.evidence.clone())),
            }
        })
    }

    /// The first of some keys that has a text.
    pub fn text(&self, keys: &[&str]) -> Option<Found<String>> {
        keys.iter().find_map(|key| match self.get(&[key])? {
            Found { value: Value::Text(text), evidence } => {
                Some(Found::new(text.trim().to_owned(), evidence))
            }
            _ => None,
        })
    }

    /// The first of some keys that has a number.
    pub fn number<N: std::str::FromStr>(&self, keys: &[&str]) -> Option<Found<N>> {
        keys.iter().find_map(|key| {
            let Found { value, evidence } = self.text(&[key])?;
            Some(Found::new(value.parse().ok()?, evidence))
        })
    }

    /// The first of some keys that is switched on.
    pub fn is_on(&self, keys: &[&str]) -> Option<Found<bool>> {
        let on = |key: &&str| self.text(&[key]).filter(|f| f.value.eq_ignore_ascii_case("true"));
        keys.iter().find_map(on).map(|f| f.map(|_| true))
    }

    /// Canonical keys with a beginning and an end, and what is between them.
    pub fn between(&self, start: &str, end: &str) -> Vec<String> {
        let keys = self.entries.keys();
        let middle = |key: &String| key.strip_prefix(start)?.strip_suffix(end).map(str::to_owned);
        keys.filter_map(middle).filter(|m| !m.is_empty()).collect()
    }
}

fn is_base(name: &str) -> bool {
    matches!(name, "application.yaml" | "application.yml" | "environment-config.yaml")
}

/// Whether one of the wanted profiles (`a,b`, `a | b`, `!a`) is among the active ones. Anything more elaborate counts as
/// inactive.
fn is_active(wanted: &str, active: &str) -> bool {
    let is_on = |profile: &str| active.split(',').any(|a| a.trim() == profile);
    wanted.split([',', '|']).map(str::trim).any(|profile| match profile.strip_prefix('!') {
        Some(profile) => !is_on(profile.trim()),
        None => is_on(profile),
    })
}
