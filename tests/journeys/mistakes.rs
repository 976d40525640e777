//! Mistakes that people make: each gets one sentence, a hint and its exit code, and leaves neither a process nor half a
//! result behind.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Process, Stage, Store, coordinator_program, runner_program, session_members};

const USAGE: i32 = 2;
const SOURCE: i32 = 3;
const PROFILE: i32 = 4;
const STORAGE: i32 = 6;
/// A runner says with it that the coordinator, or the way to it, is the matter.
const COORDINATOR: i32 = 6;
const INTERNAL: i32 = 7;

/// Every mistake is noticed long before that.
const AT_MOST: Duration = Duration::from_secs(120);

/// A program that must fail with this exit code and these words in its error, and leave no process.
fn check(program: &Path, arguments: &[&str], exit_code: i32, words: &[&str]) {
    let stage = tempfile::tempdir().expect("a temporary folder");
    let configure = |command: &mut std::process::Command| {
        command.args(arguments).env("FLOTILLA_RUNNER_STATE", stage.path()).env_remove("FLOTILLA_URL");
    };
    let log = stage.path().join("log");
    let mut process = Process::start(program, configure, &log);
    let status = process.wait_end(AT_MOST);
    let said = fs::read_to_string(&log).expect("the program said something");
    assert_eq!(status.code(), Some(exit_code), "{arguments:?} said: {said}");
    let error =
        said.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no error: {said}"));
    for word in words {
        assert!(error.contains(word), "{arguments:?}: {word:?} is not in: {error}");
    }
    assert!(said.contains("\nhint: "), "{arguments:?} gives no hint: {said}");
    assert_eq!(session_members(process.id()), [], "{arguments:?} left a process");
}

/// `flotilla transcode` of `input`; it must leave no output folder.
fn check_transcode(input: &Path, options: &[&str], exit_code: i32, words: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out");
    let fixed = ["transcode", text(input), "--out", text(&out)];
    check(&coordinator_program(), &[fixed.as_slice(), options].concat(), exit_code, words);
    assert!(!out.exists(), "half a result was left: {:?}", fs::read_dir(&out).map(Iterator::count));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is text")
}

#[test]
fn inputs_that_are_no_video() {
    let stage = Stage::new();
    check_transcode(&stage.path().join("nowhere.mp4"), &[], SOURCE, &["nowhere.mp4", "does not exist"]);
    check_transcode(stage.path(), &[], SOURCE, &["is a folder"]);

    let empty = stage.path().join("empty.mp4");
    fs::write(&empty, "").expect("a file can be written");
    check_transcode(&empty, &[], SOURCE, &["empty.mp4", "is empty"]);

    let letter = stage.path().join("letter.mp4");
    fs::write(&letter, "Dear sir or madam,\n".repeat(500)).expect("a file can be written");
    check_transcode(&letter, &[], SOURCE, &[]);
}

/// Runs a program on a file system of its own that is too small, and adds to its exit code what it left there.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o "size=$1" none "$2" || exit 98
"$3" transcode "$4" --out "$2/out"
code=$?
test -z "$(ls -A "$2")" || exit 99
exit $code
"#;

#[test]
fn a_disk_that_is_full() {
    // A mount of one's own needs a namespace of one's own, which some systems do not give.
    let namespaces = std::process::Command::new("unshare").args(["-rm", "true"]).status();
    if !namespaces.is_ok_and(|status| status.success()) {
        eprintln!("*** SKIPPED: a full disk. `unshare -rm` is not allowed here. ***");
        return;
    }
    let program = coordinator_program();
    // Too small for the source, then for what is made of it.
    for size in ["1m", "4m"] {
        let stage = Stage::new();
        let disk = stage.path().join("disk");
        fs::create_dir(&disk).expect("a folder can be made");
        let script = ["-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", size, text(&disk), text(&program)];
        let clip = FLOWER.path();
        let arguments = [script.as_slice(), &[text(&clip)]].concat();
        check(Path::new("unshare"), &arguments, STORAGE, &["disk", "full"]);
    }
}

#[test]
fn a_playlist_named_mp4_reads_no_other_file() {
    let stage = Stage::new();
    let playlist = stage.path().join("playlist.mp4");
    let clip = FLOWER.path();
    let lines = format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n", clip.display());
    fs::write(&playlist, lines).expect("a file can be written");
    check_transcode(&playlist, &[], SOURCE, &[]);
}

#[test]
fn a_profile_that_is_not_there() {
    let _stage = Stage::new();
    check_transcode(&FLOWER.path(), &["--profile", "wbe"], PROFILE, &["wbe"]);
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    let stage = Stage::new();
    let file = stage.path().join("a-file");
    fs::write(&file, "not a folder").expect("a file can be written");
    let clip = FLOWER.path();
    let arguments = ["transcode", text(&clip), "--out", text(&file)];
    check(&coordinator_program(), &arguments, STORAGE, &["a-file"]);
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), "not a folder");

    let locked = stage.path().join("locked");
    fs::create_dir(&locked).expect("a folder can be made");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).expect("permissions can be set");
    // Root may write everywhere.
    if !nix::unistd::Uid::effective().is_root() {
        let arguments = ["transcode", text(&clip), "--out", text(&locked)];
        check(&coordinator_program(), &arguments, STORAGE, &["locked"]);
    }
}

#[test]
fn a_port_that_is_taken() {
    let stage = Stage::new();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let address = holder.local_addr().expect("a bound socket has an address").to_string();
    let data = stage.path().join("data");
    let arguments = ["serve", "--listen", &address, "--data-dir", text(&data)];
    check(&coordinator_program(), &arguments, INTERNAL, &["cannot listen", &address]);
}

#[test]
fn a_coordinator_that_is_away() {
    let stage = Stage::new();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let url = format!("http://{}", holder.local_addr().expect("a bound socket has an address"));
    drop(holder);
    let words = ["--url", &url, "--admin-token", "x"];
    check(&coordinator_program(), &[["jobs"].as_slice(), &words].concat(), INTERNAL, &[&url]);
    let state = stage.path().join("state");
    let join = ["join", &url, "--token", "x", "--state-dir", text(&state)];
    check(&runner_program(), &join, COORDINATOR, &[&url]);
}

#[test]
fn a_wrong_token() {
    let stage = Stage::new();
    let coordinator = stage.coordinator(Store::Embedded);
    let words = ["jobs", "--url", coordinator.url(), "--admin-token", "wrong"];
    check(&coordinator_program(), &words, USAGE, &["token"]);
    check(&runner_program(), &["join", coordinator.url(), "--token", "wrong"], COORDINATOR, &["token"]);
}

#[test]
fn a_configuration_with_a_typo() {
    let stage = Stage::new();
    let config = stage.path().join("coordinator.toml");
    fs::write(&config, "[server]\nlisten_on = \"127.0.0.1:0\"\n").expect("a file can be written");
    check(&coordinator_program(), &["serve", "--config", text(&config)], USAGE, &["coordinator.toml"]);
}
