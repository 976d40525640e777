//! A pause that a person asked for: a file in the state folder, so that it survives restarts and needs neither the
//! coordinator nor a running daemon. Root may write it for a daemon that is another user: it is no secret. A pause with an
//! end is over when its time has come; nobody has to remove it.

use std::fmt;
use std::io;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::settings::WhenResting;
use crate::error::Error;
use crate::identity::StateDir;

/// A pause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Seconds since 1970 at which it ends; none: when somebody says so.
    pub until_s: Option<i64>,
    /// Running tasks are finished; false: they are given back at once.
    pub finish: bool,
}

impl Pause {
    /// True until the end.
    pub fn holds_at(&self, now_s: i64) -> bool {
        self.until_s.is_none_or(|until_s| now_s < until_s)
    }

    /// What becomes of running tasks.
    pub fn running(&self) -> WhenResting {
        if self.finish { WhenResting::Finish } else { WhenResting::Return }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until_s.and_then(|until_s| DateTime::from_timestamp(until_s, 0)) {
            Some(until) => write!(f, "paused until {}", until.format("%Y-%m-%d %H:%M UTC")),
            None => f.write_str("paused"),
        }
    }
}

/// The pause that holds now. A file that cannot be read is a pause without end: who asked for one shall have it.
pub fn current(state: &StateDir, now_s: i64) -> Option<Pause> {
    let pause = match std::fs::read(state.pause_path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Ok(text) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(_) => Pause::default(),
    };
    pause.holds_at(now_s).then_some(pause)
}

/// Begins a pause, in place of one that there may be.
pub fn begin(state: &StateDir, pause: &Pause) -> Result<(), Error> {
    let text = serde_json::to_vec(pause).expect("plain data has a JSON form");
    state.replace_open(&state.pause_path(), &text).map_err(|error| unusable(state, &error))
}

/// Ends the pause, if there is one.
pub fn end(state: &StateDir) -> Result<(), Error> {
    match std::fs::remove_file(state.pause_path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(state, &error)),
        _ => Ok(()),
    }
}

fn unusable(state: &StateDir, error: &io::Error) -> Error {
    Error::usage(
        format!("{} cannot be changed: {error}", state.pause_path().display()),
        "run this as the user that the runner runs as, or name its folder with --state-dir",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_kept_until_it_ends_or_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        assert_eq!(current(&state, 0), None);
        let pause = Pause { until_s: Some(100), finish: true };
        begin(&state, &pause).unwrap();
        assert_eq!((current(&state, 99), current(&state, 100)), (Some(pause), None));
        begin(&state, &Pause::default()).unwrap();
        assert_eq!(current(&state, i64::MAX).unwrap().to_string(), "paused");
        end(&state).unwrap();
        end(&state).unwrap();
        assert_eq!(current(&state, 0), None);
    }

    #[test]
    fn a_damaged_file_is_a_pause_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        std::fs::write(state.pause_path(), "{").unwrap();
        assert_eq!(current(&state, i64::MAX), Some(Pause::default()));
    }
}
