"""The board as a page: made once for everybody who looks at the same one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cachetools import LRUCache
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intake.http.answers import Stop
from intake.views.board import A_PAGE, SHOWN_DAYS, Board, Filters, Past, banners, board
from intake.views.live import Live, mark_of
from intake.views.looks import Looks, Standing
from intake.views.rendering import rendered, text_of
from intake.views.routes import Page
from intake.views.signing_in import asked
from intake.views.visitors import Visitors, viewer
from models.configuration.configuration import Configuration
from runtime.store.database import StoreAway, StoreEmpty
from runtime.store.opening import database_of
from runtime.store.reading import StoredIncidents

STORE_WITHIN = 3.0
"""Seconds: a store that does not answer keeps nobody from what is open."""
WRITTEN_FRESH = 5.0
"""Seconds after which a board that did not change is written anew: it says how long ago things were."""
MOST_KEPT = 60


@dataclass
class _Made:
    """One board, and of what it was made."""

    standing: Standing
    past: Past
    banners: Sequence[str]
    board: Board
    mark: str
    written: Markup = Markup()  # noqa: RUF009 - it is empty, and never changes
    written_at: float = 0.0


class BoardViews:
    """The board. Reading needs a visitor who signed in, where there is a token."""

    def __init__(
        self, looks: Looks, visitors: Visitors, live: Live, configuration: Callable[[], Configuration]
    ) -> None:
        self._looks = looks
        self._visitors = visitors
        self._live = live
        self._configuration = configuration
        self._made: LRUCache[Filters, _Made] = LRUCache(MOST_KEPT)

    def routes(self) -> Sequence[Route]:
        return [Page("GET", "/", self.board), Route("/live", self.follow, methods=["GET"])]

    async def board(self, request: Request) -> Response:
        visitor = await self._visitors.of(request)
        if visitor is None:
            return asked("/")
        filters = Filters.of(request.query_params)
        made = await self._now(filters)
        return rendered(
            "board.html", visitor=visitor, total=made.board.total, written=_written(made, filters)
        )

    async def follow(self, request: Request) -> Response:
        visitor = await self._visitors.of(request)
        if visitor is None:
            raise Stop(401, "sign in first, at /sign-in")
        filters = Filters.of(request.query_params)

        async def mark() -> str:
            return (await self._now(filters, fresh=True)).mark

        return self._live.follow(viewer(request, visitor), mark)

    async def _now(self, filters: Filters, *, fresh: bool = False) -> _Made:
        # One after the other: both are known as a rule, and a task for each would wait for turns of the loop.
        standing = await self._looks.standing(fresh=fresh)
        past = await self._looks.stored(("board", filters.search), lambda: self._past(filters))
        says = banners(standing.room, self._configuration().dry_run, datetime.now(UTC), standing.left_out)
        made = self._made.get(filters)
        if made is None or made.standing is not standing or made.past is not past or made.banners != says:
            shown = board(standing.lines, standing.states, past, filters)
            made = self._made[filters] = _Made(standing, past, says, shown, _mark_of(shown, says))
        self._looks.shows(filters, frozenset(row.line.run_id for row in made.board.open))
        return made

    async def _past(self, filters: Filters) -> Past:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        search = filters.search.model_copy(update={"since": today - timedelta(days=SHOWN_DAYS)})
        try:
            async with asyncio.timeout(STORE_WITHIN):
                found = await StoredIncidents(database_of(self._configuration())).find(search, A_PAGE)
        except TimeoutError:
            return Past(away="the incident store does not answer in time")
        except StoreEmpty:
            return Past()
        except StoreAway as error:
            return Past(away=str(error))
        return Past(found.rows, found.total, found.choices)


def _written(made: _Made, filters: Filters) -> Markup:
    """What everybody sees of it. A change makes a new board: this one is written anew for its times."""
    now = time.monotonic()
    if not made.written or now - made.written_at > WRITTEN_FRESH:
        made.written_at = now
        made.written = text_of(
            "board-main.html",
            board=made.board,
            banners=made.banners,
            filters=filters,
            mark=made.mark,
            live=f"/live?{filters.at(filters.page)}",
        )
    return made.written


def _mark_of(shown: Board, says: Sequence[str]) -> str:
    lines = [*(row.line for row in shown.open), *(one.line for one in shown.closed)]
    rows = [line.model_dump_json() for line in lines]
    states = [row.state.model_dump_json() for row in shown.open if row.state]
    counts = (shown.total, shown.page, shown.past.total, shown.past.away)
    return mark_of(*says, *map(str, counts), *rows, *states)
