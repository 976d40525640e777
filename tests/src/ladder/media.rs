//! Calls of `ffprobe` and `ffmpeg`: the only place that knows their arguments.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

/// Size of the pictures that are compared; small enough to compare every frame of a clip.
pub const THUMB_WIDTH: usize = 64;
/// See [`THUMB_WIDTH`].
pub const THUMB_HEIGHT: usize = 36;

/// A stream as `ffprobe` describes it.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Position in its file.
    pub index: u64,
    kind: String,
    /// "h264", "av1", "aac", …
    pub codec: String,
    /// Pixels; 0 for sound.
    pub width: u64,
    /// Pixels; 0 for sound.
    pub height: u64,
    /// Hz; 0 for pictures.
    pub sample_rate_hz: u64,
    /// Seconds per tick, as numerator and denominator.
    time_base: (i64, i64),
    /// Frames per second, as numerator and denominator.
    frame_rate: (i64, i64),
}

impl Stream {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default();
        let cover = value["disposition"]["attached_pic"].as_u64() == Some(1);
        Some(Self {
            index: value["index"].as_u64()?,
            kind: if cover { "cover".into() } else { text("codec_type").into() },
            codec: text("codec_name").into(),
            width: value["width"].as_u64().unwrap_or(0),
            height: value["height"].as_u64().unwrap_or(0),
            sample_rate_hz: text("sample_rate").parse().unwrap_or(0),
            time_base: rational(text("time_base"))?,
            frame_rate: rational(text("avg_frame_rate"))?,
        })
    }

    /// A moving picture, not a cover.
    pub fn is_video(&self) -> bool {
        self.kind == "video"
    }

    /// Sound.
    pub fn is_audio(&self) -> bool {
        self.kind == "audio"
    }

    /// Ticks of this stream as nanoseconds.
    pub fn nanoseconds(&self, ticks: i64) -> i128 {
        let (numerator, denominator) = self.time_base;
        i128::from(ticks) * i128::from(numerator) * 1_000_000_000 / i128::from(denominator.max(1))
    }

    /// Of how many frames of `source` this stream shows one: 2 for 30 frames a second out of 60.
    pub fn stride_from(&self, source: &Self) -> usize {
        let (num, den) = (source.frame_rate.0 * self.frame_rate.1, source.frame_rate.1 * self.frame_rate.0);
        if den == 0 { 1 } else { usize::try_from((num + den / 2) / den).unwrap_or(1).max(1) }
    }
}

fn rational(text: &str) -> Option<(i64, i64)> {
    let (numerator, denominator) = text.split_once('/')?;
    Some((numerator.parse().ok()?, denominator.parse().ok()?))
}

/// The streams of a file or a playlist.
pub fn streams(path: &Path) -> Result<Vec<Stream>> {
    let output = ffprobe(path, &["-show_streams", "-of", "json"])?;
    let value: Value = serde_json::from_str(&output)?;
    let list = value["streams"].as_array().ok_or_else(|| anyhow!("ffprobe found no streams"))?;
    Ok(list.iter().filter_map(Stream::read).collect())
}

/// Presentation times of all decoded frames, in ticks of the stream.
pub fn frame_times(path: &Path, stream: &Stream) -> Result<Vec<i64>> {
    let index = stream.index.to_string();
    let wanted =
        ["-select_streams", &index, "-show_entries", "frame=best_effort_timestamp", "-of", "csv=p=0"];
    let output = ffprobe(path, &wanted)?;
    Ok(output.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect())
}

/// When the first decoded frame is shown or sounds, nanoseconds.
pub fn first_time_ns(path: &Path, stream: &Stream) -> Result<i128> {
    let index = stream.index.to_string();
    let wanted = ["-select_streams", &index, "-read_intervals", "%+#4", "-show_entries"];
    let output =
        ffprobe(path, &[&wanted, ["frame=best_effort_timestamp", "-of", "csv=p=0"].as_slice()].concat())?;
    let first = output.lines().find_map(|line| line.trim_end_matches(',').parse().ok());
    Ok(stream.nanoseconds(first.context("no frame carries a time")?))
}

/// Where in the file each packet begins and whether it is a keyframe, in file order.
pub fn packets(path: &Path) -> Result<Vec<(u64, bool)>> {
    let output = ffprobe(path, &["-show_entries", "packet=pos,flags", "-of", "csv=p=0"])?;
    let packet = |line: &str| {
        let (position, flags) = line.split_once(',')?;
        Some((position.parse().ok()?, flags.contains('K')))
    };
    Ok(output.lines().filter_map(packet).collect())
}

/// Small luma pictures of all frames in display order, none dropped or repeated, and what the decoder complained of.
pub fn pictures(path: &Path, stream: &Stream) -> Result<(Vec<Vec<u8>>, String)> {
    let map = format!("0:{}", stream.index);
    let scale = format!("scale={THUMB_WIDTH}:{THUMB_HEIGHT}:flags=area,format=gray");
    let to = ["-map", &map, "-fps_mode", "passthrough", "-vf", &scale, "-f", "rawvideo", "-"];
    let (bytes, messages) = ffmpeg(path, &to)?;
    Ok((bytes.chunks_exact(THUMB_WIDTH * THUMB_HEIGHT).map(<[u8]>::to_vec).collect(), messages))
}

/// All samples, mixed to one channel at `rate_hz`, and what the decoder complained of.
pub fn samples(path: &Path, stream: &Stream, rate_hz: u64) -> Result<(Vec<i16>, String)> {
    let (map, rate) = (format!("0:{}", stream.index), rate_hz.to_string());
    let (bytes, messages) = ffmpeg(path, &["-map", &map, "-ac", "1", "-ar", &rate, "-f", "s16le", "-"])?;
    Ok((bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), messages))
}

fn ffprobe(path: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("ffprobe").args(["-v", "error"]).args(arguments).arg(path).output();
    let output = output.context("ffprobe cannot be started")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ffprobe {}: {}", path.display(), messages.trim());
    Ok(String::from_utf8(output.stdout)?)
}

fn ffmpeg(path: &Path, to: &[&str]) -> Result<(Vec<u8>, String)> {
    let output = Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-i"]).arg(path).args(to).output();
    let output = output.context("ffmpeg cannot be started")?;
    Ok((output.stdout, String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
