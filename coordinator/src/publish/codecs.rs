//! CODECS attributes (RFC 6381) out of the decoder configuration in a sample entry: what the stream is, not
//! what was asked for.

use super::boxes::{Cursor, Malformed, code_text, malformed};

/// The CODECS string of a video sample entry; `children` stands at the entry's child boxes.
pub(super) fn video(code: [u8; 4], children: Cursor<'_>) -> Result<String, Malformed> {
    match &code {
        b"avc1" | b"avc3" => avc(code, children.require(b"avcC")?),
        b"hvc1" | b"hev1" => hevc(code, children.require(b"hvcC")?),
        b"av01" => av1(children.require(b"av1C")?),
        b"vp09" => vp9(children.require(b"vpcC")?),
        _ => malformed(format!("codec {:?} is not a video codec", code_text(code))),
    }
}

/// Channels (0: not said) and the CODECS string of an audio sample entry.
pub(super) fn audio(code: [u8; 4], children: Cursor<'_>) -> Result<(u32, String), Malformed> {
    match &code {
        b"mp4a" => mpeg4_audio(children.require(b"esds")?),
        b"Opus" => {
            let mut configuration = children.require(b"dOps")?;
            configuration.u8()?;
            Ok((configuration.u8()?.into(), "opus".into()))
        }
        _ => malformed(format!("codec {:?} is not an audio codec", code_text(code))),
    }
}

/// ISO/IEC 14496-15 §5.3.3.1: version, profile, compatibility, level.
fn avc(code: [u8; 4], mut configuration: Cursor<'_>) -> Result<String, Malformed> {
    configuration.u8()?;
    let fields = configuration.take(3)?;
    Ok(format!("{}.{}", code_text(code), hex::encode(fields)))
}

/// ISO/IEC 14496-15 Annex E.3.
fn hevc(code: [u8; 4], mut configuration: Cursor<'_>) -> Result<String, Malformed> {
    configuration.u8()?;
    let profile = configuration.u8()?;
    let compatibility = configuration.u32()?.reverse_bits();
    let constraints = configuration.take(6)?;
    let level = configuration.u8()?;
    let space = ["", "A", "B", "C"][usize::from(profile >> 6)];
    let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
    let said = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let constraints: String = constraints[..said].iter().map(|byte| format!(".{byte:X}")).collect();
    let profile = profile & 0x1f;
    Ok(format!("{}.{space}{profile}.{compatibility:X}.{tier}{level}{constraints}", code_text(code)))
}

/// AV1 Codec ISO Media File Format Binding §2.3.3 and §5.
fn av1(mut configuration: Cursor<'_>) -> Result<String, Malformed> {
    let fields = configuration.take(3)?;
    if fields[0] != 0x81 {
        return malformed("box \"av1C\" is of a version that is not known");
    }
    let (profile, level) = (fields[1] >> 5, fields[1] & 0x1f);
    let flag = |bit: u8| fields[2] >> bit & 1 == 1;
    let tier = if flag(7) { 'H' } else { 'M' };
    let depth = match (flag(6), flag(5)) {
        (false, _) => 8,
        (true, true) if profile == 2 => 12,
        (true, _) => 10,
    };
    Ok(format!("av01.{profile}.{level:02}{tier}.{depth:02}"))
}

/// VP Codec ISO Media File Format Binding: version and flags, profile, level, depth.
fn vp9(mut configuration: Cursor<'_>) -> Result<String, Malformed> {
    configuration.full()?;
    let (profile, level, depth) = (configuration.u8()?, configuration.u8()?, configuration.u8()? >> 4);
    Ok(format!("vp09.{profile:02}.{level:02}.{depth:02}"))
}

const ES_DESCRIPTOR: u8 = 3;
const DECODER_CONFIGURATION: u8 = 4;
const DECODER_SPECIFIC: u8 = 5;
/// ObjectTypeIndication of ISO/IEC 14496-3 audio.
const MPEG4_AUDIO: u8 = 0x40;

/// ISO/IEC 14496-1 §7.2.6: an ES descriptor that holds a decoder configuration that holds an
/// AudioSpecificConfig.
fn mpeg4_audio(mut esds: Cursor<'_>) -> Result<(u32, String), Malformed> {
    esds.full()?;
    let mut stream = descriptor(&mut esds, ES_DESCRIPTOR)?;
    stream.u16()?;
    let flags = stream.u8()?;
    // Dependency, URL and clock fields: files never have them, the syntax does.
    if flags & 0x80 != 0 {
        stream.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = stream.u8()?;
        stream.take(length.into())?;
    }
    if flags & 0x20 != 0 {
        stream.u16()?;
    }
    let mut decoder = descriptor(&mut stream, DECODER_CONFIGURATION)?;
    let object_type = decoder.u8()?;
    if object_type != MPEG4_AUDIO {
        return malformed(format!("audio of object type {object_type:#04x} is not AAC"));
    }
    decoder.take(12)?;
    let (audio_type, channel_count) = audio_specific(descriptor(&mut decoder, DECODER_SPECIFIC)?.rest())?;
    Ok((channel_count, format!("mp4a.40.{audio_type}")))
}

/// The next descriptor, which must have the given tag; its length is 7 bits a byte, at most four bytes.
fn descriptor<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Result<Cursor<'a>, Malformed> {
    let found = cursor.u8()?;
    if found != tag {
        return malformed(format!("box \"esds\" has descriptor {found} in place of {tag}"));
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = cursor.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(Cursor::new(b"esds", cursor.take(length)?));
        }
    }
    malformed("box \"esds\" has a descriptor whose length does not end")
}

/// Audio object type and channel count out of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
fn audio_specific(configuration: &[u8]) -> Result<(u32, u32), Malformed> {
    // The fields of interest end within the first seven bytes; zeros stand for what is not there.
    let mut head = [0_u8; 8];
    let length = configuration.len().min(8);
    if length < 2 {
        return malformed("box \"esds\" has an audio configuration that is cut short");
    }
    head[..length].copy_from_slice(&configuration[..length]);
    let mut left = u64::from_be_bytes(head);
    let mut bits = |count: u32| {
        let value = left >> (64 - count);
        left <<= count;
        u32::try_from(value).expect("at most 24 bits are asked for")
    };
    let audio_type = match bits(5) {
        31 => 32 + bits(6),
        audio_type => audio_type,
    };
    if bits(4) == 15 {
        bits(24);
    }
    let channel_count = match bits(4) {
        7 => 8,
        configured @ 0..=6 => configured,
        _ => 0,
    };
    Ok((audio_type, channel_count))
}
