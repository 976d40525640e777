//! Pictures over the video: where they were laid on, by their own opacity, and nowhere else.

use std::path::Path;
use std::process::Command;

use flotilla_engine::report::Report;
use flotilla_engine::spec::{EncodeChunk, Mark, Task};

use crate::pictures::{TIMESCALE, chunk, source};
use crate::support::{Folder, run};

const FRAMES: u64 = 24;
/// Of the chunk that `pictures` makes.
const SIZE: (usize, usize) = (192, 128);
const MARK: Mark = Mark { input: 1, width: 40, height: 20, left: 140, top: 10 };
/// Luma of red and blue in the limited range of BT.709.
const RED: u8 = 63;
const BLUE: u8 = 32;
/// Edges of what is scaled are blurred, and codecs of pictures are not exact.
const EDGE: usize = 3;
const STEPS: u8 = 3;

/// Luma of all frames, encoded without loss.
fn encode(folder: &Folder, inputs: Vec<Vec<u8>>, marks: Vec<Mark>, format: &str) -> Vec<Vec<u8>> {
    let Task::EncodeChunk(mut task) = chunk("libx264", &[("preset", "ultrafast"), ("qp", "0")], 0, FRAMES, 1)
    else {
        panic!("a chunk")
    };
    task.renditions[0].pixel_format = format.into();
    let (report, outputs) = run(&Task::EncodeChunk(EncodeChunk { marks, ..task }), inputs).unwrap();
    let Report::EncodeChunk { renditions, .. } = report else { panic!("another report") };
    let [path, _] = folder.publish("video", &renditions[0], &outputs.concat(), TIMESCALE);
    luma(&path)
}

fn luma(path: &Path) -> Vec<Vec<u8>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path);
    let output =
        ffmpeg.args(["-f", "rawvideo", "-vf", "format=yuv420p,extractplanes=y", "-"]).output().unwrap();
    let frames: Vec<_> = output.stdout.chunks_exact(SIZE.0 * SIZE.1).map(<[u8]>::to_vec).collect();
    assert_eq!(frames.len() as u64, FRAMES);
    frames
}

/// How a pixel lies to a rectangle of these columns and the rows of the mark: in it, out of it, or (none) at its edge.
fn within(x: usize, y: usize, columns: std::ops::Range<usize>) -> Option<bool> {
    let rows = MARK.top as usize..(MARK.top + MARK.height) as usize;
    let near = |at: usize, range: &std::ops::Range<usize>, edge: usize| {
        range.start.saturating_sub(edge) <= at && at < range.end + edge
    };
    let deep = |at: usize, range: &std::ops::Range<usize>| range.start + EDGE <= at && at + EDGE < range.end;
    match (deep(x, &columns) && deep(y, &rows), near(x, &columns, EDGE) && near(y, &rows, 0)) {
        (true, _) => Some(true),
        (_, false) => Some(false),
        _ => None,
    }
}

/// Compares with a video without the mark: in these columns it is of that luma, elsewhere nothing has changed.
fn check(picture: &[u8], format: &str, columns: std::ops::Range<usize>, colour: u8, what: &str) {
    // Ten bits are not encoded without loss by the same setting.
    let noise = if format == "yuv420p" { 0 } else { STEPS };
    let folder = Folder::new();
    let film = source(&folder, FRAMES as u32);
    let plain = encode(&folder, vec![film.clone()], Vec::new(), format);
    let marked = encode(&folder, vec![film, picture.to_vec()], vec![MARK], format);
    for (frame, (plain, marked)) in plain.iter().zip(&marked).enumerate() {
        for at in 0..plain.len() {
            let (x, y) = (at % SIZE.0, at / SIZE.0);
            match within(x, y, columns.clone()) {
                Some(true) => assert!(marked[at].abs_diff(colour) <= STEPS, "{what}: {x},{y} of {frame}"),
                Some(false) => assert!(marked[at].abs_diff(plain[at]) <= noise, "{what}: {x},{y} of {frame}"),
                None => {}
            }
        }
    }
}

fn all() -> std::ops::Range<usize> {
    MARK.left as usize..(MARK.left + MARK.width) as usize
}

#[test]
fn what_is_opaque_hides_the_video_and_what_is_not_does_not() {
    let folder = Folder::new();
    let halves = "-f lavfi -i color=red:s=100x50,format=rgba,geq=r=r(X\\,Y):g=g(X\\,Y):b=b(X\\,Y):a=255*lt(X\\,50) -frames:v 1";
    let picture = folder.make("mark.png", halves);
    let left_half = all().start..all().start + MARK.width as usize / 2;
    check(&picture, "yuv420p", left_half.clone(), RED, "png");
    check(&picture, "yuv420p10le", left_half, RED, "png in ten bits");
}

#[test]
fn pictures_of_every_kind_keep_their_colours() {
    let folder = Folder::new();
    for (name, options) in [
        ("mark.jpg", "format=yuvj444p -q:v 1"),
        ("grey.png", "format=rgb24"),
        ("palette.png", "split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse"),
    ] {
        let picture = folder.make(name, &format!("-f lavfi -i color=blue:s=64x32:d=1,{options} -frames:v 1"));
        check(&picture, "yuv420p", all(), BLUE, name);
    }
}

#[test]
fn the_last_mark_lies_on_top() {
    let folder = Folder::new();
    let flat = |name: &str, colour: &str| {
        folder.make(name, &format!("-f lavfi -i color={colour}:s=64x32,format=rgba -frames:v 1"))
    };
    let inputs = vec![source(&folder, FRAMES as u32), flat("red.png", "red"), flat("blue.png", "blue")];
    let marks = vec![MARK, Mark { input: 2, ..MARK }];
    let frames = encode(&folder, inputs, marks, "yuv420p");
    let middle = (MARK.top as usize + 10) * SIZE.0 + MARK.left as usize + 20;
    assert!(frames.iter().all(|frame| frame[middle].abs_diff(BLUE) <= STEPS));
}

#[test]
fn a_mark_that_is_not_there_or_no_picture_is_refused() {
    let folder = Folder::new();
    let film = source(&folder, FRAMES as u32);
    let Task::EncodeChunk(task) = chunk("libx264", &[], 0, FRAMES, 1) else { panic!("a chunk") };
    let task = Task::EncodeChunk(EncodeChunk { marks: vec![MARK], ..task });
    assert!(run(&task, vec![film.clone()]).is_err());
    let error = run(&task, vec![film.clone(), film]).unwrap_err();
    assert!(error.to_string().contains("neither JPEG nor PNG nor WebP"), "{error}");
}
