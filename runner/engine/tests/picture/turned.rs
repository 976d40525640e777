//! Display matrices: pictures come out as players show them, turned and mirrored.

use flotilla_engine::report::Report;
use flotilla_engine::spec::Task;

use crate::clips::{Clips, frame_hashes};
use crate::{memory, plan};

/// From the type of a track header of version 0 (ISO/IEC 14496-12 §8.3.2) to its matrix, bytes.
const MATRIX_OFFSET: usize = 44;

/// The file with another matrix: (a, b) is a step to the right, (c, d) one down.
fn with_matrix(mut bytes: Vec<u8>, [a, b, c, d]: [i32; 4]) -> Vec<u8> {
    let header = bytes.windows(4).position(|window| window == b"tkhd").unwrap();
    for (number, value) in [(0, a), (1, b), (3, c), (4, d)] {
        let at = header + MATRIX_OFFSET + 4 * number;
        bytes[at..at + 4].copy_from_slice(&(value << 16).to_be_bytes());
    }
    bytes
}

#[test]
fn all_quarter_turns_and_mirrorings_are_shown_as_players_do() {
    let clips = Clips::new();
    let flat = clips.make("flat.mp4", "testsrc2=size=128x96:rate=24:duration=0.25", "-c:v libx264 -g 24");
    let flat = std::fs::read(flat).unwrap();
    let turns = [[1, 0, 0, 1], [0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0]];
    let mirrored = [[-1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, -1, -1, 0]];
    for (number, matrix) in turns.into_iter().chain(mirrored).enumerate() {
        let bytes = with_matrix(flat.clone(), matrix);
        let path = clips.write("turned.mp4", &bytes);
        let (demuxer, stream) = plan::probe(&bytes);
        assert_eq!(stream.picture.mirrored, number >= 4, "{matrix:?}");
        let (width, height) = if stream.rotation_degrees % 180 == 90 { (96, 128) } else { (128, 96) };
        let task = plan::chunk(&demuxer, &stream, 0, 6, plan::lossless(width, height));
        let (report, collected) = memory::run(&Task::EncodeChunk(task), &bytes).unwrap();
        let Report::EncodeChunk { renditions, .. } = report else { panic!("not a chunk") };
        let whole = [&renditions[0].init_segment[..], &collected.outputs[0]].concat();
        let shown: Vec<_> = frame_hashes(&clips.write("upright.mp4", &whole));
        let expected = frame_hashes(&path);
        assert_eq!(shown.len(), 6);
        assert!(shown.iter().map(|(_, hash)| hash).eq(expected.iter().map(|(_, hash)| hash)), "{matrix:?}");
    }
}

#[test]
fn the_containers_pixel_shape_counts_before_the_coded_one() {
    let clips = Clips::new();
    let picture = "testsrc2=size=128x96:rate=24:duration=0.25";
    let coded = clips.make("coded.mp4", picture, "-vf setsar=4/3 -c:v libx264");
    let stated = coded.with_file_name("stated.mp4");
    let copy = format!("-v error -y -i {} -c copy -aspect 1:1 {}", coded.display(), stated.display());
    assert!(std::process::Command::new("ffmpeg").args(copy.split(' ')).status().unwrap().success());
    let (_, stream) = plan::probe(&std::fs::read(&stated).unwrap());
    let ratio = stream.sample_aspect_ratio.unwrap();
    assert_eq!((ratio.numerator, ratio.denominator, stream.picture.fixed_aspect), (3, 4, true));
}
