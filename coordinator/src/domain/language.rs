//! Languages as containers name them (ISO 639-2, both its forms, or BCP 47) and as manifests must (RFC 5646: the shortest
//! code that there is), with a name for people.

/// ISO 639-1, ISO 639-2 (terminologic, then bibliographic where it differs), English name.
const KNOWN: [(&str, &str, &str, &str); 62] = [
    ("af", "afr", "", "Afrikaans"),
    ("ar", "ara", "", "Arabic"),
    ("az", "aze", "", "Azerbaijani"),
    ("be", "bel", "", "Belarusian"),
    ("bg", "bul", "", "Bulgarian"),
    ("bn", "ben", "", "Bengali"),
    ("br", "bre", "", "Breton"),
    ("bs", "bos", "", "Bosnian"),
    ("ca", "cat", "", "Catalan"),
    ("cs", "ces", "cze", "Czech"),
    ("cy", "cym", "wel", "Welsh"),
    ("da", "dan", "", "Danish"),
    ("de", "deu", "ger", "German"),
    ("el", "ell", "gre", "Greek"),
    ("en", "eng", "", "English"),
    ("eo", "epo", "", "Esperanto"),
    ("es", "spa", "", "Spanish"),
    ("et", "est", "", "Estonian"),
    ("eu", "eus", "baq", "Basque"),
    ("fa", "fas", "per", "Persian"),
    ("fi", "fin", "", "Finnish"),
    ("fr", "fra", "fre", "French"),
    ("ga", "gle", "", "Irish"),
    ("gl", "glg", "", "Galician"),
    ("he", "heb", "", "Hebrew"),
    ("hi", "hin", "", "Hindi"),
    ("hr", "hrv", "", "Croatian"),
    ("hu", "hun", "", "Hungarian"),
    ("hy", "hye", "arm", "Armenian"),
    ("id", "ind", "", "Indonesian"),
    ("is", "isl", "ice", "Icelandic"),
    ("it", "ita", "", "Italian"),
    ("ja", "jpn", "", "Japanese"),
    ("ka", "kat", "geo", "Georgian"),
    ("kk", "kaz", "", "Kazakh"),
    ("ko", "kor", "", "Korean"),
    ("la", "lat", "", "Latin"),
    ("lt", "lit", "", "Lithuanian"),
    ("lv", "lav", "", "Latvian"),
    ("mk", "mkd", "mac", "Macedonian"),
    ("ms", "msa", "may", "Malay"),
    ("nb", "nob", "", "Norwegian Bokmål"),
    ("nl", "nld", "dut", "Dutch"),
    ("nn", "nno", "", "Norwegian Nynorsk"),
    ("no", "nor", "", "Norwegian"),
    ("oc", "oci", "", "Occitan"),
    ("pl", "pol", "", "Polish"),
    ("pt", "por", "", "Portuguese"),
    ("ro", "ron", "rum", "Romanian"),
    ("ru", "rus", "", "Russian"),
    ("sk", "slk", "slo", "Slovak"),
    ("sl", "slv", "", "Slovenian"),
    ("sq", "sqi", "alb", "Albanian"),
    ("sr", "srp", "", "Serbian"),
    ("sv", "swe", "", "Swedish"),
    ("sw", "swa", "", "Swahili"),
    ("ta", "tam", "", "Tamil"),
    ("th", "tha", "", "Thai"),
    ("tr", "tur", "", "Turkish"),
    ("uk", "ukr", "", "Ukrainian"),
    ("vi", "vie", "", "Vietnamese"),
    ("zh", "zho", "chi", "Chinese"),
];

/// Longest tag that is kept (RFC 5646 §4.4.1), bytes.
const MAX_TAG_BYTES: usize = 35;

/// A language tag that is fit for a manifest and an object's name; none when the container's says nothing.
pub fn tag(stated: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let usable = (2..=MAX_TAG_BYTES).contains(&stated.len()) && stated.bytes().all(plain);
    let (language, rest) = stated.split_once('-').map_or((stated, ""), |(language, rest)| (language, rest));
    let language = language.to_ascii_lowercase();
    if !usable || language.len() < 2 || matches!(language.as_str(), "und" | "zxx" | "mis") {
        return None;
    }
    let short = find(&language).map_or(language.as_str(), |known| known.0);
    Some(if rest.is_empty() { short.to_owned() } else { format!("{short}-{rest}") })
}

/// What people call it; none where only its code is known.
pub fn name(stated: &str) -> Option<&'static str> {
    let language = stated.split('-').next().unwrap_or_default().to_ascii_lowercase();
    find(&language).map(|known| known.3)
}

fn find(code: &str) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    KNOWN.iter().find(|known| !code.is_empty() && [known.0, known.1, known.2].contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stated: &str, expected: Option<&str>, named: Option<&str>) {
        assert_eq!((tag(stated).as_deref(), name(stated)), (expected, named), "{stated:?}");
    }

    #[test]
    fn languages_get_the_shortest_code_and_a_name() {
        check("eng", Some("en"), Some("English"));
        check("ger", Some("de"), Some("German"));
        check("deu", Some("de"), Some("German"));
        check("pt-BR", Some("pt-BR"), Some("Portuguese"));
        check("gsw", Some("gsw"), None);
    }

    #[test]
    fn what_says_nothing_is_no_language() {
        for nothing in ["", "und", "UND", "e", "../x", "en_US", "a\"b", "-en"] {
            assert_eq!(tag(nothing), None, "{nothing:?}");
        }
    }
}
