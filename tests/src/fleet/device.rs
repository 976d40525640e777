//! The device of tests: see the engine's `encode/faulty.rs`. What goes wrong with it is written into its folder, at any time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A device that a runner can be started with.
pub struct Device {
    folder: PathBuf,
}

impl Device {
    /// A device of that name below `folder` that carries so many encodes at a time.
    pub fn new(folder: &Path, name: &str, sessions: u32) -> Self {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("sessions"), sessions.to_string()).expect("a file can be written");
        Self { folder }
    }

    /// Gives some to a runner that is about to start.
    pub fn plug<'a>(devices: impl IntoIterator<Item = &'a Self>, runner: &mut Command) {
        let folders: Vec<_> = devices.into_iter().map(|device| device.folder.as_os_str()).collect();
        runner.env("FLOTILLA_TEST_DEVICE", folders.join(std::ffi::OsStr::new(":")));
    }

    /// From now on this goes wrong: "fail 40", "hang 40", "crash 40", "wrong 40", "gone"; nothing: all is well.
    pub fn fault(&self, fault: &str) {
        fs::write(self.folder.join("fault"), fault).expect("a file can be written");
    }

    /// Takes a session, as another program does, until what is returned is dropped.
    pub fn occupy(&self, session: u32) -> File {
        let path = self.folder.join(format!("session-{session}"));
        let file = File::options().create(true).append(true).open(path).expect("a file can be written");
        file.lock().expect("a session that can be taken");
        file
    }
}
