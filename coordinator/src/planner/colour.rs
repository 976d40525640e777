//! Colours: what a source's are, and the description that is written. Every rendition states it in full: a small copy of a
//! large picture, left unstated, would be shown with another matrix than the original. Code points are those of
//! ISO/IEC 23091-2.

use crate::domain::source::{Colour, DolbyVision, VideoStream};
use crate::domain::{Failure, FailureClass};

const BT709: u8 = 1;
const UNSPECIFIED: u8 = 2;
/// SMPTE 170M: standard definition.
const SMPTE_170M: u8 = 6;
/// Primaries of BT.2020, and its matrices with non-constant and constant luminance.
const BT2020: u8 = 9;
const BT2020_CONSTANT: u8 = 10;
/// Transfer of BT.2020 at 10 bits, a standard dynamic range like BT.709's.
const BT2020_TRANSFER: u8 = 14;
/// Transfers of high dynamic range: perceptual quantiser and hybrid log-gamma.
const PQ: u8 = 16;
const HLG: u8 = 18;
/// Code points that say nothing or that a YUV picture cannot have: 0 is reserved, or RGB as a matrix; 3 is reserved.
const MEANINGLESS: [u8; 3] = [0, UNSPECIFIED, 3];

/// Refuses pictures that no formula here makes sense of.
pub(super) fn check(stream: &VideoStream) -> Result<(), Failure> {
    match stream.picture.dolby_vision {
        Some(dolby) if !has_base_layer(dolby) => {
            let profile = dolby.profile;
            let message = format!(
                "the video is Dolby Vision profile {profile}, whose colours only a licensed decoder knows; \
                 export it as HDR10, HLG or SDR"
            );
            Err(Failure { class: FailureClass::Source, message })
        }
        _ => Ok(()),
    }
}

/// What kind of high dynamic range must be tone-mapped for SDR screens; none: none.
pub(super) fn hdr_kind(stream: &VideoStream) -> Option<&'static str> {
    match source_colour(stream).transfer {
        PQ => Some("PQ"),
        HLG => Some("HLG"),
        _ => None,
    }
}

/// The same where they must become those of another video: what the source does not say is guessed as for renditions.
pub(super) fn likely(stream: &VideoStream) -> Colour {
    let (stated, written) = (source_colour(stream), output_colour(stream));
    if hdr_kind(stream).is_some() { stated } else { Colour { full_range: stated.full_range, ..written } }
}

/// The source's colours: as stated, or as its kind of Dolby Vision implies.
pub(super) fn source_colour(stream: &VideoStream) -> Colour {
    let stated = stream.colour;
    let implied = stream.picture.dolby_vision.and_then(|dolby| match dolby.compatibility {
        1 | 6 => Some(PQ),
        4 => Some(HLG),
        _ => None,
    });
    match implied {
        Some(transfer) if MEANINGLESS.contains(&stated.transfer) => {
            Colour { primaries: BT2020, transfer, matrix: BT2020, ..stated }
        }
        _ => stated,
    }
}

/// What the renditions state, given the source.
pub(super) fn output_colour(stream: &VideoStream) -> Colour {
    if hdr_kind(stream).is_some() {
        return Colour { primaries: BT709, transfer: BT709, matrix: BT709, full_range: false };
    }
    let source = source_colour(stream);
    let high_definition = stream.width.min(stream.height) >= 720;
    let usual = if high_definition { BT709 } else { SMPTE_170M };
    // A matrix that stands alone tells the system that it belongs to.
    let (primaries, transfer) = match source.matrix {
        BT709 => (BT709, BT709),
        BT2020 | BT2020_CONSTANT => (BT2020, BT2020_TRANSFER),
        _ => (usual, usual),
    };
    let known = |code: u8, usual: u8| if MEANINGLESS.contains(&code) { usual } else { code };
    Colour {
        primaries: known(source.primaries, primaries),
        transfer: known(source.transfer, transfer),
        matrix: known(source.matrix, usual),
        // Many players ignore the flag, so pictures are always brought to the limited range.
        full_range: false,
    }
}

/// Profile 5 and its AV1 and multi-view kin code colours in a way of their own; the others are HDR10, HLG or SDR with
/// additions, even where an old file leaves the compatibility at 0.
fn has_base_layer(dolby: DolbyVision) -> bool {
    dolby.profile != 5 && (dolby.compatibility != 0 || !matches!(dolby.profile, 10 | 20))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::*;
    use crate::domain::source::PictureFacts;

    fn stream(colour: (u8, u8, u8), dolby_vision: Option<(u8, u8)>) -> VideoStream {
        let (primaries, transfer, matrix) = colour;
        let dolby_vision =
            dolby_vision.map(|(profile, compatibility)| DolbyVision { profile, compatibility });
        VideoStream {
            colour: Colour { primaries, transfer, matrix, full_range: true },
            picture: PictureFacts { dolby_vision, ..PictureFacts::default() },
            ..video(640, 480, (1, 25), 1, 10)
        }
    }

    fn check_output(colour: (u8, u8, u8), dolby_vision: Option<(u8, u8)>, expected: (u8, u8, u8)) {
        let written = output_colour(&stream(colour, dolby_vision));
        assert!(!written.full_range);
        assert_eq!((written.primaries, written.transfer, written.matrix), expected, "{colour:?}");
    }

    #[test]
    fn what_is_stated_is_kept_and_the_rest_is_the_usual() {
        check_output((2, 2, 2), None, (6, 6, 6));
        check_output((2, 2, 1), None, (1, 1, 1));
        check_output((2, 2, 9), None, (9, 14, 9));
        check_output((5, 6, 0), None, (5, 6, 6));
    }

    #[test]
    fn high_dynamic_range_becomes_bt709() {
        check_output((9, 16, 9), None, (1, 1, 1));
        check_output((9, 18, 9), Some((8, 4)), (1, 1, 1));
        check_output((2, 2, 2), Some((8, 1)), (1, 1, 1));
        assert_eq!(source_colour(&stream((2, 2, 2), Some((8, 4)))).transfer, HLG);
        assert_eq!(hdr_kind(&stream((1, 1, 1), Some((9, 2)))), None);
    }

    #[test]
    fn dolby_vision_without_a_base_layer_is_refused_in_one_sentence() {
        for (profile, compatibility) in [(5, 0), (10, 0), (20, 0)] {
            let failure = check(&stream((2, 2, 2), Some((profile, compatibility)))).unwrap_err();
            assert_eq!(failure.class, FailureClass::Source);
            assert!(failure.message.contains(&format!("profile {profile}, ")), "{}", failure.message);
        }
        for kept in [None, Some((8, 1)), Some((8, 4)), Some((7, 6)), Some((9, 2)), Some((10, 1))] {
            assert!(check(&stream((9, 16, 9), kept)).is_ok());
        }
    }
}
