//! What the coordinator joins by itself, as its own `scheduler` does: it leases the task to itself and copies the parts
//! inside the store; or it leaves the task to runners.

use std::sync::atomic::Ordering;

use anyhow::Result;
use flotilla_coordinator::domain::outcome::Usage;
use flotilla_coordinator::domain::{AttemptId, Token};
use flotilla_coordinator::store::{Acceptance, AcceptedResult, Store};

use super::results::outcome;
use super::{Event, World};

/// Tasks looked at in one round, and the life of the coordinator's own leases, milliseconds.
const ROUND: u32 = 50;
const LEASE_MS: i64 = 3_600_000;

impl World<'_> {
    /// Takes what is ready to be joined, or leaves it to runners.
    pub(super) async fn join_ready(&mut self) -> Result<()> {
        for task in self.store.joinable(ROUND).await? {
            if self.scenario.link_mebibytes_per_second.is_some() {
                self.store.leave_to_runners(&task.id).await?;
                continue;
            }
            let number = self.serial.fetch_add(1, Ordering::Relaxed);
            let attempt_id: AttemptId = format!("attempt-{number:012}").parse()?;
            let ours = (attempt_id, Token::new(format!("secret-{number}")));
            if let Some(claimed) = self.store.lease_to_self(&task.id, ours, LEASE_MS, self.now()).await? {
                let (_, work) = self.works[&task.id];
                self.attempts += 1;
                self.joins.push(claimed);
                let join = self.joins.len() - 1;
                self.at(self.now_ms + work.takes_ms(1.0).ceil() as i64, Event::Joined { join });
            }
        }
        Ok(())
    }

    /// The coordinator has joined.
    pub(super) async fn joined(&mut self, join: usize) -> Result<()> {
        let claimed = self.joins[join].clone();
        let usage = Usage::default();
        let result = AcceptedResult { outcome: outcome(claimed.task.kind), objects: Vec::new(), usage };
        if self.store.accept(&claimed.lease(), result, self.now()).await? == Acceptance::Accepted {
            let (_, work) = self.works[&claimed.task.id];
            Box::pin(self.seal(&claimed.lease(), &claimed.task, work)).await?;
        }
        self.dispatch().await
    }
}
