//! The OpenAPI document, made from the routes themselves.

use std::sync::LazyLock;

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

use super::app::routes;
use crate::shop::TENANT_HEADER;
use crate::shop::body::Refusal;

/// What the application serves, for programs that call it.
pub fn document() -> &'static OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| routes().into_openapi());
    &DOCUMENT
}

/// What does not belong to one route.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Shop", description = "Orders of many tenants in one database."),
    components(responses(Refusal)),
    security(("tenant" = [])),
    modifiers(&Schemes)
)]
pub(super) struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let header = ApiKeyValue::with_description(TENANT_HEADER, "The tenant; a gateway sets it.");
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(header));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("tenant", scheme);
        let operator = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("operator", operator);
    }
}
