//! The rules of scheduling, at hand for every call of a runner: those of the configuration, and the shares of instances, which
//! become known while the coordinator runs.

use std::sync::{PoisonError, RwLock};

use crate::config::Config;
use crate::domain::dispatch::Policy;

/// The rules as they are now.
#[derive(Debug)]
pub struct Shares {
    policy: RwLock<Policy>,
    /// Tenants that the configuration names keep the weight that stands there.
    settled: Vec<String>,
}

impl Shares {
    /// Those of the configuration.
    pub fn of(config: &Config) -> Self {
        let settled = config.tenants.iter().map(|tenant| tenant.name.clone()).collect();
        Self { policy: RwLock::new(config.policy()), settled }
    }

    /// A tenant's weight from now on.
    pub fn set(&self, tenant: &str, weight: u32) {
        if self.settled.iter().all(|name| name != tenant) {
            let mut policy = self.policy.write().unwrap_or_else(PoisonError::into_inner);
            policy.weights.insert(tenant.to_owned(), weight);
        }
    }

    /// All rules.
    pub fn policy(&self) -> Policy {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tenant;

    #[test]
    fn a_tenant_of_the_configuration_keeps_its_weight() {
        let tenant = Tenant { name: "settled".into(), weight: 3 };
        let shares = Shares::of(&Config { tenants: vec![tenant], ..Config::default() });
        for (tenant, weight) in [("settled", 9), ("instance", 2), ("instance", 5)] {
            shares.set(tenant, weight);
        }
        let policy = shares.policy();
        assert_eq!((policy.weight("settled"), policy.weight("instance"), policy.weight("other")), (3, 5, 1));
    }
}
