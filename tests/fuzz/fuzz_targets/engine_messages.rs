//! What daemon and engine say to each other, in both directions: any bytes are read or refused, and what was read is
//! written and read again as the same.
#![no_main]

use flotilla_engine::wire::{FromEngine, Message, ToEngine, read, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check::<ToEngine>(data);
    check::<FromEngine>(data);
});

fn check<M: Message + PartialEq + std::fmt::Debug>(mut from: &[u8]) {
    while let Ok(Some(message)) = read::<M>(&mut from) {
        let mut pipe = Vec::new();
        write(&mut pipe, &message).expect("a vector takes all bytes");
        let again = read::<M>(&mut pipe.as_slice()).expect("what was written can be read");
        assert_eq!(again, Some(message));
    }
}
