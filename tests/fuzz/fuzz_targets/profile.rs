//! Profile files: any text is a profile or a list of problems with their places, and a profile reads back from the form
//! in which it is stored with a job.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match flotilla_profiles::parse(text) {
        Ok(profile) => {
            let stored = serde_json::to_string(&profile).expect("a profile has a JSON form");
            let again: flotilla_profiles::Profile = serde_json::from_str(&stored).expect("it reads back");
            assert_eq!(again, profile);
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
