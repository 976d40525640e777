//! Silence: leases that run out give their tasks back.

use std::time::Duration;

use crate::parts::Parts;

/// Expires leases until the coordinator stops, four times in a lease's life.
pub async fn expire_leases(parts: &Parts) {
    let pause = Duration::from_millis(u64::from(parts.config.leases.lease_ms / 4).clamp(50, 5_000));
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = parts.lifecycle.stopping() => return,
        }
        match parts.store.expire(parts.clock.now()).await {
            Ok(expired) if expired.is_empty() => {}
            Ok(expired) => {
                tracing::warn!(attempts = expired.len(), "leases ran out; their tasks are ready again");
                parts.wake.all();
            }
            Err(error) => tracing::error!(%error, "leases could not be expired"),
        }
    }
}
