//! Small conversions from the wire: leases, capabilities, fractions, failure classes, usage.

use flotilla_proto::fleet as wire;

use crate::domain::outcome::Usage;
use crate::domain::runner::{Capabilities, Encoder};
use crate::domain::{FailureClass, LeaseRef, Rational, Token};

/// A lease as a runner names it; none when it is no lease at all.
pub fn lease(lease: &wire::LeaseRef) -> Option<LeaseRef> {
    let attempt_id = lease.attempt_id.parse().ok()?;
    Some(LeaseRef { attempt_id, token: Token::new(lease.token.clone()), epoch: lease.epoch })
}

/// What a runner offers.
pub fn capabilities(offer: wire::Capabilities) -> Capabilities {
    let encoder = |encoder: wire::Encoder| Encoder {
        name: encoder.name,
        fingerprint: encoder.fingerprint,
        version: encoder.version,
        pixels_per_second: encoder.pixels_per_second,
        device: encoder.device,
        sessions: encoder.sessions,
    };
    Capabilities {
        version: offer.version,
        slots: offer.slots,
        encoders: offer.encoders.into_iter().map(encoder).collect(),
        cpu_count: offer.cpu_count,
        memory_bytes: offer.memory_bytes,
        machine: offer.machine,
    }
}

/// A fraction; none when it is missing or has no denominator.
pub fn rational(fraction: Option<wire::Rational>) -> Option<Rational> {
    let fraction = fraction?;
    Rational::new(fraction.numerator, fraction.denominator)
}

/// Whose fault a runner says a failure is.
pub fn failure_class(class: wire::FailureClass) -> FailureClass {
    match class {
        wire::FailureClass::Source => FailureClass::Source,
        wire::FailureClass::Profile => FailureClass::Profile,
        wire::FailureClass::Transient => FailureClass::Transient,
        wire::FailureClass::Runner => FailureClass::Runner,
        wire::FailureClass::Crash => FailureClass::Crash,
        wire::FailureClass::Verify => FailureClass::Verify,
        wire::FailureClass::Returned => FailureClass::Returned,
        wire::FailureClass::Storage => FailureClass::Storage,
        wire::FailureClass::Device => FailureClass::Device,
        // Sent by a newer runner: retried a few times, like a fault of ours.
        wire::FailureClass::Internal | wire::FailureClass::Unspecified => FailureClass::Internal,
    }
}

/// What an attempt cost.
pub fn usage(usage: wire::Usage) -> Usage {
    Usage {
        cpu_ms: usage.cpu_ms,
        ran_ms: usage.ran_ms,
        transferred_ms: usage.transferred_ms,
        bytes_downloaded: usage.bytes_downloaded,
        bytes_uploaded: usage.bytes_uploaded,
        peak_memory_bytes: usage.peak_memory_bytes,
    }
}
