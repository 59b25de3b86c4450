//! What a request says about its client, besides the address: the device and the place.

use super::{Timestamp, device::Device, mail_job::Activity};

/// The length of the `User-Agent` that is stored and read, in characters.
const USER_AGENT_LENGTH: usize = 200;
/// The maximum length of the name of a city, in characters.
const CITY_LENGTH: usize = 100;

/// How much of a place is stored and mailed: the setting `LOCATION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// Nothing.
    Off,
    /// The country.
    Country,
    /// The country and the city.
    City,
}

/// Where a request comes from, as the platform says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The country (ISO 3166-1 alpha-2), or a code of the platform for none, such as `T1` for Tor.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The number of the network (autonomous system). It is never stored in clear.
    pub network: Option<u32>,
}

/// The client of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The beginning of the `User-Agent`.
    pub user_agent: Option<String>,
    /// The device.
    pub device: Device,
    /// The country, if it is known and may be stored.
    pub country: Option<String>,
    /// The city, if it is known and may be stored.
    pub city: Option<String>,
    /// What tells devices of a user apart.
    pub traits: Traits,
}

/// What tells devices of a user apart. Only a keyed hash of it is stored. It does not depend on the setting `LOCATION`, because otherwise
/// a change of the setting would make every device a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits(pub [String; 4]);

impl Client {
    /// Reads what the client and the platform say.
    pub fn new(user_agent: Option<&str>, connection: Connection, location: Location) -> Client {
        let user_agent: Option<String> = user_agent.map(|text| text.chars().take(USER_AGENT_LENGTH).collect());
        let device = Device::parse(user_agent.as_deref().unwrap_or_default());
        let country = connection.country.filter(|code| is_country(code));
        let city = connection.city.filter(|_| country.is_some()).as_deref().and_then(city);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let network = connection.network.map(|network| network.to_string());
        let traits = Traits([text(&device.browser), text(&device.system), text(&country), text(&network)]);
        Client {
            user_agent,
            device,
            country: country.filter(|_| location != Location::Off),
            city: city.filter(|_| location == Location::City),
            traits,
        }
    }

    /// Returns what mails say about an action of this client.
    pub fn activity(&self, at: Timestamp) -> Activity {
        let Client { device: Device { browser, system }, country, city, .. } = self.clone();
        Activity { at, browser, system, country, city }
    }
}

/// Returns whether a code is that of a country. `XX` stands for unknown.
fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) && code != "XX"
}

fn city(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|character| !character.is_control()).take(CITY_LENGTH).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(country: &str, city: &str, location: Location) -> Client {
        let connection =
            Connection { country: Some(country.to_owned()), city: Some(city.to_owned()), network: Some(64_496) };
        Client::new(Some("curl/8.5.0"), connection, location)
    }

    #[test]
    fn a_place_is_as_precise_as_the_setting_says() {
        for (location, expected) in [
            (Location::Off, (None, None)),
            (Location::Country, (Some("DE"), None)),
            (Location::City, (Some("DE"), Some("Berlin"))),
        ] {
            let client = client("DE", "Berlin", location);
            assert_eq!((client.country.as_deref(), client.city.as_deref()), expected);
        }
    }

    #[test]
    fn a_code_that_is_no_country_is_unknown_and_so_is_its_city() {
        for code in ["T1", "XX", "", "de", "DEU", "D", "\u{e4}"] {
            let client = client(code, "Berlin", Location::City);
            assert_eq!((client.country, client.city), (None, None), "{code}");
        }
    }

    #[test]
    fn the_traits_do_not_depend_on_the_setting_and_not_on_the_city() {
        let traits = client("DE", "Berlin", Location::City).traits;
        assert_eq!(traits, client("DE", "Bonn", Location::Off).traits);
        assert_eq!(traits.0, ["curl", "", "DE", "64496"]);
        assert_ne!(traits, client("FR", "Berlin", Location::City).traits);
    }

    #[test]
    fn only_the_beginning_of_a_long_user_agent_is_kept_whatever_its_characters() {
        let long = "\u{e4}".repeat(5_000);
        let client = Client::new(Some(&long), Connection::default(), Location::Country);
        assert_eq!(client.user_agent.map(|text| text.chars().count()), Some(USER_AGENT_LENGTH));
        assert_eq!(client.device, Device::default());
        let empty = Client::new(Some(""), Connection::default(), Location::Country);
        assert_eq!((empty.user_agent.as_deref(), empty.device), (Some(""), Device::default()));
        assert_eq!(Client::new(None, Connection::default(), Location::Country).user_agent, None);
    }
}
