//! Which coordinators a command is about: those of the file, and the one that is named on the command line.

use super::{Command, Run};
use crate::config::Join;
use crate::config::file::{Coordinator, File};
use crate::error::Error;

/// What is wanted of coordinators. `run --url` takes the place of the file's `[coordinator]`; the list is beside both.
pub fn wanted(command: &Command, file: &File) -> Result<Vec<Join>, Error> {
    match command {
        Command::Join { url, token, name, share } => {
            let (token, name) = (Some(token.clone()), name.clone().unwrap_or_default());
            let of_file = file.coordinators.iter().chain([&file.coordinator]).find(|one| is_of(one, url));
            let (share, allow_plaintext) = match of_file {
                Some(one) => (share.or(one.share), one.allow_plaintext),
                None => (*share, false),
            };
            Ok(vec![Join { url: url.clone(), token, name, share, allow_plaintext }])
        }
        Command::Run(run) => {
            let own = own(run, &file.coordinator)?;
            let with_token = |one: &Coordinator| {
                let token = one.token()?;
                Ok(one.known().map(|known| Join { token, ..known }))
            };
            distinct(own, file.coordinators.iter().map(with_token))
        }
        // What is set of them holds here too; their tokens are not needed, so they are not looked for.
        _ => distinct(file.coordinator.known(), file.coordinators.iter().map(|one| Ok(one.known()))),
    }
}

/// A section that names no coordinator says it of all.
pub fn all_are_plain(file: &File) -> bool {
    file.coordinator.url.is_none() && file.coordinator.allow_plaintext
}

fn own(run: &Run, file: &Coordinator) -> Result<Option<Join>, Error> {
    let named = Coordinator { url: run.url.clone().or(file.url.clone()), ..file.clone() };
    let Some(known) = named.known() else { return Ok(None) };
    let token = if run.token.is_some() { run.token.clone() } else { file.token()? };
    Ok(Some(Join { token, name: run.name.clone().unwrap_or(known.name), ..known }))
}

fn distinct(
    own: Option<Join>,
    listed: impl Iterator<Item = Result<Option<Join>, Error>>,
) -> Result<Vec<Join>, Error> {
    let mut wanted: Vec<Join> = own.into_iter().collect();
    for join in listed {
        let Some(join) = join? else {
            let hint = "give each of [[coordinators]] its url";
            return Err(Error::usage("a coordinator of the configuration has no url", hint));
        };
        if wanted.iter().any(|other| same(&other.url, &join.url)) {
            let message = format!("the coordinator {} is named twice", join.url);
            let hint = "name it once, in [coordinator], in [[coordinators]] or with --url";
            return Err(Error::usage(message, hint));
        }
        wanted.push(join);
    }
    Ok(wanted)
}

fn is_of(one: &Coordinator, url: &str) -> bool {
    one.url.as_deref().is_some_and(|own| same(own, url))
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;
    use super::*;

    const FILE: &str = "[coordinator]\nurl = 'http://a'\nshare = 3\n[[coordinators]]\nurl = 'http://b/'\nname = 'box'\n\
                        allow_plaintext = true\n";

    fn told(words: &[&str], file: &str) -> Result<Vec<(String, Option<u32>, bool)>, String> {
        let cli = Cli::try_parse_from([&["flotilla-runner"], words].concat()).unwrap();
        let wanted =
            wanted(&cli.command, &toml::from_str(file).unwrap()).map_err(|error| error.to_string())?;
        let one = |join: Join| (join.url, join.share.map(|share| share.get()), join.allow_plaintext);
        Ok(wanted.into_iter().map(one).collect())
    }

    #[test]
    fn section_list_and_command_line_come_together() {
        let (a, b) = (("http://a".to_owned(), Some(3), false), ("http://b/".to_owned(), None, true));
        assert_eq!(told(&["run"], FILE), Ok(vec![a.clone(), b.clone()]));
        assert_eq!(told(&["status"], FILE), Ok(vec![a, b.clone()]));
        let other = ("http://c".to_owned(), Some(3), false);
        assert_eq!(told(&["run", "--url", "http://c"], FILE), Ok(vec![other, b]));
        assert_eq!(told(&["run"], ""), Ok(vec![]));
        let joined = |share| Ok(vec![("http://b".to_owned(), share, true)]);
        assert_eq!(told(&["join", "http://b", "--token", "t"], FILE), joined(None));
        assert_eq!(told(&["join", "http://b", "--token", "t", "--share", "7"], FILE), joined(Some(7)));
    }

    #[test]
    fn each_is_named_once_and_has_an_address() {
        assert!(told(&["run", "--url", "http://b"], FILE).unwrap_err().contains("http://b/ is named twice"));
        assert!(told(&["run"], "[[coordinators]]\nname = 'n'\n").unwrap_err().contains("no url"));
    }
}
