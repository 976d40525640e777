//! How like the source a rendition is, frame by frame: SSIM by FFmpeg's filter, VMAF where an ffmpeg has it. The reference
//! is the source scaled to the rendition's size; every frame of the rendition meets the source's frame of its time.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Likeness<'a> {
    /// The source.
    pub source: &'a Path,
    /// Of the source, rounded.
    pub frame_rate: u64,
    /// Of the rendition.
    pub width: u64,
    /// Of the rendition.
    pub height: u64,
}

impl Likeness<'_> {
    /// SSIM of each frame, over all planes.
    pub fn ssim(&self, file: &Path) -> Result<Vec<f64>> {
        let folder = tempfile::tempdir().context("no folder to work in")?;
        let filter = format!("{}ssim=stats_file=frames", self.legs());
        ffmpeg("ffmpeg".as_ref(), folder.path(), file, self.source, &filter)?;
        let text = std::fs::read_to_string(folder.path().join("frames")).context("ffmpeg wrote no SSIM")?;
        text.lines().map(all_planes).collect()
    }

    /// Mean VMAF of all frames.
    pub fn vmaf(&self, ffmpeg_program: &Path, file: &Path) -> Result<f64> {
        let folder = tempfile::tempdir().context("no folder to work in")?;
        let filter = format!("{}libvmaf=log_fmt=json:log_path=frames", self.legs());
        ffmpeg(ffmpeg_program, folder.path(), file, self.source, &filter)?;
        let text = std::fs::read_to_string(folder.path().join("frames")).context("ffmpeg wrote no VMAF")?;
        let log: Value = serde_json::from_str(&text).context("VMAF's log is no JSON")?;
        log["pooled_metrics"]["vmaf"]["mean"].as_f64().context("VMAF's log has no mean")
    }

    /// Both legs of the filter. A quarter of a frame later, so that rounded times meet the frame they mean. One colour
    /// for both: newer FFmpegs would convert between what is tagged and what is not.
    fn legs(&self) -> String {
        let Self { frame_rate, width, height, .. } = self;
        let colour = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709";
        format!(
            "[0:v]{colour},setpts=PTS-STARTPTS+0.25/({frame_rate}*TB)[made];\
             [1:v]scale={width}:{height}:flags=bicubic,format=yuv420p,{colour},setpts=PTS-STARTPTS[source];\
             [made][source]"
        )
    }
}

fn ffmpeg(program: &Path, folder: &Path, file: &Path, source: &Path, filter: &str) -> Result<()> {
    let absolute = |path: &Path| std::path::absolute(path).context("a path without a folder");
    let mut command = Command::new(program);
    command.args(["-v", "error", "-nostdin", "-i"]).arg(absolute(file)?).arg("-i").arg(absolute(source)?);
    command
        .args(["-filter_complex", filter, "-fps_mode", "passthrough", "-f", "null", "-"])
        .current_dir(folder);
    let output = command.output().with_context(|| format!("{} does not start", program.display()))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// `n:1 Y:0.98 U:0.99 V:0.99 All:0.99 (20.1)`
fn all_planes(line: &str) -> Result<f64> {
    let value = line.split("All:").nth(1).and_then(|rest| rest.split(' ').next());
    value
        .and_then(|value| value.parse().ok())
        .with_context(|| format!("ffmpeg's SSIM has no such line: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_filter_is_read() {
        let line = "n:7 Y:0.979401 U:0.991134 V:0.990716 All:0.983243 (17.757934)";
        assert!((all_planes(line).unwrap() - 0.983_243).abs() < 1e-9);
        assert!(all_planes("n:7 Y:0.9").is_err());
    }
}
