//! The least of a planner: chunks of a probed source, each source frame shown once.

use std::collections::BTreeMap;

use flotilla_engine::report::{Report, VideoStream};
use flotilla_engine::spec::{Colour, EncodeChunk, GridSlice, Picture, Probe, Rational, Task, VideoRendition};

use crate::memory;

pub const GOP_FRAMES: u32 = 12;

/// Probes a source and gives its demuxer and first video stream.
pub fn probe(bytes: &[u8]) -> (String, VideoStream) {
    let task = Task::Probe(Probe { max_pixels: 1 << 24, ..Probe::default() });
    let Report::Probe(mut source) = memory::run(&task, bytes).unwrap().0 else { panic!("not a probe") };
    (source.demuxer, source.video.remove(0))
}

/// A chunk of the frames from `start` to `end`, in one rendition.
pub fn chunk(
    demuxer: &str,
    stream: &VideoStream,
    start: usize,
    end: usize,
    rendition: VideoRendition,
) -> EncodeChunk {
    // A deinterlacer looks at the frames before.
    let needed = if stream.interlaced { start.saturating_sub(2) } else { start };
    // The first frames are decoded from the start of the file.
    let seek = stream.keyframes.iter().rev().find(|key| **key as usize <= needed).filter(|key| **key > 0);
    EncodeChunk {
        stream_index: stream.index,
        demuxer: demuxer.into(),
        seek_pts: seek.map(|key| stream.pts[*key as usize]),
        grids: vec![grid(stream, start, end)],
        renditions: vec![rendition],
        rotation_degrees: stream.rotation_degrees,
        interlaced: stream.interlaced,
        picture: picture(stream),
        max_pixels: 1 << 24,
        still: None,
        init_first: false,
        jumps: Vec::new(),
        encode_on: None,
        decode_on: Default::default(),
        marks: Vec::new(),
    }
}

/// What the planner takes over from a probe.
pub fn picture(stream: &VideoStream) -> Picture {
    Picture {
        mirrored: stream.picture.mirrored,
        sample_aspect_ratio: stream.sample_aspect_ratio.filter(|_| stream.picture.fixed_aspect),
        colour: stream.colour,
        fields: stream.picture.fields,
    }
}

/// Each source frame once, at its own time, counted from the first frame of the source.
pub fn grid(stream: &VideoStream, start: usize, end: usize) -> GridSlice {
    let first = stream.pts[0];
    let last = stream.pts[stream.pts.len() - 1] + stream.last_duration;
    let times = (start..=end).map(|frame| stream.pts.get(frame).unwrap_or(&last) - first).collect();
    GridSlice {
        first_frame: start as u64,
        timescale: (stream.time_base.denominator / stream.time_base.numerator) as u32,
        times,
        source_pts: stream.pts[start..end].to_vec(),
    }
}

/// A rendition of the source's own size that loses nothing.
pub fn lossless(width: u32, height: u32) -> VideoRendition {
    rendition("libx264", width, height, &[("qp", "0"), ("preset", "ultrafast")])
}

/// A rendition by any encoder.
pub fn rendition(encoder: &str, width: u32, height: u32, settings: &[(&str, &str)]) -> VideoRendition {
    let settings: BTreeMap<_, _> =
        settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    VideoRendition {
        name: format!("{height}p"),
        grid_index: 0,
        width,
        height,
        encoder: encoder.into(),
        gop_frames: GOP_FRAMES,
        frame_rate: Rational { numerator: 24, denominator: 1 },
        settings,
        colour: Colour { primaries: 2, transfer: 2, matrix: 2, full_range: false },
        pixel_format: "yuv420p".into(),
        first_sequence_number: 1,
        variable_rate: false,
    }
}
