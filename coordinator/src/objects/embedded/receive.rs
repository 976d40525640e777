//! A request's body into a temporary file: in constant memory, digested on the way, compared with what was
//! declared.

use std::io::Write;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::StreamingBlob;
use s3s::{S3Result, TrailingHeaders, s3_error};

use super::root::{Root, Temporary, failed};

/// Written to disk at once.
const WRITE_BYTES: usize = 512 << 10;

/// What the client says about the body before or after it.
pub(super) struct Declared {
    pub headers: HeaderMap,
    pub trailing: Option<TrailingHeaders>,
    pub content_length: Option<i64>,
}

/// A whole body that agrees with what was declared; not yet sealed.
pub(super) struct Received {
    pub temporary: Temporary,
    pub md5_hex: String,
}

struct Sink {
    temporary: Temporary,
    md5: Md5,
    checksums: ChecksumHasher,
    size_bytes: u64,
}

/// Takes in a body. Dropping the future removes what was written.
pub(super) async fn receive(
    root: &Arc<Root>,
    body: Option<StreamingBlob>,
    declared: Declared,
) -> S3Result<Received> {
    let checksums = expected_hashers(&declared.headers);
    let mut sink = Sink { temporary: root.temporary()?, md5: Md5::new(), checksums, size_bytes: 0 };
    if let Some(mut body) = body {
        let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| s3_error!(IncompleteBody, "the body broke off: {error}"))?;
            buffer.extend_from_slice(&chunk);
            if buffer.len() >= WRITE_BYTES {
                sink = sink.write(buffer.split().freeze()).await?;
            }
        }
        sink = sink.write(buffer.freeze()).await?;
    }
    sink.finish(&declared)
}

/// Room that is left for the database on the same disk: it must be able to note that the disk is full, and objects would
/// take what it frees for that.
const RESERVE_BYTES: u64 = 1 << 20;

/// Refuses what would leave less than the reserve.
fn keep_reserve(file: &std::fs::File, size_bytes: u64) -> std::io::Result<()> {
    let disk = nix::sys::statvfs::fstatvfs(file)?;
    let free_bytes = disk.blocks_available().saturating_mul(disk.fragment_size());
    match free_bytes < size_bytes.saturating_add(RESERVE_BYTES) {
        true => Err(std::io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}

impl Sink {
    async fn write(mut self, content: Bytes) -> S3Result<Self> {
        super::objects::blocking(move || {
            self.md5.update(&content);
            self.checksums.update(&content);
            self.size_bytes += content.len() as u64;
            keep_reserve(&self.temporary.file, content.len() as u64).map_err(failed)?;
            self.temporary.file.write_all(&content).map_err(failed)?;
            Ok(self)
        })
        .await
    }

    fn finish(self, declared: &Declared) -> S3Result<Received> {
        if declared.content_length.is_some_and(|length| u64::try_from(length) != Ok(self.size_bytes)) {
            return Err(s3_error!(IncompleteBody, "the body has {} bytes", self.size_bytes));
        }
        let md5 = self.md5.finalize();
        let content_md5 = declared.headers.get("content-md5");
        if content_md5.is_some_and(|sent| sent.as_bytes() != aws_smithy_types::base64::encode(md5).as_bytes())
        {
            return Err(s3_error!(BadDigest, "the body does not have the Content-MD5 that was sent"));
        }
        let trailing = declared.trailing.as_ref().and_then(TrailingHeaders::take);
        for (name, computed) in computed(self.checksums) {
            let sent = declared.headers.get(name).or(trailing.as_ref().and_then(|headers| headers.get(name)));
            if sent.map(http::HeaderValue::as_bytes) != Some(computed.as_bytes()) {
                return Err(s3_error!(BadDigest, "the body does not have the {name} that was sent"));
            }
        }
        Ok(Received { temporary: self.temporary, md5_hex: hex::encode(md5) })
    }
}

const CRC32: &str = "x-amz-checksum-crc32";
const CRC32C: &str = "x-amz-checksum-crc32c";
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";
const SHA1: &str = "x-amz-checksum-sha1";
const SHA256: &str = "x-amz-checksum-sha256";

/// Digests for the checksums that come as a header, or are announced to come after the body.
fn expected_hashers(headers: &HeaderMap) -> ChecksumHasher {
    let announced = headers.get("x-amz-trailer").and_then(|names| names.to_str().ok()).unwrap_or("");
    let expected = |name: &str| {
        headers.contains_key(name)
            || announced.split(',').any(|announced| announced.trim().eq_ignore_ascii_case(name))
    };
    ChecksumHasher {
        crc32: expected(CRC32).then(Crc32::new),
        crc32c: expected(CRC32C).then(Crc32c::new),
        sha1: expected(SHA1).then(Sha1::new),
        sha256: expected(SHA256).then(Sha256::new),
        crc64nvme: expected(CRC64NVME).then(Crc64Nvme::new),
    }
}

fn computed(hashers: ChecksumHasher) -> impl Iterator<Item = (&'static str, String)> {
    let sums = hashers.finalize();
    let all = [
        (CRC32, sums.checksum_crc32),
        (CRC32C, sums.checksum_crc32c),
        (CRC64NVME, sums.checksum_crc64nvme),
        (SHA1, sums.checksum_sha1),
        (SHA256, sums.checksum_sha256),
    ];
    all.into_iter().filter_map(|(name, sum)| Some((name, sum?)))
}
