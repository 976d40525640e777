//! An edited video: what is left out is left out of pictures and sound alike, what is put in is there, whoever encodes
//! which part.

use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{FileServer, Job, Stage, Store};
use flotilla_tests::likeness::likeness;

use super::{PATIENCE, stores};

/// The second second goes; then three seconds stay of what is left.
const EDITS: &str =
    r#"[{"kind":"remove_segments","segments":[[1000000,2000000]]},{"kind":"cut","end_us":3000000}]"#;
/// Mean likeness of pictures before and after encoding.
const ALIKE: f64 = 0.9;

#[test]
fn a_video_is_cut_without_its_sound_coming_apart() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let _runner = stage.runner(&coordinator, "runner", 2);
        let source = FileServer::start(FLOWER.path()).url();
        let name = stage.path().file_name().expect("a name").to_string_lossy();
        let prefix = format!("edited/{}", name.trim_start_matches('.'));
        let destination = format!("s3://{}/{prefix}", coordinator.bucket().name);
        let words = ["submit", &source, "--edits", EDITS, "--profile", "patient", "--dest", &destination];
        let answer = coordinator.json(&[&words[..], &["--chunk-seconds", "2"]].concat());
        let job = Job { id: answer["id"].as_str().expect("an id").to_owned(), prefix: prefix.clone() };
        coordinator.wait_published(&job, PATIENCE);

        let bucket = coordinator.bucket();
        let report = bucket.json(&format!("{prefix}/report.json"));
        // 29.97 frames a second: 30 before the gap, 60 behind it.
        assert_eq!(report["renditions"][0]["frames"], 90, "{report:#}");
        assert_eq!(report["audio"][0]["samples"], 3 * 48_000, "{report:#}");
        let media = stage.path().join("media.mp4");
        std::fs::write(&media, bucket.read(&format!("{prefix}/360p/media.mp4"))).expect("written");
        let graph = "[1]select=between(n\\,0\\,29)+between(n\\,60\\,119),scale=640:360,setpts=N,format=yuv420p[wanted];\
                     [0]setpts=N,format=yuv420p[found];[found][wanted]ssim";
        let found = likeness(&[&media, &FLOWER.path()], graph);
        assert!(found > ALIKE, "{found}");
    }
}

/// The mark lies on the film alone, the outro is whole, and of the intro the first second goes.
const JOINED: &str = r#"[
    {"kind":"add_watermark","file":0,"height_ppm":200000,"right_ppm":50000,"top_ppm":50000},
    {"kind":"add_intro","file":1},{"kind":"add_outro","file":2},{"kind":"cut","start_us":1000000}]"#;
/// Of the rendition.
const SIZE: (usize, usize) = (640, 360);

fn make(path: &Path, arguments: &str) -> String {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i"]).args(arguments.split(' ')).arg(path);
    assert!(ffmpeg.status().expect("ffmpeg is installed").success(), "{arguments}");
    FileServer::start(path.to_owned()).url()
}

fn decoded(path: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(arguments).arg("-");
    let output = ffmpeg.output().expect("ffmpeg is installed");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn an_intro_an_outro_and_a_watermark_are_where_they_were_put() {
    let stage = Stage::new();
    let coordinator = stage.coordinator(Store::Embedded);
    let _runners = [stage.runner(&coordinator, "one", 1), stage.runner(&coordinator, "other", 1)];
    let source = FileServer::start(FLOWER.path()).url();
    let mark = make(&stage.path().join("mark.png"), "color=0x00ff00:s=100x100,format=rgba -frames:v 1");
    // Of another shape, at another rate, without sound; in another container.
    let intro = make(&stage.path().join("intro.mkv"), "color=white:s=320x240:r=10:d=2 -c:v libx264");
    let outro =
        "color=red:s=640x360:r=50:d=1 -f lavfi -i sine=r=44100:d=1 -c:v libx264 -pix_fmt yuv420p -c:a aac";
    let outro = make(&stage.path().join("outro.mp4"), outro);
    let name = stage.path().file_name().expect("a name").to_string_lossy();
    let prefix = format!("joined/{}", name.trim_start_matches('.'));
    let destination = format!("s3://{}/{prefix}", coordinator.bucket().name);
    let words = ["submit", &source, "--edits", JOINED, "--profile", "patient", "--dest", &destination];
    let inserts = ["--insert", &mark, "--insert", &intro, "--insert", &outro, "--chunk-seconds", "2"];
    let answer = coordinator.json(&[&words[..], &inserts].concat());
    let job = Job { id: answer["id"].as_str().expect("an id").to_owned(), prefix: prefix.clone() };
    coordinator.wait_published(&job, PATIENCE);

    let bucket = coordinator.bucket();
    let report = bucket.json(&format!("{prefix}/report.json"));
    // 29.97 frames a second: 30 of the intro, 150, 30 of the outro; the intro had 60, of which a second is cut.
    let (frames, microseconds) = (30 + 150 + 30, 2_002_000 - 1_000_000 + 5_005_000 + 1_001_000);
    assert_eq!(report["renditions"][0]["frames"], frames, "{report:#}");
    assert_eq!(report["audio"][0]["samples"], microseconds * 48 / 1000, "{report:#}");
    let fetch = |folder: &str| {
        let path = stage.path().join(format!("{folder}.mp4"));
        std::fs::write(&path, bucket.read(&format!("{prefix}/{folder}/media.mp4"))).expect("written");
        path
    };
    let luma = decoded(&fetch("360p"), &["-vf", "format=yuv420p,extractplanes=y", "-f", "rawvideo"]);
    let shown: Vec<&[u8]> = luma.chunks_exact(SIZE.0 * SIZE.1).collect();
    assert_eq!(shown.len(), frames);
    let at = |frame: usize, x: usize, y: usize| shown[frame][y * SIZE.0 + x];
    for frame in [0, 29] {
        let (middle, bar, mark) = (at(frame, 320, 180), at(frame, 20, 180), at(frame, 586, 54));
        assert!(middle > 200 && bar < 40 && mark < 40, "a white picture between bars: {middle} {bar} {mark}");
    }
    for frame in [30, 179] {
        // By the matrix of the film, BT.601.
        assert!(at(frame, 586, 54).abs_diff(145) < 6, "the mark is green: {}", at(frame, 586, 54));
    }
    for frame in [180, 209] {
        let (middle, mark) = (at(frame, 320, 180), at(frame, 586, 54));
        assert!((50..100).contains(&middle) && middle.abs_diff(mark) < 6, "red alone: {middle} {mark}");
    }
    let track = report["audio"][0]["name"].as_str().expect("a name");
    let sound = decoded(&fetch(track), &["-ac", "1", "-f", "s16le"]);
    let sound: Vec<i16> = sound.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let loudest = |from_ms: usize, to_ms: usize| {
        sound[from_ms * 48..to_ms * 48].iter().map(|sample| sample.unsigned_abs()).max()
    };
    // The intro has no sound, and the film's is silent.
    assert!(
        loudest(0, 5900) < Some(30) && loudest(6100, 6900) > Some(1000),
        "silence, then the outro's tone"
    );
}
