//! Real media for the tests of this module, made by the `ffmpeg` that `make test` installs.

use std::process::Command;

use super::boxes::Cursor;
use super::moof::FragmentHead;
use crate::domain::outcome::{Fragment, Track};

/// H.264 as fast as can be.
pub const X264: [&str; 4] = ["-c:v", "libx264", "-preset", "ultrafast"];

/// A fragmented MP4 cut into its pieces.
pub struct Sample {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What a runner would report of it.
    pub track: Track,
}

/// Four seconds of a test picture at 24 frames a second, 96 x 64, a keyframe every second, cut into GOPs.
pub fn video(encoder: &[&str]) -> Sample {
    let input = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=4"];
    let output = ["-pix_fmt", "yuv420p", "-g", "24", "-bf", "0", "-video_track_timescale", "24000"];
    let movflags = ["-movflags", "empty_moov+frag_keyframe+default_base_moof+skip_trailer"];
    cut(ffmpeg(&[&input, encoder, &output, &movflags]), 4 * 24_000, 96)
}

/// Four seconds of a stereo tone at 48 kHz, cut every second.
pub fn audio(encoder: &[&str]) -> Sample {
    let input = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4"];
    let output = ["-ac", "2", "-frag_duration", "1000000"];
    let movflags = ["-movflags", "empty_moov+default_base_moof+skip_trailer"];
    cut(ffmpeg(&[&input, encoder, &output, &movflags]), 4 * 48_000, 4 * 48_000)
}

fn ffmpeg(arguments: &[&[&str]]) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin"]).args(arguments.concat()).args(["-f", "mp4", "pipe:1"]);
    let output = command.output().expect("ffmpeg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Takes the file apart; `end` is where its last fragment ends, ticks.
fn cut(bytes: Vec<u8>, end: u64, sample_count: u64) -> Sample {
    let mut cursor = Cursor::new(b"file", &bytes);
    let mut pieces: Vec<(usize, u64)> = Vec::new();
    loop {
        let start = bytes.len() - cursor.rest().len();
        let Some(found) = cursor.next_box().expect("ffmpeg writes whole boxes") else { break };
        if found.code == *b"moof" {
            let head = FragmentHead::parse(&bytes[start..]).expect("ffmpeg writes a fragment head");
            pieces.push((start, head.decode_time));
        }
    }
    let ends = pieces.iter().skip(1).copied().chain([(bytes.len(), end.max(pieces[pieces.len() - 1].1 + 1))]);
    let fragment = |(&(start, decode_time), (stop, next_time)): (&(usize, u64), (usize, u64))| Fragment {
        size_bytes: u32::try_from(stop - start).expect("samples are small"),
        decode_time,
        duration: u32::try_from(next_time - decode_time).expect("samples are short"),
        starts_with_keyframe: true,
    };
    let fragments = pieces.iter().zip(ends).map(fragment).collect();
    let init_segment = bytes[..pieces[0].0].to_vec();
    Sample { track: Track { init_segment, sample_count, fragments }, bytes }
}
