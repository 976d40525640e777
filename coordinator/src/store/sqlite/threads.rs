//! Threads that own the connections: one that writes, a few that read. Callers hand them closures over a
//! bounded channel and await the answer, so no async task ever blocks on the disk or holds a lock while it
//! waits.
//!
//! A closure that was handed over runs even when its caller goes away before the answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::super::{Result, StoreError};
use super::ballast::Ballast;
use super::commit::{Step, commit_together};

/// Commands that may wait before callers wait themselves.
const QUEUE_LENGTH: usize = 1024;

/// Commands that one commit takes at most: the first of them waits for all the others.
const GROUP_SIZE: usize = 256;

/// Threads that share one queue, each with its own connection.
pub struct Threads {
    queue: Option<mpsc::Sender<Step>>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts the thread that writes. What has queued up while it wrote goes to the disk with the next commit,
    /// all at once; when the disk is full, the ballast goes over board.
    pub fn writer(connection: Connection, ballast: Option<Ballast>) -> Result<Self> {
        let serve = move |mut connection: Connection, steps: &Mutex<mpsc::Receiver<Step>>| {
            let relieve = |error: &StoreError| {
                if let Some(ballast) = &ballast {
                    ballast.relieve(error);
                }
            };
            let mut group = Vec::with_capacity(GROUP_SIZE);
            while lock(steps).blocking_recv_many(&mut group, GROUP_SIZE) > 0 {
                commit_together(&mut connection, TransactionBehavior::Immediate, &mut group, &relieve);
            }
        };
        Self::start("store-writer", vec![connection], serve)
    }

    /// Starts one thread that reads for each connection. Each closure sees the file as of one moment.
    pub fn readers(connections: Vec<Connection>) -> Result<Self> {
        let serve = |mut connection: Connection, steps: &Mutex<mpsc::Receiver<Step>>| {
            loop {
                let next = lock(steps).blocking_recv();
                let Some(step) = next else { break };
                commit_together(&mut connection, TransactionBehavior::Deferred, &mut vec![step], &|_| {});
            }
        };
        Self::start("store-reader", connections, serve)
    }

    fn start(
        name: &str,
        connections: Vec<Connection>,
        serve: impl Fn(Connection, &Mutex<mpsc::Receiver<Step>>) + Clone + Send + 'static,
    ) -> Result<Self> {
        let (queue, steps) = mpsc::channel(QUEUE_LENGTH);
        let steps = Arc::new(Mutex::new(steps));
        let start = |connection| {
            let (steps, serve) = (Arc::clone(&steps), serve.clone());
            std::thread::Builder::new().name(name.to_owned()).spawn(move || serve(connection, &steps))
        };
        let threads: std::io::Result<Vec<_>> = connections.into_iter().map(start).collect();
        let threads =
            threads.map_err(|error| StoreError::Database(format!("no thread can be started: {error}")))?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Runs a closure as a transaction of its own: kept, and on disk, when it answers `Ok`; undone when it
    /// fails.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let ended = || StoreError::Database("its thread has ended".to_owned());
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(Step::new(work, answer)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

impl Drop for Threads {
    /// Waits for what is queued, so that the file is closed when the store is gone.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has reported it already.
            let _ = thread.join();
        }
    }
}

fn lock(steps: &Mutex<mpsc::Receiver<Step>>) -> std::sync::MutexGuard<'_, mpsc::Receiver<Step>> {
    steps.lock().unwrap_or_else(PoisonError::into_inner)
}
