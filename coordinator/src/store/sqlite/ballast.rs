//! Room that is kept for the day when the disk is full: a database that cannot write cannot even note that a job failed
//! for want of space, and so never frees any. When a write finds no room, the ballast goes over board; whoever wanted
//! to write tries again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::StoreError;

/// Enough for the records of a large job.
const SIZE_BYTES: usize = 1 << 20;

/// A file of no use but its size.
#[derive(Clone, Debug)]
pub struct Ballast(Arc<PathBuf>);

impl Ballast {
    /// Lies beside the database. Without room for it there is none, and that is no reason not to start.
    pub fn beside(database: &Path) -> Self {
        let path = database.with_extension("ballast");
        let there = fs::metadata(&path).is_ok_and(|file| file.len() == SIZE_BYTES as u64);
        // Bytes that no file system leaves out, as it may zeros.
        let written = || File::create(&path).and_then(|mut file| file.write_all(&vec![0xb5; SIZE_BYTES]));
        if !there && written().is_err() {
            let _ = fs::remove_file(&path);
        }
        Self(Arc::new(path))
    }

    /// Makes room when that is what a write failed for.
    pub fn relieve(&self, error: &StoreError) {
        if matches!(error, StoreError::Full(_)) && fs::remove_file(&*self.0).is_ok() {
            tracing::error!("the disk is full; a megabyte that was kept for that is free now");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_disk_costs_the_ballast() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("coordinator.db");
        let kept = folder.path().join("coordinator.ballast");
        let ballast = Ballast::beside(&database);
        ballast.relieve(&StoreError::Database("busy".to_owned()));
        assert_eq!(fs::metadata(&kept).unwrap().len(), SIZE_BYTES as u64);
        ballast.relieve(&StoreError::Full("full".to_owned()));
        assert!(!kept.exists());
        Ballast::beside(&database);
        assert!(kept.exists(), "it is taken on again at the next start");
    }
}
