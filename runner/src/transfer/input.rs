//! The inputs of an attempt, read wherever the engine likes. Each keeps a few streams open, because a
//! container is read at several places in turn: its head, its index, its video, its audio. An input whose digest
//! is known must be read from end to end, and be what the digest says.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use flotilla_engine::wire;

use super::digest::{Check, Verdict};
use super::fetch::Object;
use super::lane::Lane;
use super::window::{self, Expected};
use super::{Error, Meter};

/// Streams open in one input.
const LANES: usize = 3;
/// Inputs with open streams; a join reads hundreds, but few at a time.
const WARM_INPUTS: usize = 3;

/// An object that may be read.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Presigned GET.
    pub url: String,
    /// Length of the whole object.
    pub size_bytes: u64,
    /// SHA-256 of the whole object, where it is known.
    pub sha256: Option<[u8; 32]>,
}

/// All inputs of one attempt.
#[derive(Debug)]
pub struct Inputs {
    inputs: Vec<Source>,
    /// Inputs with open streams, the one used last at the back.
    warm: VecDeque<usize>,
}

#[derive(Debug)]
enum Source {
    /// An object in the store.
    Stored(Box<Input>),
    /// Bytes of this process.
    Held(Bytes),
}

#[derive(Debug)]
struct Input {
    object: Object,
    /// The one used last at the back.
    lanes: VecDeque<Lane>,
    expected: Expected,
    check: Option<Check>,
}

impl Inputs {
    /// Inputs of which nothing was read.
    pub fn new(http: &reqwest::Client, meter: &Arc<Meter>, grants: &[Grant]) -> Self {
        let object = |grant: &Grant| Object {
            http: http.clone(),
            url: grant.url.as_str().into(),
            size_bytes: grant.size_bytes,
            meter: meter.clone(),
        };
        let input = |grant: &Grant| Input {
            object: object(grant),
            lanes: VecDeque::new(),
            expected: Expected::default(),
            check: grant.sha256.map(|sha256| Check::new(sha256, grant.size_bytes)),
        };
        let inputs = grants.iter().map(|grant| Source::Stored(Box::new(input(grant)))).collect();
        Self { inputs, warm: VecDeque::new() }
    }

    /// Inputs that are at hand: nothing is fetched.
    pub fn held(inputs: Vec<Bytes>) -> Self {
        Self { inputs: inputs.into_iter().map(Source::Held).collect(), warm: VecDeque::new() }
    }

    /// Reads `length` bytes, fewer at the end of the input.
    pub async fn read(&mut self, input: u32, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
        let index = input as usize;
        if index >= self.inputs.len() {
            return Err(Error::Nonsense("was asked for an input that the task does not have"));
        }
        self.warm.retain(|warm| *warm != index);
        self.warm.push_back(index);
        if self.warm.len() > WARM_INPUTS
            && let Some(coldest) = self.warm.pop_front()
            && let Source::Stored(coldest) = &mut self.inputs[coldest]
        {
            coldest.lanes.clear();
        }
        match &mut self.inputs[index] {
            Source::Stored(input) => input.read(offset, length).await,
            Source::Held(bytes) => Ok(stretch(bytes, offset, length)),
        }
    }

    /// From now on this stretch of an input will be read whole and in order; empty: nothing is known.
    pub fn expect(&mut self, input: u32, range: Range<u64>) {
        if let Some(Source::Stored(input)) = self.inputs.get_mut(input as usize) {
            input.expected = Expected(range);
        }
    }

    /// An error, in one sentence, when an input with a digest was not read from end to end or is not what the
    /// digest says.
    pub fn verify(&self) -> Result<(), String> {
        let verdicts = self.inputs.iter().map(Source::verdict);
        verdicts.enumerate().try_for_each(|(index, verdict)| match verdict {
            None | Some(Verdict::Same) => Ok(()),
            Some(Verdict::Different) => Err(format!(
                "input {index} is not what was stored: its SHA-256 differs from the one on record"
            )),
            Some(Verdict::Incomplete) => {
                Err(format!("input {index} was not read from end to end, so that its SHA-256 is not checked"))
            }
        })
    }
}

impl Source {
    /// None where no digest is on record.
    fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Stored(input) => input.check.as_ref().map(Check::verdict),
            Self::Held(_) => None,
        }
    }
}

impl Input {
    async fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
        let left = self.object.size_bytes.saturating_sub(offset);
        let length = left.min(length.into()).min(wire::MAX_PAYLOAD_BYTES as u64) as usize;
        if length == 0 {
            return Ok(Vec::new());
        }
        let reaches: Vec<_> = self.lanes.iter().map(Lane::reach).collect();
        let open = window::choose(&reaches, offset).and_then(|index| self.lanes.remove(index));
        let mut lane = open.unwrap_or_else(|| Lane::new(self.object.clone(), offset));
        self.lanes.iter_mut().for_each(Lane::pause);
        if self.lanes.len() == LANES {
            self.lanes.pop_front();
        }
        let bytes = lane.read(offset, length, &self.expected).await?;
        self.lanes.push_back(lane);
        if let Some(check) = &mut self.check {
            check.pass(offset, &bytes);
        }
        Ok(bytes)
    }
}

/// So many bytes from an offset on; fewer at the end.
fn stretch(bytes: &Bytes, offset: u64, length: u32) -> Vec<u8> {
    let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
    let length = (length as usize).min(wire::MAX_PAYLOAD_BYTES).min(bytes.len() - start);
    bytes[start..start + length].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_at_hand_are_read_like_an_object() {
        let mut inputs = Inputs::held(vec![Bytes::from_static(b"0123456789")]);
        for (offset, length, expected) in [(0, 3, "012"), (8, 5, "89"), (10, 1, ""), (u64::MAX, 1, "")] {
            assert_eq!(inputs.read(0, offset, length).await.unwrap(), expected.as_bytes(), "{offset}");
        }
        assert!(inputs.read(1, 0, 1).await.is_err());
        assert_eq!(inputs.verify(), Ok(()));
    }
}
