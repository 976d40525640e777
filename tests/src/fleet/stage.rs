//! Where a journey takes place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::coordinator::{Coordinator, Job, Store};
use super::runner::Runner;
use super::web::FileServer;
use crate::clips::Clip;
use crate::ladder::assert_exact;

/// Lines of each log that a failed journey shows.
const LAST_LINES: usize = 25;

/// A folder of its own, and the machine to itself: journeys take turns, because they share its processors and some of
/// them are about time.
pub struct Stage {
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// Waits for its turn.
    pub fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        // A journey that failed has cleared the stage like any other.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().expect("a temporary folder"), _turn: turn }
    }

    /// Where everything of this journey lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the coordinator.
    pub fn coordinator(&self, store: Store) -> Coordinator {
        Coordinator::start(self.path(), store)
    }

    /// Starts one more, which has a folder of its own in that of the journey.
    pub fn second_coordinator(&self, name: &str) -> Coordinator {
        let folder = self.path().join(name);
        fs::create_dir(&folder).expect("a folder can be made");
        Coordinator::start(&folder, Store::Embedded)
    }

    /// Starts the coordinator with more sections in its configuration.
    pub fn coordinator_with(&self, store: Store, more: &str) -> Coordinator {
        Coordinator::start_with(self.path(), store, more)
    }

    /// Starts a runner for it.
    pub fn runner(&self, coordinator: &Coordinator, name: &str, slots: u32) -> Runner {
        Runner::start(coordinator, name, slots, self.path())
    }

    /// Submits a clip that the coordinator fetches from a web server.
    pub fn submit(&self, coordinator: &Coordinator, clip: Clip, profile: &str, chunk_seconds: u32) -> Job {
        let source = FileServer::start(clip.path());
        // Unlike the embedded store, an external one outlives the journey: no two may publish to one place.
        let name = self.path().file_name().expect("a temporary folder has a name").to_string_lossy();
        let prefix = format!("published/{}", name.trim_start_matches('.'));
        coordinator.submit(&source.url(), profile, chunk_seconds, &prefix)
    }

    /// Submits a clip that is to be shown while it is being encoded.
    pub fn submit_progressively(
        &self,
        coordinator: &Coordinator,
        clip: Clip,
        profile: &str,
        chunk_seconds: u32,
    ) -> Job {
        let source = FileServer::start(clip.path()).url();
        let name = self.path().file_name().expect("a temporary folder has a name").to_string_lossy();
        let prefix = format!("shown/{}", name.trim_start_matches('.'));
        let destination = format!("s3://{}/{prefix}", coordinator.bucket().name);
        let chunk = chunk_seconds.to_string();
        let words = ["submit", &source, "--profile", profile, "--dest", &destination];
        let more = ["--chunk-seconds", &chunk, "--progressive-publish"];
        let answer = coordinator.json(&[&words[..], &more].concat());
        Job { id: answer["id"].as_str().expect("a job has an id").to_owned(), prefix }
    }

    /// Fetches what a job has published and judges it.
    pub fn assert_published_exactly(&self, coordinator: &Coordinator, job: &Job, clip: Clip) -> PathBuf {
        let folder = self.path().join("published").join(&job.id);
        coordinator.bucket().download(&job.prefix, &folder);
        assert_exact(&clip.path(), &folder);
        folder
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Stage {
    /// A failed journey shows what its processes said last.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let files = fs::read_dir(self.path()).into_iter().flatten().flatten().map(|file| file.path());
        for log in files.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            eprintln!("--- {} ---\n{}", log.display(), last.join("\n"));
        }
    }
}
