//! A number that changes when the fields of a type do, asked of the type's own `Deserialize`.

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// The fingerprint of `V`: over its name, and the names of its fields or variants where it is a struct or
/// an enum. Nested types are not looked into.
pub fn of<V: DeserializeOwned>() -> u32 {
    let mut shape = crc32fast::Hasher::new();
    shape.update(short_name::<V>().as_bytes());
    // It always fails: there is nothing to read but the questions.
    let _ = V::deserialize(Probe(&mut shape));
    shape.finalize()
}

/// The name without its path, which moves when modules do.
fn short_name<V>() -> &'static str {
    let name = std::any::type_name::<V>();
    let generic = name.find('<').unwrap_or(name.len());
    let start = name.get(..generic).and_then(|path| path.rfind("::"));
    name.get(start.map_or(0, |at| at + 2)..).unwrap_or(name)
}

/// Notes what a type asks for, and gives it nothing.
struct Probe<'h>(&'h mut crc32fast::Hasher);

impl Probe<'_> {
    fn note(self, name: &str, parts: &[&str]) -> de::value::Error {
        for part in std::iter::once(&name).chain(parts) {
            self.0.update(part.as_bytes());
            self.0.update(&[0]);
        }
        de::Error::custom("only asked for the shape")
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = de::value::Error;

    fn deserialize_any<W: Visitor<'de>>(self, _: W) -> Result<W::Value, Self::Error> {
        Err(self.note("any", &[]))
    }

    fn deserialize_struct<W: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        _: W,
    ) -> Result<W::Value, Self::Error> {
        Err(self.note(name, fields))
    }

    fn deserialize_enum<W: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        _: W,
    ) -> Result<W::Value, Self::Error> {
        Err(self.note(name, variants))
    }

    fn deserialize_option<W: Visitor<'de>>(self, visitor: W) -> Result<W::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<W: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: W,
    ) -> Result<W::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    mod one {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its shape counts")]
        pub struct Order {
            number: String,
        }
    }

    mod two {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its shape counts")]
        pub struct Order {
            number: String,
            total: i64,
        }
    }

    mod moved {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its shape counts")]
        pub struct Order {
            number: String,
        }
    }

    #[derive(Deserialize)]
    enum Kind {
        A,
        B,
    }

    #[test]
    fn c20_a_new_field_is_another_shape_and_another_module_is_not() {
        assert_ne!(of::<one::Order>(), of::<two::Order>());
        assert_eq!(of::<one::Order>(), of::<moved::Order>());
        assert_ne!(of::<Kind>(), of::<String>());
        assert_eq!(of::<Kind>(), of::<Kind>());
    }
}
