//! Whether the machine runs on its battery, from Linux's /sys/class/power_supply (sysfs-class-power).

use std::path::Path;

/// Where the kernel shows power supplies.
pub const POWER_SUPPLIES: &str = "/sys/class/power_supply";

/// True when a battery of the machine itself gives power and no mains are connected; none: it has no battery.
pub fn is_in_use(power_supplies: &Path) -> Option<bool> {
    let supplies: Vec<_> =
        std::fs::read_dir(power_supplies).ok()?.flatten().map(|entry| entry.path()).collect();
    let says = |supply: &Path, what: &str, word: &str| {
        std::fs::read_to_string(supply.join(what)).is_ok_and(|text| text.trim() == word)
    };
    // Mice and pens have batteries too, which are of scope "Device".
    let mut own = supplies
        .iter()
        .filter(|one| says(one, "type", "Battery") && !says(one, "scope", "Device"))
        .peekable();
    own.peek()?;
    let is_plugged = supplies.iter().any(|one| !says(one, "type", "Battery") && says(one, "online", "1"));
    Some(!is_plugged && own.any(|one| says(one, "status", "Discharging")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Supplies as `name: file=text file=text`.
    fn check(supplies: &[(&str, &[(&str, &str)])], expected: Option<bool>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, files) in supplies {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            for (file, text) in *files {
                std::fs::write(folder.path().join(name).join(file), format!("{text}\n")).unwrap();
            }
        }
        assert_eq!(is_in_use(folder.path()), expected, "{supplies:?}");
    }

    #[test]
    fn only_the_machine_s_own_battery_counts_and_only_without_mains() {
        let mouse = ("mouse", &[("type", "Battery"), ("scope", "Device"), ("status", "Discharging")][..]);
        let empty = ("BAT0", &[("type", "Battery"), ("status", "Discharging")][..]);
        let full = ("BAT1", &[("type", "Battery"), ("status", "Full")][..]);
        let (plugged, unplugged) = (
            ("AC", &[("type", "Mains"), ("online", "1")][..]),
            ("AC", &[("type", "Mains"), ("online", "0")][..]),
        );
        check(&[], None);
        check(&[mouse, plugged], None);
        check(&[empty, unplugged], Some(true));
        check(&[empty, full], Some(true));
        // A weak charger: the battery helps out.
        check(&[empty, plugged], Some(false));
        check(&[full, unplugged], Some(false));
    }

    #[test]
    fn a_machine_without_supplies_tells_nothing() {
        assert_eq!(is_in_use(Path::new("/nowhere")), None);
    }
}
