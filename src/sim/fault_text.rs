//! Faults as words, for the command line and the sandbox's control path.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Fault;

/// Every fault as it is written, for error messages.
const KNOWN: &str = "refuse, hang, drop-request, drop-answer, slow:TIME, late:TIME, status:CODE[:MESSAGE], \
                     effect-then-status:CODE, panic, envelope-failure, envelope-partial, snapshot-partial, \
                     snapshot-failed, partition-failed:NUMBER, partition-lost:NUMBER, stuck-in-progress, \
                     stuck-incomplete, not-visible";

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// No such fault.
    #[error("{0:?} is not a fault; known faults are {KNOWN}")]
    Unknown(String),
    /// What follows the colon is missing or wrong.
    #[error("the fault {word} needs {needs}, as in {example}")]
    Argument {
        /// The fault.
        word: &'static str,
        /// What it needs.
        needs: &'static str,
        /// How it looks.
        example: &'static str,
    },
    /// Nothing may follow.
    #[error("the fault {0} takes no argument")]
    NoArgument(&'static str),
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, argument) = match text.split_once(':') {
            Some((word, argument)) => (word.trim(), Some(argument.trim())),
            None => (text.trim(), None),
        };
        let plain = |word: &'static str, fault: Self| match argument {
            None => Ok(fault),
            Some(_) => Err(InvalidFault::NoArgument(word)),
        };
        let wrong = |word, needs, example| InvalidFault::Argument { word, needs, example };
        let time = |word, example| argument.and_then(duration).ok_or_else(|| wrong(word, "a time", example));
        let partition = |word, example| {
            let number = argument.and_then(|a| a.parse().ok()).filter(|n| *n > 0);
            number.ok_or_else(|| wrong(word, "the number of a partition, from 1", example))
        };
        match word {
            "refuse" => plain("refuse", Self::Refuse),
            "hang" => plain("hang", Self::Hang),
            "drop-request" => plain("drop-request", Self::DropRequest),
            "drop-answer" => plain("drop-answer", Self::DropAnswer),
            "slow" => time("slow", "slow:2s").map(Self::Slow),
            "late" => time("late", "late:90s").map(Self::Late),
            "status" => {
                let (code, message) = match argument.and_then(|a| a.split_once(':')) {
                    Some((code, message)) => (Some(code), Some(message.trim().to_owned())),
                    None => (argument, None),
                };
                let code =
                    code.and_then(status).ok_or_else(|| wrong("status", "an HTTP status", "status:503"))?;
                Ok(Self::Status(code, message.filter(|m| !m.is_empty())))
            }
            "effect-then-status" => argument
                .and_then(status)
                .map(Self::EffectThenStatus)
                .ok_or_else(|| wrong("effect-then-status", "an HTTP status", "effect-then-status:500")),
            "panic" => plain("panic", Self::Panic),
            "envelope-failure" => plain("envelope-failure", Self::EnvelopeFailure),
            "envelope-partial" => plain("envelope-partial", Self::EnvelopePartial),
            "snapshot-partial" => plain("snapshot-partial", Self::SnapshotPartial),
            "snapshot-failed" => plain("snapshot-failed", Self::SnapshotFailed),
            "partition-failed" => {
                partition("partition-failed", "partition-failed:2").map(Self::PartitionFailed)
            }
            "partition-lost" => partition("partition-lost", "partition-lost:2").map(Self::PartitionLost),
            "stuck-in-progress" => plain("stuck-in-progress", Self::StuckInProgress),
            "stuck-incomplete" => plain("stuck-incomplete", Self::StuckIncomplete),
            "not-visible" => plain("not-visible", Self::NotVisible),
            other => Err(InvalidFault::Unknown(other.to_owned())),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("refuse"),
            Self::Hang => f.write_str("hang"),
            Self::DropRequest => f.write_str("drop-request"),
            Self::DropAnswer => f.write_str("drop-answer"),
            Self::Slow(time) => write!(f, "slow:{}ms", time.as_millis()),
            Self::Late(time) => write!(f, "late:{}ms", time.as_millis()),
            Self::Status(code, None) => write!(f, "status:{code}"),
            Self::Status(code, Some(message)) => write!(f, "status:{code}:{message}"),
            Self::EffectThenStatus(code) => write!(f, "effect-then-status:{code}"),
            Self::Panic => f.write_str("panic"),
            Self::EnvelopeFailure => f.write_str("envelope-failure"),
            Self::EnvelopePartial => f.write_str("envelope-partial"),
            Self::SnapshotPartial => f.write_str("snapshot-partial"),
            Self::SnapshotFailed => f.write_str("snapshot-failed"),
            Self::PartitionFailed(number) => write!(f, "partition-failed:{number}"),
            Self::PartitionLost(number) => write!(f, "partition-lost:{number}"),
            Self::StuckInProgress => f.write_str("stuck-in-progress"),
            Self::StuckIncomplete => f.write_str("stuck-incomplete"),
            Self::NotVisible => f.write_str("not-visible"),
        }
    }
}

/// `200ms`, `5s`, `2m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (200..=599).contains(code))
}
