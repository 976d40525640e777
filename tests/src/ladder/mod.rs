//! The judge: is a published ladder exactly its source, and valid HLS?
//!
//! It trusts nothing that the product says about itself: it reads the playlists like a player and decodes everything
//! with the system's `ffmpeg`. It says "exact" only when each frame is there once, at its time and with its picture,
//! and each audio sample is there.

mod manifest;
mod media;
mod picture;
mod playlist;
mod sound;
mod track;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use manifest::{Master, Variant};
use media::Stream;
use picture::Reel;
use track::Track;

/// What is wrong with a ladder; empty when it is exact.
pub type Problems = Vec<String>;

/// Compares the ladder whose `master.m3u8` lies in `folder` with the `source` it was made of.
///
/// An error means that the judge could not work; a bad ladder is an `Ok` with problems.
pub fn verify(source: &Path, folder: &Path) -> Result<Problems> {
    let master = match Master::read(&folder.join("master.m3u8")) {
        Ok(master) => master,
        Err(problem) => return Ok(vec![format!("{problem:#}")]),
    };
    let original = Original::read(source)?;
    let mut problems = Problems::new();
    for variant in &master.variants {
        let mut found = judge_variant(&original, variant)?;
        problems.extend(found.drain(..).map(|problem| format!("{}: {problem}", variant.name())));
    }
    for path in master.sound_playlists() {
        let found = judge_sound(&original, path, &master.variants[0].path)?;
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", playlist::name_of(path))));
    }
    if master.sound_playlists().next().is_none() && original.sound.is_some() {
        // Then it must be inside each rendition.
        for variant in &master.variants {
            let found = judge_sound(&original, &variant.path, &variant.path)?;
            problems.extend(found.into_iter().map(|problem| format!("{}: sound {problem}", variant.name())));
        }
    }
    Ok(problems)
}

/// Fails the test when the ladder is not exact, naming every problem.
///
/// # Panics
/// See above.
pub fn assert_exact(source: &Path, folder: &Path) {
    let problems = verify(source, folder).expect("ffmpeg and ffprobe can judge the ladder");
    assert!(problems.is_empty(), "{} is not exact:\n  {}", folder.display(), problems.join("\n  "));
}

/// The source, decoded once.
struct Original {
    path: PathBuf,
    picture: Option<(Stream, Reel)>,
    sound: Option<Stream>,
    /// By how much the sound begins after the picture, if there are both.
    sound_delay_ns: Option<i128>,
}

impl Original {
    fn read(path: &Path) -> Result<Self> {
        let streams = media::streams(path).context("the source cannot be probed")?;
        let picture = streams.iter().find(|stream| stream.is_video()).cloned();
        let sound = streams.into_iter().find(Stream::is_audio);
        let sound_delay_ns = match (&picture, &sound) {
            (Some(picture), Some(sound)) => Some(sound::delay_ns((path, picture), (path, sound))?),
            _ => None,
        };
        let picture = match picture {
            Some(stream) => Some((stream.clone(), Reel::read(path, &stream)?.0)),
            None => None,
        };
        Ok(Self { path: path.to_owned(), picture, sound, sound_delay_ns })
    }
}

fn judge_variant(original: &Original, variant: &Variant) -> Result<Problems> {
    let track = match Track::read(&variant.path) {
        Ok(track) => track,
        Err(problem) => return Ok(vec![format!("{problem:#}")]),
    };
    // A player never finishes with a broken playlist, and neither would `ffmpeg`.
    let mut problems = track.problems();
    if !problems.is_empty() {
        return Ok(problems);
    }
    let Some(stream) = media::streams(&variant.path)?.into_iter().find(Stream::is_video) else {
        problems.push("holds no video".into());
        return Ok(problems);
    };
    let Some((source_stream, source_reel)) = &original.picture else {
        problems.push("shows a picture, the source has none".into());
        return Ok(problems);
    };
    problems.extend(variant.problems(&stream));
    problems.extend(track.keyframe_problems()?);
    let (reel, messages) = Reel::read(&variant.path, &stream)?;
    problems.extend(messages.lines().next().map(|line| format!("does not decode cleanly: {line}")));
    problems.extend(reel.differences(source_reel, stream.stride_from(source_stream)));
    Ok(problems)
}

fn judge_sound(original: &Original, path: &Path, picture: &Path) -> Result<Problems> {
    let track = match Track::read(path) {
        Ok(track) => track,
        Err(problem) => return Ok(vec![format!("{problem:#}")]),
    };
    let mut problems = track.problems();
    if !problems.is_empty() {
        return Ok(problems);
    }
    let Some(source) = &original.sound else {
        problems.push("sounds, the source does not".into());
        return Ok(problems);
    };
    let Some(stream) = media::streams(path)?.into_iter().find(Stream::is_audio) else {
        problems.push("holds no audio".into());
        return Ok(problems);
    };
    problems.extend(sound::differences((&original.path, source), (path, &stream))?);
    let shown = media::streams(picture)?.into_iter().find(Stream::is_video);
    if let (Some(wanted_ns), Some(shown)) = (original.sound_delay_ns, shown) {
        let found_ns = sound::delay_ns((picture, &shown), (path, &stream))?;
        problems.extend(sound::start_problem(wanted_ns, found_ns));
    }
    Ok(problems)
}
