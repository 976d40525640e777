//! The programs under test: those that `cargo` builds from this tree, brought up to date once per test run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Tests the programs of this folder as they are, instead of building them.
const FOLDER_VARIABLE: &str = "FLOTILLA_TEST_PROGRAMS";

/// `flotilla`
pub fn coordinator_program() -> PathBuf {
    folder().join("flotilla")
}

/// `flotilla-runner`
pub fn runner_program() -> PathBuf {
    folder().join("flotilla-runner")
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => build(),
    })
}

/// Test programs lie in `TARGET/PROFILE/deps`, the others in `TARGET/PROFILE`.
fn build() -> PathBuf {
    let here = std::env::current_exe().expect("a test knows its program");
    let profile = here.ancestors().nth(2).expect("cargo's layout of target folders").to_owned();
    let target = profile.parent().expect("cargo's layout of target folders");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace, as the tests themselves were built: with other features, cargo would build twice.
    command.args(["build", "--quiet", "--locked", "--workspace", "--bins", "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    // `cargo test` tells a test what package it is of; crates whose build scripts watch that would be built again.
    let about_package = |name: &str| name.starts_with("CARGO_MANIFEST") || name.starts_with("CARGO_PKG");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(about_package)) {
        command.env_remove(name);
    }
    let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts");
    assert!(status.success(), "the programs under test do not build");
    profile
}
