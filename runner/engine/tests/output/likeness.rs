//! What is told of how like the source a rendition is.

use std::process::Command;

use flotilla_engine::error::Result;
use flotilla_engine::report::{Class, Likeness, Report};
use flotilla_engine::spec::{EncodeChunk, Task, VideoRendition};

use crate::pictures::{chunk, source};
use crate::support::{Folder, run};

const FRAMES: u64 = 30;

fn task(options: &[(&str, &str)]) -> EncodeChunk {
    match chunk("libx264", options, 0, FRAMES, 1) {
        Task::EncodeChunk(task) => task,
        other => panic!("{other:?}"),
    }
}

/// The renditions of a chunk as whole files.
fn files(task: &EncodeChunk, source: &[u8]) -> Vec<Vec<u8>> {
    let (report, outputs) = run(&Task::EncodeChunk(task.clone()), vec![source.to_vec()]).unwrap();
    let Report::EncodeChunk { renditions, .. } = report else { panic!("another report") };
    renditions.iter().zip(outputs).map(|(track, bytes)| [&track.init_segment[..], &bytes].concat()).collect()
}

fn compared(task: &EncodeChunk, source: &[u8], files: Vec<Vec<u8>>) -> Result<Vec<Likeness>> {
    let inputs = [source.to_vec()].into_iter().chain(files).collect();
    match run(&Task::Compare(task.clone()), inputs)?.0 {
        Report::Compare { likenesses } => Ok(likenesses),
        other => panic!("{other:?}"),
    }
}

fn likeness(source: &[u8], options: &[(&str, &str)]) -> Likeness {
    let task = task(options);
    let [likeness] = compared(&task, source, files(&task, source)).unwrap().try_into().unwrap();
    likeness
}

#[test]
fn what_is_the_same_is_one_and_fewer_bits_are_less() {
    let folder = Folder::new();
    let source = source(&folder, FRAMES as u32);
    let same = likeness(&source, &[("preset", "ultrafast"), ("qp", "0")]);
    assert_eq!((same.mean_ssim_y, same.worst_ssim_y), (1.0, 1.0));
    let good = likeness(&source, &[("preset", "veryfast"), ("crf", "18"), ("bf", "3")]);
    let poor = likeness(&source, &[("preset", "veryfast"), ("crf", "45"), ("bf", "3")]);
    assert!(good.mean_ssim_y > 0.95 && good.mean_ssim_y < 1.0, "{good:?}");
    assert!(poor.mean_ssim_y < good.mean_ssim_y - 0.05, "{poor:?} beside {good:?}");
    for found in [good, poor] {
        assert!(found.worst_ssim_y <= found.mean_ssim_y && found.worst_frame < FRAMES, "{found:?}");
    }
}

/// The mean of brightness as the command line tells it: "SSIM Y:0.982914 (17.67) U:…".
fn by_command(folder: &Folder, source: &[u8], made: &[u8]) -> f64 {
    let (source, made) = (folder.write("sent.mp4", source), folder.write("made.mp4", made));
    let filter = "[0:v]setpts=N[made];[1:v]setpts=N[sent];[made][sent]ssim";
    let output = Command::new("ffmpeg")
        .args(["-v", "info", "-nostdin", "-i"])
        .arg(made)
        .arg("-i")
        .arg(source)
        .args(["-lavfi", filter, "-f", "null", "-"])
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    let figure = words.split("SSIM Y:").nth(1).and_then(|rest| rest.split(' ').next());
    figure.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("{words}"))
}

#[test]
fn the_figure_is_that_of_ffmpegs_own_command() {
    let folder = Folder::new();
    let source = source(&folder, FRAMES as u32);
    let task = task(&[("preset", "veryfast"), ("crf", "30"), ("bf", "3")]);
    let files = files(&task, &source);
    let told = by_command(&folder, &source, &files[0]);
    let [likeness] = compared(&task, &source, files).unwrap().try_into().unwrap();
    assert!((likeness.mean_ssim_y - told).abs() < 2e-6, "{likeness:?} beside {told}");
}

#[test]
fn each_rendition_meets_the_picture_of_its_own_size() {
    let folder = Folder::new();
    let source = source(&folder, FRAMES as u32);
    let mut task = task(&[("preset", "ultrafast"), ("qp", "0")]);
    let small = VideoRendition { name: "64p".into(), width: 96, height: 64, ..task.renditions[0].clone() };
    task.renditions.push(small);
    let files = files(&task, &source);
    let means = compared(&task, &source, files.clone()).unwrap().into_iter().map(|one| one.mean_ssim_y);
    assert_eq!(means.collect::<Vec<_>>(), [1.0, 1.0]);
    let swapped = files.into_iter().rev().collect();
    let error = compared(&task, &source, swapped).unwrap_err();
    assert!(error.class() == Class::Verify && error.to_string().contains("another shape"), "{error}");
}

#[test]
fn frames_that_are_missing_or_too_many_are_told() {
    let folder = Folder::new();
    let source = source(&folder, FRAMES as u32);
    let whole = task(&[("preset", "ultrafast")]);
    let mut short = whole.clone();
    short.grids[0].times.truncate(21);
    short.grids[0].source_pts.truncate(20);
    let error = compared(&whole, &source, files(&short, &source)).unwrap_err();
    assert!(error.to_string().contains("behind frame 20: it ends early"), "{error}");
    let error = compared(&short, &source, files(&whole, &source)).unwrap_err();
    assert!(error.to_string().contains("more frames than were sent"), "{error}");
}
