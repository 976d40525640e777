//! How inputs are read: what is asked of the store for what the engine asks.

use std::ops::Range;
use std::sync::Arc;

use flotilla_runner::transfer::{Grant, Inputs, Meter, http_client};

use crate::store::FakeStore;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const SIZE: usize = 32 * MIB;

/// Does the reads where nothing is known of them, checks every byte, and returns the starts of the ranges
/// asked for and the bytes downloaded.
async fn check(reads: &[(usize, usize)]) -> (Vec<usize>, usize) {
    check_expected(0..0, reads).await
}

async fn check_expected(expected: Range<u64>, reads: &[(usize, usize)]) -> (Vec<usize>, usize) {
    let source: Vec<u8> = (0..SIZE).map(|at| (at / 7) as u8 ^ (at >> 16) as u8).collect();
    let store = FakeStore::start(source.clone()).await;
    let meter = Arc::new(Meter::default());
    let grant = Grant { url: store.source_url(), size_bytes: SIZE as u64, sha256: None };
    let mut inputs = Inputs::new(&http_client().unwrap(), &meter, &[grant]);
    inputs.expect(0, expected);
    for (offset, length) in reads.iter().copied() {
        let bytes = inputs.read(0, offset as u64, length as u32).await.unwrap();
        assert!(bytes == source[offset..SIZE.min(offset + length)], "read of {length} at {offset}");
    }
    let starts = store.with(|store| store.ranges.iter().map(|(first, _)| *first).collect());
    (starts, usize::try_from(meter.downloaded_bytes()).unwrap())
}

#[tokio::test]
async fn sequential_reads_become_few_growing_requests() {
    let reads: Vec<_> = (0..SIZE).step_by(64 * KIB).map(|offset| (offset, 64 * KIB)).collect();
    let (starts, downloaded) = check(&reads).await;
    // Windows of 128, 256 and 512 KiB, then 1 MiB each.
    assert_eq!(starts[..5], [0, 128, 384, 896, 1920].map(|start| start * KIB));
    assert_eq!((starts.len(), downloaded), (3 + 32, SIZE));
}

#[tokio::test]
async fn head_index_and_body_are_read_in_turn_without_asking_twice() {
    let index = SIZE - 200 * KIB;
    let reads = [
        (0, 4 * KIB),
        (index, 200 * KIB),
        (4 * KIB, 4 * KIB),
        (10 * MIB, 32 * KIB),
        (10 * MIB + 32 * KIB, 32 * KIB),
    ];
    let (starts, downloaded) = check(&reads).await;
    assert_eq!(starts, [0, index, 10 * MIB]);
    assert!(downloaded <= 128 * KIB + 200 * KIB + 128 * KIB, "{downloaded}");
}

#[tokio::test]
async fn what_is_expected_comes_in_one_request_and_nothing_beside_it() {
    let (start, end) = (MIB, 4 * MIB);
    let mut reads = vec![(0, KIB)];
    reads.extend((start..end).step_by(64 * KIB).map(|offset| (offset, 64 * KIB)));
    reads.push((end, KIB));
    let (starts, downloaded) = check_expected(start as u64..end as u64, &reads).await;
    assert_eq!((starts, downloaded), (vec![0, start, end], end - start + 2 * KIB));
}

#[tokio::test]
async fn a_jump_drops_what_was_on_its_way() {
    let mut reads: Vec<_> = (0..2 * MIB).step_by(64 * KIB).map(|offset| (offset, 64 * KIB)).collect();
    reads.push((20 * MIB, KIB));
    let (_, downloaded) = check(&reads).await;
    // The window that was being read, one ahead of it, and the first one after the jump.
    assert!(downloaded <= (2 + 1 + 1) * MIB + 128 * KIB, "{downloaded}");
}

#[tokio::test]
async fn small_steps_back_and_forth_ask_nothing_new() {
    let (starts, _) =
        check(&[(MIB, 100 * KIB), (MIB + 20 * KIB, KIB), (MIB + 110 * KIB, KIB), (MIB, 110 * KIB)]).await;
    assert_eq!(starts, [MIB]);
}

#[tokio::test]
async fn a_read_across_the_end_is_cut_and_one_behind_it_is_empty() {
    let (starts, _) = check(&[(SIZE - 10, 100), (SIZE, 100)]).await;
    assert_eq!(starts, [SIZE - 10]);
}
