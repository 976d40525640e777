//! `avcC`, the H.264 decoder configuration (ISO/IEC 14496-15 §5.3.3).

use mp4_atom::{Avcc, AvccExt};

use super::bits::Bits;
use super::{broken_header, nal};
use crate::error::Result;

const SEQUENCE_PARAMETER_SET: u8 = 7;
const PICTURE_PARAMETER_SET: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;
/// Profiles whose parameter sets state chroma format and bit depth: High, High 10, High 4:2:2, High 4:4:4.
const HIGH_PROFILES: [u8; 4] = [100, 110, 122, 244];

/// The configuration out of Annex B parameter sets.
pub(super) fn configuration(annex_b: &[u8]) -> Result<Avcc> {
    let of_kind =
        |kind: u8| nal::units(annex_b).filter(move |unit| unit_kind(unit) == kind).map(<[u8]>::to_vec);
    let sequence_sets: Vec<_> = of_kind(SEQUENCE_PARAMETER_SET).collect();
    let picture_sets: Vec<_> = of_kind(PICTURE_PARAMETER_SET).collect();
    let (Some(sequence), Some(picture)) = (sequence_sets.first(), picture_sets.first()) else {
        return Err(broken_header("it lacks H.264 parameter sets"));
    };
    let base =
        Avcc::new(sequence, picture).map_err(|_| broken_header("the H.264 parameter set is too short"))?;
    let ext = HIGH_PROFILES.contains(&base.avc_profile_indication).then(|| high_profile_fields(sequence));
    Ok(Avcc { sequence_parameter_sets: sequence_sets, picture_parameter_sets: picture_sets, ext, ..base })
}

/// Delimiters have no place in MP4 samples: the container delimits.
pub(super) fn is_delimiter(unit: &[u8]) -> bool {
    unit_kind(unit) == ACCESS_UNIT_DELIMITER
}

fn unit_kind(unit: &[u8]) -> u8 {
    unit[0] & 0x1f
}

fn high_profile_fields(sequence_set: &[u8]) -> AvccExt {
    let payload = nal::unescape(sequence_set);
    let mut bits = Bits::new(payload.get(4..).unwrap_or_default());
    let _id = bits.exp_golomb();
    let chroma_format = bits.exp_golomb();
    if chroma_format == 3 {
        bits.skip(1);
    }
    let mut depth = || (bits.exp_golomb() & 7) as u8 + 8;
    let (bit_depth_luma, bit_depth_chroma) = (depth(), depth());
    let chroma_format = (chroma_format & 3) as u8;
    AvccExt { chroma_format, bit_depth_luma, bit_depth_chroma, sequence_parameter_sets_ext: Vec::new() }
}
