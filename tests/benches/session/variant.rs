//! The ways to run one statement that are compared.

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::Outcome;
use crate::setup::Bed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Autocommit,
    Transaction,
    SetConfig,
    Write,
    Read,
    NestedTransaction,
    NestedSession,
    Retrying,
    SchemaWrite,
    SchemaRead,
    SchemasInTurn,
}

impl Variant {
    pub const ALL: [Variant; 11] = [
        Variant::Autocommit,
        Variant::Transaction,
        Variant::SetConfig,
        Variant::Write,
        Variant::Read,
        Variant::NestedTransaction,
        Variant::NestedSession,
        Variant::Retrying,
        Variant::SchemaWrite,
        Variant::SchemaRead,
        Variant::SchemasInTurn,
    ];

    /// What the others are compared with.
    pub const BASE: Variant = Variant::Transaction;

    pub fn name(self) -> &'static str {
        match self {
            Variant::Autocommit => "1 SeaORM autocommit",
            Variant::Transaction => "2 SeaORM transaction",
            Variant::SetConfig => "3 SeaORM transaction + set_config",
            Variant::Write => "4 write session",
            Variant::Read => "5 read session",
            Variant::NestedTransaction => "6 SeaORM transaction, nested",
            Variant::NestedSession => "7 write session, nested",
            Variant::Retrying => "8 write session, retrying",
            Variant::SchemaWrite => "9 write session, schema",
            Variant::SchemaRead => "10 read session, schema",
            Variant::SchemasInTurn => "11 write session, schemas in turn",
        }
    }

    /// Runs it once, from taking a connection to giving it back.
    pub async fn run(self, bed: &Bed) -> Outcome<()> {
        let order = match self {
            Variant::Autocommit => find(&bed.plain, bed.order).await?,
            Variant::Transaction => transaction(bed).await?,
            Variant::SetConfig => set_config(bed).await?,
            Variant::NestedTransaction => nested_transaction(bed).await?,
            Variant::NestedSession => nested_session(bed).await?,
            Variant::Write => {
                let work = async |tx: &Session| find(tx, bed.order).await;
                bed.db.write(&bed.context, work).await?
            }
            Variant::Retrying => {
                let work = async |tx: &Session| find(tx, bed.order).await;
                let retrying = bed.db.retrying(RetryPolicy::default());
                retrying.write(&bed.context, work).await?
            }
            Variant::Read => {
                let work = async |tx: &Session| find(tx, bed.order).await;
                bed.db.read(&bed.context, work).await?
            }
            Variant::SchemaWrite => {
                let work = async |tx: &Session| find(tx, bed.order).await;
                bed.schemas.write(&bed.context, work).await?
            }
            Variant::SchemaRead => {
                let work = async |tx: &Session| find(tx, bed.order).await;
                bed.schemas.read(&bed.context, work).await?
            }
            Variant::SchemasInTurn => {
                let work = async |tx: &Session| find(tx, bed.order).await;
                bed.schemas.write(bed.next_context(), work).await?
            }
        };
        match order {
            Some(_) => Ok(()),
            None => Err(format!("{} does not see the order", self.name()).into()),
        }
    }
}

/// The statement.
async fn find<C: ConnectionTrait>(db: &C, id: Uuid) -> Result<Option<order::Model>, DbErr> {
    order::Entity::find()
        .filter(order::Column::Id.eq(id))
        .one(db)
        .await
}

async fn transaction(bed: &Bed) -> Result<Option<order::Model>, DbErr> {
    let tx = bed.plain.begin().await?;
    let order = find(&tx, bed.order).await?;
    tx.commit().await?;
    Ok(order)
}

/// What a program does that gives its context to the database without this crate.
async fn set_config(bed: &Bed) -> Result<Option<order::Model>, DbErr> {
    let context = &bed.context;
    let values = [
        context.tenant_id().map(|id| id.as_str().to_owned()),
        context.user_id().map(str::to_owned),
        context.ip().map(|ip| ip.to_string()),
        context.request().map(str::to_owned),
        context.session().map(str::to_owned),
    ];
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT set_config('app.current_tenant_id', $1, true), \
         set_config('app.current_user_id', $2, true), set_config('app.client_ip', $3, true), \
         set_config('app.request_id', $4, true), set_config('app.session_id', $5, true)",
        values.map(Value::from),
    );
    let tx = bed.plain.begin().await?;
    tx.query_one_raw(statement).await?;
    let order = find(&tx, bed.order).await?;
    tx.commit().await?;
    Ok(order)
}

async fn nested_transaction(bed: &Bed) -> Result<Option<order::Model>, DbErr> {
    let tx = bed.plain.begin().await?;
    let inner = tx.begin().await?;
    let order = find(&inner, bed.order).await?;
    inner.commit().await?;
    tx.commit().await?;
    Ok(order)
}

async fn nested_session(bed: &Bed) -> Result<Option<order::Model>, Error> {
    let work = async |tx: &Session| {
        let inner = tx.nested()?;
        let order = find(&inner, bed.order).await?;
        inner.commit().await?;
        Ok(order)
    };
    bed.db.write(&bed.context, work).await
}
