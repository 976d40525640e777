//! Benchmarks across the fleet: runners are asked, their results are listed. What is made of the figures is for whoever
//! reads them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Jobs, JobsError};
use crate::clock::new_secret;
use crate::domain::benchmark::Findings;
use crate::domain::runner::LIVE_MS;
use crate::domain::{RunnerId, Timestamp};
use crate::parts::{BenchOrder, BenchState};
use crate::store::{BenchmarkRecord, RunnerRecord};

/// Whom to ask for what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BenchWish {
    /// Names or ids of runners; none: all that are live.
    pub runners: Vec<String>,
    /// Fewer cases, each once.
    pub quick: bool,
}

/// All results, and what is still waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchBoard {
    /// What runners were asked for and have not answered, by name.
    pub open: Vec<BenchOrderView>,
    /// The newest first; several of one runner.
    pub results: Vec<BenchmarkView>,
}

impl BenchBoard {
    /// The newest result of each runner, by name.
    pub fn latest(&self) -> Vec<&BenchmarkView> {
        let mut seen = HashSet::new();
        let is_new = |result: &&BenchmarkView| seen.insert(result.runner_id.clone());
        let mut latest: Vec<_> = self.results.iter().filter(is_new).collect();
        latest.sort_by(|a, b| (&a.runner, &a.runner_id).cmp(&(&b.runner, &b.runner_id)));
        latest
    }
}

/// What a runner was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchOrderView {
    /// Id of the result to come.
    pub id: String,
    /// For people.
    pub runner: String,
    /// Its id.
    pub runner_id: String,
    /// Fewer cases, each once.
    pub quick: bool,
    /// When it was asked, milliseconds since the Unix epoch.
    pub asked_at: Timestamp,
    /// "asked", "at work" or "failed".
    pub state: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkView {
    /// Its id.
    pub id: String,
    /// For people.
    pub runner: String,
    /// The runner's id.
    pub runner_id: String,
    /// When it came, milliseconds since the Unix epoch.
    pub measured_at: Timestamp,
    /// What was found.
    pub findings: Findings,
}

impl Jobs {
    /// Asks runners to measure themselves, as soon as they have ended what they hold.
    pub async fn bench(&self, wish: &BenchWish) -> Result<Vec<BenchOrderView>, JobsError> {
        let (parts, now) = (&self.parts, self.parts.clock.now());
        let runners = self.live(now).await?;
        let chosen = chosen(&runners, &wish.runners)?;
        let ask = |runner: &&RunnerRecord| {
            let order = parts.benches.ask(&runner.id, new_secret()[..12].to_owned(), wish.quick, now);
            parts.waiting.ring_runner(&runner.id);
            tracing::info!(runner.id = %runner.id, runner.name = %runner.name, "asked for a benchmark");
            order_view(runner.name.clone(), &runner.id, order)
        };
        Ok(chosen.iter().map(ask).collect())
    }

    /// All results, and what is still waited for.
    pub async fn benchmarks(&self) -> Result<BenchBoard, JobsError> {
        let parts = &self.parts;
        let names = parts.store.runners().await?;
        let name = |runner_id: &RunnerId| names.iter().find(|runner| runner.id == *runner_id);
        // Before the results are read: what ends in between is there twice rather than not at all.
        let open = parts.benches.all(parts.clock.now());
        let open = open.into_iter().filter_map(|(runner_id, order)| {
            Some(order_view(name(&runner_id)?.name.clone(), &runner_id, order))
        });
        let mut open: Vec<_> = open.collect();
        open.sort_by(|a, b| (&a.runner, &a.runner_id).cmp(&(&b.runner, &b.runner_id)));
        let results = parts.store.benchmarks().await?.into_iter().map(view).collect();
        Ok(BenchBoard { open, results })
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<RunnerRecord>, JobsError> {
        let mut runners = self.parts.store.runners().await?;
        for runner in &mut runners {
            // The store does not hear every beat.
            runner.last_seen_at = runner.last_seen_at.max(self.parts.roster.seen_at(&runner.id));
        }
        runners.retain(|runner| runner.is_live(now, LIVE_MS));
        Ok(runners)
    }
}

fn chosen<'a>(live: &'a [RunnerRecord], wanted: &[String]) -> Result<Vec<&'a RunnerRecord>, JobsError> {
    let is_it = |runner: &RunnerRecord, name: &String| runner.name == *name || runner.id.as_str() == name;
    let missing = wanted.iter().find(|name| !live.iter().any(|runner| is_it(runner, name)));
    if let Some(name) = missing {
        return Err(JobsError::Invalid(format!("no live runner is called {name:?}")));
    }
    let is_chosen =
        |runner: &&RunnerRecord| wanted.is_empty() || wanted.iter().any(|name| is_it(runner, name));
    let chosen: Vec<_> = live.iter().filter(is_chosen).collect();
    match chosen.is_empty() {
        true => Err(JobsError::Invalid("no runner is live".to_owned())),
        false => Ok(chosen),
    }
}

fn order_view(runner: String, runner_id: &RunnerId, order: BenchOrder) -> BenchOrderView {
    let (state, reason) = match order.state {
        BenchState::Asked => ("asked", None),
        BenchState::AtWork => ("at work", None),
        BenchState::Failed(reason) => ("failed", Some(reason)),
    };
    BenchOrderView {
        id: order.id,
        runner,
        runner_id: runner_id.to_string(),
        quick: order.quick,
        asked_at: order.asked_at,
        state: state.to_owned(),
        reason,
    }
}

fn view(record: BenchmarkRecord) -> BenchmarkView {
    BenchmarkView {
        id: record.id,
        runner: record.runner_name,
        runner_id: record.runner_id.to_string(),
        measured_at: record.measured_at,
        findings: record.findings,
    }
}
