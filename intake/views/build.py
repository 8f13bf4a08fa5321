"""Builds the pages for people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.routing import Route
from temporalio.client import Client

from intake.http.keys import Keys
from intake.views.board_page import BoardViews
from intake.views.deciding import Deciding
from intake.views.history import HistoryViews
from intake.views.links import LinkViews
from intake.views.live import Live
from intake.views.looks import Looks
from intake.views.pages import IncidentViews
from intake.views.review import Reviews
from intake.views.signing_in import SigningIn
from intake.views.visitors import Visitors
from models.configuration.configuration import Configuration
from runtime.incidents import Incidents, control_room
from runtime.overview.listed import Listed
from runtime.overview.states import States
from runtime.people.links import Links
from runtime.sessions.ended import Sessions


def views(
    client: Client,
    incidents: Incidents,
    keys: Keys,
    configuration: Callable[[], Configuration],
    draining: asyncio.Event,
) -> Sequence[Route]:
    """The routes; they come before those of the API, whose addresses they share for who asks for HTML."""
    visitors = Visitors(keys, Links(configuration), Sessions(client), configuration)
    looks = Looks(incidents, Listed(client), States(client, incidents), lambda: control_room(client))
    deciding, live = Deciding(incidents), Live(draining)
    pages = IncidentViews(
        looks,
        visitors,
        deciding,
        live,
        configuration,
        Reviews(client, configuration),
        client.namespace,
    )
    history = HistoryViews(looks, visitors, configuration)
    links = LinkViews(pages, visitors, looks, deciding, incidents, configuration)
    board = BoardViews(looks, visitors, live, configuration)
    rest = (*board.routes(), *links.routes(), *history.routes(), *SigningIn(visitors, configuration).routes())
    return [*pages.routes(), *rest]
