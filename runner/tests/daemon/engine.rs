//! Engines of a few lines of shell. They pass every trial of an encoder and know no device; what they do with a task is the
//! test's to say.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flotilla_runner::config::Engine;

/// Reads the assignment, answers trials, and offers `word KIND TEXT`: a frame of the pipe protocol.
const PRELUDE: &str = r#"#!/bin/sh
set -e
word() { printf "\\$1\\000\\000$(printf '\\%03o\\%03o' $((${#2} >> 8)) $((${#2} & 255)))"; printf %s "$2"; }
set -- $(head -c 5 | od -An -tu1)
assignment=$(head -c $((($2 << 24) + ($3 << 16) + ($4 << 8) + $5)))
done_word='{"kind":"extract_text","cue_counts":[5]}'
case $assignment in
  *'"kind":"assemble"'*) done_word='{"kind":"assemble","sample_count":5}';;
  *'"kind":"trial"'*) word 023 '{"kind":"trial","fingerprint":"f","version":"v"}'; exit;;
  *'"kind":"device"'*) word 023 '{"kind":"device","answer":{"answer":"refused","code":-1,"message":"none"}}'; exit;;
esac
"#;

/// Says that the task is done.
pub const DONE: &str = r#"word 023 "$done_word""#;

/// Notes a process of its group in `pid`, then is silent for ever, deaf to SIGTERM.
pub const HANG: &str = "trap '' TERM; sleep 1000 & echo $! > $(dirname $0)/pid; wait";

/// Says for ever, often enough, that it is as far as before.
pub const CHATTER: &str = r#"echo $$ > $(dirname $0)/pid
while :; do printf '\022\000\000\000\010\000\000\000\000\000\000\000\001'; sleep 0.05; done"#;

/// Gets further by one every now and then, until it is done.
pub const PLOD: &str = r#"echo $$ > $(dirname $0)/pid
for frame in 1 2 3 4 5; do
  printf "\\022\\000\\000\\000\\010\\000\\000\\000\\000\\000\\000\\000\\00$frame"; sleep 0.25
done
word 023 "$done_word""#;

/// Writes an engine that does `body` into a folder.
pub fn script(folder: &Path, body: &str) -> Engine {
    engine(folder, &format!("{PRELUDE}{body}\n"))
}

/// Writes an engine that fails every trial.
pub fn broken(folder: &Path) -> Engine {
    engine(folder, "#!/bin/sh\nexit 3\n")
}

fn engine(folder: &Path, text: &str) -> Engine {
    let program = folder.join("engine");
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Engine { program, arguments: Vec::new(), memory_mib: 0 }
}
