//! The colour description that is written. Every rendition states it in full: a small copy of a large picture, left
//! unstated, would be shown with another matrix than the original.

use crate::domain::source::{Colour, VideoStream};

/// BT.709, ISO/IEC 23091-2.
const BT709: u8 = 1;
const UNSPECIFIED: u8 = 2;
/// SMPTE 170M: standard definition.
const SMPTE_170M: u8 = 6;
/// Perceptual quantiser and hybrid log-gamma: high dynamic range.
const HDR_TRANSFERS: [u8; 2] = [16, 18];
/// Code points that say nothing or that a YUV picture cannot have: 0 is reserved, or RGB as a matrix; 3 is reserved.
const MEANINGLESS: [u8; 3] = [0, UNSPECIFIED, 3];

/// True: the picture must be tone-mapped for SDR screens.
pub(super) fn is_hdr(colour: Colour) -> bool {
    HDR_TRANSFERS.contains(&colour.transfer)
}

/// What the renditions state, given the source.
pub(super) fn output_colour(stream: &VideoStream) -> Colour {
    let source = stream.colour;
    if is_hdr(source) {
        return Colour { primaries: BT709, transfer: BT709, matrix: BT709, full_range: false };
    }
    let usual = if stream.width.min(stream.height) >= 720 { BT709 } else { SMPTE_170M };
    let known = |code: u8| if MEANINGLESS.contains(&code) { usual } else { code };
    Colour {
        primaries: known(source.primaries),
        transfer: known(source.transfer),
        matrix: known(source.matrix),
        // Many players ignore the flag, so pictures are always brought to the limited range.
        full_range: false,
    }
}
