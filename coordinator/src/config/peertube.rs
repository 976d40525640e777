//! `[[peertube]]`: instances to work for, beside those of `flotilla peertube register`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;
use crate::instances::{Registration, Terms};

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
    /// What registration takes; or why it cannot be had.
    pub fn registration(self) -> Result<Registration, String> {
        let registration_token = match (self.registration_token, self.registration_token_file) {
            (Some(token), None) => token,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Secret::new(text.trim()),
                Err(error) => {
                    return Err(format!("peertube.registration_token_file {}: {error}", path.display()));
                }
            },
            _ => {
                return Err("give peertube.registration_token or peertube.registration_token_file".to_owned());
            }
        };
        Ok(Registration {
            url: self.url,
            registration_token,
            name: self.name,
            description: None,
            terms: self.terms,
        })
    }
}
