//! Time that runs faster than the wall's, at one pace for the coordinator and the instance.

use std::sync::Arc;
use std::time::Duration;

use flotilla_tests::peertube::Model;
use tokio::sync::{Mutex, mpsc};
use tokio_util::task::AbortOnDropHandle;

/// The wall's time between two steps.
const STEP: Duration = Duration::from_millis(10);

/// What passes at each step: twenty times as much.
const STRIDE: Duration = Duration::from_millis(200);

/// Lets time run for the runtime of this test, which must be paused, and for a model. The thread that gives the pace also
/// keeps the runtime from jumping to its next timer while an answer is on its way. It stops when what is returned is dropped:
/// two of them on one runtime would let the coordinator's time run faster than an instance's.
pub fn run(model: Arc<Mutex<Model>>) -> AbortOnDropHandle<()> {
    let (step, mut steps) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        while step.blocking_send(()).is_ok() {
            std::thread::sleep(STEP);
        }
    });
    AbortOnDropHandle::new(tokio::spawn(async move {
        while steps.recv().await.is_some() {
            tokio::time::advance(STRIDE).await;
            model.lock().await.advance(STRIDE);
        }
    }))
}
