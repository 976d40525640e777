//! AV1 in MP4: open bitstream units and `av1C` (AV1 Codec ISO Media File Format Binding).

use mp4_atom::Av1c;

use super::bits::Bits;
use super::broken_header;
use crate::error::{Error, Result};

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
/// Marker and version that start an `av1C` body. No unit starts like that: its first bit is always 0.
const AV1C_VERSION: u8 = 0x81;
const AV1C_FIELD_BYTES: usize = 4;

/// The configuration out of a sequence header unit, bare or in an `av1C` body.
pub(super) fn configuration(header: &[u8]) -> Result<Av1c> {
    let units = match header.first() {
        Some(&AV1C_VERSION) => header.get(AV1C_FIELD_BYTES..).unwrap_or_default(),
        _ => header,
    };
    let unit = find_sequence_header(units)?;
    let mut av1c = sequence_fields(unit.payload)?;
    av1c.config_obus = unit.whole.to_vec();
    Ok(av1c)
}

/// The sequence header unit of a keyframe's temporal unit.
pub(crate) fn sequence_header(packet: &[u8]) -> Result<Vec<u8>> {
    find_sequence_header(packet).map(|unit| unit.whole.to_vec())
}

/// Appends a temporal unit less its delimiters, which have no place in MP4 samples.
pub(super) fn without_delimiters(packet: &[u8], payload: &mut Vec<u8>) -> Result<()> {
    for unit in (Units { rest: packet }) {
        let unit = unit?;
        if unit.kind != TEMPORAL_DELIMITER {
            payload.extend_from_slice(unit.whole);
        }
    }
    Ok(())
}

fn find_sequence_header(units: &[u8]) -> Result<Unit<'_>> {
    Units { rest: units }
        .find(|unit| unit.as_ref().is_ok_and(|unit| unit.kind == SEQUENCE_HEADER))
        .unwrap_or_else(|| Err(broken_header("it lacks an AV1 sequence header")))
}

struct Unit<'a> {
    kind: u8,
    whole: &'a [u8],
    payload: &'a [u8],
}

struct Units<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<Unit<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let head = *self.rest.first()?;
        let start = 1 + usize::from(head & 4 != 0);
        let unit = match self.payload_range(start, head & 2 != 0) {
            Some(range) => {
                let whole = &self.rest[..range.end];
                Ok(Unit { kind: head >> 3 & 15, whole, payload: &self.rest[range] })
            }
            None => Err(Error::Internal("the encoder gave a broken AV1 unit".into())),
        };
        let used = unit.as_ref().map_or(self.rest.len(), |unit| unit.whole.len());
        self.rest = &self.rest[used..];
        Some(unit)
    }
}

impl Units<'_> {
    /// Where the payload is; a unit without a size goes on to the end.
    fn payload_range(&self, start: usize, has_size: bool) -> Option<std::ops::Range<usize>> {
        if !has_size {
            return (start <= self.rest.len()).then_some(start..self.rest.len());
        }
        let size_field = self.rest.get(start..)?;
        let length = size_field.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
        let value = |(index, byte): (usize, &u8)| usize::from(byte & 0x7f) << (7 * index);
        let size: usize = size_field[..length].iter().enumerate().map(value).sum();
        let end = (start + length).checked_add(size)?;
        (end <= self.rest.len()).then_some(start + length..end)
    }
}

/// The fields of `av1C` out of a sequence header (AV1 specification §5.5).
fn sequence_fields(payload: &[u8]) -> Result<Av1c> {
    let mut bits = Bits::new(payload);
    let mut av1c = Av1c { seq_profile: bits.take(3) as u8, ..Default::default() };
    bits.skip(1);
    let reduced = bits.flag();
    if reduced {
        av1c.seq_level_idx_0 = bits.take(5) as u8;
    } else {
        (av1c.seq_level_idx_0, av1c.seq_tier_0) = operating_points(&mut bits);
    }
    skip_tools(&mut bits, reduced);
    colour_fields(&mut bits, &mut av1c);
    if bits.overrun() {
        return Err(broken_header("the AV1 sequence header is too short"));
    }
    Ok(av1c)
}

/// Level and tier of the first operating point.
fn operating_points(bits: &mut Bits<'_>) -> (u8, bool) {
    let mut delay_bits = None;
    if bits.flag() {
        bits.skip(64);
        if bits.flag() {
            bits.exp_golomb();
        }
        if bits.flag() {
            delay_bits = Some(bits.take(5) + 1);
            bits.skip(32 + 5 + 5);
        }
    }
    let initial_display_delay = bits.flag();
    let count = bits.take(5) + 1;
    let mut first = None;
    for _ in 0..count {
        bits.skip(12);
        let level = bits.take(5) as u8;
        let tier = level > 7 && bits.flag();
        first.get_or_insert((level, tier));
        if let Some(delay_bits) = delay_bits
            && bits.flag()
        {
            bits.skip(2 * delay_bits + 1);
        }
        if initial_display_delay && bits.flag() {
            bits.skip(4);
        }
    }
    first.unwrap_or_default()
}

/// From the frame size to the loop filters: nothing of it is in `av1C`.
fn skip_tools(bits: &mut Bits<'_>, reduced: bool) {
    let (width_bits, height_bits) = (bits.take(4) + 1, bits.take(4) + 1);
    bits.skip(width_bits + height_bits);
    if !reduced && bits.flag() {
        bits.skip(4 + 3);
    }
    bits.skip(3);
    if !reduced {
        bits.skip(4);
        let order_hint = bits.flag();
        if order_hint {
            bits.skip(2);
        }
        // A choice left to each frame counts as "used".
        let screen_content = bits.flag() || bits.flag();
        if screen_content && !bits.flag() {
            bits.skip(1);
        }
        if order_hint {
            bits.skip(3);
        }
    }
    bits.skip(3);
}

fn colour_fields(bits: &mut Bits<'_>, av1c: &mut Av1c) {
    const SRGB_IDENTITY: [u32; 3] = [1, 13, 0];
    av1c.high_bitdepth = bits.flag();
    av1c.twelve_bit = av1c.seq_profile == 2 && av1c.high_bitdepth && bits.flag();
    av1c.monochrome = av1c.seq_profile != 1 && bits.flag();
    let description = if bits.flag() { std::array::from_fn(|_| bits.take(8)) } else { [2; 3] };
    if description == SRGB_IDENTITY && !av1c.monochrome {
        return;
    }
    bits.skip(1);
    (av1c.chroma_subsampling_x, av1c.chroma_subsampling_y) = match av1c.seq_profile {
        _ if av1c.monochrome => (true, true),
        0 => (true, true),
        1 => (false, false),
        _ if av1c.twelve_bit => {
            let horizontal = bits.flag();
            (horizontal, horizontal && bits.flag())
        }
        _ => (true, false),
    };
    if av1c.chroma_subsampling_x && av1c.chroma_subsampling_y && !av1c.monochrome {
        av1c.chroma_sample_position = bits.take(2) as u8;
    }
}
