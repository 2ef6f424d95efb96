//! The command line of the web examples, from the arguments to the last session.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use dotmac_database::RedisConfig;
use dotmac_database::cache::CacheClient;
use dotmac_database::lock::Locks;
use dotmac_database::prelude::*;
use dotmac_database::query::CursorKey;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::place::{Outcome, Place};
use crate::shop::{OPENAPI, Operator, READY, Shop, TENANT_HEADER, demo};

/// How long requests may go on after the program was told to end.
const GRACE: Duration = Duration::from_secs(15);

/// Comes when the server has to stop.
pub type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An HTTP API for a shop in which every tenant has orders.
///
/// It runs on DATABASE_URL if set (in a database of its own there, which is removed at the end), else on a
/// throwaway PostgreSQL if installed, else on SQLite in memory. Tenants and orders are cached, and /cache/stats
/// tells how that goes. The header x-tenant names the tenant and is
/// believed: outside a demonstration a gateway has to set it, after it has found out who asks.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Puts the tenants acme and beta with some orders, where they are not there yet
    #[arg(long)]
    demo: bool,
    /// Serves the database of DATABASE_URL as it is, migrated before, through its application's login
    #[arg(long)]
    existing: bool,
    /// Signs the cursors of pages: 32 bytes or more, the same in all processes; random by default
    #[arg(long, env = "CURSOR_KEY", hide_env_values = true)]
    cursor_key: Option<String>,
    /// Keeps the cache and the locks in this Redis, for all processes; in this process by default
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Whoever sends it as a bearer token may see locks and break them: 32 bytes or more; nobody by default
    #[arg(long, env = "OPERATOR_KEY", hide_env_values = true)]
    operator_key: Option<String>,
}

/// Runs the program: opens the place, serves until it is told to end (SIGTERM or ctrl-c), lets requests
/// finish, and closes.
pub async fn run(
    name: &str,
    serve: impl AsyncFnOnce(TcpListener, Shop, Ending) -> io::Result<()>,
) -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(io::stderr)
        .init();
    match open_and_serve(name, arguments, serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn filter() -> tracing_subscriber::EnvFilter {
    tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into())
}

async fn open_and_serve(
    name: &str,
    arguments: Arguments,
    serve: impl AsyncFnOnce(TcpListener, Shop, Ending) -> io::Result<()>,
) -> Outcome<()> {
    let say = &mut |line: &str| println!("{line}");
    let place = match arguments.existing {
        true => Place::existing(say).await?,
        false => Place::open(name, say).await?,
    };
    let redis = arguments.redis_url.as_deref();
    let redis = redis.map(RedisConfig::new).transpose()?;
    let cache = match &redis {
        Some(redis) => CacheClient::connect(redis)?,
        None => CacheClient::in_process(),
    };
    let locks = match &redis {
        Some(redis) => Locks::connect(redis)?,
        None => Locks::in_process(),
    };
    let served = async {
        let shop = Shop::new(
            place.database().clone(),
            cursor_key(arguments.cursor_key)?,
            cache.clone(),
            locks,
            Operator::of(arguments.operator_key)?,
        )?;
        if arguments.demo {
            demo::put(&shop.db, &shop.locks).await?;
            println!("The tenants acme and beta are there.");
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        println!("Listening on {url}; see {url}{OPENAPI} and {url}{READY}.");
        println!(
            "Tenants are named by the header {TENANT_HEADER}, which a gateway would have to set."
        );
        until_told_to_end(async |ending| serve(listener, shop, ending).await).await
    }
    .await;
    println!("Closing.");
    cache.close_within(GRACE).await;
    place.close().await?;
    served
}

fn cursor_key(secret: Option<String>) -> Result<CursorKey, Error> {
    match secret {
        Some(secret) => CursorKey::new(secret),
        None => CursorKey::new(
            [Uuid::new_v4(), Uuid::new_v4()]
                .map(Uuid::into_bytes)
                .concat(),
        ),
    }
}

/// A server whose clients do not let go of it is left after [`GRACE`].
async fn until_told_to_end(serve: impl AsyncFnOnce(Ending) -> io::Result<()>) -> Outcome<()> {
    let (told, tell) = oneshot::channel();
    let ending: Ending = Box::pin(async move {
        let _ = tell.await;
    });
    let too_long = async {
        told_to_end().await?;
        let _ = told.send(());
        tokio::time::sleep(GRACE).await;
        Ok(())
    };
    tokio::select! {
        served = serve(ending) => Ok(served?),
        left = too_long => left,
    }
}

async fn told_to_end() -> Outcome<()> {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = interrupted => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await?;
    Ok(())
}
