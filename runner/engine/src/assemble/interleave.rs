//! The order of samples in a progressive file: runs of about a second of each track, by time, so that a
//! player that reads on finds sound and pictures side by side.

use std::ops::Range;

use super::index::TrackIndex;

/// Samples of one track that lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub track: usize,
    pub samples: Range<usize>,
}

/// All samples of all tracks, each once.
pub(super) fn runs(tracks: &[TrackIndex]) -> Vec<Run> {
    let mut runs: Vec<(u64, Run)> = Vec::new();
    for (number, track) in tracks.iter().enumerate() {
        runs.extend(track_runs(number, track));
    }
    // By the second in which a run starts; a stable sort keeps the rendition before its sound.
    runs.sort_by_key(|(second, _)| *second);
    runs.into_iter().map(|(_, run)| run).collect()
}

fn track_runs(number: usize, track: &TrackIndex) -> Vec<(u64, Run)> {
    let timescale = u64::from(track.timescale().max(1));
    let mut runs: Vec<(u64, Run)> = Vec::new();
    let mut time = track.start_time;
    for (index, sample) in track.samples.iter().enumerate() {
        let second = time / timescale;
        match runs.last_mut() {
            Some((started, run)) if *started == second => run.samples.end = index + 1,
            _ => runs.push((second, Run { track: number, samples: index..index + 1 })),
        }
        time += u64::from(sample.duration);
    }
    runs
}
