//! Calling a job off: the work stops, and nothing of it is left.

use std::time::{Duration, Instant};

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::Stage;
use flotilla_tests::wait::wait_for;

use super::{PATIENCE, stores};

/// From the command until nothing of the job is left in the store.
const TIDY_WITHIN: Duration = Duration::from_secs(30);

/// From the command to the last engine's end.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn a_cancelled_job_stops_at_once_and_leaves_no_scratch() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let runner = stage.runner(&coordinator, "runner", 2);
        let job = stage.submit(&coordinator, FLOWER, "patient", 2);
        wait_for("chunks being encoded", PATIENCE, || {
            let done = coordinator.job(&job)["progress"]["frames_done"].as_u64()?;
            (done > 0 && !runner.engines().is_empty()).then_some(())
        });

        let start = Instant::now();
        let cancelled = coordinator.json(&["cancel", &job.id]);
        assert_eq!(cancelled["state"], "cancelled");
        wait_for("the end of all engines", STOPPED_WITHIN.saturating_sub(start.elapsed()), || {
            runner.engines().is_empty().then_some(())
        });
        let bucket = coordinator.bucket();
        for prefix in [format!("scratch/{}/", job.id), format!("sources/{}/", job.id), job.prefix.clone()] {
            let what = format!("no object below {prefix}");
            wait_for(&what, TIDY_WITHIN, || bucket.keys(&prefix).is_empty().then_some(()));
        }
        runner.drain(PATIENCE);
    }
}
