//! What is beside the picture: languages, subtitles, and sound that has no picture at all.

use std::fs;
use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Stage, coordinator_program};

fn ffmpeg(inputs: &[&Path], arguments: &[&str], output: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]);
    command.args(inputs.iter().flat_map(|input| [Path::new("-i"), input]));
    let status = command.args(arguments).arg(output).status().expect("ffmpeg is installed");
    assert!(status.success(), "ffmpeg {arguments:?}");
}

/// Transcodes on this machine and returns the manifest.
fn transcode(input: &Path, out: &Path, profile: &str) -> String {
    let mut command = Command::new(coordinator_program());
    command.arg("transcode").arg(input).arg("--out").arg(out);
    let output = command.args(["--profile", profile, "--chunk-seconds", "2"]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(out.join("master.m3u8")).expect("a manifest")
}

fn probed(path: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("ffprobe");
    let output = command.args(["-v", "error", "-of", "csv=p=0"]).args(arguments).arg(path).output();
    let output = output.expect("ffprobe is installed");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn every_language_and_subtitle_of_a_film_is_offered() {
    let stage = Stage::new();
    let lines = stage.path().join("lines.srt");
    fs::write(&lines, "1\n00:00:01,000 --> 00:00:02,500\nFish & chips\n\n").expect("written");
    let film = stage.path().join("film.mkv");
    let clip = FLOWER.path();
    let maps = ["-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1", "-c", "copy", "-c:s", "subrip"];
    let tags = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"];
    let text = ["-metadata:s:s:0", "language=fre", "-disposition:s:0", "forced"];
    ffmpeg(&[&clip, &lines], &[&maps[..], &tags, &text].concat(), &film);
    let out = stage.path().join("out");
    let manifest = transcode(&film, &out, "web-multi");
    for line in [
        r#"TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES"#,
        r#"TYPE=AUDIO,GROUP-ID="audio",NAME="German",LANGUAGE="de",DEFAULT=NO"#,
        r#"TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="French",LANGUAGE="fr",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES"#,
    ] {
        assert!(manifest.contains(line), "{line} is not in\n{manifest}");
    }
    let subtitles = fs::read_to_string(out.join("subtitles-fre/subtitles.vtt")).expect("subtitles");
    let cue = "\n00:00:01.000 --> 00:00:02.500\nFish &amp; chips\n";
    assert!(subtitles.ends_with(cue), "{subtitles}");
    let packets = ["-show_entries", "packet=pts_time,duration_time"];
    assert_eq!(probed(&out.join("subtitles-fre/playlist.m3u8"), &packets), "1.000000,1.500000");
    let samples =
        |name: &str| probed(&out.join(name).join("media.mp4"), &["-show_entries", "format=duration"]);
    assert_eq!(samples("audio-eng"), samples("audio-ger"));
}

#[test]
fn a_song_becomes_a_video_of_its_cover() {
    let stage = Stage::new();
    let (cover, song, out) =
        (stage.path().join("cover.jpg"), stage.path().join("song.mp3"), stage.path().join("out"));
    let clip = FLOWER.path();
    ffmpeg(&[&clip], &["-frames:v", "1"], &cover);
    let arguments = ["-map", "0:a", "-map", "1", "-c:a", "libmp3lame", "-disposition:v", "attached_pic"];
    ffmpeg(&[&clip, &cover], &arguments, &song);
    let manifest = transcode(&song, &out, "web-audio");
    assert!(manifest.contains("RESOLUTION=854x480,FRAME-RATE=25.000"), "{manifest}");
    let counted = ["-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames"];
    let frames: f64 = probed(&out.join("480p/media.mp4"), &counted).parse().expect("a number");
    let seconds: f64 = probed(&out.join("audio-1/media.mp4"), &["-show_entries", "format=duration"])
        .parse()
        .expect("a number");
    // Every chunk shows the picture, up to the frame in which the sound ends.
    assert!((frames / 25.0 - seconds).abs() < 0.08, "{frames} frames for {seconds} s");
}
