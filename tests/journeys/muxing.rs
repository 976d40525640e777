//! Every form of a rendition at once: fragmented, with its index first, and with the sound inside.

use std::fs;
use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Stage, coordinator_program};
use flotilla_tests::ladder::assert_exact;

const PROFILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");

/// What ffmpeg makes of a stream: one line a frame with its digest, or one digest of all samples.
fn decoded(path: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    let output = command.args(["-v", "warning", "-i"]).arg(path).args(arguments).arg("-").output();
    let output = output.expect("ffmpeg is installed");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", path.display());
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn frames(path: &Path) -> Vec<String> {
    let lines = decoded(path, &["-map", "0:v", "-f", "framemd5"]);
    lines.iter().map(|line| line.rsplit(',').next().unwrap_or_default().to_owned()).collect()
}

fn sound(path: &Path) -> Vec<String> {
    decoded(path, &["-map", "0:a", "-c:a", "pcm_s16le", "-f", "md5"])
}

fn streams(path: &Path) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_entries", "stream=codec_type,start_time", "-of", "csv=p=0"]);
    let output = command.arg(path).output().expect("ffprobe is installed");
    String::from_utf8_lossy(&output.stdout).trim().replace('\n', " ")
}

#[test]
fn a_muxed_file_shows_and_sounds_what_its_tracks_do() {
    let stage = Stage::new();
    let out = stage.path().join("out");
    let mut command = Command::new(coordinator_program());
    command.arg("transcode").arg(FLOWER.path()).arg("--out").arg(&out).args(["--profiles-dir", PROFILES]);
    let output = command.args(["--profile", "muxed", "--chunk-seconds", "2"]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_exact(&FLOWER.path(), &out);

    let heard = sound(&out.join("audio-1/media.mp4"));
    for name in ["240p", "360p"] {
        let folder = out.join(name);
        let shown = frames(&folder.join("media.mp4"));
        assert_eq!(shown.len(), FLOWER.frame_count);
        let progressive = out.join(format!("{name}.mp4"));
        for path in [folder.join("muxed.mp4"), folder.join("muxed.m3u8"), progressive] {
            assert!(frames(&path) == shown, "{}: the same pictures", path.display());
            assert_eq!(sound(&path), heard, "{}: the same sound", path.display());
        }
        let [pictures, both] = ["media.mp4", "muxed.mp4"].map(|file| streams(&folder.join(file)));
        assert_eq!(both, format!("{pictures} {}", streams(&out.join("audio-1/media.mp4"))));
        let playlist = fs::read_to_string(folder.join("muxed.m3u8")).expect("a playlist");
        assert_eq!(playlist.matches("#EXT-X-BYTERANGE:").count(), 2, "{playlist}");
        assert!(playlist.lines().all(|line| !line.starts_with("#EXT-X-BYTERANGE:") || line.contains('@')));
    }
    let report = fs::read_to_string(out.join("report.json")).expect("a report");
    assert!(report.contains("\"240p/muxed.mp4\"") && report.contains("\"360p/muxed.m3u8\""), "{report}");
    let master = fs::read_to_string(out.join("master.m3u8")).expect("a manifest");
    assert!(!master.contains("muxed"), "{master}");
}
