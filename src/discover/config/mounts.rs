//! Which files a container sees: texts from `ConfigMap`s, and the places where Secrets are.

use crate::discover::objects::{ConfigMap, Container, PodSpec, Projection, VolumeMount};
use crate::discover::release::SecretRef;

/// A file whose text is known.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// Full path in the container.
    pub path: String,
    /// Its text.
    pub text: &'a str,
    /// `ConfigMap camunda-zeebe-configuration`.
    pub origin: String,
}

/// A place where a Secret is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::discover) struct SecretMount {
    /// A file, or a folder when the keys are not known.
    pub path: String,
    /// Name of the Secret.
    pub secret: String,
    /// The key of a file.
    pub key: Option<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Mounts<'a> {
    /// Texts.
    pub files: Vec<File<'a>>,
    /// Secrets.
    pub secrets: Vec<SecretMount>,
    /// `ConfigMap`s that are mounted and were not handed to us.
    pub unseen: Vec<String>,
}

/// The file name of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn joined(folder: &str, file: &str) -> String {
    format!("{}/{file}", folder.trim_end_matches('/'))
}

impl<'a> Mounts<'a> {
    /// `config_map` finds one by its name, in the pod's namespace.
    pub fn of(
        spec: &PodSpec,
        container: &Container,
        config_map: impl Fn(&str) -> Option<&'a ConfigMap>,
    ) -> Self {
        let mut mounts = Self::default();
        for mount in &container.volume_mounts {
            let Some(volume) = spec.volumes.iter().find(|v| v.name == mount.name) else { continue };
            let projected = volume.projected.iter().flat_map(|p| &p.sources);
            let config_maps =
                volume.config_map.iter().chain(projected.clone().filter_map(|s| s.config_map.as_ref()));
            for projection in config_maps {
                match config_map(&projection.name) {
                    Some(object) => mounts.add_files(mount, projection, object),
                    None => mounts.unseen.push(projection.name.clone()),
                }
            }
            for projection in volume.secret.iter().chain(projected.filter_map(|s| s.secret.as_ref())) {
                mounts.add_secret(mount, projection);
            }
        }
        mounts
    }

    fn add_files(&mut self, mount: &VolumeMount, projection: &Projection, object: &'a ConfigMap) {
        for (key, text) in &object.data {
            let path = match projection.items.iter().find(|i| &i.key == key) {
                Some(item) => item.path.as_str(),
                None if projection.items.is_empty() => key.as_str(),
                None => continue,
            };
            let path = match mount.sub_path.as_deref().filter(|s| !s.is_empty()) {
                Some(sub_path) if sub_path == path => mount.mount_path.clone(),
                Some(_) => continue,
                None => joined(&mount.mount_path, path),
            };
            self.files.push(File { path, text, origin: format!("ConfigMap {}", projection.name) });
        }
    }

    fn add_secret(&mut self, mount: &VolumeMount, projection: &Projection) {
        let secret = || projection.name.clone();
        let key_of = |path: &str| {
            let item = projection.items.iter().find(|i| i.path == path);
            item.map_or_else(|| path.to_owned(), |i| i.key.clone())
        };
        match mount.sub_path.as_deref().filter(|s| !s.is_empty()) {
            Some(file) => self.secrets.push(SecretMount {
                path: mount.mount_path.clone(),
                secret: secret(),
                key: Some(key_of(file)),
            }),
            None if projection.items.is_empty() => {
                self.secrets.push(SecretMount {
                    path: mount.mount_path.clone(),
                    secret: secret(),
                    key: None,
                });
            }
            None => self.secrets.extend(projection.items.iter().map(|item| SecretMount {
                path: joined(&mount.mount_path, &item.path),
                secret: secret(),
                key: Some(item.key.clone()),
            })),
        }
    }
}

/// The Secret behind a path in the container.
pub(in crate::discover) fn secret_at(
    mounts: &[SecretMount],
    path: &str,
    namespace: &str,
) -> Option<SecretRef> {
    mounts.iter().find_map(|mount| {
        let key = match &mount.key {
            Some(key) => (mount.path == path).then(|| key.clone()),
            None => path
                .strip_prefix(mount.path.trim_end_matches('/'))
                .and_then(|rest| rest.strip_prefix('/'))
                .filter(|rest| !rest.is_empty())
                .map(str::to_owned),
        }?;
        Some(SecretRef { namespace: namespace.to_owned(), name: mount.secret.clone(), key })
    })
}
