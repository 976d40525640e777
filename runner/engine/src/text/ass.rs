//! The text of a SubStation event ("ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text") as cue text.

/// Fields before the text.
const FIELDS_BEFORE_TEXT: usize = 8;

/// What WebVTT can say of a letter's style.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    bold: bool,
    italic: bool,
    underlined: bool,
}

/// The event's text, escaped for WebVTT, without blank lines; empty: nothing to show.
pub(super) fn cue_text(event: &str) -> String {
    let text = event.splitn(FIELDS_BEFORE_TEXT + 1, ',').nth(FIELDS_BEFORE_TEXT).unwrap_or_default();
    let mut writer = Writer::default();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '{' => {
                writer.overrides(&letters.by_ref().take_while(|&letter| letter != '}').collect::<String>())
            }
            '\\' => match letters.next() {
                Some('N' | 'n') => writer.put('\n'),
                Some('h') => writer.put('\u{a0}'),
                Some(escaped @ ('{' | '}' | '\\')) => writer.put(escaped),
                other => {
                    writer.put('\\');
                    other.into_iter().for_each(|letter| writer.put(letter));
                }
            },
            letter => writer.put(letter),
        }
    }
    writer.finish()
}

#[derive(Default)]
struct Writer {
    text: String,
    wanted: Style,
    written: Style,
    /// The letters are the outlines of a picture.
    draws: bool,
    sounds: bool,
}

impl Writer {
    fn put(&mut self, letter: char) {
        if self.draws {
            return;
        }
        if letter == '\n' {
            // A blank line would end the cue.
            self.restyle(Style::default());
            let blank = self.text.rsplit('\n').next().unwrap_or_default().trim().is_empty();
            if !blank {
                self.text.push('\n');
            }
            return;
        }
        let at_line_start = self.text.is_empty() || self.text.ends_with('\n');
        if letter.is_control() || (letter == ' ' && at_line_start) {
            return;
        }
        self.sounds |= !letter.is_whitespace();
        self.restyle(self.wanted);
        match letter {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            letter => self.text.push(letter),
        }
    }

    fn overrides(&mut self, codes: &str) {
        for code in codes.split('\\').skip(1) {
            let Some((name, value)) = code.trim().split_at_checked(1) else { continue };
            match (name, value.parse::<i32>()) {
                ("b", Ok(weight)) => self.wanted.bold = weight == 1 || weight >= 600,
                ("i", Ok(on)) => self.wanted.italic = on != 0,
                ("u", Ok(on)) => self.wanted.underlined = on != 0,
                ("p", Ok(scale)) => self.draws = scale > 0,
                ("r", _) => self.wanted = Style::default(),
                _ => {}
            }
        }
    }

    /// Closes all tags and opens those of the style, so that they nest whatever the order of changes.
    fn restyle(&mut self, style: Style) {
        if style == self.written {
            return;
        }
        let tags = |style: Style| [("b", style.bold), ("i", style.italic), ("u", style.underlined)];
        for (tag, _) in tags(self.written).into_iter().rev().filter(|(_, on)| *on) {
            self.text.push_str(&format!("</{tag}>"));
        }
        for (tag, _) in tags(style).into_iter().filter(|(_, on)| *on) {
            self.text.push_str(&format!("<{tag}>"));
        }
        self.written = style;
    }

    fn finish(mut self) -> String {
        self.restyle(Style::default());
        if self.sounds { self.text.trim().to_owned() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(cue_text(&format!("0,0,Default,,0,0,0,,{text}")), expected);
    }

    #[test]
    fn lines_and_simple_styles_are_kept() {
        check("Hello, world", "Hello, world");
        check("one\\Ntwo\\nthree", "one\ntwo\nthree");
        check("{\\i1}quiet{\\i0} and {\\b1\\u1}loud", "<i>quiet</i> and <b><u>loud</u></b>");
        check("{\\i1}a{\\b1}b{\\i0}c", "<i>a</i><b><i>b</i></b><b>c</b>");
        check("{\\i1}first\\Nsecond{\\r}third", "<i>first</i>\n<i>second</i>third");
    }

    #[test]
    fn positions_comments_and_drawings_go() {
        check("{\\an8\\pos(1,2)\\blur3\\bord1}up", "up");
        check("{a note}text", "text");
        check("{\\p1}m 0 0 l 100 0{\\p0}text", "text");
        check("{\\p1}m 0 0 l 100 0", "");
    }

    #[test]
    fn nothing_of_the_source_is_markup_or_ends_a_cue() {
        check("1 < 2 && 3 > 2", "1 &lt; 2 &amp;&amp; 3 &gt; 2");
        check("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;");
        check("00:00:01.000 --> 00:00:02.000", "00:00:01.000 --&gt; 00:00:02.000");
        check("a\\N\\N\\N \\Nb\r\u{0}", "a\nb");
        check("\\{brace\\}\\x", "{brace}\\x");
        check("{\\i1}\\N {\\i0}", "");
        check("{never closed", "");
        assert_eq!(cue_text("broken"), "");
    }
}
