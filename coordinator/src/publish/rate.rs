//! A leaky bucket over a joined rendition: whether a player with the planned buffer, filled at the planned
//! rate, would run dry. Chunks are encoded apart, each with a full buffer of its own, so their seams can
//! spend more than the plan's cap says; the bucket tells by how much. Counted a fragment (one GOP) at a time.

use serde::Serialize;

use super::joined::Placed;
use crate::domain::plan::Rendition;

/// A cap on a rendition's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// What drains, bit/s.
    pub max_bitrate_bps: u64,
    /// What fits, bits.
    pub buffer_bits: u64,
}

impl Cap {
    /// The cap that a rendition's encoder was given; none when it had none. Without a stated buffer it is two
    /// seconds.
    pub fn of(rendition: &Rendition) -> Option<Self> {
        let setting = |name| rendition.settings.get(name).and_then(|value| value.parse::<u64>().ok());
        let max_bitrate_bps = setting("maxrate").unwrap_or(rendition.max_bitrate_bps);
        let buffer_bits = setting("bufsize").unwrap_or(max_bitrate_bps.saturating_mul(2));
        (max_bitrate_bps > 0).then_some(Self { max_bitrate_bps, buffer_bits })
    }
}

/// What the simulation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Nothing overflowed.
    pub bucket_ok: bool,
    /// Cap that was simulated, bit/s.
    pub max_bitrate_bps: u64,
    /// Buffer that was simulated, bits.
    pub buffer_bits: u64,
    /// Highest fill after any GOP, bits.
    pub peak_fill_bits: u64,
    /// How far the highest fill is above the buffer, bits; 0 when it holds.
    pub overflow_bits: u64,
}

/// Pours the fragments into the bucket in order.
pub fn simulate(cap: Cap, timescale: u32, fragments: &[Placed]) -> Bucket {
    // In bits times the timescale: exact for any rate.
    let timescale = u128::from(timescale.max(1));
    let (mut fill, mut peak) = (0_u128, 0_u128);
    for fragment in fragments {
        let poured = u128::from(fragment.size_bytes) * 8 * timescale;
        let drained = u128::from(cap.max_bitrate_bps) * u128::from(fragment.duration);
        fill = (fill + poured).saturating_sub(drained);
        peak = peak.max(fill);
    }
    let peak_fill_bits = u64::try_from(peak.div_ceil(timescale)).unwrap_or(u64::MAX);
    let overflow_bits = peak_fill_bits.saturating_sub(cap.buffer_bits);
    let Cap { max_bitrate_bps, buffer_bits } = cap;
    Bucket { bucket_ok: overflow_bits == 0, max_bitrate_bps, buffer_bits, peak_fill_bits, overflow_bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    /// Fragments of one second, in kilobits, against 1 Mbit/s with a buffer of 2 Mbit.
    fn check(kilobits: &[u32], peak_kilobits: u64, bucket_ok: bool) {
        let fragments: Vec<_> = kilobits.iter().map(|kilobits| (90_000, kilobits * 125)).collect();
        let joined = fixtures::joined("720p", 90_000, &fragments);
        let cap = Cap { max_bitrate_bps: 1_000_000, buffer_bits: 2_000_000 };
        let bucket = simulate(cap, 90_000, &joined.fragments);
        assert_eq!(
            (bucket.peak_fill_bits, bucket.bucket_ok),
            (peak_kilobits * 1000, bucket_ok),
            "{kilobits:?}"
        );
        assert_eq!(bucket.overflow_bits, (peak_kilobits * 1000).saturating_sub(2_000_000));
    }

    #[test]
    fn the_bucket_holds_bursts_up_to_its_size() {
        check(&[1000, 1000, 1000], 0, true);
        check(&[3000, 1000], 2000, true);
        check(&[3000, 500, 1500], 2000, true);
        check(&[2000, 2000, 2000], 3000, false);
        check(&[500, 500, 3001], 2001, false);
    }
}
