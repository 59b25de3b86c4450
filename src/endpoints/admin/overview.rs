//! `GET /api/auth/admin/overview`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::{
        Timestamp,
        daily_count::{
            ACTIVE_SESSIONS, FAILED_SIGN_INS, MAIL_FAILED, MAIL_SENT, PASSWORD_RESETS, SIGN_INS, SIGN_UPS,
            SUPPRESSED_ADDRESSES, USERS, USERS_WITH_PASSKEY, USERS_WITH_SECOND_FACTOR, day_before,
        },
    },
    error::Error,
    store::daily_counts::{self, DailyCount},
    web::{Integer, Request, Response},
};

/// The default number of days.
const DEFAULT_DAYS: i64 = 30;

/// The days of the overview.
#[derive(FromFields)]
pub struct OverviewQuery {
    /// The number of days, with today. The default is 30.
    pub days: Option<Integer<7, 90>>,
}

/// The numbers of one day, in UTC. Those of the beginning of the day are counted up to 100,000. They are null if they were not counted on
/// this day.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Day {
    /// The day.
    #[schema(format = "date", example = "2026-11-28")]
    day: String,
    /// Accounts that were created by a sign-up.
    sign_ups: i64,
    /// Successful logins.
    sign_ins: i64,
    /// Refused logins. The first step of a login with two factors is neither successful nor refused.
    failed_sign_ins: i64,
    /// Passwords that were set through a reset link.
    password_resets: i64,
    /// Accounts at the beginning of the day.
    #[schema(required)]
    users: Option<i64>,
    /// Active sessions at the beginning of the day.
    #[schema(required)]
    active_sessions: Option<i64>,
    /// Users who required a second factor at the beginning of the day.
    #[schema(required)]
    users_with_second_factor: Option<i64>,
    /// Users who had a passkey at the beginning of the day.
    #[schema(required)]
    users_with_passkey: Option<i64>,
    #[serde(skip)]
    suppressed: Option<i64>,
}

/// Sums of all days.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Totals {
    /// Accounts that were created by a sign-up.
    sign_ups: i64,
    /// Successful logins.
    sign_ins: i64,
    /// Refused logins. The first step of a login with two factors is neither successful nor refused.
    failed_sign_ins: i64,
    /// Passwords that were set through a reset link.
    password_resets: i64,
}

/// How many users protect their accounts with more than a password, at the beginning of a day.
#[derive(Debug, Serialize, ToSchema)]
struct SecondFactors {
    /// The day.
    #[schema(format = "date", example = "2026-11-28")]
    day: String,
    /// All users, counted up to 100,000.
    users: i64,
    /// Those who require a second factor to sign in.
    with_second_factor: i64,
    /// Those who have a passkey.
    with_passkey: i64,
}

/// A mail provider.
#[derive(Debug, Serialize, ToSchema)]
struct MailProvider {
    /// The name in `MAIL_PROVIDER`.
    #[schema(example = "resend")]
    name: String,
    /// Queued mails that it accepted.
    sent: i64,
    /// Attempts that it did not accept.
    failed: i64,
}

/// The state of mail.
#[derive(Debug, Serialize, ToSchema)]
struct MailHealth {
    /// Mails that wait, counted up to 10,000.
    queued: i64,
    /// When the oldest of them was queued.
    #[schema(required)]
    oldest_at: Option<Timestamp>,
    /// How many of them no provider has accepted at least once.
    retrying: i64,
    /// Users whose address bounced or who marked a mail as spam, at the beginning of the last counted day, up to 100,000.
    #[schema(required)]
    suppressed: Option<i64>,
    /// The providers of the settings in their order, and others that have sent mail on these days.
    providers: Vec<MailProvider>,
}

/// An overview of the service.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    /// The days, oldest first. The last one is today, until now.
    days: Vec<Day>,
    /// Sums of these days.
    totals: Totals,
    /// False while more than 10,000 events are not counted yet.
    is_complete: bool,
    /// The last numbers of these days. Null if there are none.
    #[schema(required)]
    second_factors: Option<SecondFactors>,
    /// The state of mail.
    mail: MailHealth,
}

impl Day {
    fn add(&mut self, name: &str, count: i64) {
        match name {
            SIGN_UPS => self.sign_ups += count,
            SIGN_INS => self.sign_ins += count,
            FAILED_SIGN_INS => self.failed_sign_ins += count,
            PASSWORD_RESETS => self.password_resets += count,
            USERS => self.users = Some(count),
            ACTIVE_SESSIONS => self.active_sessions = Some(count),
            USERS_WITH_SECOND_FACTOR => self.users_with_second_factor = Some(count),
            USERS_WITH_PASSKEY => self.users_with_passkey = Some(count),
            SUPPRESSED_ADDRESSES => self.suppressed = Some(count),
            _ => {}
        }
    }

    fn second_factors(&self) -> Option<SecondFactors> {
        Some(SecondFactors {
            day: self.day.clone(),
            users: self.users?,
            with_second_factor: self.users_with_second_factor?,
            with_passkey: self.users_with_passkey?,
        })
    }
}

impl Totals {
    fn of(days: &[Day]) -> Totals {
        days.iter().fold(Totals::default(), |totals, day| Totals {
            sign_ups: totals.sign_ups + day.sign_ups,
            sign_ins: totals.sign_ins + day.sign_ins,
            failed_sign_ins: totals.failed_sign_ins + day.failed_sign_ins,
            password_resets: totals.password_resets + day.password_resets,
        })
    }
}

/// Returns the numbers of each provider, first those of the settings.
fn providers(configured: &[&str], counts: &[DailyCount]) -> Vec<MailProvider> {
    let new = |name: &str| MailProvider { name: name.to_owned(), sent: 0, failed: 0 };
    let mut providers: Vec<MailProvider> = configured.iter().map(|name| new(name)).collect();
    for DailyCount { name, count, .. } in counts {
        let (sent, failed) = (name.strip_prefix(MAIL_SENT), name.strip_prefix(MAIL_FAILED));
        let Some(name) = sent.or(failed) else { continue };
        if !providers.iter().any(|known| known.name == name) {
            providers.push(new(name));
        }
        for provider in providers.iter_mut().filter(|known| known.name == name) {
            *(if sent.is_some() { &mut provider.sent } else { &mut provider.failed }) += count;
        }
    }
    providers
}

/// Get an overview.
///
/// Returns numbers per day, how many users have second factors, and the state of mail. The numbers come from counts that the cron trigger
/// keeps for 400 days, and from the events since its last run.
#[operation(
    params(OverviewQuery),
    responses((status = 200, body = Overview), (status = "4XX", description = "invalid_fields"))
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    let OverviewQuery { days } = request.query(app)?;
    let length = days.map_or(DEFAULT_DAYS, Integer::get);
    let mut days: Vec<Day> =
        (0..length).rev().map(|before| Day { day: day_before(app.now, before), ..Day::default() }).collect();
    let first = day_before(app.now, length - 1);
    let daily_counts::Overview { counts, is_complete, mails } = daily_counts::overview(&app.store, &first).await?;
    for DailyCount { day, name, count } in &counts {
        for known in days.iter_mut().filter(|known| known.day == *day) {
            known.add(name, *count);
        }
    }
    let mail = MailHealth {
        queued: mails.queued,
        oldest_at: mails.oldest_at,
        retrying: mails.retrying,
        suppressed: days.iter().rev().find_map(|day| day.suppressed),
        providers: providers(&app.settings().mail.providers(), &counts),
    };
    let second_factors = days.iter().rev().find_map(Day::second_factors);
    Ok(Response::json(&Overview { totals: Totals::of(&days), days, is_complete, second_factors, mail }))
}
