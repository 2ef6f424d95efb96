//! What runs after migrations, in order.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;

use sea_orm::DatabaseConnection;

use crate::error::{Error, Result};

/// What a hook answers.
pub type HookResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// Hooks in their order.
#[derive(Default)]
pub struct Hooks(Vec<Hook>);

struct Hook {
    name: &'static str,
    run: Box<Run>,
}

type Run = dyn for<'a> Fn(&'a DatabaseConnection) -> Running<'a> + Send + Sync;
type Running<'a> = Pin<Box<dyn Future<Output = HookResult> + Send + 'a>>;

impl Hooks {
    /// Adds one after the others.
    pub fn add<F>(&mut self, name: &'static str, hook: F)
    where
        F: for<'a> Fn(&'a DatabaseConnection) -> Running<'a> + Send + Sync + 'static,
    {
        let run = Box::new(hook);
        self.0.push(Hook { name, run });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them; the first that fails is the last.
    pub async fn run(&self, db: &DatabaseConnection) -> Result<()> {
        for hook in &self.0 {
            tracing::info!(hook = hook.name, "running the hook");
            (hook.run)(db).await.map_err(|source| Error::Hook {
                hook: hook.name,
                source: Arc::from(source),
            })?;
        }
        Ok(())
    }
}
