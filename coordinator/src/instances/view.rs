//! Instances as people and scripts see them: the JSON of the REST interface and of `--json`. No token is in it.

use serde::{Deserialize, Serialize};

use super::link::Link;
use super::records::Tally;
use super::{named, want};
use crate::config::{PeertubeInstance, Terms};
use crate::domain::{JobId, Timestamp};

/// An instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Its URL.
    pub url: String,
    /// Name of the runner there.
    pub name: String,
    /// Its name among the fleet's tenants.
    pub tenant: String,
    /// Why nothing is asked for there any more.
    pub trouble: Option<String>,
    /// Why it gave no jobs when it was last asked, though it will be asked again; none: it answered.
    #[serde(default)]
    pub away: Option<String>,
    /// How it is served.
    pub terms: Terms,
    /// Its jobs that we work on.
    pub orders: Vec<OrderView>,
    /// Counts since registration.
    pub tally: Tally,
}

/// An accepted job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderView {
    /// The instance's id.
    pub uuid: String,
    /// As the instance names it.
    pub kind: String,
    /// Lower runs first.
    pub priority: i32,
    /// When, milliseconds since the Unix epoch.
    pub accepted_at: Timestamp,
    /// Per cent.
    pub progress: u8,
    /// The fleet's job that makes it.
    pub job: Option<JobId>,
}

/// One that we are to work for, and are not known to yet.
pub(super) fn unregistered(wanted: &PeertubeInstance) -> InstanceView {
    let url = named(&wanted.url);
    InstanceView {
        tenant: want::tenant(&url),
        url,
        name: wanted.name.clone(),
        trouble: None,
        away: None,
        terms: wanted.terms.clone(),
        orders: Vec::new(),
        tally: Tally::default(),
    }
}

pub(super) fn of(link: &Link) -> InstanceView {
    let record = link.record();
    let orders = link.orders().into_iter().map(|order| OrderView {
        uuid: order.record.uuid.clone(),
        kind: order.record.kind.clone(),
        priority: order.record.priority,
        accepted_at: order.record.accepted_at,
        progress: order.progress(),
        job: order.job(),
    });
    InstanceView {
        orders: orders.collect(),
        tenant: link.tenant.clone(),
        url: record.url,
        name: record.name,
        away: link.away(),
        trouble: record.trouble,
        terms: record.terms,
        tally: record.tally,
    }
}
