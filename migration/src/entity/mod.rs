//! The entities: a shop in which every tenant has users and orders, and all share the products.

pub mod order;
pub mod order_line;
pub mod product;
pub mod tenant;
pub mod user;
