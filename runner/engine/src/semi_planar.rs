//! The layouts of devices: chroma samples lie beside each other in one plane (NV12), and those of 10 bits stand at the
//! upper end of 16 (P010). Nothing is lost on the way in either direction.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

/// The layout of devices for a planar format of ours; none: devices have no such pictures.
pub fn layout(planar: Pixel) -> Option<Pixel> {
    match planar {
        Pixel::YUV420P => Some(Pixel::NV12),
        Pixel::YUV420P10LE => Some(Pixel::P010LE),
        _ => None,
    }
}

/// The planar format of a device's layout; none: it is not one of theirs.
pub fn planar(layout: Pixel) -> Option<Pixel> {
    match layout {
        Pixel::NV12 => Some(Pixel::YUV420P),
        Pixel::P010LE => Some(Pixel::YUV420P10LE),
        _ => None,
    }
}

/// A planar picture of ours in the layout of devices; one of another format as it is.
pub fn pack(picture: &frame::Video) -> frame::Video {
    let Some(format) = layout(picture.format()) else { return picture.clone() };
    let mut packed = frame::Video::new(format, picture.width(), picture.height());
    let width = sample_bytes(format);
    let shift = |bytes: &[u8], to: &mut [u8]| move_sample(bytes, to, |sample| sample << 6);
    copy_rows(picture, 0, &mut packed, 0, |from, to| {
        from.chunks_exact(width).zip(to.chunks_exact_mut(width)).for_each(|(from, to)| shift(from, to));
    });
    for half in 0..2 {
        copy_rows(picture, 1 + half, &mut packed, 1, |from, to| {
            let pairs = to.chunks_exact_mut(2 * width);
            let samples = from.chunks_exact(width).zip(pairs);
            samples.for_each(|(from, pair)| shift(from, &mut pair[half * width..][..width]));
        });
    }
    packed
}

/// A picture in a layout of devices as the planar one that software decoders give; one of another format as it is.
pub fn unpack(picture: &frame::Video) -> frame::Video {
    let Some(format) = planar(picture.format()) else { return picture.clone() };
    let mut unpacked = frame::Video::new(format, picture.width(), picture.height());
    let width = sample_bytes(format);
    let shift = |bytes: &[u8], to: &mut [u8]| move_sample(bytes, to, |sample| sample >> 6);
    copy_rows(picture, 0, &mut unpacked, 0, |from, to| {
        from.chunks_exact(width).zip(to.chunks_exact_mut(width)).for_each(|(from, to)| shift(from, to));
    });
    for half in 0..2 {
        copy_rows(picture, 1, &mut unpacked, 1 + half, |from, to| {
            let pairs = from.chunks_exact(2 * width);
            let samples = pairs.zip(to.chunks_exact_mut(width));
            samples.for_each(|(pair, to)| shift(&pair[half * width..][..width], to));
        });
    }
    unpacked
}

fn sample_bytes(format: Pixel) -> usize {
    if matches!(format, Pixel::P010LE | Pixel::YUV420P10LE) { 2 } else { 1 }
}

/// Samples of 8 bits stay as they are.
fn move_sample(from: &[u8], to: &mut [u8], shift: fn(u16) -> u16) {
    match (from, to) {
        ([from], [to]) => *to = *from,
        ([low, high], to) => to.copy_from_slice(&shift(u16::from_le_bytes([*low, *high])).to_le_bytes()),
        _ => unreachable!("a sample has one byte or two"),
    }
}

fn copy_rows(
    from: &frame::Video,
    from_plane: usize,
    to: &mut frame::Video,
    to_plane: usize,
    copy: impl Fn(&[u8], &mut [u8]),
) {
    let (from_stride, to_stride) = (from.stride(from_plane), to.stride(to_plane));
    let rows = from.plane_height(from_plane) as usize;
    let from_rows = from.data(from_plane).chunks(from_stride);
    let to_rows = to.data_mut(to_plane).chunks_mut(to_stride);
    // What a row has behind its samples is nobody's, so that strides need not be equal.
    from_rows.zip(to_rows).take(rows).for_each(|(from, to)| copy(from, to));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(format: Pixel) -> frame::Video {
        let mut picture = frame::Video::new(format, 70, 18);
        let mut value = 7_u32;
        for plane in 0..3 {
            for sample in picture.data_mut(plane).chunks_exact_mut(sample_bytes(format)) {
                value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match sample {
                    [byte] => *byte = (value >> 24) as u8,
                    wide => wide.copy_from_slice(&((value >> 22) as u16).to_le_bytes()),
                }
            }
        }
        picture
    }

    fn rows(picture: &frame::Video) -> Vec<Vec<u8>> {
        let width = sample_bytes(picture.format());
        let plane = |plane: usize| {
            let columns = picture.plane_width(plane) as usize * width;
            let rows = picture.data(plane).chunks(picture.stride(plane));
            rows.take(picture.plane_height(plane) as usize).map(move |row| row[..columns].to_vec())
        };
        (0..3).flat_map(plane).collect()
    }

    #[test]
    fn what_is_packed_comes_back_as_it_was() {
        for format in [Pixel::YUV420P, Pixel::YUV420P10LE] {
            let original = picture(format);
            let packed = pack(&original);
            assert_eq!(Some(packed.format()), layout(format));
            let back = unpack(&packed);
            assert_eq!((back.format(), rows(&back)), (format, rows(&original)));
        }
    }

    #[test]
    fn chroma_lies_in_pairs_and_ten_bits_at_the_upper_end() {
        let original = picture(Pixel::YUV420P10LE);
        let packed = pack(&original);
        let word = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        assert_eq!(word(packed.data(0), 3), word(original.data(0), 3) << 6);
        assert_eq!(word(packed.data(1), 4), word(original.data(1), 2) << 6);
        assert_eq!(word(packed.data(1), 5), word(original.data(2), 2) << 6);
    }
}
