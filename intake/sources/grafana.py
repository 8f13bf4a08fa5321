"""What Grafana's own alerts say beside what Alertmanager's do, as it is understood here.

An alert of a rule whose query found no data, or failed, is named `DatasourceNoData` or `DatasourceError`.
It carries the words of its rule, which are not true: nobody knows how the service is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.text import shorten

_BLIND = {"DatasourceNoData": "got no data", "DatasourceError": "could not be evaluated"}
_WORDS = ("summary", "description", "message")
_LONGEST = 500


def understood(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, with the values of the rule as an annotation; a blind rule says that it is blind."""
    labels, annotations = alert.get("labels"), alert.get("annotations")
    if not isinstance(labels, dict) or not isinstance(annotations, dict | None):
        return alert
    said: dict[str, Any] = dict(annotations or {})
    name = labels.get("alertname")
    if isinstance(name, str) and name in _BLIND:
        said = {key: text for key, text in said.items() if key not in _WORDS}
        rule = shorten(str(labels.get("rulename") or "its rule"), _LONGEST)
        blind = f"Monitoring is blind: {rule} {_BLIND[name]} in Grafana."
        said = {"summary": f"{blind} It says nothing about the service.", **said}
    values = alert.get("valueString")
    if isinstance(values, str) and values.strip(" []"):
        said.setdefault("values", shorten(values, _LONGEST))
    return {**alert, "annotations": said}
