//! The invariants of `ARCHITECTURE.md` that a machine can check. Each check was seen to fail before it was trusted: they
//! all look for what must be absent, and an empty search proves nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flotilla_tests::fleet::{coordinator_program, runner_program};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

/// Everything that ends up in a package's programs, itself included.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--package", package])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names of packages are text");
    let names: BTreeSet<String> =
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(names.contains(package), "the tree of {package} was read");
    names
}

fn check_absent(package: &str, forbidden: &[&str]) {
    let found: Vec<String> = tree(package)
        .into_iter()
        .filter(|name| forbidden.iter().any(|word| name.starts_with(word)))
        .collect();
    assert!(found.is_empty(), "{package} depends on {found:?}");
}

#[test]
fn coordinator_and_runner_meet_only_in_proto_and_profiles() {
    check_absent("flotilla-coordinator", &["flotilla-runner", "flotilla-engine"]);
    check_absent("flotilla-runner", &["flotilla-coordinator", "flotilla-profiles"]);
    check_absent("flotilla-proto", &["flotilla-coordinator", "flotilla-runner", "flotilla-engine"]);
    check_absent(
        "flotilla-profiles",
        &["flotilla-coordinator", "flotilla-runner", "flotilla-engine", "tokio"],
    );
}

#[test]
fn the_coordinator_holds_no_ffmpeg_and_the_runner_no_storage_client() {
    check_absent("flotilla-coordinator", &["ffmpeg", "rav1e"]);
    check_absent("flotilla-runner", &["aws-", "s3s", "rusqlite"]);
}

#[test]
fn the_engine_knows_no_runtime_and_no_network() {
    check_absent(
        "flotilla-engine",
        &["tokio", "futures", "reqwest", "hyper", "tonic", "rustls", "aws-", "socket2"],
    );
}

/// A linked library is named in the program's table of needed ones; the runner shows that it would be found. grep reads
/// half a gigabyte of program a hundred times faster than code of a debug build.
#[test]
fn the_coordinator_program_does_not_link_ffmpeg() {
    let names = |program: PathBuf| {
        let grep = Command::new("grep").args(["-qaF", "libavcodec.so"]).arg(&program).status();
        match grep.expect("grep starts").code() {
            Some(0) => true,
            Some(1) => false,
            code => panic!("{}: grep ended with {code:?}", program.display()),
        }
    };
    assert!(names(runner_program()), "the runner links libavcodec");
    assert!(!names(coordinator_program()), "the coordinator must not");
}

/// A line of code: comments and the tests at a file's end are left out.
struct Line {
    path: PathBuf,
    number: usize,
    text: String,
}

fn code(folder: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for path in rust_files(&root().join(folder)) {
        let text = fs::read_to_string(&path).expect("a source file is text");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (index, line) in code.lines().enumerate() {
            let text = line.split("//").next().unwrap_or_default().to_owned();
            lines.push(Line { path: path.clone(), number: index + 1, text });
        }
    }
    assert!(!lines.is_empty(), "there is code in {folder}");
    lines
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).flatten();
    let below = entries.flat_map(|entry| rust_files(&entry.path()));
    below.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn check_no_line(folder: &str, rule: &str, is_forbidden: impl Fn(&Line) -> bool) {
    let lines = code(folder);
    let shown = |line: &Line| format!("{}:{}: {}", line.path.display(), line.number, line.text.trim());
    let found: Vec<String> = lines.iter().filter(|line| is_forbidden(line)).map(shown).collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

#[test]
fn domain_and_planner_do_no_io_and_read_no_clock() {
    let forbidden =
        ["tokio", "async", "fs", "net", "env", "process", "thread", "SystemTime", "Instant", "rand"];
    for folder in ["coordinator/src/domain", "coordinator/src/planner"] {
        let breaks = |line: &Line| words(&line.text).any(|word| forbidden.contains(&word));
        check_no_line(folder, "pure functions on data", breaks);
    }
}

#[test]
fn unsafe_stands_in_one_file() {
    let home = root().join("runner/engine/src/ffi.rs");
    for folder in ["coordinator", "runner", "proto/src", "profiles/src", "tests/src", "benches"] {
        // A page's content policy has the word 'unsafe-inline'.
        let is_there = |line: &Line| words(&line.text.replace("unsafe-", "")).any(|word| word == "unsafe");
        let breaks = |line: &Line| line.path != home && is_there(line);
        check_no_line(folder, "unsafe is for the engine's ffi file", breaks);
    }
}

#[test]
fn every_object_key_is_made_in_one_file() {
    let home = root().join("coordinator/src/objects/keys.rs");
    // Fixtures name keys that others have made.
    let is_test = |path: &Path| {
        path.components()
            .any(|part| ["tests.rs", "fixtures.rs", "tests"].iter().any(|name| part.as_os_str() == *name))
    };
    let starts = ["\"scratch/", "\"sources/", "/media.mp4"];
    let makes_key = |line: &Line| starts.iter().any(|start| line.text.contains(start));
    let breaks = |line: &Line| line.path != home && !is_test(&line.path) && makes_key(line);
    check_no_line("coordinator/src", "keys are made in objects/keys.rs", breaks);
}

/// Which modules of its crate the code in `folder` may use besides itself.
fn check_uses(folder: &str, allowed: &[&str]) {
    let own = Path::new(folder).file_stem().expect("a folder has a name").to_string_lossy().into_owned();
    let breaks = |line: &Line| {
        let uses = line.text.split("crate::").skip(1).filter_map(|rest| words(rest).next());
        let mut uses = uses.filter(|module| module.chars().next().is_some_and(char::is_lowercase));
        uses.any(|module| module != own && !allowed.contains(&module))
    };
    check_no_line(folder, &format!("{folder} may use {allowed:?}"), breaks);
}

#[test]
fn no_import_climbs_to_a_higher_floor() {
    check_uses("coordinator/src/domain", &[]);
    check_uses("coordinator/src/planner", &["domain"]);
    check_uses("coordinator/src/objects", &["domain"]);
    check_uses("coordinator/src/store", &["domain", "objects"]);
    check_uses(
        "coordinator/src/parts",
        &["clock", "config", "domain", "lifecycle", "objects", "store", "wake"],
    );
    let verbs = [
        "clock",
        "data_dir",
        "domain",
        "jobs",
        "objects",
        "parts",
        "planner",
        "publish",
        "scheduler",
        "store",
        "wake",
    ];
    for folder in ["publish", "scheduler", "jobs"] {
        check_uses(&format!("coordinator/src/{folder}"), &verbs);
    }
    let edges = [verbs.as_slice(), &["config", "fleet", "instances"]].concat();
    for folder in ["fleet", "web"] {
        check_uses(&format!("coordinator/src/{folder}"), &edges);
    }
    check_uses("coordinator/src/instances", &[verbs.as_slice(), &["config", "peertube"]].concat());
    check_uses("coordinator/src/peertube", &["config"]);
    check_uses("runner/src/transfer", &["retry"]);
    check_uses("runner/src/hardware", &[]);
    check_uses("runner/src/attempt", &["transfer", "retry", "config", "coordinator", "hardware"]);
    check_uses("runner/src/neighbour", &["error", "identity"]);
    check_uses("runner/engine/src/ffi.rs", &[]);
    check_uses("runner/engine/src/fragment", &["error", "report", "spec"]);
    check_uses("runner/engine/src/source", &["error", "ffi", "pipe", "semi_planar", "spec"]);
}
