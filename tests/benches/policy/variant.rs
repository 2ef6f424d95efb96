//! The statements that are compared.

/// Statements that answer the same question.
pub struct Group {
    pub question: &'static str,
    pub variants: &'static [Variant],
}

/// One way to ask; the first of a group is what the others are measured by.
pub struct Variant {
    pub name: &'static str,
    /// With `$1` for the tenant, where it says one.
    pub sql: &'static str,
    pub says_tenant: bool,
    /// One in so many rounds, for what takes long.
    pub every: usize,
}

const fn open(sql: &'static str) -> Variant {
    Variant {
        name: "no policy, explicit WHERE",
        sql,
        says_tenant: true,
        every: 1,
    }
}

const fn policy(sql: &'static str) -> Variant {
    Variant {
        name: "policy",
        sql,
        says_tenant: false,
        every: 1,
    }
}

const fn in_tenant(sql: &'static str) -> Variant {
    Variant {
        name: "policy and `in_tenant`",
        sql,
        says_tenant: true,
        every: 1,
    }
}

const fn naive(name: &'static str, sql: &'static str) -> Variant {
    Variant {
        name,
        sql,
        says_tenant: false,
        every: 100,
    }
}

pub const GROUPS: &[Group] = &[
    Group {
        question: "count of a tenant's rows",
        variants: &[
            open("SELECT count(*) FROM open WHERE tenant_id = $1"),
            policy("SELECT count(*) FROM protected"),
            in_tenant("SELECT count(*) FROM protected WHERE tenant_id = $1"),
            naive("policy, OR a bypass setting", "SELECT count(*) FROM bypass"),
            naive("policy, VOLATILE function", "SELECT count(*) FROM volatile"),
            naive(
                "policy, cast of the column",
                "SELECT count(*) FROM cast_column",
            ),
        ],
    },
    Group {
        question: "row by its number",
        variants: &[
            open("SELECT id FROM open WHERE tenant_id = $1 AND number = 'A-500'"),
            policy("SELECT id FROM protected WHERE number = 'A-500'"),
            in_tenant("SELECT id FROM protected WHERE tenant_id = $1 AND number = 'A-500'"),
        ],
    },
    Group {
        question: "rows by a prefix",
        variants: &[
            open(
                "SELECT id FROM open WHERE tenant_id = $1 \
                 AND number COLLATE \"C\" >= 'A-50' AND number COLLATE \"C\" < 'A-51'",
            ),
            policy(
                "SELECT id FROM protected \
                 WHERE number COLLATE \"C\" >= 'A-50' AND number COLLATE \"C\" < 'A-51'",
            ),
            naive_like("SELECT id FROM protected WHERE number LIKE 'A-50%'"),
        ],
    },
    Group {
        question: "row by an address, whatever its case",
        variants: &[
            open("SELECT id FROM open WHERE tenant_id = $1 AND email_lower = lower('U500@X.ORG')"),
            policy("SELECT id FROM protected WHERE email_lower = lower('U500@X.ORG')"),
            naive_like("SELECT id FROM protected WHERE lower(email) = lower('U500@X.ORG')"),
        ],
    },
    Group {
        question: "row by an amount",
        variants: &[
            open("SELECT id FROM open WHERE tenant_id = $1 AND cents = 500"),
            policy("SELECT id FROM protected WHERE cents = 500"),
            naive_like("SELECT id FROM protected WHERE amount = 500"),
        ],
    },
];

const fn naive_like(sql: &'static str) -> Variant {
    Variant {
        name: "policy, an operator that is not leakproof",
        sql,
        says_tenant: false,
        every: 1,
    }
}
