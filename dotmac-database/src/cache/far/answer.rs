//! What the scripts answer: values, leases, and the count of a home's invalidations.

use std::time::Duration;

use bytes::Bytes;

use crate::redis::{Fault, Reply};

/// What was found.
#[derive(Default)]
pub struct Found {
    pub value: Option<FarValue>,
    /// The right to store what is loaded now; `None` where it was not asked for, or is not needed.
    pub lease: Option<Lease>,
}

/// A value that is alive.
pub struct FarValue {
    pub envelope: Bytes,
    /// How long it will be.
    pub left: Duration,
    pub scopes: Vec<String>,
}

/// The right to store what is loaded from now on.
#[derive(Debug, Clone)]
pub struct Lease {
    pub(super) token: Bytes,
    /// Whether nobody else loads it.
    pub is_first: bool,
    pub(super) epoch: Bytes,
    /// The tokens of the scopes that were known.
    pub(super) scopes: Vec<(Bytes, Bytes)>,
}

/// How many invalidations a home has seen, after a name that is new when the count begins anew; `None`
/// where there was none for long.
pub type Count = Option<([u8; 16], u64)>;

/// What the script answers of so many entries.
pub fn found(answer: Reply, count: usize, scopes: &[String]) -> Result<Vec<Found>, Fault> {
    let mut answers = answer.list()?.into_iter();
    let entries: Vec<Entry> = answers
        .by_ref()
        .take(count)
        .map(entry)
        .collect::<Result<_, _>>()?;
    if entries.len() != count {
        return Err(Fault::Answer);
    }
    let known = answers
        .next()
        .map(|known| tokens(known, scopes))
        .transpose()?;
    let with_lease = |entry: Entry| {
        let lease = match (entry.lease, &known) {
            (None, _) => None,
            (Some(_), None) => return Err(Fault::Answer),
            (Some((token, is_first)), Some((epoch, scopes))) => Some(Lease {
                token,
                is_first,
                epoch: epoch.clone(),
                scopes: scopes.clone(),
            }),
        };
        Ok(Found {
            value: entry.value,
            lease,
        })
    };
    entries.into_iter().map(with_lease).collect()
}

struct Entry {
    value: Option<FarValue>,
    /// Its token, and whether nobody else has it.
    lease: Option<(Bytes, bool)>,
}

fn entry(answer: Reply) -> Result<Entry, Fault> {
    let mut parts = answer.list()?.into_iter();
    let mut next = || parts.next().ok_or(Fault::Answer);
    let envelope = next()?.bytes()?;
    let left = u64::try_from(next()?.number()?).unwrap_or(0);
    let count = next()?.number()?;
    let names = (0..count).map(|_| {
        let name = next()?.bytes()?;
        String::from_utf8(name.into()).map_err(|_| Fault::Answer)
    });
    let names = names.collect::<Result<Vec<String>, Fault>>()?;
    let token = next()?.bytes()?;
    let is_first = next()?.number()? == 1;
    Ok(Entry {
        value: (!envelope.is_empty()).then_some(FarValue {
            envelope,
            left: Duration::from_millis(left),
            scopes: names,
        }),
        lease: (!token.is_empty()).then_some((token, is_first)),
    })
}

/// The epoch, and each scope with its token.
fn tokens(answer: Reply, scopes: &[String]) -> Result<(Bytes, Vec<(Bytes, Bytes)>), Fault> {
    let mut parts = answer.list()?.into_iter().map(Reply::bytes);
    let epoch = parts.next().ok_or(Fault::Answer)??;
    let tokens: Vec<Bytes> = parts.collect::<Result<_, _>>()?;
    if tokens.len() != scopes.len() {
        return Err(Fault::Answer);
    }
    let names = scopes.iter().map(|scope| Bytes::from(scope.clone()));
    Ok((epoch, names.zip(tokens).collect()))
}

/// The name and the count of a home's invalidations.
pub fn count(answer: Reply) -> Result<Count, Fault> {
    let mut parts = answer.list()?.into_iter();
    let (Some(name), Some(number)) = (parts.next(), parts.next()) else {
        return Ok(None);
    };
    let name = <[u8; 16]>::try_from(&*name.bytes()?).map_err(|_| Fault::Answer)?;
    let number = std::str::from_utf8(&number.bytes()?).map(str::parse);
    match number {
        // A load has named it.
        Ok(Ok(0)) => Ok(None),
        Ok(Ok(number)) => Ok(Some((name, number))),
        _ => Err(Fault::Answer),
    }
}
