//! Where an order's source comes from: a production that has it already, or the instance.

use super::desk::Copies;
use super::fetch;
use super::link::Link;
use super::order::Order;
use super::records::{Identity, ProductionRecord};
use super::send::patiently;
use super::trouble::Trouble;
use super::want::Companion;
use crate::objects::Location;

/// Share of an order's whole that fetching takes, per cent.
pub const FETCHED: u64 = 10;

/// Where the instance keeps a source.
#[derive(Clone, Copy)]
pub struct Urls<'a> {
    /// Of the source itself, or of its pictures.
    pub source: &'a str,
    /// And what belongs to it.
    pub beside: &'a Option<Companion>,
}

/// What the files of a source look like.
pub struct Identities {
    file: Identity,
    beside: Option<Identity>,
}

impl Identities {
    /// Asks the instance for their beginnings.
    pub async fn of(link: &Link, order: &Order, source: Urls<'_>) -> Result<Self, Trouble> {
        let identify = async |url: &str| patiently(|| fetch::identify(&link.runner, &order.token, url)).await;
        let file = identify(source.source).await?;
        let beside = match source.beside {
            Some(Companion::Sound(url)) => Some(identify(url).await?),
            Some(Companion::Picture(url)) => {
                Some(identify(url).await.map_err(|error| of_picture(error.into()))?)
            }
            None => None,
        };
        Ok(Self { file, beside })
    }

    /// Of all of it.
    pub fn whole(&self) -> Identity {
        self.beside.as_ref().map_or_else(|| self.file.clone(), |beside| self.file.with(beside))
    }
}

/// The production of a source, which is fetched where there is none yet. The caller holds the source's door.
pub async fn production(
    link: &Link,
    order: &Order,
    source: Urls<'_>,
    found: &Identities,
    is_piece: bool,
) -> Result<ProductionRecord, Trouble> {
    let known = match &found.beside {
        Some(beside) => link.desk.production_of_both(&found.file, beside),
        None => link.desk.production_of(&found.file),
    };
    // Of a sound and its picture renditions are made; all else is made of the video that became of them.
    match known.filter(|production| is_piece || production.picture_at.is_none()) {
        Some(production) => Ok(production),
        None => fetched(link, order, source, found.whole()).await,
    }
}

/// A new production, its source fetched.
async fn fetched(
    link: &Link,
    order: &Order,
    source: Urls<'_>,
    identity: Identity,
) -> Result<ProductionRecord, Trouble> {
    let (bucket, terms) = (&link.parts.bucket, link.record().terms);
    let arrival = link.desk.arrivals.begin();
    let id = &arrival.id;
    let progress = |done, total| order.note_progress((0, FETCHED), done, total);
    let fetch = async |url: &str, at: &Location, progress: &(dyn Fn(u64, u64) + Send + Sync)| {
        fetch::fetch(&link.parts, &link.runner, (&order.token, &terms), url, at, progress).await
    };
    let mut copies = Copies { source: bucket.handed_source(id), sound: None, picture: None };
    let mut size_bytes = fetch(source.source, &copies.source, &progress).await?;
    // Small beside the source: its progress is not told.
    match source.beside {
        Some(Companion::Sound(url)) => {
            let at = copies.sound.insert(bucket.handed_sound(id));
            size_bytes += fetch(url, at, &|_, _| {}).await?;
        }
        Some(Companion::Picture(url)) => {
            let at = copies.picture.insert(bucket.handed_picture(id));
            size_bytes += fetch(url, at, &|_, _| {}).await.map_err(of_picture)?;
        }
        None => {}
    }
    link.tally(|tally| tally.fetched_bytes += size_bytes).await;
    link.desk.open(&link.parts, link.url(), (identity, copies), arrival).await
}

/// Says that it is about the picture of a sound.
fn of_picture(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Gone => Trouble::NotFound("the picture".to_owned()),
        other => other,
    }
}
