//! Results as lines: for people, or as JSON for programs.

use serde::Serialize;
use serde_json::json;

use crate::migrate::{FleetPlan, FleetReport};
use crate::tenancy::TenantRecord;

/// A value as one line of JSON.
pub fn json<T: Serialize>(value: &T) {
    match serde_json::to_string(value) {
        Ok(line) => println!("{line}"),
        Err(error) => tracing::error!(%error, "a result has no JSON"),
    }
}

pub fn record(record: &TenantRecord) {
    let place = match &record.schema {
        Some(schema) => format!("schema {schema}"),
        None => record.placement.to_string(),
    };
    let version = match &record.version {
        Some(version) => format!(", version {version}"),
        None => String::new(),
    };
    println!("{}: {}, {place}{version}", record.tenant, record.state);
    if let Some(error) = &record.error {
        println!("  {error}");
    }
}

pub fn plan(plan: &FleetPlan) {
    if !plan.shared.is_empty() {
        println!("shared schema: {}", plan.shared.join(", "));
    }
    if plan.template {
        println!("the template is behind");
    }
    for tenant in &plan.tenants {
        match &tenant.error {
            Some(error) => println!("{}: {error}", tenant.tenant),
            None => println!("{}: {}", tenant.tenant, tenant.pending.join(", ")),
        }
    }
    println!(
        "{} tenants are current, {} are not",
        plan.current,
        plan.tenants.len()
    );
}

pub fn report(report: &FleetReport, as_json: bool) {
    if as_json {
        return json(&json!({ "event": "finished", "report": report }));
    }
    println!(
        "{} migrated, {} current before, {} failed, {} left",
        report.done.len(),
        report.skipped,
        report.failed.len(),
        report.remaining.len(),
    );
}
