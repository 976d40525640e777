//! The configurations in `deploy/` are true: the programs take every key of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flotilla_tests::fleet::{Stage, coordinator_program, runner_program};

const USAGE: i32 = 2;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("deploy/config").join(name)
}

/// The example with its optional keys, which are commented out, put in.
fn with_every_key(name: &str, folder: &Path) -> PathBuf {
    let is_key = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let text = fs::read_to_string(example(name)).expect("the example is there");
    let put_in = |line: &str| match line.strip_prefix("# ") {
        Some(optional) if is_key(optional) => optional.to_owned(),
        _ => line.to_owned(),
    };
    let path = folder.join(name);
    let lines: Vec<String> = text.lines().map(put_in).collect();
    fs::write(&path, lines.join("\n")).expect("a file can be written");
    path
}

/// Runs a program that must end with a usage error, and returns what it said.
fn refused(program: &Path, configure: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(program);
    configure(&mut command);
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(USAGE), "{said}");
    said
}

#[test]
fn a_coordinator_takes_every_key_of_its_example() {
    let stage = Stage::new();
    let config = with_every_key("coordinator.toml", stage.path());
    let said = refused(&coordinator_program(), |command| {
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(stage.path().join("data"));
        command.arg("--config").arg(&config);
    });
    // Everything was read and understood: only the file that the example names is not on this machine.
    let problems: Vec<&str> = said.lines().filter(|line| line.starts_with("  - ")).collect();
    assert_eq!(problems.len(), 1, "{said}");
    assert!(problems[0].contains("storage.secret_key_file"), "{said}");
}

#[test]
fn a_runner_takes_every_key_of_its_example() {
    let stage = Stage::new();
    let config = with_every_key("runner.toml", stage.path());
    let said = refused(&runner_program(), |command| {
        command.arg("leave").arg("--state-dir").arg(stage.path().join("state")).arg("--config").arg(&config);
    });
    assert!(said.contains("has not joined"), "{said}");
}
