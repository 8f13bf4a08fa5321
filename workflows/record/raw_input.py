"""Input of a signal that anybody may have sent: read if it can be, and otherwise dropped."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import Model

M = TypeVar("M", bound=Model)


def read(model: type[M], said: Any) -> M | None:
    """What was said; None, and a line in the log, when it is not such a thing: it must break no run."""
    try:
        return model.model_validate(said)
    except ValidationError:
        workflow.logger.warning("a signal was ignored: its input is no %s", model.__name__)
        return None
