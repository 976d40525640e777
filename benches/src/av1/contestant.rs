//! Profiles for the fleet and commands for the peers.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// A profile of the fleet.
#[derive(Debug)]
pub struct Profile {
    /// As `--profile` takes it.
    pub name: &'static str,
    /// For the table.
    pub what: &'static str,
    /// TOML.
    pub text: String,
}

/// A peer: one encoder of ffmpeg with its settings.
#[derive(Debug)]
pub struct Peer {
    /// FFmpeg's name.
    pub encoder: &'static str,
    settings: String,
    gop_frames: u64,
}

/// The shipped profiles with one height only.
pub fn profiles(height: u32) -> Result<Vec<Profile>> {
    let shipped = [
        ("bench-rav1e", "fleet, rav1e speed 10", include_str!("../../../profiles/library/av1-rav1e.toml")),
        ("bench-svt", "fleet, SVT-AV1 preset 10", include_str!("../../../profiles/library/av1.toml")),
    ];
    let mut profiles = Vec::new();
    for (name, what, text) in shipped {
        let line = |line: &str| match line.split(" = ").next() {
            Some("name") => format!("name = {name:?}\n"),
            Some("heights") => format!("heights = [{height}]\n"),
            Some("keep_source_size") => "keep_source_size = true\n".to_owned(),
            _ => format!("{line}\n"),
        };
        let text: String = text.lines().map(line).collect();
        ensure!(
            text.contains(&format!("\nheights = [{height}]\n")),
            "the profile behind {name} names no heights"
        );
        profiles.push(Profile { name, what, text });
    }
    Ok(profiles)
}

/// The clip scaled, without loss and sound, so that nobody pays for more than its encode.
pub fn prepare(clip: &Path, height: u32, seconds: u32, to: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-t", &seconds.to_string(), "-i"]).arg(clip);
    command.args(["-map", "0:v:0", "-vf", &format!("scale=-2:{height}"), "-pix_fmt", "yuv420p"]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "48", "-y"]).arg(to);
    command
}

/// The peers at their fast ends; each may use all `cores`.
pub fn peers(cores: usize, frame_rate: u64) -> Vec<Peer> {
    let peer = |encoder, settings: String| Peer { encoder, settings, gop_frames: 2 * frame_rate };
    vec![
        peer("librav1e", "-speed 10 -qp 120 -tiles 1".into()),
        peer("libsvtav1", "-preset 10 -crf 35".into()),
        peer("libaom-av1", format!("-cpu-used 8 -crf 35 -b:v 0 -row-mt 1 -threads {cores} -usage realtime")),
        peer("libx264", "-preset veryfast -crf 23".into()),
    ]
}

impl Peer {
    /// The command.
    pub fn command(&self, source: &Path, to: &Path) -> Command {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-i"]).arg(source).args(["-c:v", self.encoder]);
        command.args(self.settings.split(' ')).args(["-g", &self.gop_frames.to_string(), "-y"]).arg(to);
        command
    }

    /// For the table.
    pub fn what(&self) -> String {
        format!("{} {}", self.encoder, self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_profiles_are_cut_down_to_one_height() {
        for profile in profiles(270).unwrap() {
            let heights: Vec<&str> =
                profile.text.lines().filter(|line| line.starts_with("heights")).collect();
            assert_eq!(heights, ["heights = [270]"], "{}", profile.name);
            assert!(profile.text.contains("keep_source_size = true\n"), "{}", profile.name);
            assert!(profile.text.contains(&format!("name = {:?}\n", profile.name)));
        }
    }
}
