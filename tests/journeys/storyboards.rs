//! A storyboard: what players show above the time line, alone or beside a ladder.

use std::fs;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::Stage;
use flotilla_tests::likeness::likeness;

use super::{PATIENCE, stores};

#[test]
fn a_storyboard_alone_is_published() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let _runner = stage.runner(&coordinator, "runner", 1);
        let job = stage.submit(&coordinator, FLOWER, "storyboard", 2);
        coordinator.wait_published(&job, PATIENCE);
        let (bucket, prefix) = (coordinator.bucket(), format!("{}/", job.prefix));
        let keys = bucket.keys(&prefix);
        let names: Vec<_> = keys.iter().map(|key| &key[prefix.len()..]).collect();
        assert_eq!(names, ["report.json", "storyboard.jpg"]);
        let report = bucket.json(&format!("{prefix}report.json"));
        let drawn = &report["storyboard"];
        assert_eq!((&drawn["sprites"], &drawn["columns"]), (&6.into(), &3.into()), "{report:#}");
        assert_eq!(report["files"][0]["path"], "storyboard.jpg");

        let picture = stage.path().join("storyboard.jpg");
        fs::write(&picture, bucket.read(&format!("{prefix}storyboard.jpg"))).expect("written");
        // The first row, as FFmpeg makes it.
        let graph = "[1]select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,0.99),scale=96:54:flags=bicubic,tile=3x1,\
                     trim=end_frame=1,format=yuv444p[theirs];[0]crop=288:54:0:0,format=yuv444p[ours];[ours][theirs]ssim";
        let found = likeness(&[&picture, &FLOWER.path()], graph);
        assert!(found > 0.9, "{found}");
    }
}
