"""`POST /v1/alertmanager`: every alert of the batch by itself, 200 only when Temporal has the good ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import httpx
import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from intake.alerts.delivery import Delivery, Receipt
from intake.alerts.dispatch import Dispatch
from intake.alerts.heartbeats import Heartbeats
from intake.alerts.payload import Batch, Envelope, Refused, Unreadable
from intake.alerts.reading import Placed, Read, Reader, unpacked
from intake.alerts.truncated import fetch_left, name_in
from intake.http.answers import Stop, refusal, shown
from intake.http.body import UNREAD, read_body
from intake.http.keys import Keys
from intake.http.metrics import IntakeMetrics
from intake.http.openapi import Endpoint
from intake.http.room import held_for
from intake.http.turns import LONG, Turns
from models.base import Model
from models.configuration.configuration import Configuration
from runtime.errors import TemporalAway
from runtime.incidents import Incidents
from runtime.systems.asking import NotFetched

DRY_RUN = "dry_run"
"""In the address of a receiver: its alerts become dry runs, beside what others make of them."""
MOST_REASONS = 100
"""More refusals than this are counted, not listed."""


class Accepted(Model):
    """The answer to a webhook."""

    taken: tuple[Receipt, ...] = ()
    refused: tuple[Refused, ...] = ()
    not_listed: int = 0
    truncated: int = 0
    """What Alertmanager left out, if it could not be asked for because its address is not configured."""


class AlertmanagerWebhook:
    """The receiver of Alertmanager's webhooks."""

    def __init__(
        self,
        dispatch: Dispatch,
        configuration: Callable[[], Configuration],
        keys: Keys,
        metrics: IntakeMetrics,
        http: httpx.AsyncClient,
        incidents: Incidents,
        heartbeats: Heartbeats,
    ) -> None:
        self._dispatch = dispatch
        self._configuration = configuration
        self._reader = Reader()
        self._turns = Turns()
        self._keys = keys
        self._metrics = metrics
        self._http = http
        self._incidents = incidents
        self._heartbeats = heartbeats
        self._log = structlog.get_logger("intake")
        self._fetching = asyncio.Lock()
        """What was left out is fetched for one webhook at a time: several lists would fill the memory."""

    def routes(self) -> list[Endpoint]:
        take = Endpoint(
            "POST",
            "/v1/alertmanager",
            self.receive,
            "Take a webhook of Alertmanager",
            Accepted,
            body=Envelope,
            refusals=(*UNREAD, 401, 422, 503),
        )
        return [take]

    async def receive(self, request: Request) -> Response:
        self._keys.admit(request)
        configuration = self._configuration()
        body = await read_body(request, configuration.intake.max_body)
        dry_run = _dry_run(request.query_params)
        held_for(request).set(unpacked(body))
        if len(body) > LONG:
            await self._turns.wait()
        try:
            read = await self._reader.read(body, configuration)
        except Unreadable as error:
            self._log.warning("webhook refused", reason=str(error))
            return refusal(422, f"this is not a webhook of Alertmanager: {error}")
        return await self._take(read, dry_run=dry_run)

    async def _take(self, read: Read, *, dry_run: bool) -> Response:
        refused = read.refused
        for status, count in read.batch.statuses.items():
            self._metrics.received(status).inc(count)
        self._metrics.refused.inc(len(refused))
        if refused:
            self._log.warning("alerts refused", count=len(refused), first=refused[0].reason)
        delivery = Delivery(self._dispatch.take, self._metrics, self._dispatch.repeats)
        try:
            await self._bring(read.alerts, read.configuration, delivery, dry_run=dry_run)
            left_out = 0
            if read.batch.truncated:
                rest, left_out = await self._rest(read.batch, read.configuration)
                await self._bring(rest, read.configuration, delivery, dry_run=dry_run)
        except (TemporalAway, NotFetched) as error:
            self._metrics.sent_back.inc()
            self._log.error("webhook sent back", reason=str(error))
            return refusal(503, f"{error}; send it again", {"retry-after": "5"})
        refused = _in_order((*refused, *delivery.refused))
        listed = refused[:MOST_REASONS]
        if refused and not delivery.receipts and not read.batch.truncated:
            reasons = [one.model_dump() for one in listed]
            return refusal(422, "no alert of this batch can be taken", refused=reasons)
        return shown(
            Accepted.model_construct(
                taken=delivery.receipts,
                refused=listed,
                not_listed=len(refused) - len(listed),
                truncated=left_out,
            )
        )

    async def _bring(
        self, alerts: Sequence[Placed], configuration: Configuration, delivery: Delivery, *, dry_run: bool
    ) -> None:
        heartbeats, others = self._heartbeats.note(alerts, configuration)
        delivery.note_heartbeats(heartbeats)
        await delivery.bring([_as_dry_run(one) for one in others] if dry_run else others)

    async def _rest(self, batch: Batch, configuration: Configuration) -> tuple[list[Placed], int]:
        """What Alertmanager left out of the batch, and how many of it nobody can be asked for."""
        alertmanager = configuration.systems.alertmanager
        if alertmanager is None:
            self._log.warning("truncated webhook: systems.alertmanager is not configured")
            return [], batch.truncated
        async with self._fetching:
            left = await fetch_left(self._http, alertmanager, batch, configuration)
            open_now = await self._incidents.all_open(name_in(batch.group_labels))
            return [Placed(None, one) for one in (*left.rest(batch), *left.ends(open_now, configuration))], 0


def _dry_run(asked: QueryParams) -> bool:
    """What the address of the receiver asks for. Raises Stop with 422 for what can be read in two ways, or
    not at all: a receiver of dry runs must never act for real because of a typo."""
    for name in asked:
        if name != DRY_RUN:
            reason = f"the address of the receiver has {name!r}, which means nothing here"
            raise Stop(
                422, f"{reason}: only {DRY_RUN}=true or {DRY_RUN}=false may stand behind the question mark"
            )
    match asked.getlist(DRY_RUN):
        case []:
            return False
        case ["true" | "false" as said]:
            return said == "true"
    raise Stop(422, f"the address of the receiver: write {DRY_RUN}=true or {DRY_RUN}=false, once")


def _as_dry_run(placed: Placed) -> Placed:
    alert = placed.routed.alert.model_copy(update={"dry_run": True})
    return placed._replace(routed=placed.routed.model_copy(update={"alert": alert}))


def _in_order(refused: Iterable[Refused]) -> tuple[Refused, ...]:
    """By their place in the batch; what was fetched comes last."""
    return tuple(sorted(refused, key=lambda one: (one.index is None, one.index or 0)))
