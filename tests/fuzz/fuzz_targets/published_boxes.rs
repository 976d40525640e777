//! The coordinator's reader of MP4 boxes, over bytes that a runner returned.
#![no_main]

use flotilla_coordinator::publish::init::InitFacts;
use flotilla_coordinator::publish::moof::FragmentHead;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(facts) = InitFacts::parse(data) {
        assert!(facts.timescale > 0);
        assert!(facts.codecs.chars().all(|character| character.is_ascii_graphic()), "{facts:?}");
    }
    let _ = FragmentHead::parse(data);
});
