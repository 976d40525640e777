//! What this process is writing at this very moment, for whom: the collector of garbage leaves it alone, and nobody
//! else writes it. Held in memory only: after a crash nobody writes, so everything may be collected.
//!
//! A writer takes its hold first and looks second whether it may still write. Whoever ends a job does so in the store
//! first; so either the writer sees the end and does not write, or the collector sees the hold and comes again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::{AttemptId, JobId};

/// What can be held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Writing {
    /// The uploads of an attempt are being completed.
    Uploads(AttemptId),
    /// The playlists and the manifest of a job are being written.
    Playlists(JobId),
}

/// All holds; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<Holds>);

#[derive(Debug, Default)]
struct Holds {
    held: Mutex<HashSet<Writing>>,
    released: Notify,
}

/// A hold, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    busy: Busy,
    what: Writing,
}

impl Busy {
    /// Takes a hold; none when another has it.
    pub fn try_hold(&self, what: Writing) -> Option<Hold> {
        let taken = self.lock().insert(what.clone());
        taken.then(|| Hold { busy: self.clone(), what })
    }

    /// Takes a hold as soon as nobody else has it.
    pub async fn hold(&self, what: Writing) -> Hold {
        loop {
            let mut released = std::pin::pin!(self.0.released.notified());
            // From here on no release is missed.
            released.as_mut().enable();
            if let Some(hold) = self.try_hold(what.clone()) {
                return hold;
            }
            released.await;
        }
    }

    /// Somebody has it.
    pub fn holds(&self, what: &Writing) -> bool {
        self.lock().contains(what)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Writing>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.busy.lock().remove(&self.what);
        self.busy.0.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hold_is_exclusive_until_it_is_dropped() {
        let (busy, what) = (Busy::default(), Writing::Uploads("a".parse().unwrap()));
        let hold = busy.try_hold(what.clone()).expect("nobody has it");
        assert!(busy.holds(&what) && busy.try_hold(what.clone()).is_none());
        let waiting = tokio::spawn({
            let (busy, what) = (busy.clone(), what.clone());
            async move { drop(busy.hold(what).await) }
        });
        drop(hold);
        waiting.await.unwrap();
        assert!(!busy.holds(&what));
    }
}
