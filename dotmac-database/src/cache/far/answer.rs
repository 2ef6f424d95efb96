//! What the scripts answer: values, leases, and the count of a home's invalidations.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::stored::Stored;
use crate::redis::{Fault, Reply};

/// What was found.
#[derive(Default)]
pub struct Found {
    pub value: Option<FarValue>,
    /// The right to store what is loaded now; `None` where it was not asked for, or is not needed.
    pub lease: Option<Lease>,
}

/// A value that is alive.
#[derive(Debug, Default)]
pub struct FarValue {
    pub envelope: Bytes,
    /// How long it will be.
    pub left: Duration,
    pub tags: Vec<String>,
}

/// The right to store what is loaded from now on.
#[derive(Debug, Clone)]
pub struct Lease {
    pub(super) token: Bytes,
    /// Whether nobody else loads it.
    pub is_first: bool,
    pub(super) epoch: Bytes,
    /// The tokens of the scopes that were known.
    pub(super) scopes: Arc<[(Bytes, Bytes)]>,
}

/// How many invalidations a home has seen, after a name that is new when the count begins anew; `None`
/// where there was none for long.
pub type Count = Option<([u8; 16], u64)>;

/// What the script that reads answers of so many entries, after the time; `scopes` are those whose tokens were
/// asked for.
pub fn found(answer: Reply, count: usize, scopes: &[String]) -> Result<(i64, Vec<Found>), Fault> {
    let mut parts = answer.list()?.into_iter();
    let mut next = || parts.next().ok_or(Fault::Answer);
    let now = next()?.number()?;
    let values = next()?.list()?.into_iter();
    let mut leases = next()?.list()?.into_iter();
    let tokens = next()?.list()?;
    let found = values.map(|raw| {
        let raw = raw.bytes()?;
        let value = match raw.is_empty() {
            true => None,
            // It is found to be damaged with its envelope.
            false => Stored::parse(raw).map_or_else(|| Some(FarValue::default()), |it| it.at(now)),
        };
        Ok(Found { value, lease: None })
    });
    let mut found = found.collect::<Result<Vec<Found>, Fault>>()?;
    if found.len() != count {
        return Err(Fault::Answer);
    }
    let Some((epoch, scopes)) = known(tokens, scopes)? else {
        return Ok((now, found));
    };
    while let Some(which) = leases.next() {
        let mut next = || leases.next().ok_or(Fault::Answer);
        let lease = Lease {
            token: next()?.bytes()?,
            is_first: next()?.number()? == 1,
            epoch: epoch.clone(),
            scopes: Arc::clone(&scopes),
        };
        let which = usize::try_from(which.number()?).ok();
        let entry = which.and_then(|which| found.get_mut(which.checked_sub(1)?));
        entry.ok_or(Fault::Answer)?.lease = Some(lease);
    }
    Ok((now, found))
}

/// Scopes by name, each with its token.
type Tokens = Arc<[(Bytes, Bytes)]>;

/// The epoch, and each scope with its token; `None` where there is no lease.
fn known(tokens: Vec<Reply>, scopes: &[String]) -> Result<Option<(Bytes, Tokens)>, Fault> {
    let mut tokens = tokens.into_iter().map(Reply::bytes);
    let Some(epoch) = tokens.next() else {
        return Ok(None);
    };
    let tokens: Vec<Bytes> = tokens.collect::<Result<_, _>>()?;
    if tokens.len() != scopes.len() {
        return Err(Fault::Answer);
    }
    let names = scopes.iter().map(|scope| Bytes::from(scope.clone()));
    Ok(Some((epoch?, names.zip(tokens).collect())))
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
