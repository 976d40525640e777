//! Who should work on what: the rules behind a claim, as pure functions of figures. The store asks them within its
//! transaction and a simulation can ask them without a store.
//!
//! ```text
//!  priority ........... lower first, always
//!  tenant ............. start-time fair queuing by weight            fair
//!  job ................ earliest due: submitted + expected work left  fair
//!  task ............... longest chain first, sound before all         work::ranks
//!  is it for me? ...... not if a faster runner ends it sooner         patience
//!  nothing ready? ..... a second try of a task that takes too long    copies
//! ```
//! Expected times come from speeds measured in pixels per second (`speed`). None of this decides what is right, only
//! what is fast: a wrong estimate costs time, never a byte.

pub mod copies;
pub mod fair;
pub mod patience;
pub mod speed;

use std::collections::BTreeMap;

/// The tenant of a job for which none is named.
pub const DEFAULT_TENANT: &str = "default";

/// Longest name of a tenant, bytes.
const MAX_TENANT_BYTES: usize = 64;

/// Says what is wrong with a tenant's name.
pub fn check_tenant(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match (1..=MAX_TENANT_BYTES).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(()),
        false => Err("a tenant is 1 to 64 letters, digits, dots, dashes and underscores"),
    }
}

/// What an admin can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Shares of tenants in a fleet that all of them want; one that is not named has 1.
    pub weights: BTreeMap<String, u32>,
    /// Try tasks that take too long a second time, where that ends sooner.
    pub duplicate_stragglers: bool,
    /// Leave tasks for faster runners that would end them sooner.
    pub earliest_finish: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { weights: BTreeMap::new(), duplicate_stragglers: true, earliest_finish: true }
    }
}

impl Policy {
    /// A tenant's share.
    pub fn weight(&self, tenant: &str) -> u32 {
        self.weights.get(tenant).copied().unwrap_or(1).max(1)
    }
}
