//! Properties of fragments that hold for any samples.

use proptest::prelude::*;

use super::*;

fn config() -> VideoConfig {
    let colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };
    VideoConfig {
        codec: Codec::Vp9,
        extradata: Vec::new(),
        width: 64,
        height: 48,
        colour,
        timescale: 90_000,
        reorder_ticks: 9000,
    }
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample =
        (prop::collection::vec(any::<u8>(), 0..40), 1..4000u32, -9000..9000i32, any::<bool>()).prop_map(
            |(data, duration, composition_offset, key)| Sample { data, duration, composition_offset, key },
        );
    prop::collection::vec(sample, 1..40)
}

/// Fragments of `per_fragment` samples each, from a sample number on.
fn fragments(samples: &[Sample], per_fragment: usize, number: u32, time: u64) -> Vec<u8> {
    let mut fragmenter = Fragmenter::new(config(), number, time).unwrap();
    let mut bytes = Vec::new();
    for fragment in samples.chunks(per_fragment) {
        fragment.iter().for_each(|sample| fragmenter.push(sample.clone()).unwrap());
        bytes.extend(fragmenter.end_fragment().unwrap().0);
    }
    bytes
}

proptest! {
    #[test]
    fn chunks_cut_anywhere_join_to_the_bytes_of_one_piece(
        samples in samples(), per_fragment in 1..6usize, fragments_per_chunk in 1..5usize,
    ) {
        let whole = fragments(&samples, per_fragment, 1, 0);
        let mut joined = Vec::new();
        let (mut number, mut time) = (1, 0);
        for chunk in samples.chunks(per_fragment * fragments_per_chunk) {
            joined.extend(fragments(chunk, per_fragment, number, time));
            number += chunk.len().div_ceil(per_fragment) as u32;
            time += chunk.iter().map(|sample| u64::from(sample.duration)).sum::<u64>();
        }
        prop_assert_eq!(joined, whole);
    }

    #[test]
    fn a_fragment_tells_its_size_and_duration(samples in samples()) {
        let mut fragmenter = Fragmenter::new(config(), 7, 5000).unwrap();
        samples.iter().for_each(|sample| fragmenter.push(sample.clone()).unwrap());
        let (bytes, fragment) = fragmenter.end_fragment().unwrap();
        prop_assert_eq!(fragment.size_bytes as usize, bytes.len());
        prop_assert_eq!(fragment.duration, samples.iter().map(|sample| sample.duration).sum::<u32>());
        prop_assert_eq!(fragment.starts_with_keyframe, samples[0].key);
        let payload: usize = samples.iter().map(|sample| sample.data.len()).sum();
        prop_assert_eq!(&bytes[bytes.len() - payload - 4..][..4], b"mdat");
        prop_assert!(fragmenter.end_fragment().is_none());
    }
}
