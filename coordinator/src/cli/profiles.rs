//! `flotilla profiles`: works without a coordinator, so that a profile can be checked before it is used.

use flotilla_profiles::Library;

use super::exit::{Exit, UserError};
use super::lists::print_json;
use super::table::{print, table};
use super::{ProfilesArgs, ProfilesCommand};

/// Lists the profiles, or shows one.
pub fn run(args: &ProfilesArgs, json: bool) -> Result<(), UserError> {
    let library = Library::load(args.profiles_dir.as_deref());
    let library = library.map_err(|error| {
        UserError::new(
            Exit::Profile,
            error.to_string(),
            "correct the lines named above; docs/profiles.md has every key",
        )
    })?;
    match &args.command {
        Some(ProfilesCommand::Show { name }) => show(&library, name, json),
        None => list(&library, json),
    }
}

fn list(library: &Library, json: bool) -> Result<(), UserError> {
    let profiles: Vec<_> = library.names().filter_map(|name| library.get(name).ok()).collect();
    if json {
        return print_json(&profiles);
    }
    let mut rows = table(&["name", "description"]);
    for profile in profiles {
        rows.add_row([&profile.name, &profile.description]);
    }
    print(&rows, "no profiles");
    Ok(())
}

fn show(library: &Library, name: &str, json: bool) -> Result<(), UserError> {
    let profile = library.get(name);
    let profile = profile.map_err(|error| {
        UserError::new(Exit::Profile, error.to_string(), "list them with `flotilla profiles`")
    })?;
    if json {
        return print_json(profile);
    }
    let text = toml::to_string(profile);
    print!(
        "{}",
        text.map_err(|error| UserError::new(Exit::Internal, error.to_string(), "please report this"))?
    );
    Ok(())
}
