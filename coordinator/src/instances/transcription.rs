//! Captions out of speech: a command of the admin's choice, run on this machine for one source at a time. The coordinator
//! reads no media itself; it looks at what the command leaves in a folder.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::trouble::Trouble;
use crate::config::Transcription;

/// Captions are text: more is none.
const MAX_BYTES: u64 = 16 << 20;

/// Of what the command says when it fails, so many characters are told.
const WORDS: usize = 300;

/// One at a time: such commands take all processors.
static TURN: Mutex<()> = Mutex::const_new(());

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captions {
    /// ISO 639-1, as the command names it.
    pub language: String,
    /// WebVTT.
    pub text: String,
}

#[derive(Deserialize)]
struct Facts {
    language: String,
}

/// Runs the command on a file; what it makes is looked for in `output`, an empty folder.
pub async fn run(command: &Transcription, input: &Path, output: &Path) -> Result<Captions, Trouble> {
    let _turn = TURN.lock().await;
    let ours = |what: String| Trouble::Ours(format!("transcription: {what}"));
    let mut words = command.command.iter().map(|word| filled(word, input, output));
    let program = words.next().ok_or_else(|| ours("transcription.command is empty".into()))?;
    let mut child = Command::new(&program);
    child.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let longest = Duration::from_secs(60 * u64::from(command.max_minutes));
    let ended = tokio::time::timeout(longest, ended(child)).await;
    let ended =
        ended.map_err(|_| ours(format!("{program} took more than {} minutes", command.max_minutes)))?;
    let ended = ended.map_err(|error| ours(format!("{program} does not start: {error}")))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let last = said.trim().chars().rev().take(WORDS).collect::<Vec<_>>().into_iter().rev();
        return Err(ours(format!("{program} ended with {}: {}", ended.status, last.collect::<String>())));
    }
    let text = read(&only(output, "vtt").map_err(ours)?).map_err(ours)?;
    if !text.trim_start_matches('\u{feff}').starts_with("WEBVTT") {
        return Err(ours(format!("{program} made no WebVTT")));
    }
    let facts = only(output, "json").and_then(|path| read(&path));
    let facts =
        facts.and_then(|text| serde_json::from_str::<Facts>(&text).map_err(|error| error.to_string()));
    let language = facts.map(|facts| facts.language).ok().or_else(|| command.language.clone());
    let language =
        language.ok_or_else(|| ours("the language is not known: set transcription.language".into()))?;
    Ok(Captions { language, text })
}

/// Runs to its end. Where nobody waits for that any more, the command ends, and all that it has started.
async fn ended(mut command: Command) -> std::io::Result<Output> {
    let child = command.kill_on_drop(true).spawn()?;
    let group = Group(child.id());
    let output = child.wait_with_output().await?;
    group.release();
    Ok(output)
}

/// The processes of a running command: its first one leads the group.
struct Group(Option<u32>);

impl Group {
    /// Its id may be another's from now on.
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.and_then(|id| i32::try_from(id).ok());
        if let Some(leader) = leader.map(Pid::from_raw) {
            // A group that has ended by itself is no fault.
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}

fn filled(word: &str, input: &Path, output: &Path) -> String {
    word.replace("{input}", &input.to_string_lossy()).replace("{output}", &output.to_string_lossy())
}

/// The one file with that ending.
fn only(folder: &Path, ending: &str) -> Result<PathBuf, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| error.to_string())?.flatten().map(|entry| entry.path());
    let mut found = entries.filter(|path| path.extension().is_some_and(|found| found == ending));
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path),
        (None, _) => Err(format!("the command left no .{ending} file in {{output}}")),
        (Some(_), Some(_)) => Err(format!("the command left several .{ending} files in {{output}}")),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size_bytes = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    match size_bytes > MAX_BYTES {
        true => Err(format!("{} has {size_bytes} bytes", path.display())),
        false => std::fs::read_to_string(path).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn made(script: &str, language: Option<&str>) -> Result<Captions, String> {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("source"), folder.path().join("out"));
        std::fs::write(&input, "speech").unwrap();
        std::fs::create_dir(&output).unwrap();
        let command = ["sh", "-c", script, "sh", "{input}", "{output}"].map(str::to_owned).to_vec();
        let command = Transcription { command, max_minutes: 1, language: language.map(str::to_owned) };
        run(&command, &input, &output).await.map_err(|trouble| trouble.to_string())
    }

    const CUES: &str =
        "printf 'WEBVTT\\n\\n00:00.000 --> 00:01.000\\n%s\\n' \"$(cat \"$1\")\" > \"$2/source.vtt\"";

    #[tokio::test]
    async fn captions_and_their_language_are_found() {
        let script =
            format!("{CUES}; echo '{{\"language\": \"fr\", \"segments\": []}}' > \"$2/source.json\"");
        let captions = made(&script, Some("en")).await.unwrap();
        assert_eq!((captions.language.as_str(), captions.text.contains("speech")), ("fr", true));
        assert_eq!(made(CUES, Some("en")).await.unwrap().language, "en");
    }

    async fn check_refused(script: &str, expected: &str) {
        let error = made(script, None).await.unwrap_err();
        assert!(error.contains(expected), "{script}: {error}");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told() {
        check_refused(CUES, "set transcription.language").await;
        check_refused("echo no model >&2; exit 3", "no model").await;
        check_refused("true", "no .vtt file").await;
        check_refused("echo hello > \"$2/a.vtt\"", "no WebVTT").await;
        check_refused("echo > \"$2/a.vtt\"; echo > \"$2/b.vtt\"", "several .vtt files").await;
    }
}
