//! Time lines of edits, in seconds.

use super::*;

const SECOND: u64 = 1_000_000;

fn cut(start: Option<u64>, end: Option<u64>) -> Edit {
    let us = |seconds: Option<u64>| seconds.map(|seconds| seconds * SECOND);
    Edit::Cut { start_us: us(start), end_us: us(end) }
}

fn remove(segments: &[(u64, u64)]) -> Edit {
    let us = |&(start, end): &(u64, u64)| (start * SECOND, end * SECOND);
    Edit::RemoveSegments { segments: segments.iter().map(us).collect() }
}

/// Seconds; 0 for the end.
fn check(edits: &[Edit], expected: &[(u64, u64)]) {
    check_parts(edits, &[(None, expected)]);
}

/// Which file, and its spans in seconds.
type Expected<'a> = (Option<u32>, &'a [(u64, u64)]);

/// Of a source of 10 seconds and clips of 2.
fn check_parts(edits: &[Edit], expected: &[Expected<'_>]) {
    let seconds = |us: u64| if us == Span::END { 0 } else { us / SECOND };
    let length = |file: Option<u32>| if file.is_some() { 2 * SECOND } else { 10 * SECOND };
    let spans = |part: &Part| -> Vec<_> {
        part.spans.iter().map(|span| (seconds(span.start_us), seconds(span.end_us))).collect()
    };
    let found: Vec<_> =
        timeline(edits, length).unwrap().iter().map(|part| (part.file, spans(part))).collect();
    let expected: Vec<_> = expected.iter().map(|(file, spans)| (*file, spans.to_vec())).collect();
    assert_eq!(found, expected, "{edits:?}");
}

fn mark(file: u32, height_ppm: u32) -> Edit {
    Edit::AddWatermark { file, height_ppm, right_ppm: 0, top_ppm: 0 }
}

#[test]
fn each_edit_applies_to_what_the_one_before_has_left() {
    check(&[], &[(0, 0)]);
    check(&[cut(Some(2), Some(9))], &[(2, 9)]);
    check(&[cut(Some(2), Some(9)), cut(Some(1), None)], &[(3, 9)]);
    check(&[cut(Some(2), Some(9)), remove(&[(1, 3)])], &[(2, 3), (5, 9)]);
    check(&[remove(&[(1, 3)]), cut(None, Some(4))], &[(0, 1), (3, 6)]);
    check(&[remove(&[(1, 3)]), remove(&[(0, 2)])], &[(4, 0)]);
}

#[test]
fn segments_may_overlap_and_come_in_any_order() {
    check(&[remove(&[(5, 7), (1, 3), (2, 4)])], &[(0, 1), (4, 5), (7, 0)]);
    check(&[remove(&[(0, 1)])], &[(1, 0)]);
    check(&[remove(&[])], &[(0, 0)]);
}

#[test]
fn clips_are_parts_of_the_time_line_from_their_edit_on() {
    let (intro, outro) = (Edit::AddIntro { file: 0 }, Edit::AddOutro { file: 1 });
    check_parts(std::slice::from_ref(&intro), &[(Some(0), &[(0, 2)]), (None, &[(0, 0)])]);
    check_parts(std::slice::from_ref(&outro), &[(None, &[(0, 10)]), (Some(1), &[(0, 2)])]);
    check_parts(&[intro.clone(), cut(Some(1), Some(5))], &[(Some(0), &[(1, 2)]), (None, &[(0, 3)])]);
    check_parts(&[cut(Some(1), Some(5)), intro.clone()], &[(Some(0), &[(0, 2)]), (None, &[(1, 5)])]);
    check_parts(&[cut(Some(4), None), outro.clone()], &[(None, &[(4, 10)]), (Some(1), &[(0, 2)])]);
    check_parts(&[intro.clone(), cut(Some(3), None)], &[(None, &[(1, 0)])]);
    check_parts(
        &[intro.clone(), outro.clone(), remove(&[(1, 4), (11, 13)])],
        &[(Some(0), &[(0, 1)]), (None, &[(2, 9)]), (Some(1), &[(1, 2)])],
    );
    check_parts(&[outro, mark(2, 1), intro, cut(Some(12), None)], &[(Some(1), &[(0, 2)])]);
}

#[test]
fn every_file_is_for_one_edit() {
    let intro = |file| Edit::AddIntro { file };
    assert_eq!(super::check(&[intro(1), mark(0, 100_000)], 2), Ok(()));
    for (edits, count) in
        [(vec![intro(0)], 0), (vec![intro(1)], 1), (vec![intro(0), mark(0, 9)], 1), (vec![], 1)]
    {
        assert!(super::check(&edits, count).unwrap_err().contains("each is for one edit"), "{edits:?}");
    }
    assert!(super::check(&[mark(0, 0)], 1).is_err() && super::check(&[mark(0, 1_000_001)], 1).is_err());
}

#[test]
fn an_edit_that_ends_before_it_starts_or_leaves_nothing_is_refused() {
    assert!(super::check(&[cut(Some(2), Some(2))], 0).is_err());
    assert!(super::check(&[remove(&[(3, 1)])], 0).is_err());
    let all = Edit::RemoveSegments { segments: vec![(0, Span::END)] };
    assert_eq!(super::check(&[all], 0).unwrap_err(), "the edits leave nothing");
}
