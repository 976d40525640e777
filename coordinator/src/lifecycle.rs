//! From running to stopped: a soft token says "take no more work", a hard one "stop now"; one tracker through which
//! everything is spawned. When [`Lifecycle::stop`] returns, nothing of the coordinator runs any more.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long calls that are being answered may take once the coordinator stops.
const GRACE: Duration = Duration::from_secs(10);

/// The life of a coordinator's tasks; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tracker: TaskTracker,
}

impl Lifecycle {
    /// Runs a task until it ends; it must watch [`Lifecycle::stopping`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(self.hard.clone().run_until_cancelled_owned(task));
    }

    /// Runs a task to its end even when its caller goes away in the middle. None: the coordinator stopped before.
    pub async fn shielded<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.tracker.spawn(self.hard.clone().run_until_cancelled_owned(task)).await.ok().flatten()
    }

    /// Resolves when the coordinator is to stop.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Rests until there is something to do, or for so long at most. False: the coordinator is to stop.
    pub async fn rest(&self, news: &tokio::sync::Notify, pause: Duration) -> bool {
        tokio::select! {
            () = news.notified() => true,
            () = tokio::time::sleep(pause) => true,
            () = self.stopping() => false,
        }
    }

    /// Stops everything and waits for it. What has not ended after [`GRACE`] is cut off.
    pub async fn stop(&self) {
        self.soft.cancel();
        self.tracker.close();
        if tokio::time::timeout(GRACE, self.tracker.wait()).await.is_err() {
            tracing::warn!(seconds = GRACE.as_secs(), "some calls did not end in time and are cut off");
            self.cut();
            self.tracker.wait().await;
        }
    }

    /// Stops everything at once, without waiting.
    pub fn cut(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }
}

/// Resolves at SIGINT or SIGTERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the default action ends the process, which is what the sender wants.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_heed_the_stop_is_cut_off() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn(std::future::pending());
        lifecycle.stop().await;
        assert!(lifecycle.tracker.is_empty());
        assert_eq!(lifecycle.shielded(std::future::pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn a_shielded_task_outlives_its_caller() {
        let (lifecycle, (told, heard)) = (Lifecycle::default(), tokio::sync::oneshot::channel());
        let (go, gone) = tokio::sync::oneshot::channel();
        let caller = lifecycle.shielded(async move {
            gone.await.expect("the test says go");
            told.send(()).expect("the test listens");
        });
        let mut caller = Box::pin(caller);
        assert!(futures::poll!(&mut caller).is_pending());
        drop(caller);
        go.send(()).expect("the task still runs");
        heard.await.expect("the task came to its end");
    }
}
