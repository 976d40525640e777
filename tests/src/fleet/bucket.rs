//! A bucket as an outsider sees it: read by `curl` with signed requests, not by the product's own client.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// One bucket and the key to it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// URL of the S3 server.
    pub endpoint: String,
    /// As the server wants it.
    pub region: String,
    /// The bucket's name.
    pub name: String,
    /// Access key id.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

impl Bucket {
    /// The external server that the environment names, if it names one.
    pub fn from_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(format!("FLOTILLA_TEST_S3_{name}")).ok();
        Some(Self {
            endpoint: variable("ENDPOINT")?,
            region: variable("REGION")?,
            name: variable("BUCKET")?,
            access_key: variable("ACCESS_KEY")?,
            secret_key: variable("SECRET_KEY")?,
        })
    }

    /// The keys that begin with `prefix`; up to a thousand.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let prefix = prefix.replace('/', "%2F");
        let list = self.get(&format!("?list-type=2&prefix={prefix}"));
        let list = String::from_utf8(list).expect("a listing is text");
        let key = |part: &str| part.split_once("</Key>").map(|(key, _)| key.to_owned());
        list.split("<Key>").skip(1).filter_map(key).collect()
    }

    /// Copies everything below `prefix` to `folder`.
    pub fn download(&self, prefix: &str, folder: &Path) {
        let below = format!("{prefix}/");
        for key in self.keys(&below) {
            let path = folder.join(&key[below.len()..]);
            fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("a folder can be made");
            fs::write(path, self.get(&format!("/{key}"))).expect("a file can be written");
        }
    }

    /// Reads an object that is JSON.
    pub fn json(&self, key: &str) -> serde_json::Value {
        let text = self.get(&format!("/{key}"));
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{key} is no JSON: {error}"))
    }

    /// Reads an object.
    pub fn read(&self, key: &str) -> Vec<u8> {
        self.get(&format!("/{key}"))
    }

    /// Reads an object that may not be there.
    pub fn try_read(&self, key: &str) -> Option<Vec<u8>> {
        let output = self.curl(&format!("/{key}"), &[]);
        output.status.success().then_some(output.stdout)
    }

    /// Reads `length` bytes of an object from `start` on.
    pub fn read_range(&self, key: &str, start: u64, length: u64) -> Vec<u8> {
        let range = format!("{start}-{}", start + length - 1);
        let output = self.curl(&format!("/{key}"), &["--range", &range]);
        assert!(
            output.status.success(),
            "bytes {range} of {key}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn get(&self, rest: &str) -> Vec<u8> {
        let output = self.curl(rest, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{rest}: {said} {}", String::from_utf8_lossy(&output.stdout));
        output.stdout
    }

    fn curl(&self, rest: &str, options: &[&str]) -> Output {
        Command::new("curl")
            .args(options)
            .args(["--silent", "--show-error", "--fail-with-body", "--max-time", "60"])
            .args(["--aws-sigv4", &format!("aws:amz:{}:s3", self.region)])
            .args(["--user", &format!("{}:{}", self.access_key, self.secret_key)])
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .arg(format!("{}/{}{rest}", self.endpoint, self.name))
            .output()
            .expect("curl starts")
    }
}
