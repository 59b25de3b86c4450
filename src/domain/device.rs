//! The device of a request in words, from its `User-Agent`. Clients choose that header, so the words inform, and prove nothing.
//!
//! There are no versions, so an update does not make a new device.

/// The maximum number of devices of a user that are known.
pub const MAX_KNOWN: i64 = 50;
/// How long a device stays known after the last sign-in, in milliseconds: 400 days.
pub const KNOWN_FOR: i64 = 400 * 24 * 3_600_000;
/// The precision of the time of the last sign-in, in milliseconds: an hour.
pub const SIGN_IN_STEP: i64 = 3_600_000;

/// Browsers, by what only their `User-Agent` has. The first match counts: most browsers also claim to be those further down.
const BROWSERS: [(&str, &str); 32] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPX/", "Opera"),
    ("OPiOS/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("UCBrowser/", "UC Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("Whale/", "Whale"),
    ("Silk/", "Silk"),
    ("FBAN/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("Instagram ", "Instagram"),
    ("GSA/", "Google app"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
];

/// Operating systems. The first match counts: iOS claims to be like Mac OS X, and Android is a Linux.
const SYSTEMS: [(&str, &str); 11] = [
    ("Windows", "Windows"),
    ("iPad", "iPadOS"),
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("macOS", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// The maximum length of the name of a program that is not a browser.
const MAX_PRODUCT: usize = 30;

/// A device in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The browser, such as `Firefox`, or another program, such as `curl`.
    pub browser: Option<String>,
    /// The operating system.
    pub system: Option<String>,
}

impl Device {
    /// Reads a `User-Agent`.
    pub fn parse(user_agent: &str) -> Device {
        let find = |names: &[(&str, &str)]| {
            names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| (*name).to_owned())
        };
        let is_browser = user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/");
        let browser = if is_browser { find(&BROWSERS) } else { product(user_agent).map(str::to_owned) };
        Device { browser, system: find(&SYSTEMS) }
    }
}

impl Device {
    /// Returns the device in one phrase, such as `Firefox on Windows`. `None` if nothing is known.
    pub fn phrase(&self) -> Option<String> {
        match (&self.browser, &self.system) {
            (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }
}

/// Returns the name of the first product (RFC 9110, section 10.1.5), if it has letters, digits and `-_+` only.
fn product(user_agent: &str) -> Option<&str> {
    let name = user_agent.split(|character: char| character == '/' || character.is_whitespace()).next()?;
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '+');
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= MAX_PRODUCT
        && name.chars().all(is_allowed);
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_browsers_and_programs_are_read() {
        for (user_agent, browser, system) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "Windows"),
            ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "Linux"),
            ("Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox", "Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15",
                "Firefox",
                "iOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome",
                "Windows",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome",
                "ChromeOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
                "Chrome",
                "Android",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
                "Chrome",
                "iPadOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
                "Chrome",
                "Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51",
                "Edge",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.81 Mobile Safari/537.36 EdgA/131.0.2903.87",
                "Edge",
                "Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 OPR/115.0.0.0",
                "Opera",
                "macOS",
            ),
            ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18", "Opera", "Windows"),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                "Samsung Internet",
                "Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "Safari",
                "macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari",
                "iOS",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "Windows"),
            ("curl/8.5.0", "curl", ""),
            ("Wget/1.21.4 (linux-gnu)", "Wget", ""),
            ("python-requests/2.32.3", "python-requests", ""),
            ("Go-http-client/2.0", "Go-http-client", ""),
            ("okhttp/4.12.0", "okhttp", ""),
            ("node", "node", ""),
            ("Dart/3.5 (dart:io)", "Dart", ""),
            ("PostmanRuntime/7.42.0", "PostmanRuntime", ""),
            ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)", "Dalvik", "Android"),
        ] {
            let Device { browser: found, system: found_system } = Device::parse(user_agent);
            let found = (found.as_deref().unwrap_or_default(), found_system.as_deref().unwrap_or_default());
            assert_eq!(found, (browser, system), "{user_agent}");
        }
    }

    #[test]
    fn what_is_no_browser_and_no_plain_name_is_unknown() {
        for user_agent in [
            "",
            " ",
            "/",
            "Mozilla/5.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "visit-https://evil.example now",
            "evil.example/1",
            "<b>bold</b>",
            "Клиент/1.0",
            "a-name-of-more-than-thirty-characters/1",
            "0800123456",
        ] {
            assert_eq!(Device::parse(user_agent).browser, None, "{user_agent}");
        }
    }
}
