//! A narrated tour: two tenants in one database, and what each can and cannot do.
//!
//! Needs no set-up. It uses `DATABASE_URL` if set, else a throwaway PostgreSQL if installed, else
//! SQLite in memory, and says which. It ends with a failure if anything it shows does not hold.

mod isolation;
mod many_rows;
mod narrator;
mod place;
mod unit_of_work;

use std::process::ExitCode;

use narrator::Narrator;
use place::Place;

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

async fn tour() -> Result<Narrator, Box<dyn std::error::Error>> {
    let mut narrator = Narrator::new();
    let place = Place::open(&mut narrator).await?;
    let result = async {
        isolation::show(&mut narrator, &place).await?;
        unit_of_work::show(&mut narrator, &place).await?;
        many_rows::show(&mut narrator, &place).await?;
        place.show_start_check(&mut narrator).await
    }
    .await;
    place.close().await?;
    result?;
    Ok(narrator)
}
