//! Energy by the processor's own counters (RAPL), which the kernel shows as files: microjoules that only rise, and begin
//! anew at a limit. A package holds cores, caches and graphics; memory beside it and the rest of the machine are not in it.

use std::io;
use std::path::{Path, PathBuf};

/// Where the kernel shows them.
pub const POWERCAP: &str = "/sys/class/powercap";

/// The counters of all processor packages.
#[derive(Debug)]
pub struct Counters {
    packages: Vec<Package>,
}

#[derive(Debug)]
struct Package {
    counter: PathBuf,
    /// What the counter holds at most, microjoules.
    limit: u64,
}

/// What the counters showed at some moment, microjoules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading(Vec<u64>);

impl Counters {
    /// The counters below a folder; the error says in one sentence why energy cannot be measured.
    pub fn find(powercap: &Path) -> Result<Self, String> {
        let zones = std::fs::read_dir(powercap)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>())
            .unwrap_or_default();
        let mut zones: Vec<_> = zones.into_iter().filter(|zone| is_package(zone)).collect();
        zones.sort();
        if zones.is_empty() {
            return Err(format!("no energy counters (RAPL) in {}", powercap.display()));
        }
        let package = |zone: &PathBuf| {
            let counter = zone.join("energy_uj");
            number(&counter).map_err(|error| refused(&counter, &error))?;
            let limit = number(&zone.join("max_energy_range_uj")).unwrap_or(0);
            Ok(Package { counter, limit })
        };
        Ok(Self { packages: zones.iter().map(package).collect::<Result<_, String>>()? })
    }

    /// What they show now; none where one cannot be read any more.
    pub fn read(&self) -> Option<Reading> {
        self.packages.iter().map(|package| number(&package.counter).ok()).collect::<Option<_>>().map(Reading)
    }

    /// Joules that went by between two readings.
    pub fn joules(&self, before: &Reading, after: &Reading) -> f64 {
        let spent = self.packages.iter().zip(&before.0).zip(&after.0).map(|((package, before), after)| {
            // One that has begun anew did so once: a round takes minutes even at full load.
            after
                .checked_sub(*before)
                .unwrap_or_else(|| package.limit.saturating_sub(*before).saturating_add(*after))
        });
        spent.fold(0, u64::saturating_add) as f64 / 1e6
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
    fn packages_are_added_up_and_may_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let first = zone(folder.path(), "intel-rapl:0", "package-0", "1000000\n");
        let second = zone(folder.path(), "intel-rapl:1", "package-1", "9000000\n");
        zone(folder.path(), "intel-rapl:0:0", "core", "0\n");
        zone(folder.path(), "intel-rapl:2", "psys", "0\n");
        let counters = Counters::find(folder.path()).unwrap();
        let before = counters.read().unwrap();
        assert_eq!(before, Reading(vec![1_000_000, 9_000_000]));
        std::fs::write(first.join("energy_uj"), "3500000\n").unwrap();
        std::fs::write(second.join("energy_uj"), "500000\n").unwrap();
        assert_eq!(counters.joules(&before, &counters.read().unwrap()), 2.5 + 1.5);
        std::fs::remove_file(first.join("energy_uj")).unwrap();
        assert_eq!(counters.read(), None);
    }

    #[test]
    fn why_not_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Counters::find(&folder.path().join("nowhere")).unwrap_err();
        assert!(missing.starts_with("no energy counters (RAPL) in "), "{missing}");
        zone(folder.path(), "intel-rapl:0", "package-0", "soon\n");
        let damaged = Counters::find(folder.path()).unwrap_err();
        assert!(damaged.contains("energy_uj cannot be read: it is no number"), "{damaged}");
    }
}
