//! The optional configuration file.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Join;
use crate::error::Error;
use crate::{logging, neighbour};

/// A configuration file; every setting may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Folder for the identity and the results of trials.
    pub state_dir: Option<PathBuf>,
    /// Whom to work for.
    pub coordinator: Coordinator,
    /// Whom to work for, where there are several.
    pub coordinators: Vec<Coordinator>,
    /// How much to work.
    pub work: Work,
    /// When to work, and how quietly.
    pub neighbour: neighbour::Settings,
    /// What to tell.
    pub log: Log,
}

/// Section `coordinator`, or one of the list `coordinators`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coordinator {
    /// Address to join when there is no identity yet.
    pub url: Option<String>,
    /// File whose first line is the join token; the token itself never stands here.
    pub token_file: Option<PathBuf>,
    /// Name that people see.
    pub name: Option<String>,
    /// How much of the machine it is for, beside others.
    pub share: Option<NonZeroU32>,
    /// Talk to it without encryption; without an address: to all.
    pub allow_plaintext: bool,
}

/// Section `work`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// Tasks at a time.
    pub slots: Option<NonZeroU32>,
    /// Memory that one engine may use, MiB; 0: no limit.
    pub engine_memory_mib: Option<u64>,
    /// Encoders to offer; empty: all that pass their trial.
    pub encoders: Vec<String>,
}

/// Section `log`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub format: Option<logging::Format>,
}

impl File {
    /// Reads a file; without a path there is nothing to read and everything is absent.
    pub fn read(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = read_text(path)?;
        toml::from_str(&text).map_err(|error| {
            let message = format!("{} is not a valid configuration: {error}", path.display());
            Error::usage(message.trim_end(), "`flotilla-runner --help` lists all settings of the file")
        })
    }
}

impl Coordinator {
    /// What is set of it, without its token; none: it has no address.
    pub fn known(&self) -> Option<Join> {
        let (url, name) = (self.url.clone()?, self.name.clone().unwrap_or_default());
        Some(Join { url, token: None, name, share: self.share, allow_plaintext: self.allow_plaintext })
    }

    /// The join token, where a file holds one.
    pub fn token(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.token_file else { return Ok(None) };
        Ok(read_text(path)?.lines().next().map(|line| line.trim().to_owned()))
    }
}

fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::usage(
            format!("{} cannot be read: {error}", path.display()),
            "check the path and who may read it",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runner.toml");
        std::fs::write(&path, text).unwrap();
        File::read(Some(&path))
    }

    #[test]
    fn every_setting_is_read() {
        let text = "state_dir = '/s'\n[coordinator]\nurl = 'http://h'\nname = 'n'\nallow_plaintext = true\n\
                    token_file = '/t'\n[work]\nslots = 3\nengine_memory_mib = 512\nencoders = ['aac']\n[log]\nformat = 'json'\n";
        let file = parse(text).unwrap();
        assert_eq!(file.state_dir.as_deref(), Some(Path::new("/s")));
        assert_eq!(file.coordinator.url.as_deref(), Some("http://h"));
        assert!(file.coordinator.allow_plaintext && file.coordinators.is_empty());
        assert_eq!((file.work.slots, file.work.engine_memory_mib), (NonZeroU32::new(3), Some(512)));
        assert_eq!(file.log.format, Some(logging::Format::Json));
    }

    #[test]
    fn several_coordinators_are_a_list() {
        let text = "[[coordinators]]\nurl = 'http://a'\nshare = 3\n[[coordinators]]\nurl = 'http://b'\n";
        let [first, second] = parse(text).unwrap().coordinators.try_into().unwrap();
        assert_eq!((first.url.as_deref(), first.share), (Some("http://a"), NonZeroU32::new(3)));
        assert_eq!((second.url.as_deref(), second.share), (Some("http://b"), None));
        assert!(parse("[coordinator]\nshare = 0\n").is_err());
    }

    #[test]
    fn a_misspelt_setting_is_named_with_its_line() {
        let error = parse("[work]\nslotz = 3\n").unwrap_err().to_string();
        assert!(error.contains("slotz") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn no_slots_at_all_are_refused() {
        assert!(parse("[work]\nslots = 0\n").is_err());
    }
}
