//! The checks that every store must pass.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use flotilla_coordinator::objects::{Location, Storage, StorageClass, StorageConfig};

use super::target::{Target, noise, plain_http, put_part};

const TTL: Duration = Duration::from_secs(300);

/// The smallest part that all stores take before the last.
const PART_BYTES: usize = 5 << 20;

pub async fn check_all(target: &Target) {
    macro_rules! run {
        ($($check:ident),+ $(,)?) => {$(
            eprintln!("{}: {}", target.config.endpoint, stringify!($check));
            $check(target).await;
        )+};
    }
    run!(
        small_objects_are_read_back,
        a_key_and_keys_below_it_live_side_by_side,
        unusual_keys_are_read_back,
        listings_are_whole_and_in_order,
        deletion_is_idempotent,
        an_upload_is_sealed_from_presigned_parts,
        an_object_is_joined_inside_the_store,
        what_is_not_there_is_not_copied,
        a_part_may_be_sent_again,
        a_completion_with_a_wrong_etag_is_refused,
        an_aborted_upload_takes_no_parts,
        a_sealed_upload_takes_no_parts,
        presigned_reads_serve_ranges,
        altered_urls_are_refused,
        expired_urls_are_refused,
        files_go_there_and_back,
        failures_have_their_class,
    );
}

async fn small_objects_are_read_back(target: &Target) {
    let (storage, at) = (&target.storage, target.at("small"));
    storage.ensure_bucket(&target.bucket).await.expect("it is there");
    for content in ["", "first", "second"] {
        storage.put(&at, content.into(), "text/plain").await.expect("written");
        assert_eq!(storage.get(&at).await.expect("read"), content);
        assert_eq!(storage.head(&at).await.expect("seen"), content.len() as u64);
    }
    assert_eq!(storage.get_range(&at, 1..4).await.expect("read"), "eco");
    assert_eq!(
        storage.get_range(&at, 4..400).await.expect("read"),
        "nd",
        "a range ends where the object ends"
    );
    let url = storage.presign_get(&at, TTL).await.expect("signed");
    let reply = plain_http().get(url).send().await.expect("a reply");
    assert_eq!(reply.headers()["content-type"], "text/plain");
}

async fn a_key_and_keys_below_it_live_side_by_side(target: &Target) {
    for name in ["nested/a", "nested/a/x", "nested/a/x/y"] {
        target.storage.put(&target.at(name), name.into(), "text/plain").await.expect(name);
    }
    target.storage.delete(&[target.at("nested/a")]).await.expect("deleted");
    for name in ["nested/a/x", "nested/a/x/y"] {
        assert_eq!(target.storage.get(&target.at(name)).await.expect(name), name);
    }
}

async fn unusual_keys_are_read_back(target: &Target) {
    for name in ["höhe", "100 % +plus", "a.d/b.o", "q?x=1&y#z", "~'()*!;:@=,$", "...", "日本/語"] {
        let at = target.at(name);
        target.storage.put(&at, name.to_owned().into(), "text/plain").await.expect(name);
        assert_eq!(target.storage.get(&at).await.expect(name), name);
        let url = target.storage.presign_get(&at, TTL).await.expect("signed");
        let reply = plain_http().get(url).send().await.expect("a reply");
        assert_eq!(reply.text().await.expect("text"), name, "by its URL");
    }
}

async fn listings_are_whole_and_in_order(target: &Target) {
    let names = ["list/a", "list/a!", "list/a/x", "list/a0", "list/b", "listing"];
    for name in names.iter().rev() {
        target.storage.put(&target.at(name), "x".into(), "text/plain").await.expect("written");
    }
    let prefix = target.key("list/");
    let listed = target.storage.list(&target.bucket, &prefix).await.expect("listed");
    let expected: Vec<_> = names[..5].iter().map(|name| target.key(name)).collect();
    assert_eq!(listed.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>(), expected);
    assert!(listed.iter().all(|entry| entry.size_bytes == 1));

    let pages = target.sdk().list_objects_v2().bucket(&target.bucket).prefix(&prefix).max_keys(2);
    let mut pages = pages.into_paginator().send();
    let mut paged = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("listed");
        assert!(page.contents().len() <= 2);
        paged.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
    }
    assert_eq!(paged, expected, "in pages of two");

    let folders = target.sdk().list_objects_v2().bucket(&target.bucket).prefix(&prefix).delimiter("/");
    let folders = folders.send().await.expect("listed");
    let common: Vec<_> = folders.common_prefixes().iter().filter_map(|common| common.prefix()).collect();
    assert_eq!((folders.contents().len(), common), (4, vec![target.key("list/a/").as_str()]));
}

async fn deletion_is_idempotent(target: &Target) {
    let objects = [target.at("gone/a"), target.at("gone/b/c"), target.at("gone/never")];
    for at in &objects[..2] {
        target.storage.put(at, "x".into(), "text/plain").await.expect("written");
    }
    for _ in 0..2 {
        target.storage.delete(&objects).await.expect("deleted");
    }
    assert_eq!(target.storage.list(&target.bucket, &target.key("gone/")).await.expect("listed"), []);
}

async fn an_upload_is_sealed_from_presigned_parts(target: &Target) {
    let at = target.at("upload/whole");
    let contents = [noise(1, PART_BYTES), noise(2, PART_BYTES + 7), noise(3, 12_345)];
    let whole = contents.concat();
    let upload_id = begin(target, &at).await;
    let mut etags = vec![String::new(); 3];
    // Parts arrive in any order.
    for index in [2, 0, 1] {
        etags[index] =
            send(target, &at, &upload_id, index as u32 + 1, &contents[index]).await.expect("taken");
    }
    assert_eq!(uploads(target, "upload/").await, [upload_id.as_str()]);
    assert_eq!(class(target.storage.head(&at).await), StorageClass::Missing, "not there before it is sealed");

    for _ in 0..2 {
        let sealed = target.storage.complete_upload(&at, &upload_id, &etags, whole.len() as u64).await;
        sealed.expect("sealed, however often it is asked for");
    }
    assert!(target.storage.get(&at).await.expect("read") == whole, "the parts are joined in order");
    assert_eq!(uploads(target, "upload/").await, [""; 0]);
}

async fn an_object_is_joined_inside_the_store(target: &Target) {
    let contents = [noise(6, PART_BYTES), noise(7, PART_BYTES + 7), noise(8, 2 * PART_BYTES), noise(9, 99)];
    let mut pieces = Vec::new();
    for (index, content) in contents.iter().enumerate() {
        // As runners make them, and with a name that a header cannot hold as it is.
        let at = target.at(&format!("pieces/{index} +é"));
        let upload_id = begin(target, &at).await;
        let etag = send(target, &at, &upload_id, 1, content).await.expect("taken");
        target.storage.complete_upload(&at, &upload_id, &[etag], content.len() as u64).await.expect("sealed");
        pieces.push(at);
    }
    let at = target.at("copied/whole");
    let upload_id = begin(target, &at).await;
    let half = PART_BYTES as u64 + 1;
    let storage = &target.storage;
    let etags = [
        storage.copy_part(&pieces[0], None, &at, &upload_id, 1).await.expect("copied"),
        storage.copy_part(&pieces[1], None, &at, &upload_id, 2).await.expect("copied"),
        storage
            .copy_part(&pieces[2], Some(1..half + 1), &at, &upload_id, 3)
            .await
            .expect("a range is copied"),
        storage.put_part(&at, &upload_id, 4, noise(10, PART_BYTES).into()).await.expect("taken"),
        storage.copy_part(&pieces[3], None, &at, &upload_id, 5).await.expect("the last may be small"),
    ];
    storage.delete(&pieces).await.expect("a part outlives what it was copied from");
    let range = &contents[2][1..PART_BYTES + 2];
    let whole = [&contents[0], &contents[1], range, &noise(10, PART_BYTES), &contents[3]].concat();
    for _ in 0..2 {
        let sealed = storage.complete_upload(&at, &upload_id, &etags, whole.len() as u64).await;
        sealed.expect("sealed, however often it is asked for");
    }
    assert_eq!(storage.head(&at).await.expect("seen"), whole.len() as u64);
    let mut read = Vec::new();
    for start in (0..whole.len() as u64).step_by(8 << 20) {
        read.extend_from_slice(&storage.get_range(&at, start..start + (8 << 20)).await.expect("read"));
    }
    assert!(read == whole, "the pieces are joined in order");
}

async fn what_is_not_there_is_not_copied(target: &Target) {
    let (storage, at, piece) = (&target.storage, target.at("copied/never"), target.at("pieces/one"));
    storage.put(&piece, "123".into(), "text/plain").await.expect("written");
    let upload_id = begin(target, &at).await;
    let missing = storage.copy_part(&target.at("pieces/none"), None, &at, &upload_id, 1).await;
    assert_eq!(class(missing), StorageClass::Missing);
    let beyond = storage.copy_part(&piece, Some(2..9), &at, &upload_id, 1).await;
    assert_eq!(class(beyond), StorageClass::Other);
    storage.abort_upload(&at, &upload_id).await.expect("aborted");
    let late = storage.copy_part(&piece, None, &at, &upload_id, 1).await;
    assert_eq!(class(late), StorageClass::Missing);
}

async fn a_part_may_be_sent_again(target: &Target) {
    let at = target.at("again/object");
    let upload_id = begin(target, &at).await;
    let old = send(target, &at, &upload_id, 1, b"old").await.expect("taken");
    let new = send(target, &at, &upload_id, 1, b"the new").await.expect("taken");
    let refused = target.storage.complete_upload(&at, &upload_id, &[old], 3).await;
    assert_eq!(class(refused), StorageClass::Other, "the first part is no more");
    target.storage.complete_upload(&at, &upload_id, &[new], 7).await.expect("sealed");
    assert_eq!(target.storage.get(&at).await.expect("read"), "the new");
}

async fn a_completion_with_a_wrong_etag_is_refused(target: &Target) {
    let at = target.at("wrong/object");
    let upload_id = begin(target, &at).await;
    let etag = send(target, &at, &upload_id, 1, b"content").await.expect("taken");
    let wrong = "\"00000000000000000000000000000000\"".to_owned();
    let refused = target.storage.complete_upload(&at, &upload_id, &[wrong], 7).await;
    assert_eq!(class(refused), StorageClass::Other);
    let missing = target.storage.complete_upload(&at, &upload_id, &[etag.clone(), etag.clone()], 14).await;
    assert_eq!(class(missing), StorageClass::Other, "part 2 was never sent");
    target.storage.complete_upload(&at, &upload_id, &[etag], 7).await.expect("a refusal harms nothing");
}

async fn an_aborted_upload_takes_no_parts(target: &Target) {
    let at = target.at("aborted/object");
    let upload_id = begin(target, &at).await;
    let etag = send(target, &at, &upload_id, 1, b"content").await.expect("taken");
    for _ in 0..2 {
        target.storage.abort_upload(&at, &upload_id).await.expect("aborted, however often");
    }
    assert_eq!(send(target, &at, &upload_id, 1, b"late").await, Err(404));
    let sealed = target.storage.complete_upload(&at, &upload_id, &[etag], 7).await;
    assert_eq!(class(sealed), StorageClass::Missing);
}

async fn a_sealed_upload_takes_no_parts(target: &Target) {
    let at = target.at("sealed/object");
    let upload_id = begin(target, &at).await;
    let etag = send(target, &at, &upload_id, 1, b"content").await.expect("taken");
    target.storage.complete_upload(&at, &upload_id, &[etag], 7).await.expect("sealed");
    assert_eq!(send(target, &at, &upload_id, 1, b"a zombie's").await, Err(404));
    assert_eq!(target.storage.get(&at).await.expect("read"), "content");
}

async fn presigned_reads_serve_ranges(target: &Target) {
    let (at, content) = (target.at("ranges"), noise(4, 700_000));
    target.storage.put(&at, content.clone().into(), "video/mp4").await.expect("written");
    let url = target.storage.presign_get(&at, TTL).await.expect("signed");
    for (header, expected) in [
        ("bytes=0-0", &content[..1]),
        ("bytes=1000-699999", &content[1000..]),
        ("bytes=699000-", &content[699_000..]),
        ("bytes=-5", &content[699_995..]),
        ("bytes=300000-300999", &content[300_000..301_000]),
    ] {
        let reply = plain_http().get(&url).header("range", header).send().await.expect("a reply");
        assert_eq!(reply.status(), 206, "{header}");
        assert!(reply.bytes().await.expect("a body") == expected, "{header}");
    }
    let beyond = plain_http().get(&url).header("range", "bytes=700000-").send().await.expect("a reply");
    assert_eq!(beyond.status(), 416);
}

async fn altered_urls_are_refused(target: &Target) {
    let (mine, other) = (target.at("altered/mine"), target.at("altered/other"));
    target.storage.put(&other, "secret".into(), "text/plain").await.expect("written");
    let read = target.storage.presign_get(&mine, TTL).await.expect("signed");
    let upload_id = begin(target, &mine).await;
    let write = target.storage.presign_part(&mine, &upload_id, 1, TTL).await.expect("signed");

    for altered in [
        read.replace("altered/mine", "altered/other"),
        read.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        read.split('?').next().expect("a path").replace("mine", "other"),
    ] {
        assert_ne!(altered, read);
        let reply = plain_http().get(&altered).send().await.expect("a reply");
        assert_eq!(reply.status(), 403, "{altered}");
    }
    let delete = plain_http().delete(&read).send().await.expect("a reply");
    assert_eq!(delete.status(), 403, "a URL to read is none to delete");
    for altered in
        [write.replace("partNumber=1", "partNumber=2"), write.replace("altered/mine", "altered/other")]
    {
        assert_ne!(altered, write);
        assert_eq!(put_part(&altered, "x").await, Err(403), "{altered}");
    }
    target.storage.abort_upload(&mine, &upload_id).await.expect("aborted");
}

async fn expired_urls_are_refused(target: &Target) {
    let at = target.at("expired");
    target.storage.put(&at, "x".into(), "text/plain").await.expect("written");
    let url = target.storage.presign_get(&at, Duration::from_secs(1)).await.expect("signed");
    let started = Instant::now();
    loop {
        let status = plain_http().get(&url).send().await.expect("a reply").status().as_u16();
        if matches!(status, 400 | 403) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "still {status}, long after its second");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn files_go_there_and_back(target: &Target) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, length) in [("empty", 0), ("small", 1000), ("large", 20 << 20)] {
        let (there, back) = (folder.path().join(name), folder.path().join("back"));
        let at = target.at(&format!("files/{name}"));
        std::fs::write(&there, noise(5, length)).expect("written");
        let seen = Mutex::new((0, 0));
        let progress = |done, total| *seen.lock().expect("not poisoned") = (done, total);
        let size = length as u64;
        // Callers run both in tasks of their own.
        let put = sendable(target.storage.put_file(&there, &at, "video/mp4", &progress)).await;
        assert_eq!((put.expect("sent"), *seen.lock().expect("not poisoned")), (size, (size, size)));
        let fetched = sendable(target.storage.get_to_file(&at, &back, &progress)).await;
        assert_eq!(fetched.expect("fetched"), size);
        assert!(std::fs::read(&back).expect("read") == noise(5, length), "{name}");
        assert!(!folder.path().join("back.partial").exists());
    }
}

async fn failures_have_their_class(target: &Target) {
    let at = target.at("not-there");
    let error = target.storage.get(&at).await.expect_err("missing");
    assert_eq!(error.class(), StorageClass::Missing);
    assert!(error.to_string().contains(&at.to_string()), "{error}");

    let denied = StorageConfig { secret_key: "f".repeat(64), ..target.config.clone() };
    assert_eq!(class(Storage::new(&denied).get(&at).await), StorageClass::Denied);

    let away = StorageConfig { endpoint: "http://127.0.0.1:1".to_owned(), ..target.config.clone() };
    let error = Storage::new(&away).get(&at).await.expect_err("away");
    assert_eq!(error.class(), StorageClass::Transient);
    assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
}

fn sendable<F: Future + Send>(future: F) -> F {
    future
}

async fn begin(target: &Target, at: &Location) -> String {
    target.storage.create_upload(at, "video/mp4").await.expect("begun")
}

async fn send(target: &Target, at: &Location, id: &str, number: u32, content: &[u8]) -> Result<String, u16> {
    let url = target.storage.presign_part(at, id, number, TTL).await.expect("signed");
    put_part(&url, content.to_vec()).await
}

async fn uploads(target: &Target, name: &str) -> Vec<String> {
    let uploads = target.storage.list_uploads(&target.bucket, &target.key(name)).await.expect("listed");
    uploads.into_iter().map(|upload| upload.upload_id).collect()
}

fn class<T: std::fmt::Debug>(result: Result<T, flotilla_coordinator::objects::StorageError>) -> StorageClass {
    result.expect_err("it must fail").class()
}
