//! Plans read lately. They never change, so they are kept at hand; the store has them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::domain::{JobId, Plan};
use crate::store::{Result, Store, StoreError};

/// Plans kept at hand; when there are more, all are read again as needed.
const AT_HAND: usize = 64;

/// Plans by job.
#[derive(Debug, Default)]
pub struct Plans(Mutex<HashMap<JobId, Arc<Plan>>>);

impl Plans {
    /// The plan of a job, from memory or the store.
    pub async fn of(&self, store: &dyn Store, job_id: &JobId) -> Result<Arc<Plan>> {
        let at_hand = self.0.lock().expect("no holder panics").get(job_id).cloned();
        if let Some(plan) = at_hand {
            return Ok(plan);
        }
        let plan = store.plan(job_id).await?;
        let plan = Arc::new(plan.ok_or_else(|| StoreError::Corrupt(format!("job {job_id} has no plan")))?);
        let mut plans = self.0.lock().expect("no holder panics");
        if plans.len() >= AT_HAND {
            plans.clear();
        }
        plans.insert(job_id.clone(), plan.clone());
        Ok(plan)
    }
}
