//! Places by their homes: what is asked together is of one home.

use super::home::Home;
use super::place::Place;
use super::protocol::Far;

/// Some of the places that were asked for: those of one home.
pub struct Group<'p> {
    pub home: Home,
    pub places: Vec<Place<'p>>,
    /// Which of all they are.
    at: Vec<usize>,
}

impl Far {
    pub(super) fn by_home<'p>(&self, places: &[Place<'p>]) -> Vec<Group<'p>> {
        let mut groups: Vec<Group<'p>> = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let home = self.home(*place);
            match groups.iter_mut().find(|it| it.home == home) {
                Some(group) => {
                    group.places.push(*place);
                    group.at.push(at);
                }
                None => groups.push(Group {
                    home,
                    places: vec![*place],
                    at: vec![at],
                }),
            }
        }
        groups
    }
}

/// The answers of all groups, in the order in which the places were asked for.
pub fn in_order<T>(groups: &[Group<'_>], answers: Vec<Vec<T>>) -> Vec<T> {
    let mut all: Vec<(usize, T)> = Vec::new();
    for (group, answers) in groups.iter().zip(answers) {
        all.extend(group.at.iter().copied().zip(answers));
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, answer)| answer).collect()
}
