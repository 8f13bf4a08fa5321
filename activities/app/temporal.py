"""The application's own Temporal: one short connection for each look or action, and links to its web
interface. It is not the Temporal that runs the incidents, and it may come and go without the worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from temporalio.client import Client, WorkflowExecution
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from activities.support.redaction import clean
from models.base import in_words
from models.service.surroundings import AppTemporal

_SCHEDULE = SearchAttributeKey.for_keyword("TemporalScheduledById")
_NOT_IN_A_QUERY = frozenset("'\"`\\")


class TemporalAway(Exception):
    """The application's Temporal cannot be asked. The text is one sentence, without secrets."""


@asynccontextmanager
async def connected(temporal: AppTemporal, within: timedelta) -> AsyncIterator[Client]:
    """A client of the application's Temporal; connecting and all that is asked is over `within` that time.

    Raises `TemporalAway`.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield await Client.connect(temporal.address, namespace=temporal.namespace)
    except TimeoutError:
        reason = f"no answer within {in_words(within)} from Temporal at {temporal.address}"
        raise TemporalAway(reason) from None
    except (RPCError, RuntimeError) as error:  # the SDK connects with a RuntimeError
        reason = f"Temporal at {temporal.address} cannot be asked: {clean(str(error), 160)}"
        raise TemporalAway(reason) from error


def in_query(at: datetime) -> str:
    """A time as a visibility query writes it."""
    return f"'{at:%Y-%m-%dT%H:%M:%S.%fZ}'"


def can_be_queried(name: str) -> bool:
    """Whether a name of the application's can stand in a query: a quotation mark would end it there."""
    return bool(name) and not _NOT_IN_A_QUERY & set(name)


def started_by(one: WorkflowExecution) -> str:
    """The schedule that started it; empty when none did."""
    return clean(str(one.typed_search_attributes.get(_SCHEDULE) or ""), 200)


def link_to_run(temporal: AppTemporal, workflow_id: str, run_id: str) -> str:
    """One run in the web interface; empty where none is configured."""
    return _link(temporal, f"workflows/{quote(workflow_id, safe='')}/{run_id}/history")


def link_to_query(temporal: AppTemporal, query: str) -> str:
    """All that a query finds, in the web interface; empty where none is configured."""
    return _link(temporal, f"workflows?{urlencode({'query': query})}")


def _link(temporal: AppTemporal, page: str) -> str:
    if not temporal.ui:
        return ""
    return f"{temporal.ui}/namespaces/{quote(temporal.namespace, safe='')}/{page}"
