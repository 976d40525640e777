//! The commands that are measured: Flotilla, and what others pay for the same ladder. The peers follow PeerTube: x264
//! veryfast, CRF 23 capped by its rate at 16:9, a keyframe every two seconds, AAC.

use std::path::Path;
use std::process::Command;

use crate::clip::Clip;
use crate::report::Rung;

/// Heights of the peers' ladders; those above the source's are left out.
const HEIGHTS: [u64; 6] = [1080, 720, 480, 360, 240, 144];

/// Below this height Flotilla's profile gives x264 one more step of sub-pixel search.
const SMALL_BELOW: u64 = 540;

/// One rendition of a peer.
#[derive(Clone, Debug)]
pub struct Peer {
    size: String,
    /// As a filter takes it; none: the source's.
    frame_rate: Option<String>,
    gop_frames: u64,
    max_bitrate_bps: u64,
    more: Vec<&'static str>,
}

/// `flotilla transcode` with everything that belongs to it.
pub fn fleet(
    flotilla: &Path,
    clip: &Path,
    out: &Path,
    runners: Option<u32>,
    chunk_seconds: Option<u32>,
) -> Command {
    let mut command = Command::new(flotilla);
    command.arg("transcode").arg(clip).args(["--profile", "web", "--out"]).arg(out);
    if let Some(runners) = runners {
        command.args(["--runners", &runners.to_string()]);
    }
    if let Some(seconds) = chunk_seconds {
        command.args(["--chunk-seconds", &seconds.to_string()]);
    }
    command
}

/// The peers' ladder: every rendition at the source's frame rate.
pub fn ladder(clip: &Clip) -> Vec<Peer> {
    let heights = HEIGHTS.into_iter().filter(|height| *height <= clip.height);
    let peer = |height: u64| Peer {
        size: format!("-2:{height}"),
        frame_rate: None,
        gop_frames: 2 * clip.frame_rate,
        max_bitrate_bps: rate_kbps(height, clip.frame_rate) * 1000,
        more: Vec::new(),
    };
    heights.map(peer).collect()
}

/// The ladder that the fleet made, at its sizes, frame rates and caps; with `all_settings` also with its encoders' settings.
pub fn same_ladder(rungs: &[Rung], clip: &Clip, all_settings: bool) -> Vec<Peer> {
    let peer = |rung: &Rung| {
        let (numerator, denominator) = rung.frame_rate;
        let frames = (numerator as f64 / denominator as f64).round() as u64;
        let mut more = Vec::new();
        if all_settings {
            more.extend(["-threads", "1"]);
            more.extend(if rung.width.min(rung.height) < SMALL_BELOW { &["-subq", "3"][..] } else { &[] });
        }
        Peer {
            size: format!("{}:{}:flags=bicubic", rung.width, rung.height),
            frame_rate: (frames != clip.frame_rate).then(|| format!("{numerator}/{denominator}")),
            gop_frames: 2 * frames,
            max_bitrate_bps: rung.max_bitrate_bps,
            more,
        }
    };
    rungs.iter().map(peer).collect()
}

/// PeerTube's average rate for a height, at 16:9.
fn rate_kbps(height: u64, frame_rate: u64) -> u64 {
    let hundredths_of_a_bit = match height {
        144 => 19,
        240 => 17,
        360 => 15,
        480 => 12,
        720 => 11,
        1080 => 10,
        1440 => 9,
        _ => 8,
    };
    height * height * 16 * frame_rate * hundredths_of_a_bit / (9 * 100_000)
}

/// One ffmpeg command: one decode, each rendition scaled from the one before it, audio encoded once.
pub fn limit(clip: &Path, ladder: &[Peer], out: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(clip);
    command.args(["-filter_complex", &graph(ladder)]);
    command.args(["-map", "0:a?", "-c:a", "aac"]).arg(out.join("audio.mp4"));
    for (number, peer) in ladder.iter().enumerate() {
        command.args(["-map", &format!("[out{number}]")]);
        video(&mut command, peer);
        command.arg(out.join(format!("{number}.mp4")));
    }
    command
}

/// PeerTube's stock runner: one ffmpeg a rendition, each decoding the whole source; the top one twice, for the web video
/// and for its playlist.
pub fn stock(clip: &Path, ladder: &[Peer], out: &Path) -> Vec<Command> {
    let command = |(number, peer): (usize, &Peer)| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(clip);
        command.args(["-vf", &format!("scale={}", peer.size)]);
        video(&mut command, peer);
        command.args(["-c:a", "aac"]).arg(out.join(format!("s{number}.mp4")));
        command
    };
    ladder.first().into_iter().chain(ladder).enumerate().map(command).collect()
}

/// The sound alone, as the peers encode it.
pub fn audio(clip: &Path, out: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(clip);
    command.args(["-map", "0:a?", "-c:a", "aac"]).arg(out.join("audio.mp4"));
    command
}

/// The picture decoded and thrown away, on one thread.
pub fn decode(clip: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-threads", "1", "-i"]).arg(clip);
    command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "null", "-"]);
    command
}

fn video(command: &mut Command, peer: &Peer) {
    let rate = peer.max_bitrate_bps;
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "23"]);
    command.args(["-maxrate", &rate.to_string(), "-bufsize", &(2 * rate).to_string()]);
    command.args(["-g", &peer.gop_frames.to_string(), "-bf", "16", "-b_strategy", "1"]);
    command.args(&peer.more);
}

/// Frames are dropped before they are scaled, and for all smaller renditions at once: the cheapest way.
fn graph(ladder: &[Peer]) -> String {
    let mut graph = String::new();
    let mut from = "[0:v]".to_owned();
    let mut rate: Option<&String> = None;
    for (number, peer) in ladder.iter().enumerate() {
        graph += &from;
        if let Some(wanted) = peer.frame_rate.as_ref().filter(|wanted| rate != Some(wanted)) {
            graph += &format!("fps={wanted},");
            rate = Some(wanted);
        }
        graph += &format!("scale={}", peer.size);
        if number + 1 == ladder.len() {
            graph += &format!("[out{number}]");
        } else {
            from = format!("[next{number}]");
            graph += &format!(",split[out{number}]{from};");
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(height: u64, frame_rate: u64) -> Clip {
        Clip { frame_rate, height, size_bytes: 1, keyframes: vec![true] }
    }

    #[test]
    fn rates_are_peertubes() {
        for (height, frame_rate, kbps) in [(720, 24, 2433), (1080, 60, 12441), (144, 30, 210), (360, 25, 864)]
        {
            assert_eq!(rate_kbps(height, frame_rate), kbps, "{height} at {frame_rate}");
        }
    }

    #[test]
    fn no_peer_is_above_the_source_and_the_top_one_is_made_twice_by_stock() {
        let ladder = ladder(&clip(720, 24));
        let sizes: Vec<&str> = ladder.iter().map(|peer| peer.size.as_str()).collect();
        assert_eq!(sizes, ["-2:720", "-2:480", "-2:360", "-2:240", "-2:144"]);
        assert_eq!(stock(Path::new("in"), &ladder, Path::new("out")).len(), 6);
    }

    #[test]
    fn halved_rates_are_halved_once() {
        let rung = |height, rate| Rung {
            name: String::new(),
            width: 2 * height,
            height,
            frame_rate: (rate, 1),
            frames: 1,
            size_bytes: 1,
            max_bitrate_bps: 1,
        };
        let ladder = same_ladder(&[rung(720, 60), rung(480, 30), rung(360, 30)], &clip(720, 60), true);
        let expected = "[0:v]scale=1440:720:flags=bicubic,split[out0][next0];\
            [next0]fps=30/1,scale=960:480:flags=bicubic,split[out1][next1];[next1]scale=720:360:flags=bicubic[out2]";
        assert_eq!(graph(&ladder), expected);
        assert_eq!(ladder[2].more, ["-threads", "1", "-subq", "3"]);
    }
}
