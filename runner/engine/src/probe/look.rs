//! A look at some frames, where headers are not to be trusted: whether pictures are made of two fields each. Only streams
//! that can be interlaced are looked at, in a few places, so the cost is bounded.

use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::pipe::SharedInputs;
use crate::report::{self, VideoStream};
use crate::scale::Graph;
use crate::source::frames::Frames;
use crate::spec::{EncodeChunk, Fields, Picture};

/// Where, in parts of the video, and how many frames at each place.
const PLACES: usize = 4;
const FRAMES_A_PLACE: usize = 12;
/// So many frames must tell something before they count more than the headers.
const LEAST_FRAMES: u32 = 8;
/// Codecs of tapes and broadcasts, whose marks are often missing.
const BROADCAST_CODECS: [&str; 2] = ["mpeg2video", "dvvideo"];
/// Codecs that can store fields, in sizes and at rates that are not only used for progressive pictures.
const FIELD_CODECS: [&str; 10] =
    ["h264", "mpeg4", "vc1", "wmv3", "mjpeg", "prores", "dnxhd", "ffv1", "huffyuv", "rawvideo"];
const FIELD_HEIGHTS: [u32; 5] = [480, 486, 576, 1080, 1088];
/// From just below 25 to just above 30 frames a second, in thousandths.
const FIELD_RATES: std::ops::RangeInclusive<i64> = 24_900..=30_100;

/// What a look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    progressive: u32,
    top_first: u32,
    bottom_first: u32,
    /// Marked as interlaced by the stream, and of those with the upper field first.
    marked: u32,
    marked_top_first: u32,
}

/// Looks at a stream, and corrects what was said of it.
pub fn at(
    stream: &mut VideoStream,
    inputs: &SharedInputs,
    max_pixels: u64,
    found: &mut report::Source,
) -> Result<()> {
    if !may_be_interlaced(stream) {
        return Ok(());
    }
    let seen = watch(stream, inputs, max_pixels, &found.demuxer)?;
    let stated = stream.interlaced || seen.marked > 0;
    (stream.interlaced, stream.picture.fields) = verdict(seen, stated);
    let index = stream.index;
    if stated && !stream.interlaced {
        found
            .notes
            .push(format!("video stream {index} is marked as interlaced, but its frames are progressive"));
    } else if !stated && stream.interlaced {
        found
            .notes
            .push(format!("video stream {index} is marked as progressive, but its frames are interlaced"));
    }
    Ok(())
}

fn may_be_interlaced(stream: &VideoStream) -> bool {
    let codec = stream.codec.as_str();
    let rate = stream.frame_rate;
    let millihertz = rate.numerator.saturating_mul(1000) / rate.denominator.max(1);
    let in_sizes_of_fields = FIELD_HEIGHTS.contains(&stream.height) && FIELD_RATES.contains(&millihertz);
    let suspect = stream.interlaced
        || BROADCAST_CODECS.contains(&codec)
        || FIELD_CODECS.contains(&codec) && in_sizes_of_fields;
    suspect && stream.pts.len() >= LEAST_FRAMES as usize
}

/// Looks at all places; one that cannot be decoded tells nothing.
fn watch(stream: &VideoStream, inputs: &SharedInputs, max_pixels: u64, demuxer: &str) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut places: Vec<usize> = (0..PLACES).map(|place| keyframe(stream, place)).collect();
    places.dedup();
    for start in places {
        let wanted = &stream.pts[start..stream.pts.len().min(start + FRAMES_A_PLACE)];
        let seek_pts = (start > 0).then(|| stream.pts[start]);
        let task = decode(stream, seek_pts, max_pixels, demuxer);
        let looked = Frames::of_chunk(inputs, &task, wanted).and_then(|frames| seen.add(frames));
        match looked {
            Ok(()) | Err(Error::Source(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(seen)
}

/// A task that only decodes.
pub fn decode(stream: &VideoStream, seek_pts: Option<i64>, max_pixels: u64, demuxer: &str) -> EncodeChunk {
    EncodeChunk {
        stream_index: stream.index,
        demuxer: demuxer.to_owned(),
        seek_pts,
        grids: Vec::new(),
        renditions: Vec::new(),
        rotation_degrees: 0,
        interlaced: true,
        picture: Picture::default(),
        max_pixels,
        still: None,
        init_first: false,
        jumps: Vec::new(),
        encode_on: None,
        decode_on: Default::default(),
        marks: Vec::new(),
    }
}

/// The keyframe at or before the middle of a part of the video.
fn keyframe(stream: &VideoStream, place: usize) -> usize {
    let middle = stream.pts.len() * (2 * place + 1) / (2 * PLACES);
    let after = stream.keyframes.partition_point(|key| *key as usize <= middle);
    after.checked_sub(1).map_or(0, |at| stream.keyframes[at] as usize)
}

impl Seen {
    fn add(&mut self, mut frames: Frames) -> Result<()> {
        let mut detector: Option<(Graph, u32, u32)> = None;
        for _ in 0..FRAMES_A_PLACE {
            let Some((pts, mut frame)) = frames.next_frame()? else { break };
            let (width, height) = (frame.width(), frame.height());
            if detector.is_none() {
                detector = Some((Graph::new(&frame, "[in]idet[out0]", 1)?, width, height));
            }
            let Some((graph, first_width, first_height)) = &mut detector else { break };
            if (*first_width, *first_height) != (width, height) {
                break;
            }
            self.marked += u32::from(frame.is_interlaced());
            self.marked_top_first += u32::from(frame.is_interlaced() && frame.is_top_first());
            frame.set_pts(Some(pts));
            graph.push(&mut frame)?;
        }
        let Some((mut graph, ..)) = detector else { return Ok(()) };
        graph.finish()?;
        while let Some(frame) = graph.pull(0)? {
            self.count(&frame);
        }
        Ok(())
    }

    /// What the detector says of a frame, given those before it.
    fn count(&mut self, frame: &frame::Video) {
        match frame.metadata().get("lavfi.idet.multiple.current_frame") {
            Some("progressive") => self.progressive += 1,
            Some("tff") => self.top_first += 1,
            Some("bff") => self.bottom_first += 1,
            _ => {}
        }
    }
}

/// Whether to deinterlace, and by which fields. Marks are believed unless not a single frame bears them out, or nearly
/// all contradict their order; without marks, nearly all frames must show fields, and in one order.
fn verdict(seen: Seen, stated: bool) -> (bool, Fields) {
    let Seen { progressive, top_first, bottom_first, marked, marked_top_first } = seen;
    let combed = top_first + bottom_first;
    let told = combed + progressive;
    if stated && combed == 0 && told >= LEAST_FRAMES {
        return (false, Fields::AsMarked);
    }
    let most = top_first.max(bottom_first);
    let clearly = told >= LEAST_FRAMES && 10 * most >= 9 * told;
    if !clearly {
        return (stated, Fields::AsMarked);
    }
    let (order, marked_so) = match top_first > bottom_first {
        true => (Fields::TopFirst, marked_top_first),
        false => (Fields::BottomFirst, marked - marked_top_first),
    };
    if 2 * marked_so >= marked.max(1) { (true, Fields::AsMarked) } else { (true, order) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames seen as progressive, with the upper and with the lower field first; frames marked with each.
    fn check(seen: (u32, u32, u32), marked: (u32, u32), expected: (bool, Fields)) {
        let (progressive, top_first, bottom_first) = seen;
        let seen = Seen {
            progressive,
            top_first,
            bottom_first,
            marked: marked.0 + marked.1,
            marked_top_first: marked.0,
        };
        assert_eq!(verdict(seen, seen.marked > 0), expected, "{seen:?}");
    }

    #[test]
    fn marks_are_believed_unless_the_frames_say_otherwise() {
        check((0, 40, 0), (48, 0), (true, Fields::AsMarked));
        check((40, 8, 0), (48, 0), (true, Fields::AsMarked));
        check((40, 0, 0), (48, 0), (false, Fields::AsMarked));
        check((3, 0, 0), (48, 0), (true, Fields::AsMarked));
        check((0, 40, 0), (0, 48), (true, Fields::TopFirst));
    }

    #[test]
    fn without_marks_nearly_all_frames_must_show_fields() {
        check((0, 0, 40), (0, 0), (true, Fields::BottomFirst));
        check((4, 40, 0), (0, 0), (true, Fields::TopFirst));
        check((20, 20, 0), (0, 0), (false, Fields::AsMarked));
        check((0, 7, 0), (0, 0), (false, Fields::AsMarked));
        check((48, 0, 0), (0, 0), (false, Fields::AsMarked));
    }

    #[test]
    fn a_stream_that_only_its_header_calls_interlaced_is_deinterlaced_as_it_looks() {
        let seen = Seen { top_first: 40, ..Seen::default() };
        assert_eq!(verdict(seen, true), (true, Fields::TopFirst));
    }
}
