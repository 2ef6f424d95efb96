//! The start check, against a login that policies do not bind.

use dotmac_database::prelude::*;
use dotmac_examples::place::{Outcome, Place};

use crate::narrator::Narrator;

pub async fn show(narrator: &mut Narrator, place: &Place) -> Outcome<()> {
    narrator.step("A login that row-level security does not bind");
    let Some(postgres) = place.postgres_here() else {
        narrator.say("SQLite has no logins: there is nothing to check, and nothing that protects.");
        return Ok(());
    };
    let claim = "the program does not start with the administrator's login";
    let config = DatabaseConfig::new(&postgres.administrator()?)?;
    match Database::connect(config).await {
        Err(error) if error.kind() == ErrorKind::BypassesRls => {
            narrator.refused(claim, Err::<(), _>(error));
        }
        Err(error) => return Err(error.into()),
        Ok(_) if postgres.is_on_own_server() => narrator.expect(claim, false),
        Ok(_) => narrator.say("DATABASE_URL's role is no superuser: nothing to refuse."),
    }
    Ok(())
}
