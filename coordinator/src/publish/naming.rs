//! What alternates are called in the manifest. Titles and languages come from whoever made the source, so whatever could
//! end a quoted string or a line is replaced.

use std::borrow::Cow;

use crate::domain::language;

/// Longest title that is kept, characters.
const MAX_TITLE_CHARS: usize = 100;

/// What people choose by: the title, else the language, else the plan's name; told apart from those `taken`.
pub(super) fn unique_name(title: &str, stated_language: &str, plan_name: &str, taken: &[String]) -> String {
    let spoken = language::name(stated_language).map(Cow::from);
    let tagged = language::tag(stated_language).map(Cow::from);
    let wanted = [Some(Cow::from(title)), spoken, tagged, Some(Cow::from(plan_name))];
    let mut names = wanted.into_iter().flatten().map(|name| quoted(&name));
    let name = names.find(|name| !name.is_empty()).unwrap_or_default();
    let numbered = (2..).map(|number| format!("{name} {number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !taken.contains(name)).expect("the numbers do not end")
}

/// Text for a quoted string, which knows no escapes (RFC 8216 §4.2): what it may not hold is replaced.
pub(super) fn quoted(text: &str) -> String {
    let safe = |letter: char| match letter {
        '"' => '\'',
        letter if letter.is_control() || is_break(letter) => ' ',
        letter => letter,
    };
    let text: String = text.chars().take(MAX_TITLE_CHARS).map(safe).collect();
    text.trim().to_owned()
}

/// Line ends that are no control characters, and marks that turn the direction of the text around them.
fn is_break(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(title: &str, language: &str, taken: &[&str], expected: &str) {
        let taken: Vec<_> = taken.iter().map(ToString::to_string).collect();
        assert_eq!(unique_name(title, language, "audio-1", &taken), expected);
    }

    #[test]
    fn titles_languages_and_numbers_tell_tracks_apart() {
        check("Director's cut", "eng", &[], "Director's cut");
        check("", "ger", &[], "German");
        check("", "gsw", &[], "gsw");
        check("", "und", &[], "audio-1");
        check("", "eng", &["English"], "English 2");
        check("", "eng", &["English", "English 2"], "English 3");
    }

    #[test]
    fn no_title_can_write_a_line_of_the_manifest() {
        check("a\"\n#EXT-X-MEDIA:URI=\"http://evil/", "", &[], "a' #EXT-X-MEDIA:URI='http://evil/");
        check("\u{202e}\u{2028}", "eng", &[], "English");
        check(&"x".repeat(5000), "", &[], &"x".repeat(100));
    }
}
