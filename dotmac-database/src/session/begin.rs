//! Where a unit of work begins: on a fit replica, if it only reads, or else on the primary.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sea_orm::{DbErr, IsolationLevel};

use super::gate::Passed;
use super::ledger::LevelId;
use super::live::Ticket;
use super::replica::Replica;
use super::slot::Slot;
use super::unit::{Unit, acquire_error, query_error};
use super::wire::{Damage, damage};
use crate::error::{Error, Result, is_stale_plan};

impl Unit {
    /// Takes a connection, and sends what precedes the first statement of `level`.
    #[tracing::instrument(
        level = "debug",
        name = "dotmac.session.begin",
        skip_all,
        fields(otel.kind = "client", db.system = ?self.backend(), read_only = self.is_read_only())
    )]
    pub(super) async fn open(&self, slot: &mut Slot, level: LevelId, next: Passed) -> Result<()> {
        if !slot.is_live() {
            let ticket = Ticket::take(&self.cluster, &self.slot, slot.cut())?;
            slot.keep(ticket);
        }
        let replicas = match self.may_run_on_replica() {
            true => self.cluster.replicas.as_ref(),
            false => None,
        };
        if let Some(replicas) = replicas {
            for replica in replicas.candidates(self.context()) {
                if self.open_on(replica, slot, level, next).await? {
                    return Ok(());
                }
            }
        }
        if self.is_read_only() {
            self.cluster.tally.primary_read(replicas.is_some());
        }
        let asked = Instant::now();
        let wire = self.cluster.primary.acquire().await;
        let wire = wire.map_err(acquire_error)?;
        self.cluster.tally.acquired(asked.elapsed());
        slot.hold(wire);
        let fresh = self.prepare_anew(slot).await;
        fresh.map_err(|error| query_error(error, DbErr::Conn))?;
        self.send_prefix(slot, level, next).await
    }

    /// Whether the first statement failed with the connection to a replica; nothing was seen of the
    /// unit then, and it runs again elsewhere.
    pub(super) fn moves_on<T>(&self, slot: &mut Slot, result: &Result<T, sqlx::Error>) -> bool {
        match result {
            Err(error) if damage(error) == Damage::Connection => {
                let moves = slot.broke(error);
                if moves {
                    slot.discard();
                    self.ledger().restart();
                }
                moves
            }
            result => {
                if result.as_ref().is_err_and(is_stale_plan) {
                    self.outdate(slot);
                }
                slot.seen();
                false
            }
        }
    }

    /// A statement that the connection has prepared does not fit.
    pub(super) fn outdate(&self, slot: &mut Slot) {
        self.stale.store(true, Ordering::Relaxed);
        slot.outdate();
    }

    /// Forgets what the connection has prepared, in another attempt after a statement that did not fit.
    async fn prepare_anew(&self, slot: &mut Slot) -> Result<(), sqlx::Error> {
        if self.options.prepares_anew {
            slot.outdate();
        }
        slot.refresh().await
    }

    /// The context wrote, or may have: replicas that are behind that are not for it.
    pub(super) fn wrote(&self) {
        if let Some(replicas) = &self.cluster.replicas {
            replicas.wrote(self.context());
        }
    }

    // A hot standby refuses SERIALIZABLE.
    pub(super) fn may_run_on_replica(&self) -> bool {
        self.options.read_only
            && !self.options.on_primary
            && self.options.isolation != Some(IsolationLevel::Serializable)
    }

    /// Whether the transaction runs on `replica`; where it cannot, nothing is left of the attempt.
    async fn open_on(
        &self,
        replica: &Arc<Replica>,
        slot: &mut Slot,
        level: LevelId,
        next: Passed,
    ) -> Result<bool> {
        let asked = Instant::now();
        let begin = async {
            let wire = match replica.pool.acquire().await {
                Ok(wire) => wire,
                Err(error) => return Ok(Err(error)),
            };
            self.cluster.tally.acquired(asked.elapsed());
            slot.hold(wire);
            if let Err(error) = self.prepare_anew(slot).await {
                return Ok(Err(error));
            }
            let sql = self.prefix(level, next)?;
            let (wire, cut) = slot.running().ok_or(Error::Ended)?;
            Ok::<_, Error>(cut.or(wire.batch(&sql)).await.map(drop))
        };
        let begun = tokio::select! {
            biased;
            begun = begin => begun?,
            // It was lost to others while this one waited for it.
            () = replica.standing.left() => Err(sqlx::Error::PoolTimedOut),
        };
        match begun {
            Ok(()) => {
                self.ledger().sent();
                slot.on(replica);
                replica.reads.add(1);
                Ok(true)
            }
            Err(sqlx::Error::PoolClosed) => Err(Error::Closed),
            Err(error) => {
                // A pool in full use, a refused setting, or a schema that has not come yet is no reason
                // to lose the replica.
                match (&error, damage(&error)) {
                    (_, Damage::Statement) => slot.set_aside(),
                    (sqlx::Error::PoolTimedOut, _) => slot.discard(),
                    _ => {
                        replica.lose(&error);
                        slot.discard();
                    }
                }
                self.ledger().restart();
                Ok(false)
            }
        }
    }
}
