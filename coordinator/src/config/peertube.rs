//! `[[peertube]]`: instances to work for, beside those of `flotilla peertube register`; `[transcription]`: their captions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// An instance at which the coordinator registers when it starts, once.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeertubeInstance {
    /// URL of the instance.
    pub url: String,
    /// Name of the runner there.
    #[serde(default = "flotilla")]
    pub name: String,
    /// As the instance's admin page shows it.
    #[serde(default)]
    pub registration_token: Option<Secret>,
    /// File that holds it, instead.
    #[serde(default)]
    pub registration_token_file: Option<PathBuf>,
    /// How it is served.
    #[serde(default)]
    pub terms: Terms,
}

fn flotilla() -> String {
    "flotilla".to_owned()
}

impl PeertubeInstance {
    /// The registration token, from wherever it is; or why it cannot be had.
    pub fn token(&self) -> Result<Secret, String> {
        match (&self.registration_token, &self.registration_token_file) {
            (Some(token), None) => Ok(token.clone()),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(Secret::new(text.trim())),
                Err(error) => Err(format!("peertube.registration_token_file {}: {error}", path.display())),
            },
            _ => Err("give peertube.registration_token or peertube.registration_token_file".to_owned()),
        }
    }
}

/// What an instance may cost, and how it is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Its share of the fleet beside others.
    pub weight: u32,
    /// Jobs at a time.
    pub max_jobs: u32,
    /// Largest source, GiB.
    pub max_source_gib: u32,
    /// Longest download of a source, minutes.
    pub max_fetch_minutes: u32,
    /// Other origins from which its sources may come: `https://bucket.example.org`.
    pub storage_hosts: Vec<String>,
    /// Encode what it usually asks for next from the same decode.
    pub anticipate: bool,
    /// How long that, and sources, are held, minutes.
    pub hold_minutes: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            weight: 1,
            max_jobs: 16,
            max_source_gib: 50,
            max_fetch_minutes: 120,
            storage_hosts: Vec::new(),
            anticipate: true,
            hold_minutes: 180,
        }
    }
}

/// `[transcription]`: the command that hears.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transcription {
    /// Program and arguments; `{input}` is the source, `{output}` an empty folder in which one .vtt file is looked for, and
    /// one .json file with the field `language`. Empty: instances are not asked for such jobs.
    pub command: Vec<String>,
    /// Longest run, minutes.
    pub max_minutes: u32,
    /// ISO 639-1 code of what is spoken, where the command does not tell.
    pub language: Option<String>,
}

impl Default for Transcription {
    fn default() -> Self {
        Self { command: Vec::new(), max_minutes: 240, language: None }
    }
}
