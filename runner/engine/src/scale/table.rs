//! The tone-map as a table for FFmpeg's `haldclut` filter: a picture whose pixels are the answers for a lattice of all
//! colours, red running fastest. Between its points the filter interpolates.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{filter, frame};

use super::shape::Shape;
use super::tone::{Transfer, mapped};
use crate::error::{Error, Result};
use crate::spec::Colour;

/// The lattice has the square of this in each direction: 81, which is exact to about one step of 8 bits.
const LEVEL: usize = 9;
const POINTS: usize = LEVEL * LEVEL;
const SIDE: usize = LEVEL * LEVEL * LEVEL;
/// Samples of the table and of the pictures that go through it. FFmpeg 5.1 mixes the colours up in the integer formats
/// with planes, and the packed ones are three times as slow.
pub const FORMAT: &str = "gbrpf32le";
const FILTER: &str = "haldclut";

/// How pictures of this shape must be tone-mapped for `target`; none: they are not.
pub fn transfer(shape: &Shape, target: Colour) -> Option<Transfer> {
    let source = Transfer::of(shape.colour.transfer)?;
    Transfer::of(target.transfer).is_none().then_some(source)
}

/// Filters from light-coded pictures in [`FORMAT`] to BT.709 in the same.
pub fn filters() -> Result<String> {
    if filter::find(FILTER).is_none() {
        let message = format!(
            "FFmpeg on this machine lacks the filter {FILTER}, without which HDR cannot become SDR; install one that \
             is built with all filters"
        );
        return Err(Error::Runner(message));
    }
    Ok(format!("{FILTER}=clut=first:interp=tetrahedral"))
}

/// The table.
pub fn picture(transfer: Transfer) -> frame::Video {
    let mut table = frame::Video::new(Pixel::GBRPF32LE, SIDE as u32, SIDE as u32);
    let scale = (POINTS - 1) as f64;
    let mut planes: [Vec<u8>; 3] = Default::default();
    for number in 0..POINTS * POINTS * POINTS {
        let axes = [number % POINTS, number / POINTS % POINTS, number / (POINTS * POINTS)];
        let [red, green, blue] = mapped(transfer, axes.map(|at| at as f64 / scale));
        for (plane, part) in planes.iter_mut().zip([green, blue, red]) {
            plane.extend((part as f32).to_le_bytes());
        }
    }
    for (index, plane) in planes.iter().enumerate() {
        let stride = table.stride(index);
        for (row, values) in
            table.data_mut(index).chunks_mut(stride).zip(plane.chunks(size_of::<f32>() * SIDE))
        {
            row[..values.len()].copy_from_slice(values);
        }
    }
    table
}
