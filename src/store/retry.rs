//! Retries batches that fail with a transient error.
//!
//! D1 itself retries reads. Writes can be retried too, because what may happen only once is conditional: a second run finds it
//! done, and then does nothing, or breaks a constraint and is rolled back. Only attempts can be counted twice, which lets nobody
//! in, and a repeatable action can leave two events. But if a second run finds nothing to do, we cannot tell whether the first
//! attempt did the work. Then the caller gets the first error.

use std::time::Duration;

use super::Store;
use crate::{
    crypto::random,
    ports::{Rows, Sql, Statement, StoreError, Timer},
};

/// The errors that D1's documentation advises to retry ("Debug D1", error list). It advises against retries when D1 is overloaded,
/// and a statement that is wrong would fail again.
const PASSING: [&str; 5] = [
    "Network connection lost",
    "D1 DB reset because its code was updated",
    "Cannot resolve D1 DB due to transient issue on remote node",
    "Internal error while starting up D1 DB storage caused object to be reset",
    "Internal error in D1 DB storage caused object to be reset",
];

/// The minimum waits before the second and the third run, in milliseconds. Each wait is up to twice as long, at random, so that
/// callers who failed together do not retry together.
const PAUSES: [u64; 2] = [30, 120];

/// Runs the statements like [`Sql::batch`], up to three times if D1 fails with a transient error.
///
/// # Errors
/// [`StoreError`]. The batch may have taken effect anyway.
pub(super) async fn batch(store: &Store, statements: &[Statement]) -> Result<Vec<Rows>, StoreError> {
    batch_on(&*store.sql, &*store.timer, statements).await
}

/// Runs the statements on this copy of the database, as [`batch`] does.
///
/// # Errors
/// As [`batch`].
pub(super) async fn batch_on(
    sql: &dyn Sql,
    timer: &dyn Timer,
    statements: &[Statement],
) -> Result<Vec<Rows>, StoreError> {
    let error = match sql.batch(statements).await {
        Err(error) if is_passing(&error) => error,
        answer => return answer,
    };
    for pause in PAUSES {
        timer.sleep(with_jitter(pause)).await;
        match sql.batch(statements).await {
            Ok(rows) if is_certain(statements, &rows) => return Ok(rows),
            Err(again) if is_passing(&again) => {}
            // The first error is the cause of this one.
            _ => break,
        }
    }
    Err(error)
}

fn is_passing(error: &StoreError) -> bool {
    PASSING.iter().any(|said| error.0.contains(said))
}

/// Returns whether every statement with `RETURNING` has returned a row.
fn is_certain(statements: &[Statement], rows: &[Rows]) -> bool {
    statements.iter().zip(rows).all(|(statement, rows)| rows.any() || !statement.sql.contains("RETURNING"))
}

fn with_jitter(milliseconds: u64) -> Duration {
    // Without randomness there is no jitter.
    let [chance] = random::bytes().unwrap_or([0]);
    Duration::from_millis(milliseconds + milliseconds * u64::from(chance) / 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Pending;
    use std::cell::RefCell;

    /// Returns these results in order, and records the waits.
    struct Script(RefCell<Vec<Result<Vec<Rows>, StoreError>>>, RefCell<Vec<Duration>>);

    impl Sql for Script {
        fn batch<'a>(&'a self, _: &'a [Statement]) -> Pending<'a, Result<Vec<Rows>, StoreError>> {
            let result = self.0.borrow_mut().remove(0);
            Box::pin(async { result })
        }
    }

    impl Timer for Script {
        fn sleep(&self, duration: Duration) -> Pending<'static, ()> {
            self.1.borrow_mut().push(duration);
            Box::pin(async {})
        }
    }

    fn said(text: &str) -> Result<Vec<Rows>, StoreError> {
        Err(StoreError(format!("D1: {text}")))
    }

    fn row() -> Result<Vec<Rows>, StoreError> {
        Ok(vec![Rows(vec![r#"{ "id": "x" }"#.into()])])
    }

    fn nothing() -> Result<Vec<Rows>, StoreError> {
        Ok(vec![Rows(Vec::new())])
    }

    /// Returns the number of runs, and whether the statement returned a row.
    fn run(sql: &'static str, answers: Vec<Result<Vec<Rows>, StoreError>>) -> (usize, Result<bool, String>) {
        let script = Script(RefCell::new(answers), RefCell::default());
        let answer = pollster::block_on(batch_on(&script, &script, &[Statement::new(sql)]));
        for (pause, shortest) in script.1.borrow().iter().zip(PAUSES.map(Duration::from_millis)) {
            assert!((shortest..=shortest * 2).contains(pause), "{pause:?}");
        }
        let runs = script.1.borrow().len() + 1;
        (runs, answer.map(|rows| rows[0].any()).map_err(|error| error.0))
    }

    #[test]
    fn what_d1_advises_to_retry_is_run_up_to_three_times() {
        for error in PASSING {
            assert_eq!(run("UPDATE … RETURNING id", vec![said(error), row()]), (2, Ok(true)));
        }
        let lost = || said("Network connection lost.");
        assert_eq!(run("UPDATE … RETURNING id", vec![lost(), lost(), row()]), (3, Ok(true)));
        let (runs, answer) = run("UPDATE … RETURNING id", vec![lost(), lost(), lost()]);
        assert_eq!((runs, answer), (3, Err("D1: Network connection lost.".to_owned())));
    }

    #[test]
    fn what_would_fail_again_or_overload_d1_further_is_run_once() {
        for error in [
            "UNIQUE constraint failed: users.email",
            "D1 DB is overloaded. Requests queued for too long.",
            "D1 DB is overloaded. Too many requests queued.",
            "D1 DB storage operation exceeded timeout which caused object to be reset.",
            "D1 DB exceeded its CPU time limit and was reset.",
        ] {
            assert_eq!(run("UPDATE … RETURNING id", vec![said(error)]), (1, Err(format!("D1: {error}"))));
        }
    }

    #[test]
    fn a_second_run_that_finds_nothing_to_do_is_no_answer() {
        let lost = || said("Network connection lost.");
        let (_, answer) = run("DELETE … RETURNING id", vec![lost(), nothing()]);
        assert_eq!(answer, Err("D1: Network connection lost.".to_owned()));
        let (_, answer) = run("INSERT …", vec![lost(), said("UNIQUE constraint failed: sessions.id")]);
        assert_eq!(answer, Err("D1: Network connection lost.".to_owned()));
        // Statements without `RETURNING` are never ambiguous.
        assert_eq!(run("DELETE …", vec![lost(), nothing()]).1, Ok(false));
        assert_eq!(run("SELECT …", vec![lost(), nothing()]).1, Ok(false));
        assert_eq!(run("DELETE … RETURNING id", vec![nothing()]).1, Ok(false));
    }
}
