//! The name of an entity's table: its own or its module's, behind the prefix of the crate.

/// Puts a prefix before the table names of the crate at whose root it stands.
///
/// `dotmac_database::table_prefix!("shop_");` makes `shop_orders` of `orders`, for every entity of the
/// crate under `#[dotmac_database::model]`; indexes, keys, triggers and policies follow. An entity's own
/// `#[dotmac(table_prefix = "…")]` wins, also an empty one. The prefix may hold ASCII letters, digits
/// and `_`. A program and the library of the same name have one prefix together.
#[macro_export]
macro_rules! table_prefix {
    ($prefix:literal) => {
        #[doc(hidden)]
        const DOTMAC_TABLE_PREFIX: $crate::__private::TablePrefix =
            $crate::__private::TablePrefix::new(::core::module_path!(), $prefix);
        const _: () = ::core::assert!(
            DOTMAC_TABLE_PREFIX.is_at_root(),
            "`table_prefix!` stands at the root of its crate"
        );
        const _: () = ::core::assert!(
            DOTMAC_TABLE_PREFIX.is_plain(),
            "a table's prefix may hold ASCII letters, digits and `_` only"
        );
        $crate::__private::register! { DOTMAC_TABLE_PREFIX }
    };
}

/// The prefix of a crate, registered at link time.
pub struct TablePrefix {
    module: &'static str,
    prefix: &'static str,
}

inventory::collect!(TablePrefix);

impl TablePrefix {
    /// The prefix for the crate with this root.
    pub const fn new(module: &'static str, prefix: &'static str) -> Self {
        TablePrefix { module, prefix }
    }

    /// Whether the module is a crate's root.
    pub const fn is_at_root(&self) -> bool {
        let mut rest = self.module.as_bytes();
        while let [first, more @ ..] = rest {
            if *first == b':' {
                return false;
            }
            rest = more;
        }
        true
    }

    /// Whether every database takes the prefix as it is.
    pub const fn is_plain(&self) -> bool {
        let mut rest = self.prefix.as_bytes();
        while let [first, more @ ..] = rest {
            if !first.is_ascii_alphanumeric() && *first != b'_' {
                return false;
            }
            rest = more;
        }
        true
    }
}

/// The name of a table with the prefix of the crate that this module is in, or with the entity's own.
pub fn table_name(module: &str, name: &str, own: Option<&str>) -> String {
    let root = module.split(':').next();
    let of_crate = || {
        inventory::iter::<TablePrefix>
            .into_iter()
            .find(|prefix| Some(prefix.module) == root)
            .map(|prefix| prefix.prefix)
    };
    format!("{}{name}", own.or_else(of_crate).unwrap_or_default())
}

#[doc(hidden)]
#[macro_export]
macro_rules! __table_name {
    ($name:expr) => {
        $crate::__table_name!(@ $name, ::core::option::Option::None)
    };
    ($name:expr, $prefix:literal) => {
        $crate::__table_name!(@ $name, ::core::option::Option::Some($prefix))
    };
    (@ $name:expr, $prefix:expr) => {{
        static NAME: ::std::sync::LazyLock<::std::string::String> = ::std::sync::LazyLock::new(
            || $crate::__private::with_prefix(::core::module_path!(), $name, $prefix),
        );
        NAME.as_str()
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_prefix_wins_and_crates_without_one_have_none() {
        assert_eq!(table_name("shop::entity::order", "orders", None), "orders");
        assert_eq!(table_name("shop", "orders", Some("my_")), "my_orders");
        assert_eq!(table_name("shop", "orders", Some("")), "orders");
    }

    #[test]
    fn prefix_is_checked_where_it_is_given() {
        assert!(TablePrefix::new("shop", "shop_").is_at_root());
        assert!(!TablePrefix::new("shop::entity", "shop_").is_at_root());
        assert!(TablePrefix::new("shop", "shop_2").is_plain());
        assert!(!TablePrefix::new("shop", "shop.").is_plain());
    }
}
