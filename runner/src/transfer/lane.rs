//! A sequential stream through an object: one request after the other, the next one under way before the
//! current one ends. Keeps what it served last for small steps back.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::Error;
use super::fetch::{Fetch, Object};
use super::window::{Expected, FIRST_WINDOW_BYTES, Reach, Window};
use crate::retry::Schedule;

/// Bytes kept behind the position.
const KEPT_BYTES: usize = 128 << 10;

/// The stream.
#[derive(Debug)]
pub struct Lane {
    object: Object,
    kept: VecDeque<u8>,
    position: u64,
    pending: Bytes,
    current: Option<Fetch>,
    following: Option<Fetch>,
}

impl Lane {
    /// A stream from `position` on; nothing is asked for before the first read.
    pub fn new(object: Object, position: u64) -> Self {
        let (kept, pending) = (VecDeque::new(), Bytes::new());
        Self { object, kept, position, pending, current: None, following: None }
    }

    /// What it can serve without a jump.
    pub fn reach(&self) -> Reach {
        Reach { kept_from: self.position - self.kept.len() as u64, position: self.position }
    }

    /// Reads `length` bytes at `offset`, which must be within reach and within the object.
    pub async fn read(&mut self, offset: u64, length: usize, expected: &Expected) -> Result<Vec<u8>, Error> {
        let mut bytes = self.read_kept(offset, length);
        let end = offset + length as u64;
        while self.position < offset {
            let skipped = usize::try_from(offset - self.position).unwrap_or(usize::MAX);
            self.advance(skipped, end, expected).await?;
        }
        while bytes.len() < length {
            let taken = self.advance(length - bytes.len(), end, expected).await?;
            bytes.extend_from_slice(&taken);
        }
        Ok(bytes)
    }

    /// Stops what is under way for a reader that has gone elsewhere. What was asked for in small is let come: a
    /// container is read at several places in turn.
    pub fn pause(&mut self) {
        self.following = None;
        self.current.take_if(|fetch| fetch.window.length() > FIRST_WINDOW_BYTES);
    }

    fn read_kept(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        if let Ok(back) = usize::try_from(self.position.saturating_sub(offset)) {
            bytes.extend(self.kept.range(self.kept.len() - back..).take(length));
        }
        bytes
    }

    /// Takes at most `limit` bytes from the stream, of which all up to `end` are wanted.
    async fn advance(&mut self, limit: usize, end: u64, expected: &Expected) -> Result<Bytes, Error> {
        if !self.pending.has_remaining() {
            self.pending = self.next_piece(end, expected).await?;
        }
        let taken = self.pending.split_to(limit.min(self.pending.len()));
        self.position += taken.len() as u64;
        self.kept.extend(&taken);
        self.kept.drain(..self.kept.len().saturating_sub(KEPT_BYTES));
        self.prefetch(expected);
        Ok(taken)
    }

    async fn next_piece(&mut self, end: u64, expected: &Expected) -> Result<Bytes, Error> {
        let mut tries = Schedule::transfer();
        loop {
            let wanted_bytes = end - self.position;
            let first = || Window::first(self.position, wanted_bytes, expected, self.object.size_bytes);
            let current = self.current.get_or_insert_with(|| Fetch::start(self.object.clone(), first()));
            match current.next().await {
                Some(Ok(piece)) => return Ok(piece),
                None => self.current = self.following.take(),
                Some(Err(error)) => {
                    (self.current, self.following) = (None, None);
                    let wait = if error.is_passing() { tries.next_wait() } else { None };
                    let Some(wait) = wait else { return Err(error) };
                    tracing::debug!(%error, wait_ms = wait.as_millis(), "reading again");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn prefetch(&mut self, expected: &Expected) {
        let Some(current) = &self.current else { return };
        if self.following.is_none() && current.window.wants_following(self.position) {
            let window = current.window.following(expected, self.object.size_bytes);
            self.following = window.map(|window| Fetch::start(self.object.clone(), window));
        }
    }
}
