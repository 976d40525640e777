//! How the process ends. The soft token means "take no more work and finish what runs", the hard token "stop
//! now"; hard implies soft. Everything that waits, waits on one of them too.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// The two tokens that end a runner; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Tokens {
    /// Takes no more work from here on.
    pub fn drain(&self) {
        self.soft.cancel();
    }

    /// Stops all work from here on.
    pub fn stop(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// True once no more work is to be taken.
    pub fn is_draining(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// True once all work is to stop.
    pub fn is_stopped(&self) -> bool {
        self.hard.is_cancelled()
    }

    /// Returns once no more work is to be taken.
    pub async fn draining(&self) {
        self.soft.cancelled().await;
    }

    /// Returns once all work is to stop.
    pub async fn stopped(&self) {
        self.hard.cancelled().await;
    }
}

/// Turns SIGINT and SIGTERM into tokens, in the background: the first drains, the second stops.
pub fn watch_signals(tokens: Tokens) -> Result<(), Error> {
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if tokens.is_draining() {
                tracing::warn!("second signal: stopping now, running tasks are given back");
                return tokens.stop();
            }
            tracing::info!("draining: no more tasks are taken; a second signal stops at once");
            tokens.drain();
        }
    });
    Ok(())
}

/// Stops once standard input ends, which it does when the process that holds its other end is gone, however it went.
pub fn watch_stdin(tokens: Tokens) {
    // A plain thread: a read of standard input cannot be cancelled and must not hold up the runtime's end.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        tracing::info!("standard input has ended: stopping");
        tokens.stop();
    });
}

/// Returns at the first SIGINT or SIGTERM.
pub async fn interrupted() -> Result<(), Error> {
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Error> {
    signal(kind).map_err(|error| {
        Error::internal(format!("signals cannot be watched: {error}"), "report this, with the output of -vv")
    })
}
