//! Figures and whose they are. A runner has no key pair: what proves who it is, is the secret that its coordinator gave
//! it. So results are signed with HMAC-SHA256 (RFC 2104) under the digest of that secret, which is all that the
//! coordinator keeps of it: runner and coordinator can tell, nobody else can, and nobody else can sign.

use std::path::Path;

use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::result::Findings;
use crate::error::Error;
use crate::identity::Identity;

/// Stands before what is signed, so that no other use of the secret can be mistaken for it.
const PURPOSE: &[u8] = b"flotilla-runner bench\n";
const ALGORITHM: &str = "hmac-sha256, key: hex SHA-256 of the runner's secret";
const UNSIGNED: &str = "unsigned: this runner has not joined a coordinator";

/// Figures with their signature.
#[derive(Debug, Serialize, Deserialize)]
pub struct Signed {
    /// What was found, as plain data: its bytes are what is signed.
    bench: serde_json::Value,
    signature: Signature,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signature {
    /// How it was made, or why there is none.
    algorithm: String,
    /// Whose it is, at the coordinator.
    #[serde(skip_serializing_if = "Option::is_none")]
    runner_id: Option<String>,
    /// Hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl Signed {
    /// Signs figures with an identity; without one they stay unsigned, and say so.
    pub fn new(findings: Findings, identity: Option<&Identity>) -> Self {
        let bench = serde_json::to_value(findings).expect("plain data has a JSON form");
        let signature = match identity {
            Some(identity) => Signature {
                algorithm: ALGORITHM.to_owned(),
                runner_id: Some(identity.runner_id.clone()),
                value: Some(hex::encode(hmac::sign(&key(identity), &message(&bench, identity)))),
            },
            None => Signature { algorithm: UNSIGNED.to_owned(), runner_id: None, value: None },
        };
        Self { bench, signature }
    }

    /// An error, in one sentence, when these are not unchanged figures of that identity.
    pub fn verify(&self, identity: &Identity) -> Result<(), String> {
        let Signature { runner_id, value, .. } = &self.signature;
        let (Some(runner_id), Some(value)) = (runner_id, value) else {
            return Err("it is not signed".to_owned());
        };
        if *runner_id != identity.runner_id {
            return Err(format!("it is of runner {runner_id}, not of {}", identity.runner_id));
        }
        let value =
            hex::decode(value).map_err(|error| format!("its signature is no hexadecimal: {error}"))?;
        hmac::verify(&key(identity), &message(&self.bench, identity), &value)
            .map_err(|_| "it was changed, or signed with another secret".to_owned())
    }
}

/// Says whether a file holds unchanged figures of this runner, by whichever of its names.
pub fn check(path: &Path, identities: &[Identity]) -> Result<(), Error> {
    let hint = "measure again with `flotilla-runner bench --json FILE`";
    let broken =
        |reason: String| Error::usage(format!("{} cannot be trusted: {reason}", path.display()), hint);
    let no_identity =
        || Error::usage("this runner has not joined a coordinator", "join first, or give --state-dir");
    let first = identities.first().ok_or_else(no_identity)?;
    let text = std::fs::read(path).map_err(|error| broken(format!("it cannot be read: {error}")))?;
    let signed: Signed = serde_json::from_slice(&text)
        .map_err(|error| broken(format!("it is no result of a benchmark: {error}")))?;
    let signer = |identity: &&Identity| Some(&identity.runner_id) == signed.signature.runner_id.as_ref();
    let identity = identities.iter().find(signer).unwrap_or(first);
    signed.verify(identity).map_err(broken)?;
    println!("{} is an unchanged result of runner {}", path.display(), identity.runner_id);
    Ok(())
}

/// What the coordinator keeps of the secret, as it keeps it.
fn key(identity: &Identity) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, hex::encode(Sha256::digest(&identity.secret)).as_bytes())
}

/// The signer's id is in it: a signature says whose it is.
fn message(bench: &serde_json::Value, identity: &Identity) -> Vec<u8> {
    [PURPOSE, identity.runner_id.as_bytes(), b"\n", bench.to_string().as_bytes()].concat()
}
