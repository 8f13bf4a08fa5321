"""The history: incidents of the last days out of the store, with search; also what Temporal has forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intake.http.answers import Stop
from intake.views.looks import Looks
from intake.views.rendering import rendered, text_of
from intake.views.routes import Page
from intake.views.signing_in import asked
from intake.views.visitors import Visitors
from models.configuration.configuration import Configuration
from runtime.past.review_part import time_part
from runtime.past.samples import section_of
from runtime.store.opening import database_of
from runtime.store.reading import NARROWED, Found, Search, StoredIncidents

SHOWN_DAYS = 30
LONGEST_FILTER = 200
_RUN = re.compile(r"[A-Za-z0-9-]{1,80}")
_PAGE = re.compile(r"[1-9][0-9]{0,3}")


class HistoryViews:
    """What is stored, as pages. Reading needs a visitor who signed in, where there is a token."""

    def __init__(self, looks: Looks, visitors: Visitors, configuration: Callable[[], Configuration]) -> None:
        self._looks = looks
        self._visitors = visitors
        self._configuration = configuration

    def routes(self) -> Sequence[Route]:
        return [Page("GET", "/history", self.history), Page("GET", "/history/{run}", self.one)]

    async def history(self, request: Request) -> Response:
        visitor = await self._visitors.of(request)
        if visitor is None:
            return asked("/history")
        fields = _fields(request.query_params)
        since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        search = Search(since=since - timedelta(days=SHOWN_DAYS), closed=True, **fields)
        total, written = await self._looks.stored(("history", search), lambda: self._written(search, fields))
        return rendered("history.html", visitor=visitor, total=total, written=written)

    async def _written(self, search: Search, fields: Mapping[str, str | int]) -> tuple[int, Markup]:
        """How many were found, and what everybody sees of them."""
        found: Found = await self._stored.find(search)
        narrowed = {name: value for name, value in fields.items() if name != "page" and value}
        written = text_of(
            "history_found.html",
            found=found,
            search=search,
            filters=NARROWED,
            days=SHOWN_DAYS,
            page_at=lambda page: f"/history?{urlencode({**narrowed, 'page': page})}",
        )
        return found.total, written

    async def one(self, request: Request) -> Response:
        visitor = await self._visitors.of(request)
        run = request.path_params["run"]
        if not _RUN.fullmatch(run):
            raise Stop(404, "there is no such incident in the store")
        if visitor is None:
            return asked(f"/history/{run}")
        stored = await self._stored.firing(run)
        if stored is None:
            raise Stop(404, "there is no such incident in the store")
        state, review = await self._stored.state(stored), await self._stored.review(run)
        samples = section_of(state.probes)
        time = time_part(review) if review else ""
        return rendered(
            "stored.html", visitor=visitor, one=stored, state=state, review=review, samples=samples, time=time
        )

    @property
    def _stored(self) -> StoredIncidents:
        return StoredIncidents(database_of(self._configuration()))


def _fields(query: QueryParams) -> dict[str, str | int]:
    """What a person narrows it down to."""
    texts = {name: query.get(name, "").strip()[:LONGEST_FILTER] for name in (*NARROWED, "words")}
    page = query.get("page", "")
    return {**texts, "page": int(page) if _PAGE.fullmatch(page) else 1}
