//! Sample entries of video tracks.

use mp4_atom::{Av01, Avc1, Colr, Hev1, Visual, Vp09, VpcC};

use super::{Codec, VideoConfig, av1, avc, hevc};
use crate::error::{Error, Result};
use crate::spec::Colour;

/// "Unspecified" in ISO/IEC 23091-2.
const UNSPECIFIED: u8 = 2;
/// VP9 levels as in `vpcC`, by the largest picture they allow, in luma samples.
const VP9_LEVELS: [(u64, u8); 7] = [
    (36_864, 10),
    (122_880, 20),
    (245_760, 21),
    (552_960, 30),
    (983_040, 31),
    (2_228_224, 40),
    (8_912_896, 50),
];

/// The sample entry of a video track.
pub(super) fn entry(config: &VideoConfig) -> Result<mp4_atom::Codec> {
    let visual = visual(config)?;
    let colr = colour(config.colour);
    Ok(match config.codec {
        Codec::H264 => {
            Avc1 { visual, avcc: avc::configuration(&config.extradata)?, colr, ..Default::default() }.into()
        }
        Codec::Hevc => {
            Hev1 { visual, hvcc: hevc::configuration(&config.extradata)?, colr, ..Default::default() }.into()
        }
        Codec::Av1 => {
            Av01 { visual, av1c: av1::configuration(&config.extradata)?, colr, ..Default::default() }.into()
        }
        Codec::Vp9 => Vp09 { visual, vpcc: vp9(config), colr, ..Default::default() }.into(),
    })
}

fn visual(config: &VideoConfig) -> Result<Visual> {
    let side = |pixels: u32| {
        u16::try_from(pixels)
            .map_err(|_| Error::Profile(format!("MP4 cannot hold a picture {pixels} pixels wide or high")))
    };
    let (width, height) = (side(config.width)?, side(config.height)?);
    Ok(Visual { data_reference_index: 1, width, height, ..Default::default() })
}

fn colour(colour: Colour) -> Option<Colr> {
    let known = [colour.primaries, colour.transfer, colour.matrix].iter().any(|point| *point != UNSPECIFIED);
    known.then(|| Colr::Nclx {
        colour_primaries: colour.primaries.into(),
        transfer_characteristics: colour.transfer.into(),
        matrix_coefficients: colour.matrix.into(),
        full_range_flag: colour.full_range,
    })
}

fn vp9(config: &VideoConfig) -> VpcC {
    let pixels = u64::from(config.width) * u64::from(config.height);
    VpcC {
        profile: 0,
        level: VP9_LEVELS.iter().find(|(most, _)| pixels <= *most).map_or(60, |(_, level)| *level),
        bit_depth: 8,
        // 4:2:0, chroma sited with the top left luma sample.
        chroma_subsampling: 1,
        video_full_range_flag: config.colour.full_range,
        color_primaries: config.colour.primaries,
        transfer_characteristics: config.colour.transfer,
        matrix_coefficients: config.colour.matrix,
        codec_initialization_data: Vec::new(),
    }
}
