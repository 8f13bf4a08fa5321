"""`/openapi.json`: what the intake takes and answers, from the models that it really uses."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from intake.alerts.alertmanager import Accepted
from intake.alerts.payload import Envelope, ReceivedAlert
from intake.health import Ready
from intake.pages import Incidents200, Incoming, IncomingDecision, Told
from models.base import Model
from models.incident.incident import Decided, IncidentState

SHOWN: tuple[type[Model], ...] = (
    Accepted,
    Decided,
    Envelope,
    Incidents200,
    IncidentState,
    Incoming,
    IncomingDecision,
    Ready,
    ReceivedAlert,
    Told,
)
REFUSED = {
    "content": {
        "application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}
    }
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the intake."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in SHOWN], ref_template="#/components/schemas/{model}"
    )
    one = "/incidents/{alert}/{service}"
    tell = _operation("Tell an incident something", Told, Incoming, (401, 403, 404, 422, 503))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Durable runbooks: the intake", "version": "1"},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "paths": {
            "/v1/alertmanager": {
                "post": _operation(
                    "Take a webhook of Alertmanager", Accepted, Envelope, (401, 413, 415, 422, 503)
                )
            },
            "/incidents": {"get": _operation("List incidents", Incidents200, None, (401, 503))},
            one: {"get": _operation("Show one incident", IncidentState, None, (401, 404, 503))},
            f"{one}/decide": {
                "post": _operation(
                    "Approve or deny a plan", Decided, IncomingDecision, (401, 403, 404, 409, 422, 503)
                )
            },
            **{f"{one}/{message}": {"post": tell} for message in ("acknowledge", "note", "done")},
            "/readyz": {"get": _operation("Can alerts be taken?", Ready, None, (503,))},
        },
    }


def routes() -> list[Route]:
    described = document()

    async def show(_: Request) -> Response:
        return JSONResponse(described)

    return [Route("/openapi.json", show, methods=["GET"])]


def _operation(
    summary: str, answer: type[Model], body: type[Model] | None, refusals: tuple[int, ...]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "Done", **_content(answer)},
            **{str(status): {"description": "Refused, with a reason", **REFUSED} for status in refusals},
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, **_content(body)}
    return operation


def _content(model: type[Model]) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"content": {"application/json": {"schema": reference}}}
