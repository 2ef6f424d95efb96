//! `ReadSession` and `WriteSession`: the request's session, as a handler asks for it.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    Statement, StreamTrait, TransactionError, TransactionOptions, TransactionTrait,
};

#[cfg(feature = "cache")]
use crate::cache::CacheReader;
#[cfg(feature = "cache")]
use crate::context::RequestContext;
use crate::error::Result;
use crate::session::{Session, SessionStream};

/// The session of a request that only reads: READ ONLY in the database, on a replica that is fit.
///
/// A SeaORM connection (`.one(&session)`), and a [`Session`] by `&*session`.
#[derive(Debug)]
pub struct ReadSession(pub(super) Session);

/// The session of a request that writes: committed with a success, rolled back otherwise.
///
/// A SeaORM connection (`.insert(&session)`), and a [`Session`] by `&*session`.
#[derive(Debug)]
pub struct WriteSession(pub(super) Session);

impl WriteSession {
    /// Rolls back now, whatever the response will be.
    ///
    /// # Errors
    /// As [`Session::rollback`].
    pub async fn rollback(self) -> Result<()> {
        self.0.rollback().await
    }

    /// Commits now, whatever the response will be: for a handler that has to know whether it succeeded.
    ///
    /// # Errors
    /// As [`Session::commit`].
    pub async fn commit(self) -> Result<()> {
        self.0.commit().await
    }
}

// Dereferencing does not reach generic arguments such as `.one(&session)`: SeaORM's traits are handed on.
macro_rules! connection {
    ($name:ident) => {
        impl Deref for $name {
            type Target = Session;

            fn deref(&self) -> &Session {
                &self.0
            }
        }

        #[async_trait]
        impl ConnectionTrait for $name {
            fn get_database_backend(&self) -> DbBackend {
                ConnectionTrait::get_database_backend(&self.0)
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.0.execute_raw(statement).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.0.execute_unprepared(sql).await
            }

            async fn query_one_raw(&self, it: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.0.query_one_raw(it).await
            }

            async fn query_all_raw(&self, it: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.0.query_all_raw(it).await
            }
        }

        #[async_trait]
        impl TransactionTrait for $name {
            type Transaction = Session;

            async fn begin(&self) -> Result<Session, DbErr> {
                self.0.begin().await
            }

            async fn begin_with_config(
                &self,
                isolation: Option<IsolationLevel>,
                access: Option<AccessMode>,
            ) -> Result<Session, DbErr> {
                self.0.begin_with_config(isolation, access).await
            }

            async fn begin_with_options(&self, it: TransactionOptions) -> Result<Session, DbErr> {
                self.0.begin_with_options(it).await
            }

            async fn transaction<F, T, E>(&self, work: F) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(&'c Session) -> Work<'c, T, E> + Send,
                T: Send,
                E: std::fmt::Display + std::fmt::Debug + Send,
            {
                self.0.transaction(work).await
            }

            async fn transaction_with_config<F, T, E>(
                &self,
                work: F,
                isolation: Option<IsolationLevel>,
                access: Option<AccessMode>,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(&'c Session) -> Work<'c, T, E> + Send,
                T: Send,
                E: std::fmt::Display + std::fmt::Debug + Send,
            {
                self.0
                    .transaction_with_config(work, isolation, access)
                    .await
            }
        }

        #[cfg(feature = "cache")]
        impl CacheReader for $name {
            fn reads_as(&self) -> &RequestContext {
                self.0.context()
            }

            fn session(&self) -> Option<&Session> {
                Some(&self.0)
            }
        }

        impl StreamTrait for $name {
            type Stream<'a> = SessionStream<'a>;

            fn get_database_backend(&self) -> DbBackend {
                self.0.backend()
            }

            fn stream_raw<'a>(&'a self, statement: Statement) -> Opening<'a> {
                self.0.stream_raw(statement)
            }
        }
    };
}

type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;
type Opening<'a> = Pin<Box<dyn Future<Output = Result<SessionStream<'a>, DbErr>> + 'a + Send>>;

connection!(ReadSession);
connection!(WriteSession);
