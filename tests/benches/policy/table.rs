//! The results as tables.

use std::time::Duration;

use crate::variant::Group;

/// Prints the medians of a group, and their ratio to the first.
pub fn print(group: &Group, medians: &[Duration]) {
    println!("\n| {:<42} | median µs | ratio |", group.question);
    println!("|{:-<44}|----------:|------:|", "");
    for (variant, median) in group.variants.iter().zip(medians) {
        println!(
            "| {:<42} | {:>9.0} | {:>5.2} |",
            variant.name,
            median.as_secs_f64() * 1e6,
            median.div_duration_f64(medians[0]),
        );
    }
}
