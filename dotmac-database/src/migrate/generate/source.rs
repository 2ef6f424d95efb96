//! The source of a migration, as rustfmt would leave it.

use super::plan::{Line, Plan};

/// The columns of a line.
const WIDTH: usize = 100;

/// The whole file.
pub fn text(plan: &Plan) -> String {
    let modules = Modules::of(plan);
    let about = match plan.tables.as_slice() {
        [] => "What this migration does.".to_owned(),
        tables => format!("Brings to their entities: {}.", tables.join(", ")),
    };
    let (up, down) = (body(&plan.up, &modules), body(&plan.down, &modules));
    let manager = |lines: &[Line]| match lines.iter().any(|line| matches!(line, Line::Call { .. }))
    {
        true => "manager",
        false => "_manager",
    };
    let helpers = match (manager(&plan.up), manager(&plan.down)) {
        ("_manager", "_manager") => "",
        _ => "use dotmac_database::migrate;\n",
    };
    format!(
        "{about}\n\
         {helpers}use sea_orm_migration::prelude::*;\n\
         {uses}\n\
         #[derive(DeriveMigrationName)]\n\
         pub struct Migration;\n\
         \n\
         #[async_trait::async_trait]\n\
         impl MigrationTrait for Migration {{\n    \
             async fn up(&self, {up_manager}: &SchemaManager) -> Result<(), DbErr> {{\n\
                 {up}        Ok(())\n    \
             }}\n\
         \n    \
             async fn down(&self, {down_manager}: &SchemaManager) -> Result<(), DbErr> {{\n\
                 {down}        Ok(())\n    \
             }}\n\
         }}\n",
        about = comment("//!", "", &about),
        uses = modules.uses(),
        up_manager = manager(&plan.up),
        down_manager = manager(&plan.down),
    )
}

fn body(lines: &[Line], modules: &Modules) -> String {
    let line = |line: &Line| match line {
        Line::Undecided(what) => comment("//", "        ", &format!("Decide: {what}.")),
        Line::Note(what) => comment("//", "        ", what),
        Line::Call {
            helper,
            module,
            argument,
        } => {
            let entity = modules.name(module);
            let argument = argument
                .as_ref()
                .map(|argument| format!(", {argument:?}"))
                .unwrap_or_default();
            call(&format!(
                "migrate::{helper}::<{entity}::Entity>(manager{argument})"
            ))
        }
    };
    lines.iter().map(line).collect()
}

fn call(call: &str) -> String {
    let line = format!("        {call}.await?;");
    if line.len() <= WIDTH {
        return line + "\n";
    }
    format!("        {call}\n            .await?;\n")
}

// Words only, so that no name of the database can end the comment.
fn comment(mark: &str, indent: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = format!("{indent}{mark}");
    for (nth, word) in text.split_whitespace().enumerate() {
        if nth > 0 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = format!("{indent}{mark}");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

/// How entities' modules are named in the file: by their last segment, unless two share it.
struct Modules {
    imported: Vec<String>,
}

impl Modules {
    fn of(plan: &Plan) -> Self {
        let last = |module: &String| last_segment(module).to_owned();
        let is_unique = |module: &&String| {
            let same = |other: &&String| last(other) == last(module);
            plan.modules.iter().filter(same).count() == 1
        };
        let is_called = |module: &&String| {
            let mut lines = plan.up.iter().chain(&plan.down);
            lines.any(|line| matches!(line, Line::Call { module: called, .. } if called == *module))
        };
        let mut imported: Vec<String> = plan
            .modules
            .iter()
            .filter(is_unique)
            .filter(is_called)
            .filter(|module| module.contains("::"))
            .cloned()
            .collect();
        // rustfmt's order.
        imported.sort_by_key(|module| (!module.starts_with("crate::"), module.clone()));
        Modules { imported }
    }

    fn name<'m>(&self, module: &'m str) -> &'m str {
        if self.imported.iter().any(|imported| imported == module) {
            last_segment(module)
        } else {
            module
        }
    }

    fn uses(&self) -> String {
        if self.imported.is_empty() {
            return String::new();
        }
        let uses = self
            .imported
            .iter()
            .map(|module| format!("use {module};\n"));
        format!("\n{}", uses.collect::<String>())
    }
}

fn last_segment(module: &str) -> &str {
    module.rsplit("::").next().unwrap_or(module)
}
