//! Playlists read back as they were written: a reader of its own finds every byte of the file once, and the durations
//! add up to the track's.
#![no_main]

use flotilla_coordinator::domain::outcome::{Fragment, Track};
use flotilla_coordinator::publish::joined::Joined;
use flotilla_coordinator::publish::playlist::media_playlist;
use flotilla_coordinator::publish::segments::Segments;
use libfuzzer_sys::fuzz_target;

const INIT_SEGMENT: &[u8] = include_bytes!("../corpus/published_boxes/init-video");

fuzz_target!(|data: &[u8]| {
    let Some((&segment_seconds, data)) = data.split_first() else { return };
    let Ok(joined) = Joined::new("720p", &[&track(data)]) else { return };
    let segments = Segments::new(&joined, segment_seconds.into());
    let text = media_playlist(&joined, &segments);
    let (end, duration_us) = read(&text);
    assert_eq!(end, joined.size_bytes(), "{text}");
    let exact = u128::from(joined.duration()) * 1_000_000;
    let timescale = u128::from(joined.facts.timescale);
    assert!((duration_us * timescale).abs_diff(exact) <= timescale, "{duration_us} us\n{text}");
    // The rates are computed over any run of segments and must not break down.
    assert!(segments.peak_bps() >= segments.average_bps() || segments.list.len() > 1);
});

/// Six bytes a fragment: length, duration, whether it starts with a keyframe.
fn track(data: &[u8]) -> Track {
    let mut decode_time = 0;
    let mut fragments = Vec::new();
    for bytes in data.chunks_exact(6).take(500) {
        let fragment = Fragment {
            size_bytes: u32::from(u16::from_be_bytes([bytes[0], bytes[1]])) << (bytes[5] >> 4),
            decode_time,
            duration: u32::from_be_bytes([0, bytes[2], bytes[3], bytes[4]]),
            starts_with_keyframe: fragments.is_empty() || bytes[5] & 1 == 0,
        };
        decode_time += u64::from(fragment.duration);
        fragments.push(fragment);
    }
    Track { init_segment: INIT_SEGMENT.to_vec(), sample_count: fragments.len() as u64, fragments }
}

/// Where the last segment ends, and how long all are together; breaks down on a gap, an overlap or a line of no sense.
fn read(text: &str) -> (u64, u128) {
    let (mut end, mut duration_us) = (0, 0);
    let range = |value: &str| {
        let (length, offset) = value.split_once('@').expect("a range has an offset");
        (length.parse::<u64>().expect("a length"), offset.parse::<u64>().expect("an offset"))
    };
    let mut follow = |value: &str| {
        let (length, offset) = range(value);
        assert_eq!(offset, end, "{text}");
        end += length;
    };
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("#EXTM3U"));
    for line in lines {
        if let Some(map) = line.strip_prefix("#EXT-X-MAP:URI=\"media.mp4\",BYTERANGE=\"") {
            follow(map.strip_suffix('"').expect("the range ends"));
        } else if let Some(value) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            follow(value);
        } else if let Some(value) = line.strip_prefix("#EXTINF:") {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            duration_us += digits.parse::<u128>().expect("a duration");
        } else {
            assert!(line == "media.mp4" || line.starts_with("#EXT-X-"), "{line:?}");
        }
    }
    assert!(text.ends_with("#EXT-X-ENDLIST\n"));
    (end, duration_us)
}
