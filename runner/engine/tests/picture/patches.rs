//! Flat patches of known colours side by side: into a clip, through the engine, and back as numbers.

use std::path::{Path, PathBuf};
use std::process::Command;

use flotilla_engine::report::{Report, VideoStream};
use flotilla_engine::spec::{Colour, Task};

use crate::clips::Clips;
use crate::{memory, plan};

/// Side of a patch, pixels.
pub const SIDE: usize = 64;
pub const FRAME_COUNT: usize = 3;
pub const BT709: Colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };

/// Y', Cb and Cr, in steps of 8 bits.
pub type Steps = [f64; 3];

/// A clip of raw frames, encoded by the FFmpeg command line.
pub fn clip(
    clips: &Clips,
    name: &str,
    (format, width): (&str, usize),
    frame: &[u8],
    arguments: &str,
) -> PathBuf {
    let raw = clips.write("frames.raw", &frame.repeat(FRAME_COUNT));
    let path = raw.with_file_name(name);
    let input = format!("-f rawvideo -pix_fmt {format} -s {width}x{SIDE} -framerate 24 -i {}", raw.display());
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(input.split(' '))
        .args(arguments.split(' '))
        .arg(&path)
        .status();
    assert!(status.unwrap().success(), "{name}");
    path
}

/// The clip as the engine publishes it without loss in the given colours; and what the probe said of it.
pub fn published(clips: &Clips, path: &Path, width: u32, colour: Colour) -> (PathBuf, VideoStream) {
    let bytes = std::fs::read(path).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let mut rendition = plan::lossless(width, SIDE as u32);
    rendition.colour = colour;
    let task = plan::chunk(&demuxer, &stream, 0, FRAME_COUNT, rendition);
    let (report, collected) = memory::run(&Task::EncodeChunk(task), &bytes).unwrap();
    let Report::EncodeChunk { renditions, .. } = report else { panic!("not a chunk") };
    let whole = [&renditions[0].init_segment[..], &collected.outputs[0]].concat();
    (clips.write("published.mp4", &whole), stream)
}

/// The mean of each patch of the last frame; its edges, which codecs and scalers blur, are left out.
pub fn means(path: &Path, count: usize) -> Vec<Steps> {
    let arguments = ["-v", "error", "-i", path.to_str().unwrap()];
    let output = Command::new("ffmpeg")
        .args(arguments)
        .args("-map 0:v:0 -vf scale=flags=neighbor,format=yuv444p -f rawvideo -".split(' '))
        .output()
        .unwrap();
    let plane = count * SIDE * SIDE;
    let frame = &output.stdout[output.stdout.len() - 3 * plane..];
    let mean = |plane: &[u8], patch: usize| {
        let inner = || SIDE / 4..SIDE * 3 / 4;
        let pixels = inner().flat_map(|y| inner().map(move |x| y * count * SIDE + patch * SIDE + x));
        let sum: u64 = pixels.map(|at| u64::from(plane[at])).sum();
        sum as f64 / (SIDE * SIDE / 4) as f64
    };
    let of = |patch| [0, 1, 2].map(|part| mean(&frame[part * plane..(part + 1) * plane], patch));
    (0..count).map(of).collect()
}

/// Asserts that two colours differ by at most so many steps in each part.
pub fn assert_close(what: &str, found: Steps, expected: Steps, tolerance: f64) {
    let close = found.iter().zip(expected).all(|(one, other)| (one - other).abs() <= tolerance);
    assert!(close, "{what}: {found:.1?} is not {expected:.1?} within {tolerance}");
}

/// What `ffprobe` says of a stream's colours: range, matrix, transfer, primaries.
pub fn tags(path: &Path) -> String {
    let show = "-v error -show_entries stream=color_range,color_space,color_transfer,color_primaries";
    let output = Command::new("ffprobe")
        .args(show.split(' '))
        .args(["-of", "csv=p=0", path.to_str().unwrap()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
