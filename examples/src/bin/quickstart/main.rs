//! A narrated tour: two tenants in one database, and what each can and cannot do.
//!
//! Needs no set-up. It uses `DATABASE_URL` if set, else a throwaway PostgreSQL if installed, else
//! SQLite in memory, and says which. It ends with a failure if anything it shows does not hold.

mod isolation;
mod many_rows;
mod narrator;
mod start_check;
mod unit_of_work;

use std::process::ExitCode;

use dotmac_examples::place::{Outcome, Place};
use narrator::Narrator;

#[tokio::main]
async fn main() -> ExitCode {
    match tour().await {
        Ok(narrator) => narrator.finish(),
        Err(error) => {
            eprintln!("\nThe tour ends here: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn tour() -> Outcome<Narrator> {
    let mut narrator = Narrator::new();
    narrator.step("Where this runs");
    let place = Place::open("quickstart", &mut |line| narrator.say(line)).await?;
    let result = async {
        isolation::show(&mut narrator, &place).await?;
        unit_of_work::show(&mut narrator, &place).await?;
        many_rows::show(&mut narrator, &place).await?;
        start_check::show(&mut narrator, &place).await
    }
    .await;
    place.close().await?;
    result?;
    Ok(narrator)
}
