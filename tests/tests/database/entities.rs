//! Entities in every shape: renamed columns, other tenant types, own keys, columns by hand, derives
//! alone, self references, many-to-many.

use dotmac_database::migrate::{install, remove};
use dotmac_database::prelude::*;
use dotmac_database::rls::Roles;
use sea_orm::sea_query::Expr;
use sea_orm::{EntityLoaderTrait, LoaderTrait};
use sea_orm_migration::SchemaManager;

use crate::shapes::{
    bill, by_hand, counter, device, flag, folder, folder_tag, metric, mood, setting, tag,
};
use crate::support::{Shop, admin, create_database, roles};

/// A database with the tables of this file.
async fn open() -> (Shop, SchemaManagerOwner) {
    let shop = Shop::open().await;
    let owner = SchemaManagerOwner(shop.migrator().await);
    let manager = owner.manager();
    // The roles of a test database are those of its template.
    create::<device::Entity>(&manager).await;
    create::<flag::Entity>(&manager).await;
    create::<counter::Entity>(&manager).await;
    create::<metric::Entity>(&manager).await;
    create::<bill::Entity>(&manager).await;
    create::<setting::Entity>(&manager).await;
    create::<folder::Entity>(&manager).await;
    create::<tag::Entity>(&manager).await;
    create::<folder_tag::Entity>(&manager).await;
    create::<by_hand::Entity>(&manager).await;
    (shop, owner)
}

pub struct SchemaManagerOwner(sea_orm::DatabaseConnection);

impl SchemaManagerOwner {
    fn manager(&self) -> SchemaManager<'_> {
        SchemaManager::new(&self.0)
    }
}

async fn create<E: TenantAware>(manager: &SchemaManager<'_>) {
    use dotmac_database::migrate::{create_indexes, create_table, create_triggers};
    create_table::<E>(manager).await.unwrap();
    create_indexes::<E>(manager).await.unwrap();
    create_triggers::<E>(manager).await.unwrap();
    let db = manager.get_connection();
    dotmac_database::rls::install::<E, _>(db, &roles())
        .await
        .unwrap();
}

#[tokio::test]
async fn renamed_columns_play_their_roles() {
    let (shop, _) = open().await;
    shop.db
        .write(&shop.a, async |tx| {
            let row = device::ActiveModel {
                name: Set("x".into()),
                ..Default::default()
            }
            .insert(tx)
            .await?;
            assert_eq!(row.org_id, "acme");
            assert_eq!(row.maker.as_deref(), Some("acme-user"));
            assert!(row.alive);
            assert_eq!(row.device_id.get_version_num(), 7);
            let gone = row.soft_delete(tx).await?;
            assert!(gone.gone_at.is_some() && !gone.alive);
            assert!(device::Entity::find().all(tx).await?.is_empty());
            assert!(!gone.restore(tx).await?.is_deleted());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let other = shop
        .db
        .read(&shop.b, async |tx| device::Entity::find().all(tx).await);
    assert!(other.await.unwrap().is_empty());
}

#[tokio::test]
async fn i22_json_cannot_move_a_row_to_another_tenant() {
    let (shop, _) = open().await;
    let json = serde_json::json!({"id": 1, "tenant_id": "beta", "name": "stolen"});
    let moved = shop.db.write(&shop.a, async |tx| {
        let flag = flag::ActiveModel {
            name: Set("own".into()),
            ..Default::default()
        };
        let mut flag = flag.insert(tx).await?.into_active_model();
        flag.set_from_json(json.clone())?;
        flag.update(tx).await
    });
    let refused = Error::from(moved.await.unwrap_err());
    assert_eq!(refused.kind(), ErrorKind::ForeignTenant, "{refused}");
    let forged = shop.db.write(&shop.a, async |tx| {
        flag::ActiveModel::from_json(json)?.insert(tx).await
    });
    let refused = Error::from(forged.await.unwrap_err());
    assert_eq!(refused.kind(), ErrorKind::ForeignTenant, "{refused}");
}

#[tokio::test]
async fn tenants_can_be_uuids_and_numbers() {
    let (shop, _) = open().await;
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    for tenant in [one, two] {
        let context = RequestContext::of(tenant.into());
        let row = shop.db.write(&context, async |tx| {
            let row = metric::ActiveModel {
                name: Set("load".into()),
                ..Default::default()
            };
            let row = row.insert(tx).await?;
            assert_eq!(metric::Entity::find().all(tx).await?.len(), 1);
            assert_eq!(
                metric::Entity::delete_by_id(row.id)
                    .exec(tx)
                    .await?
                    .rows_affected,
                1
            );
            row.clone().restore(tx).await
        });
        assert_eq!(row.await.unwrap().tenant_id, tenant);
    }
    for tenant in ["7", "8"] {
        let context = RequestContext::tenant(tenant).unwrap();
        let rows = shop.db.write(&context, async |tx| {
            let bill = bill::ActiveModel {
                total: Set(1),
                ..Default::default()
            };
            bill.insert(tx).await?;
            bill::Entity::find().all(tx).await
        });
        let rows = rows.await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].account.to_string(), tenant);
    }
    // i03: a second spelling of the same value is refused before any SQL, and so is a tenant that
    // the column cannot hold.
    for twin in [
        one.to_string().to_uppercase(),
        one.simple().to_string(),
        "007".to_owned(),
    ] {
        let context = RequestContext::tenant(&twin).unwrap();
        let refused = shop.db.begin(&context).expect_err(&twin);
        assert_eq!(refused.kind(), ErrorKind::InvalidContext);
    }
    let refused = shop.db.write(&shop.a, async |tx| {
        let row = metric::ActiveModel {
            name: Set("load".into()),
            ..Default::default()
        };
        row.insert(tx).await
    });
    let refused = Error::from(refused.await.unwrap_err());
    assert_eq!(refused.kind(), ErrorKind::InvalidContext);
    let read = shop
        .db
        .read(&shop.a, async |tx| metric::Entity::find().all(tx).await);
    assert!(read.await.is_err(), "the policy's cast refuses it");
}

#[tokio::test]
async fn own_keys_are_respected() {
    let (shop, _) = open().await;
    shop.db
        .write(&shop.a, async |tx| {
            // The table's name is the module's.
            assert_eq!(counter::Entity.table_name(), "counter");
            let counter = counter::ActiveModel {
                value: Set(1),
                ..Default::default()
            };
            assert_eq!(counter.insert(tx).await?.number, 1);
            let deleted = counter::Entity::delete_by_id(1).exec(tx).await?;
            assert_eq!(deleted.rows_affected, 1);
            let setting = setting::ActiveModel {
                key: Set("theme".into()),
                value: Set(serde_json::json!({"dark": true})),
                ..Default::default()
            }
            .insert(tx)
            .await?;
            assert_eq!(setting.tenant_id, "acme");
            assert_eq!(setting.created_by.as_deref(), Some("acme-user"));
            let key = ("acme".to_owned(), "theme".to_owned());
            assert!(setting::Entity::find_by_id(key).one(tx).await?.is_some());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i61_self_references_and_many_to_many_hide_deleted_rows() {
    let (shop, _) = open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let folder = |name: &str, parent: Option<Uuid>| folder::ActiveModel {
        name: Set(name.into()),
        parent_id: Set(parent),
        ..Default::default()
    };
    let root = folder("root", None).insert(tx).await.unwrap();
    let child = folder("child", Some(root.id)).insert(tx).await.unwrap();
    let tag = || tag::ActiveModel::builder().set_label("t");
    let root_ex = root.clone().into_ex().into_active_model();
    let saved = root_ex
        .add_tag(tag())
        .add_tag(tag())
        .save(tx)
        .await
        .unwrap();
    assert_eq!(saved.tags.as_slice().len(), 2);
    let tags = root.find_related(tag::Entity).all(tx).await.unwrap();
    assert_eq!(tags.len(), 2);

    tags[0].clone().delete(tx).await.unwrap();
    let left = &tags[1..];
    assert_eq!(root.find_related(tag::Entity).all(tx).await.unwrap(), left);
    let roots = vec![root.clone()];
    assert_eq!(
        roots
            .load_many_to_many(tag::Entity, folder_tag::Entity, tx)
            .await
            .unwrap()[0],
        left
    );
    let with = folder::Entity::find_by_id(root.id).find_with_related(tag::Entity);
    assert_eq!(with.all(tx).await.unwrap()[0].1, left);
    let loaded = folder::Entity::load()
        .filter_by_id(root.id)
        .with(tag::Entity)
        .one(tx)
        .await;
    assert_eq!(loaded.unwrap().unwrap().tags.len(), 1);
    // From the other side, through the junction in reverse.
    let folders = left[0].find_related(folder::Entity).all(tx).await.unwrap();
    assert_eq!(folders, vec![root.clone()]);

    // The parent goes: it is hidden from the child, and the child stays.
    let deleted = root.clone().delete(tx).await.unwrap();
    assert_eq!(deleted.rows_affected, 1);
    assert!(
        left[0]
            .find_related(folder::Entity)
            .all(tx)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        left.to_vec()
            .load_many_to_many(folder::Entity, folder_tag::Entity, tx)
            .await
            .unwrap()[0]
            .is_empty()
    );
    struct Parent;
    impl sea_orm::Linked for Parent {
        type FromEntity = folder::Entity;
        type ToEntity = folder::Entity;
        fn link(&self) -> Vec<sea_orm::LinkDef> {
            vec![sea_orm::RelationTrait::def(&folder::Relation::Parent)]
        }
    }
    struct Child;
    impl sea_orm::Linked for Child {
        type FromEntity = folder::Entity;
        type ToEntity = folder::Entity;
        fn link(&self) -> Vec<sea_orm::LinkDef> {
            let parent = sea_orm::RelationTrait::def(&folder::Relation::Parent);
            vec![dotmac_database::reversed::<folder::Entity>(parent)]
        }
    }
    assert!(child.find_linked(Parent).one(tx).await.unwrap().is_none());
    let also = folder::Entity::find()
        .find_also_linked(Parent)
        .all(tx)
        .await
        .unwrap();
    assert_eq!(also, [(child.clone(), None)]);
    let children = root.find_linked(Child).all(tx).await.unwrap();
    assert_eq!(children, vec![child.clone()]);
    child.clone().delete(tx).await.unwrap();
    assert!(root.find_linked(Child).all(tx).await.unwrap().is_empty());
}

#[tokio::test]
async fn i26_junction_rows_belong_to_the_tenant() {
    let (shop, _) = open().await;
    let tag = shop.db.write(&shop.b, async |tx| {
        tag::ActiveModel {
            label: Set("of b".into()),
            ..Default::default()
        }
        .insert(tx)
        .await
    });
    let foreign = tag.await.unwrap();
    let linked = shop.db.write(&shop.a, async |tx| {
        let folder = folder::ActiveModel {
            name: Set("x".into()),
            ..Default::default()
        }
        .insert(tx)
        .await?;
        folder_tag::ActiveModel {
            folder_id: Set(folder.id),
            tag_id: Set(foreign.id),
            ..Default::default()
        }
        .insert(tx)
        .await
    });
    let error = Error::from(linked.await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::ForeignKey);
}

#[tokio::test]
async fn derives_alone_register_the_entity_and_leave_stamps_to_the_database() {
    let (shop, _) = open().await;
    shop.db
        .write(&shop.a, async |tx| {
            let row = by_hand::ActiveModel {
                id: Set(Uuid::now_v7()),
                body: Set("x".into()),
                ..Default::default()
            }
            .insert(tx)
            .await?;
            assert_eq!(row.tenant_id, "acme");
            let deleted = row.soft_delete(tx).await?;
            assert_eq!(deleted.deleted_by.as_deref(), Some("acme-user"));
            assert_eq!(by_hand::Entity::only_deleted().all(tx).await?.len(), 1);
            // Documented: without the attribute, `find` is SeaORM's own.
            assert_eq!(by_hand::Entity::find().all(tx).await?.len(), 1);
            deleted.restore(tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let physical = shop.db.write(&shop.a, async |tx| {
        let row = by_hand::Entity::find().one(tx).await?.unwrap();
        row.into_active_model().delete(tx).await
    });
    let error = Error::from(physical.await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PhysicalDelete, "the guard stands");
}

#[tokio::test]
async fn update_many_is_not_scoped_and_says_so() {
    let (shop, _) = open().await;
    shop.db
        .write(&shop.a, async |tx| {
            for _ in 0..2 {
                let device = device::ActiveModel {
                    name: Set("x".into()),
                    ..Default::default()
                };
                device.insert(tx).await?;
            }
            device::Entity::find()
                .one(tx)
                .await?
                .unwrap()
                .delete(tx)
                .await?;
            let all = device::Entity::update_many().col_expr(device::Column::Name, Expr::val("y"));
            assert_eq!(all.exec(tx).await?.rows_affected, 2);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn migration_of_an_entity_can_be_run_again_and_taken_back() {
    let (_, owner) = open().await;
    let manager = owner.manager();
    create::<folder::Entity>(&manager).await;
    remove::<folder_tag::Entity>(&manager).await.unwrap();
    remove::<folder_tag::Entity>(&manager).await.unwrap();
    assert!(!manager.has_table("folder_tags").await.unwrap());
}

// What a migration does in a database of its own: the roles are found by the database's name.
#[tokio::test]
async fn install_finds_the_roles_of_its_database() {
    let name = create_database("template1").await;
    let connection = admin(&name).await;
    let own = Roles::of_database(&connection).await.unwrap();
    assert_eq!(own.application, format!("{name}_app"));
    own.create(&connection).await.unwrap();
    own.create(&connection).await.unwrap();
    let manager = SchemaManager::new(&connection);
    install::<folder::Entity>(&manager).await.unwrap();
    install::<folder::Entity>(&manager).await.unwrap();
    remove::<folder::Entity>(&manager).await.unwrap();
    own.drop(&connection).await.unwrap();
    own.drop(&connection).await.unwrap();
}

#[tokio::test]
async fn entity_with_a_schema_and_an_enum_can_be_migrated_up_and_down_again() {
    let (shop, owner) = open().await;
    let schema = "CREATE SCHEMA crm; GRANT ALL ON SCHEMA crm TO shop_owner, shop_migrator; \
                  GRANT USAGE ON SCHEMA crm TO shop_app";
    shop.admin().await.execute_unprepared(schema).await.unwrap();
    let manager = owner.manager();
    create::<mood::Entity>(&manager).await;
    create::<mood::Entity>(&manager).await;
    remove::<mood::Entity>(&manager).await.unwrap();
    remove::<mood::Entity>(&manager).await.unwrap();
    create::<mood::Entity>(&manager).await;
    shop.db.check().await.unwrap();
    shop.db
        .write(&shop.a, async |tx| {
            let day = mood::ActiveModel {
                mood: Set(mood::Mood::Good),
                ..Default::default()
            };
            let day = day.insert(tx).await?;
            assert_eq!(day.tenant_id, "acme");
            day.delete(tx).await?;
            assert_eq!(mood::Entity::only_deleted().all(tx).await?.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let other = shop.db.read(&shop.b, async |tx| {
        mood::Entity::find_with_deleted().all(tx).await
    });
    assert!(other.await.unwrap().is_empty());
}
