//! Sources that change in midstream: one geometry comes out, and a picture of another aspect lies between black bars.

use std::path::PathBuf;
use std::process::Command;

use flotilla_engine::report::Report;
use flotilla_engine::spec::Task;

use crate::clips::Clips;
use crate::{memory, plan};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;
/// Frames before each change.
const PART: usize = 12;
/// Of the limited range, with what a codec and a scaler may add.
const BLACK: std::ops::RangeInclusive<u8> = 15..=18;

/// Streams of H.264 one after the other, as one transport stream without a break.
fn joined(clips: &Clips, parts: &[(&str, &str)]) -> PathBuf {
    let mut stream = Vec::new();
    for (number, (size, extra)) in parts.iter().enumerate() {
        let source = format!("color=c=white:size={size}:rate=24:duration=0.5");
        let arguments = format!("{extra}-c:v libx264 -bf 0 -g 12 -crf 10");
        stream.extend(std::fs::read(clips.make(&format!("{number}.h264"), &source, &arguments)).unwrap());
    }
    let raw = clips.write("all.h264", &stream);
    let path = raw.with_file_name("all.ts");
    let copy = format!("-v error -y -r 24 -f h264 -i {} -c copy {}", raw.display(), path.display());
    assert!(Command::new("ffmpeg").args(copy.split(' ')).status().unwrap().success());
    path
}

/// Luma of the frames as published.
fn published(clips: &Clips, path: &PathBuf, start: usize, end: usize) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let rendition = plan::lossless(WIDTH as u32, HEIGHT as u32);
    let task = plan::chunk(&demuxer, &stream, start, end, rendition);
    let (report, collected) = memory::run(&Task::EncodeChunk(task), &bytes).unwrap();
    let Report::EncodeChunk { renditions, .. } = report else { panic!("not a chunk") };
    let whole = [&renditions[0].init_segment[..], &collected.outputs[0]].concat();
    let output = clips.write("published.mp4", &whole);
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-i", output.to_str().unwrap()])
        .args("-pix_fmt yuv420p -f rawvideo -".split(' '))
        .output()
        .unwrap();
    let frame_bytes = WIDTH * HEIGHT * 3 / 2;
    assert_eq!(decoded.stdout.len(), (end - start) * frame_bytes);
    decoded.stdout.chunks(frame_bytes).map(|frame| frame[..WIDTH * HEIGHT].to_vec()).collect()
}

/// Columns and rows of a frame's middle that are black at its edges.
fn bars(luma: &[u8]) -> (usize, usize) {
    let row = &luma[HEIGHT / 2 * WIDTH..][..WIDTH];
    let left = row.iter().take_while(|pixel| BLACK.contains(pixel)).count();
    let top = luma.chunks(WIDTH).take_while(|row| BLACK.contains(&row[WIDTH / 2])).count();
    (left, top)
}

#[test]
fn size_shape_and_samples_may_change_and_one_geometry_comes_out() {
    let clips = Clips::new();
    let path = joined(
        &clips,
        &[
            ("320x240", ""),
            ("160x120", ""),
            ("320x180", ""),
            ("240x320", ""),
            ("320x240", "-vf setsar=4/3 "),
            ("320x240", "-pix_fmt yuv444p "),
        ],
    );
    let frames = published(&clips, &path, 0, 6 * PART);
    let found: Vec<_> = frames.chunks(PART).map(|part| bars(&part[PART / 2])).collect();
    assert_eq!(found, [(0, 0), (0, 0), (0, 30), (70, 0), (0, 30), (0, 0)]);
    // Each change takes place at its frame.
    assert_eq!([2 * PART - 1, 2 * PART].map(|number| bars(&frames[number])), [(0, 0), (0, 30)]);
    // A chunk that starts behind the changes shows the same.
    let later = published(&clips, &path, 3 * PART, 4 * PART);
    assert_eq!(bars(&later[0]), (70, 0));
    assert_eq!(later, frames[3 * PART..4 * PART]);
}
