//! NVIDIA's counters (NVML), one of each graphics card that has one: millijoules since the driver was loaded, of the whole
//! card. The library comes with the driver and is loaded only here, so that machines without it lack nothing.

use std::sync::Arc;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::{Counter, Source};

#[derive(Debug)]
struct Card {
    library: Arc<Nvml>,
    /// Position in the library's list.
    index: u32,
}

/// The counters of all cards that have one; the error says in one sentence why there is none.
pub fn counters() -> Result<Vec<Box<dyn Counter>>, String> {
    let library = Nvml::init().map_err(|error| format!("no NVML here: {}", words(&error)))?;
    let library = Arc::new(library);
    let count = library.device_count().map_err(|error| format!("NVML lists no cards: {}", words(&error)))?;
    let card = |index| Card { library: library.clone(), index };
    let cards = (0..count).map(card).filter(|card| card.microjoules().is_some());
    let counters: Vec<Box<dyn Counter>> = cards.map(|card| Box::new(card) as Box<dyn Counter>).collect();
    match counters.is_empty() {
        true => Err("no NVIDIA card here counts its energy".to_owned()),
        false => Ok(counters),
    }
}

impl Counter for Card {
    fn source(&self) -> Source {
        Source::Nvidia
    }

    fn microjoules(&self) -> Option<u64> {
        let card = self.library.device_by_index(self.index).ok()?;
        Some(card.total_energy_consumption().ok()?.saturating_mul(1000))
    }

    /// 64 bits of millijoules outlast any card.
    fn limit(&self) -> u64 {
        u64::MAX
    }
}

/// Without what the loader says of files that it looked for.
fn words(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) => "the driver's library is not installed".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_the_driver_is_told_so() {
        match counters() {
            // The cards of whoever runs this.
            Ok(counters) => assert!(counters.iter().all(|counter| counter.source() == Source::Nvidia)),
            Err(why) => assert!(why.contains("NVML") || why.contains("no NVIDIA card"), "{why}"),
        }
    }
}
