//! The expansion as a whole, in the order in which someone debugging reads it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{behavior, delete, entity, feature, item, mixin, relation, slow_index, version};
use crate::model::entity::Entity;

impl Entity {
    /// Everything that `#[dotmac_database::model]` emits.
    pub fn expand(&self) -> TokenStream {
        let root = &self.options.root;
        let private = quote!(#root::__private);
        let item = item::expand(self, &private);
        let entity = entity::expand(self, &private);
        let relation = relation::expand(self, &private);
        let feature = feature::expand(self, &private);
        let mixin = mixin::expand(self, &private);
        let delete = delete::expand(self, &private);
        let version = version::expand(self, &private);
        let slow_index = slow_index::expand(self);
        let behavior = behavior::expand(self, &private);
        quote! {
            #item
            #entity
            #relation
            #feature
            #mixin
            #delete
            #version
            #slow_index
            #behavior
        }
    }
}
