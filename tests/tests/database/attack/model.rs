//! I37: many tenants at once do random things, to rows of others too; afterwards the database holds
//! what each of them did to its own, as somebody sees who sees all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use migration::entity::order;
use sea_orm::sea_query::Expr;

use crate::support::{PASSWORD, Shop, context, roles, server};

/// What a tenant believes to have: the total of each order, and whether it is deleted.
type Model = BTreeMap<Uuid, (i64, bool)>;

/// The ids of all orders of all tenants, for attempts on those of others.
type Known = Arc<Mutex<Vec<Uuid>>>;

struct Player {
    db: Database,
    context: RequestContext,
    random: fastrand::Rng,
    model: Model,
    known: Known,
}

fn new_order(total: i64) -> order::ActiveModel {
    order::ActiveModel {
        number: Set(Uuid::now_v7().to_string()),
        total_cents: Set(total),
        ..Default::default()
    }
}

impl Player {
    async fn play(mut self, rounds: usize) -> (String, Model) {
        for _ in 0..rounds {
            self.step().await.unwrap();
        }
        let tenant = self.context.tenant_id().unwrap().to_string();
        (tenant, self.model)
    }

    async fn step(&mut self) -> Result<(), Error> {
        match self.random.u8(0..9) {
            0 | 1 => self.insert().await,
            2 => self.insert_many().await,
            3 => self.update_one().await,
            4 => self.update_all().await,
            5 => self.delete_or_restore().await,
            6 => self.work_that_is_rolled_back().await,
            7 => self.look().await,
            _ => self.reach_for_a_foreign_row().await,
        }
    }

    async fn insert(&mut self) -> Result<(), Error> {
        let total = self.random.i64(0..1_000);
        let work = async |tx: &Session| new_order(total).insert(tx).await;
        let order = self.db.write(&self.context, work).await?;
        self.learn(order.id, total);
        Ok(())
    }

    async fn insert_many(&mut self) -> Result<(), Error> {
        let total = self.random.i64(0..1_000);
        let rows = (0..3).map(|_| new_order(total));
        let insert = order::Entity::insert_bulk(rows);
        let work = async |tx: &Session| insert.exec_with_returning_keys(tx).await;
        for id in self.db.write(&self.context, work).await? {
            self.learn(id, total);
        }
        Ok(())
    }

    async fn update_one(&mut self) -> Result<(), Error> {
        let Some(id) = self.own(false) else {
            return Ok(());
        };
        let total = self.random.i64(0..1_000);
        let work = async |tx: &Session| {
            let found = order::Entity::find_by_id(id).one(tx).await?;
            let mut order = found.expect("an own row").into_active_model();
            order.total_cents = Set(total);
            order.update(tx).await
        };
        self.db.write(&self.context, work).await?;
        self.model.insert(id, (total, false));
        Ok(())
    }

    // `update_many` is not scoped: deleted rows too.
    async fn update_all(&mut self) -> Result<(), Error> {
        let work = async |tx: &Session| {
            order::Entity::update_many()
                .col_expr(order::Column::TotalCents, Expr::cust("total_cents + 1"))
                .exec(tx)
                .await
        };
        let updated = self.db.write(&self.context, work).await?;
        assert_eq!(updated.rows_affected, self.model.len() as u64);
        for (total, _) in self.model.values_mut() {
            *total += 1;
        }
        Ok(())
    }

    async fn delete_or_restore(&mut self) -> Result<(), Error> {
        let restore = self.random.bool();
        let Some(id) = self.own(restore) else {
            return Ok(());
        };
        let work = async |tx: &Session| {
            let found = order::Entity::find_with_deleted()
                .filter(order::Column::Id.eq(id))
                .one(tx)
                .await?;
            let order = found.expect("an own row");
            match restore {
                true => order.restore(tx).await.map(drop),
                false => order.delete(tx).await.map(drop),
            }
        };
        self.db.write(&self.context, work).await?;
        self.model.entry(id).and_modify(|order| order.1 = !restore);
        Ok(())
    }

    async fn work_that_is_rolled_back(&mut self) -> Result<(), Error> {
        let session = self.db.begin(&self.context)?;
        order::Entity::delete_many().exec(&session).await?;
        let nested = session.nested()?;
        new_order(1).insert(&nested).await?;
        drop(nested);
        let kept = new_order(2).insert(&session).await?;
        match self.random.bool() {
            true => session.rollback().await?,
            false => drop(session),
        }
        self.known.lock().unwrap().push(kept.id);
        Ok(())
    }

    async fn look(&mut self) -> Result<(), Error> {
        let work = async |tx: &Session| order::Entity::find_with_deleted().all(tx).await;
        let rows = self.db.read(&self.context, work).await?;
        assert_eq!(as_model(rows), self.model);
        Ok(())
    }

    async fn reach_for_a_foreign_row(&mut self) -> Result<(), Error> {
        let foreign = {
            let known = self.known.lock().unwrap();
            self.random.choice(known.iter()).copied()
        };
        let Some(id) = foreign.filter(|id| !self.model.contains_key(id)) else {
            return Ok(());
        };
        let work = async |tx: &Session| {
            assert_eq!(order::Entity::find_by_id(id).one(tx).await?, None);
            let update = order::Entity::update_many()
                .col_expr(order::Column::TotalCents, Expr::val(-1))
                .filter(order::Column::Id.eq(id));
            assert_eq!(update.exec(tx).await?.rows_affected, 0);
            let delete = order::Entity::delete_by_id(id).exec(tx).await?;
            assert_eq!(delete.rows_affected, 0);
            Ok::<_, Error>(())
        };
        self.db.write(&self.context, work).await
    }

    fn learn(&mut self, id: Uuid, total: i64) {
        self.model.insert(id, (total, false));
        self.known.lock().unwrap().push(id);
    }

    fn own(&mut self, deleted: bool) -> Option<Uuid> {
        let orders = self.model.iter().filter(|(_, order)| order.1 == deleted);
        let ids: Vec<Uuid> = orders.map(|(id, _)| *id).collect();
        self.random.choice(ids)
    }
}

fn as_model(rows: Vec<order::Model>) -> Model {
    let order = |row: order::Model| (row.id, (row.total_cents, row.deleted_at.is_some()));
    rows.into_iter().map(order).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i37_database_holds_what_each_of_many_tenants_did() {
    let rounds = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 400,
        None => 20,
    };
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let shop = Shop::with_pool(8).await;
    let known = Known::default();
    let players = (0..200).map(|number| Player {
        db: shop.db.clone(),
        context: context(&format!("tenant-{number:03}")),
        random: fastrand::Rng::with_seed(seed.wrapping_add(number)),
        model: Model::new(),
        known: Arc::clone(&known),
    });
    let players: Vec<_> = players.map(|it| tokio::spawn(it.play(rounds))).collect();
    let mut wanted = BTreeMap::new();
    for player in players {
        let (tenant, model) = player.await.unwrap();
        if !model.is_empty() {
            wanted.insert(tenant, model);
        }
    }
    assert!(wanted.len() > 150, "{}", wanted.len());
    let url = server().url(roles().login(Login::System), PASSWORD, &shop.name);
    let all = sea_orm::Database::connect(url).await.unwrap();
    let rows = order::Entity::find_with_deleted().all(&all).await.unwrap();
    let mut found: BTreeMap<String, Vec<order::Model>> = BTreeMap::new();
    for row in rows {
        found.entry(row.tenant_id.clone()).or_default().push(row);
    }
    for own in ["acme", "beta"] {
        assert_eq!(found.remove(own).unwrap().len(), 1);
    }
    let found: BTreeMap<String, Model> = found
        .into_iter()
        .map(|(tenant, rows)| (tenant, as_model(rows)))
        .collect();
    assert_eq!(found, wanted);
}
