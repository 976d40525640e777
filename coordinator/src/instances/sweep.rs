//! Objects below `instances/` whose production nobody knows: a kill, or a job that was taken from us, came between them and
//! the note. They are found by listing, as copies of sources are (`scheduler/sources`), after the same time.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use super::records::{self, ProductionRecord};
use super::trouble::Trouble;
use super::{Instances, locked};
use crate::clock::new_id;
use crate::domain::{JobId, Timestamp};
use crate::objects::Location;
use crate::scheduler;

/// Between two sweeps.
const PAUSE: Duration = Duration::from_secs(600);

/// Ids of productions whose copies are being made: nothing is noted of them yet, however long it takes.
#[derive(Default)]
pub struct Arrivals(Mutex<HashSet<JobId>>);

impl Arrivals {
    /// A new production, on its way until this is dropped.
    pub fn begin(&self) -> Arrival<'_> {
        let id: JobId = new_id();
        locked(&self.0).insert(id.clone());
        Arrival { id, among: self }
    }
}

/// A production that is on its way.
pub struct Arrival<'a> {
    /// Its id.
    pub id: JobId,
    among: &'a Arrivals,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        locked(&self.among.0).remove(&self.id);
    }
}

/// Sweeps at start and now and then, until the coordinator stops.
pub async fn run(instances: Instances) {
    loop {
        if let Err(error) = sweep(&instances).await {
            tracing::warn!(%error, "what nobody knows of instances could not be swept; trying again later");
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = instances.parts.lifecycle.stopping() => return,
        }
    }
}

async fn sweep(instances: &Instances) -> Result<(), Trouble> {
    let (storage, bucket) = (&instances.parts.storage, &instances.parts.bucket);
    let objects = storage.list(bucket.name(), bucket.handovers_prefix()).await?;
    let uploads = storage.list_uploads(bucket.name(), bucket.handovers_prefix()).await?;
    // Later than the listing: what arrives meanwhile is not in it.
    let known = known(instances).await?;
    let now = instances.parts.clock.now();
    let orphan = |key: &str| {
        let production = bucket.production_of(key)?;
        is_orphan(&production, &known, now).then(|| bucket.handed(key))?
    };
    for upload in &uploads {
        if let Some(at) = orphan(&upload.key) {
            storage.abort_upload(&at, &upload.upload_id).await?;
        }
    }
    let unwanted: Vec<Location> = objects.iter().filter_map(|object| orphan(&object.key)).collect();
    if !unwanted.is_empty() {
        storage.delete(&unwanted).await?;
        tracing::info!(count = unwanted.len(), "objects of instances that nobody knew are removed");
    }
    Ok(())
}

/// Productions that are noted or on their way. Those on their way are looked at first: noted is what they become.
async fn known(instances: &Instances) -> Result<HashSet<JobId>, Trouble> {
    let links: Vec<_> = locked(&instances.links).values().cloned().collect();
    let mut known = HashSet::new();
    for link in &links {
        known.extend(locked(&link.desk.arrivals.0).iter().cloned());
    }
    // Not from the desks: an instance that is left out of this run has none.
    let noted: Vec<ProductionRecord> = records::all(instances.parts.store.as_ref()).await?;
    known.extend(noted.into_iter().map(|production| production.id));
    Ok(known)
}

fn is_orphan(production: &JobId, known: &HashSet<JobId>, now: Timestamp) -> bool {
    !known.contains(production) && scheduler::is_old(production.made_at(), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_known_however_long_it_takes() {
        let arrivals = Arrivals::default();
        let arrival = arrivals.begin();
        let id = arrival.id.clone();
        let is_orphan_after = |hours: i64| {
            let now = id.made_at().expect("an id of ours").plus_ms(hours * 3600 * 1000);
            is_orphan(&id, &locked(&arrivals.0), now)
        };
        assert!(!is_orphan_after(1000));
        drop(arrival);
        assert_eq!((is_orphan_after(23), is_orphan_after(25)), (false, true));
        assert!(!is_orphan(&"by-hand".parse().unwrap(), &HashSet::new(), Timestamp(i64::MAX)));
    }
}
