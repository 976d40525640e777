//! A video that is watched while it is being encoded: what a player has been told once stays true, to the end and beyond.

use std::collections::BTreeMap;
use std::time::Duration;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Bucket, Coordinator, Job, Stage};
use flotilla_tests::wait::wait_for;

use super::{PATIENCE, stores};

/// From the command until nothing of the job is left in the store.
const TIDY_WITHIN: Duration = Duration::from_secs(30);

/// What a player knows: the playlists that the early manifest names, as they were read last.
struct Player {
    bucket: Bucket,
    prefix: String,
    playlists: BTreeMap<String, String>,
    looks_that_saw_more: u32,
}

impl Player {
    /// Waits for the manifest.
    fn wait_playable(coordinator: &Coordinator, job: &Job) -> Self {
        let (bucket, prefix) = (coordinator.bucket(), job.prefix.clone());
        let master =
            wait_for("an early manifest", PATIENCE, || bucket.try_read(&format!("{prefix}/master.m3u8")));
        assert_eq!(coordinator.job(job)["state"], "running", "it is there before the end");
        let master = String::from_utf8(master).expect("a manifest is text");
        let named =
            master.lines().flat_map(|line| line.split('"')).filter(|word| word.ends_with("/playlist.m3u8"));
        let playlists =
            named.filter(|word| !word.starts_with('#')).map(|word| (word.to_owned(), String::new()));
        let playlists: BTreeMap<_, _> = playlists.collect();
        assert!(playlists.len() >= 2, "pictures and sound: {master}");
        let mut player = Self { bucket, prefix, playlists, looks_that_saw_more: 0 };
        player.look();
        player
    }

    /// Reads all playlists again and everything that is new in them.
    fn look(&mut self) {
        let mut more = false;
        for (name, before) in &mut self.playlists {
            let text = String::from_utf8(self.bucket.read(&format!("{}/{name}", self.prefix))).expect("text");
            assert!(text.starts_with(before.as_str()), "{name} was changed:\n{before}\n{text}");
            assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{name}: {text}");
            assert!(segments(&text).next().is_some(), "{name} has something to play: {text}");
            let folder = name.trim_end_matches("playlist.m3u8");
            for (uri, start, length) in segments(&text).skip(segments(before).count()) {
                let key = format!("{}/{folder}{uri}", self.prefix);
                assert_eq!(self.bucket.read_range(&key, start, length).len() as u64, length, "{key}");
                more = true;
            }
            *before = text;
        }
        self.looks_that_saw_more += u32::from(more);
    }

    /// All bytes that a playlist names, in its order, the init segment first.
    fn played(&self, name: &str) -> Vec<u8> {
        let text = &self.playlists[name];
        let folder = name.trim_end_matches("playlist.m3u8");
        let read = |uri: &str, start, length| {
            self.bucket.read_range(&format!("{}/{folder}{uri}", self.prefix), start, length)
        };
        let map =
            text.lines().find_map(|line| line.strip_prefix("#EXT-X-MAP:URI=\"")).expect("an init segment");
        let (uri, range) = map.trim_end_matches('"').split_once("\",BYTERANGE=\"").expect("a range");
        let init_bytes = range.trim_end_matches("@0").parse().expect("a length");
        let mut bytes = read(uri, 0, init_bytes);
        for (uri, start, length) in segments(text) {
            bytes.extend(read(&uri, start, length));
        }
        bytes
    }
}

/// URI, offset and length of each segment.
fn segments(playlist: &str) -> impl Iterator<Item = (String, u64, u64)> {
    let mut lines = playlist.lines();
    std::iter::from_fn(move || {
        let range = lines.by_ref().find_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"))?;
        let (length, start) = range.split_once('@').expect("an offset");
        let uri = lines.next().expect("a range has a URI").to_owned();
        Some((uri, start.parse().expect("a number"), length.parse().expect("a number")))
    })
}

#[test]
fn a_video_is_played_while_it_is_encoded_and_ends_as_any_other() {
    for store in stores() {
        let stage = Stage::new();
        let mut coordinator = stage.coordinator(store);
        let _runner = stage.runner(&coordinator, "runner", 1);
        let job = stage.submit_progressively(&coordinator, FLOWER, "patient", 2);
        let mut player = Player::wait_playable(&coordinator, &job);
        // Whoever writes the playlists dies, and goes on with the same words.
        coordinator.kill_and_restart();
        wait_for("the job's publication", PATIENCE, || {
            player.look();
            (coordinator.job(&job)["state"] == "published").then_some(())
        });
        player.look();
        assert!(player.looks_that_saw_more >= 2, "the playlists grew while somebody watched");
        assert!(player.playlists.values().all(|text| text.ends_with("#EXT-X-ENDLIST\n")));

        let folder = stage.assert_published_exactly(&coordinator, &job, FLOWER);
        for name in player.playlists.keys() {
            let track = name.split('/').rev().nth(1).expect("a playlist lies in its folder");
            let playlist =
                std::fs::read_to_string(folder.join(track).join("playlist.m3u8")).expect("the final one");
            assert!(
                playlist.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && playlist.ends_with("#EXT-X-ENDLIST\n")
            );
            let media = std::fs::read(folder.join(track).join("media.mp4")).expect("a file");
            assert!(player.played(name) == media, "{track}: what was played is what is published");
        }
        let master = std::fs::read_to_string(folder.join("master.m3u8")).expect("the manifest");
        assert!(!master.contains("live/"), "the last manifest names the last playlists: {master}");
    }
}

#[test]
fn what_was_shown_of_a_cancelled_job_is_taken_back() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let runner = stage.runner(&coordinator, "runner", 1);
        let job = stage.submit_progressively(&coordinator, FLOWER, "patient", 2);
        let player = Player::wait_playable(&coordinator, &job);
        coordinator.json(&["cancel", &job.id]);
        wait_for("nothing left of it", TIDY_WITHIN, || {
            player.bucket.keys(&format!("{}/", job.prefix)).is_empty().then_some(())
        });
        runner.drain(PATIENCE);
    }
}
