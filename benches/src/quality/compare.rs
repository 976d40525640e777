//! One rendition, in chunks and in one piece.

use std::path::Path;

use anyhow::{Result, ensure};
use flotilla_benches::clip::Clip;
use flotilla_benches::likeness::Likeness;
use flotilla_benches::report::Rung;
use serde_json::{Value, json};

use super::bucket::{Fill, packets, simulate};

/// Frames on either side of a seam that count as its own.
const SEAM_FRAMES: u64 = 6;

/// What may differ at most, percent.
const MAX_BITS: f64 = 2.0;
const MAX_MEAN: f64 = 0.1;
const MAX_SEAM: f64 = 1.0;

/// Two encodes of one source.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The source.
    pub source: &'a Path,
    /// What is known of it.
    pub clip: &'a Clip,
    /// Result in chunks.
    pub chunked: &'a Path,
    /// Result in one piece.
    pub whole: &'a Path,
    /// An ffmpeg with libvmaf.
    pub vmaf: Option<&'a Path>,
}

/// One of the two encodes of a rendition.
#[derive(Clone, Debug)]
pub struct Encode {
    /// Length.
    pub size_bytes: u64,
    /// Mean SSIM.
    pub ssim: f64,
    /// Mean VMAF, where it was asked for.
    pub vmaf: Option<f64>,
    /// What it did to the buffer; none: there was no cap.
    pub fill: Option<Fill>,
}

/// A rendition, compared.
#[derive(Clone, Debug)]
pub struct Row {
    /// The rendition.
    pub name: String,
    /// In one piece.
    pub whole: Encode,
    /// In chunks.
    pub chunked: Encode,
    /// Lowest SSIM, in chunks, of a frame beside a seam.
    pub worst_at_seam: f64,
    /// And of all others.
    pub worst_elsewhere: f64,
    /// Of the buffer, bits; 0: there was no cap.
    pub buffer_bits: u64,
}

impl Pair<'_> {
    /// Compares a rendition; `seams` are the frames at which a chunk begins.
    pub fn row(&self, rung: &Rung, alone: &Rung, seams: &[u64]) -> Result<Row> {
        let (whole, _) = self.encode(self.whole, alone)?;
        let (chunked, frames) = self.encode(self.chunked, rung)?;
        let is_at_seam = |frame: u64| {
            seams.iter().any(|seam| (seam.saturating_sub(SEAM_FRAMES)..seam + SEAM_FRAMES).contains(&frame))
        };
        let worst = |at_seam: bool| {
            let frames = (0..).zip(&frames).filter(|(frame, _)| is_at_seam(*frame) == at_seam);
            frames.map(|(_, likeness)| *likeness).fold(1.0, f64::min)
        };
        Ok(Row {
            name: rung.name.clone(),
            whole,
            chunked,
            worst_at_seam: worst(true),
            worst_elsewhere: worst(false),
            buffer_bits: 2 * rung.max_bitrate_bps,
        })
    }

    fn encode(&self, out: &Path, rung: &Rung) -> Result<(Encode, Vec<f64>)> {
        let file = out.join(&rung.name).join("media.mp4");
        let (width, height) = (rung.width, rung.height);
        let likeness = Likeness { source: self.source, frame_rate: self.clip.frame_rate, width, height };
        let frames = likeness.ssim(&file)?;
        let (wanted, found) = (rung.frames, frames.len());
        ensure!(found as u64 == wanted, "{}: {found} frames were compared, not {wanted}", file.display());
        let fill = if rung.max_bitrate_bps > 0 {
            let (packets, timescale) = packets(&file)?;
            Some(simulate(&packets, timescale, rung.max_bitrate_bps, 2 * rung.max_bitrate_bps))
        } else {
            None
        };
        let encode = Encode {
            size_bytes: rung.size_bytes,
            ssim: frames.iter().sum::<f64>() / frames.len() as f64,
            vmaf: self.vmaf.map(|program| likeness.vmaf(program, &file)).transpose()?,
            fill,
        };
        Ok((encode, frames))
    }
}

impl Row {
    /// More bits in chunks than in one piece, percent.
    pub fn more_bits(&self) -> f64 {
        percent(self.chunked.size_bytes as f64, self.whole.size_bytes as f64)
    }

    /// Higher SSIM in chunks, percent.
    pub fn more_ssim(&self) -> f64 {
        percent(self.chunked.ssim, self.whole.ssim)
    }

    /// Higher VMAF in chunks, percent.
    pub fn more_vmaf(&self) -> Option<f64> {
        Some(percent(self.chunked.vmaf?, self.whole.vmaf?))
    }

    /// How far the worst frame beside a seam lies below the worst one elsewhere, percent; below zero: it is better.
    pub fn seam_drop(&self) -> f64 {
        -percent(self.worst_at_seam, self.worst_elsewhere)
    }

    /// What does not keep its limit. More likeness is no fault, and a cap that the whole encode breaks too is not broken by
    /// the seams.
    pub fn faults(&self) -> Vec<&'static str> {
        let late = |encode: &Encode| encode.fill.map_or(0, |fill| fill.late_frames);
        let means = [Some(self.more_ssim()), self.more_vmaf()];
        let checks = [
            (self.more_bits().abs() > MAX_BITS, "bits"),
            (means.into_iter().flatten().any(|more| more < -MAX_MEAN), "mean"),
            (self.seam_drop() > MAX_SEAM, "seam"),
            (late(&self.chunked) > late(&self.whole), "bucket"),
        ];
        checks.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, name)| name).collect()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let encode = |encode: &Encode| {
            json!({
                "bytes": encode.size_bytes, "ssim": encode.ssim, "vmaf": encode.vmaf,
                "lowest_bits": encode.fill.map(|fill| fill.lowest_bits),
                "late_frames": encode.fill.map(|fill| fill.late_frames),
            })
        };
        json!({
            "name": self.name, "whole": encode(&self.whole), "chunked": encode(&self.chunked),
            "worst_at_seam": self.worst_at_seam, "worst_elsewhere": self.worst_elsewhere,
            "buffer_bits": self.buffer_bits, "faults": self.faults(),
        })
    }
}

fn percent(value: f64, beside: f64) -> f64 {
    100.0 * (value / beside - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size_bytes: u64, ssim: f64, worst_at_seam: f64, late_frames: u64) -> Row {
        let encode = |size_bytes, ssim, late_frames| Encode {
            size_bytes,
            ssim,
            vmaf: None,
            fill: Some(Fill { lowest_bits: 0, late_frames }),
        };
        let (whole, chunked) = (encode(1000, 0.98, 0), encode(size_bytes, ssim, late_frames));
        Row { name: "720p".into(), whole, chunked, worst_at_seam, worst_elsewhere: 0.9, buffer_bits: 1 }
    }

    #[test]
    fn each_limit_is_judged_by_itself() {
        let table = [
            (row(1019, 0.9795, 0.892, 0), &[][..]),
            (row(1021, 0.98, 0.9, 0), &["bits"]),
            (row(979, 0.98, 0.9, 0), &["bits"]),
            (row(1000, 0.978, 0.9, 0), &["mean"]),
            (row(1000, 0.99, 0.9, 0), &[]),
            (row(1000, 0.98, 0.89, 0), &["seam"]),
            (row(1000, 0.98, 0.9, 1), &["bucket"]),
        ];
        for (row, expected) in table {
            assert_eq!(row.faults(), expected, "{row:?}");
        }
    }
}
