//! The table of rights for people.

use std::fmt::Write as _;

use super::{Command, Purpose, RULES};

/// The whole table as Markdown: what the README shows. `yes`: the command fails without it; `useful`: it is told, and the
/// command goes on.
pub fn table() -> String {
    let mut text = String::from("| rights in the release's namespace |");
    for command in Command::ALL {
        let verbs: Vec<_> = command.verbs().iter().map(|v| format!("`{v}`")).collect();
        let _ = write!(text, " {} |", verbs.join(", "));
    }
    let _ = write!(text, "\n|{}\n", " --- |".repeat(Command::ALL.len() + 1));
    for (purpose, rules) in RULES.iter().filter(|(p, _)| *p != Purpose::SearchElsewhere) {
        let rules: Vec<_> = rules
            .iter()
            .map(|(group, resources, verbs)| {
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                let resources: Vec<_> = resources.iter().map(|r| format!("`{r}{group}`")).collect();
                format!("{} {}", verbs.join(", "), resources.join(", "))
            })
            .collect();
        let _ = write!(text, "| {}: {} |", purpose.text(), rules.join("; "));
        for command in Command::ALL {
            let mark = match (command.purposes(true).contains(purpose), purpose.is_needed()) {
                (false, _) => "",
                (true, true) => "yes",
                (true, false) => "useful",
            };
            let _ = write!(text, " {mark} |");
        }
        text.push('\n');
    }
    text
}

impl Purpose {
    /// In words.
    fn text(self) -> &'static str {
        match self {
            Purpose::Discovery => "find the release",
            Purpose::Secrets => {
                "log in to the search engine (only the Secrets that the release itself uses, by name)"
            }
            Purpose::SearchElsewhere => "find a search engine in another namespace",
            Purpose::Forward => "reach it from outside the cluster (not needed in a pod)",
            Purpose::LookAtLock => "see who holds it",
            Purpose::Lock => "hold it, and remember what must be undone",
            Purpose::ReadRecords => "read the records of backups",
            Purpose::WriteRecords => "write the record of a backup",
            Purpose::RemoveRecords => "remove the record of a deleted backup",
            Purpose::Events => "write Events",
            Purpose::Job => "start a Job and follow it",
        }
    }
}
