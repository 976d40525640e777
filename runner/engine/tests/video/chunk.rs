//! Chunks joined by concatenation are the source: every frame once, at its time, whatever the cuts.

use flotilla_engine::report::{Report, Track};
use flotilla_engine::run::execute;
use flotilla_engine::spec::{EncodeChunk, GridSlice, Task};

use crate::clips::{Clips, frame_hashes};
use crate::memory::{Collected, File};
use crate::{memory, plan};

const PICTURE: &str = "testsrc2=size=128x96:rate=24:duration=4";

fn encode(task: &EncodeChunk, bytes: &[u8]) -> (Vec<Track>, Vec<Vec<u8>>) {
    let (report, collected) = memory::run(&Task::EncodeChunk(task.clone()), bytes).unwrap();
    let Report::EncodeChunk { renditions, .. } = report else { panic!("not a chunk") };
    for (track, output) in renditions.iter().zip(&collected.outputs) {
        let size: usize = track.fragments.iter().map(|fragment| fragment.size_bytes as usize).sum();
        assert_eq!(size, output.len());
        assert!(track.fragments.iter().all(|fragment| fragment.starts_with_keyframe));
    }
    (renditions, collected.outputs)
}

/// Encodes a clip without loss in chunks cut at these frames, joins them, and compares every frame with the source.
fn check(name: &str, arguments: &str, cuts: &[usize]) {
    let clips = Clips::new();
    let path = clips.make(name, PICTURE, arguments);
    let bytes = std::fs::read(&path).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let mut joined = Vec::new();
    for cut in cuts.windows(2) {
        let mut task = plan::chunk(&demuxer, &stream, cut[0], cut[1], plan::lossless(128, 96));
        task.renditions[0].first_sequence_number = (cut[0] as u32).div_ceil(plan::GOP_FRAMES) + 1;
        let (tracks, outputs) = encode(&task, &bytes);
        if joined.is_empty() {
            joined.extend(&tracks[0].init_segment);
        }
        assert_eq!(
            joined[..tracks[0].init_segment.len()],
            tracks[0].init_segment,
            "{name}: one init segment"
        );
        joined.extend(&outputs[0]);
    }
    let start = stream.pts[0];
    let expected: Vec<_> = frame_hashes(&path).into_iter().map(|(pts, hash)| (pts - start, hash)).collect();
    assert_eq!(frame_hashes(&clips.write("joined.mp4", &joined)), expected, "{name}");
}

#[test]
fn joined_chunks_show_every_source_frame_once() {
    let cuts = [0, 24, 60, 96];
    check("b-frames.mp4", "-c:v libx264 -bf 3 -g 30", &cuts);
    check("open-gop.mp4", "-c:v libx264 -bf 3 -g 24 -x264-params open-gop=1:scenecut=0", &cuts);
    check("open-gop.ts", "-c:v libx264 -bf 3 -g 24 -x264-params open-gop=1:scenecut=0", &cuts);
    check("open-gop.mkv", "-c:v libx265 -x265-params open-gop=1:keyint=24:log-level=none -bf 3", &cuts);
    check("hidden-references.webm", "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 10 -b:v 300k -g 40", &cuts);
    check(
        "uneven.mp4",
        "-vf setpts=N*N*50+N*1000,settb=1/90000 -fps_mode passthrough -c:v libx264 -bf 2 -video_track_timescale 90000",
        &cuts,
    );
}

#[test]
fn the_same_assignment_gives_the_same_bytes() {
    let clips = Clips::new();
    let bytes = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264 -bf 3 -g 24")).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let settings =
        [("preset", "veryfast"), ("crf", "23"), ("maxrate", "200000"), ("bufsize", "400000"), ("bf", "3")];
    let mut task = plan::chunk(&demuxer, &stream, 24, 72, plan::rendition("libx264", 128, 96, &settings));
    task.renditions.push(plan::rendition("libx264", 64, 48, &settings));
    assert!(encode(&task, &bytes) == encode(&task, &bytes));
}

#[test]
fn a_lower_rendition_drops_and_repeats_frames_by_its_own_grid() {
    let clips = Clips::new();
    let path = clips.make("clip.mp4", PICTURE, "-c:v libx264 -bf 3 -g 24");
    let bytes = std::fs::read(&path).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let mut task = plan::chunk(&demuxer, &stream, 0, 96, plan::lossless(128, 96));
    // Every fourth frame, each shown twice: the sizes are equal, so the pixels can be compared.
    let source_pts: Vec<_> = (0..48).map(|frame| stream.pts[frame / 2 * 4]).collect();
    task.grids.push(GridSlice { first_frame: 0, timescale: 12, times: (0..=48).collect(), source_pts });
    task.renditions.push(plan::lossless(128, 96));
    task.renditions[1].grid_index = 1;
    let (tracks, outputs) = encode(&task, &bytes);
    assert_eq!((tracks[0].sample_count, tracks[1].sample_count), (96, 48));
    let lower = clips.write("lower.mp4", &[&tracks[1].init_segment[..], &outputs[1]].concat());
    let shown: Vec<_> = frame_hashes(&lower).into_iter().map(|(_, hash)| hash).collect();
    let source = frame_hashes(&path);
    let expected: Vec<_> = (0..48).map(|frame| source[frame / 2 * 4].1.clone()).collect();
    assert_eq!(shown, expected);
}

#[test]
fn pictures_come_out_upright_and_progressive() {
    let clips = Clips::new();
    let interlaced =
        "-vf tinterlace=interleave_top,fieldorder=tff -c:v libx264 -flags +ildct+ilme -bf 2 -g 12";
    let bytes = std::fs::read(clips.make("fields.mp4", PICTURE, interlaced)).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    assert!(stream.interlaced);
    let mut task = plan::chunk(&demuxer, &stream, 12, 36, plan::lossless(96, 128));
    task.rotation_degrees = 90;
    let (tracks, outputs) = encode(&task, &bytes);
    let turned = clips.write("turned.mp4", &[&tracks[0].init_segment[..], &outputs[0]].concat());
    assert_eq!(frame_hashes(&turned).len(), 24);
}

#[test]
fn a_turned_picture_comes_out_as_players_show_it() {
    let clips = Clips::new();
    let path = clips.make("flat.mp4", PICTURE, "-c:v libx264 -bf 3 -g 24");
    let turned = clips.turn(&path, "turned.mp4");
    let bytes = std::fs::read(&turned).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let (tracks, outputs) = encode(&plan::chunk(&demuxer, &stream, 0, 24, plan::lossless(96, 128)), &bytes);
    let upright = clips.write("upright.mp4", &[&tracks[0].init_segment[..], &outputs[0]].concat());
    let shown: Vec<_> = frame_hashes(&upright).into_iter().map(|(_, hash)| hash).collect();
    let expected: Vec<_> = frame_hashes(&turned).into_iter().map(|(_, hash)| hash).collect();
    assert_eq!(shown, expected[..24]);
}

#[test]
fn chunks_together_read_little_more_than_the_source() {
    let noise = "nullsrc=size=320x240:rate=24:duration=8,geq=random(1)*255:128:128";
    let sound = "-f lavfi -i sine=r=48000:d=8 -c:a aac";
    let pictures = "-c:v libx264 -crf 23 -preset veryfast -bf 2 -g 24 -sc_threshold 0 -pix_fmt yuv420p";
    for (name, layout, twice_bytes) in [("late.mp4", "", 4500), ("early.mp4", "-movflags +faststart", 200)] {
        let clips = Clips::new();
        let path = clips.make(name, noise, format!("{sound} {pictures} {layout}").trim_end());
        let bytes = std::fs::read(&path).unwrap();
        let (demuxer, stream) = plan::probe(&bytes);
        let read = |start, end| {
            let rendition = plan::rendition("libx264", 64, 48, &[("preset", "ultrafast")]);
            let task = plan::chunk(&demuxer, &stream, start, end, rendition);
            let file = File::new(bytes.clone());
            let counted = file.read_bytes.clone();
            execute(&Task::EncodeChunk(task), &file.shared(), &mut Collected::default()).unwrap();
            *counted.lock().unwrap()
        };
        let read_bytes: u64 = (0..192).step_by(48).map(|start| read(start, start + 48)).sum();
        let size_bytes = bytes.len() as u64;
        assert!(read_bytes <= size_bytes * 110 / 100, "{name}: {read_bytes} of {size_bytes} bytes were read");
        let whole = read(0, 192);
        assert!(whole <= size_bytes + twice_bytes, "{name}: {whole} of {size_bytes} bytes were read for all");
        // Behind a keyframe the same packets are needed, and the keyframe that follows is not.
        for start in [49, 53, 71] {
            assert_eq!(read(start, 96), read(48, 96), "{name} from {start}");
        }
    }
}

#[test]
fn av1_chunks_join_as_well() {
    let clips = Clips::new();
    let bytes = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264 -bf 3 -g 24")).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let chunk = |start, end| {
        let rendition = plan::rendition("libsvtav1", 128, 96, &[("preset", "12"), ("crf", "50")]);
        encode(&plan::chunk(&demuxer, &stream, start, end, rendition), &bytes)
    };
    let ((first, start), (second, end)) = (chunk(0, 36), chunk(36, 96));
    assert_eq!(first[0].init_segment, second[0].init_segment);
    let joined = [&first[0].init_segment[..], &start[0], &end[0]].concat();
    assert_eq!(frame_hashes(&clips.write("joined.mp4", &joined)).len(), 96);
}
