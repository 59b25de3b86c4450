//! Reads settings by the kinds of the table and collects every problem.

use serde::Serialize;

use super::table::{Choice, Number, Text};

/// Why the settings are refused. It never quotes a value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The name of the setting.
    pub setting: String,
    /// Whether the setting is missing or invalid.
    pub kind: Kind,
    /// A sentence for the operator, which begins with the name.
    pub message: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The setting must be set.
    Missing,
    /// The setting has a value that is not accepted.
    Invalid,
}

/// Reads settings from `lookup`. An empty setting counts as missing.
pub(super) struct Reader<'a> {
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the defaults are those of local development.
    pub is_local: bool,
    pub problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Adds a problem. `message` follows the name of the setting.
    pub fn invalid(&mut self, setting: &str, message: &str) {
        self.problems.push(Problem {
            setting: setting.to_owned(),
            kind: Kind::Invalid,
            message: format!("{setting} {message}"),
        });
    }

    /// Adds the problem that a setting is missing.
    pub fn missing(&mut self, setting: &str, why: &str) {
        let message = format!("{setting} is missing: {why}");
        self.problems.push(Problem { setting: setting.to_owned(), kind: Kind::Missing, message });
    }

    /// Returns the trimmed text of a setting, or its default.
    pub fn text(&self, setting: Text) -> Option<String> {
        self.given(setting.name).or_else(|| self.default(setting.default, setting.local).map(str::to_owned))
    }

    /// Returns a text that must be there. If it is missing, adds a problem and returns an empty text.
    pub fn required(&mut self, setting: Text, why: &str) -> String {
        self.text(setting).unwrap_or_else(|| {
            self.missing(setting.name, why);
            String::new()
        })
    }

    /// Returns the text of a setting that each OpenID Provider has, or its default. `provider` is the part of the name.
    pub fn text_of(&self, setting: Text, provider: &str) -> Option<String> {
        self.given(&name_of(setting, provider))
            .or_else(|| self.default(setting.default, setting.local).map(str::to_owned))
    }

    /// As [`Reader::required`], for a setting that each OpenID Provider has.
    pub fn required_of(&mut self, setting: Text, provider: &str, why: &str) -> String {
        self.text_of(setting, provider).unwrap_or_else(|| {
            self.missing(&name_of(setting, provider), why);
            String::new()
        })
    }

    /// As [`Reader::invalid`], for a setting that each OpenID Provider has.
    pub fn invalid_of(&mut self, setting: Text, provider: &str, message: &str) {
        self.invalid(&name_of(setting, provider), message);
    }

    /// Returns a text without trimming it: a password may begin or end with a space.
    pub fn untrimmed(&self, setting: Text) -> Option<String> {
        (self.lookup)(setting.name).filter(|value| !value.is_empty())
    }

    /// Returns a word of the choices.
    pub fn choice(&mut self, setting: Choice) -> &'static str {
        let default = self.default_choice(setting);
        let Some(text) = self.given(setting.name) else { return default };
        setting.choices.iter().copied().find(|choice| *choice == text).unwrap_or_else(|| {
            self.invalid(setting.name, &format!("must be one of {}", setting.choices.join(", ")));
            default
        })
    }

    /// Returns the words of a list, each once.
    pub fn list(&mut self, setting: Choice) -> Vec<&'static str> {
        let text = self.given(setting.name).unwrap_or_else(|| self.default_choice(setting).to_owned());
        let mut words = Vec::new();
        for word in text.split(',').map(str::trim) {
            match setting.choices.iter().copied().find(|choice| *choice == word) {
                Some(word) if words.contains(&word) => self.invalid(setting.name, &format!("names {word} twice")),
                Some(word) => words.push(word),
                None => {
                    let choices = setting.choices.join(", ");
                    self.invalid(setting.name, &format!("must be one or more of {choices}, with commas between them"));
                }
            }
        }
        words
    }

    /// Returns a number in the bounds.
    pub fn number(&mut self, setting: Number) -> i64 {
        let Number { name, default, min, max } = setting;
        let Some(text) = self.given(name) else { return default };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.invalid(name, &format!("must be a whole number from {min} to {max}"));
                default
            }
        }
    }

    fn given(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn default(&self, deployed: &'static str, local: &'static str) -> Option<&'static str> {
        let default = if self.is_local && !local.is_empty() { local } else { deployed };
        (!default.is_empty()).then_some(default)
    }

    fn default_choice(&self, setting: Choice) -> &'static str {
        self.default(setting.choices.first().copied().unwrap_or_default(), setting.local).unwrap_or_default()
    }
}

/// Returns the name of a setting of an OpenID Provider.
fn name_of(setting: Text, provider: &str) -> String {
    setting.name.replace("<NAME>", provider)
}
