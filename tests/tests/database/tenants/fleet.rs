//! Databases of one server, by the names that the server has for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::tenancy::{DatabaseLimits, DatabaseName, Databases, DatabasesStatistics};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{config, create_database};

/// How long a condition may take to come true; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// Databases, and how often each was asked to be connected.
pub struct Fleet {
    pub databases: Databases,
    pub names: Vec<DatabaseName>,
    connects: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Fleet {
    pub async fn open(count: usize, limits: DatabaseLimits) -> Self {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(name(&create_database("shop").await));
        }
        let (connects, broken) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counter, is_broken) = (Arc::clone(&connects), Arc::clone(&broken));
        let databases = Databases::with_limits(limits, move |name| {
            counter.fetch_add(1, Ordering::SeqCst);
            if is_broken.load(Ordering::SeqCst) {
                return Err(Error::Ended);
            }
            Ok(config(name.as_str()).pool_size(2).max_overflow(0))
        });
        Fleet {
            databases,
            names,
            connects,
            broken,
        }
    }

    /// The n-th database.
    pub async fn database(&self, n: usize) -> Result<Database, Error> {
        self.databases.database(&self.names[n]).await
    }

    pub fn connects(&self) -> usize {
        self.connects.load(Ordering::SeqCst)
    }

    /// From now on, connecting fails or not.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Waits until the statistics say what is expected of them.
    pub async fn until(&self, expected: impl Fn(&DatabasesStatistics) -> bool) {
        let wait = async {
            while !expected(&self.databases.statistics()) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{:#?}", self.databases.statistics());
    }
}

pub fn name(name: &str) -> DatabaseName {
    DatabaseName::parse(name).unwrap()
}

/// The name of the database that a session is in.
pub async fn current(tx: &Session) -> Result<String, DbErr> {
    let sql = "SELECT current_database()::text";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = tx.query_one_raw(statement).await?;
    row.expect("a row").try_get_by_index(0)
}
