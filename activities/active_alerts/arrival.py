"""Whether what Prometheus fires arrives in Alertmanager: a wrong address there looks as if all were well."""

from __future__ import annotations

from collections.abc import Collection

from activities.monitoring.metrics import QueryByLabel
from activities.monitoring.prometheus import Prometheus
from models.text import shorten

FIRING = 'ALERTS{alertstate="firing"}'
LONG_ENOUGH = "5m"
"""Prometheus sends a firing alert at once and then every minute."""
MOST_ALERTS = 100
MOST_NAMED = 5


async def never_arrived(prometheus: Prometheus, url: str, arrived: Collection[str]) -> str:
    """What fires for minutes and is not in Alertmanager, in one sentence; empty when nothing is missing.

    Also empty where Prometheus cannot be asked: then its own item says so.
    """
    query = f"count by (alertname) ({FIRING} and {FIRING} offset {LONG_ENOUGH})"
    firing = await prometheus.query_by_label(
        QueryByLabel(url=url, query=query, label="alertname", top=MOST_ALERTS)
    )
    missing = sorted({one.label for one in firing.values} - set(arrived))
    if not missing:
        return ""
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    named = shorten(", ".join(missing[:MOST_NAMED]), 300)
    return (
        f"Prometheus fires {named}{more} for over {LONG_ENOUGH}, and Alertmanager does not have it:"
        " look at `alerting` in prometheus.yml"
    )
