//! The clip of trials: a soft slope that moves from picture to picture, within the limited range.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use super::{Tried, wrong};
#[cfg(test)]
use crate::report::DeviceAnswer;
use crate::spec::SizeClass;

/// Pictures that differ; they come again and again.
const PICTURES: u32 = 8;
/// Frames of a clip: enough at the usual size for its speed to be measured.
const FRAMES: u32 = 8;
const MEASURED_FRAMES: u32 = 24;
/// Steps of brightness after which the slope begins anew.
const PERIOD: u32 = 400;
/// Mean difference of brightness, of 256 steps, that an encode may make.
const MAX_DIFFERENCE: u64 = 12;

/// Pictures to encode.
pub struct Clip {
    size: (u32, u32),
    format: Pixel,
    frame_count: u32,
    pictures: Vec<frame::Video>,
}

impl Clip {
    /// A clip of that size and depth.
    pub fn of(size: SizeClass, bit_depth: u8) -> Self {
        let format = if bit_depth == 8 { Pixel::YUV420P } else { Pixel::YUV420P10LE };
        let frame_count = if size == SizeClass::Hd { MEASURED_FRAMES } else { FRAMES };
        let size = size.size();
        let pictures = (0..PICTURES).map(|number| picture(format, size, number)).collect();
        Self { size, format, frame_count, pictures }
    }

    /// Pixels.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Of its pictures.
    pub fn format(&self) -> Pixel {
        self.format
    }

    /// Frames to encode.
    pub fn frame_count(&self) -> u32 {
        self.frame_count
    }

    /// What a frame shows.
    pub fn picture(&self, number: u32) -> &frame::Video {
        &self.pictures[(number % PICTURES) as usize]
    }

    /// Holds what came back against what was sent.
    pub fn compare(&self, pictures: &[frame::Video]) -> Tried<()> {
        if pictures.len() != self.frame_count as usize {
            return Err(wrong(&format!("{} of {} pictures came back", pictures.len(), self.frame_count)));
        }
        let differences =
            (0..).zip(pictures).map(|(number, shown)| self.difference(self.picture(number), shown));
        match differences.max().unwrap_or(u64::MAX) {
            0..=MAX_DIFFERENCE => Ok(()),
            found => Err(wrong(&format!("the pictures differ by {found} of 256 steps from what was sent"))),
        }
    }

    fn difference(&self, sent: &frame::Video, shown: &frame::Video) -> u64 {
        crate::encode::look::difference(sent, shown)
    }
}

fn brightness(at: u32) -> u16 {
    let along = at % PERIOD;
    (20 + along.min(PERIOD - along)) as u16
}

fn picture(format: Pixel, (width, height): (u32, u32), number: u32) -> frame::Video {
    let mut picture = frame::Video::new(format, width, height);
    let wide = format == Pixel::YUV420P10LE;
    let levels: Vec<u16> = (0..PERIOD).map(|at| brightness(at) << (2 * u16::from(wide))).collect();
    for plane in 0..picture.planes() {
        let stride = picture.stride(plane);
        for (y, row) in (0..).zip(picture.data_mut(plane).chunks_mut(stride)) {
            let start = y / 4 + 8 * number;
            let level = |x: u32| match plane {
                0 => levels[((x / 2 + start) % PERIOD) as usize],
                _ => 128 << (2 * u16::from(wide)),
            };
            match wide {
                false => (0..).zip(row).for_each(|(x, sample)| *sample = level(x) as u8),
                true => (0..)
                    .zip(row.chunks_exact_mut(2))
                    .for_each(|(x, sample)| sample.copy_from_slice(&level(x).to_le_bytes())),
            }
        }
    }
    picture
}

/// A clip whose pictures came back in another order does not pass.
#[cfg(test)]
pub fn still(clip: &Clip) -> Vec<frame::Video> {
    (0..clip.frame_count()).map(|_| clip.picture(0).clone()).collect()
}

/// For tests of what is told.
#[cfg(test)]
pub fn is_wrong(answer: &Tried<()>) -> bool {
    matches!(answer, Err(DeviceAnswer::Wrong { .. }))
}
