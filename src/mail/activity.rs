//! When, from which device and from which place something was done, in words.

use super::message::shown_name;
use crate::domain::{Timestamp, calendar::DateTime, mail_job::Activity};

/// The names of countries (Unicode CLDR 48), one line each: the code (ISO 3166-1 alpha-2, and `XK` for Kosovo), a space, and the name.
const COUNTRIES: &str = include_str!("countries/en.txt");

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What a mail says about an action.
#[derive(Debug, PartialEq, Eq)]
pub struct Details {
    /// The time.
    pub time: String,
    /// The device, if it is known.
    pub device: Option<String>,
    /// The place, if it is known.
    pub place: Option<String>,
}

impl Details {
    /// Returns the words for an action.
    pub fn of(activity: &Activity) -> Details {
        let Activity { at, browser, system, country, city } = activity;
        // Clients choose the name of a program that is not a browser.
        let browser = browser.as_deref().and_then(shown_name);
        let country = country.as_deref().map(country_name);
        Details {
            time: time(*at),
            device: joined(browser, " on ", system.as_deref()),
            place: joined(city.as_deref(), ", ", country),
        }
    }
}

fn joined(first: Option<&str>, between: &str, second: Option<&str>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}{between}{second}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

/// Returns the name of a country, or the code of one that is not in the list.
fn country_name(code: &str) -> &str {
    let lines = COUNTRIES.lines().filter_map(|line| line.split_once(' '));
    lines.into_iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// Returns a time such as `November 28, 2026, 13:40 UTC`.
fn time(at: Timestamp) -> String {
    let DateTime { year, month, day, hour, minute } = DateTime::at(at);
    let month = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
    format!("{month} {day}, {year}, {hour:02}:{minute:02} UTC")
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
            assert_eq!(time(at), expected);
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (browser, system, country, city, device, place) in [
            ("Firefox", "Windows", "DE", "Berlin", "Firefox on Windows", "Berlin, Germany"),
            ("Firefox", "", "DE", "", "Firefox", "Germany"),
            ("", "iOS", "", "", "iOS", ""),
            ("", "", "ZZ", "", "", "ZZ"),
            ("Call-0800123456", "", "", "", "", ""),
        ] {
            let activity = Activity {
                at: 0,
                browser: text(browser),
                system: text(system),
                country: text(country),
                city: text(city),
            };
            let details = Details::of(&activity);
            assert_eq!((details.device, details.place), (text(device), text(place)));
        }
    }

    #[test]
    fn every_line_of_the_countries_has_a_code_and_a_name() {
        let codes: Vec<&str> =
            COUNTRIES.lines().filter_map(|line| line.split_once(' ')).map(|(code, _)| code).collect();
        assert_eq!((codes.len(), COUNTRIES.lines().count()), (250, 250));
        assert!(codes.iter().all(|code| code.len() == 2) && codes.is_sorted());
        assert_eq!(country_name("CI"), "C\u{f4}te d\u{2019}Ivoire");
    }
}
