//! Still-image videos: the cover of a song, as any program has put it there, in every frame.

use std::path::Path;
use std::process::Command;

use flotilla_engine::report::{Report, Source, Track};
use flotilla_engine::spec::{Colour, MAX_PIXELS, Probe, Still, Task};

use crate::pictures::chunk;
use crate::support::{Folder, run};

const FRAMES: u64 = 30;
/// Of the chunk that `pictures` makes.
const SIZE: (usize, usize) = (192, 128);
/// Pictures of a luma that differs by no more are the same, coded.
const ALIKE: u64 = 6;
/// The plain picture's luma.
const DARK: u8 = 32;

fn probe(clip: &[u8]) -> Source {
    let task = Task::Probe(Probe { max_pixels: MAX_PIXELS, ..Probe::default() });
    let Report::Probe(source) = run(&task, vec![clip.to_vec()]).unwrap().0 else { panic!("another report") };
    source
}

fn encode(song: &[u8], demuxer: String, stream_index: usize, still: Still) -> (Track, Vec<u8>) {
    encode_inputs(vec![song.to_vec()], demuxer, stream_index, still)
}

fn encode_inputs(
    inputs: Vec<Vec<u8>>,
    demuxer: String,
    stream_index: usize,
    still: Still,
) -> (Track, Vec<u8>) {
    let Task::EncodeChunk(mut task) = chunk("libx264", &[("tune", "stillimage")], 0, FRAMES, 1) else {
        panic!("a chunk")
    };
    (task.demuxer, task.stream_index, task.still) = (demuxer, stream_index, Some(still));
    task.grids[0].source_pts.fill(0);
    // As pictures of this size have it.
    task.renditions[0].colour = Colour { primaries: 6, transfer: 6, matrix: 6, full_range: false };
    let (report, outputs) = run(&Task::EncodeChunk(task), inputs).unwrap();
    let Report::EncodeChunk { renditions, .. } = report else { panic!("another report") };
    let [track] = renditions.try_into().unwrap();
    (track, outputs.concat())
}

/// Luma of all pictures of a file, at the size of the rendition.
fn luma(path: &Path) -> Vec<Vec<u8>> {
    let (width, height) = SIZE;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-f", "rawvideo", "-pix_fmt", "gray"]);
    // Gray of the limited range, whatever the source has.
    let filter = format!("scale={width}:{height}:out_range=tv,format=yuv420p,extractplanes=y");
    let output = ffmpeg.args(["-vf", &filter, "-"]).output().unwrap();
    output.stdout.chunks_exact(width * height).map(<[u8]>::to_vec).collect()
}

fn difference(one: &[u8], other: &[u8]) -> u64 {
    one.iter().zip(other).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum::<u64>() / one.len() as u64
}

/// A song of a second with that cover.
fn song(folder: &Folder, name: &str, cover: &Path, codec: &str) -> Vec<u8> {
    let inputs = format!("-f lavfi -i sine=d=1 -i {} -map 0 -map 1", cover.display());
    folder.make(name, &format!("{inputs} -c:a {codec} -c:v copy -disposition:v attached_pic"))
}

#[test]
fn the_cover_is_in_every_frame() {
    for (cover, format, name, codec) in [
        ("cover.jpg", "yuvj420p", "song.mp3", "libmp3lame"),
        ("cover.png", "rgb24", "song.m4a", "aac"),
        ("alpha.png", "rgba", "song.flac", "flac"),
        ("grey.png", "gray", "grey.mp3", "libmp3lame"),
    ] {
        let folder = Folder::new();
        let picture = format!("-f lavfi -i testsrc2=s=300x200,format={format} -frames:v 1");
        folder.make(cover, &picture);
        let song = song(&folder, name, &folder.path(cover), codec);
        let source = probe(&song);
        let stream = source.video.first().expect("a cover");
        assert!(stream.attached_picture, "{name}");
        let (track, media) = encode(&song, source.demuxer, stream.index, Still::Cover);
        let [published, _] = folder.publish("video", &track, &media, 24_000);
        let (wanted, found) = (luma(&folder.path(cover)), luma(&published));
        assert_eq!(found.len() as u64, FRAMES, "{name}");
        for frame in [&found[0], &found[FRAMES as usize - 1]] {
            let difference = difference(&wanted[0], frame);
            assert!(difference <= ALIKE, "{name}: the picture differs by {difference}");
        }
    }
}

#[test]
fn a_picture_beside_the_source_is_described_and_in_every_frame() {
    for (name, format) in [("given.jpg", "yuvj420p"), ("given.png", "rgb24"), ("given.webp", "yuv420p")] {
        let folder = Folder::new();
        let picture =
            folder.make(name, &format!("-f lavfi -i testsrc2=s=300x200,format={format} -frames:v 1"));
        let song = folder.make("song.mp3", "-f lavfi -i sine=d=1 -c:a libmp3lame");
        let both = vec![song, picture];
        let task = Task::Probe(Probe { max_pixels: MAX_PIXELS, ..Probe::default() });
        let Report::Probe(source) = run(&task, both.clone()).unwrap().0 else { panic!("another report") };
        let [given] = source.video.try_into().unwrap();
        assert!(given.attached_picture && given.picture.given, "{name}");
        assert_eq!((given.width, given.height), (300, 200), "{name}");
        let (track, media) = encode_inputs(both, source.demuxer, 0, Still::Given);
        let [published, _] = folder.publish("video", &track, &media, 24_000);
        let (wanted, found) = (luma(&folder.path(name)), luma(&published));
        assert_eq!(found.len() as u64, FRAMES, "{name}");
        let difference = difference(&wanted[0], &found[FRAMES as usize - 1]);
        assert!(difference <= ALIKE, "{name}: the picture differs by {difference}");
    }
}

#[test]
fn a_broken_or_huge_picture_beside_the_source_is_refused() {
    let folder = Folder::new();
    let song = folder.make("song.mp3", "-f lavfi -i sine=d=1 -c:a libmp3lame");
    let picture = folder.make("large.png", "-f lavfi -i testsrc2=s=300x200 -frames:v 1");
    let task = |max_pixels| Task::Probe(Probe { max_pixels, ..Probe::default() });
    for (beside, max_pixels, reason) in [
        (picture.clone(), 59_999, "300x200"),
        (picture[..picture.len() / 2].to_vec(), MAX_PIXELS, "cannot be decoded"),
        (b"no picture at all".to_vec(), MAX_PIXELS, "neither JPEG nor PNG nor WebP"),
    ] {
        let refused = run(&task(max_pixels), vec![song.clone(), beside]).unwrap_err().to_string();
        assert!(refused.contains(reason) || refused.contains("cannot be decoded"), "{refused}");
    }
}

#[test]
fn a_plain_picture_is_shown_without_a_cover_and_for_a_broken_one() {
    let folder = Folder::new();
    let plain = folder.make("plain.mp3", "-f lavfi -i sine=d=1 -c:a libmp3lame");
    folder.make("cover.png", "-f lavfi -i testsrc2=s=300x200 -frames:v 1");
    let mut broken = song(&folder, "broken.mp3", &folder.path("cover.png"), "libmp3lame");
    let at = broken.windows(4).position(|bytes| bytes == b"IDAT").expect("the cover's pixels");
    broken[at + 4..at + 2000].fill(0x55);
    for (song, still) in [(plain, Still::Blank), (broken, Still::Cover)] {
        let source = probe(&song);
        let index = source.video.first().map_or(0, |stream| stream.index);
        let (track, media) = encode(&song, source.demuxer, index, still);
        let [published, _] = folder.publish("video", &track, &media, 24_000);
        let found = luma(&published);
        assert_eq!(found.len() as u64, FRAMES);
        assert!(found.iter().flatten().all(|&value| value.abs_diff(DARK) <= 1), "{still:?}");
    }
}
