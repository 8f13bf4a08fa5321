"""HTML from templates: whatever an alert or a log says stays text."""

from __future__ import annotations

from functools import partial

from jinja2 import BaseLoader, Environment, StrictUndefined

from models.text import visible


def templates(loader: BaseLoader, kept: str = "") -> Environment:
    """The templates of a loader. `kept` are the control characters that a text may have."""
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=partial(_clean, kept),
    )


def _clean(kept: str, value: object) -> object:
    """Text without control, direction and zero-width characters; escaping comes after it."""
    return visible(value, instead=" ", kept=kept) if type(value) is str else value
