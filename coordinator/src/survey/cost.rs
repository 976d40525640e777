//! What a plan costs, by a rule that is stated: pixels to decode and to encode, each at a price of processor time that
//! was measured on one core of about 2020. A guess within a factor of two, made to compare jobs, not to bill them.

use serde::Serialize;

use crate::domain::Plan;
use crate::domain::plan::{AudioPlan, Rendition, VideoPlan};
use crate::domain::source::Source;

/// Of a decoded pixel, scaling included, picoseconds.
const DECODE_PS: u128 = 6_000;
/// Of a second of sound that is encoded anew.
const AUDIO_SECOND_PS: u128 = 15_000_000_000;
const PS_PER_MS: u128 = 1_000_000_000;

/// What a plan costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Of all frames of all renditions.
    pub encoded_pixels: u64,
    /// Processor time of all tasks together, milliseconds, by the rule of docs/media.md.
    pub cpu_ms: u64,
}

/// The cost of a plan for a source.
pub(super) fn of(source: &Source, plan: &Plan) -> Cost {
    let video = plan.video.as_ref();
    let pixels = video.map_or(0, |video| rated(video).map(|(pixels, _)| pixels).sum::<u128>());
    let encoding = video.map_or(0, |video| rated(video).map(|(pixels, price)| pixels * price).sum());
    let decoding = video.map_or(0, |video| decoded_pixels(source, video) * DECODE_PS);
    let sound: u128 = plan.audio.iter().map(audio).sum();
    Cost {
        encoded_pixels: u64::try_from(pixels).unwrap_or(u64::MAX),
        cpu_ms: u64::try_from((encoding + decoding + sound) / PS_PER_MS).unwrap_or(u64::MAX),
    }
}

/// Pixels of each rendition and the price of one.
fn rated(video: &VideoPlan) -> impl Iterator<Item = (u128, u128)> + '_ {
    video.renditions.iter().map(|rendition| {
        let grid = video.grids.get(rendition.grid_index as usize);
        let frames = grid.map_or(0, |grid| grid.frame_count());
        let pixels = u128::from(rendition.width) * u128::from(rendition.height) * u128::from(frames);
        (pixels, price_ps(rendition))
    })
}

/// One decode feeds all renditions.
fn decoded_pixels(source: &Source, video: &VideoPlan) -> u128 {
    let stream = source.video.iter().find(|stream| stream.index == video.stream_index);
    stream.map_or(0, |stream| u128::from(stream.width) * u128::from(stream.height) * stream.pts.len() as u128)
}

fn audio(track: &AudioPlan) -> u128 {
    match track.copy {
        true => 0,
        false => u128::from(track.duration_ticks) * AUDIO_SECOND_PS / u128::from(track.sample_rate_hz.max(1)),
    }
}

/// Picoseconds for an encoded pixel. Slower presets cost what they usually do against the one measured.
fn price_ps(rendition: &Rendition) -> u128 {
    let preset = rendition.settings.get("preset").map(String::as_str);
    match rendition.encoder.as_str() {
        "libx264" => 18_000 * x264_percent(preset) / 100,
        "libx265" => 60_000 * x264_percent(preset) / 100,
        "libsvtav1" => {
            let preset = preset.and_then(|preset| preset.parse::<u32>().ok()).unwrap_or(10).min(13);
            // Each preset below 10 takes about 1.4 times the one above it.
            (0..10_u32.saturating_sub(preset)).fold(85_000, |price, _| price * 7 / 5)
        }
        "rav1e" => 900_000,
        _ => 100_000,
    }
}

fn x264_percent(preset: Option<&str>) -> u128 {
    match preset {
        Some("ultrafast") => 50,
        Some("superfast") => 70,
        Some("veryfast") => 100,
        Some("faster") => 140,
        Some("fast") => 190,
        Some("slow") => 350,
        Some("slower") => 700,
        Some("veryslow" | "placebo") => 1300,
        _ => 240,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::{self, fixtures};

    fn cost(profile: &str, frames: i64) -> Cost {
        let library = flotilla_profiles::Library::load(None).unwrap();
        let source = fixtures::source(vec![fixtures::video(640, 360, (1, 24), 1, frames)], Vec::new(), 0);
        let request = planner::Request { slots: 2, chunk_seconds: None, early: false };
        let plan = planner::plan(&source, library.get(profile).unwrap(), &request).unwrap();
        of(&source, &plan)
    }

    #[test]
    fn twice_the_frames_cost_twice_as_much_and_av1_more_than_h264() {
        let (short, long) = (cost("web", 240), cost("web", 480));
        let ladder = 640 * 360 + 426 * 240 + 256 * 144;
        assert_eq!(short.encoded_pixels, ladder * 240);
        assert_eq!(long.encoded_pixels, 2 * short.encoded_pixels);
        assert!(long.cpu_ms.abs_diff(2 * short.cpu_ms) <= 1, "{short:?} {long:?}");
        assert!(cost("av1", 240).cpu_ms > 3 * short.cpu_ms);
    }
}
