//! Each crate depends only on crates below it, and the format crate on nothing that does I/O.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use windrow_tests::repository;

/// The crates of the workspace, from the ground up. Each may depend on those that stand before it.
const LAYERS: &[&str] = &[
    "windrow-format",
    "windrow-columnar",
    "windrow-io",
    "windrow-stream",
    "windrow-query",
    "windrow-server",
    "windrow",
    "windrow-cli",
    "windrow-python",
    "windrow-tests",
    "windrow-bench",
];

/// All that windrow-format may use: hashing, codecs, error derivation. Bytes in, values out.
const FORMAT_MAY_USE: &[&str] = &[
    "brotli",
    "crc32c",
    "highway",
    "lz4_flex",
    "snap",
    "thiserror",
    "zstd-safe",
];

/// What is only ever a tool of tests.
const TEST_TOOLS: &[&str] = &["proptest"];

#[derive(Debug)]
struct Dependency {
    name: String,
    kind: String,
}

/// The packages of the workspace and what each depends on.
fn packages() -> Vec<(String, Vec<Dependency>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .arg("--manifest-path")
        .arg(repository::path("Cargo.toml"))
        .output()
        .unwrap();
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problems}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let dependencies = dependencies.map(|dependency| Dependency {
                name: text(&dependency["name"]),
                kind: dependency["kind"].as_str().unwrap_or("normal").to_owned(),
            });
            (text(&package["name"]), dependencies.collect())
        })
        .collect()
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

#[test]
fn crates_depend_on_lower_layers_only() {
    let packages = packages();
    let names: BTreeSet<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
    for needed in ["windrow-format", "windrow-io", "windrow", "windrow-tests"] {
        assert!(names.contains(needed), "{needed} is not in the workspace");
    }
    let mut wrong = Vec::new();
    for (name, dependencies) in &packages {
        let Some(own) = layer(name) else {
            wrong.push(format!("{name} has no place in the table of layers"));
            continue;
        };
        for dependency in dependencies {
            let below = layer(&dependency.name).is_none_or(|other| other < own);
            let ours = dependency.name.starts_with("windrow");
            if !below || ours && layer(&dependency.name).is_none() {
                wrong.push(format!("{name} depends on {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_format_crate_does_no_input_or_output() {
    let packages = packages();
    let (_, dependencies) = packages
        .iter()
        .find(|(name, _)| name == "windrow-format")
        .unwrap();
    assert!(!dependencies.is_empty());
    for Dependency { name, kind } in dependencies {
        let allowed = FORMAT_MAY_USE.contains(&name.as_str());
        let tool = kind == "dev" && TEST_TOOLS.contains(&name.as_str());
        assert!(allowed || tool, "windrow-format depends on {name} ({kind})");
    }
}

/// The other implementation is for tests to compare with, and must not get into anything else.
#[test]
fn the_other_implementation_is_only_there_for_tests() {
    let packages = packages();
    let uses = packages.iter().flat_map(|(package, dependencies)| {
        let uses = dependencies.iter().filter(|uses| uses.name == "riegeli");
        uses.map(|uses| (package.as_str(), uses.kind.as_str()))
    });
    assert_eq!(uses.collect::<Vec<_>>(), [("windrow-tests", "dev")]);
}

/// No file, no socket, no clock, no thread: the sources name none of the standard library's modules for them.
#[test]
fn the_format_crate_names_no_module_for_input_or_output() {
    let mut folders = vec![repository::path("crates/windrow-format/src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for module in ["fs", "net", "env", "process", "thread", "time"] {
                let names = text.contains(&format!("std::{module}"));
                assert!(!names, "{} names std::{module}", path.display());
            }
        }
    }
    assert!(files > 20, "{files}");
}
