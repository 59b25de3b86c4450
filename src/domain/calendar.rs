//! Dates of the Gregorian calendar in UTC.

use super::Timestamp;

/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// A time by the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// The year.
    pub year: i64,
    /// The month, 1 to 12.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// The hour, 0 to 23.
    pub hour: i64,
    /// The minute.
    pub minute: i64,
}

impl DateTime {
    /// Returns the date and time at a timestamp
    /// ("civil_from_days", <https://howardhinnant.github.io/date_algorithms.html>).
    pub fn at(time: Timestamp) -> Self {
        let minutes = time.rem_euclid(DAY) / 60_000;
        // Years start on March 1 here, so that the leap day is the last one. An era is 400 years.
        let days = time.div_euclid(DAY) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        DateTime {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: minutes / 60,
            minute: minutes % 60,
        }
    }

    /// Returns the start of the day, as in `2026-11-28T00:00:00Z` (RFC 3339).
    pub fn start_of_day(self) -> String {
        let DateTime { year, month, day, .. } = self;
        format!("{year:04}-{month:02}-{day:02}T00:00:00Z")
    }

    /// Returns the date, as in `2026-11-28`.
    pub fn date(self) -> String {
        let DateTime { year, month, day, .. } = self;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Returns the date and the time, as in `2026-11-28 13:40`.
    pub fn minute(self) -> String {
        let DateTime { year, month, day, hour, minute } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_dates_of_the_calendar() {
        for (time, expected) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (951_782_399_999, "2000-02-28 23:59"),
            (951_782_400_000, "2000-02-29 00:00"),
            (1_709_251_199_000, "2024-02-29 23:59"),
            (1_764_337_200_000, "2025-11-28 13:40"),
            (4_107_542_400_000, "2100-03-01 00:00"),
        ] {
            assert_eq!(DateTime::at(time).minute(), expected);
        }
        assert_eq!(DateTime::at(951_782_400_000).start_of_day(), "2000-02-29T00:00:00Z");
    }
}
