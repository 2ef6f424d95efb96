//! A question to whoever sits at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::context::TenantId;

/// The tenant's name once more: as given, else as typed; nothing where nobody can type.
pub fn confirmation(given: Option<String>, tenant: &TenantId) -> String {
    if let Some(given) = given {
        return given;
    }
    if !io::stdin().is_terminal() {
        return String::new();
    }
    eprint!("This drops tenant \"{tenant}\" with all its rows. Its name once more: ");
    // Where the question cannot be shown, or not be answered, nothing is confirmed.
    let mut answer = String::new();
    match io::stderr()
        .flush()
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
    {
        Ok(_) => answer.trim().to_owned(),
        Err(_) => String::new(),
    }
}
