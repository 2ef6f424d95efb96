//! What a program tells of its locks: metrics, spans, one warning of a loss.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dotmac_database::lock::Locks;
use dotmac_database::{RequestContext, telemetry};
use tracing::subscriber::set_default;
use tracing_subscriber::fmt::MakeWriter;

use crate::health::Noted;
use crate::web::Spans;

const LONG: Duration = Duration::from_secs(60);

fn acme() -> RequestContext {
    RequestContext::tenant("acme").unwrap()
}

#[tokio::test]
async fn metrics_carry_what_locks_did() {
    let locks = Locks::in_process();
    let lock = locks.lock("import").unwrap();
    let guard = lock.acquire(acme(), LONG).await.unwrap();
    let other = lock.clone();
    let refused = tokio::spawn(async move { other.try_acquire(acme()).await.unwrap().is_none() });
    assert!(refused.await.unwrap());
    let recorder = Noted::default();
    metrics::with_local_recorder(&recorder, || locks.record_metrics());
    guard.release().await.unwrap();
    let held = recorder.0.lock().unwrap().clone();
    metrics::with_local_recorder(&recorder, || locks.record_metrics());
    let ended = recorder.0.lock().unwrap().clone();
    for (name, labels, during, after) in [
        (telemetry::LOCK_HELD, "", 1.0, 0.0),
        (telemetry::LOCK_COUNT, ",outcome=acquired", 1.0, 1.0),
        (telemetry::LOCK_COUNT, ",outcome=timed_out", 1.0, 1.0),
        (telemetry::LOCK_COUNT, ",outcome=failed", 0.0, 0.0),
        (telemetry::LOCK_CONTENDED, "", 1.0, 1.0),
        (telemetry::LOCK_ENDED, ",outcome=ended", 0.0, 1.0),
        (telemetry::LOCK_ENDED, ",outcome=lost", 0.0, 0.0),
    ] {
        let key = format!("{name}{{keeper=the process{labels}}}");
        assert_eq!((held[&key], ended[&key]), (during, after), "{key}");
    }
    let waited = format!(
        "{}{{keeper=the process}}",
        telemetry::LOCK_WAIT_MICROSECONDS
    );
    let hold = format!(
        "{}{{keeper=the process}}",
        telemetry::LOCK_HOLD_MICROSECONDS
    );
    assert!(ended.contains_key(&waited) && held[&hold] == 0.0 && ended[&hold] > 0.0);
}

#[tokio::test]
async fn spans_name_lock_tenant_and_outcome() {
    let spans = Spans::default();
    let guard = set_default(spans.clone());
    let locks = Locks::in_process();
    let lock = locks.lock("import").unwrap();
    let released = lock.acquire(acme(), LONG).await.unwrap();
    let other = lock.clone();
    let refused = tokio::spawn(async move { other.try_acquire(acme()).await.unwrap().is_none() });
    assert!(refused.await.unwrap());
    released.release().await.unwrap();
    let short = lock.with_ttl(Duration::from_millis(200)).unwrap();
    let lost = short.acquire(acme(), LONG).await.unwrap();
    locks.force_release(acme(), "import").await.unwrap();
    lost.lost().await;
    drop(lost);
    drop(guard);
    let outcomes = |span: &str| -> Vec<String> {
        let spans = spans.named(span);
        for fields in &spans {
            assert_eq!(fields["lock.name"], "import");
            assert_eq!(fields["tenant.id"], "acme");
        }
        let outcomes = spans.iter().map(|it| it["lock.outcome"].clone());
        outcomes.collect()
    };
    assert_eq!(
        outcomes("dotmac.lock.acquire"),
        ["acquired", "timed_out", "acquired"]
    );
    assert_eq!(outcomes("dotmac.lock.hold"), ["released", "lost"]);
}

/// The log, as a program writes it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn loss_is_one_warning_with_the_name_and_the_tenant() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(log.clone());
    let guard = set_default(subscriber.finish());
    let locks = Locks::in_process();
    let lock = locks.lock("import").unwrap();
    let lock = lock.with_ttl(Duration::from_millis(200)).unwrap();
    let lost = lock.acquire(acme(), LONG).await.unwrap();
    locks.force_release(acme(), "import").await.unwrap();
    lost.lost().await;
    assert!(lost.renew().await.is_err());
    drop(lost);
    let fine = lock.acquire(acme(), LONG).await.unwrap();
    fine.release().await.unwrap();
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("a lock was lost"), "{text}");
    assert!(text.contains("lock.name=\"import\""), "{text}");
    assert!(text.contains("tenant.id=\"acme\""), "{text}");
}
