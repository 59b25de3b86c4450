//! Which passwords are known from breaches: how an answer of Pwned Passwords is read (its API, version 3, "searching by
//! range").

/// How many of the 40 hexadecimal digits of a hash are told: as many have a few hundred breached passwords in common.
pub const TOLD: usize = 5;
/// How many are kept.
const KEPT: usize = 40 - TOLD;

/// Whether `answer` lists the hash of which `kept` are the last 35 digits, in upper case; nothing if it is no such list.
///
/// Each line is 35 digits, a colon, and how often the password was seen: never, if the line only hides how long the
/// list is.
pub fn is_listed(answer: &str, kept: &str) -> Option<bool> {
    let mut is_listed = None;
    for line in answer.lines() {
        let (digits, count) = line.split_once(':')?;
        if digits.len() != KEPT || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let is_padding = count.parse::<u64>().ok()? == 0;
        let is_it = !is_padding && digits.eq_ignore_ascii_case(kept);
        is_listed = Some(is_it || is_listed == Some(true));
    }
    is_listed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "password".
    const KEPT_OF_PASSWORD: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn an_answer_lists_what_was_seen_and_not_its_padding() {
        let others = "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2";
        let with = |line: &str| is_listed(&format!("{others}\r\n{line}\r\n"), KEPT_OF_PASSWORD);
        assert_eq!(is_listed(others, KEPT_OF_PASSWORD), Some(false));
        assert_eq!(with("1E4C9B93F3F0682250B6CF8331B7EE68FD8:52256179"), Some(true));
        assert_eq!(with("1e4c9b93f3f0682250b6cf8331b7ee68fd8:1"), Some(true));
        assert_eq!(with("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0"), Some(false));
        assert_eq!(with("1E4C9B93F3F0682250B6CF8331B7EE68FD9:7"), Some(false));
    }

    #[test]
    fn what_is_no_list_says_nothing() {
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
            assert_eq!(is_listed(&answer, KEPT_OF_PASSWORD), None, "{answer:?}");
        }
    }
}
