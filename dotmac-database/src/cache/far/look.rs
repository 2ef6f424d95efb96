//! Looks for values by plain reads: the tokens of their scopes come with them, and are compared here.

use std::sync::atomic::{AtomicU32, Ordering};

use ahash::AHashMap;
use bytes::Bytes;
use futures_util::future::try_join_all;

use super::answer::FarValue;
use super::group::in_order;
use super::home::Home;
use super::place::Place;
use super::protocol::Far;
use super::stored::{Scope, Stored};
use crate::redis::Fault;

/// For so many looks after one that did not suffice, the script is asked at once.
const BY_SCRIPT: u32 = 16;

/// How the values of a cache are looked for: by a plain read, which costs about two thirds of a script.
///
/// It has the tokens of those scopes that were asked for. A value may have others, such as a tag that
/// its loader gave it, and of a token that counts patterns only the script can tell which of them were the
/// key's: then it is asked as well, which is another round trip. Where that is usual, it is asked at once.
#[derive(Default)]
pub struct Habit(AtomicU32);

impl Habit {
    fn is_by_script(&self) -> bool {
        let less = |looks: u32| looks.checked_sub(1);
        let fewer = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        fewer.is_ok()
    }

    fn ask_script(&self) {
        self.0.store(BY_SCRIPT, Ordering::Relaxed);
    }
}

/// What the tokens say of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Alive,
    Dead,
    /// The script can tell.
    Open,
}

/// The tokens of scopes at the moment of a look.
struct Tokens<'s>(AHashMap<&'s [u8], Option<Bytes>>);

impl Tokens<'_> {
    fn judge(&self, value: &Stored) -> Verdict {
        let mut verdict = Verdict::Alive;
        for scope in value.scopes() {
            match self.compare(&scope) {
                Verdict::Alive => {}
                Verdict::Dead => return Verdict::Dead,
                Verdict::Open => verdict = Verdict::Open,
            }
        }
        verdict
    }

    fn compare(&self, scope: &Scope<'_>) -> Verdict {
        match self.0.get(scope.name) {
            Some(Some(token)) if token == scope.token => Verdict::Alive,
            // One that counts patterns, and has counted since.
            Some(Some(_)) if scope.name.starts_with(b"p:") => Verdict::Open,
            Some(_) => Verdict::Dead,
            None => Verdict::Open,
        }
    }
}

impl Far {
    /// Looks for values of one owner, whose scopes are mostly these, in one round trip.
    pub async fn look(
        &self,
        places: &[Place<'_>],
        scopes: &[String],
        habit: &Habit,
    ) -> Result<Vec<Option<FarValue>>, Fault> {
        let groups = self.by_home(places);
        let mut looks = Vec::with_capacity(groups.len());
        for group in &groups {
            looks.push(self.look_at(&group.home, &group.places, scopes, habit));
        }
        Ok(in_order(&groups, try_join_all(looks).await?))
    }

    async fn look_at(
        &self,
        home: &Home,
        places: &[Place<'_>],
        scopes: &[String],
        habit: &Habit,
    ) -> Result<Vec<Option<FarValue>>, Fault> {
        let clock = self.clocks().of(self.server_of(home));
        let Some(clock) = clock.filter(|_| !habit.is_by_script()) else {
            return self.look_by_script(home, places).await;
        };
        let prefix = home.prefix();
        let values = places.iter().map(|place| place.value_key(home));
        let tokens = scopes.iter().map(|scope| {
            let mut key = Vec::with_capacity(prefix.len() + scope.len());
            key.extend_from_slice(&prefix);
            key.extend_from_slice(scope.as_bytes());
            Bytes::from(key)
        });
        let mut values = self.redis().read(values.chain(tokens).collect()).await?;
        if values.len() != places.len() + scopes.len() {
            return Err(Fault::Answer);
        }
        let now = clock.now();
        let tokens = values.split_off(places.len());
        let names = scopes.iter().map(|scope| scope.as_bytes());
        let tokens = Tokens(names.zip(tokens).collect());
        let mut open = Vec::new();
        let mut found: Vec<Option<FarValue>> = Vec::with_capacity(places.len());
        for (value, place) in values.into_iter().zip(places) {
            found.push(match value.map(Stored::parse) {
                None => None,
                // It is found to be damaged with its envelope.
                Some(None) => Some(FarValue::default()),
                Some(Some(value)) => match tokens.judge(&value) {
                    Verdict::Alive => value.at(now),
                    Verdict::Dead => None,
                    Verdict::Open => {
                        open.push((found.len(), *place));
                        None
                    }
                },
            });
        }
        if !open.is_empty() {
            habit.ask_script();
            let places: Vec<Place<'_>> = open.iter().map(|(_, place)| *place).collect();
            let told = self.look_by_script(home, &places).await?;
            for ((at, _), told) in open.into_iter().zip(told) {
                if let Some(found) = found.get_mut(at) {
                    *found = told;
                }
            }
        }
        Ok(found)
    }

    async fn look_by_script(
        &self,
        home: &Home,
        places: &[Place<'_>],
    ) -> Result<Vec<Option<FarValue>>, Fault> {
        let arguments = vec![home.prefix(), Bytes::new()];
        let found = self.ask(home, places, &[], arguments).await?;
        Ok(found.into_iter().map(|found| found.value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::stored::tests::written;
    use super::*;

    const OLD: [u8; 16] = [1; 16];
    const NEW: [u8; 16] = [2; 16];

    /// What is said of a value with these scopes, while those of `known` have these tokens.
    fn judged(scopes: &[(&str, [u8; 16])], known: &[(&str, Option<[u8; 16]>)]) -> Verdict {
        let token = |token: &Option<[u8; 16]>| token.map(|it| Bytes::copy_from_slice(&it));
        let known = known.iter().map(|(name, it)| (name.as_bytes(), token(it)));
        let value = Stored::parse(written(1, scopes, b"")).expect("is whole");
        Tokens(known.collect()).judge(&value)
    }

    #[test]
    fn a_value_is_alive_while_all_its_scopes_have_their_tokens() {
        let known = [("*", Some(OLD)), ("n:orders", Some(NEW)), ("g:gone", None)];
        for (scopes, verdict) in [
            (&[][..], Verdict::Alive),
            (&[("*", OLD), ("n:orders", NEW)], Verdict::Alive),
            (&[("*", OLD), ("n:orders", OLD)], Verdict::Dead),
            (&[("*", NEW), ("n:orders", NEW)], Verdict::Dead),
            (&[("*", OLD), ("g:gone", OLD)], Verdict::Dead),
            // Not asked for: the script can tell, unless another scope tells already.
            (&[("*", OLD), ("g:red", OLD)], Verdict::Open),
            (&[("g:red", OLD), ("*", NEW)], Verdict::Dead),
            (&[("*", NEW), ("g:red", OLD)], Verdict::Dead),
        ] {
            assert_eq!(judged(scopes, &known), verdict, "{scopes:?}");
        }
    }

    #[test]
    fn of_patterns_that_came_since_only_the_script_can_tell() {
        let own = [("p:orders", OLD)];
        assert_eq!(judged(&own, &[("p:orders", Some(OLD))]), Verdict::Alive);
        assert_eq!(judged(&own, &[("p:orders", Some(NEW))]), Verdict::Open);
        assert_eq!(judged(&own, &[("p:orders", None)]), Verdict::Dead);
    }

    #[test]
    fn the_script_is_asked_at_once_for_a_while() {
        let habit = Habit::default();
        assert!(!habit.is_by_script());
        habit.ask_script();
        let looks = (0..100).filter(|_| habit.is_by_script()).count();
        assert_eq!(looks, 16);
    }
}
