//! How a run is shown while it goes on: a bar on a terminal, else plain lines or JSON.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::migrate::FleetEvent;

/// Shows events.
pub enum Progress {
    Json,
    Lines,
    Bar {
        bar: ProgressBar,
        failures: AtomicUsize,
    },
}

const STYLE: &str = "{bar:30} {pos}/{len} tenants, {per_sec}, {eta} left{msg}";

impl Progress {
    /// JSON where it is asked for, a bar where standard error is a terminal.
    pub fn new(json: bool) -> Self {
        if json {
            return Progress::Json;
        }
        if !io::stderr().is_terminal() {
            return Progress::Lines;
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        Progress::Bar {
            bar,
            failures: AtomicUsize::new(0),
        }
    }

    pub fn tell(&self, event: &FleetEvent) {
        match self {
            Progress::Json => match serde_json::to_string(event) {
                Ok(line) => println!("{line}"),
                Err(error) => tracing::error!(%error, "an event has no JSON"),
            },
            Progress::Lines => {
                if let Some(line) = line(event) {
                    eprintln!("{line}");
                }
            }
            Progress::Bar { bar, failures } => advance(bar, failures, event),
        }
    }
}

fn advance(bar: &ProgressBar, failures: &AtomicUsize, event: &FleetEvent) {
    match event {
        FleetEvent::Planned { behind } => bar.set_length(behind_so_far(bar, *behind)),
        FleetEvent::Started { .. } => {}
        FleetEvent::Done { .. } | FleetEvent::Skipped { .. } => bar.inc(1),
        FleetEvent::Failed { .. } => {
            let failed = failures.fetch_add(1, Ordering::Relaxed) + 1;
            bar.set_message(format!(", {failed} failed"));
            bar.inc(1);
        }
        _ => {}
    }
    // Whoever is done is not worth a line where a bar shows it.
    if !matches!(event, FleetEvent::Done { .. })
        && let Some(line) = line(event)
    {
        bar.println(line);
    }
    if matches!(event, FleetEvent::Stopped { .. }) {
        bar.abandon();
    }
}

/// A second plan is for tenants that came meanwhile.
fn behind_so_far(bar: &ProgressBar, behind: usize) -> u64 {
    let behind = u64::try_from(behind).unwrap_or(u64::MAX);
    bar.length().unwrap_or(0).saturating_add(behind)
}

fn line(event: &FleetEvent) -> Option<String> {
    Some(match event {
        FleetEvent::Shared { pending } => format!("shared schema: {}", pending.join(", ")),
        FleetEvent::Template { schema } => format!("template: schema {schema}"),
        FleetEvent::Planned { behind } => format!("{behind} tenants are behind"),
        FleetEvent::Done { tenant, seconds } => format!("{tenant}: migrated in {seconds:.2} s"),
        FleetEvent::Failed { tenant, error } => format!("{tenant}: failed: {error}"),
        FleetEvent::Stopped { remaining } => format!("stopped: {remaining} tenants are left"),
        _ => return None,
    })
}
