//! The context as PostgreSQL sees it: settings that live as long as the transaction.

use super::RequestContext;
use crate::ident::literal;

/// The setting that policies and defaults read the tenant from.
pub const TENANT_SETTING: &str = "app.current_tenant_id";
/// The setting that triggers read the user from.
pub const USER_SETTING: &str = "app.current_user_id";
/// The setting that triggers read the request from.
pub const REQUEST_SETTING: &str = "app.request_id";

/// The statements that give the running transaction this context, complete: what the context does
/// not name is set to the empty text.
///
/// The reason of a system session is `app.system_reason`, which no other session sets.
pub fn set_local(context: &RequestContext) -> String {
    let ip = context.ip().map(|ip| ip.to_string());
    let settings = [
        (TENANT_SETTING, context.tenant_id().map(|id| id.as_str())),
        (USER_SETTING, context.user_id()),
        ("app.client_ip", ip.as_deref()),
        (REQUEST_SETTING, context.request()),
        ("app.session_id", context.session()),
    ];
    let mut sql = String::with_capacity(256);
    for (name, value) in settings {
        sql.push_str("SET LOCAL ");
        sql.push_str(name);
        sql.push('=');
        sql.push_str(&literal(value.unwrap_or_default()));
        sql.push(';');
    }
    if let Some(reason) = context.system_reason() {
        sql.push_str(&format!("SET LOCAL app.system_reason={};", literal(reason)));
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_complete_and_quoted() {
        let context = RequestContext::tenant("acme").and_then(|c| c.user("o'hara\\"));
        assert_eq!(
            set_local(&context.expect("valid")),
            "SET LOCAL app.current_tenant_id='acme';\
             SET LOCAL app.current_user_id=E'o''hara\\\\';\
             SET LOCAL app.client_ip='';\
             SET LOCAL app.request_id='';\
             SET LOCAL app.session_id='';",
        );
    }
}
