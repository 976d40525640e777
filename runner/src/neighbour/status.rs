//! What the daemon does now, for `flotilla-runner status`: a small file that it writes when something changes.

use serde::{Deserialize, Serialize};

use crate::identity::StateDir;

/// What a daemon does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Why it takes no tasks; none: it takes them.
    pub resting_reason: Option<String>,
    /// Tasks that it holds.
    pub tasks: u32,
}

impl Status {
    /// The last that a daemon told; none: nothing that can be read.
    pub fn read(state: &StateDir) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state.status_path()).ok()?).ok()
    }

    /// Tells it. A disk that is full costs the word, not the work; nor is it waited for.
    pub fn tell(&self, state: &StateDir) {
        let text = serde_json::to_vec(self).expect("plain data has a JSON form");
        if let Err(error) = state.note(&state.status_path(), &text) {
            tracing::debug!(%error, "the status cannot be written");
        }
    }
}
