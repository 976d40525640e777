//! Configuration: defaults that run on one machine without a file, a TOML file over them, environment and flags over
//! that. Unknown keys are refused, all problems are reported at once, secrets never appear in `Debug` output.

mod load;
mod peertube;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::Limits;
use crate::domain::dispatch::Policy;
pub use load::ConfigError;
pub use peertube::{PeertubeInstance, Terms, Transcription};
pub use secret::Secret;

/// Everything that a coordinator can be told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses.
    pub server: Server,
    /// Where state lies on this machine.
    pub data: Data,
    /// Where objects lie.
    pub storage: Storage,
    /// How long runners may be silent.
    pub leases: Leases,
    /// Where profiles are looked for.
    pub profiles: Profiles,
    /// How sources are cut.
    pub planning: Planning,
    /// How results are shown.
    pub publishing: Publishing,
    /// What sources may be at most.
    pub limits: Limits,
    /// Who works on what.
    pub scheduling: Scheduling,
    /// Shares in the fleet, one `[[tenants]]` each; a tenant that is not named has weight 1.
    pub tenants: Vec<Tenant>,
    /// Captions for instances.
    pub transcription: Transcription,
    /// Instances to work for, one `[[peertube]]` each.
    pub peertube: Vec<PeertubeInstance>,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address for runners (gRPC), people (REST) and the embedded object store. Port 0: any free one.
    pub listen: SocketAddr,
    /// Under which URL runners reach this coordinator, when it is not the address listened on: behind a TLS proxy,
    /// for example `https://fleet.example.org`.
    pub public_url: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 7400)), public_url: None }
    }
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Folder for the database, the admin token and the embedded object store.
    pub dir: PathBuf,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: PathBuf::from("flotilla-data") }
    }
}

/// `[storage]`: the embedded store unless an endpoint is named.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// URL of an S3 server, for example `https://s3.example.org`. None: the embedded one.
    pub endpoint: Option<String>,
    /// Under which URL runners reach that server, when it is another one.
    pub public_endpoint: Option<String>,
    /// As the server wants it.
    pub region: String,
    /// Bucket for sources, scratch objects and, unless a job says otherwise, results.
    pub bucket: String,
    /// `https://host/bucket/key` instead of `https://bucket.host/key`.
    pub path_style: bool,
    /// Access key id. Also from FLOTILLA_S3_ACCESS_KEY.
    pub access_key: Option<String>,
    /// Secret key. Also from FLOTILLA_S3_SECRET_KEY.
    pub secret_key: Option<Secret>,
    /// File that holds the secret key, instead.
    pub secret_key_file: Option<PathBuf>,
    /// Size of the parts in which runners upload, MiB; S3 wants at least 5.
    pub part_size_mib: u32,
    /// Life of a presigned URL, seconds.
    pub grant_seconds: u64,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            endpoint: None,
            public_endpoint: None,
            region: "us-east-1".into(),
            bucket: "flotilla".into(),
            path_style: true,
            access_key: None,
            secret_key: None,
            secret_key_file: None,
            part_size_mib: 8,
            grant_seconds: 6 * 3600,
        }
    }
}

/// `[leases]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Leases {
    /// Life of a lease without renewal, milliseconds.
    pub lease_ms: u32,
    /// After so long without an answer a runner stops its attempts by itself, milliseconds; less than `lease_ms`.
    pub self_stop_ms: u32,
    /// Longest time that a runner's call is held, milliseconds; less than `self_stop_ms`.
    pub hold_ms: u32,
}

impl Default for Leases {
    fn default() -> Self {
        let lease_ms = u32::try_from(crate::domain::lease::LEASE_MS).expect("the constant is small");
        Self { lease_ms, self_stop_ms: crate::domain::lease::SELF_STOP_MS, hold_ms: 10_000 }
    }
}

/// `[profiles]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profiles {
    /// Folder of `*.toml` profiles that add to the shipped ones or replace them.
    pub dir: Option<PathBuf>,
}

/// `[scheduling]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduling {
    /// Try tasks that take too long a second time on an idle runner, where that ends sooner.
    pub duplicate_stragglers: bool,
}

impl Default for Scheduling {
    fn default() -> Self {
        Self { duplicate_stragglers: true }
    }
}

/// `[[tenants]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// As jobs name it.
    pub name: String,
    /// Its share beside those of the others; at least 1.
    pub weight: u32,
}

impl Config {
    /// What the admin has chosen for scheduling.
    pub fn policy(&self) -> Policy {
        Policy {
            weights: self.tenants.iter().map(|tenant| (tenant.name.clone(), tenant.weight)).collect(),
            duplicate_stragglers: self.scheduling.duplicate_stragglers,
            ..Policy::default()
        }
    }
}

/// `[planning]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Planning {
    /// Length of a chunk, seconds. None: by the length of the video and the size of the fleet.
    pub chunk_seconds: Option<u32>,
}

/// `[publishing]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Publishing {
    /// Jobs that say nothing of it are shown while they are being encoded.
    pub progressive: bool,
}
