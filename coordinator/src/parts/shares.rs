//! Shares of tenants that become known while the coordinator runs: those of instances.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// Weights by tenant.
#[derive(Debug, Default)]
pub struct Shares(RwLock<BTreeMap<String, u32>>);

impl Shares {
    /// A tenant's weight from now on.
    pub fn set(&self, tenant: &str, weight: u32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.to_owned(), weight);
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, u32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
