//! Both tracks in one fragmented file: the same pictures and the same sound as in files of their own, as a plain file and
//! through a byte-range playlist.

use std::path::Path;
use std::process::Command;

use flotilla_engine::report::Class;
use flotilla_engine::spec::{Assemble, MuxedSegment, Task};

use crate::joining::{FRAMES, chunks, task, tone};
use crate::support::{Folder, run, samples};

fn segment(video_fragments: usize, audio_fragments: usize) -> MuxedSegment {
    MuxedSegment { video_fragments, audio_fragments }
}

fn muxed(init: &[u8], audio_init: &[u8], segments: &[MuxedSegment]) -> Task {
    Task::Assemble(Assemble {
        progressive: false,
        muxed: Some(segments.to_vec()),
        ..task(init, audio_init, 3)
    })
}

/// Times and digests of all frames.
fn frames(path: &Path) -> String {
    let mut command = Command::new("ffmpeg");
    let output = command.args(["-v", "warning", "-i"]).arg(path).args(["-map", "0:v", "-f", "framemd5", "-"]);
    let output = output.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Of each fragment: where it begins, its length, sequence number and track.
fn fragments(file: &[u8]) -> Vec<(usize, usize, u32, u32)> {
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let (mut at, mut found) = (0, Vec::new());
    while at < file.len() {
        let size = number(at) as usize;
        match &file[at + 4..at + 8] {
            b"moof" => found.push((at, size, number(at + 20), number(at + 44))),
            b"mdat" => found.last_mut().unwrap().1 += size,
            _ => {}
        }
        at += size;
    }
    found
}

#[test]
fn pictures_and_sound_are_those_of_the_files_they_come_from() {
    let (init, mut inputs) = chunks();
    let (sound, sound_bytes) = tone(4, false, None, false);
    inputs.push(sound_bytes.clone());
    let rest = sound.fragments.len() - 1;
    let task = muxed(&init, &sound.init_segment, &[segment(2, 1), segment(1, 0), segment(1, rest)]);
    let (_, outputs) = run(&task, inputs).unwrap();
    let (alone, both) = (&outputs[0], &outputs[1]);

    let found = fragments(both);
    let expected_tracks = [[1, 1, 2, 1, 1].as_slice(), &vec![2; rest]].concat();
    assert!(found.iter().map(|fragment| fragment.3).eq(expected_tracks), "{found:?}");
    assert!(found.iter().map(|fragment| fragment.2).eq(1..=found.len() as u32), "{found:?}");
    let payload: usize = found.iter().map(|fragment| fragment.1).sum();
    assert_eq!(payload, alone.len() - init.len() + sound_bytes.len(), "every fragment keeps its size");
    assert_eq!(found[0].0 + payload, both.len(), "the init segment is the rest");

    let folder = Folder::new();
    let path = folder.write("muxed.mp4", both);
    let picture = frames(&folder.write("alone.mp4", alone));
    assert_eq!(frames(&path), picture);
    assert_eq!(picture.lines().filter(|line| !line.starts_with('#')).count() as u64, FRAMES);
    let heard = samples(&folder.write("sound.mp4", &[&sound.init_segment[..], &sound_bytes].concat()));
    assert!(heard.len() >= 192_000 && samples(&path) == heard, "the same samples");

    let map = format!("#EXT-X-MAP:URI=\"muxed.mp4\",BYTERANGE=\"{}@0\"\n", found[0].0);
    let mut playlist = format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n{map}");
    let bounds = [found[0].0, found[3].0, both.len()];
    for pair in bounds.windows(2) {
        let (start, length) = (pair[0], pair[1] - pair[0]);
        playlist += &format!("#EXTINF:2.0,\n#EXT-X-BYTERANGE:{length}@{start}\nmuxed.mp4\n");
    }
    let playlist = folder.write("muxed.m3u8", (playlist + "#EXT-X-ENDLIST\n").as_bytes());
    let digests = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(digests(&frames(&playlist)), digests(&picture));
    assert!(samples(&playlist) == heard, "the same samples through a playlist");
}

#[test]
fn without_sound_it_is_the_concatenation() {
    let (init, mut inputs) = chunks();
    inputs[0] = [&init[..], &inputs[0]].concat();
    let (_, outputs) = run(&muxed(&init, &[], &[segment(3, 0), segment(1, 0)]), inputs).unwrap();
    assert!(outputs.len() == 2 && outputs[0] == outputs[1]);
}

#[test]
fn segments_of_other_fragments_are_refused() {
    let (init, inputs) = chunks();
    for segments in [vec![segment(3, 0)], vec![segment(5, 0)], vec![segment(4, 1)], vec![]] {
        let error = run(&muxed(&init, &[], &segments), inputs.clone()).unwrap_err();
        assert_eq!(error.class(), Class::Verify);
        assert_eq!(
            error.to_string(),
            "the tracks of a muxed file have [4] fragments, others are planned",
            "{segments:?}"
        );
    }
}
