//! Makes a mail from sentences of the catalogues (`src/language`). Subject, text and HTML use the same sentences.

use askama::Template;

use super::{
    activity::{Details, details},
    brand::Scheme,
    message::{Message, shown_name},
};
use crate::{
    domain::{email::Email, mail_job::Activity},
    error::Error,
    language::{self, Language},
    settings::Settings,
};

/// The maximum length of a line of a text, except for links and long words.
const LINE: usize = 76;

/// Marks that isolate the direction of the text between them (UAX #9).
const ISOLATE: char = '\u{2068}';
const END_OF_ISOLATE: char = '\u{2069}';

/// Who gets a mail, and in which language.
#[derive(Clone, Copy)]
pub struct Recipient<'a> {
    /// The settings, for the name of the service and its links.
    pub settings: &'a Settings,
    /// The language of the mail.
    pub language: Language,
    /// The address.
    pub to: &'a Email,
    /// The name in the greeting, if it is known and one can be shown.
    pub name: Option<&'a str>,
}

impl Recipient<'_> {
    /// Returns the same recipient without the name, for a mail that may reach a stranger.
    #[must_use]
    pub fn unnamed(self) -> Self {
        Recipient { name: None, ..self }
    }
}

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words of the language of the mail.
    Words(String),
    /// A name, which may be written in another direction.
    Name(String),
}

/// Text in the language of the mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence(pub Vec<Piece>);

impl Sentence {
    /// Returns the sentence with this key of a catalogue.
    pub fn new(language: Language, key: &str, values: &[(&str, Piece)]) -> Sentence {
        let piece = |piece| match piece {
            language::Piece::Literal(text) => Piece::Words(text.to_owned()),
            language::Piece::Placeholder(name) => match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => value.clone(),
                // So that the tests see it.
                None => Piece::Words(format!("{{{name}}}")),
            },
        };
        Sentence(language::pieces(language.template(key)).map(piece).collect())
    }

    /// Returns a name alone.
    pub fn name(name: &str) -> Sentence {
        Sentence(vec![Piece::Name(name.to_owned())])
    }

    /// Returns the sentence for a subject or an attribute, which have no marks of direction.
    fn plain(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Words(text) | Piece::Name(text) => text.clone(),
        };
        self.0.iter().map(text).collect()
    }

    /// Returns the sentence for the text. Names are isolated in a language that is written from right to left.
    pub(super) fn text(&self, language: Language) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Name(name) if language.is_rtl() => {
                    text.extend([&*ISOLATE.to_string(), name, &*END_OF_ISOLATE.to_string()])
                }
                Piece::Words(words) | Piece::Name(words) => text.push_str(words),
            }
        }
        text
    }
}

/// A part of a mail.
enum Part<'a> {
    /// A paragraph.
    Text(Sentence),
    /// A paragraph that is less important.
    Soft(Sentence),
    /// Like `Soft`, with a link at its end.
    SoftLink(Sentence, String),
    /// A code.
    Code(&'a str),
    /// When and from where something was done.
    Details(Details),
    /// A button with this label and link. The text has the link alone.
    Button(Sentence, String),
}

/// A mail that is being written.
pub(super) struct Draft<'a> {
    recipient: Recipient<'a>,
    kind: &'static str,
    title: String,
    preview: String,
    values: Vec<(&'static str, Piece)>,
    parts: Vec<Part<'a>>,
    /// The link of the button.
    link: Option<String>,
}

impl<'a> Draft<'a> {
    /// Begins a mail. Its subject is `mail.<kind>.subject`. `title` is the key of its heading, and `preview` that of what inboxes show
    /// after the subject.
    pub fn new(recipient: Recipient<'a>, kind: &'static str, title: &str, preview: &str) -> Self {
        let values = vec![("service", Piece::Name(recipient.settings.service_name.clone()))];
        Draft {
            recipient,
            kind,
            title: title.to_owned(),
            preview: preview.to_owned(),
            values,
            parts: Vec::new(),
            link: None,
        }
    }

    /// Adds a value of the sentences that follow.
    pub fn words(mut self, name: &'static str, words: String) -> Self {
        self.values.push((name, Piece::Words(words)));
        self
    }

    /// Like [`Draft::words`], for a name.
    pub fn name(mut self, placeholder: &'static str, name: &str) -> Self {
        self.values.push((placeholder, Piece::Name(name.to_owned())));
        self
    }

    /// Adds a paragraph of these sentences.
    pub fn text(mut self, keys: &[&str]) -> Self {
        let paragraph = self.paragraph(keys);
        self.parts.push(Part::Text(paragraph));
        self
    }

    /// Adds a paragraph that is less important.
    pub fn soft(mut self, key: &str) -> Self {
        let paragraph = self.paragraph(&[key]);
        self.parts.push(Part::Soft(paragraph));
        self
    }

    /// Adds a paragraph that is less important and ends with a link.
    pub fn soft_link(mut self, key: &str, link: String) -> Self {
        let paragraph = self.paragraph(&[key]);
        self.parts.push(Part::SoftLink(paragraph, link));
        self
    }

    /// Adds a code.
    pub fn code(mut self, code: &'a str) -> Self {
        self.parts.push(Part::Code(code));
        self
    }

    /// Adds when and from where something was done, if that is known.
    pub fn details(mut self, activity: Option<&Activity>) -> Self {
        self.parts.extend(activity.map(|activity| Part::Details(details(activity, self.recipient.language))));
        self
    }

    /// Adds the button, of which a mail has at most one.
    pub fn button(mut self, label: &str, link: String) -> Self {
        let label = self.paragraph(&[label]);
        self.link = Some(link.clone());
        self.parts.push(Part::Button(label, link));
        self
    }

    fn paragraph(&self, keys: &[&str]) -> Sentence {
        let mut pieces = Vec::new();
        for key in keys {
            if !pieces.is_empty() {
                pieces.push(Piece::Words(" ".to_owned()));
            }
            pieces.extend(Sentence::new(self.recipient.language, key, &self.values).0);
        }
        Sentence(pieces)
    }

    /// Returns the mail.
    ///
    /// # Errors
    /// [`Error::Internal`] if the template cannot be rendered, which does not happen with text as values.
    pub fn finish(self) -> Result<Message, Error> {
        let Recipient { settings, language, to, name } = self.recipient;
        let subject = self.paragraph(&[&format!("mail.{}.subject", self.kind)]).plain();
        let greeting = match name.and_then(shown_name) {
            Some(name) => Sentence::new(language, "mail.hello_name", &[("name", Piece::Name(name.to_owned()))]),
            None => Sentence::new(language, "mail.hello", &[]),
        };
        let text = self.as_text(&greeting);
        let html = Html {
            language,
            subject: &subject,
            service: &settings.service_name,
            app_url: &settings.app_url,
            light: Scheme::light(&settings.brand_color),
            dark: Scheme::dark(&settings.brand_color),
            preview: self.paragraph(&[&self.preview]),
            title: self.paragraph(&[&self.title]),
            greeting,
            parts: &self.parts,
            link: self.link.as_deref().map(|link| (language.template("mail.link"), link)),
        };
        let html = html.render().map_err(|error| Error::Internal(format!("a mail cannot be rendered: {error}")))?;
        Ok(Message { kind: self.kind, to: to.clone(), subject, text, html })
    }

    fn as_text(&self, greeting: &Sentence) -> String {
        let Recipient { settings, language, .. } = self.recipient;
        let wrapped = |sentence: &Sentence| wrap(&sentence.text(language));
        let mut paragraphs = vec![wrapped(greeting)];
        for part in &self.parts {
            match part {
                Part::Text(sentence) | Part::Soft(sentence) => paragraphs.push(wrapped(sentence)),
                Part::SoftLink(sentence, link) => paragraphs.extend([wrapped(sentence), link.clone()]),
                Part::Code(code) => paragraphs.push(format!("    {code}")),
                Part::Button(_, link) => paragraphs.push(link.clone()),
                Part::Details(details) => {
                    let lines = details.iter().map(|(label, value)| wrap(&format!("{label} {}", value.text(language))));
                    paragraphs.push(lines.collect::<Vec<_>>().join("\n"));
                }
            }
        }
        paragraphs.push(format!("{}\n{}", settings.service_name, settings.app_url));
        paragraphs.join("\n\n")
    }
}

/// Breaks a text at spaces into lines.
fn wrap(text: &str) -> String {
    let mut wrapped = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > LINE {
            wrapped.push('\n');
            length = 0;
        } else if length > 0 {
            wrapped.push(' ');
            length += 1;
        }
        wrapped.push_str(word);
        length += word_length;
    }
    wrapped
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    language: Language,
    subject: &'a str,
    service: &'a str,
    app_url: &'a str,
    light: Scheme,
    dark: Scheme,
    preview: Sentence,
    title: Sentence,
    greeting: Sentence,
    parts: &'a [Part<'a>],
    /// The link of the button again, after this sentence.
    link: Option<(&'a str, &'a str)>,
}

impl Html<'_> {
    /// Returns where lines begin. Mail programs do not know `start`.
    fn start(&self) -> &'static str {
        if self.language.is_rtl() { "right" } else { "left" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_and_a_long_word_stays_whole() {
        let long = "x".repeat(100);
        for (text, expected) in [
            ("", String::new()),
            ("a b", "a b".to_owned()),
            (&format!("{} {}", "a".repeat(38), "b".repeat(37)), format!("{} {}", "a".repeat(38), "b".repeat(37))),
            (&format!("{} {}", "a".repeat(38), "b".repeat(38)), format!("{}\n{}", "a".repeat(38), "b".repeat(38))),
            (&format!("a {long} b"), format!("a\n{long}\nb")),
        ] {
            assert_eq!(wrap(text), expected);
        }
    }

    #[test]
    fn a_name_is_isolated_in_the_text_of_a_language_from_right_to_left_only() {
        let values = [("name", Piece::Name("Ada".to_owned()))];
        let text = |language: Language| Sentence::new(language, "mail.hello_name", &values).text(language);
        assert_eq!(text(Language::English), "Hello Ada,");
        assert_eq!(text(Language::Arabic), "مرحبًا \u{2068}Ada\u{2069}،");
    }

    #[test]
    fn a_value_is_not_taken_for_a_placeholder_and_a_missing_one_can_be_seen() {
        let values = [("name", Piece::Name("{name}{service}".to_owned()))];
        assert_eq!(Sentence::new(Language::English, "mail.hello_name", &values).plain(), "Hello {name}{service},");
        assert_eq!(Sentence::new(Language::English, "mail.hello_name", &[]).plain(), "Hello {name},");
    }
}
