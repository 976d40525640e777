//! How long a job will still take: what its slots have achieved lately, applied to what is left, dealt out to as many
//! slots as work on it now. Pure arithmetic on its records.
//!
//! The mean since the start would not do: at first a slot is taken by the sound, encoders start empty, and a video's end
//! may be easier than its beginning.

use crate::domain::plan::ORDINARY_EFFORT_PERMILLE;
use crate::domain::{TaskKind, TaskState, Timestamp};
use crate::store::{AttemptRecord, AttemptState, TaskRecord};

/// Only work done within this time counts for the speed, unless there is less of it than `LEAST_WORK_MS`.
const WINDOW_MS: u64 = 12_000;

/// Slot time that makes a figure; the window grows until it holds as much.
const LEAST_WORK_MS: u64 = 8_000;

/// Slots are counted over this time, so that the moment between two tasks does not look like a lost slot.
const SLOT_WINDOW_MS: u64 = 2_000;

/// A stretch of a slot's time and the frames that came of it.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: u64,
    until: u64,
    /// Ordinary ones.
    frames: f64,
}

/// Milliseconds until the last frame is encoded; none before there is a figure. `efforts` says for each chunk what a
/// frame of it is expected to take, thousandths of an ordinary one; without it all are ordinary.
pub(super) fn left_ms(
    tasks: &[TaskRecord],
    attempts: &[AttemptRecord],
    efforts: &[u32],
    now: Timestamp,
) -> Option<u64> {
    let start = attempts.iter().map(|attempt| attempt.leased_at).min()?;
    let now_ms = now.since_ms(start);
    let tasks: Vec<Weighed<'_>> = tasks.iter().filter_map(|task| Weighed::of(task, efforts)).collect();
    let stretches: Vec<Stretch> = tasks
        .iter()
        .filter(|task| !task.is_sound)
        .flat_map(|task| task.attempts(attempts).filter_map(|one| task.stretch(one, start, now)))
        .collect();
    let pace = Pace::of(&stretches, now_ms)?;
    let mut slots: Vec<u64> = Vec::new();
    let mut waiting: Vec<u64> = Vec::new();
    for task in &tasks {
        let running = task.attempts(attempts).filter(|one| one.state == AttemptState::Leased).last();
        match (task.record.state, running) {
            (TaskState::Leased, Some(attempt)) => slots.push(task.left_ms(attempt, pace, now)),
            (TaskState::Ready | TaskState::Blocked | TaskState::Leased, _) => {
                waiting.push(task.whole_ms(pace))
            }
            _ => {}
        }
    }
    let count = slots_lately(attempts, now).max(slots.len()).max(1);
    slots.resize(count, 0);
    // As the scheduler deals: the next task goes to the slot that is free first.
    for length_ms in waiting {
        let first = slots.iter_mut().min().expect("there is a slot");
        *first += length_ms;
    }
    slots.into_iter().max()
}

/// An encoding task with what each of its frames is expected to take.
struct Weighed<'a> {
    record: &'a TaskRecord,
    is_sound: bool,
    effort_permille: u64,
}

impl<'a> Weighed<'a> {
    /// None for tasks that encode nothing; they are short.
    fn of(record: &'a TaskRecord, efforts: &[u32]) -> Option<Self> {
        let of_chunk = |index: u32| efforts.get(index as usize).copied().unwrap_or(ORDINARY_EFFORT_PERMILLE);
        let (is_sound, effort) = match record.kind {
            TaskKind::EncodeChunk { chunk_index } => (false, of_chunk(chunk_index)),
            TaskKind::EncodeAudio { .. } => (true, ORDINARY_EFFORT_PERMILLE),
            _ => return None,
        };
        Some(Self { record, is_sound, effort_permille: effort.into() })
    }

    fn attempts<'b>(&'b self, all: &'b [AttemptRecord]) -> impl Iterator<Item = &'b AttemptRecord> {
        all.iter().filter(|attempt| attempt.task_id == self.record.id)
    }

    /// So many frames of it in ordinary ones.
    fn ordinary(&self, frames: u64) -> f64 {
        frames as f64 * self.effort_permille as f64 / f64::from(ORDINARY_EFFORT_PERMILLE)
    }

    /// What an attempt has achieved; none for those that came to nothing.
    fn stretch(&self, attempt: &AttemptRecord, start: Timestamp, now: Timestamp) -> Option<Stretch> {
        let frames = match attempt.state {
            AttemptState::Leased => attempt.progress.min(self.record.size),
            AttemptState::Accepted | AttemptState::Sealed => self.record.size,
            AttemptState::Failed | AttemptState::Cancelled | AttemptState::Outrun => return None,
        };
        let until = attempt.ended_at.unwrap_or(now).since_ms(start);
        Some(Stretch { from: attempt.leased_at.since_ms(start), until, frames: self.ordinary(frames) })
    }

    fn whole_ms(&self, pace: Pace) -> u64 {
        if self.is_sound { 0 } else { pace.ms_of(self.ordinary(self.record.size)) }
    }

    /// Of a running attempt. Sound has a pace of its own, which nothing but its own progress tells.
    fn left_ms(&self, attempt: &AttemptRecord, pace: Pace, now: Timestamp) -> u64 {
        let ran_ms = now.since_ms(attempt.leased_at);
        let left = self.record.size.saturating_sub(attempt.progress);
        if self.is_sound {
            return ran_ms.saturating_mul(left).checked_div(attempt.progress).unwrap_or(0);
        }
        // What a chunk is ahead of or behind its time tells half of the truth: encoders hold frames back.
        self.whole_ms(pace).saturating_sub(ran_ms).max(pace.ms_of(self.ordinary(left)) / 2)
    }
}

/// Frames in so much time of one slot.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    frames: f64,
    slot_ms: f64,
}

impl Pace {
    fn of(stretches: &[Stretch], now_ms: u64) -> Option<Self> {
        let mut window_ms = WINDOW_MS;
        loop {
            let pace = Self::since(stretches, now_ms.saturating_sub(window_ms));
            if pace.slot_ms >= LEAST_WORK_MS as f64 || window_ms > now_ms {
                return (pace.frames > 0.0 && pace.slot_ms > 0.0).then_some(pace);
            }
            window_ms *= 2;
        }
    }

    /// An attempt's frames are taken to be spread evenly over its time.
    fn since(stretches: &[Stretch], from: u64) -> Self {
        stretches.iter().fold(Self { frames: 0.0, slot_ms: 0.0 }, |sum, stretch| {
            let length = stretch.until.saturating_sub(stretch.from) as f64;
            let within = stretch.until.saturating_sub(stretch.from.max(from)) as f64;
            let share = if length > 0.0 { within / length } else { 0.0 };
            Self { frames: sum.frames + stretch.frames * share, slot_ms: sum.slot_ms + within }
        })
    }

    fn ms_of(self, frames: f64) -> u64 {
        (frames * self.slot_ms / self.frames) as u64
    }
}

/// Slots at work on the job, on average of the last moments, rounded up.
fn slots_lately(attempts: &[AttemptRecord], now: Timestamp) -> usize {
    let busy_ms = attempts.iter().map(|attempt| {
        let since_lease_ms = now.since_ms(attempt.leased_at).min(SLOT_WINDOW_MS);
        let since_end_ms = attempt.ended_at.map_or(0, |ended| now.since_ms(ended));
        since_lease_ms.saturating_sub(since_end_ms)
    });
    usize::try_from(busy_ms.sum::<u64>().div_ceil(SLOT_WINDOW_MS)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AttemptId, Token};

    /// Frames that an encoder holds back while it looks ahead.
    const HELD_BACK: u64 = 30;

    /// A task's length and when it runs: (kind, size, start, end), milliseconds.
    type Run = (TaskKind, u64, u64, u64);

    /// Deals tasks of known lengths out to slots, as the scheduler does.
    fn dealt(slots: usize, tasks: &[(TaskKind, u64, u64)]) -> Vec<Run> {
        let mut free_at = vec![0; slots];
        let deal = |&(kind, size, length_ms): &(TaskKind, u64, u64)| {
            let first: &mut u64 = free_at.iter_mut().min().unwrap();
            let start = *first;
            *first += length_ms;
            (kind, size, start, *first)
        };
        tasks.iter().map(deal).collect()
    }

    /// The records of a job that is `now_ms` old.
    fn records(runs: &[Run], now_ms: u64) -> (Vec<TaskRecord>, Vec<AttemptRecord>) {
        let at = |ms: u64| Timestamp(i64::try_from(ms).unwrap());
        let records = runs.iter().enumerate().map(|(index, &(kind, size, start, end))| {
            let id = format!("task-{index}");
            let done = size * now_ms.saturating_sub(start) / (end - start);
            let (state, attempt_state) = match () {
                () if now_ms < start => (TaskState::Ready, None),
                () if now_ms < end => (TaskState::Leased, Some(AttemptState::Leased)),
                () => (TaskState::Done, Some(AttemptState::Sealed)),
            };
            let attempt = attempt_state.map(|state| AttemptRecord {
                id: format!("attempt-{index}").parse::<AttemptId>().unwrap(),
                task_id: id.parse().unwrap(),
                runner_id: "runner".parse().unwrap(),
                token: Token::new("token".to_owned()),
                epoch: 1,
                state,
                leased_at: at(start),
                expires_at: at(end),
                ended_at: (state == AttemptState::Sealed).then(|| at(end)),
                progress: done.saturating_sub(HELD_BACK / 2),
                failure: None,
                usage: None,
            });
            let task = TaskRecord {
                id: id.parse().unwrap(),
                job_id: "job".parse().unwrap(),
                kind,
                state,
                depends_on: vec![],
                encoders: vec![],
                size,
                ready_at: Some(at(0)),
                done_at: None,
                outcome: None,
                objects: vec![],
            };
            (task, attempt)
        });
        let (tasks, attempts): (Vec<_>, Vec<_>) = records.unzip();
        (tasks, attempts.into_iter().flatten().collect())
    }

    fn check(slots: usize, tasks: &[(TaskKind, u64, u64)]) {
        check_with(slots, tasks, &[]);
    }

    /// From a third of the job on, the figure is right within a fifth (or a second, near the end).
    fn check_with(slots: usize, tasks: &[(TaskKind, u64, u64)], efforts: &[u32]) {
        let runs = dealt(slots, tasks);
        let end = runs.iter().map(|run| run.3).max().unwrap();
        for now_ms in (end / 3..end).step_by(500) {
            let (tasks, attempts) = records(&runs, now_ms);
            let told =
                left_ms(&tasks, &attempts, efforts, Timestamp(i64::try_from(now_ms).unwrap())).unwrap();
            let left = end - now_ms;
            assert!(told.abs_diff(left) <= (left / 5).max(1000), "at {now_ms} of {end}: {told} for {left}");
        }
    }

    fn audio(length_ms: u64) -> (TaskKind, u64, u64) {
        (TaskKind::EncodeAudio { audio_index: 0 }, 2500, length_ms)
    }

    fn chunk(chunk_index: u32, length_ms: u64) -> (TaskKind, u64, u64) {
        (TaskKind::EncodeChunk { chunk_index }, 240, length_ms)
    }

    #[test]
    fn sound_that_takes_a_slot_at_first_does_not_mislead() {
        let tasks: Vec<_> = [audio(6000)].into_iter().chain((0..8).map(|at| chunk(at, 8000))).collect();
        check(2, &tasks);
        check(4, &tasks);
    }

    #[test]
    fn a_video_that_gets_easier_is_told_by_its_latest_part() {
        let tasks: Vec<_> = (0..24).map(|at| chunk(at, 10_000 - 100 * u64::from(at))).collect();
        check(2, &tasks);
        check(1, &tasks);
    }

    #[test]
    fn titles_at_the_end_are_known_to_be_easy() {
        let lengths_ms = [9000, 9000, 9000, 9000, 3000, 3000];
        let tasks: Vec<_> = (0..).zip(lengths_ms).map(|(at, length_ms)| chunk(at, length_ms)).collect();
        let efforts = [1000, 1000, 1000, 1000, 333, 333];
        check_with(2, &tasks, &efforts);
        check_with(1, &tasks, &efforts);
    }

    #[test]
    fn the_last_chunk_of_an_odd_number_is_waited_for() {
        let tasks: Vec<_> = (0..7).map(|at| chunk(at, 9000)).collect();
        check(2, &tasks);
    }

    #[test]
    fn without_a_frame_there_is_no_figure() {
        let (tasks, attempts) = records(&dealt(1, &[chunk(0, 9000)]), 300);
        assert_eq!(left_ms(&tasks, &attempts, &[], Timestamp(300)), None);
        assert_eq!(left_ms(&tasks, &[], &[], Timestamp(300)), None);
    }
}
