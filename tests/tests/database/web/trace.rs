//! The spans of a request.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_default;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use super::site::{Framework, Site};

pub type Fields = BTreeMap<String, String>;

/// Keeps the fields of all spans, by their ids, and whether anything ran in them: of one thread.
#[derive(Clone, Default)]
pub struct Spans(
    Arc<Mutex<Vec<(&'static Metadata<'static>, Fields)>>>,
    Arc<Mutex<Vec<Id>>>,
);

impl Spans {
    fn record(&self, id: &Id, visit: impl FnOnce(&mut Seen)) {
        let mut spans = self.0.lock().unwrap();
        let at = usize::try_from(id.into_u64()).unwrap() - 1;
        let mut seen = Seen(std::mem::take(&mut spans[at].1));
        visit(&mut seen);
        spans[at].1 = seen.0;
    }

    pub fn named(&self, name: &str) -> Vec<Fields> {
        let spans = self.0.lock().unwrap();
        let named = spans.iter().filter(|(it, _)| it.name() == name);
        named.map(|(_, fields)| fields.clone()).collect()
    }
}

struct Seen(Fields);

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut seen = Seen(Fields::new());
        span.record(&mut seen);
        let mut spans = self.0.lock().unwrap();
        spans.push((span.metadata(), seen.0));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        Spans::record(self, id, |seen| values.record(seen));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        Spans::record(self, id, |seen| {
            seen.0.insert("entered".to_owned(), "true".to_owned());
        });
        self.1.lock().unwrap().push(id.clone());
    }

    fn exit(&self, id: &Id) {
        let mut entered = self.1.lock().unwrap();
        if let Some(at) = entered.iter().rposition(|it| it == id) {
            entered.remove(at);
        }
    }

    fn current_span(&self) -> Current {
        let Some(id) = self.1.lock().unwrap().last().cloned() else {
            return Current::none();
        };
        let at = usize::try_from(id.into_u64()).unwrap() - 1;
        Current::new(id, self.0.lock().unwrap()[at].0)
    }
}

#[tokio::test]
async fn request_has_a_span_with_tenant_user_and_status_and_no_query() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let spans = Spans::default();
        let guard = set_default(spans.clone());
        let answer = site.post("/do/200?token=secret").await;
        drop(guard);
        let [request] = &spans.named("dotmac.request.serve")[..] else {
            panic!("one span: {framework:?}");
        };
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        let route = match framework {
            Framework::Axum => "/do/{what}",
            Framework::Poem => "/do/:what",
        };
        for (field, value) in [
            ("otel.kind", "server"),
            ("http.request.method", "POST"),
            ("url.path", "/do/200"),
            ("http.route", route),
            ("http.response.status_code", "200"),
            ("tenant.id", "acme"),
            ("enduser.id", "acme-user"),
            ("request.id", id),
        ] {
            assert_eq!(request[field], value, "{framework:?} {field}");
        }
        assert_eq!(
            spans.named("dotmac.session.begin").len(),
            1,
            "{framework:?}"
        );
        assert_eq!(
            spans.named("dotmac.session.commit").len(),
            1,
            "{framework:?}"
        );
    }
}
