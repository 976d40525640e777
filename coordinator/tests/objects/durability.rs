//! What the embedded server's folder holds after a kill, and who may open it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use flotilla_coordinator::objects::EmbeddedServer;

use super::target::{Server, put_part};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_objects_and_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let before = server.target().await;
    let (object, upload) = (before.at("object"), before.at("upload"));
    before.storage.put(&object, "sealed".into(), "text/plain").await.expect("written");
    let upload_id = before.storage.create_upload(&upload, "video/mp4").await.expect("begun");
    let url =
        before.storage.presign_part(&upload, &upload_id, 1, Duration::from_secs(60)).await.expect("signed");
    let etag = put_part(&url, "a part").await.expect("taken");
    server.stop().await;
    fs::write(folder.path().join("temporary/7"), "torn").expect("what a kill leaves");

    let server = Server::start(folder.path()).await;
    let after = server.target().await.storage;
    assert_eq!(fs::read_dir(folder.path().join("temporary")).expect("read").count(), 0);
    assert_eq!(after.get(&object).await.expect("read"), "sealed");
    after.complete_upload(&upload, &upload_id, &[etag], 6).await.expect("sealed");
    assert_eq!(after.get(&upload).await.expect("read"), "a part");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_cut_short_is_repeated_with_the_same_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let target = server.target().await;
    let at = target.at("upload");
    let upload_id = target.storage.create_upload(&at, "video/mp4").await.expect("begun");
    let url = target.storage.presign_part(&at, &upload_id, 1, Duration::from_secs(60)).await.expect("signed");
    let etags = [put_part(&url, "a part").await.expect("taken")];
    let upload = folder.path().join("buckets").join(&target.bucket).join("uploads").join(&upload_id);
    let kept = folder.path().join("kept");
    copy_folder(&upload, &kept);
    target.storage.complete_upload(&at, &upload_id, &etags, 6).await.expect("sealed");

    // As if the server had been killed between sealing the object and dropping the upload.
    fs::rename(&kept, &upload).expect("put back");
    target.storage.complete_upload(&at, &upload_id, &etags, 6).await.expect("sealed again");
    assert_eq!(target.storage.get(&at).await.expect("read"), "a part");
    assert!(!upload.exists());
    // The object itself proves that the upload was completed, whatever size is expected.
    target.storage.complete_upload(&at, &upload_id, &etags, 999).await.expect("sealed long ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_has_one_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = EmbeddedServer::open(folder.path(), None).expect("opened");
    let refused = EmbeddedServer::open(folder.path(), None).expect_err("refused").to_string();
    assert!(refused.contains(&folder.path().display().to_string()), "{refused}");
    drop(first);
    EmbeddedServer::open(folder.path(), None).expect("free again");
}

#[test]
fn credentials_are_made_once_and_for_their_owner_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = || EmbeddedServer::open(folder.path(), None).expect("opened").storage_config("http://x");
    let first = config();
    assert_eq!(config(), first);
    let mode = fs::metadata(folder.path().join("credentials.json")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!format!("{first:?}").contains(&first.secret_key));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("made");
    for entry in fs::read_dir(from).expect("read") {
        let entry = entry.expect("read");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}
