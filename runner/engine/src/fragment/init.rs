//! Init segments: `ftyp` and a `moov` without samples.

use mp4_atom::{
    Codec, Hdlr, Mdhd, Mdia, Minf, Moov, Mvex, Mvhd, Smhd, Stbl, Stco, Stsd, Tkhd, Trak, Trex, Vmhd,
};

use super::movie::{self, TrackExtras};
use super::{AudioConfig, DEPENDENT_SAMPLE, SYNC_SAMPLE, TRACK_ID, VideoConfig, audio, visual};
use crate::error::Result;

/// ISO 639-2 for a language that is not known, or known as a BCP 47 tag only.
const UNDETERMINED: &str = "und";

/// The init segment of a video track.
pub(super) fn video(config: &VideoConfig) -> Result<Vec<u8>> {
    let (width, height) = (config.width as u16, config.height as u16);
    let tkhd = Tkhd { width: width.into(), height: height.into(), ..track_header() };
    let minf = Minf { vmhd: Some(Vmhd::default()), ..media_information(visual::entry(config)?) };
    let mdhd = media_header(config.timescale, "");
    let mdia = Mdia { mdhd, hdlr: handler(b"vide", "video"), minf };
    let trak = Trak { tkhd, edts: movie::start_at(config.reorder_ticks), mdia, ..Default::default() };
    let brands = movie::file_type(b"iso6", &[b"iso6", b"cmfc", b"mp41"]);
    Ok(segment(brands, config.timescale, trak, DEPENDENT_SAMPLE, TrackExtras::default()))
}

/// The init segment of an audio track.
pub(super) fn audio(config: &AudioConfig) -> Result<Vec<u8>> {
    let tkhd = Tkhd { volume: 1.into(), alternate_group: 1, ..track_header() };
    let minf = Minf { smhd: Some(Smhd::default()), ..media_information(audio::entry(config)?) };
    let mdhd = media_header(config.sample_rate_hz, &config.language);
    let mdia = Mdia { mdhd, hdlr: handler(b"soun", "audio"), minf };
    let trak = Trak { tkhd, edts: movie::start_at(config.priming_samples), mdia, ..Default::default() };
    let extras = TrackExtras {
        extended_language: audio::extended_language(&config.language),
        user_data: audio::gapless_note(config),
    };
    let brands = movie::file_type(b"iso6", &[b"iso6", b"cmfc", b"mp41"]);
    Ok(segment(brands, config.sample_rate_hz, trak, SYNC_SAMPLE, extras))
}

fn segment(brands: Vec<u8>, timescale: u32, trak: Trak, sample_flags: u32, extras: TrackExtras) -> Vec<u8> {
    let mvhd = Mvhd {
        creation_time: 0,
        modification_time: 0,
        timescale,
        duration: 0,
        rate: 1.into(),
        volume: 1.into(),
        matrix: Default::default(),
        next_track_id: TRACK_ID + 1,
    };
    let trex = Trex {
        track_id: TRACK_ID,
        default_sample_description_index: 1,
        default_sample_flags: sample_flags,
        ..Default::default()
    };
    let moov = Moov {
        mvhd,
        trak: vec![trak],
        mvex: Some(Mvex { trex: vec![trex], ..Default::default() }),
        ..Default::default()
    };
    [brands, movie::movie(&moov, &[extras])].concat()
}

fn track_header() -> Tkhd {
    Tkhd { track_id: TRACK_ID, enabled: true, in_movie: true, ..Default::default() }
}

fn media_header(timescale: u32, language: &str) -> Mdhd {
    let three_letters = language.len() == 3 && language.bytes().all(|byte| byte.is_ascii_lowercase());
    let language = if three_letters { language } else { UNDETERMINED };
    Mdhd { timescale, language: language.into(), ..Default::default() }
}

fn handler(kind: &[u8; 4], name: &str) -> Hdlr {
    Hdlr { handler: kind.into(), name: name.into() }
}

fn media_information(entry: Codec) -> Minf {
    let stbl = Stbl { stsd: Stsd { codecs: vec![entry] }, stco: Some(Stco::default()), ..Default::default() };
    Minf { dinf: movie::same_file(), stbl, ..Default::default() }
}
