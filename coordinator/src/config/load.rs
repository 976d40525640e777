//! Reading and judging a configuration.

use std::path::{Path, PathBuf};

use url::Url;

use super::{Config, Secret};
use crate::domain::dispatch::check_tenant;

/// S3 signs URLs for a week at most.
const MAX_GRANT_SECONDS: u64 = 7 * 24 * 3600;

/// What is wrong with a configuration, every problem of it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML of the expected shape.
    #[error("configuration file {path}: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What and where, as the parser tells it.
        reason: String,
    },
    /// Values that cannot be used.
    #[error("the configuration cannot be used:\n  - {}", .0.join("\n  - "))]
    Invalid(Vec<String>),
}

impl Config {
    /// The defaults, with `file` and then the environment over them.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut config = match file {
            None => Self::default(),
            Some(path) => Self::read(path)?,
        };
        config.apply_environment(|name| std::env::var(name).ok());
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let malformed =
            |error: toml::de::Error| ConfigError::Malformed { path: path.to_owned(), reason: reason(&error) };
        toml::from_str(&text).map_err(malformed)
    }

    /// Values that are better not written into files.
    fn apply_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        if let Some(key) = variable("FLOTILLA_S3_ACCESS_KEY") {
            self.storage.access_key = Some(key);
        }
        if let Some(key) = variable("FLOTILLA_S3_SECRET_KEY") {
            self.storage.secret_key = Some(Secret::new(key));
        }
    }

    /// Reports every value that cannot be used, or reads what files the configuration points to.
    pub fn checked(mut self) -> Result<Self, ConfigError> {
        let mut problems = self.lease_problems();
        problems.extend(self.storage_problems());
        problems.extend(self.address_problems());
        if self.planning.chunk_seconds == Some(0) {
            problems.push("planning.chunk_seconds is 0; leave it out or set at least 1".into());
        }
        problems.extend(self.limits.problems());
        problems.extend(self.tenant_problems());
        problems.extend(self.peertube_problems());
        if let Some(path) = self.storage.secret_key_file.clone() {
            match std::fs::read_to_string(&path) {
                Ok(text) if text.trim().is_empty() => {
                    problems.push(format!("storage.secret_key_file {} is empty", path.display()));
                }
                Ok(text) => self.storage.secret_key = Some(Secret::new(text.trim())),
                Err(error) => problems.push(format!("storage.secret_key_file {}: {error}", path.display())),
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(ConfigError::Invalid(problems)) }
    }

    fn lease_problems(&self) -> Vec<String> {
        let leases = &self.leases;
        let mut problems = Vec::new();
        if leases.self_stop_ms >= leases.lease_ms {
            problems.push(format!(
                "leases.self_stop_ms ({}) must be less than leases.lease_ms ({}), or a task could run twice",
                leases.self_stop_ms, leases.lease_ms
            ));
        }
        if leases.hold_ms == 0 || leases.hold_ms >= leases.self_stop_ms {
            problems.push(format!(
                "leases.hold_ms ({}) must be between 1 and leases.self_stop_ms ({})",
                leases.hold_ms, leases.self_stop_ms
            ));
        }
        problems
    }

    fn address_problems(&self) -> Vec<String> {
        let addresses = [
            ("server.public_url", &self.server.public_url),
            ("storage.endpoint", &self.storage.endpoint),
            ("storage.public_endpoint", &self.storage.public_endpoint),
        ];
        let is_usable = |text: &str| {
            Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        };
        let named = addresses.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        let wrong = named.filter(|(_, text)| !is_usable(text));
        wrong.map(|(key, text)| format!("{key} is {text:?}, which is no http:// or https:// URL")).collect()
    }

    fn tenant_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (at, tenant) in self.tenants.iter().enumerate() {
            if let Err(reason) = check_tenant(&tenant.name) {
                problems.push(format!("tenants.name {:?}: {reason}", tenant.name));
            }
            if tenant.weight == 0 {
                problems.push(format!("tenants.weight of {} is 0; it is at least 1", tenant.name));
            }
            if self.tenants[..at].iter().any(|before| before.name == tenant.name) {
                problems.push(format!("tenants.name {} stands twice", tenant.name));
            }
        }
        problems
    }

    fn peertube_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.transcription.max_minutes == 0 {
            problems.push("transcription.max_minutes is 0; set at least 1".into());
        }
        for instance in &self.peertube {
            let url = &instance.url;
            if !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
                problems.push(format!("peertube.url is {url:?}, which is no http:// or https:// URL"));
            }
            if instance.registration_token.is_some() == instance.registration_token_file.is_some() {
                problems.push(format!(
                    "peertube {url}: give either registration_token or registration_token_file"
                ));
            }
            let terms = &instance.terms;
            if [terms.weight, terms.max_jobs, terms.max_source_gib, terms.max_fetch_minutes].contains(&0) {
                problems.push(format!("peertube {url}: weight and limits are at least 1"));
            }
        }
        problems
    }

    fn storage_problems(&self) -> Vec<String> {
        let storage = &self.storage;
        let mut problems = Vec::new();
        if !(5..=512).contains(&storage.part_size_mib) {
            problems.push(format!("storage.part_size_mib is {}; S3 takes 5 to 512", storage.part_size_mib));
        }
        if !(60..=MAX_GRANT_SECONDS).contains(&storage.grant_seconds) {
            let found = storage.grant_seconds;
            problems
                .push(format!("storage.grant_seconds is {found}; S3 signs for 60 to {MAX_GRANT_SECONDS}"));
        }
        if storage.bucket.is_empty() {
            problems.push("storage.bucket is empty".into());
        }
        if storage.endpoint.is_none() {
            return problems;
        }
        if storage.access_key.is_none() {
            problems.push("storage.access_key is missing; set it or FLOTILLA_S3_ACCESS_KEY".into());
        }
        if storage.secret_key.is_none() && storage.secret_key_file.is_none() {
            problems
                .push("storage.secret_key is missing; set secret_key_file or FLOTILLA_S3_SECRET_KEY".into());
        }
        problems
    }
}

/// The parser's words, and where a key has moved to.
fn reason(error: &toml::de::Error) -> String {
    let words = error.to_string().trim_end().to_owned();
    match words.contains("unknown field `max_pixels`") {
        true => format!("{words}; it is limits.max_pixels now"),
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn an_empty_file_is_the_default_and_the_default_is_usable() {
        assert_eq!(parse("").unwrap(), Config::default());
        assert!(Config::default().checked().is_ok());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = parse("[server]\nlisten_on = 'x'").unwrap_err().to_string();
        assert!(error.contains("listen_on") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let config = parse(
            "[storage]\nendpoint='s3.local:9000'\npart_size_mib=1\ngrant_seconds=0\n[leases]\nself_stop_ms=90000\n\
             [planning]\nchunk_seconds=0\n[limits]\nmax_pixels=0\nmax_packets=0\nmax_streams=1001",
        );
        let ConfigError::Invalid(problems) = config.unwrap().checked().unwrap_err() else { panic!() };
        assert_eq!(problems.len(), 10, "{problems:#?}");
    }

    #[test]
    fn every_problem_of_an_instance_is_told() {
        let config =
            parse("[[peertube]]\nurl='tube'\n[peertube.terms]\nmax_jobs=0\n[transcription]\nmax_minutes=0");
        let ConfigError::Invalid(problems) = config.unwrap().checked().unwrap_err() else { panic!() };
        assert_eq!(problems.len(), 4, "{problems:#?}");
        let text = "[[peertube]]\nurl='https://tube.example.org'\nregistration_token='ptrrt-1'";
        assert!(parse(text).unwrap().checked().is_ok());
        assert!(!format!("{:?}", parse(text).unwrap()).contains("ptrrt-1"));
    }

    #[test]
    fn a_key_that_has_moved_is_told_with_its_new_place() {
        let error = parse("[planning]\nmax_pixels = 9").unwrap_err();
        assert!(reason(&error).contains("limits.max_pixels"), "{}", reason(&error));
    }

    #[test]
    fn secrets_come_from_the_environment_and_are_never_shown() {
        let mut config = Config::default();
        config.apply_environment(|name| Some(format!("{name}-value")));
        assert_eq!(config.storage.secret_key.as_ref().unwrap().reveal(), "FLOTILLA_S3_SECRET_KEY-value");
        assert!(!format!("{config:?}").contains("SECRET_KEY-value"));
    }

    /// docs/configuration.md names every key, with the default that it has.
    #[test]
    fn the_documentation_is_true() {
        let text = include_str!("../../../docs/configuration.md");
        let table = text.split("## Runner").next().expect("the coordinator comes first");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let mut documented = Vec::new();
        for row in rows.filter(|row| !row.starts_with("FLOTILLA_")) {
            let (keys, rest) = row.split_once('|').expect("a row has columns");
            let default = rest.split('|').next().unwrap_or_default().trim().trim_matches('`');
            for key in keys.split(',').map(|key| key.trim().trim_matches('`')) {
                documented.push(key.to_owned());
                check_default(key, default);
            }
        }
        for section in [
            "server",
            "data",
            "storage",
            "leases",
            "profiles",
            "planning",
            "limits",
            "scheduling",
            "transcription",
        ] {
            let error = parse(&format!("[{section}]\nno_such_key = 1")).unwrap_err().to_string();
            let known = error.split_once("expected ").expect("the parser tells what it knows").1;
            for key in known.split('`').skip(1).step_by(2) {
                assert!(
                    documented.contains(&format!("{section}.{key}")),
                    "{section}.{key} is not documented"
                );
            }
        }
    }

    /// A default that is a value, not a description, is the one that the key has; every key is known.
    fn check_default(key: &str, default: &str) {
        let quoted = format!("{key} = {default:?}");
        let config = parse(&format!("{key} = {default}")).or_else(|_| parse(&quoted));
        let is_literal = !default.contains(' ') && !["none", "embedded"].contains(&default);
        match config {
            Ok(config) if is_literal => assert_eq!(config, Config::default(), "{key} = {default}"),
            Ok(_) => {}
            Err(error) => assert!(!error.to_string().contains("unknown field"), "{key}: {error}"),
        }
    }
}
