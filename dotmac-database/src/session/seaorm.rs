//! SeaORM's traits on a session.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    Statement, StreamTrait, TransactionError, TransactionOptions, TransactionSession,
    TransactionTrait,
};

use super::handle::Session;
use super::stream::SessionStream;
use crate::context;

#[async_trait]
impl ConnectionTrait for Session {
    fn get_database_backend(&self) -> DbBackend {
        context::leave(self.context());
        self.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.unit().execute(self.level(), &statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.unit().batch(self.level(), sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.unit().fetch_one(self.level(), &statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.unit().fetch_all(self.level(), &statement).await
    }
}

#[async_trait]
impl TransactionTrait for Session {
    type Transaction = Session;

    async fn begin(&self) -> Result<Session, DbErr> {
        Ok(self.nested()?)
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Session, DbErr> {
        let read_only = access_mode == Some(AccessMode::ReadOnly);
        Ok(self.nested_with(isolation_level, read_only)?)
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Session, DbErr> {
        self.begin_with_config(options.isolation_level, options.access_mode)
            .await
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Session) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        self.transaction_with_config(callback, None, None).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Session) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let connection = |error| TransactionError::Connection(error);
        let nested = self
            .begin_with_config(isolation_level, access_mode)
            .await
            .map_err(connection)?;
        let value = callback(&nested)
            .await
            .map_err(TransactionError::Transaction)?;
        TransactionSession::commit(nested)
            .await
            .map_err(connection)?;
        Ok(value)
    }
}

#[async_trait]
impl TransactionSession for Session {
    async fn commit(self) -> Result<(), DbErr> {
        Ok(Session::commit(self).await?)
    }

    async fn rollback(self) -> Result<(), DbErr> {
        Ok(Session::rollback(self).await?)
    }
}

impl StreamTrait for Session {
    type Stream<'a> = SessionStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        self.backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<SessionStream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(SessionStream::open(self.unit(), self.level(), statement))
    }
}
