//! `hvcC`, the H.265 decoder configuration (ISO/IEC 14496-15 §8.3.3).

use mp4_atom::{HvcCArray, Hvcc};

use super::bits::Bits;
use super::{broken_header, nal};
use crate::error::Result;

const VIDEO_PARAMETER_SET: u8 = 32;
const SEQUENCE_PARAMETER_SET: u8 = 33;
const PICTURE_PARAMETER_SET: u8 = 34;
const ACCESS_UNIT_DELIMITER: u8 = 35;

/// The configuration out of Annex B parameter sets.
pub(super) fn configuration(annex_b: &[u8]) -> Result<Hvcc> {
    let of_kind = |kind: u8| -> Vec<Vec<u8>> {
        nal::units(annex_b).filter(|unit| unit_kind(unit) == kind).map(<[u8]>::to_vec).collect()
    };
    let sequence_sets = of_kind(SEQUENCE_PARAMETER_SET);
    let sequence = sequence_sets.first().ok_or_else(|| broken_header("it lacks H.265 parameter sets"))?;
    let mut hvcc = sequence_fields(&nal::unescape(sequence))?;
    hvcc.arrays = [VIDEO_PARAMETER_SET, SEQUENCE_PARAMETER_SET, PICTURE_PARAMETER_SET]
        .map(|kind| HvcCArray { completeness: false, nal_unit_type: kind, nalus: of_kind(kind) })
        .into();
    Ok(hvcc)
}

/// As for H.264.
pub(super) fn is_delimiter(unit: &[u8]) -> bool {
    unit_kind(unit) == ACCESS_UNIT_DELIMITER
}

fn unit_kind(unit: &[u8]) -> u8 {
    unit[0] >> 1 & 0x3f
}

fn sequence_fields(payload: &[u8]) -> Result<Hvcc> {
    let mut bits = Bits::new(payload.get(2..).unwrap_or_default());
    bits.skip(4);
    let sub_layers_minus_one = bits.take(3);
    let mut hvcc = Hvcc { length_size_minus_one: 3, ..Hvcc::new() };
    hvcc.num_temporal_layers = sub_layers_minus_one as u8 + 1;
    hvcc.temporal_id_nested = bits.flag();
    hvcc.general_profile_space = bits.take(2) as u8;
    hvcc.general_tier_flag = bits.flag();
    hvcc.general_profile_idc = bits.take(5) as u8;
    hvcc.general_profile_compatibility_flags = bits.take(32).to_be_bytes();
    hvcc.general_constraint_indicator_flags = std::array::from_fn(|_| bits.take(8) as u8);
    hvcc.general_level_idc = bits.take(8) as u8;
    skip_sub_layers(&mut bits, sub_layers_minus_one);
    let _id = bits.exp_golomb();
    hvcc.chroma_format_idc = bits.exp_golomb() as u8;
    if hvcc.chroma_format_idc == 3 {
        bits.skip(1);
    }
    let _size = (bits.exp_golomb(), bits.exp_golomb());
    if bits.flag() {
        let _conformance_window: [u32; 4] = std::array::from_fn(|_| bits.exp_golomb());
    }
    hvcc.bit_depth_luma_minus8 = bits.exp_golomb() as u8;
    hvcc.bit_depth_chroma_minus8 = bits.exp_golomb() as u8;
    if bits.overrun() {
        return Err(broken_header("the H.265 parameter set is too short"));
    }
    Ok(hvcc)
}

fn skip_sub_layers(bits: &mut Bits<'_>, sub_layers_minus_one: u32) {
    if sub_layers_minus_one == 0 {
        return;
    }
    let present: Vec<(bool, bool)> = (0..8).map(|_| (bits.flag(), bits.flag())).collect();
    for (profile, level) in &present[..sub_layers_minus_one as usize] {
        bits.skip(if *profile { 88 } else { 0 } + if *level { 8 } else { 0 });
    }
}
