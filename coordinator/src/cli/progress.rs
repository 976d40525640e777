//! Live progress: a bar on a terminal, now and then a line where there is none, JSON lines for scripts.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::table::duration;
use crate::domain::JobState;
use crate::jobs::JobView;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Between two JSON lines.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// Shows a job's progress on the way.
pub struct Display {
    kind: Kind,
    shown: Option<(Instant, JobState)>,
}

enum Kind {
    Bar(ProgressBar),
    Lines,
    Json,
}

impl Display {
    /// As fits where the output goes.
    pub fn new(json: bool) -> Self {
        let kind = match (json, std::io::stderr().is_terminal()) {
            (true, _) => Kind::Json,
            (false, false) => Kind::Lines,
            (false, true) => Kind::Bar(bar()),
        };
        Self { kind, shown: None }
    }

    /// Shows how far a job is; cheap to call often.
    pub fn show(&mut self, job: &JobView) {
        match &self.kind {
            Kind::Bar(bar) => {
                bar.set_length(job.progress.frames_total.max(1));
                bar.set_position(job.progress.frames_done);
                bar.set_message(sentence(job));
            }
            Kind::Lines if self.due(job.state, LINE_EVERY) => eprintln!("{}", line(job)),
            Kind::Json if self.due(job.state, JSON_EVERY) => {
                println!("{}", json!({ "event": "progress", "job": job }));
            }
            Kind::Lines | Kind::Json => return,
        }
        if self.due(job.state, LINE_EVERY.min(JSON_EVERY)) {
            self.shown = Some((Instant::now(), job.state));
        }
    }

    /// Leaves the terminal as it was.
    pub fn finish(&self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }

    /// A change of state is always told.
    fn due(&self, state: JobState, every: Duration) -> bool {
        self.shown.is_none_or(|(at, shown)| shown != state || at.elapsed() >= every)
    }
}

impl Drop for Display {
    /// Also when the command is interrupted.
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar() -> ProgressBar {
    let template = "{spinner} {bar:32} {percent:>3} %  {pos}/{len} frames  {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn line(job: &JobView) -> String {
    let progress = &job.progress;
    let percent = progress.frames_done * 100 / progress.frames_total.max(1);
    format!("{percent:>3} %  {}/{} frames  {}", progress.frames_done, progress.frames_total, sentence(job))
}

/// "encoding, 3.1x real time, 12s left".
fn sentence(job: &JobView) -> String {
    let stage = match job.state {
        JobState::Probing => "reading the source",
        JobState::Running if job.progress.frames_done >= job.progress.frames_total => "assembling",
        JobState::Running => "encoding",
        JobState::Publishing => "publishing",
        JobState::Published => "published",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    };
    let mut words = vec![stage.to_owned()];
    words.extend(job.progress.speed.map(|speed| format!("{speed:.1}x real time")));
    let left = job.progress.eta_ms.filter(|&left| left > 0 && job.state == JobState::Running);
    words.extend(left.map(|left| format!("{} left", duration(left))));
    words.extend(job.waiting.clone().map(|waiting| format!("waiting: {waiting}")));
    words.join(", ")
}
