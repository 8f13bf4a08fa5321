"""The demo's Prometheus and Alertmanager configuration: templates, filled with free ports."""

from __future__ import annotations

from pathlib import Path
from string import Template

_HERE = Path(__file__).parent


def render(template: str, **values: object) -> str:
    """`template` of this directory with every `$name` filled in; a missing one is an error."""
    return Template((_HERE / template).read_text()).substitute(values)
