//! What happens when an email is proven, by a code, a link or an identity provider: guesses, sign-ins, claims and sign-ups.

use super::{
    Store, events,
    identities::Use,
    mails, one_time, retry, run, run_all,
    second_factors::{self, Ways},
    sessions::{self, Beginning, Begun, Condition, Proven},
    throttles::{self, Counter, PasswordCounters, PasswordProof},
    users::Account,
};
use crate::{
    domain::{Timestamp, email::Email, event::Event, proof::Proof, throttle::Blocked, user::User},
    language::Language,
    ports::{Rows, Statement, StoreError},
};

/// Queues the mail with a code, and writes the event, which is about the account with this email or about none.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_mail(store: &Store, email: &Email, mail: &mails::Mail, event: &Event) -> Result<(), StoreError> {
    run_all(store, [events::insert_about_email(event, email.as_str()), mails::insert(mail)]).await.map(drop)
}

/// The counters of a guess.
pub struct Guesses {
    /// For the code.
    pub of_token: Counter,
    /// For all codes that were sent to the email.
    pub of_email: Counter,
}

fn find(email: &Email) -> Statement {
    Statement::new("SELECT * FROM users WHERE email = ?1").bind(email.as_str())
}

/// Counts a guess and finds the account with this email, in one round trip. Returns `None` in place of the account if there were too
/// many guesses at this code.
///
/// # Errors
/// [`StoreError`].
pub async fn guess(
    store: &Store,
    guesses: &Guesses,
    email: &Email,
    now: Timestamp,
) -> Result<Result<Option<Option<Account>>, Blocked>, StoreError> {
    let Guesses { of_token, of_email } = guesses;
    let [by_token, by_email] = throttles::count_guess(of_token, of_email, now);
    let [by_token, by_email, account] = run_all(store, [by_token, by_email, find(email)]).await?;
    if by_token.any() && by_email.any() {
        return Ok(Ok(Some(Account::of(&account)?)));
    }
    // The code no longer works, or it is the other codes that were guessed too often.
    Ok(match throttles::blocked(store, of_email, now).await? {
        Some(blocked) => Err(blocked),
        None => Ok(None),
    })
}

/// Returns the account with this email.
///
/// # Errors
/// [`StoreError`].
pub async fn find_account(store: &Store, email: &Email) -> Result<Option<Account>, StoreError> {
    Account::of(&run(store, find(email)).await?)
}

/// A one-time token that was proven, and the email that it proves.
pub struct ProvenToken<'a> {
    /// The id of the token.
    pub id: &'a str,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The email.
    pub email: &'a Email,
    /// When the token was requested.
    pub asked_at: Timestamp,
    /// The counter that counted the guess, if one did.
    pub guesses: Option<&'a Counter>,
    /// The identity, if it comes from a provider. If it is linked already, it is the proof, and the email proves nothing.
    pub identity: Option<Use<'a>>,
}

impl ProvenToken<'_> {
    /// Returns the statement that uses up the token, for the beginning of a batch.
    pub(super) fn spend(&self) -> Statement {
        one_time::spend(self.id, self.expires_at)
    }

    /// Returns the statement that uses up the token if the previous one has changed a row. That one must require that the token is unused.
    pub(super) fn spend_if_changed(&self) -> Statement {
        one_time::spend_if_changed(self.id, self.expires_at)
    }

    /// Returns the statement that marks the caller's address as one that knows the password, if there is a password.
    fn remember(&self, counters: Option<&PasswordCounters>, session: &sessions::New) -> Option<Statement> {
        counters.map(|counters| counters.remember_address(PasswordProof::Session(&session.id), session.now))
    }

    /// Returns what the token proves.
    pub fn proven(&self) -> Proven<'_> {
        let (email, identity) = match self.identity {
            Some(Use::Linked(identity)) => (None, Some((identity.issuer.as_str(), identity.subject.as_str()))),
            Some(Use::New(_)) | None => (Some(self.email.as_str()), None),
        };
        Proven { email, identity, asked_at: self.asked_at }
    }

    fn condition(&self) -> Condition<'_> {
        Condition::Proven(self.proven())
    }

    /// Returns the statements for the end of a batch that starts a session: they uncount the guess and record the use of the identity.
    pub(super) fn conclude(&self, session_id: &str, now: Timestamp) -> Vec<Statement> {
        let take_back = self.guesses.map(|counter| throttles::take_back_guess(counter, session_id, now));
        let identity = self.identity.map(|identity| identity.statements(session_id, now));
        take_back.into_iter().flatten().chain(identity.into_iter().flatten()).collect()
    }

    /// Returns the statement that uncounts the guess although no session starts.
    pub(super) fn take_back_first_step(&self) -> Option<Statement> {
        self.guesses.map(|counter| throttles::take_back_if_spent(counter, self.id))
    }
}

/// Uses up the token and starts a session, if what it proves still holds: the email is the verified one of this active user, or the
/// identity is linked to them. Of several concurrent requests with the same token, one starts a session. Returns it if this one did.
///
/// # Errors
/// [`StoreError`].
pub async fn sign_in(
    store: &Store,
    token: &ProvenToken<'_>,
    user_id: &str,
    session: &sessions::New,
    event: &Event,
) -> Result<Option<Begun>, StoreError> {
    let Beginning { session: begin, device } = sessions::begin(session, user_id, token.condition());
    let mut statements = vec![token.spend(), begin, events::insert_if_changed(event)];
    statements.extend(device);
    statements.push(sessions::end_surplus(user_id, session));
    statements.extend(token.conclude(&session.id, session.now));
    retry::batch(store, &statements).await?.get(1).map(Rows::first).transpose().map(Option::flatten)
}

/// Uses up the token of a user who requires a second factor. Starts no session. Returns what the user can prove the second factor
/// with, or `None` if the token was used before.
///
/// # Errors
/// [`StoreError`].
pub async fn first_step(
    store: &Store,
    token: &ProvenToken<'_>,
    user_id: &str,
    event: &Event,
) -> Result<Option<Ways>, StoreError> {
    let mut statements = vec![token.spend(), events::insert_if_changed(event), second_factors::select(user_id)];
    statements.extend(token.take_back_first_step());
    let answers = retry::batch(store, &statements).await?;
    let [spent, _, ways, ..] = answers.as_slice() else { return Ok(None) };
    if spent.any() { Ways::of(ways) } else { Ok(None) }
}

/// The new state of a claimed account.
pub struct Claim<'a> {
    /// The user.
    pub user_id: &'a str,
    /// A PHC string, or empty for no password.
    pub password_hash: &'a str,
    /// The name, if the new owner gave one.
    pub name: Option<&'a str>,
    /// The language of the request.
    pub locale: Option<Language>,
    /// The counters of attempts at the password, if there is one.
    pub counters: Option<&'a PasswordCounters>,
    /// The event of the claim.
    pub event: &'a Event,
}

/// Uses up the token, takes over the unverified account for the owner of the mailbox, and starts a session. A trigger ends everything
/// that was set up before. Returns whether it did.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(
    store: &Store,
    token: &ProvenToken<'_>,
    claim: &Claim<'_>,
    session: &sessions::New,
    event: &Event,
) -> Result<bool, StoreError> {
    let take_over = Statement::new(
        "UPDATE users SET claimed_at = max(?5, coalesce(claimed_at, 0) + 1), is_verified = 1, password_hash = ?3,
           name = ?4, locale = ?7, updated_at = max(?5, updated_at + 1)
         WHERE id = ?1 AND email = ?2 AND is_verified = 0 AND is_active = 1 AND email_codes_from <= ?6 AND changes() > 0
         RETURNING id",
    )
    .bind(claim.user_id)
    .bind(token.email.as_str())
    .bind(claim.password_hash)
    .bind(claim.name)
    .bind(session.now)
    .bind(token.asked_at)
    .bind(claim.locale.map(Language::tag));
    // The claim gives the account another password, and has asked for the time itself.
    let Beginning { session: begin, device } = sessions::begin(session, claim.user_id, Condition::ProofSpent);
    let mut statements = vec![
        token.spend(),
        take_over,
        events::insert_if_changed(claim.event),
        begin,
        events::insert_if_session_is_there(event),
    ];
    statements.extend(device);
    statements.extend(token.remember(claim.counters, session));
    statements.extend(token.conclude(&session.id, session.now));
    Ok(retry::batch(store, &statements).await?.get(3).is_some_and(Rows::any))
}

/// A new user.
pub struct NewUser<'a> {
    /// The id.
    pub id: &'a str,
    /// A PHC string, or empty for no password.
    pub password_hash: &'a str,
    /// The name, if given.
    pub name: Option<&'a str>,
    /// The counters of attempts at the password, if there is one.
    pub counters: Option<&'a PasswordCounters>,
    /// Whether the email is proven. An identity provider may tell one that is not.
    pub is_verified: bool,
    /// The language of the request.
    pub locale: Option<Language>,
}

/// What became of a sign-up.
pub enum SignUp {
    /// The user and the first session were created.
    Done(Box<User>),
    /// There is an account with this email now.
    EmailTaken,
    /// The token was used before.
    TokenSpent,
}

/// Uses up the token, creates a user, and starts a session. If there is an account with this email, the token is not used up: an identity
/// can then sign in to it.
///
/// # Errors
/// [`StoreError`].
pub async fn sign_up(
    store: &Store,
    token: &ProvenToken<'_>,
    user: &NewUser<'_>,
    session: &sessions::New,
    event: &Event,
) -> Result<SignUp, StoreError> {
    let insert = Statement::new(
        "INSERT INTO users (id, email, password_hash, name, is_verified, locale, created_at, updated_at)
         SELECT ?1, ?2, ?3, ?4, ?6, ?8, ?5, ?5 WHERE NOT EXISTS (SELECT 1 FROM spent WHERE key = ?7)
         ON CONFLICT (email) DO NOTHING
         RETURNING *",
    )
    .bind(user.id)
    .bind(token.email.as_str())
    .bind(user.password_hash)
    .bind(user.name)
    .bind(session.now)
    .bind(user.is_verified)
    .bind(token.id)
    .bind(user.locale.map(Language::tag));
    let condition = if user.is_verified { token.condition() } else { Condition::ProofSpent };
    let Beginning { session: begin, device } = sessions::begin(session, user.id, condition);
    let mut statements = vec![insert, token.spend_if_changed(), events::insert_if_changed(event), begin];
    statements.extend(device);
    statements.extend(token.remember(user.counters, session));
    statements.extend(token.conclude(&session.id, session.now));
    let answers = retry::batch(store, &statements).await?;
    Ok(match answers.first().map(Rows::first).transpose()?.flatten() {
        Some(user) => SignUp::Done(Box::new(user)),
        None if one_time::is_spent(store, token.id).await? => SignUp::TokenSpent,
        None => SignUp::EmailTaken,
    })
}

/// Uses up the token, and stores in the session that the user has proven again who they are. Returns whether the session is live and
/// the email still the verified one of the user.
///
/// # Errors
/// [`StoreError`].
pub async fn reauthenticate(
    store: &Store,
    token: &ProvenToken<'_>,
    session_id: &str,
    proof: &Proof,
    event: &Event,
) -> Result<bool, StoreError> {
    let mut statements = vec![
        token.spend(),
        sessions::strengthen(session_id, proof, token.condition(), event.at),
        events::insert_if_changed(event),
    ];
    statements.extend(token.conclude(session_id, event.at));
    Ok(retry::batch(store, &statements).await?.get(1).is_some_and(Rows::any))
}
