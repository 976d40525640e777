//! Grants: presigned URLs, the only access to storage that a runner ever has. Reading is granted per object, writing
//! per part of one attempt's own uploads.

use std::time::Duration;

use super::SchedulerError;
use super::work::PlannedOutput;
use crate::objects::Location;
use crate::parts::Parts;
use crate::store::{ClaimedTask, UploadRecord};

/// Parts that are granted with the lease; more on request.
const FIRST_PARTS: u32 = 4;

/// An object to read.
pub struct InputGrant {
    /// Presigned GET.
    pub url: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its digest; empty: not known.
    pub sha256: Vec<u8>,
}

/// An object to write.
pub struct OutputGrant {
    /// Length of every part but the last.
    pub part_size_bytes: u64,
    /// For parts 1, 2, ….
    pub part_urls: Vec<String>,
}

/// Grants reading.
pub async fn inputs(
    parts: &Parts,
    objects: Vec<(Location, u64, String)>,
) -> Result<Vec<InputGrant>, SchedulerError> {
    let mut grants = Vec::with_capacity(objects.len());
    for (at, size_bytes, sha256) in objects {
        let url = parts.storage.presign_get(&at, life(parts)).await?;
        grants.push(InputGrant { url, size_bytes, sha256: hex::decode(sha256).unwrap_or_default() });
    }
    Ok(grants)
}

/// Starts one multipart upload per output, notes them, and grants their first parts. The uploads are noted before
/// anything is granted, so that none can be forgotten by a crash after a runner has used it.
pub async fn outputs(
    parts: &Parts,
    claimed: &ClaimedTask,
    outputs: Vec<PlannedOutput>,
) -> Result<Vec<OutputGrant>, SchedulerError> {
    let uploads = uploads(parts, claimed, outputs).await?;
    let mut grants = Vec::with_capacity(uploads.len());
    for upload in &uploads {
        let part_urls = part_urls(parts, upload, 1, FIRST_PARTS).await?;
        let part_size_bytes = u64::from(parts.config.storage.part_size_mib) << 20;
        grants.push(OutputGrant { part_size_bytes, part_urls });
    }
    Ok(grants)
}

/// Starts the uploads of an attempt and notes them.
pub(super) async fn uploads(
    parts: &Parts,
    claimed: &ClaimedTask,
    outputs: Vec<PlannedOutput>,
) -> Result<Vec<UploadRecord>, SchedulerError> {
    let attempt_id = &claimed.attempt.id;
    let mut uploads = Vec::new();
    let noted = match begin(parts, claimed, outputs, &mut uploads).await {
        Ok(()) => parts.store.add_uploads(attempt_id, uploads.clone()).await.map_err(SchedulerError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        for upload in &uploads {
            // What a store that is away keeps is swept up with the orphans.
            let _ = parts.storage.abort_upload(&upload.object, &upload.upload_id).await;
        }
        return Err(error);
    }
    Ok(uploads)
}

/// Begins the uploads and pushes each onto `begun`, so that they are known when a later one fails.
async fn begin(
    parts: &Parts,
    claimed: &ClaimedTask,
    outputs: Vec<PlannedOutput>,
    begun: &mut Vec<UploadRecord>,
) -> Result<(), SchedulerError> {
    let (job_id, attempt_id) = (&claimed.task.job_id, &claimed.attempt.id);
    for (output_index, output) in (0..).zip(outputs) {
        let scratch = output.published_at.is_none();
        let object = output
            .published_at
            .unwrap_or_else(|| parts.bucket.scratch(job_id, &claimed.task.id, attempt_id, output_index));
        let upload_id = parts.storage.create_upload(&object, content_type(&object)).await?;
        let (job_id, attempt_id) = (job_id.clone(), attempt_id.clone());
        begun.push(UploadRecord {
            job_id,
            attempt_id,
            output_index,
            object,
            upload_id,
            scratch,
            accepted: false,
        });
    }
    Ok(())
}

/// Browsers go by it.
fn content_type(object: &Location) -> &'static str {
    match object.key().rsplit('.').next() {
        Some("vtt") => "text/vtt",
        Some("jpg") => "image/jpeg",
        _ => "video/mp4",
    }
}

/// URLs for parts `first..=last` of an upload.
pub async fn part_urls(
    parts: &Parts,
    upload: &UploadRecord,
    first: u32,
    last: u32,
) -> Result<Vec<String>, SchedulerError> {
    let mut urls = Vec::new();
    for part in first..=last {
        urls.push(parts.storage.presign_part(&upload.object, &upload.upload_id, part, life(parts)).await?);
    }
    Ok(urls)
}

fn life(parts: &Parts) -> Duration {
    Duration::from_secs(parts.config.storage.grant_seconds)
}
