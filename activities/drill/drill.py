"""The restore drill: the newest backup of a location is restored, checked, measured, and dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
from temporalio import activity

from activities.backups.backups import Judged, judged
from activities.backups.files import BackupFile
from activities.drill.growth import TooLarge, watched
from activities.drill.production import IsProduction
from activities.drill.programs import Failed, Missing
from activities.drill.proof import Proof, prove
from activities.drill.restore import Broken, NotRestored, most_unpacked, restore
from activities.drill.rights import TooPowerful
from activities.drill.scratch import NoRoom, scratch
from activities.postgres.address import FileMissing
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing
from models.base import Model, in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.configuration.backups import BackupLocation
from models.service.service import Service


class Drill(Model):
    """Try the restore of one location. The databases of the services are never restored into."""

    location: BackupLocation
    services: tuple[Service, ...] = ()
    """Those with a database, which are production."""


class DrillActivities:
    """Restores backups that this host can read."""

    @activity.defn
    async def drill_restore(self, request: Drill) -> ItemResult:
        """`bad` for a backup that cannot be restored, lacks something, or misses a target; `unknown` where
        it could not be tried."""
        location = request.location
        async with beating():
            seen = await asyncio.to_thread(judged, location, datetime.now(UTC))
            if seen.backup is None:
                return _result(location, seen.found.state, f"not restored: {seen.found.reason}")
            try:
                async with asyncio.timeout(location.drill.within.total_seconds()):
                    return await _tried(request, seen, seen.backup)
            except TimeoutError:
                state, why = ItemState.BAD, f"it was not restored within {in_words(location.drill.within)}"
            except Broken as broken:
                state, why = ItemState.BAD, f"it cannot be restored: {broken}"
            except IsProduction as refused:
                state, why = ItemState.UNKNOWN, f"refused to restore into a server of production: {refused}"
            except (
                NotRestored,
                Missing,
                NoRoom,
                TooLarge,
                TooPowerful,
                SecretMissing,
                FileMissing,
            ) as reason:
                state, why = ItemState.UNKNOWN, str(reason)
            except (Failed, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
                why = f"the scratch server failed ({type(error).__name__}): {clean(str(error), 200)}"
                state = ItemState.UNKNOWN
        return _result(location, state, f"{clean(seen.backup.path.name, 120)}: {why}")


async def _tried(request: Drill, seen: Judged, backup: BackupFile) -> ItemResult:
    location, began = request.location, time.monotonic()
    run_id = activity.info().workflow_run_id or "by_hand"
    async with scratch(location, request.services, backup.size, seen.extensions, run_id) as into:
        async with watched(into.size, most_unpacked(location, backup), location.name):
            await restore(location, backup, into)
            restored = timedelta(seconds=time.monotonic() - began)
            proof = await prove(into.url, into.password, location.drill)
        took = timedelta(seconds=time.monotonic() - began)
    now = datetime.now(UTC)
    lost = now - proof.newest if proof.newest else seen.age
    wrong = [*proof.wrong, *_missed(location, took, lost)]
    if seen.found.state is not ItemState.OK:
        wrong.append(seen.found.reason)
    what = f"restored {proof.tables} tables in {in_words(took)}"
    state = ItemState.OK
    if wrong:
        state = seen.found.state if wrong == [seen.found.reason] else ItemState.BAD
    reason = f"{clean(backup.path.name, 120)}: {'; '.join([what, *wrong])}"
    return _result(location, state, reason, proof, restored, took, lost)


def _missed(location: BackupLocation, took: timedelta, lost: timedelta | None) -> Iterator[str]:
    drill = location.drill
    if took > drill.rto:
        yield f"this is longer than the target of {in_words(drill.rto)} (RTO)"
    if lost is not None and lost > drill.rpo:
        yield f"its data end {in_words(lost)} ago, beyond the target of {in_words(drill.rpo)} (RPO)"


def _targets(location: BackupLocation) -> str:
    drill = location.drill
    return f"usable within {in_words(drill.rto)} (RTO), at most {in_words(drill.rpo)} lost (RPO)"


def _result(
    location: BackupLocation,
    state: ItemState,
    reason: str,
    proof: Proof | None = None,
    restored: timedelta | None = None,
    took: timedelta | None = None,
    lost: timedelta | None = None,
) -> ItemResult:
    proof = proof or Proof()
    return ItemResult(
        state=state,
        reason=reason,
        threshold=_targets(location),
        observed_at=datetime.now(UTC),
        details=tuple(_details(proof, lost)),
        figures=(
            Figure(name="restore", value=_seconds(restored), unit=" s"),
            Figure(name="RTO", value=_seconds(took), unit=" s"),
            Figure(name="RPO", value=round(lost / timedelta(hours=1), 2) if lost else None, unit=" h"),
            *(Figure(name=f"rows of {table}", value=rows) for table, rows in proof.rows.items()),
        ),
        tables=_rows(location, proof),
    )


def _seconds(time_taken: timedelta | None) -> float | None:
    return round(time_taken.total_seconds(), 1) if time_taken else None


def _details(proof: Proof, lost: timedelta | None) -> Iterator[str]:
    if proof.newest:
        yield f"its newest row is of {proof.newest:%Y-%m-%d %H:%M} UTC"
    elif lost is not None:
        yield "what would be lost is taken from the age of the backup: name its newest row under drill.newest"


def _rows(location: BackupLocation, proof: Proof) -> tuple[Table, ...]:
    if not proof.rows:
        return ()
    rows = tuple(
        (table, f"{least:,}", f"{proof.rows[table]:,}" if table in proof.rows else "missing")
        for table, least in location.drill.tables.items()
    )
    return (Table(title="Rows", columns=("table", "at least", "restored"), rows=rows),)
