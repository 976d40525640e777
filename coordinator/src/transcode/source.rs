//! The input of `flotilla transcode`: a file or an http(s) URL as it is; an S3 object is fetched first, since the
//! embedded object store of the command cannot reach it.

use std::path::Path;

use crate::cli::exit::{Exit, UserError};
use crate::jobs::SourceRef;
use crate::objects::{Location, Storage, StorageConfig};

/// Region of stores that have none.
const ANY_REGION: &str = "us-east-1";

/// The source that an argument names; objects are copied below `work`.
pub async fn named(input: &str, work: &Path) -> Result<SourceRef, UserError> {
    match SourceRef::local(input)? {
        SourceRef::Object(at) => fetch(&at, work).await,
        other => Ok(other),
    }
}

async fn fetch(at: &Location, work: &Path) -> Result<SourceRef, UserError> {
    let storage = Storage::new(&store_of_environment(at)?);
    // The object's own name, so that the report names it.
    let name = at.key().rsplit('/').next().unwrap_or("source");
    let path = work.join("fetched").join(name);
    let failed = |message: String, hint: &str| UserError::new(Exit::Storage, message, hint);
    std::fs::create_dir_all(work.join("fetched")).map_err(|error| {
        failed(format!("cannot write to {}: {error}", work.display()), "check free space")
    })?;
    let fetched = storage.get_to_file(at, &path, &|_, _| {}).await;
    fetched.map_err(|error| match error.class() {
        crate::objects::StorageClass::Missing => {
            UserError::new(Exit::Source, format!("source {at} does not exist"), "check bucket and key")
        }
        _ => failed(error.to_string(), error.hint()),
    })?;
    Ok(SourceRef::File(path))
}

fn store_of_environment(at: &Location) -> Result<StorageConfig, UserError> {
    let variable = |name: &str| {
        std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
            let message = format!("source {at} is in an S3 store, and {name} does not say how to reach it");
            let hint = "set FLOTILLA_S3_ENDPOINT, FLOTILLA_S3_ACCESS_KEY and FLOTILLA_S3_SECRET_KEY";
            UserError::new(Exit::Usage, message, hint)
        })
    };
    Ok(StorageConfig {
        endpoint: variable("FLOTILLA_S3_ENDPOINT")?,
        public_endpoint: None,
        region: variable("FLOTILLA_S3_REGION").unwrap_or_else(|_| ANY_REGION.into()),
        path_style: true,
        access_key: variable("FLOTILLA_S3_ACCESS_KEY")?,
        secret_key: variable("FLOTILLA_S3_SECRET_KEY")?,
    })
}
