//! When, from which device and from which place something was done, in words.

use super::{
    compose::{Piece, Sentence},
    message::shown_name,
};
use crate::{
    domain::{Timestamp, calendar::DateTime, mail_job::Activity},
    language::Language,
};

/// What a mail says about an action: labels and values.
pub type Details = Vec<(&'static str, Sentence)>;

/// Returns the words for an action. What is not known is left out.
pub fn details(activity: &Activity, language: Language) -> Details {
    let Activity { at, browser, system, country, city } = activity;
    let sentence = |key: &str, values: &[(&str, Piece)]| Sentence::new(language, key, values);
    let name = |name: &str| Piece::Name(name.to_owned());
    // Clients choose the name of a program that is not a browser.
    let device = match (browser.as_deref().and_then(shown_name), system.as_deref()) {
        (Some(browser), Some(system)) => {
            Some(sentence("mail.device_on", &[("browser", name(browser)), ("system", name(system))]))
        }
        (Some(one), None) | (None, Some(one)) => Some(Sentence::name(one)),
        (None, None) => None,
    };
    let country = country.as_deref().map(|code| Piece::Words(language.country(code).to_owned()));
    let place = match (city.as_deref(), country) {
        (Some(city), Some(country)) => Some(sentence("mail.city_in", &[("city", name(city)), ("country", country)])),
        (Some(city), None) => Some(sentence("mail.place_near", &[("place", name(city))])),
        (None, Some(country)) => Some(sentence("mail.place_near", &[("place", country)])),
        (None, None) => None,
    };
    let details = [
        ("mail.when", Some(Sentence(vec![Piece::Words(time(*at, language))]))),
        ("mail.device", device),
        ("mail.place", place),
    ];
    details.into_iter().filter_map(|(label, value)| Some((language.template(label), value?))).collect()
}

/// Returns a time such as `November 28, 2026, 13:40 UTC`.
fn time(at: Timestamp, language: Language) -> String {
    let DateTime { year, month, day, hour, minute } = DateTime::at(at);
    let values = [
        ("year", year.to_string()),
        ("month", language.template(&format!("month.{month}")).to_owned()),
        ("day", day.to_string()),
        ("clock", format!("{hour:02}:{minute:02}")),
    ];
    language.text("mail.time", &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_words() {
        for (at, expected) in [
            (0, "January 1, 1970, 00:00 UTC"),
            (951_782_399_000, "February 28, 2000, 23:59 UTC"),
            (951_782_400_000, "February 29, 2000, 00:00 UTC"),
            (951_868_800_000, "March 1, 2000, 00:00 UTC"),
            (1_795_873_200_000, "November 28, 2026, 13:40 UTC"),
            (4_107_542_400_000, "March 1, 2100, 00:00 UTC"),
            (4_107_542_399_999, "February 28, 2100, 23:59 UTC"),
            (-1, "December 31, 1969, 23:59 UTC"),
        ] {
            assert_eq!(time(at, Language::English), expected);
        }
        let times = [Language::German, Language::Arabic].map(|language| time(1_795_873_200_000, language));
        assert_eq!(
            times,
            ["28. November 2026, 13:40 Uhr (UTC)", "28 نوفمبر 2026، الساعة 13:40 بالتوقيت العالمي المنسق (UTC)"]
        );
    }

    /// Returns the text of each detail but the time.
    fn of(values: [&str; 4], language: Language) -> Vec<String> {
        let [browser, system, country, city] = values.map(|text| (!text.is_empty()).then(|| text.to_owned()));
        let details = details(&Activity { at: 0, browser, system, country, city }, language);
        details.iter().skip(1).map(|(label, value)| format!("{label} {}", value.text(language))).collect()
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        for (values, expected) in [
            (
                ["Firefox", "Windows", "DE", "Berlin"],
                &["Device: Firefox on Windows", "Place: Berlin, Germany (approximate)"][..],
            ),
            (["Firefox", "", "DE", ""], &["Device: Firefox", "Place: Germany (approximate)"]),
            (["", "iOS", "", "Berlin"], &["Device: iOS", "Place: Berlin (approximate)"]),
            (["", "", "ZZ", ""], &["Place: ZZ (approximate)"]),
            (["Call-0800123456", "", "", ""], &[]),
        ] {
            assert_eq!(of(values, Language::English), expected);
        }
    }

    #[test]
    fn a_device_and_a_place_are_in_the_language_of_the_mail() {
        let values = ["Firefox", "Windows", "DE", "Berlin"];
        assert_eq!(of(values, Language::German), ["Gerät: Firefox auf Windows", "Ort: Berlin, Deutschland (ungefähr)"]);
        assert_eq!(
            of(values, Language::Arabic),
            [
                "الجهاز: \u{2068}Firefox\u{2069} على \u{2068}Windows\u{2069}",
                "المكان: \u{2068}Berlin\u{2069}، ألمانيا (تقريبًا)"
            ]
        );
    }
}
