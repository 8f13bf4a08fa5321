"""The shipped dashboard, as Grafana's API takes it."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import httpx
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

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


def take(request: Request) -> Response:
    """`POST /api/dashboards/db`, as documented."""
    if request.headers.get("Authorization") != "Bearer token":
        return Response(json.dumps({"message": "Unauthorized"}), status=401)
    dashboard = request.get_json()["dashboard"]
    if wrong := wrong_with(dashboard):
        return Response(json.dumps({"message": wrong}), status=400)
    answer = {"id": 1, "uid": dashboard["uid"], "status": "success", "version": 1}
    return Response(json.dumps(answer), content_type="application/json")


def test_grafana_takes_it(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/dashboards/db", method="POST").respond_with_handler(take)
    body = {"dashboard": json.loads(DASHBOARD.read_text()), "overwrite": True}
    headers = {"Authorization": "Bearer token"}
    answer = httpx.post(httpserver.url_for("/api/dashboards/db"), json=body, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    doubled = {**body["dashboard"], "panels": body["dashboard"]["panels"] * 2}
    assert wrong_with(doubled) == "two panels have one id"


def test_each_panel_says_what_it_shows() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert all(one["title"] and one["targets"] for one in panels)
    assert all(target["legendFormat"] for one in panels for target in one["targets"])
