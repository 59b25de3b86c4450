//! Breached passwords: parses responses of Pwned Passwords (API version 3, "searching by range").

/// The number of hexadecimal digits of a hash, out of 40, that the request contains. A few hundred breached passwords share them.
pub const PREFIX_LENGTH: usize = 5;
/// The number of the remaining digits, which stay here.
const SUFFIX_LENGTH: usize = 40 - PREFIX_LENGTH;

/// Returns whether a response lists the hash that ends in `suffix`, its last 35 digits in upper case. `None` if the response is not
/// such a list.
///
/// Each line has 35 digits, a colon, and the number of times that the password was seen. The number is 0 in lines that only pad the
/// list.
pub fn is_listed(response: &str, suffix: &str) -> Option<bool> {
    let mut is_listed = None;
    for line in response.lines() {
        let (digits, count) = line.split_once(':')?;
        if digits.len() != SUFFIX_LENGTH || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let is_padding = count.parse::<u64>().ok()? == 0;
        let matches = !is_padding && digits.eq_ignore_ascii_case(suffix);
        is_listed = Some(matches || is_listed == Some(true));
    }
    is_listed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the password "password".
    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn a_password_is_listed_unless_its_line_is_padding() {
        let others = "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2";
        let with = |line: &str| is_listed(&format!("{others}\r\n{line}\r\n"), SUFFIX);
        assert_eq!(is_listed(others, SUFFIX), Some(false));
        assert_eq!(with("1E4C9B93F3F0682250B6CF8331B7EE68FD8:52256179"), Some(true));
        assert_eq!(with("1e4c9b93f3f0682250b6cf8331b7ee68fd8:1"), Some(true));
        assert_eq!(with("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0"), Some(false));
        assert_eq!(with("1E4C9B93F3F0682250B6CF8331B7EE68FD9:7"), Some(false));
    }

    #[test]
    fn a_response_that_is_not_a_list_is_ignored() {
        let it = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        for answer in [
            String::new(),
            "<!doctype html><title>Just a moment</title>".to_owned(),
            it.to_owned(),
            format!("{it}:"),
            format!("{it}:-1"),
            format!("{it}:many"),
            format!("5BAA6{it}:3"),
            format!("{it}:3\n\n{it}:3"),
            format!("{it}:3\nToo many requests"),
        ] {
            assert_eq!(is_listed(&answer, SUFFIX), None, "{answer:?}");
        }
    }
}
