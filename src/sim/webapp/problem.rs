//! The errors of Operate and Tasklist, which differ for every cause (`API.md` section 2, `recorded/es/err-*`).

use serde_json::{Value, json};

use super::{Answer, App, Incoming, Wall, World};
use crate::model::Engine;
use crate::sim::answer::PROBLEM;
use crate::sim::incoming::Body;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) enum Problem {
    /// No body.
    NoBody,
    /// The body is not JSON.
    BrokenBody,
    /// Another content type.
    MediaType(String),
    /// The ID in the body is no number.
    BadId(String),
    /// It does not fit a `long`.
    HugeId(String),
    /// There is none.
    NoId,
    /// It is negative.
    NegativeId(i64),
    /// The ID in the path is no number.
    BadPathId(String),
    /// No repository is configured.
    NotConfigured,
    /// The engine does not answer, for `POST` and `DELETE`.
    EngineDownForRepository,
    /// The same for `GET` of one backup.
    EngineDownForBackup(u64),
    /// The same for the list.
    EngineDownForList,
    /// A snapshot has a name that begins like one of the application's, and is none: the list fails at it.
    ForeignSnapshot,
    /// The engine does not know the repository.
    NoRepository,
    /// There is such a backup.
    Exists {
        /// The ID.
        id: u64,
        /// Names and identifiers of its snapshots.
        found: Vec<(String, String)>,
    },
    /// There is no such backup.
    Unknown(u64),
}

/// The ID in the body of a `POST`, as Jackson reads a `Long`: text and decimals are accepted.
pub(in crate::sim) fn backup_id(body: &Body) -> Result<u64, Problem> {
    let value = match body {
        Body::None => return Err(Problem::NoBody),
        Body::Broken(text) if text.is_empty() => return Err(Problem::NoBody),
        Body::Broken(_) => return Err(Problem::BrokenBody),
        Body::Other(kind) => return Err(Problem::MediaType(kind.clone())),
        Body::Json(value) => value.get("backupId").unwrap_or(&Value::Null),
    };
    let number = match value {
        Value::Null => return Err(Problem::NoId),
        Value::String(text) => text.trim().parse().map_err(|_| Problem::BadId(text.clone()))?,
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number,
            #[expect(clippy::cast_possible_truncation, reason = "checked to be far inside the range")]
            (None, Some(number)) if number.abs() < 9.0e18 => number as i64,
            _ => return Err(Problem::HugeId(number.to_string())),
        },
        other => return Err(Problem::BadId(other.to_string())),
    };
    u64::try_from(number).map_err(|_| Problem::NegativeId(number))
}

/// The ID in the path.
pub(in crate::sim) fn path_id(text: &str) -> Result<u64, Problem> {
    let number: i64 = text.parse().map_err(|_| Problem::BadPathId(text.to_owned()))?;
    u64::try_from(number).map_err(|_| Problem::NegativeId(number))
}

impl Problem {
    /// The answer of this application, on this engine.
    pub(super) fn answer(&self, world: &mut World, app: App, incoming: &Incoming, now: Wall) -> Answer {
        let open = world.profile.engine == Engine::OpenSearch;
        let (operate, tasklist) = self.statuses(open);
        let message = self.message(world, app);
        match app {
            App::Operate => {
                let kind = if operate == 404 { "Requested resource not found" } else { "Invalid request" };
                let body = json!({
                    "status": operate, "message": message, "instance": world.uuid(), "type": kind,
                });
                Answer::typed(operate, PROBLEM, &body)
            }
            // Tasklist leaves some to Spring, which says nothing
            App::Tasklist => match (self, open) {
                (
                    Self::NoBody
                    | Self::BrokenBody
                    | Self::BadId(_)
                    | Self::HugeId(_)
                    | Self::MediaType(_)
                    | Self::BadPathId(_),
                    _,
                )
                | (Self::Unknown(_), false) => Answer::spring(tasklist, incoming.full_path(), now),
                _ => {
                    let instance = if tasklist >= 500 { Value::Null } else { world.uuid().into() };
                    let body = json!({ "status": tasklist, "message": message, "instance": instance });
                    Answer::typed(tasklist, PROBLEM, &body)
                }
            },
        }
    }

    /// HTTP status of Operate and of Tasklist.
    fn statuses(&self, open: bool) -> (u16, u16) {
        match self {
            Self::MediaType(_) => (400, 415),
            Self::NotConfigured => (400, 404),
            Self::EngineDownForRepository if open => (400, 500),
            Self::EngineDownForRepository | Self::EngineDownForBackup(_) | Self::EngineDownForList => {
                (400, 502)
            }
            Self::Unknown(_) if open => (404, 404),
            Self::NoRepository | Self::ForeignSnapshot | Self::Unknown(_) => (400, 500),
            Self::NoBody
            | Self::BrokenBody
            | Self::BadId(_)
            | Self::HugeId(_)
            | Self::NoId
            | Self::NegativeId(_)
            | Self::BadPathId(_)
            | Self::Exists { .. } => (400, 400),
        }
    }

    fn message(&self, world: &World, app: App) -> String {
        let repository = &world.profile.repository;
        let open = world.profile.engine == Engine::OpenSearch;
        match self {
            Self::NoBody => "Required request body is missing: public \
                             io.camunda.operate.webapp.management.dto.TakeBackupResponseDto \
                             io.camunda.operate.webapp.management.BackupController.takeBackup(io.camunda.operate.webapp.\
                             management.dto.TakeBackupRequestDto)"
                .to_owned(),
            Self::BrokenBody => {
                "JSON parse error: Unexpected end-of-input within/between Object entries".to_owned()
            }
            Self::MediaType(kind) => format!("Content-Type '{kind}' is not supported"),
            Self::BadId(text) => format!(
                "JSON parse error: Cannot deserialize value of type `java.lang.Long` from String \"{text}\": not a \
                 valid `java.lang.Long` value"
            ),
            Self::HugeId(text) => format!(
                "JSON parse error: Numeric value ({text}) out of range of long (-9223372036854775808 - \
                 9223372036854775807)"
            ),
            Self::NoId => "BackupId must be provided".to_owned(),
            Self::NegativeId(number) => {
                let kind = if app == App::Operate { "Integer" } else { "Long" };
                format!("BackupId must be a non-negative {kind}. Received value: {number}")
            }
            Self::BadPathId(text) => format!(
                "Failed to convert value of type 'java.lang.String' to required type 'java.lang.Long'; For input \
                 string: \"{text}\""
            ),
            Self::NotConfigured => "No backup repository configured.".to_owned(),
            Self::EngineDownForRepository if open => {
                format!("Exception occurred when validating existence of repository with name [{repository}].")
            }
            Self::EngineDownForRepository => format!(
                "Encountered an error connecting to Elasticsearch while retrieving repository with name [{repository}]."
            ),
            Self::EngineDownForBackup(id) if open && app == App::Operate => {
                format!("Exception occurred when searching for backup with ID [{id}].")
            }
            Self::EngineDownForList if open && app == App::Operate => format!(
                "Exception occurred when searching for backups: Failed to get snapshot camunda_operate_* in \
                 repository {repository}"
            ),
            // Tasklist says Elasticsearch on OpenSearch, too (recorded)
            Self::EngineDownForBackup(_) | Self::EngineDownForList => format!(
                "Encountered an error connecting to Elasticsearch while searching for snapshots. Repository name: \
                 [{repository}]."
            ),
            // Seen on 8.6.0.
            Self::ForeignSnapshot if open && app == App::Tasklist => {
                "Exception occurred when searching for backups: Cannot invoke \"org.opensearch.client.json.JsonData.\
                 to(java.lang.Class)\" because the return value of \"java.util.Map.get(Object)\" is null"
                    .to_owned()
            }
            Self::ForeignSnapshot => {
                let package = if app == App::Operate { "operate.webapp" } else { "tasklist.webapp.es" };
                format!(
                    "Exception occurred when searching for backups: Cannot invoke \"io.camunda.{package}.backup.Metadata.\
                     getBackupId()\" because \"metadata\" is null"
                )
            }
            Self::NoRepository => format!("No repository with name [{repository}] could be found."),
            Self::Exists { id, found } => {
                let uuids_only = open && app == App::Operate;
                let found = found.iter().map(|(name, uuid)| if uuids_only { uuid.clone() } else { format!("{name}/{uuid}") });
                let found = found.collect::<Vec<_>>().join(", ");
                format!("A backup with ID [{id}] already exists. Found snapshots: [{found}]")
            }
            Self::Unknown(id) if open => format!("No backup with id [{id}] found."),
            Self::Unknown(_) => "Index 0 out of bounds for length 0".to_owned(),
        }
    }
}
