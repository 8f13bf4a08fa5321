"""Times from outside: every one has a zone, in every model, or what compares them would break."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError, create_model

import activities
import models
from models.base import Model
from models.evidence.deployment import Deployment

NAIVE = "2026-01-05T03:00:00"


def every_model() -> list[type[Model]]:
    """Every model of the product, also the ones that are written tomorrow."""
    for package in (models, activities):
        room = Path(str(package.__file__)).parent
        for path in room.rglob("*.py"):
            importlib.import_module(".".join(path.relative_to(room.parent).with_suffix("").parts))
    found: list[type[Model]] = []
    waiting = [Model]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.__subclasses__()
    return found


def has_a_time(annotation: Any) -> bool:
    return annotation is datetime or any(has_a_time(one) for one in typing.get_args(annotation))


TIMES = sorted(
    {
        (model.__module__, model.__name__, name)
        for model in every_model()
        for name, field in model.model_fields.items()
        if has_a_time(field.annotation)
    }
)

SHAPES: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    tuple: (lambda at: (at,), lambda told: told[0]),
    dict: (lambda at: {"start backend": at}, lambda told: told["start backend"]),
}
"""How a time stands in a field that holds several, and is read from it."""


@pytest.mark.parametrize(("module", "name", "field"), TIMES)
def test_no_time_without_a_zone_gets_in(module: str, name: str, field: str) -> None:
    model: type[Model] = getattr(importlib.import_module(module), name)
    told = model.model_fields[field]
    takes: Any = Annotated[told.annotation, *told.metadata] if told.metadata else told.annotation
    wrap, unwrap = SHAPES.get(typing.get_origin(told.annotation), (lambda at: at, lambda at: at))
    try:
        alone = create_model("Alone", __base__=Model, at=(takes, ...))
        read: Any = alone.model_validate({"at": wrap(NAIVE)})
    except ValidationError as refused:
        assert "timezone" in str(refused)
    else:
        assert unwrap(read.at).tzinfo is UTC


def test_a_deployment_without_a_zone_is_taken_as_utc() -> None:
    told = TypeAdapter(Deployment).validate_python({"service": "x", "version": "v2", "deployed_at": NAIVE})
    assert told.deployed_at == datetime(2026, 1, 5, 3, tzinfo=UTC)
