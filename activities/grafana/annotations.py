"""Marks an incident in Grafana, from its beginning to its end, on every dashboard that shows annotations.

By Grafana's documented HTTP API, "Annotations": `GET` and `POST /api/annotations`. An attempt after a lost
answer finds by the tag of the run what is there already, so that no incident is marked twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from html import escape

import httpx
import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio import activity

from activities.incidents.addresses import addresses_of
from activities.support.http import Answer, NoAnswer, Outgoing, send
from activities.support.secrets import SecretMissing, resolve
from models.base import in_words
from models.configuration.configuration import Configuration
from models.configuration.grafana import Annotations
from models.incident.announcement import Link
from models.incident.review import Review
from models.text import shorten, visible

WITHIN = timedelta(seconds=3)
"""For one request. There are two, and an incident that is over waits for no more."""
LIMIT = 256 * 1024
_LONGEST = 500
"""Characters of a summary."""
LONGEST_TAG = 100
"""Characters, as in Grafana's table `tag`: PostgreSQL refuses more, and with it the annotation."""
LONGEST_TAGS = 500
"""Of all tags of one annotation as JSON, by `tags_length` of Grafana's configuration as it comes: more is
answered 400."""


class _Found(BaseModel):
    id: int


_FOUND = TypeAdapter(list[_Found])


class NotMarked(Exception):
    """Grafana did not take it, in one sentence with the cure."""


class IncidentMarks:
    """Writes annotations with one shared HTTP client, where the configuration has a token for it."""

    def __init__(self, client: httpx.AsyncClient, configuration: Callable[[], Configuration]) -> None:
        self._client = client
        self._configuration = configuration
        self._log = structlog.get_logger("worker")

    async def mark(self, review: Review) -> None:
        """Once an incident; nothing for a dry run. What goes wrong is logged, and holds nobody up."""
        configuration, here = self._configuration(), activity.info()
        systems, incident = configuration.systems, review.incident
        if systems.annotations is None or configuration.dry_run or review.dry_run:
            return
        links = addresses_of(configuration).of_incident(
            incident, here.workflow_run_id or review.run_id, here.workflow_namespace or "default"
        )
        address = (systems.annotations.url or systems.grafana or "").rstrip("/")
        try:
            await self._mark(f"{address}/api/annotations", systems.annotations, review, links)
        except NoAnswer as error:
            self._log.warning("not marked in Grafana", incident=incident, reason=error.reason)
        except (NotMarked, SecretMissing) as error:
            self._log.warning("not marked in Grafana", incident=incident, reason=str(error))

    async def _mark(self, url: str, settings: Annotations, review: Review, links: Iterable[Link]) -> None:
        headers = {"Authorization": f"Bearer {resolve(settings.token)}", "Accept": "application/json"}
        own = ("runbooks", f"run:{review.run_id}")
        query = httpx.QueryParams({"tags": own, "limit": 1})
        there = await self._send(Outgoing(f"{url}?{query}", headers=headers))
        try:
            if _FOUND.validate_json(there.whole(url)):
                return
        except ValidationError:
            raise NotMarked(f"what answers at {url} is not Grafana: correct the address") from None
        tags = [*own, review.alert.name, review.alert.service, review.outcome.value, *settings.tags]
        body: dict[str, object] = {
            "time": _milliseconds(review.began_at),
            "timeEnd": _milliseconds(review.began_at + review.resolved_after),
            "tags": bounded(tags),
            "text": text_of(review, links),
        }
        if settings.dashboard:
            body["dashboardUID"] = settings.dashboard
        (await self._send(Outgoing(url, "POST", headers=headers, json=body))).whole(url)

    async def _send(self, request: Outgoing) -> Answer:
        answer = await send(self._client, request, within=WITHIN, limit=LIMIT)
        if answer.status in (401, 403):
            raise NotMarked(
                f"Grafana refuses the token of systems.annotations ({answer.status}): "
                "make a service account with the role Editor, and write a token of it there"
            )
        return answer


def bounded(tags: Iterable[str]) -> list[str]:
    """Each once, cut where it is too long; the last ones left out where all are too much."""
    kept: list[str] = []
    for tag in dict.fromkeys(shorten(one, LONGEST_TAG) for one in tags):
        if len(json.dumps([*kept, tag]).encode()) <= LONGEST_TAGS:
            kept.append(tag)
    return kept


def text_of(review: Review, links: Iterable[Link]) -> str:
    """What Grafana shows as HTML: whatever an alert or a log says stays text."""
    took, cause = in_words(review.resolved_after), f", cause {review.cause}" if review.cause else ""
    lines = [
        f"<b>{_clean(review.incident)}</b>: {_clean(review.outcome.value)} after {took}{_clean(cause)}",
        _clean(shorten(review.summary, _LONGEST)),
        *(f'<a href="{escape(one.address)}">{_clean(one.says)}</a>' for one in links),
    ]
    return "<br>".join(filter(None, lines))


def _clean(text: str) -> str:
    return escape(visible(text, instead=" "))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
