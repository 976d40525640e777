//! The head of a fragment: what `moof` says of its place in the track (ISO/IEC 14496-12 §8.8).

use super::boxes::{Cursor, Malformed, code_text, malformed};

/// Bytes from the start of a fragment that always hold all that [`FragmentHead`] reads.
pub const HEAD_BYTES: usize = 512;

/// A fragment's own statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHead {
    /// Of `mfhd`.
    pub sequence_number: u32,
    /// Of `tfhd`.
    pub track_id: u32,
    /// Of `tfdt`, ticks.
    pub decode_time: u64,
    /// Whether the first sample is a sync sample; none: it is not said within the bytes read.
    pub starts_with_keyframe: Option<bool>,
}

/// `sample_is_non_sync_sample` of a sample's flags (§8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

impl FragmentHead {
    /// Reads the first bytes of a fragment; `head` may end anywhere behind `tfdt`.
    pub fn parse(head: &[u8]) -> Result<Self, Malformed> {
        let mut moof = open(head, b"moof")?;
        let mut mfhd = open_next(&mut moof, b"mfhd")?;
        mfhd.full()?;
        let sequence_number = mfhd.u32()?;
        let mut traf = open(moof.rest(), b"traf")?;
        let (track_id, default_flags) = track_defaults(open_next(&mut traf, b"tfhd")?)?;
        let mut tfdt = open_next(&mut traf, b"tfdt")?;
        let decode_time = match tfdt.full()? {
            (0, _) => tfdt.u32()?.into(),
            _ => tfdt.u64()?,
        };
        let first_flags = first_flags(traf).or(default_flags);
        let starts_with_keyframe = first_flags.map(|flags| flags & NON_SYNC == 0);
        Ok(Self { sequence_number, track_id, decode_time, starts_with_keyframe })
    }
}

/// The payload of the box at the start of `bytes`, as far as it is there.
fn open<'a>(bytes: &'a [u8], code: &[u8; 4]) -> Result<Cursor<'a>, Malformed> {
    let mut cursor = Cursor::new(code, bytes);
    let size = cursor.u32()?;
    let found = cursor.take(4)?;
    if found != code || size < 8 {
        let found = code_text([found[0], found[1], found[2], found[3]]);
        return malformed(format!("box {found:?} stands where {:?} should", code_text(*code)));
    }
    let end = cursor.rest().len().min(size as usize - 8);
    Ok(Cursor::new(code, &cursor.rest()[..end]))
}

/// The next box of `parent`, which must be of the given type and whole.
fn open_next<'a>(parent: &mut Cursor<'a>, code: &[u8; 4]) -> Result<Cursor<'a>, Malformed> {
    match parent.next_box()? {
        Some(found) if found.code == *code => Ok(Cursor::new(code, found.payload)),
        Some(found) => {
            malformed(format!("box {:?} stands where {:?} should", code_text(found.code), code_text(*code)))
        }
        None => malformed(format!("box {:?} is missing", code_text(*code))),
    }
}

/// Track of `tfhd`, and its default sample flags, if it has them (§8.8.7).
fn track_defaults(mut tfhd: Cursor<'_>) -> Result<(u32, Option<u32>), Malformed> {
    let (_, flags) = tfhd.full()?;
    let track_id = tfhd.u32()?;
    let optional = [(0x01, 8), (0x02, 4), (0x08, 4), (0x10, 4)];
    let before: usize = optional.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, bytes)| bytes).sum();
    tfhd.take(before)?;
    let default_flags = if flags & 0x20 == 0 { None } else { Some(tfhd.u32()?) };
    Ok((track_id, default_flags))
}

/// Flags of the first sample as `trun` says them (§8.8.8); none when it does not, or not within the bytes
/// read.
fn first_flags(traf: Cursor<'_>) -> Option<u32> {
    let mut trun = open(traf.rest(), b"trun").ok()?;
    let (_, flags) = trun.full().ok()?;
    trun.u32().ok()?;
    if flags & 0x01 != 0 {
        trun.u32().ok()?;
    }
    if flags & 0x04 != 0 {
        return trun.u32().ok();
    }
    let before = [0x100, 0x200].iter().filter(|&flag| flags & flag != 0).count() * 4;
    trun.take(before).ok()?;
    if flags & 0x400 != 0 { trun.u32().ok() } else { None }
}
