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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{SchemaName, TenantId};

    fn tenant() -> TenantId {
        TenantId::parse("acme").expect("valid")
    }

    fn failed() -> FleetEvent {
        let error = "no".to_owned();
        FleetEvent::Failed {
            tenant: tenant(),
            error,
        }
    }

    fn done() -> FleetEvent {
        FleetEvent::Done {
            tenant: tenant(),
            seconds: 1.5,
        }
    }

    #[test]
    fn each_event_that_matters_has_a_plain_line() {
        let pending = vec!["m1".to_owned(), "m2".to_owned()];
        let schema = SchemaName::parse("template").expect("valid");
        for (event, expected) in [
            (
                FleetEvent::Shared { pending },
                Some("shared schema: m1, m2"),
            ),
            (
                FleetEvent::Template { schema },
                Some("template: schema template"),
            ),
            (
                FleetEvent::Planned { behind: 3 },
                Some("3 tenants are behind"),
            ),
            (FleetEvent::Started { tenant: tenant() }, None),
            (FleetEvent::Skipped { tenant: tenant() }, None),
            (done(), Some("acme: migrated in 1.50 s")),
            (failed(), Some("acme: failed: no")),
            (
                FleetEvent::Stopped { remaining: 2 },
                Some("stopped: 2 tenants are left"),
            ),
        ] {
            assert_eq!(line(&event).as_deref(), expected, "{event:?}");
        }
    }

    #[test]
    fn bar_counts_tenants_and_failures_over_all_plans() {
        let (bar, failures) = (ProgressBar::hidden(), AtomicUsize::new(0));
        let tell = |event| advance(&bar, &failures, &event);
        tell(FleetEvent::Planned { behind: 3 });
        tell(FleetEvent::Started { tenant: tenant() });
        assert_eq!((bar.position(), bar.length()), (0, Some(3)));
        tell(done());
        tell(failed());
        tell(FleetEvent::Skipped { tenant: tenant() });
        assert_eq!((bar.position(), bar.length()), (3, Some(3)));
        assert_eq!(bar.message(), ", 1 failed");
        // Tenants that came meanwhile.
        tell(FleetEvent::Planned { behind: 2 });
        tell(failed());
        assert_eq!((bar.position(), bar.length()), (4, Some(5)));
        assert_eq!(bar.message(), ", 2 failed");
        assert!(!bar.is_finished());
        tell(FleetEvent::Stopped { remaining: 1 });
        assert!(bar.is_finished());
    }

    #[test]
    fn style_of_the_bar_is_one_that_indicatif_reads() {
        assert!(ProgressStyle::with_template(STYLE).is_ok());
    }

    #[test]
    fn program_without_a_terminal_tells_lines() {
        if !io::stderr().is_terminal() {
            assert!(matches!(Progress::new(false), Progress::Lines));
        }
        assert!(matches!(Progress::new(true), Progress::Json));
    }
}
