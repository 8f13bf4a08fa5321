"""The shipped dashboard, as Grafana's API takes it."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx

from demo.systems.product import new_token
from demo.systems.surroundings import Standin
from tests.integration.alive.test_alive import DASHBOARD

COLUMNS = 24


def overlap(one: dict[str, int], two: dict[str, int]) -> bool:
    across = one["x"] < two["x"] + two["w"] and two["x"] < one["x"] + one["w"]
    return across and one["y"] < two["y"] + two["h"] and two["y"] < one["y"] + one["h"]


def wrong_with(dashboard: dict[str, Any]) -> str:
    """What Grafana answers 400 for, or shows as a broken page."""
    if (
        not dashboard.get("title")
        or not 0 < len(dashboard.get("uid", "")) <= 40
        or dashboard.get("id") is not None
    ):
        return "a new dashboard has a title, a uid of at most 40 characters, and no id"
    panels = dashboard["panels"]
    if len({one["id"] for one in panels}) != len(panels):
        return "two panels have one id"
    places = [one["gridPos"] for one in panels]
    if any(one["x"] + one["w"] > COLUMNS for one in places) or any(
        overlap(*two) for two in combinations(places, 2)
    ):
        return "a panel is not in its place"
    known = {f"${{{one['name']}}}" for one in dashboard["templating"]["list"]}
    used = {one["datasource"]["uid"] for one in panels}
    return "" if used <= known else f"no such data source: {used - known}"


async def test_grafana_takes_it_and_gives_it_back(tmp_path: Path) -> None:
    token, dashboard = new_token(tmp_path), json.loads(DASHBOARD.read_text())
    async with Standin("grafana", tmp_path, str(token)) as grafana:
        headers = {"Authorization": f"Bearer {token.read_text()}"}
        async with httpx.AsyncClient(base_url=grafana.url, headers=headers, trust_env=False) as client:
            body = {"dashboard": dashboard, "overwrite": True}
            for version in (1, 2):
                answer = await client.post("/api/dashboards/db", json=body)
                assert (answer.status_code, answer.json()["version"]) == (200, version)
            kept = (await client.get("/api/dashboards/uid/runbooks")).json()["dashboard"]
    assert kept["panels"] == dashboard["panels"]


def test_nothing_in_it_is_out_of_place() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert wrong_with(dashboard) == ""
    assert wrong_with({**dashboard, "panels": dashboard["panels"] * 2}) == "two panels have one id"


def test_each_panel_says_what_it_shows() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert all(one["title"] and one["targets"] for one in panels)
    assert all(target["legendFormat"] for one in panels for target in one["targets"])
