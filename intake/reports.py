"""`/checks/…`: the stored reports of the checks, to be read and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

from intake.http.answers import Stop
from intake.http.keys import Keys
from intake.http.openapi import Endpoint
from models.configuration.configuration import Configuration
from runtime.reports import stored_report

_TYPES = {".html": "text/html", ".md": "text/markdown", ".json": "application/json"}
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-cache",
}


class ReportPages:
    """The files that the worker wrote, where this process sees them. Reading needs any token.

    A browser asks for it as a password, with any user name.
    """

    def __init__(self, configuration: Callable[[], Configuration], keys: Keys) -> None:
        self._configuration = configuration
        self._keys = keys

    def routes(self) -> Sequence[Endpoint]:
        path = "/checks/{check}/{file}"
        return [Endpoint("GET", path, self.show, "A stored report of a check", None, refusals=(401, 404))]

    async def show(self, request: Request) -> Response:
        self._keys.admit_reader(request)
        check, file = request.path_params["check"], request.path_params["file"]
        content = await asyncio.to_thread(stored_report, self._configuration(), check, file)
        if content is None:
            raise Stop(404, "there is no such report on this machine, or it was removed as one of the oldest")
        return Response(content, media_type=_TYPES[PurePosixPath(file).suffix], headers=HEADERS)
