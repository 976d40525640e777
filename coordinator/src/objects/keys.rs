//! Every object key is made here; every name that comes from outside is checked by `names`.
//!
//! ```text
//! work bucket     sources/{job}/source, sources/{job}/extra-{number}
//!                 scratch/{job}/{task}/{attempt}/{output}
//!                 instances/{production}/source, picture, and job-{name}/… as destinations
//! destination     {prefix}/master.m3u8                     written last: the commit point
//!                 {prefix}/{rendition}/playlist.m3u8
//!                 {prefix}/{rendition}/media.mp4
//!                 {prefix}/{rendition}/muxed.mp4, muxed.m3u8      with sound inside
//!                 {prefix}/{subtitles}/subtitles.vtt
//!                 {prefix}/{height}p.mp4                   progressive; {rendition}.mp4 where several have that height
//!                 {prefix}/storyboard.jpg
//!                 {prefix}/report.json
//!                 {prefix}/live/{job}/{rendition}/playlist.m3u8, {chunk}.mp4    shown early
//!                 {prefix}/live/{job}/{track}/playlist.m3u8, head.mp4, whole.mp4
//! ```
//! A key of scratch names its attempt, so no two attempts can ever write the same object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::{InvalidName, MAX_KEY_BYTES, check_bucket, check_key, check_rendition};
use crate::domain::{AttemptId, JobId, TaskId};

/// Folder of what is shown early.
const EARLY: &str = "live";

/// An object: a bucket and a key. Printed and parsed as `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location {
    bucket: String,
    key: String,
}

impl Location {
    /// A location of checked names.
    pub fn new(bucket: &str, key: &str) -> Result<Self, InvalidName> {
        check_bucket(bucket)?;
        check_key(key)?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key in the bucket.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The coordinator's own bucket, for what lives only as long as a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkBucket(String);

impl WorkBucket {
    /// The bucket of that name.
    pub fn new(bucket: &str) -> Result<Self, InvalidName> {
        check_bucket(bucket)?;
        Ok(Self(bucket.to_owned()))
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The copy of a job's source.
    pub fn source(&self, job: &JobId) -> Location {
        self.at(format!("sources/{job}/source"))
    }

    /// The copy of what was submitted beside a job's source.
    pub fn extra(&self, job: &JobId, number: u32) -> Location {
        self.at(format!("sources/{job}/extra-{number}"))
    }

    /// What one attempt writes as one of its outputs.
    pub fn scratch(&self, job: &JobId, task: &TaskId, attempt: &AttemptId, output_index: u32) -> Location {
        self.at(format!("{}{task}/{attempt}/{output_index}", self.scratch_prefix(job)))
    }

    /// What all scratch keys of a job begin with.
    pub fn scratch_prefix(&self, job: &JobId) -> String {
        format!("scratch/{job}/")
    }

    /// Our copy of an instance's source.
    pub fn handed_source(&self, production: &JobId) -> Location {
        self.at(format!("{}source", self.handover_prefix(production)))
    }

    /// Where a job of a production publishes, for the instance.
    pub fn handover(&self, production: &JobId, name: &str) -> Destination {
        let plain = name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-');
        let prefix = format!("{}job-{}", self.handover_prefix(production), plain.collect::<String>());
        Destination { bucket: self.0.clone(), prefix }
    }

    /// Our copy of the picture that an instance sends with sound.
    pub fn handed_picture(&self, production: &JobId) -> Location {
        self.at(format!("{}picture", self.handover_prefix(production)))
    }

    /// Our copy of the sound that an instance keeps apart from the pictures.
    pub fn handed_sound(&self, production: &JobId) -> Location {
        self.at(format!("{}sound", self.handover_prefix(production)))
    }

    /// Our copy of a file that an instance sends for one of its jobs.
    pub fn handed_insert(&self, production: &JobId, order: &str, number: usize) -> Location {
        let plain = order.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-');
        let prefix = self.handover_prefix(production);
        self.at(format!("{prefix}insert-{}-{number}", plain.collect::<String>()))
    }

    /// What all keys of a production begin with.
    pub fn handover_prefix(&self, production: &JobId) -> String {
        format!("{}{production}/", self.handovers_prefix())
    }

    /// An object below such a prefix, as a listing shows its key.
    pub fn handed(&self, key: &str) -> Option<Location> {
        Location::new(&self.0, key).ok().filter(|_| key.starts_with(self.handovers_prefix()))
    }

    /// What all keys of productions begin with.
    pub fn handovers_prefix(&self) -> &'static str {
        "instances/"
    }

    /// The production that a key belongs to.
    pub fn production_of(&self, key: &str) -> Option<JobId> {
        let (production, _) = key.strip_prefix(self.handovers_prefix())?.split_once('/')?;
        production.parse().ok()
    }

    /// What all copies of sources begin with.
    pub fn sources_prefix(&self) -> &'static str {
        "sources/"
    }

    /// What all scratch keys begin with.
    pub fn scratches_prefix(&self) -> &'static str {
        "scratch/"
    }

    /// The job whose source's copy, or that of what was submitted beside it, lies (or is being uploaded) under a key.
    pub fn job_of_source(&self, key: &str) -> Option<JobId> {
        let (job, name) = key.strip_prefix(self.sources_prefix())?.split_once('/')?;
        let number = name.strip_prefix("extra-").and_then(|number| number.parse::<u32>().ok());
        (name == "source" || number.is_some()).then(|| job.parse().ok())?
    }

    /// The attempt that writes under a scratch key.
    pub fn attempt_of_scratch(&self, key: &str) -> Option<AttemptId> {
        let [_job, _task, attempt, _output] =
            key.strip_prefix(self.scratches_prefix())?.split('/').collect::<Vec<_>>().try_into().ok()?;
        attempt.parse().ok()
    }

    fn at(&self, key: String) -> Location {
        Location { bucket: self.0.clone(), key }
    }
}

/// Where a job publishes: a bucket and a prefix, which may be empty. Printed and parsed as
/// `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    bucket: String,
    prefix: String,
}

impl Destination {
    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What every published key begins with: empty, or ends in a slash.
    pub fn key_prefix(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) }
    }

    /// The multivariant playlist.
    pub fn master(&self) -> Location {
        self.at("master.m3u8")
    }

    /// The job's report.
    pub fn report(&self) -> Location {
        self.at("report.json")
    }

    /// The progressive file of that name: "720p".
    pub fn progressive(&self, name: &str) -> Result<Location, InvalidName> {
        check_rendition(name)?;
        Ok(self.at(&format!("{name}.mp4")))
    }

    /// Small pictures of the video in one.
    pub fn storyboard(&self) -> Location {
        self.at("storyboard.jpg")
    }

    /// The media playlist of a rendition.
    pub fn playlist(&self, rendition: &str) -> Result<Location, InvalidName> {
        check_rendition(rendition)?;
        Ok(self.at(&format!("{rendition}/playlist.m3u8")))
    }

    /// The media file of a rendition.
    pub fn media(&self, rendition: &str) -> Result<Location, InvalidName> {
        check_rendition(rendition)?;
        Ok(self.at(&format!("{rendition}/media.mp4")))
    }

    /// The media file of a rendition with sound inside.
    pub fn muxed(&self, rendition: &str) -> Result<Location, InvalidName> {
        check_rendition(rendition)?;
        Ok(self.at(&format!("{rendition}/muxed.mp4")))
    }

    /// The media playlist of that file.
    pub fn muxed_playlist(&self, rendition: &str) -> Result<Location, InvalidName> {
        check_rendition(rendition)?;
        Ok(self.at(&format!("{rendition}/muxed.m3u8")))
    }

    /// What all that is shown early of a job begins with.
    pub fn early_prefix(&self, job: &JobId) -> String {
        format!("{}{EARLY}/{job}/", self.key_prefix())
    }

    /// The growing playlist of a rendition or audio track.
    pub fn early_playlist(&self, job: &JobId, rendition: &str) -> Result<Location, InvalidName> {
        self.early(job, rendition, "playlist.m3u8")
    }

    /// A chunk of a rendition that is shown early.
    pub fn early_chunk(&self, job: &JobId, rendition: &str, chunk: u32) -> Result<Location, InvalidName> {
        self.early(job, rendition, &format!("{chunk}.mp4"))
    }

    /// An audio track, shown before the pictures are all there.
    pub fn early_sound(&self, job: &JobId, name: &str) -> Result<Location, InvalidName> {
        self.early(job, name, "whole.mp4")
    }

    /// The start of an audio track.
    pub fn early_sound_head(&self, job: &JobId, name: &str) -> Result<Location, InvalidName> {
        self.early(job, name, "head.mp4")
    }

    fn early(&self, job: &JobId, rendition: &str, name: &str) -> Result<Location, InvalidName> {
        check_rendition(rendition)?;
        Ok(Location {
            bucket: self.bucket.clone(),
            key: format!("{}{rendition}/{name}", self.early_prefix(job)),
        })
    }

    /// The text of a track of subtitles.
    pub fn subtitles(&self, name: &str) -> Result<Location, InvalidName> {
        check_rendition(name)?;
        Ok(self.at(&format!("{name}/subtitles.vtt")))
    }

    fn at(&self, name: &str) -> Location {
        Location { bucket: self.bucket.clone(), key: format!("{}{name}", self.key_prefix()) }
    }
}

impl FromStr for Location {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (bucket, key) = split(text)?;
        Self::new(bucket, key)
    }
}

impl FromStr for Destination {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (bucket, key) = split(text)?;
        let prefix = key.strip_suffix('/').unwrap_or(key);
        check_bucket(bucket)?;
        if !prefix.is_empty() {
            check_key(prefix)?;
        }
        // Room for the longest name below the prefix.
        if prefix.len() > MAX_KEY_BYTES - 256 {
            return Err(InvalidName::new(text, "is too long for a destination"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "s3://{}/{}", self.bucket, self.key)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "s3://{}/{}", self.bucket, self.prefix)
    }
}

macro_rules! text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    };
}
text!(Location);
text!(Destination);

fn split(text: &str) -> Result<(&str, &str), InvalidName> {
    let rest =
        text.strip_prefix("s3://").ok_or_else(|| InvalidName::new(text, "does not begin with s3://"))?;
    Ok(rest.split_once('/').unwrap_or((rest, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(text: &str, reason: &str) {
        let error = text.parse::<Location>().expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }

    #[test]
    fn a_location_is_read_back_as_printed() {
        for text in ["s3://videos/a", "s3://my.videos/2026/höhe 1%/x?y#z", "s3://abc/..a/b.."] {
            assert_eq!(text.parse::<Location>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        check_refused("https://videos/a", "does not begin with");
        check_refused("s3://videos", "has an empty part");
        check_refused("s3://videos//a", "has an empty part");
        check_refused("s3://videos/a/../b", "`..`");
        check_refused("s3://videos/a/./b", "`.`");
        check_refused("s3://videos/a\nb", "control character");
        check_refused("s3://videos/a\u{7f}", "control character");
        check_refused("s3://../a", "no bucket name");
        check_refused("s3://Videos/a", "no bucket name");
        check_refused(&format!("s3://videos/{}", "k".repeat(1025)), "longer than");
    }

    #[test]
    fn keys_are_as_documented() {
        let work = WorkBucket::new("flotilla").expect("a bucket name");
        let (job, task, attempt) = ("j1".parse().unwrap(), "t2".parse().unwrap(), "a3".parse().unwrap());
        assert_eq!(work.source(&job).to_string(), "s3://flotilla/sources/j1/source");
        assert_eq!(work.scratch(&job, &task, &attempt, 4).to_string(), "s3://flotilla/scratch/j1/t2/a3/4");
        assert_eq!(work.job_of_source("sources/j1/source"), Some(job.clone()));
        assert_eq!(work.job_of_source(work.extra(&job, 1).key()), Some(job.clone()));
        assert_eq!(work.attempt_of_scratch("scratch/j1/t2/a3/4"), Some(attempt));
        assert_eq!(work.production_of("instances/j1/job-0/360p/media.mp4"), Some(job.clone()));
        assert_eq!(work.production_of(work.handed_source(&job).key()), Some(job));
        for strange in ["sources/j1/other", "sources/j1", "scratch/j1/t2/a3", "videos/j1/source", ""] {
            assert_eq!((work.job_of_source(strange), work.attempt_of_scratch(strange)), (None, None));
            assert_eq!(work.production_of(strange), None);
        }

        let destination: Destination = "s3://public/videos/7/".parse().expect("a destination");
        assert_eq!(destination.to_string(), "s3://public/videos/7");
        assert_eq!(destination.master().key(), "videos/7/master.m3u8");
        assert_eq!(destination.progressive("720p").expect("a name").key(), "videos/7/720p.mp4");
        assert_eq!(destination.media("720p60").expect("a name").key(), "videos/7/720p60/media.mp4");
        assert_eq!(destination.playlist("audio-1").expect("a name").key(), "videos/7/audio-1/playlist.m3u8");
        assert!(destination.media("../x").is_err());
        assert!(destination.media("").is_err());
    }

    #[test]
    fn a_destination_may_be_a_whole_bucket() {
        let destination: Destination = "s3://public".parse().expect("a destination");
        assert_eq!(destination.report().to_string(), "s3://public/report.json");
    }
}
