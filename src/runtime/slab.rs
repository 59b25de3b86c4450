//! A list whose entries have numbers that are never reused.

/// Entries by number. A late lookup finds nothing, because no number is used twice. There are about as many entries as requests in progress,
/// so a linear search is fast enough.
pub struct Slab<T> {
    last: u32,
    entries: Vec<(u32, T)>,
}

impl<T> Slab<T> {
    /// Creates an empty slab.
    pub(super) const fn new() -> Self {
        Slab { last: 0, entries: Vec::new() }
    }

    /// Adds an entry and returns its number.
    pub fn add(&mut self, entry: T) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.entries.push((self.last, entry));
        self.last
    }

    /// Returns the entry with this number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.entries.iter_mut().rev().find(|(known, _)| *known == number).map(|(_, entry)| entry)
    }

    /// Removes the entry with this number.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let place = self.entries.iter().rposition(|(known, _)| *known == number)?;
        Some(self.entries.remove(place).1)
    }

    /// Removes the oldest entry if there are more than `max`.
    pub fn limit(&mut self, max: usize) -> Option<T> {
        (self.entries.len() > max).then(|| self.entries.remove(0).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_number_is_never_reused() {
        let mut slab = Slab::new();
        let [first, second] = ["first", "second"].map(|entry| slab.add(entry));
        assert_eq!(slab.remove(first), Some("first"));
        let third = slab.add("third");
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get_mut(third), Some(&mut "third"));
        assert_eq!(slab.limit(2), None);
        assert_eq!(slab.limit(1), Some("second"));
        assert_eq!(slab.get_mut(second), None);
    }
}
