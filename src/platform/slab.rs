//! What waits, by number.

/// Things that have numbers, each until it is removed. No number names two things, so that whoever comes late with one finds nothing.
/// There are as many as requests under way: few enough to look through.
pub struct Slab<T> {
    last: u32,
    things: Vec<(u32, T)>,
}

impl<T> Slab<T> {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Slab { last: 0, things: Vec::new() }
    }

    /// Gives `thing` the next number.
    pub fn add(&mut self, thing: T) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.things.push((self.last, thing));
        self.last
    }

    /// The thing with this number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.things.iter_mut().rev().find(|(known, _)| *known == number).map(|(_, thing)| thing)
    }

    /// Removes the thing with this number.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let place = self.things.iter().rposition(|(known, _)| *known == number)?;
        Some(self.things.remove(place).1)
    }

    /// Removes the oldest thing where there are more than `most`.
    pub fn limit(&mut self, most: usize) -> Option<T> {
        (self.things.len() > most).then(|| self.things.remove(0).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_given_up_names_nothing_ever_after() {
        let mut numbered = Slab::new();
        let [first, second] = ["first", "second"].map(|thing| numbered.add(thing));
        assert_eq!(numbered.remove(first), Some("first"));
        let third = numbered.add("third");
        assert_eq!(numbered.get_mut(first), None);
        assert_eq!(numbered.remove(first), None);
        assert_eq!(numbered.get_mut(third), Some(&mut "third"));
        assert_eq!(numbered.limit(2), None);
        assert_eq!(numbered.limit(1), Some("second"));
        assert_eq!(numbered.get_mut(second), None);
    }
}
