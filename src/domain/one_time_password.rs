//! The one-time password (OTP) that proves an email: who may have one sent when, and how often it may be guessed.

use super::Timestamp;

/// Guesses at one code, right or wrong.
pub const MAX_GUESSES: i64 = 5;
/// From one send to the next, in milliseconds.
pub const SEND_PAUSE: i64 = 30_000;
/// Sends in one [`SEND_WINDOW`].
pub const MAX_SENDS: i64 = 5;
/// The time over which sends are counted, in milliseconds.
pub const SEND_WINDOW: i64 = 3_600_000;

/// When a user who asked too often may ask again.
pub fn next_send(sent_at: Timestamp, window_started_at: Timestamp, sends: i64) -> Timestamp {
    let pause_over = sent_at + SEND_PAUSE;
    if sends >= MAX_SENDS { pause_over.max(window_started_at + SEND_WINDOW) } else { pause_over }
}

/// The code as the user typed it, without the spaces that mail programs and people add.
pub fn typed(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_code_in_an_hour_waits_for_the_hour_to_end() {
        assert_eq!(next_send(1_000, 0, 4), 31_000);
        assert_eq!(next_send(1_000, 0, 5), SEND_WINDOW);
        assert_eq!(next_send(SEND_WINDOW - 1, 0, 5), SEND_WINDOW - 1 + SEND_PAUSE);
    }

    #[test]
    fn a_code_may_be_typed_with_spaces() {
        assert_eq!(typed(" 123 456\n"), "123456");
    }
}
