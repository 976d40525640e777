//! Storyboards, held against those of the FFmpeg command line.

use flotilla_engine::report::{Report, Source};
use flotilla_engine::spec::{MAX_PIXELS, Probe, Seek, Storyboard, Task};

use crate::support::{Folder, run, run_counted};

/// Frames a second of the clips made here, and the distance of pictures.
const RATE: usize = 24;
const SECONDS: usize = 2;
const COLUMNS: u32 = 3;
const ROWS: u32 = 2;
/// Mean difference of samples of pictures that are the same, scaled and coded twice.
const ALIKE: f64 = 2.0;

fn probe(clip: &[u8]) -> Source {
    let task = Task::Probe(Probe { max_pixels: MAX_PIXELS, ..Probe::default() });
    let Report::Probe(source) = run(&task, vec![clip.to_vec()]).unwrap().0 else { panic!("another report") };
    source
}

/// A picture every two seconds, each from the keyframe before it.
fn task(source: &Source, (sprite_width, sprite_height): (u32, u32)) -> Storyboard {
    let stream = &source.video[0];
    let sprites = (0..stream.pts.len()).step_by(RATE * SECONDS).take(6).map(|frame| {
        let before = stream.keyframes.iter().copied().take_while(|&key| key as usize <= frame).last();
        let seek = before.filter(|&key| key > 0).map(|key| stream.pts[key as usize]);
        Seek { seek_pts: seek, pts: stream.pts[frame] }
    });
    Storyboard {
        stream_index: stream.index,
        demuxer: source.demuxer.clone(),
        rotation_degrees: stream.rotation_degrees,
        interlaced: stream.interlaced,
        picture: Default::default(),
        max_pixels: MAX_PIXELS,
        sprite_width,
        sprite_height,
        columns: COLUMNS,
        rows: ROWS,
        sprites: sprites.collect(),
    }
}

/// The picture's samples, red, green and blue.
fn samples(folder: &Folder, name: &str) -> Vec<u8> {
    let arguments = format!("-i {} -f rawvideo -pix_fmt rgb24", folder.path(name).display());
    folder.make("samples", &arguments)
}

#[test]
fn a_storyboard_is_what_ffmpeg_makes() {
    let codec = "-pix_fmt yuv420p -c:v libx264 -preset ultrafast";
    for (name, options, size) in [
        ("plain.mp4", "-g 24", (96, 64)),
        ("odd.mp4", "-g 250 -bf 3", (97, 65)),
        ("stream.ts", "-g 40 -bf 2", (96, 64)),
        ("matroska.mkv", "-g 30", (50, 33)),
    ] {
        let folder = Folder::new();
        let clip =
            folder.make(name, &format!("-f lavfi -i testsrc2=s=288x192:r={RATE}:d=9 {codec} {options}"));
        let task = task(&probe(&clip), size);
        let (report, outputs) = run(&Task::Storyboard(task), vec![clip]).unwrap();
        assert_eq!(report, Report::Storyboard { sprite_count: 5 }, "{name}");
        folder.write("ours.jpg", &outputs[0]);
        let (width, height) = size;
        let filters = format!(
            "select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,{SECONDS}),\
             scale={width}:{height}:flags=bicubic:out_range=pc,format=yuv444p,tile={COLUMNS}x{ROWS}"
        );
        let source = folder.path(name);
        let theirs = format!("-i {} -vf {filters} -frames:v 1 -pix_fmt yuvj444p -q:v 2", source.display());
        folder.make("theirs.jpg", &theirs);
        let (ours, theirs) = (samples(&folder, "ours.jpg"), samples(&folder, "theirs.jpg"));
        assert_eq!(ours.len(), (width * COLUMNS * height * ROWS * 3) as usize, "{name}");
        assert_eq!(ours.len(), theirs.len(), "{name}");
        // Where no picture is, FFmpeg's is the black of the limited range.
        let (row, last) = ((width * COLUMNS * 3) as usize, (width * (COLUMNS - 1) * 3) as usize);
        let is_drawn = |at: usize| at / row < height as usize || at % row < last;
        let pairs = ours.iter().zip(&theirs).enumerate().filter(|(at, _)| is_drawn(*at));
        let difference: u64 = pairs.map(|(_, (a, b))| u64::from(a.abs_diff(*b))).sum();
        let mean = difference as f64 / ours.len() as f64;
        assert!(mean <= ALIKE, "{name}: samples differ by {mean}");
        let rest = &ours[ours.len() - 3 * (width as usize / 2)..];
        assert!(rest.iter().all(|&sample| sample <= 2), "{name}: the rest is black");
    }
}

#[test]
fn only_the_way_from_keyframes_to_pictures_is_read() {
    let folder = Folder::new();
    let noise =
        "-f lavfi -i testsrc2=s=320x240:r=24:d=20,noise=alls=40:allf=t -c:v libx264 -preset ultrafast";
    let clip = folder.make("clip.mp4", &format!("{noise} -pix_fmt yuv420p -g 24 -movflags +faststart"));
    let task = task(&probe(&clip), (96, 72));
    let length = clip.len();
    let (_, _, read) = run_counted(&Task::Storyboard(task), vec![clip]).unwrap();
    assert!(read < length / 3, "{read} of {length} bytes were read");
}

#[test]
fn a_plan_that_fits_no_jpeg_is_refused() {
    let folder = Folder::new();
    let clip = folder.make("clip.mp4", "-f lavfi -i testsrc2=s=64x48:r=24:d=9 -c:v libx264 -pix_fmt yuv420p");
    let good = task(&probe(&clip), (32, 24));
    for broken in [
        Storyboard { columns: 70_000, ..good.clone() },
        Storyboard { columns: 1, rows: 4, ..good.clone() },
        Storyboard { sprites: Vec::new(), ..good },
    ] {
        assert!(run(&Task::Storyboard(broken), vec![clip.clone()]).is_err());
    }
}
