//! Reading a TOML table field by field while remembering where each stood. Every mistake becomes a problem with its line
//! and reading goes on with a stand-in, so one pass finds them all; whoever reads must look at the problems at the end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::near::near;

/// A mistake in a profile file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// A sentence with a way out.
    pub message: String,
}

/// The text being read and what is wrong with it so far.
pub(crate) struct Page<'a> {
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// Notes a problem at a position in the text.
    pub(crate) fn report(&self, offset: usize, message: impl Into<String>) {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        self.problems.borrow_mut().push(Problem { line, message: message.into() });
    }

    /// All problems by line.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems
    }
}

/// A table and the fields of it that were asked for.
pub(crate) struct Section<'a> {
    page: &'a Page<'a>,
    /// As people write it: "[video.rate]"; empty for the top.
    title: String,
    offset: usize,
    table: &'a DeTable<'a>,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn top(page: &'a Page<'a>, table: &'a DeTable<'a>) -> Self {
        Self { page, title: String::new(), offset: 0, table, known: RefCell::default() }
    }

    /// Its name, as in `video.rate`.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// A sub-table; none when it is absent or no table.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, &format!("a table: write [{}]", self.path(key)));
            return None;
        };
        let offset = value.span().start;
        Some(Section { page: self.page, title: self.path(key), offset, table, known: RefCell::default() })
    }

    /// As [`Section::section`]; its absence is a problem.
    pub(crate) fn required_section(&self, key: &'static str) -> Option<Section<'a>> {
        if !self.table.contains_key(key) {
            self.value(key);
            self.report(format!("the section [{}] is missing", self.path(key)));
        }
        self.section(key)
    }

    /// A required text.
    pub(crate) fn text(&self, key: &'static str) -> Option<&'a str> {
        let value = self.required(key, "\"…\"")?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a text in quotes");
        }
        text
    }

    /// A text out of a list; its absence is no problem when there is a `default`.
    pub(crate) fn choice(
        &self,
        key: &'static str,
        choices: &[&str],
        default: Option<&str>,
    ) -> Option<String> {
        if let (false, Some(default)) = (self.table.contains_key(key), default) {
            self.value(key);
            return Some(default.to_owned());
        }
        let text = self.text(key)?;
        if !choices.contains(&text) {
            let hint =
                near(text, choices.iter().copied()).first().map(|name| format!("did you mean {name:?}? "));
            let known = choices.join(", ");
            let hint = hint.unwrap_or_default();
            self.report_at(key, format!("{} {text:?} is not known: {hint}known are {known}", self.path(key)));
            return None;
        }
        Some(text.to_owned())
    }

    /// A whole number within bounds; absent: `default`, and if there is none, a problem.
    pub(crate) fn whole(&self, key: &'static str, range: RangeInclusive<u32>, default: Option<u32>) -> u32 {
        let value = match default {
            Some(default) if !self.table.contains_key(key) => {
                self.value(key);
                return default;
            }
            _ => self.required(key, &range.start().to_string()),
        };
        value.and_then(|value| self.number(key, value, &range)).unwrap_or(*range.start())
    }

    /// Yes or no; absent: `default`, and if there is none, a problem.
    pub(crate) fn flag(&self, key: &'static str, default: Option<bool>) -> bool {
        let value = match default {
            Some(default) if !self.table.contains_key(key) => {
                self.value(key);
                return default;
            }
            _ => self.required(key, "true"),
        };
        let flag = value.and_then(|value| {
            let flag = value.get_ref().as_bool();
            if flag.is_none() {
                self.wrong_type(key, value, "true or false, without quotes");
            }
            flag
        });
        flag.unwrap_or_default()
    }

    /// A required list of whole numbers within bounds, each with where it stands.
    pub(crate) fn whole_list(&self, key: &'static str, range: RangeInclusive<u32>) -> Vec<(u32, usize)> {
        let Some(value) = self.required(key, "[360, 720]") else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list: write [360, 720]");
            return Vec::new();
        };
        list.iter().filter_map(|item| Some((self.number(key, item, &range)?, item.span().start))).collect()
    }

    /// All fields of this table as texts, whatever their names.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let plain = |name: &str, value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(_) => integer(value.get_ref()).map(|number| number.to_string()),
            DeValue::Float(number) => Some(number.as_str().replace('_', "")),
            DeValue::Boolean(yes) => Some(u8::from(*yes).to_string()),
            _ => {
                let path = self.path(name);
                let wanted = "a text, a number, true or false";
                self.page.report(value.span().start, format!("{path} must be {wanted}"));
                None
            }
        };
        let pairs = self.table.iter().filter_map(|(name, value)| {
            let name = name.get_ref().as_ref();
            Some((name.to_owned(), plain(name, value)?))
        });
        pairs.collect()
    }

    /// The field is there, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The field is a list of nothing.
    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        let list = self.table.get(key).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// Whatever stands in the field was judged elsewhere.
    pub(crate) fn ignore(&self, key: &'static str) {
        self.value(key);
    }

    /// Reports fields that nobody asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for key in self.table.keys().filter(|key| !known.contains(key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let hint = match near(name, known.iter().copied()).first() {
                Some(close) => format!("did you mean {close:?}?"),
                None => format!("known here: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            self.page.report(key.span().start, format!("there is no field {}; {hint}", self.path(name)));
        }
    }

    /// Notes a problem of the whole section.
    pub(crate) fn report(&self, message: impl Into<String>) {
        self.page.report(self.offset, message);
    }

    /// Notes a problem of a field; of the section when the field is absent.
    pub(crate) fn report_at(&self, key: &str, message: impl Into<String>) {
        let offset = self.table.get(key).map_or(self.offset, |value| value.span().start);
        self.page.report(offset, message);
    }

    /// Notes a problem at a position in the text.
    pub(crate) fn report_offset(&self, offset: usize, message: impl Into<String>) {
        self.page.report(offset, message);
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn required(&self, key: &'static str, example: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let value = self.value(key);
        if value.is_none() {
            self.report(format!("{} is missing: add `{key} = {example}`", self.path(key)));
        }
        value
    }

    fn number(&self, key: &str, value: &Spanned<DeValue<'_>>, range: &RangeInclusive<u32>) -> Option<u32> {
        let Some(number) = integer(value.get_ref()) else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        let number = u32::try_from(number).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            let path = self.path(key);
            self.page.report(value.span().start, format!("{path} must be between {least} and {most}"));
        }
        number
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = value.get_ref().type_str();
        let message = format!("{} must be {wanted}; it is of type {found}", self.path(key));
        self.page.report(value.span().start, message);
    }

    fn path(&self, key: &str) -> String {
        match self.title.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.title),
        }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
}
