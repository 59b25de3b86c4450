//! Caches tokens that have been verified, so that requests with the same token do not repeat the expensive check.

use std::{cell::RefCell, collections::HashMap, mem, rc::Rc};

/// The cache keeps at least this many entries, and at most twice as many.
const KEPT: usize = 1024;

/// A cache of values that depend only on their text. When it is full, the oldest half is evicted.
pub struct TokenCache<T>(RefCell<Generations<T>>);

struct Generations<T> {
    young: HashMap<Box<str>, Rc<T>>,
    old: HashMap<Box<str>, Rc<T>>,
}

impl<T> Default for TokenCache<T> {
    fn default() -> Self {
        TokenCache(RefCell::new(Generations { young: HashMap::new(), old: HashMap::new() }))
    }
}

impl<T> TokenCache<T> {
    /// Returns the value of `text`, computed by `find` on a miss. A `None` is not cached.
    pub fn get_or_find(&self, text: &str, find: impl FnOnce() -> Option<T>) -> Option<Rc<T>> {
        let mut generations = self.0.borrow_mut();
        if let Some(known) = generations.young.get(text) {
            return Some(known.clone());
        }
        let known = generations.old.remove(text);
        let value = known.or_else(|| find().map(Rc::new))?;
        if generations.young.len() == KEPT {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(text.into(), value.clone());
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_not_looked_for_again_and_what_was_not_found_is() {
        let cache = TokenCache::default();
        let ask = |text: &str, outcome: Option<u32>| {
            let mut looked = false;
            let found = cache.get_or_find(text, || {
                looked = true;
                outcome
            });
            (found.as_deref().copied(), looked)
        };
        assert_eq!([ask("bad", None), ask("bad", None)], [(None, true), (None, true)]);
        assert_eq!([ask("good", Some(1)), ask("good", None)], [(Some(1), true), (Some(1), false)]);
        assert_eq!(ask("goo", None), (None, true));
    }

    #[test]
    fn as_many_as_are_asked_for_in_turn_are_kept_and_no_more_than_twice_as_many() {
        let cache = TokenCache::default();
        for number in 0..5 * KEPT {
            // An entry that is used again and again is never evicted.
            assert!(cache.get_or_find("asked for", || (number == 0).then_some(0)).is_some());
            cache.get_or_find(&number.to_string(), || Some(number));
            let generations = cache.0.borrow();
            assert!(generations.young.len() <= KEPT && generations.old.len() <= KEPT);
        }
        for number in 5 * KEPT - KEPT / 2..5 * KEPT {
            assert_eq!(cache.get_or_find(&number.to_string(), || None).as_deref(), Some(&number));
        }
    }
}
