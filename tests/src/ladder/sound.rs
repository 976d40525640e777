//! Sound: how many samples, and whether they sound when they should.

use std::path::Path;

use anyhow::Result;

use super::Problems;
use super::media::{self, Stream};

/// Samples of one frame of the longest-framed codec we meet (HE-AAC); decoders round a track's end to their frames.
const CODEC_FRAME_SAMPLES: u64 = 2048;

/// By how much sound may begin early or late against the picture: decoders disagree by a codec frame.
const START_TOLERANCE_MS: i128 = 43;

/// Rate at which sounds are laid over each other.
const COMPARE_HZ: usize = 4000;
/// How much sound is compared at a time, samples: one second.
const WINDOW: usize = COMPARE_HZ;
/// How far a shift is looked for, samples: 300 ms.
const REACH: usize = 3 * COMPARE_HZ / 10;
/// The shift that is still in time, samples: 20 ms.
const IN_TIME: usize = COMPARE_HZ / 50;

/// How the sound at `published` differs from the one at `source`.
pub fn differences(source: (&Path, &Stream), published: (&Path, &Stream)) -> Result<Problems> {
    let mut problems = Problems::new();
    let rate_hz = source.1.sample_rate_hz;
    let (wanted, _) = media::samples(source.0, source.1, rate_hz)?;
    let (found, messages) = media::samples(published.0, published.1, rate_hz)?;
    problems.extend(messages.lines().next().map(|line| format!("does not decode cleanly: {line}")));
    if found.len().abs_diff(wanted.len()) as u64 > CODEC_FRAME_SAMPLES {
        problems.push(format!("{} samples instead of {}", found.len(), wanted.len()));
    }
    let (wanted, _) = media::samples(source.0, source.1, COMPARE_HZ as u64)?;
    let (found, _) = media::samples(published.0, published.1, COMPARE_HZ as u64)?;
    // A shift is seen anywhere; drift only far apart.
    for (place, quarter) in [("early", 1), ("late", 3)] {
        let shift = shift_at(&wanted, &found, wanted.len() * quarter / 4);
        if let Some(shift) = shift.filter(|shift| shift.unsigned_abs() > IN_TIME) {
            problems
                .push(format!("sounds {} ms off, {place} in the track", 1000 * shift / COMPARE_HZ as isize));
        }
    }
    Ok(problems)
}

/// By how much the sound begins after the picture.
pub fn delay_ns(picture: (&Path, &Stream), sound: (&Path, &Stream)) -> Result<i128> {
    Ok(media::first_time_ns(sound.0, sound.1)? - media::first_time_ns(picture.0, picture.1)?)
}

/// Whether a ladder's sound begins elsewhere against its picture than the source's.
pub fn start_problem(wanted_ns: i128, found_ns: i128) -> Option<String> {
    let off_ms = (found_ns - wanted_ns) / 1_000_000;
    (off_ms.abs() > START_TOLERANCE_MS).then(|| format!("begins {off_ms} ms off against the picture"))
}

/// By how many samples the sound around `middle` comes late; none when nothing like it is near (silence, a hum).
fn shift_at(wanted: &[i16], found: &[i16], middle: usize) -> Option<isize> {
    let start = middle.checked_sub(WINDOW / 2).filter(|&start| start >= REACH)?;
    let window = wanted.get(start..start + WINDOW)?;
    let (shift, best) = (0..=2 * REACH)
        .filter_map(|shift| {
            Some((shift, likeness(window, found.get(start + shift - REACH..)?.get(..WINDOW)?)))
        })
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    (best > 0.5).then(|| shift.cast_signed() - REACH.cast_signed())
}

/// Normalised correlation: 1 for the same sound, about 0 for unrelated ones.
fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let dot = |a: &[i16], b: &[i16]| {
        a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum::<i64>() as f64
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt().max(1.0)
}
