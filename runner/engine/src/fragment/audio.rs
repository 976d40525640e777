//! Sample entries of audio tracks, and what tells players to drop the encoder's priming.

use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{Audio, Dops, Esds, Mp4a, Opus, OpusChannelMapping};

use super::movie::{container, header};
use super::{AudioCodec, AudioConfig, broken_header};
use crate::error::Result;

/// Object type "Audio ISO/IEC 14496-3" and stream type "audio" (ISO/IEC 14496-1 §7.2.6.6).
const MPEG4_AUDIO: u8 = 0x40;
const AUDIO_STREAM: u8 = 5;
const OPUS_MAGIC: &[u8] = b"OpusHead";

/// The sample entry of an audio track.
pub(super) fn entry(config: &AudioConfig) -> Result<mp4_atom::Codec> {
    let audio = Audio {
        data_reference_index: 1,
        channel_count: config.channel_count as u16,
        sample_size: 16,
        // A rate that does not fit is in the codec's own header only.
        sample_rate: u16::try_from(config.sample_rate_hz).unwrap_or(0).into(),
    };
    Ok(match config.codec {
        AudioCodec::Aac => {
            Mp4a { audio, esds: elementary_stream(&config.extradata)?, btrt: None, taic: None }.into()
        }
        AudioCodec::Opus => Opus { audio, dops: opus_header(&config.extradata)?, btrt: None }.into(),
    })
}

/// iTunes' gapless note. FFmpeg shifts the times of a fragmented AAC track by its edit list but plays the
/// priming all the same; this note is what makes it drop it. Length and padding are not known here: the one
/// is stated as very long, the other as none, and readers of the edit list ignore both.
pub(super) fn gapless_note(config: &AudioConfig) -> Vec<u8> {
    if config.codec != AudioCodec::Aac || config.priming_samples == 0 {
        return Vec::new();
    }
    let note = format!(" 00000000 {:08X} 00000000 0000FFFFFFFFFFFF", config.priming_samples);
    let full = |kind: &[u8; 4], body: &[u8]| container(kind, &[vec![0; 4], body.to_vec()]);
    let data = container(b"data", &[vec![0, 0, 0, 1, 0, 0, 0, 0], note.into_bytes()]);
    let item = container(b"----", &[full(b"mean", b"com.apple.iTunes"), full(b"name", b"iTunSMPB"), data]);
    let handler = full(b"hdlr", &[&[0; 4][..], b"mdirappl", &[0; 9]].concat());
    container(b"udta", &[full(b"meta", &[handler, container(b"ilst", &[item])].concat())])
}

/// `elng`, the language as BCP 47.
pub(super) fn extended_language(language: &str) -> Vec<u8> {
    if language.is_empty() {
        return Vec::new();
    }
    let body = [&[0; 4], language.as_bytes(), &[0]].concat();
    [&header(b"elng", body.len())[..], &body].concat()
}

fn elementary_stream(specific: &[u8]) -> Result<Esds> {
    if specific.len() < 2 {
        return Err(broken_header("it lacks an AAC configuration"));
    }
    let dec_config = DecoderConfig {
        object_type_indication: MPEG4_AUDIO,
        stream_type: AUDIO_STREAM,
        dec_specific: Some(DecoderSpecific { raw: specific.to_vec(), ..Default::default() }),
        ..Default::default()
    };
    let es_desc = EsDescriptor { es_id: 1, dec_config, sl_config: SLConfig::default(), ..Default::default() };
    Ok(Esds { es_desc })
}

fn opus_header(header: &[u8]) -> Result<Dops> {
    let short = || broken_header("the Opus header is too short");
    let fields: &[u8; 11] =
        header.strip_prefix(OPUS_MAGIC).and_then(|fields| fields.first_chunk()).ok_or_else(short)?;
    let [_version, output_channel_count, skip_low, skip_high, r0, r1, r2, r3, gain_low, gain_high, family] =
        *fields;
    let channel_mapping = match header.get(19..).unwrap_or_default() {
        _ if family == 0 => None,
        [stream_count, coupled_count, mapping @ ..] => Some(OpusChannelMapping {
            family,
            stream_count: *stream_count,
            coupled_count: *coupled_count,
            channel_mapping: mapping.to_vec(),
        }),
        _ => return Err(short()),
    };
    Ok(Dops {
        output_channel_count,
        pre_skip: u16::from_le_bytes([skip_low, skip_high]),
        input_sample_rate: u32::from_le_bytes([r0, r1, r2, r3]),
        output_gain: i16::from_le_bytes([gain_low, gain_high]),
        channel_mapping,
    })
}
