//! A storyboard: frames at given times, made upright and small as those of a rendition are, side by side in one JPEG. All
//! pictures of one keyframe come from one decode; what lies between is neither decoded nor, where the container has an
//! index, read.

use ffmpeg_next::frame;

use super::held::Held;
use crate::encode::jpeg;
use crate::error::{Error, Result};
use crate::pipe::{Outputs, SharedInputs};
use crate::scale::Ladder;
use crate::spec::{Colour, EncodeChunk, Rational, Storyboard, VideoRendition};

/// What a JPEG is (JFIF): the matrix of BT.601 and the full range.
const JFIF: Colour = Colour { primaries: 1, transfer: 1, matrix: 6, full_range: true };
/// Black in it: luma, then both chromas.
const BLACK: [u8; 3] = [0, 128, 128];
/// Of the small pictures; [`jpeg::FORMAT`] by the name that does not say its range.
const FORMAT: &str = "yuv444p";

/// Draws the storyboard of input 0 into output 0; answers how many pictures are in it.
pub fn draw(task: &Storyboard, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<u32> {
    let mut sheet = Sheet::new(task)?;
    let chunk = chunk(task);
    let counts = [vec![1; task.sprites.len()]];
    let mut ladder = None;
    let mut number = 0;
    for run in task.sprites.chunk_by(|a, b| a.seek_pts == b.seek_pts) {
        let wanted: Vec<i64> = run.iter().map(|sprite| sprite.pts).collect();
        let run_chunk = EncodeChunk { seek_pts: run[0].seek_pts, ..chunk.clone() };
        let mut held = Held::open(&run_chunk, inputs, &wanted)?;
        for pts in &wanted {
            let frame = held.frame_at(*pts)?;
            if ladder.is_none() {
                ladder = Some(Ladder::new(&frame, (&chunk, &[]), &counts)?);
            }
            let ladder = ladder.as_mut().expect("just built");
            ladder.push(frame, number, &mut |_, small| sheet.put(number, small))?;
            number += 1;
            outputs.progress(number as u64)?;
        }
    }
    outputs.append(0, &jpeg::encode(&sheet.picture)?)?;
    u32::try_from(number).map_err(|_| Error::Internal("the plan has too many pictures".into()))
}

/// The task as a chunk of one small rendition.
fn chunk(task: &Storyboard) -> EncodeChunk {
    let rendition = VideoRendition {
        name: "storyboard".to_owned(),
        grid_index: 0,
        width: task.sprite_width,
        height: task.sprite_height,
        encoder: String::new(),
        gop_frames: 1,
        frame_rate: Rational { numerator: 1, denominator: 1 },
        settings: Default::default(),
        colour: JFIF,
        pixel_format: FORMAT.to_owned(),
        first_sequence_number: 1,
        variable_rate: false,
    };
    EncodeChunk {
        stream_index: task.stream_index,
        demuxer: task.demuxer.clone(),
        seek_pts: None,
        grids: Vec::new(),
        renditions: vec![rendition],
        rotation_degrees: task.rotation_degrees,
        interlaced: task.interlaced,
        picture: task.picture.clone(),
        max_pixels: task.max_pixels,
        still: None,
        init_first: false,
        jumps: Vec::new(),
        encode_on: None,
        decode_on: Default::default(),
        marks: Vec::new(),
    }
}

/// The picture of all pictures.
struct Sheet {
    picture: frame::Video,
    columns: usize,
    sprite: (usize, usize),
}

impl Sheet {
    /// All black.
    fn new(task: &Storyboard) -> Result<Self> {
        let places = u64::from(task.columns) * u64::from(task.rows);
        let (width, height) =
            (task.columns.checked_mul(task.sprite_width), task.rows.checked_mul(task.sprite_height));
        let side = |side: Option<u32>| side.filter(|side| (1..=u32::from(u16::MAX)).contains(side));
        let (Some(width), Some(height)) = (side(width), side(height)) else {
            return Err(Error::Internal("the plan's storyboard fits into no JPEG".into()));
        };
        if task.sprites.is_empty() || task.sprites.len() as u64 > places {
            let count = task.sprites.len();
            return Err(Error::Internal(format!("the plan has {count} pictures for {places} places")));
        }
        let mut picture = frame::Video::new(jpeg::FORMAT, width, height);
        for (plane, value) in BLACK.into_iter().enumerate() {
            picture.data_mut(plane).fill(value);
        }
        let sprite = (task.sprite_width as usize, task.sprite_height as usize);
        Ok(Self { picture, columns: task.columns as usize, sprite })
    }

    /// Copies a small picture to its place.
    fn put(&mut self, number: usize, small: &frame::Video) -> Result<()> {
        let (width, height) = self.sprite;
        let (left, top) = (number % self.columns * width, number / self.columns * height);
        for plane in 0..BLACK.len() {
            let (from_stride, to_stride) = (small.stride(plane), self.picture.stride(plane));
            let from = small.data(plane).chunks(from_stride).take(height);
            let to = self.picture.data_mut(plane).chunks_mut(to_stride).skip(top);
            for (row, place) in from.zip(to) {
                place[left..left + width].copy_from_slice(&row[..width]);
            }
        }
        Ok(())
    }
}
