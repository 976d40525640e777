//! The manifest, `master.m3u8` (RFC 8216 §4.3.4). Its rates and codecs are measured on the published files.
//!
//! Order: players that do not measure first start with the first variant, so it is the largest whose short
//! side is at most 720; the others follow from the largest to the smallest.

use std::fmt::Write;

use super::init::Media;
use super::joined::Joined;
use super::naming::unique_name;
use super::segments::Segments;
use crate::domain::plan::{AudioPlan, TextPlan};
use crate::domain::{Rational, language};

/// The group that all audio renditions are in.
const AUDIO_GROUP: &str = "audio";

/// The group that all subtitles are in.
const TEXT_GROUP: &str = "subtitles";

/// Say that lines tell sounds too (RFC 8216 §4.3.4.1).
const DESCRIBES_SOUND: &str =
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";

/// Says that a track tells what is shown (RFC 8216 §4.3.4.1).
const DESCRIBES_VIDEO: &str = "public.accessibility.describes-video";

/// Short side that most first variants have.
const FIRST_SHORT_SIDE: u32 = 720;

/// A video rendition, as the manifest needs it.
pub struct VideoVariant<'a> {
    /// Its file.
    pub joined: &'a Joined,
    /// Its segments.
    pub segments: &'a Segments,
    /// Nominal frames per second.
    pub frame_rate: Rational,
    /// Its peak is at least this, bit/s: of one that is still being made. 0: it is all there.
    pub planned_bps: u64,
}

/// An audio track, as the manifest needs it.
pub struct AudioTrack<'a> {
    /// Its file.
    pub joined: &'a Joined,
    /// Its segments.
    pub segments: &'a Segments,
    /// Names, language, channels.
    pub plan: &'a AudioPlan,
    /// As for video.
    pub planned_bps: u64,
}

/// The manifest's text. `video` is the plan's order, largest first; without video the default audio track is
/// the one variant, and the others are beside it in its group.
pub fn master(video: &[VideoVariant<'_>], audio: &[AudioTrack<'_>], subtitles: &[&TextPlan]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    if !audio.is_empty() && (!video.is_empty() || audio.len() > 1) {
        write_group(&mut text, audio);
    }
    write_subtitles(&mut text, subtitles);
    let has_subtitles = !subtitles.is_empty();
    if video.is_empty() {
        write_audio_variant(&mut text, audio, has_subtitles);
    }
    for variant in in_published_order(video) {
        write_video_variant(&mut text, variant, audio, has_subtitles);
    }
    text
}

fn in_published_order<'a>(video: &'a [VideoVariant<'a>]) -> impl Iterator<Item = &'a VideoVariant<'a>> {
    let fits = |variant: &VideoVariant<'_>| short_side(variant) <= FIRST_SHORT_SIDE;
    let first = video.iter().position(fits).unwrap_or(video.len().saturating_sub(1));
    let others = video.iter().enumerate().filter(move |(at, _)| *at != first).map(|(_, variant)| variant);
    video.get(first).into_iter().chain(others)
}

fn short_side(variant: &VideoVariant<'_>) -> u32 {
    match variant.joined.facts.media {
        Media::Video { width, height } => width.min(height),
        Media::Audio { .. } => 0,
    }
}

fn write_group(text: &mut String, audio: &[AudioTrack<'_>]) {
    let default = default_position(audio);
    let mut names: Vec<String> = Vec::new();
    for (at, track) in audio.iter().enumerate() {
        let plan = track.plan;
        let name = unique_name(&plan.title, &plan.language, &plan.name, &names);
        let is_default = at == default;
        // A comment is for those who choose it.
        let (default, auto) = (yes_no(is_default), yes_no(is_default || !plan.is_commentary));
        put(text, format_args!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"{name}\""));
        if let Some(language) = language::tag(&plan.language) {
            put(text, format_args!(",LANGUAGE=\"{language}\""));
        }
        put(text, format_args!(",DEFAULT={default},AUTOSELECT={auto}"));
        if plan.is_description {
            put(text, format_args!(",CHARACTERISTICS=\"{DESCRIBES_VIDEO}\""));
        }
        let (channels, uri) = (plan.channel_count, playlist_uri(track.joined));
        put(text, format_args!(",CHANNELS=\"{channels}\",URI=\"{uri}\"\n"));
        names.push(name);
    }
}

fn write_subtitles(text: &mut String, tracks: &[&TextPlan]) {
    let mut names: Vec<String> = Vec::new();
    for track in tracks {
        let name = unique_name(&track.title, &track.language, &track.name, &names);
        // Forced lines are for those who chose none, so players must be free to choose them.
        let (default, forced) = (yes_no(track.is_default), yes_no(track.is_forced));
        put(text, format_args!("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{TEXT_GROUP}\",NAME=\"{name}\""));
        if let Some(language) = language::tag(&track.language) {
            put(text, format_args!(",LANGUAGE=\"{language}\""));
        }
        put(text, format_args!(",DEFAULT={default},AUTOSELECT=YES,FORCED={forced}"));
        if track.is_for_deaf {
            put(text, format_args!(",CHARACTERISTICS=\"{DESCRIBES_SOUND}\""));
        }
        put(text, format_args!(",URI=\"{}/playlist.m3u8\"\n", track.name));
        names.push(name);
    }
}

/// The position of the track that plays when the viewer chooses nothing; RFC 8216 §4.3.4.1.1 allows one a
/// group.
fn default_position(audio: &[AudioTrack<'_>]) -> usize {
    audio.iter().position(|track| track.plan.is_default).unwrap_or(0)
}

fn write_video_variant(
    text: &mut String,
    variant: &VideoVariant<'_>,
    audio: &[AudioTrack<'_>],
    has_subtitles: bool,
) {
    let (peak, average) = loudest(audio);
    let peak = peak.saturating_add(variant.segments.peak_bps().max(variant.planned_bps));
    let average = average.saturating_add(variant.segments.average_bps());
    write_rates(text, peak, average, &distinct_codecs(Some(variant.joined), audio));
    if let Media::Video { width, height } = variant.joined.facts.media {
        put(text, format_args!(",RESOLUTION={width}x{height}"));
    }
    put(text, format_args!(",FRAME-RATE={}", three_decimals(variant.frame_rate)));
    finish_variant(text, (!audio.is_empty(), has_subtitles), variant.joined);
}

fn write_audio_variant(text: &mut String, audio: &[AudioTrack<'_>], has_subtitles: bool) {
    let Some(track) = audio.get(default_position(audio)) else { return };
    let (peak, average) = loudest(audio);
    write_rates(text, peak, average, &distinct_codecs(None, audio));
    finish_variant(text, (audio.len() > 1, has_subtitles), track.joined);
}

/// Every codec that a player needs for the variant and any track of the group, each once.
fn distinct_codecs<'a>(video: Option<&'a Joined>, audio: &[AudioTrack<'a>]) -> Vec<&'a str> {
    let mut codecs: Vec<&str> = Vec::new();
    for joined in video.into_iter().chain(audio.iter().map(|track| track.joined)) {
        if !codecs.contains(&joined.facts.codecs.as_str()) {
            codecs.push(&joined.facts.codecs);
        }
    }
    codecs
}

fn write_rates(text: &mut String, peak_bps: u64, average_bps: u64, codecs: &[&str]) {
    let codecs = codecs.join(",");
    put(text, format_args!("#EXT-X-STREAM-INF:BANDWIDTH={peak_bps},AVERAGE-BANDWIDTH={average_bps}"));
    put(text, format_args!(",CODECS=\"{codecs}\""));
}

/// With its groups of audio and of subtitles.
fn finish_variant(text: &mut String, (has_group, has_subtitles): (bool, bool), joined: &Joined) {
    if has_group {
        put(text, format_args!(",AUDIO=\"{AUDIO_GROUP}\""));
    }
    if has_subtitles {
        put(text, format_args!(",SUBTITLES=\"{TEXT_GROUP}\""));
    }
    put(text, format_args!("\n{}\n", playlist_uri(joined)));
}

/// The highest peak and the highest average of the group: a player may combine any of its tracks with the
/// video.
fn loudest(audio: &[AudioTrack<'_>]) -> (u64, u64) {
    let peak = audio.iter().map(|track| track.segments.peak_bps().max(track.planned_bps)).max().unwrap_or(0);
    let average = audio.iter().map(|track| track.segments.average_bps()).max().unwrap_or(0);
    (peak, average)
}

fn playlist_uri(joined: &Joined) -> String {
    format!("{}/playlist.m3u8", joined.name)
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

fn three_decimals(rate: Rational) -> String {
    let thousandths =
        Rational::new(rate.numerator.saturating_mul(1000), rate.denominator).map_or(0, Rational::round);
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    /// Joined file and segments of one-second fragments of so many bytes.
    fn video(name: &str, width: u32, height: u32, bytes: &[u32]) -> (Joined, Segments) {
        let fragments: Vec<_> = bytes.iter().map(|&bytes| (24_000, bytes)).collect();
        let mut joined = fixtures::joined(name, 24_000, &fragments);
        joined.facts.media = Media::Video { width, height };
        let segments = Segments::new(&joined, 1);
        (joined, segments)
    }

    fn audio(name: &str, bytes: &[u32]) -> (Joined, Segments) {
        let fragments: Vec<_> = bytes.iter().map(|&bytes| (48_000, bytes)).collect();
        let joined = fixtures::joined_audio(name, 48_000, &fragments);
        let segments = Segments::new(&joined, 1);
        (joined, segments)
    }

    fn ntsc() -> Rational {
        Rational::new(24_000, 1001).unwrap()
    }

    fn written(video: &[(Joined, Segments)], audio: &[((Joined, Segments), AudioPlan)]) -> String {
        let variant =
            |(joined, segments)| VideoVariant { joined, segments, frame_rate: ntsc(), planned_bps: 0 };
        let video: Vec<_> = video.iter().map(|(joined, segments)| variant((joined, segments))).collect();
        let track = |((joined, segments), plan)| AudioTrack { joined, segments, plan, planned_bps: 0 };
        let audio: Vec<_> =
            audio.iter().map(|((joined, segments), plan)| track(((joined, segments), plan))).collect();
        master(&video, &audio, &[])
    }

    #[test]
    fn a_ladder_with_two_audio_tracks() {
        let ladder = [
            video("1080p", 1920, 1080, &[500_000, 250_000]),
            video("720p", 1280, 720, &[250_000, 125_000]),
            video("360p", 640, 360, &[62_500, 50_000]),
        ];
        let english = fixtures::audio_plan("audio-eng", "eng", "Director \"Cut\"\n", true);
        let german = fixtures::audio_plan("audio-deu", "deu", "", false);
        let tracks =
            [(audio("audio-eng", &[16_000; 2]), english), (audio("audio-deu", &[15_000; 2]), german)];
        insta::assert_snapshot!(written(&ladder, &tracks));
    }

    #[test]
    fn video_alone_and_portrait() {
        let ladder = [video("1080p", 1080, 1920, &[250_000]), video("720p", 720, 1280, &[125_000])];
        insta::assert_snapshot!(written(&ladder, &[]));
    }

    #[test]
    fn audio_alone() {
        let plan = fixtures::audio_plan("audio-1", "und", "", true);
        insta::assert_snapshot!(written(&[], &[(audio("audio-1", &[16_000, 12_000]), plan)]));
    }

    #[test]
    fn subtitles_are_a_group_of_their_own() {
        let plan = |name: &str, language: &str, title: &str| TextPlan {
            name: name.to_owned(),
            stream_index: 2,
            zero_us: 0,
            language: language.to_owned(),
            title: title.to_owned(),
            is_default: false,
            is_forced: false,
            is_for_deaf: false,
        };
        let english = TextPlan { is_default: true, ..plan("subtitles-eng", "eng", "") };
        let deaf = TextPlan { is_for_deaf: true, ..plan("subtitles-eng-2", "eng", "SDH \"full\"") };
        let forced = TextPlan { is_forced: true, ..plan("subtitles-ger", "ger", "") };
        let (joined, segments) = video("720p", 1280, 720, &[250_000]);
        let variant =
            VideoVariant { joined: &joined, segments: &segments, frame_rate: ntsc(), planned_bps: 0 };
        insta::assert_snapshot!(master(&[variant], &[], &[&english, &deaf, &forced]));
    }

    #[test]
    fn comments_are_not_chosen_by_players_and_descriptions_say_what_they_are() {
        let commentary = AudioPlan {
            is_commentary: true,
            ..fixtures::audio_plan("audio-eng-2", "eng", "Comments", false)
        };
        let description =
            AudioPlan { is_description: true, ..fixtures::audio_plan("audio-eng-3", "eng", "", false) };
        let main = fixtures::audio_plan("audio-eng", "eng", "", true);
        let tracks = [main, commentary, description];
        let tracks = tracks.map(|plan| (audio(&plan.name.clone(), &[16_000]), plan));
        insta::assert_snapshot!(written(&[], &tracks));
    }

    fn check_rate(numerator: i64, denominator: i64, expected: &str) {
        assert_eq!(three_decimals(Rational::new(numerator, denominator).unwrap()), expected);
    }

    #[test]
    fn frame_rates_have_three_decimals() {
        check_rate(24_000, 1001, "23.976");
        check_rate(30_000, 1001, "29.970");
        check_rate(60, 1, "60.000");
        check_rate(25, 2, "12.500");
    }
}
