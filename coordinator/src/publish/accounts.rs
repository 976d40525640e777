//! Fills the report from a job's records. Nothing in it depends on when it is filled.

use super::Finished;
use super::ladder::{AudioFile, Ladder, StoryboardFile, TextFile, VideoFile};
use super::rate::{Cap, simulate};
use super::report::{
    Audio, Encoder, File, Job, Rendition, Report, Source, SourceVideo, Storyboard, Subtitles, Task, Totals,
};
use crate::domain::outcome::Outcome;
use crate::domain::source::VideoStream;
use crate::domain::{Rational, TaskKind, Timestamp};
use crate::domain::{choice, damage};
use crate::objects::{Destination, Location};
use crate::store::{AttemptRecord, AttemptState, RunnerRecord, TaskRecord};

/// The report of a finished job; `playlists` are about to be written.
pub(super) fn report(finished: &Finished, ladder: &Ladder<'_>, playlists: &[(Location, String)]) -> Report {
    let Finished { plan, source, tasks, .. } = finished;
    let damage = damage::note(plan, &missing_frames(tasks));
    let notes = source.notes.iter().chain(&plan.notes).chain(&damage).cloned().collect();
    Report {
        format: 1,
        job: job(finished),
        source: probed(source),
        renditions: ladder.video.iter().map(|file| rendition(finished, file)).collect(),
        audio: (0..).zip(&ladder.audio).map(|(index, file)| audio(finished, index, file)).collect(),
        subtitles: ladder.text.iter().map(subtitles).collect(),
        storyboard: ladder.storyboard.as_ref().map(storyboard),
        tasks: tasks.iter().map(|task| accounted(finished, task)).collect(),
        totals: totals(finished),
        files: files(&finished.job.destination, ladder, playlists),
        notes,
    }
}

fn job(finished: &Finished) -> Job {
    let job = &finished.job;
    Job {
        id: job.id.clone(),
        source: public_name(&job.source),
        source_bytes: job.source_bytes,
        profile: job.profile.clone(),
        destination: job.destination.to_string(),
        created_at_ms: job.created_at,
        finished_at_ms: finished_at(finished),
    }
}

fn finished_at(finished: &Finished) -> Timestamp {
    finished.tasks.iter().filter_map(|task| task.done_at).max().unwrap_or(finished.job.created_at)
}

/// A source's name without what only its submitter should know.
fn public_name(source: &str) -> String {
    let Ok(mut url) = source.parse::<url::Url>() else {
        return source.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    };
    if url.scheme() == "file" || url.cannot_be_a_base() {
        return url.path().rsplit('/').next().unwrap_or_default().to_owned();
    }
    // Neither call fails for a URL with a host; for one without there is nothing to hide.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

fn probed(source: &crate::domain::source::Source) -> Source {
    let stream = |stream: &VideoStream| SourceVideo {
        index: stream.index,
        codec: stream.codec.clone(),
        width: stream.width,
        height: stream.height,
        rotation_degrees: stream.rotation_degrees,
        pixel_format: stream.pixel_format.clone(),
        frame_rate: stream.frame_rate,
        colour: stream.colour,
        interlaced: stream.interlaced,
        attached_picture: stream.attached_picture,
        frame_count: stream.pts.len() as u64,
        keyframe_count: stream.keyframes.len() as u64,
        bitrate_bps: stream.bitrate_bps,
    };
    Source {
        demuxer: source.demuxer.clone(),
        duration_us: source.duration_us,
        bitrate_bps: source.bitrate_bps,
        video: source.video.iter().map(stream).collect(),
        audio: source.audio.clone(),
        text: source.text.clone(),
    }
}

fn rendition(finished: &Finished, file: &VideoFile<'_>) -> Rendition {
    let VideoFile { plan, grid, joined, segments, .. } = file;
    let timescale = joined.facts.timescale;
    let bucket = Cap::of(plan).map(|cap| simulate(cap, timescale, &joined.fragments));
    Rendition {
        name: plan.name.clone(),
        codec: codec_name(&joined.facts.codecs).to_owned(),
        codecs: joined.facts.codecs.clone(),
        width: plan.width,
        height: plan.height,
        frames: joined.sample_count,
        frame_rate: grid.frame_rate,
        duration: seconds(joined.duration(), timescale),
        bytes: joined.size_bytes(),
        average_bitrate_bps: segments.average_bps(),
        peak_bitrate_bps: segments.peak_bps(),
        max_bitrate_bps: plan.max_bitrate_bps,
        encoder: video_encoder(finished, plan),
        bucket,
        progressive_bytes: file.progressive.map(|object| object.size_bytes),
        muxed_bytes: file.muxed.as_ref().map(|(_, object)| object.size_bytes),
    }
}

fn audio(finished: &Finished, audio_index: u32, file: &AudioFile<'_>) -> Audio {
    let AudioFile { plan, joined, segments, .. } = file;
    let name = if plan.copy { "copy" } else { plan.encoder.as_str() };
    Audio {
        name: plan.name.clone(),
        codec: codec_name(&joined.facts.codecs).to_owned(),
        codecs: joined.facts.codecs.clone(),
        language: plan.language.clone(),
        sample_rate_hz: plan.sample_rate_hz,
        channel_count: plan.channel_count,
        samples: joined.sample_count,
        duration: seconds(joined.sample_count, plan.sample_rate_hz),
        bytes: joined.size_bytes(),
        average_bitrate_bps: segments.average_bps(),
        peak_bitrate_bps: segments.peak_bps(),
        encoder: encoder(finished, TaskKind::EncodeAudio { audio_index }, name),
    }
}

fn subtitles(file: &TextFile<'_>) -> Subtitles {
    Subtitles {
        name: file.plan.name.clone(),
        language: file.plan.language.clone(),
        cues: file.cue_count,
        bytes: file.object.size_bytes,
    }
}

fn storyboard(file: &StoryboardFile<'_>) -> Storyboard {
    let StoryboardFile { plan, object } = file;
    Storyboard {
        sprite_width: plan.sprite_width,
        sprite_height: plan.sprite_height,
        columns: plan.columns,
        rows: plan.rows,
        sprites: plan.sprites.len() as u64,
        seconds_per_sprite: plan.seconds_per_sprite,
        bytes: object.size_bytes,
    }
}

/// The usual name of the codec that a CODECS string names.
fn codec_name(codecs: &str) -> &str {
    match codecs.split('.').next().unwrap_or_default() {
        "avc1" | "avc3" => "h264",
        "hvc1" | "hev1" => "hevc",
        "av01" => "av1",
        "vp09" => "vp9",
        "mp4a" => "aac",
        other => other,
    }
}

fn seconds(ticks: u64, timescale: u32) -> Rational {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    Rational::new(ticks, timescale.into()).unwrap_or(Rational { numerator: 0, denominator: 1 })
}

/// The encoder that all chunks were bound to.
fn video_encoder(finished: &Finished, plan: &crate::domain::plan::Rendition) -> Encoder {
    let kind = TaskKind::EncodeChunk { chunk_index: 0 };
    let task = finished.tasks.iter().find(|task| task.kind == kind);
    let needs = task.map(|task| task.encoders.as_slice()).unwrap_or_default();
    let offer = needs.iter().find_map(|need| Some(choice::bound(need, finished.pins.get(need)?).0));
    let offer = offer.unwrap_or(&plan.encoder);
    Encoder { name: choice::encoder_of(offer).to_owned(), ..encoder(finished, kind, offer) }
}

fn encoder(finished: &Finished, kind: TaskKind, name: &str) -> Encoder {
    let task = finished.tasks.iter().find(|task| task.kind == kind);
    let runner = task.and_then(|task| winner(finished, task)).and_then(|attempt| runner(finished, attempt));
    let offered = runner.and_then(|runner| runner.capabilities.encoder(name));
    Encoder {
        name: name.to_owned(),
        version: offered.map(|encoder| encoder.version.clone()).unwrap_or_default(),
    }
}

/// The attempt whose result was taken.
fn winner<'a>(finished: &'a Finished, task: &TaskRecord) -> Option<&'a AttemptRecord> {
    let won = |attempt: &&AttemptRecord| {
        attempt.task_id == task.id && matches!(attempt.state, AttemptState::Accepted | AttemptState::Sealed)
    };
    finished.attempts.iter().find(won)
}

fn runner<'a>(finished: &'a Finished, attempt: &AttemptRecord) -> Option<&'a RunnerRecord> {
    finished.runners.iter().find(|runner| runner.id == attempt.runner_id)
}

fn accounted(finished: &Finished, task: &TaskRecord) -> Task {
    let attempts = || finished.attempts.iter().filter(|attempt| attempt.task_id == task.id);
    let won = winner(finished, task);
    let named = |attempt: &AttemptRecord| match runner(finished, attempt) {
        Some(runner) if !runner.name.is_empty() => runner.name.clone(),
        _ => attempt.runner_id.to_string(),
    };
    let first_lease = attempts().map(|attempt| attempt.leased_at).min();
    let queued = task.ready_at.zip(first_lease).map(|(ready, leased)| leased.since_ms(ready));
    let usage = won.and_then(|attempt| attempt.usage).unwrap_or_default();
    Task {
        id: task.id.clone(),
        kind: task.kind.name(),
        index: index(task.kind),
        runner: won.map(named).unwrap_or_default(),
        runner_id: won.map(|attempt| attempt.runner_id.clone()),
        attempts: attempts().count() as u64,
        queued_ms: queued.unwrap_or(0),
        ran_ms: usage.ran_ms,
        transferred_ms: usage.transferred_ms,
        cpu_ms: usage.cpu_ms,
        peak_memory_bytes: usage.peak_memory_bytes,
        bytes_downloaded: usage.bytes_downloaded,
        bytes_uploaded: usage.bytes_uploaded,
        frames: frames(task),
    }
}

fn index(kind: TaskKind) -> u32 {
    match kind {
        TaskKind::Probe | TaskKind::ExtractText | TaskKind::Storyboard => 0,
        TaskKind::EncodeChunk { chunk_index } => chunk_index,
        TaskKind::EncodeAudio { audio_index }
        | TaskKind::EncodeAudioHead { audio_index }
        | TaskKind::AssembleAudio { audio_index } => audio_index,
        TaskKind::Assemble { rendition_index } => rendition_index,
    }
}

/// Of each chunk.
fn missing_frames(tasks: &[TaskRecord]) -> Vec<(u32, u64)> {
    let missing = |task: &TaskRecord| match (&task.outcome, task.kind) {
        (Some(Outcome::EncodeChunk { missing_frames, .. }), TaskKind::EncodeChunk { chunk_index }) => {
            Some((chunk_index, *missing_frames))
        }
        _ => None,
    };
    tasks.iter().filter_map(missing).collect()
}

fn frames(task: &TaskRecord) -> u64 {
    match (&task.outcome, task.kind) {
        (Some(Outcome::EncodeChunk { renditions, .. }), _) => {
            renditions.iter().map(|track| track.sample_count).max().unwrap_or(0)
        }
        (Some(Outcome::Assemble { sample_count }), TaskKind::Assemble { .. }) => *sample_count,
        _ => 0,
    }
}

fn totals(finished: &Finished) -> Totals {
    let wall_ms = finished_at(finished).since_ms(finished.job.created_at);
    let attempts = finished.attempts.len() as u64;
    let start = Totals { wall_ms, attempts, ..Totals::default() };
    finished.attempts.iter().filter_map(|attempt| attempt.usage).fold(start, |sum, usage| Totals {
        cpu_ms: sum.cpu_ms.saturating_add(usage.cpu_ms),
        bytes_downloaded: sum.bytes_downloaded.saturating_add(usage.bytes_downloaded),
        bytes_uploaded: sum.bytes_uploaded.saturating_add(usage.bytes_uploaded),
        ..sum
    })
}

fn files<'a>(destination: &Destination, ladder: &Ladder<'a>, playlists: &[(Location, String)]) -> Vec<File> {
    let prefix = destination.key_prefix();
    let file = |at: &Location, bytes| {
        let path = at.key().strip_prefix(&prefix).unwrap_or(at.key()).to_owned();
        File { path, bytes }
    };
    let made =
        |file: &VideoFile<'a>| [file.media, file.progressive, file.muxed.as_ref().map(|(_, object)| *object)];
    let video = ladder.video.iter().flat_map(made);
    let media = video.chain(ladder.audio.iter().map(|file| file.media)).flatten();
    let media = media.chain(ladder.text.iter().map(|file| file.object));
    let media = media.chain(ladder.storyboard.iter().map(|file| file.object));
    let media = media.map(|object| file(&object.at, object.size_bytes));
    let mut files: Vec<_> =
        playlists.iter().map(|(at, text)| file(at, text.len() as u64)).chain(media).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_public_name(source: &str, expected: &str) {
        assert_eq!(public_name(source), expected);
    }

    #[test]
    fn the_report_tells_neither_folders_nor_secrets() {
        check_public_name("/home/alice/private/clip.mp4", "clip.mp4");
        check_public_name("clip.mp4", "clip.mp4");
        check_public_name("file:///home/alice/clip.mp4", "clip.mp4");
        check_public_name(
            "https://alice:secret@media.example/a.mp4?X-Amz-Signature=1#t",
            "https://media.example/a.mp4",
        );
        check_public_name("s3://uploads/7/a.mp4", "s3://uploads/7/a.mp4");
    }
}
