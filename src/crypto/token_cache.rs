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
    /// Returns the value of `text`, if it is cached.
    pub fn get(&self, text: &str) -> Option<Rc<T>> {
        let mut generations = self.0.borrow_mut();
        if let Some(known) = generations.young.get(text) {
            return Some(known.clone());
        }
        let known = generations.old.remove(text)?;
        Some(generations.insert(text, known))
    }

    /// Caches the value of `text` and returns it.
    pub fn insert(&self, text: &str, value: T) -> Rc<T> {
        self.0.borrow_mut().insert(text, Rc::new(value))
    }
}

impl<T> Generations<T> {
    fn insert(&mut self, text: &str, value: Rc<T>) -> Rc<T> {
        if self.young.len() == KEPT {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(text.into(), value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_whole_text() {
        let cache = TokenCache::default();
        assert_eq!(*cache.insert("good", 1), 1);
        assert_eq!(
            ["good", "good", "goo", "bad"].map(|text| cache.get(text).as_deref().copied()),
            [Some(1), Some(1), None, None]
        );
    }

    #[test]
    fn as_many_as_are_asked_for_in_turn_are_kept_and_no_more_than_twice_as_many() {
        let cache = TokenCache::default();
        cache.insert("asked for", 0);
        for number in 0..5 * KEPT {
            // An entry that is used again and again is never evicted.
            assert!(cache.get("asked for").is_some());
            cache.insert(&number.to_string(), number);
            let generations = cache.0.borrow();
            assert!(generations.young.len() <= KEPT && generations.old.len() <= KEPT);
        }
        for number in 5 * KEPT - KEPT / 2..5 * KEPT {
            assert_eq!(cache.get(&number.to_string()).as_deref(), Some(&number));
        }
    }
}
