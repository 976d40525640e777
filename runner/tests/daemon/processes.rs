//! The real binary and real signals.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::engine::{self, DONE, HANG};
use crate::world::{World, until_gone};

/// Starts the binary as the all-in-one command does.
fn start(world: &World, body: &str) -> Child {
    let engine = engine::script(world.folder.path(), body).program;
    binary(world.folder.path())
        .args(["run", "--slots", "1", "--token", "good", "--url", &world.coordinator.url])
        .env("FLOTILLA_ENGINE", engine)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flotilla-runner"));
    command.arg("--state-dir").arg(folder.join("state"));
    command
}

fn signal(daemon: &Child, signal: Signal) {
    kill(Pid::from_raw(daemon.id().unwrap().cast_signed()), signal).unwrap();
}

#[tokio::test]
async fn one_signal_drains_and_ends_well() {
    let world = World::new(Vec::new()).await;
    let mut daemon = start(&world, DONE);
    world.coordinator.until("the daemon calls", |state| !state.syncs.is_empty()).await;
    signal(&daemon, Signal::SIGTERM);
    assert_eq!(daemon.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn two_signals_stop_at_once() {
    let world = World::new(Vec::new()).await;
    let mut daemon = start(&world, HANG);
    world.lease("a", 1024);
    let pid = world.engine_pid().await;
    signal(&daemon, Signal::SIGINT);
    let is_draining =
        |state: &mut crate::coordinator::State| state.syncs.last().is_some_and(|sync| sync.draining);
    world.coordinator.until("the drain is told", is_draining).await;
    signal(&daemon, Signal::SIGTERM);
    assert_eq!(daemon.wait().await.unwrap().code(), Some(130));
    until_gone(pid).await;
    assert_eq!(world.coordinator.with(|state| state.fails.len()), 1);
}

async fn check_refusal(arguments: &[&str], code: i32, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = binary(folder.path()).args(arguments).output().await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("error: ") && text.contains("\n\nhint: "), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[tokio::test]
async fn mistakes_are_told_with_a_hint_and_a_code() {
    check_refusal(&["run"], 2, &["not joined", "flotilla-runner join"]).await;
    check_refusal(&["leave"], 2, &["not joined"]).await;
    check_refusal(&["join", "http://192.0.2.1:7", "--token", "t"], 2, &["plain http", "--allow-plaintext"])
        .await;
    check_refusal(&["join", "nonsense", "--token", "t"], 2, &["`nonsense` is not an address"]).await;
    check_refusal(&["join", "http://127.0.0.1:9", "--token", "t"], 6, &["refused", "coordinator runs"]).await;
    check_refusal(&["run", "--config", "/nowhere.toml"], 2, &["/nowhere.toml cannot be read"]).await;
}
