"""The alerts that Alertmanager left out of a webhook because `max_alerts` cut it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import httpx
from pydantic import ValidationError

from intake.alerts.payload import MAX_ALERTS, ReceivedAlert

ASK_WITHIN = 5.0


class NotFetched(Exception):
    """Alertmanager did not say what it left out: whoever sent the rest must send it again."""


async def fetch_rest(
    client: httpx.AsyncClient,
    alertmanager: str,
    group_labels: Mapping[str, str],
    known: Collection[str],
) -> list[ReceivedAlert]:
    """The firing alerts of a group that are not among the `known` fingerprints. Raises NotFetched."""
    filters = [f"{name}={_quoted(value)}" for name, value in group_labels.items()]
    params = {"active": "true", "silenced": "false", "inhibited": "false", "filter": filters}
    try:
        answer = await client.get(f"{alertmanager}/api/v2/alerts", params=params, timeout=ASK_WITHIN)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise NotFetched(f"{alertmanager} did not list the alerts that it left out") from error
    except httpx.InvalidURL as error:  # not an HTTPError; long group labels do not fit into an address
        reason = f"{alertmanager} cannot be asked for the alerts that it left out: {error}"
        raise NotFetched(reason) from error
    if not isinstance(found, list):
        raise NotFetched(f"{alertmanager} answered something else than a list of alerts")
    rest: list[ReceivedAlert] = []
    for one in found[:MAX_ALERTS]:
        if not isinstance(one, dict) or one.get("fingerprint") in known:
            continue
        try:
            rest.append(ReceivedAlert.model_validate({**one, "status": "firing", "endsAt": None}))
        except ValidationError:
            continue  # it would be refused in a webhook too, and Alertmanager counts it there
    return rest


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
