//! The boxes around the tables, in the order that all players expect; `mp4-atom` writes the leaves.

use mp4_atom::{Dinf, Dref, DrefEntry, Edts, Elst, ElstEntry, Encode, Ftyp, Moov, Trak, Url};

/// Size of a box header with a 32-bit length.
pub(crate) const HEADER_BYTES: usize = 8;

/// A box as bytes.
pub(crate) fn bytes(atom: &impl Encode) -> Vec<u8> {
    let mut buffer = Vec::new();
    atom.encode(&mut buffer).expect("boxes that we fill in have a byte form");
    buffer
}

/// A box that holds others, or raw bytes.
pub(crate) fn container(kind: &[u8; 4], children: &[Vec<u8>]) -> Vec<u8> {
    let mut whole = header(kind, children.iter().map(Vec::len).sum()).to_vec();
    children.iter().for_each(|child| whole.extend_from_slice(child));
    whole
}

/// A box header for a body of less than 4 GiB.
pub(crate) fn header(kind: &[u8; 4], body_bytes: usize) -> [u8; HEADER_BYTES] {
    let size = u32::try_from(body_bytes + HEADER_BYTES).expect("boxes in memory are below 4 GiB");
    let ([a, b, c, d], [e, f, g, h]) = (size.to_be_bytes(), *kind);
    [a, b, c, d, e, f, g, h]
}

/// `ftyp`.
pub(crate) fn file_type(major: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
    let compatible_brands = compatible.iter().map(|brand| (*brand).into()).collect();
    bytes(&Ftyp { major_brand: major.into(), minor_version: 0, compatible_brands })
}

/// `moov`: header, tracks, then what says that fragments follow. `extras` go at the end of the tracks, one
/// each.
pub(crate) fn movie(moov: &Moov, extras: &[TrackExtras]) -> Vec<u8> {
    let none = TrackExtras::default();
    let mut children = vec![bytes(&moov.mvhd)];
    for (index, trak) in moov.trak.iter().enumerate() {
        children.push(track(trak, extras.get(index).unwrap_or(&none)));
    }
    children.push(moov.mvex.as_ref().map(bytes).unwrap_or_default());
    container(b"moov", &children)
}

/// Boxes of a track that `mp4-atom` does not know; empty: none.
#[derive(Default)]
pub(crate) struct TrackExtras {
    /// `elng`, after the media header.
    pub extended_language: Vec<u8>,
    /// `udta`, at the end.
    pub user_data: Vec<u8>,
}

/// An edit list that starts the presentation at a media time; none at 0. The duration 0 means "whatever
/// fragments bring" (ISO/IEC 14496-12 §8.6.6).
pub(crate) fn start_at(media_time: u32) -> Option<Edts> {
    let entry = ElstEntry { segment_duration: 0, media_time: Some(media_time.into()), media_rate: 1.into() };
    (media_time > 0).then(|| Edts { elst: Some(Elst { entries: vec![entry] }) })
}

/// Says that the media is in the same file.
pub(crate) fn same_file() -> Dinf {
    Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } }
}

fn track(trak: &Trak, extras: &TrackExtras) -> Vec<u8> {
    let media = container(
        b"mdia",
        &[
            bytes(&trak.mdia.mdhd),
            extras.extended_language.clone(),
            bytes(&trak.mdia.hdlr),
            bytes(&trak.mdia.minf),
        ],
    );
    let edits = trak.edts.as_ref().map(bytes).unwrap_or_default();
    container(b"trak", &[bytes(&trak.tkhd), edits, media, extras.user_data.clone()])
}
