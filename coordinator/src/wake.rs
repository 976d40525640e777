//! "Something has changed, look again": the only signal between the coordinator's parts. It carries no news, so none can
//! be lost; whoever wakes reads the store. The thousands of runners whose calls hang are not woken by it: `fleet/wakeup`
//! listens for them and rings only those that a change concerns.

use tokio::sync::watch;

/// Wakes everybody who waits for changes.
#[derive(Debug)]
pub struct Wake(watch::Sender<()>);

impl Default for Wake {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Wake {
    /// Something has changed.
    pub fn all(&self) {
        self.0.send_replace(());
    }

    /// Changes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// A listener.
#[derive(Debug)]
pub struct Changes(watch::Receiver<()>);

impl Changes {
    /// Resolves when something has changed since the last call.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // The coordinator is being dropped: nothing will change any more.
            std::future::pending::<()>().await;
        }
    }
}
