//! What the embedded server promises beyond what every store does.

use std::path::Path;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use futures::future::join_all;

use super::target::{Server, noise, plain_http};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_keys_stay_in_their_bucket() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("a/b/root");
    let server = Server::start(&root).await;
    let target = server.target().await;
    let sdk = target.sdk();
    for key in [
        "../../../../escaped",
        "..",
        ".",
        "a/../../escaped",
        "/escaped",
        "//",
        "a\\..\\b",
        "%2e%2e/x",
        "x\u{1}y",
    ] {
        let body = ByteStream::from(key.as_bytes().to_vec());
        // Refused or kept under its own name: either is safe.
        if sdk.put_object().bucket(&target.bucket).key(key).body(body).send().await.is_ok() {
            let reply = sdk.get_object().bucket(&target.bucket).key(key).send().await.expect(key);
            assert_eq!(reply.body.collect().await.expect("a body").into_bytes(), key.as_bytes());
        }
    }
    let bucket = root.join("buckets").join(&target.bucket);
    assert_eq!(files_outside(folder.path(), &bucket), ["credentials.json", "lock"]);
    let long = "k".repeat(300);
    let refused = sdk.put_object().bucket(&target.bucket).key(long).send().await.expect_err("too long");
    assert_eq!(refused.code(), Some("KeyTooLongError"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_conditional_writes_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let target = server.target().await;
    let sdk = target.sdk();
    let write = |number: u8| {
        let request = sdk.put_object().bucket(&target.bucket).key("claimed").if_none_match("*");
        request.body(ByteStream::from(vec![number; 1000])).send()
    };
    let replies = join_all((0..16).map(write)).await;
    let winners: Vec<_> = (0u8..).zip(&replies).filter(|(_, reply)| reply.is_ok()).collect();
    assert_eq!(winners.len(), 1);
    let losers = replies.iter().filter_map(|reply| reply.as_ref().err());
    assert!(losers.into_iter().all(|error| error.code() == Some("PreconditionFailed")));
    let at = "s3://flotilla-test/claimed".parse().expect("a location");
    assert_eq!(target.storage.get(&at).await.expect("read"), vec![winners[0].0; 1000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_are_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let target = server.target().await;
    let sdk = target.sdk();
    let put = |key: &str| sdk.put_object().bucket(&target.bucket).key(key).body(noise(1, 100_000).into());
    let wrong = put("wrong").checksum_sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").send().await;
    assert_eq!(wrong.expect_err("refused").code(), Some("BadDigest"));
    let wrong = put("wrong").content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await;
    assert_eq!(wrong.expect_err("refused").code(), Some("BadDigest"));
    put("right").send().await.expect("the SDK's own checksum holds");

    // A body from a file is sent in signed chunks with its checksum behind it.
    let path = folder.path().join("file");
    std::fs::write(&path, noise(2, 300_000)).expect("written");
    let body = ByteStream::from_path(&path).await.expect("opened");
    put("trailer").body(body).send().await.expect("taken");
    let sizes: Vec<_> = target.storage.list(&target.bucket, "").await.expect("listed");
    let sizes: Vec<_> = sizes.iter().map(|entry| (entry.key.as_str(), entry.size_bytes)).collect();
    assert_eq!(sizes, [("right", 100_000), ("trailer", 300_000)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_without_a_signature() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let target = server.target().await;
    let url = format!("{}/{}", target.config.endpoint, target.bucket);
    for url in [target.config.endpoint.clone(), url.clone(), format!("{url}/x")] {
        let reply = plain_http().get(&url).send().await.expect("a reply");
        assert_eq!(reply.status(), 403, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_leaves_no_empty_folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let target = server.target().await;
    let at = target.at("deep/down/below");
    target.storage.put(&at, "x".into(), "text/plain").await.expect("written");
    target.storage.delete(&[at]).await.expect("deleted");
    let objects = folder.path().join("buckets").join(&target.bucket).join("objects");
    assert_eq!(std::fs::read_dir(objects).expect("read").count(), 0);
}

/// Names of the files below `folder` but not below `bucket`.
fn files_outside(folder: &Path, bucket: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("read").flatten() {
        match entry.path() {
            path if path == bucket => {}
            path if path.is_dir() => found.extend(files_outside(&path, bucket)),
            path => found.push(path.file_name().expect("a name").to_string_lossy().into_owned()),
        }
    }
    found.sort();
    found
}
