//! Publication: from finished tasks to a result that players can play.
//!
//! ```text
//! gather and check ──> playlists ──> report.json ──> master.m3u8 (the commit point)
//! ```
//! Invariants: nothing is published that was not checked against the plan and the stored bytes; the manifest
//! is written last; everything written derives from stored records, so a repeated publication writes the same
//! bytes.

mod accounts;
#[cfg(test)]
mod bench;
mod boxes;
mod check;
mod codecs;
pub mod delivery;
pub mod early;
mod error;
mod export;
#[cfg(test)]
mod fixtures;
pub mod init;
pub mod joined;
mod ladder;
pub mod layout;
pub mod manifest;
pub mod moof;
mod muxed;
mod naming;
mod planned;
pub mod playlist;
pub mod rate;
pub mod report;
#[cfg(test)]
mod sample;
pub mod segments;
mod subtitles;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::HashMap;

use bytes::Bytes;

use crate::domain::Plan;
use crate::domain::source::Source;
use crate::objects::{Location, Storage};
use crate::store::{AttemptRecord, JobRecord, RunnerRecord, TaskRecord};
pub use boxes::Malformed;
pub use delivery::{Delivery, Form};
pub use error::PublishError;
pub use export::{ExportError, export};
use ladder::Ladder;
use manifest::{AudioTrack, VideoVariant};
pub use muxed::{MuxedSegment, interleaved};
pub use report::Report;
pub use whole::Whole;

pub(crate) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
const REPORT_TYPE: &str = "application/json";
/// Name of a muxed file, beside its playlist.
const MUXED_NAME: &str = "muxed.mp4";

/// All records of a job whose tasks are done.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The job.
    pub job: JobRecord,
    /// Its plan.
    pub plan: Plan,
    /// What its probe found.
    pub source: Source,
    /// All its tasks, with outcomes and objects.
    pub tasks: Vec<TaskRecord>,
    /// All attempts at them.
    pub attempts: Vec<AttemptRecord>,
    /// The runners that are known; others are named by their ids.
    pub runners: Vec<RunnerRecord>,
    /// What the job is bound to, by need: see `domain/choice`.
    pub pins: HashMap<String, String>,
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The manifest; none when the plan wants no HLS.
    pub master: Option<Location>,
    /// The contents of `report.json`.
    pub report: Report,
}

/// Checks and publishes a job. May be repeated, after a crash too: it writes the same bytes again.
pub async fn publish(finished: &Finished, storage: &Storage) -> Result<Published, PublishError> {
    let ladder = Ladder::gather(finished)?;
    check::stored_files(&ladder, storage).await?;
    let destination = &finished.job.destination;
    let hls = finished.plan.package.hls;
    let mut playlists = Vec::new();
    if hls {
        for (joined, segments) in ladder.files() {
            playlists.push((destination.playlist(&joined.name)?, playlist::media_playlist(joined, segments)));
        }
        for file in &ladder.text {
            let facts = subtitles::check_stored(file, storage).await?;
            let text = subtitles::playlist(facts, ladder.duration_us());
            playlists.push((destination.playlist(&file.plan.name)?, text));
        }
    }
    for file in &ladder.video {
        if let Some((muxed, _)) = &file.muxed {
            let at = destination.muxed_playlist(&file.plan.name)?;
            playlists.push((at, muxed.playlist(MUXED_NAME)));
        }
    }
    if finished.plan.early {
        // Players in the middle of what was shown early learn that it ends, and go on to the end.
        let ended = early::show((&finished.job.id, destination), &finished.plan, &finished.tasks, true)?;
        for (at, text) in ended.into_iter().flat_map(|ended| ended.playlists) {
            storage.put(&at, Bytes::from(text), PLAYLIST_TYPE).await?;
        }
    }
    let report = accounts::report(finished, &ladder, &playlists);
    for (at, text) in playlists {
        storage.put(&at, Bytes::from(text), PLAYLIST_TYPE).await?;
    }
    storage.put(&destination.report(), Bytes::from(report.to_json()), REPORT_TYPE).await?;
    let mut master = None;
    if hls {
        let at = destination.master();
        storage.put(&at, Bytes::from(manifest_of(&ladder)), PLAYLIST_TYPE).await?;
        master = Some(at);
    }
    Ok(Published { master, report })
}

fn manifest_of(ladder: &Ladder<'_>) -> String {
    let video = ladder.video.iter().map(|file| VideoVariant {
        joined: &file.joined,
        segments: &file.segments,
        frame_rate: file.grid.frame_rate,
        planned_bps: 0,
    });
    let audio = ladder.audio.iter().map(|file| AudioTrack {
        joined: &file.joined,
        segments: &file.segments,
        plan: file.plan,
        planned_bps: 0,
    });
    let text: Vec<_> = ladder.text.iter().map(|file| file.plan).collect();
    manifest::master(&video.collect::<Vec<_>>(), &audio.collect::<Vec<_>>(), &text)
}
