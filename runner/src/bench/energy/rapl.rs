//! The processor's own counters (RAPL), which the kernel shows as files: microjoules that begin anew at a limit. A package
//! holds cores, caches and graphics; memory beside it and the rest of the machine are not in it.

use std::io;
use std::path::{Path, PathBuf};

use super::{Counter, Source};

/// Where the kernel shows them.
pub const POWERCAP: &str = "/sys/class/powercap";

#[derive(Debug)]
struct Package {
    counter: PathBuf,
    /// What the counter holds at most, microjoules.
    limit: u64,
}

/// The counters of all processor packages below a folder; the error says in one sentence why there is none.
pub fn counters(powercap: &Path) -> Result<Vec<Box<dyn Counter>>, String> {
    let zones = std::fs::read_dir(powercap)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>())
        .unwrap_or_default();
    let mut zones: Vec<_> = zones.into_iter().filter(|zone| is_package(zone)).collect();
    zones.sort();
    if zones.is_empty() {
        return Err(format!("no energy counters (RAPL) in {}", powercap.display()));
    }
    zones.iter().map(|zone| package(zone)).collect()
}

fn package(zone: &Path) -> Result<Box<dyn Counter>, String> {
    let counter = zone.join("energy_uj");
    number(&counter).map_err(|error| refused(&counter, &error))?;
    let limit = number(&zone.join("max_energy_range_uj")).unwrap_or(0);
    Ok(Box::new(Package { counter, limit }))
}

impl Counter for Package {
    fn source(&self) -> Source {
        Source::Processor
    }

    fn microjoules(&self) -> Option<u64> {
        number(&self.counter).ok()
    }

    fn limit(&self) -> u64 {
        self.limit
    }
}

/// "intel-rapl:0" with the name "package-0"; parts of it ("intel-rapl:0:0") and the whole platform would count twice. AMD
/// processors have the same names.
fn is_package(zone: &Path) -> bool {
    let is_zone = zone.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
        name.strip_prefix("intel-rapl:")
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    is_zone && std::fs::read_to_string(zone.join("name")).is_ok_and(|name| name.starts_with("package"))
}

fn number(path: &Path) -> io::Result<u64> {
    let text = std::fs::read_to_string(path)?;
    text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no number"))
}

fn refused(counter: &Path, error: &io::Error) -> String {
    let way_out = if error.kind() == io::ErrorKind::PermissionDenied { "; root may" } else { "" };
    format!("{} cannot be read: {error}{way_out}", counter.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(powercap: &Path, folder: &str, name: &str, energy: &str) -> PathBuf {
        let zone = powercap.join(folder);
        std::fs::create_dir_all(&zone).unwrap();
        std::fs::write(zone.join("name"), format!("{name}\n")).unwrap();
        std::fs::write(zone.join("energy_uj"), energy).unwrap();
        std::fs::write(zone.join("max_energy_range_uj"), "10000000\n").unwrap();
        zone
    }

    #[test]
    fn packages_are_found_and_no_parts_of_them() {
        let folder = tempfile::tempdir().unwrap();
        zone(folder.path(), "intel-rapl:0", "package-0", "1000000\n");
        let second = zone(folder.path(), "intel-rapl:1", "package-1", "9000000\n");
        zone(folder.path(), "intel-rapl:0:0", "core", "0\n");
        zone(folder.path(), "intel-rapl:2", "psys", "0\n");
        let counters = counters(folder.path()).unwrap();
        let shown = || counters.iter().map(|counter| counter.microjoules()).collect::<Vec<_>>();
        assert_eq!(shown(), [Some(1_000_000), Some(9_000_000)]);
        assert_eq!(counters[1].limit(), 10_000_000);
        std::fs::remove_file(second.join("energy_uj")).unwrap();
        assert_eq!(shown(), [Some(1_000_000), None]);
    }

    #[test]
    fn why_not_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = counters(&folder.path().join("nowhere")).unwrap_err();
        assert!(missing.starts_with("no energy counters (RAPL) in "), "{missing}");
        zone(folder.path(), "intel-rapl:0", "package-0", "soon\n");
        let damaged = counters(folder.path()).unwrap_err();
        assert!(damaged.contains("energy_uj cannot be read: it is no number"), "{damaged}");
    }
}
