//! How much work a task is, before anybody has done it: known when it is planned, never exact, the same for every
//! runner. All work has one unit, the pixel: an output pixel of one frame of one rendition, weighted by what a frame of
//! that chunk is expected to take. Sound and copying are told in as many pixels as would take an ordinary processor as
//! long, so that works of all kinds can be added and compared.
//!
//! How fast a runner is shows per class of work: encoder, preset and size of picture.

use serde::{Deserialize, Serialize};

use super::plan::{AudioPlan, Chunk, ORDINARY_EFFORT_PERMILLE, PlannedTask, VideoPlan};
use super::task::TaskKind;

/// Pixels that a processor encodes with x264's "veryfast" in the time in which it encodes one sample of one channel.
const PIXELS_A_SAMPLE: u64 = 30;

/// Pixels that an ordinary processor encodes in the time in which a mebibyte is read over the network.
const PIXELS_A_MEBIBYTE: u64 = 400_000;

/// Pixels that an ordinary processor encodes in the time in which it decodes half a GOP of 1080p.
const PIXELS_A_SPRITE: u64 = 12_000_000;

/// Of a task that only has to be started.
const LEAST_PIXELS: u64 = 1_000_000;

/// Milliseconds of an ordinary slot that a mebibyte of a video nobody has looked at yet will take to encode: 1080p of
/// 5 Mbit/s in a ladder of five.
const UNKNOWN_MS_A_MEBIBYTE: u64 = 4_000;

/// Work of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What is alike in speed on one machine: "libx264 veryfast 1080".
    pub class: String,
    /// How much.
    pub pixels: u64,
    /// What it takes an ordinary slot, milliseconds.
    pub cost_ms: u64,
}

impl Work {
    /// Of encoding a chunk.
    pub fn of_chunk(video: &VideoPlan, chunk: &Chunk) -> Self {
        let pixels = video.renditions.iter().map(|rendition| {
            let slice = chunk.slices.get(rendition.grid_index as usize);
            let frames = slice.map_or(0, |slice| slice.frame_count());
            u64::from(rendition.width).saturating_mul(rendition.height.into()).saturating_mul(frames)
        });
        let pixels = u128::from(pixels.fold(0, u64::saturating_add)) * u128::from(chunk.effort_permille)
            / u128::from(ORDINARY_EFFORT_PERMILLE);
        let pixels = u64::try_from(pixels).unwrap_or(u64::MAX);
        let Some(largest) = video.renditions.first() else { return Self::new("chunk".into(), pixels, 0) };
        let preset = largest.settings.get("preset").or_else(|| largest.settings.get("speed"));
        let preset = preset.map_or("", String::as_str);
        let size = size_class(largest.width.min(largest.height));
        // What a device does beside software is measured apart from what software does alone.
        let way = if largest.alternatives.is_empty() { "" } else { "hardware or " };
        let class = format!("{way}{} {preset} {size}", largest.encoder);
        Self::new(class, pixels, ordinary_speed(&largest.encoder, preset))
    }

    /// Of encoding an audio track; of copying it, when the plan says so.
    pub fn of_audio(track: &AudioPlan) -> Self {
        if track.copy {
            let bits = u64::from(track.bitrate_bps).saturating_mul(track.duration_ticks)
                / u64::from(track.sample_rate_hz.max(1));
            return Self { class: "copy".into(), ..Self::of_reading("copy", bits >> 23) };
        }
        let samples = track.duration_ticks.saturating_mul(track.channel_count.into());
        Self::new(track.encoder.clone(), samples.saturating_mul(PIXELS_A_SAMPLE), 0)
    }

    /// Of tasks that mostly move bytes.
    pub fn of_reading(class: &str, mebibytes: u64) -> Self {
        Self::new(class.into(), mebibytes.saturating_mul(PIXELS_A_MEBIBYTE), 0)
    }

    /// Of drawing a storyboard: mostly of decoding the way from a keyframe to each picture.
    pub fn of_storyboard(sprite_count: usize) -> Self {
        Self::new("storyboard".into(), (sprite_count as u64).saturating_mul(PIXELS_A_SPRITE), 0)
    }

    /// Of looking at a source.
    pub fn of_probe(source_bytes: u64) -> Self {
        Self::of_reading("probe", source_bytes >> 20)
    }

    fn new(class: String, pixels: u64, speed: u64) -> Self {
        let pixels = pixels.max(LEAST_PIXELS);
        let speed = if speed == 0 { ORDINARY_SPEED } else { speed };
        Self { class, pixels, cost_ms: milliseconds(pixels, speed as f64) }
    }

    /// Pixels that an ordinary slot does of it in a second.
    pub fn ordinary_speed(&self) -> f64 {
        self.pixels as f64 * 1000.0 / self.cost_ms.max(1) as f64
    }
}

/// Expected work of a job of which only the source's length is known, milliseconds of an ordinary slot.
pub fn guess_ms(source_bytes: u64) -> u64 {
    (source_bytes >> 20).saturating_mul(UNKNOWN_MS_A_MEBIBYTE)
}

/// How long so many pixels take at so many pixels per second; at least a millisecond.
pub fn milliseconds(pixels: u64, pixels_per_second: f64) -> u64 {
    // A cast of a float saturates.
    ((pixels as f64 * 1000.0 / pixels_per_second.max(1.0)) as u64).max(1)
}

/// Pixels per second of one slot, x264 "veryfast", as measured on a processor of 2023 (54 CPU-seconds for a trailer's
/// ladder of 2.1 billion pixels).
const ORDINARY_SPEED: u64 = 40_000_000;

/// Pixels per second of an ordinary slot. Only to start with: what is measured replaces it.
pub fn ordinary_speed(encoder: &str, preset: &str) -> u64 {
    let number = preset.parse::<u64>().ok();
    match encoder {
        "libsvtav1" => 1_500_000 * number.unwrap_or(8).clamp(1, 13),
        "rav1e" | "librav1e" => 200_000 * number.unwrap_or(6).clamp(1, 10),
        "libaom-av1" => 400_000,
        _ => match preset {
            "ultrafast" => 80_000_000,
            "superfast" => 55_000_000,
            "faster" | "fast" => 25_000_000,
            "medium" => 16_000_000,
            "slow" | "slower" | "veryslow" | "placebo" => 6_000_000,
            _ => ORDINARY_SPEED,
        },
    }
}

/// The nearest usual height at or above a short side.
fn size_class(short_side: u32) -> u32 {
    let usual = [144, 240, 360, 480, 720, 1080, 1440, 2160];
    usual.into_iter().find(|size| short_side <= *size).unwrap_or(4320)
}

/// What each task of a plan is worth starting early: the expected length of the longest chain that begins with it,
/// milliseconds. Sound goes before all: it is one chain that no second runner can shorten. Higher is earlier.
///
/// Where a video is shown early, tasks go in the plan's order instead: by the time at which they are seen.
pub fn ranks(tasks: &[PlannedTask], early: bool) -> Vec<u64> {
    if early {
        return (0..tasks.len() as u64).rev().collect();
    }
    let mut chains: Vec<u64> = tasks.iter().map(|task| task.work.cost_ms).collect();
    // Dependencies point backwards, so each task is final before those that it waits for are looked at.
    for (at, task) in tasks.iter().enumerate().rev() {
        for &needed in task.depends_on.iter().filter(|needed| **needed < at) {
            chains[needed] = chains[needed].max(tasks[needed].work.cost_ms.saturating_add(chains[at]));
        }
    }
    let first = |(chain, task): (u64, &PlannedTask)| match task.kind {
        TaskKind::EncodeAudio { .. } => FIRST.saturating_add(chain),
        _ => chain,
    };
    chains.into_iter().zip(tasks).map(first).collect()
}

/// More than any chain of a job: a century, milliseconds.
const FIRST: u64 = 100 * 366 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: TaskKind, depends_on: &[usize], cost_ms: u64) -> PlannedTask {
        let work = Work { class: "x".into(), pixels: 1, cost_ms };
        PlannedTask { kind, depends_on: depends_on.to_vec(), encoders: vec![], size: 1, work }
    }

    #[test]
    fn sound_goes_first_then_the_longest_chain() {
        let chunk = |chunk_index| TaskKind::EncodeChunk { chunk_index };
        let tasks = [
            task(TaskKind::EncodeAudio { audio_index: 0 }, &[], 5),
            task(chunk(0), &[], 100),
            task(chunk(1), &[], 300),
            task(TaskKind::Assemble { rendition_index: 0 }, &[1, 2], 7),
            task(TaskKind::ExtractText, &[], 1),
        ];
        assert_eq!(ranks(&tasks, false), [FIRST + 5, 107, 307, 7, 1]);
        assert_eq!(ranks(&tasks, true), [4, 3, 2, 1, 0]);
    }

    #[test]
    fn slower_encoders_and_presets_cost_more() {
        let speeds = [
            ("libx264", "superfast"),
            ("libx264", "veryfast"),
            ("libx264", "medium"),
            ("libsvtav1", "8"),
            ("rav1e", "6"),
        ];
        let speeds = speeds.map(|(encoder, preset)| ordinary_speed(encoder, preset));
        assert!(speeds.is_sorted_by(|a, b| a > b), "{speeds:?}");
        assert_eq!(["libnew", ""].map(|name| ordinary_speed(name, "")), [ORDINARY_SPEED; 2]);
    }

    #[test]
    fn a_short_side_falls_into_the_class_that_holds_it() {
        assert_eq!([100, 240, 241, 1080, 5000].map(size_class), [144, 240, 360, 1080, 4320]);
    }

    #[test]
    fn nothing_is_no_work_and_everything_is_bounded() {
        assert_eq!(Work::of_probe(0).pixels, LEAST_PIXELS);
        assert_eq!(Work::of_probe(u64::MAX).class, "probe");
        assert_eq!((milliseconds(0, 0.0), guess_ms(10 << 20)), (1, 40_000));
        assert_eq!(Work::of_probe(0).ordinary_speed() as u64, ORDINARY_SPEED);
    }
}
