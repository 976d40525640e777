//! The comparison as a table for people.

use std::fmt::Write;

use super::compare::{Encode, Row};

/// What the columns mean, once below all tables.
pub const LEGEND: &str = "\
bits, SSIM, VMAF: in chunks, against one piece. worst: the lowest SSIM of a frame, in chunks, elsewhere and within six
frames of a seam. buffer: its lowest fill, of its size, in one piece and in chunks, and frames that came late.
";

/// One line a rendition.
pub fn table(rows: &[Row]) -> String {
    let has_vmaf = rows.iter().any(|row| row.more_vmaf().is_some());
    let mut text = format!("{:<7}{:>10}{:>8}{:>9}{:>9}", "", "kB", "bits", "SSIM", "");
    text += if has_vmaf { "     VMAF         " } else { "" };
    text += "    worst at seam    drop      buffer   chunks  late\n";
    for row in rows {
        text += &line(row);
    }
    text
}

fn line(row: &Row) -> String {
    let mut text = format!(
        "{:<7}{:>10.1}{:>+7.2}%{:>9.5}{:>+8.3}%",
        row.name,
        row.chunked.size_bytes as f64 / 1000.0,
        row.more_bits(),
        row.chunked.ssim,
        row.more_ssim()
    );
    if let (Some(vmaf), Some(more)) = (row.chunked.vmaf, row.more_vmaf()) {
        let _ = write!(text, "{vmaf:>9.3}{more:>+8.3}%");
    }
    let _ = write!(text, "  {:.4} {:.4}{:>+7.2}%", row.worst_elsewhere, row.worst_at_seam, row.seam_drop());
    let _ = write!(text, "{:>12}{:>9}", lowest(row, &row.whole), lowest(row, &row.chunked));
    let late = |encode: &Encode| encode.fill.map_or(0, |fill| fill.late_frames);
    let _ = write!(text, "{:>4}/{}", late(&row.whole), late(&row.chunked));
    let faults = row.faults();
    let verdict = if faults.is_empty() { "kept".into() } else { format!("NOT KEPT: {}", faults.join(", ")) };
    text + "  " + &verdict + "\n"
}

fn lowest(row: &Row, encode: &Encode) -> String {
    let Some(fill) = encode.fill else { return "no cap".into() };
    format!("{:.1}%", 100.0 * fill.lowest_bits as f64 / row.buffer_bits as f64)
}
