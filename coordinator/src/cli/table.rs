//! Tables for people: no frames, aligned columns, readable when piped into other tools.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use crate::domain::Timestamp;

/// A table with these column names.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    table
}

/// Prints rows, or a sentence when there are none.
pub fn print(table: &Table, nothing: &str) {
    match table.row_count() {
        0 => println!("{nothing}"),
        _ => println!("{table}"),
    }
}

/// "3m 20s ago".
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", duration(now.since_ms(at)))
}

/// "1h 2m", "3m 20s", "12s": two units at most.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m {seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h {minutes}m"),
        (days, hours, _, _) => format!("{days}d {hours}h"),
    }
}

/// "7.3 MiB".
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// "2.8 Mbit/s".
pub fn rate(bits_per_second: u64) -> String {
    match bits_per_second {
        0..1_000_000 => format!("{} kbit/s", bits_per_second / 1000),
        _ => format!("{:.1} Mbit/s", bits_per_second as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(duration(999), "0s");
        assert_eq!(duration(200_000), "3m 20s");
        assert_eq!(duration(3_720_000), "1h 2m");
        assert_eq!(size(512), "512 B");
        assert_eq!(size(7_654_321), "7.3 MiB");
        assert_eq!(rate(128_000), "128 kbit/s");
        assert_eq!(rate(2_750_000), "2.8 Mbit/s");
    }
}
