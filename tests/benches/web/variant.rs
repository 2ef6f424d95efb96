//! What is compared.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    ReadAutocommit,
    ReadTransaction,
    ReadSession,
    ReadInWriteSession,
    WriteTransaction,
    WriteSession,
}

impl Variant {
    pub const ALL: [Variant; 6] = [
        Variant::ReadAutocommit,
        Variant::ReadTransaction,
        Variant::ReadSession,
        Variant::ReadInWriteSession,
        Variant::WriteTransaction,
        Variant::WriteSession,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Variant::ReadAutocommit => "GET by hand, autocommit",
            Variant::ReadTransaction => "GET by hand, transaction",
            Variant::ReadSession => "GET, ReadSession",
            Variant::ReadInWriteSession => "GET, WriteSession",
            Variant::WriteTransaction => "POST by hand, transaction",
            Variant::WriteSession => "POST, WriteSession",
        }
    }

    pub fn method(self) -> &'static str {
        match self {
            Variant::WriteTransaction | Variant::WriteSession => "POST",
            _ => "GET",
        }
    }

    /// The path before the order's id.
    pub fn path(self) -> &'static str {
        match self {
            Variant::ReadAutocommit => "/hand/autocommit",
            Variant::ReadTransaction | Variant::WriteTransaction => "/hand/transaction",
            Variant::ReadSession => "/ours/read",
            Variant::ReadInWriteSession | Variant::WriteSession => "/ours/write",
        }
    }

    /// What is 1.0.
    pub fn base(self) -> Variant {
        match self {
            Variant::WriteTransaction | Variant::WriteSession => Variant::WriteTransaction,
            _ => Variant::ReadTransaction,
        }
    }
}
