//! Media that nobody decodes: boxes that say what a plan wants them to say (ISO/IEC 14496-12), around empty samples.

/// A track of an init segment.
#[derive(Clone)]
pub struct Init(Vec<u8>);

/// A whole box.
fn boxed(code: &[u8; 4], children: &[&[u8]]) -> Vec<u8> {
    let payload = children.concat();
    let size = u32::try_from(payload.len() + 8).expect("the boxes of tests are small");
    [&size.to_be_bytes()[..], code, &payload].concat()
}

/// An init segment of these tracks.
pub fn init(tracks: &[Init]) -> Vec<u8> {
    let tracks: Vec<&[u8]> = tracks.iter().map(|track| track.0.as_slice()).collect();
    let (mvhd, mvex) = (boxed(b"mvhd", &[&[0; 100]]), boxed(b"mvex", &[]));
    let moov = [&[mvhd.as_slice()][..], &tracks, &[mvex.as_slice()]].concat();
    [boxed(b"ftyp", &[b"iso5\0\0\0\0"]), boxed(b"moov", &moov)].concat()
}

/// H.264 of a size.
pub fn picture(width: u32, height: u32, timescale: u32) -> Init {
    let side = |pixels: u32| u16::try_from(pixels).expect("sides are short").to_be_bytes();
    let mut fields = [0; 78];
    fields[24..26].copy_from_slice(&side(width));
    fields[26..28].copy_from_slice(&side(height));
    let configuration = boxed(b"avcC", &[&[1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]]);
    track(timescale, &boxed(b"avc1", &[&fields, &configuration]))
}

/// AAC-LC of two channels.
pub fn sound(rate_hz: u32) -> Init {
    // 48 kHz by its index; the rate that counts is the timescale.
    let specific = [5, 2, 0x11, 0x90];
    let decoder = [&[4, 17, 0x40][..], &[0; 12][..], &specific].concat();
    let stream = [&[0; 4][..], &[3, 22, 0, 0, 0], &decoder].concat();
    track(rate_hz, &boxed(b"mp4a", &[&[0; 28], &boxed(b"esds", &[&stream])]))
}

fn track(timescale: u32, entry: &[u8]) -> Init {
    let mdhd = boxed(b"mdhd", &[&[0; 12], &timescale.to_be_bytes(), &[0; 8]]);
    let stsd = boxed(b"stsd", &[&[0; 4], &1_u32.to_be_bytes(), entry]);
    let minf = boxed(b"minf", &[&boxed(b"stbl", &[&stsd])]);
    Init(boxed(b"trak", &[&boxed(b"mdia", &[&mdhd, &minf])]))
}

/// A fragment that starts with a keyframe.
pub fn fragment(number: u32, track: u32, decode_time: u64) -> Vec<u8> {
    let mfhd = boxed(b"mfhd", &[&[0; 4], &number.to_be_bytes()]);
    let tfhd = boxed(b"tfhd", &[&0x0002_0000_u32.to_be_bytes(), &track.to_be_bytes()]);
    let tfdt = boxed(b"tfdt", &[&0x0100_0000_u32.to_be_bytes(), &decode_time.to_be_bytes()]);
    let sample = [1_u32, 0, 0x0200_0000].map(u32::to_be_bytes).concat();
    let trun = boxed(b"trun", &[&0x0000_0005_u32.to_be_bytes(), &sample]);
    let traf = boxed(b"traf", &[&tfhd, &tfdt, &trun]);
    [boxed(b"moof", &[&mfhd, &traf]), boxed(b"mdat", &[&[0; 16]])].concat()
}

/// The track of an [`init`] of one; none of nothing.
pub fn only_track(init: &[u8]) -> Option<Init> {
    let at = init.windows(4).position(|code| code == b"trak")? - 4;
    let size = u32::from_be_bytes(init[at..at + 4].try_into().expect("four bytes"));
    Some(Init(init[at..at + size as usize].to_vec()))
}

/// What follows the init segment, where a file begins with one.
pub fn fragments(file: &[u8]) -> &[u8] {
    let at = file.windows(4).position(|code| code == b"moof").expect("it has fragments") - 4;
    &file[at..]
}

/// Length of every [`fragment`].
pub fn fragment_bytes() -> usize {
    fragment(1, 1, 0).len()
}

/// Where the decode time stands in a [`fragment`].
pub fn decode_time(fragment: &[u8]) -> u64 {
    let at = fragment.windows(4).position(|code| code == b"tfdt").expect("it is one of ours") + 8;
    u64::from_be_bytes(fragment[at..at + 8].try_into().expect("eight bytes"))
}
