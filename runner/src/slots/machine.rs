//! The machine under the runner, as it is told to the coordinator and to people.

use std::num::NonZeroU32;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Memory that a task must have at least; a ladder of a 1080p chunk takes half of it.
const SLOT_MEMORY_BYTES: u64 = 1 << 30;

/// Processor, memory and operating system.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Machine {
    /// Logical processors that this process may use.
    pub cpu_count: u32,
    /// Memory that this process may use: the machine's, or its control group's where that is less.
    pub memory_bytes: u64,
    /// "Debian 12, x86_64, AMD EPYC 7B13".
    pub description: String,
}

impl Machine {
    /// Looks at this machine.
    pub fn examine() -> Self {
        let what = RefreshKind::nothing()
            .with_memory(MemoryRefreshKind::nothing().with_ram())
            .with_cpu(CpuRefreshKind::nothing());
        let system = System::new_with_specifics(what);
        let limit = system.cgroup_limits().map(|limits| limits.total_memory).filter(|limit| *limit > 0);
        let cpu_count = std::thread::available_parallelism().map_or(1, |count| count.get());
        let brand = system.cpus().first().map(|cpu| cpu.brand().trim()).unwrap_or_default();
        let os = System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned());
        let parts = [os.as_str(), std::env::consts::ARCH, brand];
        Self {
            cpu_count: u32::try_from(cpu_count).unwrap_or(u32::MAX),
            memory_bytes: limit.map_or(system.total_memory(), |limit| limit.min(system.total_memory())),
            description: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        }
    }

    /// Tasks at a time when nobody says otherwise: one per processor, as far as memory goes.
    pub fn slot_count(&self) -> NonZeroU32 {
        let by_memory = u32::try_from(self.memory_bytes / SLOT_MEMORY_BYTES).unwrap_or(u32::MAX);
        NonZeroU32::new(self.cpu_count.min(by_memory)).unwrap_or(NonZeroU32::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_bounded_by_processors_and_memory() {
        let table = [(8, 64, 8), (8, 3, 3), (4, 0, 1), (1, 64, 1)];
        for (cpu_count, memory_gib, expected) in table {
            let machine = Machine { cpu_count, memory_bytes: memory_gib << 30, description: String::new() };
            assert_eq!(machine.slot_count().get(), expected, "{cpu_count} processors, {memory_gib} GiB");
        }
    }
}
