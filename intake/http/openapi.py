"""`/openapi.json`: each route says what it takes and answers, and the document is made of that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.base import Model

_SCHEMAS = "#/components/schemas/{model}"
_REFUSED = {
    "description": "Refused, with a reason",
    "content": {
        "application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}
    },
}


class Endpoint(Route):
    """One route with what it is for, its models, and the statuses that it refuses with.

    One that never refuses with 401 takes no token. `answer` is None for plain text.
    """

    def __init__(
        self,
        method: str,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        summary: str,
        answer: type[Model] | None,
        *,
        body: type[Model] | None = None,
        refusals: Sequence[int] = (),
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.method = method.lower()
        self.summary = summary
        self.models = tuple(filter(None, (answer, body)))
        self.answer = answer
        self.body = body
        self.refusals = refusals

    def operation(self) -> dict[str, Any]:
        """The Operation Object of OpenAPI."""
        done = {"description": "Done", "content": _content(self.answer)}
        operation: dict[str, Any] = {
            "summary": self.summary,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in self.param_convertors
            ],
            "responses": {"200": done, **{str(status): _REFUSED for status in self.refusals}},
        }
        if self.body is not None:
            operation["requestBody"] = {"required": True, "content": _content(self.body)}
        if 401 not in self.refusals:
            operation["security"] = []
        return operation


def document(routes: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 description of these routes."""
    models = sorted({model for route in routes for model in route.models}, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_SCHEMAS)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = route.operation()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Durable runbooks: the intake", "version": "1"},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "paths": paths,
    }


def describing(routes: Sequence[Endpoint]) -> Route:
    """The route that answers with the document of the others."""
    described = document(routes)

    async def show(_: Request) -> Response:
        return JSONResponse(described)

    return Route("/openapi.json", show, methods=["GET"])


def _content(model: type[Model] | None) -> dict[str, Any]:
    if model is None:
        return {"text/plain": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"$ref": _SCHEMAS.format(model=model.__name__)}}}
