//! Coordinators that a daemon could not join yet, and why: a small file beside its status, for `status` and `doctor`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::Shown;
use crate::config::Join;
use crate::error::Error;
use crate::identity::StateDir;

/// What is not joined; clones share it.
#[derive(Clone, Debug)]
pub struct Pending {
    state: StateDir,
    /// By address.
    noted: Arc<Mutex<BTreeMap<String, Shown>>>,
}

impl Pending {
    /// Nothing is known yet, and what another daemon has told counts no more.
    pub fn new(state: &StateDir) -> Self {
        let pending = Self { state: state.clone(), noted: Arc::default() };
        pending.change(|noted| noted.clear());
        pending
    }

    /// One is not joined, for this reason.
    pub fn note(&self, wanted: &Join, error: &Error) {
        let reason = match error {
            // Its address is told anyway.
            Error::Coordinator { cause, .. } => cause.to_string(),
            other => other.to_string(),
        };
        let shown = Shown::not_joined(wanted, reason);
        self.change(|noted| noted.insert(shown.url.clone(), shown));
    }

    /// One is joined.
    pub fn forget(&self, url: &str) {
        self.change(|noted| noted.remove(url));
    }

    /// What the daemon of this folder told last.
    pub fn told(state: &StateDir) -> Vec<Shown> {
        let text = std::fs::read(state.pending_path()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// A disk that is full costs the word, not the work.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Shown>) -> T) {
        let mut noted = self.noted.lock().expect("no thread panics while it holds this lock");
        change(&mut noted);
        let shown: Vec<_> = noted.values().collect();
        let text = serde_json::to_vec(&shown).expect("plain data has a JSON form");
        if let Err(error) = self.state.note(&self.state.pending_path(), &text) {
            tracing::debug!(%error, "who is not joined yet cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator;

    #[test]
    fn the_newest_reason_is_told_until_it_is_joined_or_another_daemon_starts() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let join = |url: &str| Join {
            url: url.into(),
            token: Some("hush".into()),
            name: String::new(),
            share: std::num::NonZeroU32::new(3),
            allow_plaintext: false,
        };
        let away = |cause: &str| Error::Coordinator {
            doing: "joining",
            url: "http://a".into(),
            cause: coordinator::Error::Away(cause.into()),
        };
        let told = || Pending::told(&state).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(told().is_empty());
        let pending = Pending::new(&state);
        pending.note(&join("http://a/"), &away("it sleeps"));
        pending.note(&join("http://a"), &away("it is ill"));
        pending.note(&join("http://b"), &away("it sleeps"));
        let [a, b] = ["a (share 3), not joined yet: it is ill", "b (share 3), not joined yet: it sleeps"]
            .map(|words| format!("http://{words}"));
        assert_eq!(told(), [a, b.clone()]);
        pending.forget("http://a");
        assert_eq!(told(), [b]);
        Pending::new(&state);
        assert!(told().is_empty());
    }
}
