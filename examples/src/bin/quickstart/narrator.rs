//! Prints the tour, and counts what did not hold.

use std::fmt::Display;
use std::process::ExitCode;

use dotmac_database::Error;

/// The voice of the tour.
pub struct Narrator {
    steps: u32,
    held: u32,
    broken: u32,
}

impl Narrator {
    pub fn new() -> Self {
        Narrator {
            steps: 0,
            held: 0,
            broken: 0,
        }
    }

    /// Opens a step.
    pub fn step(&mut self, title: &str) {
        self.steps += 1;
        println!("\n{}. {title}", self.steps);
    }

    /// Says something.
    pub fn say(&self, text: impl Display) {
        println!("   {text}");
    }

    /// Prints a row.
    pub fn row(&self, row: impl Display) {
        println!("     | {row}");
    }

    /// Checks what the tour claims.
    pub fn expect(&mut self, claim: &str, holds: bool) {
        if holds {
            self.held += 1;
            println!("   ✓ {claim}");
        } else {
            self.broken += 1;
            println!("   ✗ DOES NOT HOLD: {claim}");
        }
    }

    /// Checks that something was refused, and shows the words of the refusal.
    pub fn refused<T, E: Into<Error>>(&mut self, claim: &str, result: Result<T, E>) {
        match result {
            Ok(_) => self.expect(claim, false),
            Err(error) => {
                self.expect(claim, true);
                self.say(format!("  → {}", error.into()));
            }
        }
    }

    /// Sums up.
    pub fn finish(self) -> ExitCode {
        println!("\n{} claims held, {} did not.", self.held, self.broken);
        match self.broken {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}
