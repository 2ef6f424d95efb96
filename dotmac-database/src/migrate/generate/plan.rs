//! What a migration does about the differences, line by line.

use sea_orm::DbBackend;

use crate::migrate::comparison::Compared;
use crate::migrate::difference::{Change, Difference, Object};

/// The lines of a migration.
#[derive(Debug, Default)]
pub struct Plan {
    /// The tables it is about.
    pub tables: Vec<String>,
    /// The modules of their entities, as the migration's crate names them.
    pub modules: Vec<String>,
    pub up: Vec<Line>,
    pub down: Vec<Line>,
}

/// A line of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `migrate::<helper>::<<module>::Entity>(manager, "<argument>")`.
    Call {
        helper: &'static str,
        module: String,
        argument: Option<String>,
    },
    /// What a human has to decide.
    Undecided(String),
    /// What a reader should know.
    Note(String),
}

impl Plan {
    /// The plan for tables that differ, those first that others refer to.
    pub fn of(compared: &[Compared], crate_name: &str, drop: bool) -> Self {
        let mut plan = Plan::default();
        let mut down = Vec::new();
        for table in compared
            .iter()
            .filter(|table| !table.differences.is_empty())
        {
            let module = module(table.entity.path(), crate_name);
            let mut steps = Steps::new(table, &module, drop);
            for difference in &table.differences {
                steps.take(difference);
            }
            plan.up.extend(steps.up());
            down.push(steps.down);
            plan.tables.push(table.entity.table().bare().to_owned());
            plan.modules.push(module);
        }
        plan.down = down.into_iter().rev().flatten().collect();
        plan
    }

    pub fn is_empty(&self) -> bool {
        self.up.is_empty()
    }

    /// What is left to a human.
    pub fn undecided(&self) -> impl Iterator<Item = &str> {
        self.up.iter().filter_map(|line| match line {
            Line::Undecided(what) => Some(what.as_str()),
            _ => None,
        })
    }
}

/// The module of an entity: `crate::entity::order` in its own crate, `shop::entity::order` elsewhere.
fn module(path: &str, crate_name: &str) -> String {
    let module = path.trim_end_matches("::Entity");
    match module.split_once("::") {
        Some((first, rest)) if first == crate_name => format!("crate::{rest}"),
        _ => module.to_owned(),
    }
}

/// The steps for one table, in the order in which they can be run.
struct Steps<'t> {
    table: &'t Compared,
    module: &'t str,
    drop: bool,
    undecided: Vec<Line>,
    drops: Vec<Line>,
    adds: Vec<Line>,
    drops_stale_triggers: bool,
    installs: bool,
    drops_columns: Vec<Line>,
    down: Vec<Line>,
}

impl<'t> Steps<'t> {
    fn new(table: &'t Compared, module: &'t str, drop: bool) -> Self {
        Steps {
            table,
            module,
            drop,
            undecided: Vec::new(),
            drops: Vec::new(),
            adds: Vec::new(),
            drops_stale_triggers: false,
            installs: false,
            drops_columns: Vec::new(),
            down: Vec::new(),
        }
    }

    fn take(&mut self, difference: &Difference) {
        let name = difference.name.as_str();
        match (difference.object, &difference.change) {
            (Object::Table, Change::Missing { .. }) => {
                self.installs = true;
                self.down.push(self.call("remove", None));
            }
            (Object::Table, _) => self.installs = true,
            (Object::Column, Change::Missing { wanted }) => self.add_column(name, wanted),
            (Object::Column, Change::Differs { property, .. })
                if property == "default" && self.table.entity.tenant() == Some(name) =>
            {
                self.installs = true;
            }
            // A column that was renamed would be dropped with its values: `rename` tells of it.
            (Object::Column, Change::Extra) if self.drop && self.may_be_renamed() => {}
            (Object::Column, Change::Extra) if self.drop => {
                self.drops_columns
                    .push(self.call("drop_column", Some(name)));
                let lost = format!("The values of `{name}` are lost: nothing can bring them back.");
                self.down.push(Line::Note(lost));
            }
            (Object::Index | Object::ForeignKey, change) => {
                self.index_or_key(difference, name, change);
            }
            (Object::Trigger, Change::Extra) if name.starts_with("dotmac_") => {
                self.drops_stale_triggers = true;
                self.installs = true;
            }
            (Object::Policy, Change::Extra) if !name.starts_with("dotmac_") => {
                self.undecided(difference);
            }
            (Object::Policy, _) => self.installs = true,
            (Object::Trigger, Change::Missing { .. } | Change::Differs { .. }) => {
                self.installs = true;
            }
            _ => self.undecided(difference),
        }
    }

    fn add_column(&mut self, name: &str, wanted: &[(String, String)]) {
        let is = |property: &str, value: &str| {
            wanted
                .iter()
                .any(|(known, found)| known == property && found == value)
        };
        if is("nullable", "no") && is("default", "none") {
            self.undecided.push(Line::Undecided(format!(
                "{}: column `{name}` must not be NULL and has no default: on a table with rows, \
                 `add_column` fails; give their value with `add_column_with_value`, or add the \
                 column nullable first, fill it, and make it NOT NULL in a later migration",
                self.table.entity.table().bare(),
            )));
        }
        self.adds.push(self.call("add_column", Some(name)));
        self.down.insert(0, self.call("drop_column", Some(name)));
    }

    fn index_or_key(&mut self, difference: &Difference, name: &str, change: &Change) {
        let helper = match difference.object {
            Object::Index => "drop_index",
            _ => "drop_foreign_key",
        };
        // SQLite knows no names of constraints, and cannot alter them.
        let is_fixed = self.table.backend == DbBackend::Sqlite
            && (difference.object == Object::ForeignKey || name.starts_with("unique ("));
        match change {
            _ if is_fixed => self.undecided(difference),
            Change::Missing { .. } => {
                self.installs = true;
                self.down.insert(0, self.call(helper, Some(name)));
            }
            Change::Differs { .. } => {
                self.installs = true;
                self.drops.push(self.call(helper, Some(name)));
                self.down.push(Line::Note(former(difference)));
            }
            Change::Extra if self.drop => {
                self.drops.push(self.call(helper, Some(name)));
                self.down.push(Line::Note(former(difference)));
            }
            Change::Extra => self.undecided(difference),
        }
    }

    fn undecided(&mut self, difference: &Difference) {
        self.undecided.push(Line::Undecided(difference.to_string()));
    }

    /// The lines on the way up.
    fn up(&mut self) -> Vec<Line> {
        let mut up = std::mem::take(&mut self.undecided);
        if let Some(rename) = self.rename() {
            up.push(rename);
        }
        up.append(&mut self.drops);
        if self.drops_stale_triggers {
            up.push(self.call("drop_triggers", None));
        }
        up.append(&mut self.adds);
        if self.installs {
            up.extend(self.install());
        }
        up.append(&mut self.drops_columns);
        up
    }

    fn install(&self) -> Vec<Line> {
        let has_policies = || {
            let mut found = self.table.found.iter();
            found.any(|entry| entry.object == Object::Policy)
        };
        let is_tenants = |name: &str| name == "dotmac_tenant";
        match self.table.entity.tenant() {
            Some(_) => vec![self.call("install", None)],
            None if self.table.found.iter().any(|it| is_tenants(&it.name)) => {
                vec![Line::Undecided(format!(
                    "{}: rows belong to tenants in the database, and the entity has no \
                     `TenantAware`: put it back; to open the table to all tenants, take its policies \
                     away by `rls::remove` first",
                    self.table.entity.table().bare(),
                ))]
            }
            None if self.table.found.is_empty() || has_policies() => {
                vec![self.call("install_shared", None)]
            }
            None => ["create_keys", "create_indexes", "create_triggers"]
                .map(|helper| self.call(helper, None))
                .into(),
        }
    }

    /// A column that is gone and one that is new may be the same.
    fn may_be_renamed(&self) -> bool {
        !self.gone().is_empty() && !self.new_columns().is_empty()
    }

    fn rename(&self) -> Option<Line> {
        let drop = match self.drop {
            true => "; if none was, add `drop_column` yourself",
            false => "",
        };
        self.may_be_renamed().then(|| {
            Line::Undecided(format!(
                "{}: {} in the database only, {} in the entity only: if a column was renamed, \
                 rename it (`ALTER TABLE … RENAME COLUMN`) instead of adding a new one{drop}",
                self.table.entity.table().bare(),
                self.gone().join(", "),
                self.new_columns().join(", "),
            ))
        })
    }

    fn gone(&self) -> Vec<String> {
        self.columns(|change| matches!(change, Change::Extra))
    }

    fn new_columns(&self) -> Vec<String> {
        self.columns(|change| matches!(change, Change::Missing { .. }))
    }

    fn columns(&self, changed: impl Fn(&Change) -> bool) -> Vec<String> {
        let columns = self.table.differences.iter();
        columns
            .filter(|it| it.object == Object::Column && changed(&it.change))
            .map(|it| format!("`{}`", it.name))
            .collect()
    }

    fn call(&self, helper: &'static str, argument: Option<&str>) -> Line {
        Line::Call {
            helper,
            module: self.module.to_owned(),
            argument: argument.map(str::to_owned),
        }
    }
}

fn former(difference: &Difference) -> String {
    format!(
        "The former {} `{}` is not made again: the entity does not know it.",
        difference.object, difference.name,
    )
}
