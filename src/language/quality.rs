//! Lists with quality values, as in `Accept` and `Accept-Language` (RFC 9110, section 12.4.2).

/// How many ranges of a header are read. Browsers send about ten.
const MOST_RANGES: usize = 32;

/// Returns the ranges of a header with their quality in thousandths, in the order of the header. A range with an invalid quality has
/// the quality 0, which means "not acceptable". Ranges after the first 32 are ignored.
pub fn ranges(header: &str) -> impl Iterator<Item = (&str, u16)> {
    header.split(',').take(MOST_RANGES).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().filter(|range| !range.is_empty())?;
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()).unwrap_or(0))
        });
        Some((range, quality.unwrap_or(1_000)))
    })
}

/// Reads a quality: 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    match whole {
        "0" => format!("{decimals:0<3}").parse().ok(),
        "1" if decimals.bytes().all(|digit| digit == b'0') => Some(1_000),
        _ => None,
    }
}

/// Returns whether the `Accept` header of a request prefers an HTML page to JSON, as that of a browser that opens a page does.
/// `*/*` alone does not.
pub fn prefers_html(accept: &str) -> bool {
    let best = |wanted: &str| {
        let of_type = ranges(accept).filter(|(range, _)| range.eq_ignore_ascii_case(wanted));
        of_type.map(|(_, quality)| quality).max().unwrap_or(0)
    };
    best("text/html") > best("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_its_quality_or_1() {
        let header = "de;q=0.7, en , fr;q=0, ar;level=1;Q=0.25,,;q=1, *;q=1.000";
        let expected = [("de", 700), ("en", 1_000), ("fr", 0), ("ar", 250), ("*", 1_000)];
        assert_eq!(ranges(header).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_invalid_quality_is_0() {
        for quality in ["NaN", "1.5", "2", "-1", "0.1234", "", ".5", "0,5", "1e-1", "0.٣", "0.+1", "inf"] {
            assert_eq!(ranges(&format!("de;q={quality}")).next(), Some(("de", 0)), "{quality}");
        }
    }

    #[test]
    fn only_the_first_ranges_of_a_long_header_are_read() {
        assert_eq!(ranges(&"de,".repeat(20_000)).count(), MOST_RANGES);
    }

    #[test]
    fn browsers_prefer_html_and_programs_do_not() {
        for accept in
            ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html", "TEXT/HTML;q=0.1"]
        {
            assert!(prefers_html(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/html;q=0.9",
            "text/html;q=0",
            "text/html, application/json",
        ] {
            assert!(!prefers_html(accept), "{accept}");
        }
    }
}
