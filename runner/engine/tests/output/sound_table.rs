//! Every codec, rate and channel layout that people upload: as many samples as another decoder finds, each when it
//! should be heard, from the first to the last.

use std::path::Path;
use std::process::Command;

use flotilla_engine::report::{Report, Source};
use flotilla_engine::spec::{EncodeAudio, MAX_PIXELS, Probe, Task};

use crate::support::{Folder, run};

const RATE_HZ: u32 = 48_000;
/// A frame of the AAC that is published.
const FRAME_SAMPLES: usize = 1024;
/// Rate at which sounds are laid over each other.
const COMPARE_HZ: usize = 8000;
/// How much is compared at a place, and how far a shift is looked for, at [`COMPARE_HZ`].
const WINDOW: usize = COMPARE_HZ / 5;
const REACH: usize = COMPARE_HZ / 10;
/// A shift that nobody can hear, at [`COMPARE_HZ`]: 5 ms. 20 ms would still be in sync with a picture.
const IN_TIME: usize = COMPARE_HZ / 200;

/// Soft noise: it never repeats itself, so a shift shows, and coders keep it.
const NOISE: &str = "-f lavfi -i anoisesrc=c=brown:r=48000:d=2:seed=7:a=0.8";

fn probe(clip: &[u8]) -> Source {
    let task = Task::Probe(Probe { max_pixels: MAX_PIXELS, ..Probe::default() });
    let Report::Probe(source) = run(&task, vec![clip.to_vec()]).unwrap().0 else { panic!("another report") };
    source
}

/// Probes and encodes as a plan would have it; the probe must find that rate and these channels.
fn check_clip(name: &str, clip: &[u8], rate_hz: u32, channel_count: u32) {
    let source = probe(clip);
    let stream = source.audio.first().unwrap_or_else(|| panic!("{name}: no sound: {:?}", source.notes));
    assert_eq!((stream.sample_rate_hz, stream.channel_count), (rate_hz, channel_count), "{name}");
    let task = EncodeAudio {
        stream_index: stream.index,
        demuxer: source.demuxer.clone(),
        encoder: "aac".into(),
        bitrate_bps: 192_000,
        sample_rate_hz: RATE_HZ,
        channel_count: stream.channel_count.min(2),
        start_ticks: 0,
        fragment_ticks: RATE_HZ,
        language: String::new(),
        copy: false,
        first_pts: Some(stream.first_pts),
        kept: Vec::new(),
        parts: Vec::new(),
        init_first: false,
        fragment_limit: None,
    };
    let (report, outputs) = run(&Task::EncodeAudio(task), vec![clip.to_vec()]).unwrap();
    let Report::EncodeAudio(track) = report else { panic!("another report") };
    let folder = Folder::new();
    let original = folder.write("original", clip);
    let [published, _] = folder.publish("audio", &track, &outputs.concat(), RATE_HZ);
    compare(name, &original, &published, track.sample_count as usize);
}

fn compare(name: &str, original: &Path, published: &Path, sample_count: usize) {
    let wanted = mono(original, RATE_HZ as usize).len();
    assert!(sample_count.abs_diff(wanted) <= FRAME_SAMPLES, "{name}: {sample_count} samples of {wanted}");
    let found = mono(published, RATE_HZ as usize).len();
    assert!((sample_count..sample_count + FRAME_SAMPLES).contains(&found), "{name}: {found} are decoded");
    let (wanted, found) = (mono(original, COMPARE_HZ), mono(published, COMPARE_HZ));
    for (place, tenths) in [("start", 1), ("middle", 5), ("end", 9)] {
        let shift = shift_at(&wanted, &found, wanted.len() * tenths / 10);
        let shift = shift.unwrap_or_else(|| panic!("{name}: another sound at the {place}"));
        assert!(shift.unsigned_abs() <= IN_TIME, "{name}: {shift}/8 ms off at the {place}");
    }
}

/// The first audio track in one channel.
fn mono(path: &Path, rate_hz: usize) -> Vec<i16> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:a:0", "-ac", "1", "-f", "s16le"]);
    let output = ffmpeg.args(["-ar", &rate_hz.to_string(), "-"]).output().unwrap();
    output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// By how many samples the sound around a place comes late; none: there is nothing like it.
fn shift_at(wanted: &[i16], found: &[i16], middle: usize) -> Option<isize> {
    let start = (middle - WINDOW / 2).max(REACH);
    let window = wanted.get(start..start + WINDOW)?;
    let alike = |shift| Some((shift, likeness(window, found.get(start + shift - REACH..)?.get(..WINDOW)?)));
    let (shift, best) = (0..=2 * REACH).filter_map(alike).max_by(|one, other| one.1.total_cmp(&other.1))?;
    (best > 0.8).then(|| shift.cast_signed() - REACH.cast_signed())
}

/// Normalised correlation: 1 for the same sound, about 0 for unrelated ones.
fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let dot = |a: &[i16], b: &[i16]| {
        a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum::<i64>() as f64
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt().max(1.0)
}

/// File name, encoder arguments, rate and channels that the probe must find.
fn check_all(table: &[(&str, &str, u32, u32)]) {
    let folder = Folder::new();
    for &(name, arguments, rate_hz, channel_count) in table {
        let clip = folder.make(name, &format!("{NOISE} -ac {channel_count} -ar {rate_hz} {arguments}"));
        check_clip(name, &clip, rate_hz, channel_count);
    }
}

#[test]
fn codecs_with_priming_and_padding_keep_every_sample() {
    check_all(&[
        ("aac.m4a", "-c:a aac", 44_100, 2),
        ("aac.aac", "-c:a aac", 48_000, 2),
        ("aac.ts", "-c:a aac", 48_000, 2),
        ("aac.mkv", "-c:a aac", 32_000, 1),
        ("aac.flv", "-c:a aac", 44_100, 2),
        ("opus.ogg", "-c:a libopus", 48_000, 2),
        ("opus.webm", "-c:a libopus", 48_000, 1),
        ("opus.mp4", "-c:a libopus -strict -2", 48_000, 6),
        ("vorbis.ogg", "-c:a libvorbis", 44_100, 2),
        ("vorbis.webm", "-c:a libvorbis", 22_050, 1),
        ("mp3.mp3", "-c:a libmp3lame", 44_100, 2),
        ("mp3_low.mp3", "-c:a libmp3lame", 11_025, 1),
        ("mp3.mkv", "-c:a libmp3lame", 48_000, 2),
        ("mp2.mpg", "-c:a mp2", 48_000, 2),
        ("wma.asf", "-c:a wmav2", 44_100, 2),
    ]);
}

#[test]
fn many_channels_are_mixed_down() {
    check_all(&[
        ("ac3.ts", "-c:a ac3", 48_000, 6),
        ("eac3.mp4", "-c:a eac3", 48_000, 6),
        ("dts.mkv", "-c:a dca -strict -2", 48_000, 6),
        ("quad.flac", "-c:a flac", 48_000, 4),
        ("surround_71.mkv", "-c:a flac", 96_000, 8),
        ("aac_71.m4a", "-c:a aac", 48_000, 8),
    ]);
}

#[test]
fn lossless_codecs_and_plain_samples_of_every_width_and_rate() {
    check_all(&[
        ("alac.m4a", "-c:a alac", 44_100, 2),
        ("flac.flac", "-c:a flac", 96_000, 2),
        ("u8.wav", "-c:a pcm_u8", 8000, 1),
        ("s16.wav", "-c:a pcm_s16le", 16_000, 2),
        ("s16be.aiff", "-c:a pcm_s16be", 44_100, 2),
        ("s24.wav", "-c:a pcm_s24le", 192_000, 2),
        ("s32.mov", "-c:a pcm_s32le", 48_000, 2),
        ("f32.wav", "-c:a pcm_f32le", 88_200, 2),
        ("f64.mkv", "-c:a pcm_f64le", 48_000, 1),
        ("adpcm.avi", "-c:a adpcm_ima_wav", 44_100, 2),
        ("mulaw.wav", "-c:a pcm_mulaw", 8000, 1),
    ]);
}

/// FFmpeg cannot encode HE-AAC, but a header that announces SBR makes every decoder double the rate.
#[test]
fn spectral_band_replication_is_heard_at_its_true_rate() {
    let folder = Folder::new();
    let mut clip = folder.make("he.m4a", &format!("{NOISE} -ac 1 -ar 24000 -c:a aac -b:a 48k"));
    // The encoder's configuration ends in an extension that says "no SBR"; now: SBR at 48 kHz (ISO/IEC 14496-3 §1.6.5).
    let plain = [0x56, 0xe5, 0x00];
    let at = clip.windows(3).position(|bytes| bytes == plain).expect("the configuration has its extension");
    clip[at + 2] = 0x98;
    // Whether parametric stereo follows is left open, and decoders are ready for it.
    check_clip("he.m4a", &clip, 48_000, 2);
}

#[test]
fn a_stream_that_changes_rate_and_channels_in_the_middle_goes_on_in_time() {
    let folder = Folder::new();
    let parts = [(48_000, 2), (24_000, 1), (44_100, 2)].map(|(rate_hz, channel_count)| {
        folder.make("part.aac", &format!("{NOISE} -ac {channel_count} -ar {rate_hz} -c:a aac"))
    });
    let source = probe(&parts.concat());
    assert_eq!(source.audio.len(), 1);
    check_clip("changing.aac", &parts.concat(), 48_000, 2);
}
