//! Removes what is held for an instance once nobody has asked for it for a while: sources, and renditions that were
//! encoded in advance.

use std::sync::Arc;
use std::time::Duration;

use super::link::Link;
use super::records::ProductionRecord;
use super::trouble::Trouble;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(60);

/// Looks now and then, until the coordinator stops or the instance is left.
pub async fn run(link: Arc<Link>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = link.stop.cancelled() => return,
            () = link.parts.lifecycle.stopping() => return,
        }
        for production in link.desk.productions() {
            if is_over(&link, &production)
                && let Err(error) = close(&link, &production).await
            {
                tracing::warn!(%error, instance = link.url(), "what was held cannot be removed; trying again later");
            }
        }
    }
}

fn is_over(link: &Link, production: &ProductionRecord) -> bool {
    let held_ms = i64::from(link.record().terms.hold_minutes) * 60_000;
    let idle_ms = link.parts.clock.now().since_ms(production.used_at);
    let makes = |job| production.batches.iter().any(|batch| batch.job == job);
    i64::try_from(idle_ms).unwrap_or(i64::MAX) > held_ms
        && !link.orders().iter().filter_map(|order| order.job()).any(makes)
}

/// Removes a production's objects, then its record: in between a crash only repeats the removal.
pub async fn close(link: &Link, production: &ProductionRecord) -> Result<(), Trouble> {
    for batch in &production.batches {
        let job = link.jobs.record(&batch.job).await?;
        if !job.state.is_over() {
            link.jobs.cancel(&batch.job).await?;
        }
    }
    let (parts, bucket) = (&link.parts, &link.parts.bucket);
    let held = parts.storage.list(bucket.name(), &bucket.handover_prefix(&production.id)).await?;
    let objects: Vec<_> = held.iter().filter_map(|entry| bucket.handed(&entry.key)).collect();
    parts.storage.delete(&objects).await?;
    let (used, foreseen) = production.batches.iter().fold((0, 0), |(used, all), batch| {
        (used + batch.used.len() as u64, all + batch.foreseen.len() as u64)
    });
    link.tally(|tally| {
        tally.foreseen_used += used;
        tally.foreseen_wasted += foreseen - used;
    })
    .await;
    link.desk.close(parts, production).await
}
