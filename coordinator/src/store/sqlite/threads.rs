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

/// Commands that may wait before callers wait themselves.
const QUEUE_LENGTH: usize = 256;

type Command = Box<dyn FnOnce(&mut Connection) + Send>;

/// Threads that share one queue, each with its own connection.
pub struct Threads {
    queue: Option<mpsc::Sender<Command>>,
    threads: Vec<JoinHandle<()>>,
    behaviour: TransactionBehavior,
    ballast: Option<Ballast>,
}

impl Threads {
    /// Starts one thread for each connection.
    pub fn start(name: &str, connections: Vec<Connection>, behaviour: TransactionBehavior) -> Result<Self> {
        let (queue, commands) = mpsc::channel(QUEUE_LENGTH);
        let commands = Arc::new(Mutex::new(commands));
        let start = |connection| {
            let commands = Arc::clone(&commands);
            std::thread::Builder::new().name(name.to_owned()).spawn(move || serve(connection, &commands))
        };
        let threads: std::io::Result<Vec<_>> = connections.into_iter().map(start).collect();
        let threads =
            threads.map_err(|error| StoreError::Database(format!("no thread can be started: {error}")))?;
        Ok(Self { queue: Some(queue), threads, behaviour, ballast: None })
    }

    /// The same with something to throw over board when the disk is full.
    pub fn with(mut self, ballast: Ballast) -> Self {
        self.ballast = Some(ballast);
        self
    }

    /// Runs a closure in a transaction of its own: kept when it answers `Ok`, undone when it fails.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let (behaviour, ballast) = (self.behaviour, self.ballast.clone());
        let command: Command = Box::new(move |connection| {
            let done = transact(connection, behaviour, work);
            if let (Err(error), Some(ballast)) = (&done, ballast) {
                ballast.relieve(error);
            }
            // Nobody may be waiting any more: the work is done all the same.
            let _ = answer.send(done);
        });
        let ended = || StoreError::Database("its thread has ended".to_owned());
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(command).await.map_err(|_| ended())?;
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

fn serve(mut connection: Connection, commands: &Mutex<mpsc::Receiver<Command>>) {
    loop {
        let next = commands.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(command) = next else { break };
        command(&mut connection);
    }
}

fn transact<T>(
    connection: &mut Connection,
    behaviour: TransactionBehavior,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let transaction = connection.transaction_with_behavior(behaviour)?;
    let answer = work(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}
