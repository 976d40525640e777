//! Audio tracks: which ones, at which rate, and where on the output's clock they start.
//!
//! The bitrate is the source's, up to the profile's maximum: a higher one could not bring back what the source lost. A
//! source of the same codec gets at least the profile's floor, since a second generation needs headroom.

use std::collections::BTreeSet;

use flotilla_profiles::{AudioEncoder, AudioRules, TrackChoice, audio_encoder};

use super::timeline::Moment;
use crate::domain::plan::AudioPlan;
use crate::domain::source::AudioStream;
use crate::domain::{Failure, FailureClass, language};

/// Lossless codecs get the profile's maximum: their own rate says nothing.
const LOSSLESS: [&str; 6] = ["alac", "ape", "flac", "tta", "truehd", "wavpack"];

/// Players pick a rate that all devices have when the source's own is not one of the encoder's.
const USUAL_RATE_HZ: u32 = 48_000;

/// Below this a frame of a codec takes so long that the end of a track is heard late; telephone sound is raised to a
/// multiple of its rate.
const LEAST_RATE_HZ: u32 = 22_050;

/// The streams of a source that the rules choose, the default one first.
pub(super) fn chosen<'a>(streams: &[&'a AudioStream], rules: Option<&AudioRules>) -> Vec<&'a AudioStream> {
    let count = match rules.map(|rules| rules.tracks) {
        None => 0,
        Some(TrackChoice::Default) => 1,
        Some(TrackChoice::All) => streams.len(),
    };
    streams.iter().copied().take(count).collect()
}

/// When the first sample of a stream sounds.
pub(super) fn first_sample(stream: &AudioStream) -> Option<Moment> {
    Moment::new(stream.first_pts, stream.time_base)
}

/// Plans the chosen streams; `zero` is the source's time that becomes 0.
pub(super) fn plan(
    streams: &[&AudioStream],
    rules: &AudioRules,
    zero: Option<Moment>,
    segment_seconds: u32,
) -> Result<Vec<AudioPlan>, Failure> {
    let encoder = audio_encoder(&rules.encoder).ok_or_else(|| Failure {
        class: FailureClass::Profile,
        message: format!("the profile names the encoder {:?}, which nobody knows", rules.encoder),
    })?;
    let mut names = BTreeSet::new();
    let plans = streams.iter().enumerate().map(|(at, stream)| {
        let copy = can_copy(stream, rules, encoder);
        let rate = if copy { stream.sample_rate_hz } else { sample_rate(stream, encoder) };
        let channel_count =
            if copy { stream.channel_count } else { stream.channel_count.min(rules.channels) };
        let ticks = |moment: Option<Moment>| Some(moment?.since(zero?, rate));
        let start = ticks(first_sample(stream)).unwrap_or(0).max(0);
        let end = ticks(Moment::new(stream.first_pts.saturating_add(stream.duration), stream.time_base));
        AudioPlan {
            name: unique_name(stream, at, &mut names),
            stream_index: stream.index,
            encoder: encoder.name.to_owned(),
            bitrate_bps: if copy {
                source_bps(stream)
            } else {
                bitrate(stream, rules, encoder, channel_count)
            },
            sample_rate_hz: rate,
            channel_count,
            start_ticks: start.unsigned_abs(),
            fragment_ticks: segment_seconds.max(1).saturating_mul(rate),
            duration_ticks: u64::try_from(end.unwrap_or(start) - start).unwrap_or(0),
            language: language(stream).to_owned(),
            title: stream.title.clone(),
            is_default: at == 0,
            copy,
            kept: Vec::new(),
            parts: Vec::new(),
            first_pts: Some(stream.first_pts),
            is_commentary: stream.is_commentary,
            is_description: stream.is_description,
        }
    });
    Ok(plans.collect())
}

fn can_copy(stream: &AudioStream, rules: &AudioRules, encoder: &AudioEncoder) -> bool {
    let most = u64::from(rules.max_bitrate_kbps) * 1000;
    rules.copy
        && stream.copies_exactly
        && stream.codec == encoder.codec
        && stream.channel_count <= rules.channels
        && (1..=most).contains(&stream.bitrate_bps)
        && encoder.sample_rates_hz.contains(&stream.sample_rate_hz)
}

fn sample_rate(stream: &AudioStream, encoder: &AudioEncoder) -> u32 {
    let rate = stream.sample_rate_hz.max(1);
    let fits = |&candidate: &u32| candidate >= LEAST_RATE_HZ && candidate.is_multiple_of(rate);
    encoder.sample_rates_hz.iter().copied().find(fits).unwrap_or(USUAL_RATE_HZ)
}

/// Bit/s of the encoded track.
fn bitrate(stream: &AudioStream, rules: &AudioRules, encoder: &AudioEncoder, channel_count: u32) -> u32 {
    let most = rules.max_bitrate_kbps * 1000;
    let lossless = stream.codec.starts_with("pcm_") || LOSSLESS.contains(&stream.codec.as_str());
    let wanted = match source_bps(stream) {
        _ if lossless => most,
        0 => rules.unknown_bitrate_kbps * 1000,
        known if stream.codec == encoder.codec => known.max(rules.recode_bitrate_kbps * 1000),
        known => known,
    };
    // A higher rate has no more to tell than the source's.
    let rate = sample_rate(stream, encoder).min(stream.sample_rate_hz);
    let possible = encoder.max_bits_per_sample * rate * channel_count.max(1);
    wanted.min(most).min(possible)
}

fn source_bps(stream: &AudioStream) -> u32 {
    u32::try_from(stream.bitrate_bps).unwrap_or(u32::MAX)
}

/// As the container states it, if that says anything.
fn language(stream: &AudioStream) -> &str {
    if language::tag(&stream.language).is_some() { &stream.language } else { "" }
}

/// Names become folders: "audio-eng", and "audio-eng-2" for the second of that language.
fn unique_name(stream: &AudioStream, at: usize, names: &mut BTreeSet<String>) -> String {
    let base = match language(stream) {
        "" => format!("audio-{}", at + 1),
        language => format!("audio-{}", language.to_ascii_lowercase()),
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let free = [base.clone()].into_iter().chain(numbered).find(|name| !names.contains(name));
    let name = free.unwrap_or(base);
    names.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use flotilla_profiles::Library;

    use super::super::fixtures::audio;
    use super::*;

    fn check(stream: AudioStream, bitrate_bps: u32, sample_rate_hz: u32, channel_count: u32) {
        let library = Library::load(None).unwrap();
        let rules = library.get("web").unwrap().audio.clone().unwrap();
        let planned = plan(&[&stream], &rules, first_sample(&stream), 4).unwrap().remove(0);
        let expected = (bitrate_bps, sample_rate_hz, channel_count);
        assert_eq!(
            (planned.bitrate_bps, planned.sample_rate_hz, planned.channel_count),
            expected,
            "{stream:?}"
        );
    }

    #[test]
    fn the_sources_rate_is_kept_up_to_the_profiles_maximum() {
        check(audio("vorbis", 44_100, 2, 160_000), 160_000, 44_100, 2);
        check(audio("ac3", 48_000, 6, 640_000), 384_000, 48_000, 2);
        check(audio("aac", 48_000, 6, 192_580), 192_580, 48_000, 2);
        check(audio("aac", 48_000, 2, 500_000), 384_000, 48_000, 2);
    }

    #[test]
    fn aac_in_aac_gets_headroom_and_lossless_the_maximum() {
        check(audio("aac", 44_100, 2, 64_000), 128_000, 44_100, 2);
        check(audio("flac", 96_000, 2, 0), 384_000, 48_000, 2);
        check(audio("mp3", 44_100, 2, 0), 256_000, 44_100, 2);
    }

    #[test]
    fn a_frame_of_aac_holds_only_so_many_bits() {
        check(audio("aac", 8000, 1, 24_000), 48_000, 24_000, 1);
    }

    #[test]
    fn rates_become_those_of_the_encoder() {
        check(audio("mp3", 11_025, 1, 64_000), 64_000, 22_050, 1);
        check(audio("vorbis", 16_000, 1, 64_000), 64_000, 32_000, 1);
        check(audio("opus", 32_000, 2, 64_000), 64_000, 32_000, 2);
        check(audio("flac", 192_000, 2, 0), 384_000, 48_000, 2);
        check(audio("vorbis", 7350, 1, 32_000), 32_000, 22_050, 1);
        check(audio("vorbis", 37_800, 1, 32_000), 32_000, 48_000, 1);
    }

    #[test]
    fn tracks_of_one_language_have_names_of_their_own() {
        let eng = AudioStream { language: "eng".to_owned(), ..audio("aac", 48_000, 2, 128_000) };
        let mut names = BTreeSet::new();
        let unknown = AudioStream { language: "../x".to_owned(), ..eng.clone() };
        let named = [&eng, &eng, &unknown].into_iter().enumerate();
        let named: Vec<_> = named.map(|(at, stream)| unique_name(stream, at, &mut names)).collect();
        assert_eq!(named, ["audio-eng", "audio-eng-2", "audio-3"]);
    }
}
