//! The house keeps its shape: which module may import which, and which of them are pure.
//!
//! One crate cannot make the compiler enforce layers, so this reads `use crate::` and `crate::` paths in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// module → modules of ours that it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("dialect", &["model"]),
    ("client", &["model", "wire"]),
    ("plan", &["model", "dialect", "client"]),
    ("survey", &["model", "dialect", "client", "plan"]),
    ("run", &["model", "dialect", "client", "plan"]),
    ("journal", &["model", "client", "run"]),
    ("cluster", &["model", "client", "run"]),
    ("catalogue", &["model", "dialect"]),
    // `client` for the type of a request alone, which is part of a plan.
    ("render", &["model", "dialect", "client", "plan", "run", "catalogue"]),
    ("discover", &["model"]),
    ("exit", &["model", "run"]),
    ("sim", &["model", "wire", "client"]),
    (
        "cli",
        &[
            "model",
            "dialect",
            "client",
            "plan",
            "survey",
            "run",
            "journal",
            "cluster",
            "discover",
            "catalogue",
            "render",
            "exit",
            "sim",
        ],
    ),
];

/// Modules without I/O, clock, environment or async. `plan` uses `client` for the type of a request alone.
const PURE: &[&str] = &["model", "wire", "dialect", "plan", "catalogue", "discover"];

fn sources(module: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = root.join(format!("{module}.rs"));
    if file.exists() {
        return vec![file];
    }
    let mut found = Vec::new();
    let mut folders = vec![root.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a module's folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The code without comments and without its unit tests, which may reach further.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("readable");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn imported(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (i, _) in code.match_indices("crate::") {
        let rest = &code[i + "crate::".len()..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            found.insert(name);
        }
    }
    found
}

#[test]
fn modules_import_only_what_they_may() {
    let arrows: BTreeMap<_, BTreeSet<_>> =
        ARROWS.iter().map(|(m, to)| (*m, to.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (module, may) in &arrows {
        for path in sources(module) {
            for name in imported(&code(&path)) {
                let module_of_ours = arrows.contains_key(name.as_str());
                if module_of_ours && name != *module && !may.contains(name.as_str()) {
                    wrong.push(format!("{} imports {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("readable");
    let declared: BTreeSet<_> =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let known: BTreeSet<_> = ARROWS.iter().map(|(m, _)| *m).collect();
    assert_eq!(declared, known);
}

#[test]
fn pure_modules_do_nothing() {
    let banned = [
        "async fn",
        ".await",
        "tokio::",
        "std::fs",
        "std::env",
        "std::net",
        "Timestamp::now",
        "Instant::now",
    ];
    for module in PURE {
        for path in sources(module) {
            let code = code(&path);
            for word in banned {
                assert!(!code.contains(word), "{} contains {word}", path.display());
            }
        }
    }
}

#[test]
fn select_stands_only_around_what_may_be_dropped() {
    // A request that changes something must not be raced. In the driver there are two places: a wait for something
    // harmless, and the pause between two attempts to resume.
    let with_select: Vec<_> = sources("run")
        .into_iter()
        .filter(|p| code(p).contains("select!"))
        .map(|p| p.file_name().expect("a file").to_string_lossy().into_owned())
        .collect();
    let with_select: BTreeSet<_> = with_select.iter().map(String::as_str).collect();
    assert_eq!(with_select, BTreeSet::from(["release.rs", "wait.rs"]));
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for (module, _) in ARROWS {
        for path in sources(module) {
            let lines = fs::read_to_string(&path).expect("readable").lines().count();
            assert!(lines <= 520, "{} has {lines} lines: which second concept moved in?", path.display());
        }
    }
}
