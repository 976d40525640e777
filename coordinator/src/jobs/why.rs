//! "Why is this waiting?" One sentence for each kind of open task of a job, from its records; pure but for the reading.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::JobsError;
use crate::domain::choice;
use crate::domain::runner::LIVE_MS;
use crate::domain::{JobId, JobState, RunnerId, TaskId, TaskState, Timestamp};
use crate::parts::Parts;
use crate::store::{AttemptRecord, AttemptState, JobRecord, RunnerRecord, TaskRecord, Waits};

/// Why a job is where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Its open tasks, those with the same answer together.
    pub tasks: Vec<WhyTasks>,
}

/// Open tasks that are where they are for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyTasks {
    /// What they do.
    pub task: String,
    /// Where they stand.
    pub state: TaskState,
    /// How many.
    pub count: u32,
    /// One sentence.
    pub reason: String,
}

/// Everything that the answer is made of.
struct Facts<'a> {
    tasks: &'a [TaskRecord],
    attempts: &'a [AttemptRecord],
    runners: &'a [RunnerRecord],
    resting: &'a HashMap<RunnerId, String>,
    pins: &'a HashMap<String, String>,
    waits: &'a Waits,
    now: Timestamp,
}

pub(super) async fn why(parts: &Parts, record: &JobRecord) -> Result<WhyView, JobsError> {
    let (store, now) = (&parts.store, parts.clock.now());
    let facts = Facts {
        tasks: &store.tasks(&record.id).await?,
        attempts: &store.attempts(&record.id).await?,
        runners: &store.runners().await?,
        resting: &parts.roster.resting(),
        pins: &store.pins(&record.id).await?,
        waits: &store.waits(&record.id, now).await?,
        now,
    };
    let tasks = if record.state.is_over() { vec![] } else { facts.explain() };
    Ok(WhyView { job: record.id.clone(), state: record.state, tasks })
}

impl Facts<'_> {
    fn explain(&self) -> Vec<WhyTasks> {
        let mut answers: Vec<WhyTasks> = Vec::new();
        for task in self.tasks {
            let reason = match task.state {
                TaskState::Blocked => self.blocked(task),
                TaskState::Ready => self.ready(task),
                TaskState::Leased => self.running(task),
                TaskState::Sealing => "its result is accepted and is being sealed in the object store".into(),
                TaskState::Done | TaskState::Failed | TaskState::Cancelled => continue,
            };
            let (name, state) = (task.kind.name(), task.state);
            let alike = |one: &&mut WhyTasks| one.task == name && one.state == state && one.reason == reason;
            match answers.iter_mut().find(alike) {
                Some(answer) => answer.count += 1,
                None => answers.push(WhyTasks { task: name.into(), state, count: 1, reason }),
            }
        }
        answers
    }

    fn blocked(&self, task: &TaskRecord) -> String {
        let open = |needed: &&TaskId| {
            self.tasks.iter().any(|other| other.id == **needed && other.state != TaskState::Done)
        };
        let waits_for: BTreeSet<&TaskId> = task.depends_on.iter().filter(open).collect();
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for other in self.tasks.iter().filter(|other| waits_for.contains(&other.id)) {
            match kinds.iter_mut().find(|(name, _)| *name == other.kind.name()) {
                Some((_, count)) => *count += 1,
                None => kinds.push((other.kind.name(), 1)),
            }
        }
        let kinds: Vec<String> = kinds.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
        format!("waits for other tasks of the job: {}", kinds.join(", "))
    }

    fn running(&self, task: &TaskRecord) -> String {
        let attempts = self.attempts.iter();
        let running = attempts.filter(|one| one.task_id == task.id && one.state == AttemptState::Leased);
        let told: Vec<String> = running
            .map(|one| {
                let percent = one.progress.min(task.size) * 100 / task.size.max(1);
                let runner = self.name(&one.runner_id);
                format!("{runner} ({percent} % after {})", seconds(self.now.since_ms(one.leased_at)))
            })
            .collect();
        format!("runs on {}", told.join(" and, as a copy, on "))
    }

    fn ready(&self, task: &TaskRecord) -> String {
        let history = self.waits.tasks.iter().find(|waiting| waiting.task_id == task.id);
        if history.is_some_and(|history| history.is_in_the_way) {
            return "what an earlier try has put at the destination is still being removed".into();
        }
        if !self.runners.iter().any(|runner| self.is_usable(runner)) {
            return self.nobody();
        }
        let fitting: Vec<&RunnerRecord> =
            self.runners.iter().filter(|runner| self.is_usable(runner) && self.fits(runner, task)).collect();
        if fitting.is_empty() {
            return self.misfit(task);
        }
        let failed_on = history.map(|history| history.failed_on.as_slice()).unwrap_or_default();
        let fresh: Vec<_> =
            fitting.iter().copied().filter(|runner| !failed_on.contains(&runner.id)).collect();
        if fresh.is_empty() {
            let names: Vec<_> = fitting.iter().map(|runner| runner.name.as_str()).collect();
            return format!(
                "failed on every runner that can do it ({}) and waits for its next try",
                names.join(", ")
            );
        }
        let occupied = self.occupied(&fresh);
        match (occupied, history.and_then(|history| history.left_since)) {
            (Some(sentence), _) => sentence,
            (None, Some(since)) => {
                let for_ms = seconds(self.now.since_ms(since));
                format!("left for a faster runner, for {for_ms} so far: it would be done there sooner")
            }
            (None, None) => "a slot is free: it starts when the runner asks next".into(),
        }
    }

    /// None: one of these runners has a free slot.
    fn occupied(&self, fitting: &[&RunnerRecord]) -> Option<String> {
        let (mut slots, mut busy_ms) = (0_usize, Vec::new());
        for runner in fitting {
            slots += runner.capabilities.slots as usize;
            let busy = self.waits.busy.iter().find(|(runner_id, _)| *runner_id == runner.id);
            busy_ms.extend(busy.into_iter().flat_map(|(_, slots)| slots.iter().copied()));
        }
        let free_in_ms = busy_ms.iter().min().filter(|_| busy_ms.len() >= slots)?;
        let (count, next) = (busy_ms.len(), seconds(*free_in_ms));
        let ahead: Vec<String> = self
            .waits
            .ahead
            .iter()
            .map(|ahead| {
                let work = seconds(ahead.cost_ms);
                let (tasks, jobs) = (plural(ahead.tasks, "task"), plural(ahead.jobs, "job"));
                format!(
                    "{tasks} of {jobs} of tenant {} at priority {} (about {work} of work)",
                    ahead.tenant, ahead.priority
                )
            })
            .collect();
        let before = if ahead.is_empty() {
            "nothing is ahead of it".into()
        } else {
            format!("ahead or in turn: {}", ahead.join("; "))
        };
        Some(format!(
            "all {} that fit are busy with {}, the next is free in about {next}; {before}",
            plural(slots as u64, "slot"),
            plural(count as u64, "task")
        ))
    }

    fn nobody(&self) -> String {
        match self.runners.iter().map(|runner| self.absence(runner)).collect::<Vec<_>>() {
            known if known.is_empty() => "no runner has joined".into(),
            known => format!("no runner takes work: {}", known.join(", ")),
        }
    }

    /// Who could do what the usable runners cannot.
    fn misfit(&self, task: &TaskRecord) -> String {
        let lacks =
            |name: &&String| !self.runners.iter().any(|one| self.is_usable(one) && self.offers(one, name));
        let Some(name) = task.encoders.iter().find(lacks) else {
            return format!("no connected runner offers all of its encoders ({})", task.encoders.join(", "));
        };
        let pinned = self.pins.get(name);
        let what = match pinned {
            Some(pin) => {
                let (offer, print) = choice::bound(name, pin);
                format!(
                    "{offer} with the fingerprint {} of the chunks that are encoded already",
                    short(print)
                )
            }
            None => format!("the encoder {}", choice::words(name)),
        };
        let away = self.runners.iter().filter(|one| !self.is_usable(one) && self.offers(one, name));
        match away.map(|runner| self.absence(runner)).collect::<Vec<_>>() {
            none if none.is_empty() => {
                format!("no connected runner offers {what}, nor does any other that has joined")
            }
            away => format!("no connected runner offers {what}: {}", away.join(", ")),
        }
    }

    fn absence(&self, runner: &RunnerRecord) -> String {
        match runner.last_seen_at {
            _ if runner.draining && runner.is_live(self.now, LIVE_MS) => match self.resting.get(&runner.id) {
                Some(reason) => format!("{} rests ({reason})", runner.name),
                None => format!("{} is draining", runner.name),
            },
            Some(seen) => format!("{} was heard of {} ago", runner.name, seconds(self.now.since_ms(seen))),
            None => format!("{} was never heard of", runner.name),
        }
    }

    fn is_usable(&self, runner: &RunnerRecord) -> bool {
        runner.is_live(self.now, LIVE_MS) && !runner.draining
    }

    fn fits(&self, runner: &RunnerRecord, task: &TaskRecord) -> bool {
        task.encoders.iter().all(|name| self.offers(runner, name))
    }

    fn offers(&self, runner: &RunnerRecord, name: &str) -> bool {
        runner.capabilities.offers(name, self.pins.get(name).map(String::as_str))
    }

    fn name(&self, runner_id: &RunnerId) -> String {
        let known = self.runners.iter().find(|runner| runner.id == *runner_id);
        known.map_or_else(|| runner_id.to_string(), |runner| runner.name.clone())
    }
}

fn plural(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn seconds(milliseconds: u64) -> String {
    format!("{} s", milliseconds.div_ceil(1000))
}

/// Enough of a fingerprint to tell it from others.
fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(12).collect()
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
