"""Builds the intake's Starlette application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from temporalio.client import Client

from intake.alerts.alertmanager import AlertmanagerWebhook
from intake.alerts.dispatch import Dispatch
from intake.alerts.heartbeats import Heartbeats
from intake.health import HealthPages
from intake.http.about_incidents import status_of
from intake.http.answers import Stop, on_http_exception, on_stop, refusal
from intake.http.gate import Gate
from intake.http.keys import Keys
from intake.http.metrics import IntakeMetrics, Timed
from intake.http.openapi import describing
from intake.http.proxy import OnlyFromProxy
from intake.http.room import Room
from intake.pages import IncidentPages
from intake.proposals.api import ProposalPages
from intake.reports import ReportPages
from intake.slack.interactions import SlackInteractions
from intake.slack.presses import Presses
from intake.views.build import views
from models.configuration.configuration import Configuration
from runtime.alive.queues import Attended
from runtime.embedded_worker import EmbeddedWorker
from runtime.errors import Trouble
from runtime.incidents import Incidents
from runtime.people.signing import Signer


@dataclass(frozen=True)
class Itself:
    """What the intake knows about itself, and tells those who watch it."""

    metrics: IntakeMetrics
    heartbeats: Heartbeats
    attended: Attended
    """Whether workers poll."""
    worker: EmbeddedWorker | None = None
    """The one in the same process, if there is one."""
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is asked to end: what would stay open ends."""
    presses: Presses = field(default_factory=Presses)
    """What presses of buttons on Slack began."""
    problem: Callable[[], str] = str
    """What is wrong with the configuration file, or an empty string."""


def build(
    client: Client,
    dispatch: Dispatch,
    configuration: Callable[[], Configuration],
    keys: Keys,
    http: httpx.AsyncClient,
    itself: Itself,
) -> Starlette:
    """The application."""
    metrics, incidents = itself.metrics, Incidents(client, Signer(configuration))
    webhook = AlertmanagerWebhook(dispatch, configuration, keys, metrics, http, incidents, itself.heartbeats)
    routes = [
        *IncidentPages(incidents, keys).routes(),
        *ProposalPages(incidents, keys).routes(),
        *ReportPages(configuration, keys).routes(),
        *HealthPages(
            client, configuration, itself.attended, itself.problem, itself.worker, metrics, keys
        ).routes(),
    ]
    alerts = webhook.routes()
    slack = SlackInteractions(incidents, configuration, http, itself.presses).routes()
    pages = views(client, incidents, keys, configuration, itself.draining)
    app = Starlette(
        # In a storm most requests are alerts, so they are looked for first.
        routes=[*alerts, *pages, *slack, *routes, describing([*alerts, *routes])],
        middleware=[
            Middleware(Timed, metrics=metrics),
            Middleware(OnlyFromProxy, configuration=configuration),
            Middleware(Gate, only_this_machine=keys.sender is None),
            Middleware(Room),
        ],
        exception_handlers={Stop: on_stop, Trouble: on_trouble, HTTPException: on_http_exception},
    )
    app.router.redirect_slashes = False  # a redirect would lead to whatever host the request names
    return app


async def on_trouble(_: Request, error: Exception) -> Response:
    """An error of Temporal or of the incident, as a status: 503 when a retry may help."""
    status = status_of(error)
    return refusal(status, str(error), {"retry-after": "5"} if status == 503 else None)
