//! Compares a policy's expression with the generated one, in PostgreSQL's spelling.

/// Whether two expressions are the same, whatever parentheses, spaces and casts to text the server
/// adds when it shows one.
///
/// Only a cast of a constant to text goes unseen: one on the column would keep the policy from its
/// index.
pub fn same(shown: &str, generated: &str) -> bool {
    canonical(shown) == canonical(generated)
}

fn canonical(expression: &str) -> String {
    let lower = expression.to_lowercase();
    let bare: String = lower
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'))
        .collect();
    bare.replace("'::text", "'")
        .replace("as\"nullif\"", "")
        .replace("charactervarying", "varchar")
}

/// The generated condition, as the server shows it: `varchar` has no equality of its own, so that both
/// sides are shown as text.
pub fn generated(column: &str, sql_type: &str) -> String {
    let current = format!(
        "select nullif(current_setting('{}', true), '')::{sql_type}",
        crate::context::TENANT_SETTING,
    );
    match sql_type {
        "varchar" => format!("{column}::text = ({current})::text"),
        _ => format!("{column} = ({current})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "((tenant_id)::text = (( SELECT (NULLIF(current_setting(\
        'app.current_tenant_id'::text, true), ''::text))::character varying AS \"nullif\"))::text)";

    #[test]
    fn shown_policy_is_the_generated_one() {
        assert!(same(SHOWN, &generated("tenant_id", "varchar")));
        let uuid = "(tenant_id = ( SELECT (NULLIF(current_setting('app.current_tenant_id'::text, \
                    true), ''::text))::uuid AS \"nullif\"))";
        assert!(same(uuid, &generated("tenant_id", "uuid")));
    }

    #[test]
    fn every_other_policy_differs() {
        for other in [
            "true",
            &format!("({SHOWN} OR true)"),
            &SHOWN.replace("SELECT", ""),
            &SHOWN.replace(", true", ""),
            &SHOWN.replace("tenant_id)", "owner_id)"),
            &SHOWN.replace("current_tenant_id", "current_user_id"),
            &SHOWN.replace(" = ", " <> "),
            "((tenant_id)::text = ( SELECT tenant() AS tenant))",
        ] {
            assert!(!same(other, &generated("tenant_id", "varchar")), "{other}");
        }
        let cast = "((tenant_id)::text = ( SELECT NULLIF(current_setting(\
                    'app.current_tenant_id'::text, true), ''::text) AS \"nullif\"))";
        assert!(!same(cast, &generated("tenant_id", "uuid")));
    }
}
