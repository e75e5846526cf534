//! What differs between the two products, as far as tests see it.

use camunda_backup::model::Engine;

use super::roles::Rights;

pub struct Product {
    pub engine: Engine,
    pub image: &'static str,
    /// The variable that says which version.
    pub version: &'static str,
    pub home: &'static str,
    /// The variable for options of Java.
    pub java: &'static str,
    /// Variables without which security is on.
    pub open: &'static [(&'static str, &'static str)],
    /// The type of the answer (400) to a snapshot whose name is taken.
    pub name_taken: &'static str,
    /// What `_status` calls a snapshot that lacks a shard.
    pub status_of_partial: &'static str,
    /// What is told of a snapshot that found the disk full.
    pub full_disk: &'static str,
    pub security: Security,
}

/// Security and TLS: settings, and where users and roles are made.
pub struct Security {
    pub on: &'static [(&'static str, &'static str)],
    /// The settings of certificates: certificate, key, and the authorities of clients; paths below `config/`.
    pub files: [&'static str; 3],
    pub admin: &'static str,
    pub roles: &'static str,
    pub users: &'static str,
    /// What `docs/rbac.md` names.
    pub rights: &'static Rights,
    /// What somebody needs who only reads the records.
    pub reader: &'static str,
    /// The body for `users`; `PASSWORD` and `ROLE` are to be replaced.
    pub user: &'static str,
}

pub const PASSWORD: &str = "Not-4-secret-but-strong";
