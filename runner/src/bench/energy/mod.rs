//! Energy by counters that only rise: those of processors (RAPL) and of NVIDIA devices (NVML). What neither holds, memory,
//! disks, fans and the losses of the power supply, is in no figure.

mod nvml;
mod rapl;

use std::fmt;

pub use rapl::POWERCAP;

/// Whose energy a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A package: cores, caches, and graphics inside it.
    Processor,
    /// A graphics card.
    Nvidia,
}

/// A counter of energy.
pub trait Counter: fmt::Debug + Send + Sync {
    /// Whose.
    fn source(&self) -> Source;
    /// What it shows now; none: it cannot be read any more.
    fn microjoules(&self) -> Option<u64>;
    /// What it holds at most before it begins anew, microjoules.
    fn limit(&self) -> u64;
}

/// All counters of a machine.
#[derive(Debug)]
pub struct Counters(Vec<Box<dyn Counter>>);

/// What the counters showed at some moment, microjoules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading(Vec<u64>);

/// Energy on this machine.
#[derive(Debug)]
pub struct Energy {
    /// What can be read.
    pub counters: Counters,
    /// Why not, of each source that cannot.
    missing: Vec<String>,
}

impl Energy {
    /// Looks for the counters of this machine.
    pub fn find() -> Self {
        Self::of([rapl::counters(POWERCAP.as_ref()), nvml::counters()])
    }

    fn of(found: [Result<Vec<Box<dyn Counter>>, String>; 2]) -> Self {
        let (mut counters, mut missing) = (Vec::new(), Vec::new());
        for found in found {
            match found {
                Ok(found) => counters.extend(found),
                Err(why) => missing.push(why),
            }
        }
        Self { counters: Counters(counters), missing }
    }

    /// Why some cannot be read, in one sentence; none: all can.
    pub fn why_not(&self) -> Option<String> {
        (!self.missing.is_empty()).then(|| self.missing.join("; "))
    }
}

impl Counters {
    /// What they show now; none where one cannot be read any more, or there is none.
    pub fn read(&self) -> Option<Reading> {
        let shown: Option<Vec<u64>> = self.0.iter().map(|counter| counter.microjoules()).collect();
        shown.filter(|shown| !shown.is_empty()).map(Reading)
    }

    /// Joules that went by between two readings.
    pub fn joules(&self, before: &Reading, after: &Reading) -> f64 {
        let spent = self.0.iter().zip(&before.0).zip(&after.0).map(|((counter, before), after)| {
            // One that has begun anew did so once: a round takes minutes even at full load.
            after
                .checked_sub(*before)
                .unwrap_or_else(|| counter.limit().saturating_sub(*before).saturating_add(*after))
        });
        spent.fold(0, u64::saturating_add) as f64 / 1e6
    }

    /// Whose energy they count: "processor", "processor and NVIDIA device"; none: nobody's.
    pub fn sources(&self) -> Option<String> {
        let has = |source| self.0.iter().any(|counter| counter.source() == source);
        match (has(Source::Processor), has(Source::Nvidia)) {
            (true, true) => Some("processor and NVIDIA device".to_owned()),
            (true, false) => Some("processor".to_owned()),
            (false, true) => Some("NVIDIA device".to_owned()),
            (false, false) => None,
        }
    }

    /// Whether they hold the energy of who encodes: software's is the processor's.
    pub fn cover(&self, is_on_nvidia: bool) -> bool {
        self.0.iter().any(|counter| match counter.source() {
            Source::Processor => true,
            Source::Nvidia => is_on_nvidia,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A counter that shows what a test says; `u64::MAX`: it is gone.
    #[derive(Clone, Debug)]
    struct Fake(Source, Arc<AtomicU64>);

    impl Counter for Fake {
        fn source(&self) -> Source {
            self.0
        }

        fn microjoules(&self) -> Option<u64> {
            Some(self.1.load(Ordering::Relaxed)).filter(|shown| *shown != u64::MAX)
        }

        fn limit(&self) -> u64 {
            10_000_000
        }
    }

    fn fake(source: Source, shown: u64) -> Fake {
        Fake(source, Arc::new(AtomicU64::new(shown)))
    }

    fn one(fake: &Fake) -> Result<Vec<Box<dyn Counter>>, String> {
        Ok(vec![Box::new(fake.clone())])
    }

    #[test]
    fn processor_and_device_are_added_up_and_may_begin_anew() {
        let (processor, device) = (fake(Source::Processor, 1_000_000), fake(Source::Nvidia, 9_000_000));
        let energy = Energy::of([one(&processor), one(&device)]);
        assert_eq!(energy.why_not(), None);
        let counters = energy.counters;
        assert_eq!(counters.sources().as_deref(), Some("processor and NVIDIA device"));
        let before = counters.read().unwrap();
        processor.1.store(3_500_000, Ordering::Relaxed);
        device.1.store(500_000, Ordering::Relaxed);
        assert_eq!(counters.joules(&before, &counters.read().unwrap()), 2.5 + 1.5);
        device.1.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(counters.read(), None, "half of it would be too little");
    }

    #[test]
    fn what_is_missing_is_told_and_the_rest_counts() {
        let no = |why: &str| Err(why.to_owned());
        let processor = Energy::of([one(&fake(Source::Processor, 1)), no("no NVML here")]);
        assert_eq!(processor.counters.sources().as_deref(), Some("processor"));
        assert_eq!(processor.why_not().as_deref(), Some("no NVML here"));
        assert!(processor.counters.cover(false) && processor.counters.cover(true));
        let device = Energy::of([no("no RAPL"), one(&fake(Source::Nvidia, 1))]);
        assert_eq!(device.counters.sources().as_deref(), Some("NVIDIA device"));
        assert!(device.counters.cover(true) && !device.counters.cover(false), "software is not its work");
        let nothing = Energy::of([no("no RAPL"), no("no NVML here")]);
        assert_eq!(nothing.why_not().as_deref(), Some("no RAPL; no NVML here"));
        assert_eq!((nothing.counters.read(), nothing.counters.sources()), (None, None));
    }
}
