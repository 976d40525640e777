//! The program `flotilla` as people meet it: its help, and what it says and how it ends when it cannot do what it was
//! asked for.

use std::net::TcpListener;
use std::path::Path;

use tokio::process::Command;

use crate::stage::Stage;

const USAGE: i32 = 2;
const SOURCE: i32 = 3;
const PROFILE: i32 = 4;
const NO_RUNNER: i32 = 5;
const STORAGE: i32 = 6;
const INTERNAL: i32 = 7;

/// The program, with nothing of this environment; no runner that it starts does any work.
fn flotilla(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flotilla"));
    command.args(arguments).env_clear().env("FLOTILLA_RUNNER_BINARY", "/bin/true").kill_on_drop(true);
    command
}

/// A command that ends with this exit code, these words in its error, and a hint.
async fn check(arguments: &[&str], exit_code: i32, words: &[&str]) {
    check_command(flotilla(arguments), exit_code, words).await;
}

async fn check_command(mut command: Command, exit_code: i32, words: &[&str]) {
    let output = crate::stage::soon(command.output()).await.expect("flotilla starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit_code), "{command:?} said: {said}");
    let error = said.split_once("error: ").unwrap_or_else(|| panic!("{command:?} told no error: {said}")).1;
    for word in words {
        assert!(error.contains(word), "{command:?}: {word:?} is not in: {error}");
    }
    // The parser of the command line has hints of its own.
    assert!(exit_code == USAGE || said.contains("\nhint: "), "{command:?} gives no hint: {said}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is text")
}

#[tokio::test]
async fn the_help_of_every_command() {
    let commands = [
        "",
        "transcode",
        "probe",
        "serve",
        "submit",
        "jobs",
        "job",
        "why",
        "cancel",
        "retry",
        "runners",
        "bench",
        "bench run",
        "bench leaderboard",
        "bench compare",
        "bench report",
        "bench export",
        "plan-capacity",
        "token",
        "token create",
        "token list",
        "token revoke",
        "profiles",
        "profiles show",
    ];
    for name in commands {
        let words: Vec<_> = name.split_whitespace().chain(["--help"]).collect();
        let output = flotilla(&words).output().await.expect("flotilla starts");
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).expect("help is text");
        let name = if name.is_empty() { "flotilla".to_owned() } else { format!("flotilla {name}") };
        insta::assert_snapshot!(name.replace(' ', "-"), help);
    }
}

#[tokio::test]
async fn sources_profiles_and_folders_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let [clip, empty, out] = ["clip.mp4", "empty.mp4", "out"].map(|name| folder.path().join(name));
    std::fs::write(&clip, "bytes of a video").unwrap();
    std::fs::write(&empty, "").unwrap();
    let transcode = async |input: &Path, out: &Path, more: &[&str], exit_code, words: &[&str]| {
        let words_said = [&["transcode", text(input), "--out", text(out)], more].concat();
        check(&words_said, exit_code, words).await;
    };
    transcode(&folder.path().join("nowhere.mp4"), &out, &[], SOURCE, &["nowhere.mp4", "does not exist"])
        .await;
    transcode(folder.path(), &out, &[], SOURCE, &["is a folder"]).await;
    transcode(&empty, &out, &[], SOURCE, &["empty.mp4", "is empty"]).await;
    transcode(&clip, &out, &["--profile", "wbe"], PROFILE, &["wbe", "did you mean"]).await;
    transcode(&clip, &out, &["--work-dir", "/nonexistent"], STORAGE, &["/nonexistent"]).await;
    transcode(&clip, &clip, &[], STORAGE, &["cannot write", "clip.mp4"]).await;
    transcode(&clip, &out, &["--chunk-seconds", "0"], USAGE, &["--chunk-seconds"]).await;
    let mut no_runner = flotilla(&["transcode", text(&clip), "--out", text(&out)]);
    no_runner.env("FLOTILLA_RUNNER_BINARY", "/nonexistent/flotilla-runner");
    check_command(no_runner, NO_RUNNER, &["/nonexistent/flotilla-runner"]).await;
    assert!(!out.exists(), "something was left behind");
    let probe = async |input: &Path, more: &[&str], exit_code, words: &[&str]| {
        check(&[&["probe", text(input)], more].concat(), exit_code, words).await;
    };
    probe(&folder.path().join("nowhere.mp4"), &[], SOURCE, &["nowhere.mp4", "does not exist"]).await;
    probe(&clip, &["--profile", "wbe"], PROFILE, &["wbe", "did you mean"]).await;
    probe(&clip, &["--work-dir", "/nonexistent"], STORAGE, &["/nonexistent"]).await;
    probe(&clip, &["--config", "/nonexistent.toml"], USAGE, &["/nonexistent.toml"]).await;
    probe(&clip, &["--chunk-seconds", "2"], USAGE, &["--profile"]).await;
    check(&["profiles", "show", "wbe"], PROFILE, &["wbe", "did you mean"]).await;
}

#[tokio::test]
async fn coordinators_that_cannot_serve() {
    let folder = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    check(
        &["serve", "--listen", &address, "--data-dir", text(&data)],
        INTERNAL,
        &["cannot listen", &address],
    )
    .await;

    let typo = folder.path().join("typo.toml");
    std::fs::write(&typo, "[server]\nlisten_on = \"127.0.0.1:0\"\n").unwrap();
    check(&["serve", "--config", text(&typo)], USAGE, &["typo.toml", "listen_on"]).await;
    check(&["serve", "--config", "/nonexistent.toml"], USAGE, &["/nonexistent.toml"]).await;

    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    check(&["serve", "--listen", "127.0.0.1:0", "--data-dir", text(&below)], STORAGE, &["a-file/data"]).await;

    let stage = Stage::new().await;
    let data = stage.folder.path().join("data");
    let second = ["serve", "--listen", "127.0.0.1:0", "--data-dir", text(&data)];
    check(&second, INTERNAL, &["another coordinator"]).await;
}

#[tokio::test]
async fn coordinators_that_cannot_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    check(&["jobs", "--data-dir", text(folder.path())], USAGE, &["no admin token", "admin-token"]).await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!("http://{free}");
    check(&["jobs", "--url", &away, "--admin-token", "x"], INTERNAL, &["no coordinator", &away]).await;

    let stage = Stage::new().await;
    let url = stage.coordinator.url();
    let asked = async |words: &[&str], exit_code, expected: &[&str]| {
        let token = stage.coordinator.admin_token();
        check(&[words, &["--url", &url, "--admin-token", token]].concat(), exit_code, expected).await;
    };
    check(&["runners", "--url", &url, "--admin-token", "wrong"], USAGE, &["admin token"]).await;
    asked(&["why", "unheard-of"], USAGE, &["unheard-of", "not known"]).await;
    asked(&["job", "unheard-of"], USAGE, &["unheard-of", "not known"]).await;
    asked(&["job", "../tokens"], USAGE, &["letters, digits and dashes"]).await;
    asked(&["jobs", "--state", "asleep"], USAGE, &["asleep", "probing"]).await;
    asked(&["jobs", "--limit", "0"], USAGE, &["--limit"]).await;
    asked(&["bench", "run"], USAGE, &["no runner is live"]).await;
    asked(&["bench", "leaderboard"], USAGE, &["no runner of this fleet has been measured"]).await;
    let capacity = ["plan-capacity", "--uploads-per-day", "1", "--minutes", "1"];
    asked(&capacity, USAGE, &["no runner of this fleet has been measured"]).await;
    asked(&[&capacity[..], &["--profile", "wbe"]].concat(), PROFILE, &["wbe", "did you mean"]).await;
    asked(&[&capacity[..], &["--source", "big"]].concat(), USAGE, &["1920x1080@30"]).await;
    asked(&["bench", "leaderboard", "--price", "a=x"], USAGE, &["no price of an hour"]).await;
    asked(&["token", "revoke", "unheard-of"], USAGE, &["unheard-of"]).await;
    asked(&["submit", "clip.mp4", "--dest", "s3://flotilla/out"], SOURCE, &["clip.mp4", "s3://"]).await;
    asked(&["submit", "s3://flotilla/in.mp4", "--dest", "out"], USAGE, &["s3://"]).await;
    asked(&["submit", "s3://flotilla/in.mp4", "--dest", "s3://flotilla/out"], SOURCE, &["does not exist"])
        .await;
}
