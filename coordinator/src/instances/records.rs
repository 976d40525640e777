//! What must survive kill -9 of a coordinator that works for instances: kept as notes in the store.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::habits::{Form, Habits, Menu, Rung};
use crate::config::Terms;
use crate::domain::{JobId, Timestamp};
use crate::objects::Location;
use crate::store::{Note, Result, Store, StoreError};

/// A record that is kept under a kind and a key.
pub trait Kept: Serialize + DeserializeOwned {
    /// Kind of its notes.
    const KIND: &'static str;
    /// Its key.
    fn key(&self) -> String;
}

/// Writes a record, over its earlier self.
pub async fn keep<T: Kept>(store: &dyn Store, record: &T) -> Result<()> {
    let body = serde_json::to_string(record).expect("records have a JSON form");
    store.keep_note(Note { kind: T::KIND.to_owned(), key: record.key(), body }).await
}

/// Removes a record.
pub async fn forget<T: Kept>(store: &dyn Store, record: &T) -> Result<()> {
    store.drop_note(T::KIND, &record.key()).await
}

/// All records of a kind.
pub async fn all<T: Kept>(store: &dyn Store) -> Result<Vec<T>> {
    let read = |note: Note| {
        serde_json::from_str(&note.body)
            .map_err(|error| StoreError::Corrupt(format!("{} {}: {error}", note.kind, note.key)))
    };
    store.notes(T::KIND).await?.into_iter().map(read).collect()
}

/// An instance at which this coordinator is registered as a runner. Holds its token: no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Its URL, without a path.
    pub url: String,
    /// Name of the runner there.
    pub name: String,
    /// What the instance gave for it.
    pub runner_token: String,
    /// What the admin has settled.
    pub terms: Terms,
    /// Why nothing is asked for there any more, for people.
    #[serde(default)]
    pub trouble: Option<String>,
    /// What it usually asks for.
    #[serde(default)]
    pub habits: Habits,
    /// What was done for it.
    #[serde(default)]
    pub tally: Tally,
}

impl Kept for InstanceRecord {
    const KIND: &'static str = "peertube-instance";

    fn key(&self) -> String {
        self.url.clone()
    }
}

/// Counts since registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Jobs answered with a result.
    pub answered: u64,
    /// Jobs given back without harm.
    pub aborted: u64,
    /// Jobs whose source was at fault.
    pub failed: u64,
    /// Jobs that ended elsewhere while we worked on them.
    pub lost: u64,
    /// Bytes of sources fetched.
    pub fetched_bytes: u64,
    /// Bytes of results sent.
    pub sent_bytes: u64,
    /// Renditions encoded in advance and asked for later.
    pub foreseen_used: u64,
    /// Renditions encoded in advance and never asked for.
    pub foreseen_wasted: u64,
}

/// A job of an instance that we have accepted. Holds its token: no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct OrderRecord {
    /// URL of the instance.
    pub instance: String,
    /// The instance's id of the job.
    pub uuid: String,
    /// What the instance gave for it.
    pub job_token: String,
    /// As the instance names it: `vod-hls-transcoding`.
    pub kind: String,
    /// As the instance sent it.
    pub payload: serde_json::Value,
    /// Lower runs first.
    pub priority: i32,
    /// When.
    pub accepted_at: Timestamp,
    /// The fleet's job that makes it, once there is one.
    #[serde(default)]
    pub job: Option<JobId>,
    /// Its answer is on the way, or was when we were killed.
    #[serde(default)]
    pub answering: bool,
}

impl Kept for OrderRecord {
    const KIND: &'static str = "peertube-order";

    fn key(&self) -> String {
        format!("{} {}", self.instance, self.uuid)
    }
}

/// Tells files apart without reading them whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Length.
    pub size_bytes: u64,
    /// SHA-256 of the first [`HEAD_BYTES`], hexadecimal.
    pub head: String,
}

impl Identity {
    /// Of a source in two files.
    pub fn with(&self, beside: &Self) -> Self {
        let heads = format!("{} {}", self.head, beside.head);
        let size_bytes = self.size_bytes.saturating_add(beside.size_bytes);
        Self { size_bytes, head: hex::encode(Sha256::digest(heads)) }
    }
}

/// Of a file, so much is looked at to recognize it: it holds the index of a progressive MP4, which depends on every frame.
pub const HEAD_BYTES: u64 = 64 << 10;

/// All that is made from one source of an instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductionRecord {
    /// Its id, part of the keys of its objects.
    pub id: JobId,
    /// URL of the instance.
    pub instance: String,
    /// What the source looks like.
    pub source: Identity,
    /// Our copy of it.
    pub source_at: Location,
    /// Our copy of its sound, where that lies in a file of its own.
    #[serde(default)]
    pub sound_at: Option<Location>,
    /// Our copy of the picture that is shown while the source, a sound, lasts.
    #[serde(default)]
    pub picture_at: Option<Location>,
    /// The largest rendition of those asked for first; none yet: [`Rung::NONE`].
    pub top: Rung,
    /// Renditions of it that we have sent: the instance may hand them back as sources of further jobs.
    pub sent: Vec<Identity>,
    /// The fleet's jobs, oldest first.
    pub batches: Vec<Batch>,
    /// When it was last of use.
    pub used_at: Timestamp,
}

impl Kept for ProductionRecord {
    const KIND: &'static str = "peertube-production";

    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// One job of the fleet for a production.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Which.
    pub job: JobId,
    /// What it makes.
    pub menu: Menu,
    /// What of it nobody had asked for when it began.
    pub foreseen: BTreeSet<Rung>,
    /// What of that was asked for since.
    pub used: BTreeSet<Rung>,
}

impl Batch {
    /// It makes that. No rung: the sound alone.
    pub fn makes(&self, rung: Option<Rung>, form: Form) -> bool {
        match rung {
            Some(rung) => self.menu.rungs.contains(&rung) && self.menu.forms.contains(&form),
            // Where there is a playlist's sound, there is a file of it.
            None => self.menu.forms.contains(&Form::Separate),
        }
    }
}
